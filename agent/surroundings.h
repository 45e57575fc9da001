/* SPDX-License-Identifier: Apache-2.0 */
/* What `sconced --check` sees beside the config: files that it names and that are missing, or that the service's user
 * cannot read. None of it makes the config wrong, which may be written before the certificates come. */
#pragma once

#include <sys/types.h>

#include "config/builtin.h"
#include "util/fault.h"

/* Whose rights count: the service's user with all of its groups. */
struct reader_rights {
        uid_t user;
        gid_t groups[64];
        int n_groups;
};

/* By the modes of the file and of the directories above it; the fault's text names the one that is in the way. */
int surroundings_readable(const char *path, const struct reader_rights *rights, struct fault *fault) MUST_CHECK;

/* "FILE:LINE: [tls] ca: …" */
void surroundings_check(const struct config *config, const struct settings *settings, struct problems *warnings);
