/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files into memory, without ever hanging on what is not a file. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "util/fault.h"

struct file {
        char *data; /* followed by a NUL that is not counted */
        size_t size;
        struct stat status;
};

/* Reads a regular file of at most max_bytes. The fault's text begins with a verb and does not name the file:
 * "cannot be read: …". -EINVAL not a regular file, -EFBIG too large, or the errno of open and read. */
int file_read(const char *path, size_t max_bytes, struct file *ret, struct fault *fault) MUST_CHECK;
/* Whether file_read() could begin, for a caller whose library would wait for a FIFO for ever. */
int file_check(const char *path, struct fault *fault) MUST_CHECK;
void file_done(struct file *file);

/* A new file of root's in a service's directory would be in the service's way: it gets the directory's owner. */
void file_give_to_owner(int fd, const char *path);
