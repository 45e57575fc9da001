/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables for people: --describe, the man pages and the docs print the same rows. */
#pragma once

#include <sconce/plugin.h>
#include <stdio.h>

enum describe_form {
        DESCRIBE_TEXT,     /* for a terminal */
        DESCRIBE_MARKDOWN, /* a table for docs/ */
        DESCRIBE_ROFF,     /* paragraphs for man pages */
};

/* One table's rows. In Markdown several calls make one table: options_describe_head() begins it. */
void options_describe(FILE *out, const struct sconce_option *rows, enum describe_form form);
void options_describe_head(FILE *out, enum describe_form form);

/* A heading, such as "[broker]", as deep as sections of the config stand. */
void describe_heading(FILE *out, const char *text, enum describe_form form);
/* A row of a table with three columns, or a paragraph. The first of a Markdown table's is its head. */
void describe_item(FILE *out, const char *term, const char *is, const char *help, enum describe_form form);
/* Text that is laid out already, escaped. */
void describe_line(FILE *out, const char *text, enum describe_form form);
