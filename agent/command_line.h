/* SPDX-License-Identifier: Apache-2.0 */
/* sconced's arguments: one table reads them, prints --help, and makes the man page. */
#pragma once

#include <stdio.h>

#include "config/describe.h"
#include "modes.h"

struct command_line {
        struct mode_options options;
        int (*mode)(const struct mode_options *options); /* NULL: run the agent */
        const char *mode_name;
        int log_level;
};

/* 0 to go on, 1 when all is done already (--help), -EINVAL when what is wrong has been printed. */
int command_line_read(int argc, char *argv[], struct command_line *ret) MUST_CHECK;
void command_line_describe(enum describe_form form, FILE *out);
