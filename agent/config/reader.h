/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one config file, checked as a whole, and handed out line by line. */
#pragma once

#include <stdbool.h>

#include "config/problems.h"
#include "util/file.h"

#define READER_FILE_MAX (1024U * 1024U)
#define READER_LINE_MAX (64U * 1024U)

struct reader {
        struct file file;
        char *next;
        unsigned line; /* number of the line that was handed out last */
};

/* Reads the file and checks all of it: size, line lengths, no NUL, UTF-8, line ends. What is wrong goes to
 * `problems` (the first fault alone: one bad byte makes many) and the result is -EINVAL; -ENOENT when there
 * is no such file, for which no problem is added; -ENOMEM. */
int reader_open(const char *path, struct problems *problems, struct reader *ret) MUST_CHECK;
void reader_close(struct reader *reader);

/* The next line without its end, as a string that stays valid until reader_close(); NULL at the end. A copy
 * of the struct remembers a place: assigning it back reads on from there. */
char *reader_line(struct reader *reader);
