/* SPDX-License-Identifier: Apache-2.0 */
/* What was typed: one command, its words, and the options, which may stand anywhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/describe.h"
#include "util/fault.h"

struct client_command;

struct arguments {
        const struct client_command *command; /* NULL: none was given */
        const char *config;                   /* NULL: to be looked for */
        const char *output;                   /* NULL: standard output */
        const char *timeout;                  /* as typed; NULL: the default */
        uint64_t timeout_us;
        const char *channel; /* NULL: all */
        bool day, week, ascii;
        const char *since; /* as typed; NULL: the default */
        uint64_t since_us;
        bool follow, csv;
        bool json, verbose, help, version;
        char **words; /* after the command; borrowed from argv, which is put in order for it */
        size_t count;
};

/* The commands end with NULL. -EINVAL with the reason, which ends in what to do. */
int arguments_read(int argc, char **argv, const struct client_command *const *commands, struct arguments *ret,
                   struct fault *fault) MUST_CHECK;

/* The help for all commands, or (with `command`) for one. */
void arguments_help(FILE *out, const struct client_command *const *commands, const struct client_command *command);
/* The rows of both tables, for the manual. */
void arguments_describe_options(enum describe_form form, FILE *out);
void arguments_describe_commands(const struct client_command *const *commands, enum describe_form form, FILE *out);
