/* SPDX-License-Identifier: Apache-2.0 */
/* A node's tar: a handful of small plain files, in the POSIX format (ustar). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/fault.h"

struct tar_member {
        const char *name;
        const void *data;
        size_t size;
};

/* One block of memory that the caller frees. */
int tar_pack(const struct tar_member *members, size_t count, void **ret, size_t *ret_size, struct fault *fault)
        MUST_CHECK;
/* Reads an archive of exactly the named plain files, in any order; their data points into it. -EINVAL: it is none, or holds
 * something else; -ENOTSUP: one of them is no plain file. */
int tar_read(const void *data, size_t size, struct tar_member *members, size_t count, struct fault *fault) MUST_CHECK;
