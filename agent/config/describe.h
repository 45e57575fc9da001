/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables for people: --describe, the man pages and the docs print the same rows. */
#pragma once

#include <sconce/plugin.h>
#include <stdio.h>

enum describe_form {
        DESCRIBE_TEXT,     /* for a terminal */
        DESCRIBE_MARKDOWN, /* a table for docs/ */
};

/* One table's rows. In Markdown several calls make one table: options_describe_head() begins it. */
void options_describe(FILE *out, const struct sconce_option *rows, enum describe_form form);
void options_describe_head(FILE *out, enum describe_form form);
