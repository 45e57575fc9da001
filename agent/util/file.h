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

/* Makes the file again, with the mode and owner of the file `like` as far as we may, and has it on the disk: to be renamed
 * then. The fault's text names the file; on failure there is none. */
int file_write(const char *path, const char *like, const char *text, struct fault *fault) MUST_CHECK;
/* rename(2), and on the disk before it returns where the file system can. */
int file_rename(const char *from, const char *to, struct fault *fault) MUST_CHECK;

/* A new file of root's in a service's directory would be in the service's way: it gets the directory's owner. */
void file_give_to_owner(int fd, const char *path);
