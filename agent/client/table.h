/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of JSON objects, shown as a table for people or as they are for programs. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "util/macro.h"

struct table_column {
        const char *heading;
        const char *key; /* of the row's member */
        bool right;      /* numbers */
        bool cut;        /* may be cut short where the terminal is too narrow */
};

/* The array of rows; the columns end with a heading of NULL. With `as_json` the array itself is written,
 * every member. */
int table_print(FILE *out, json_t *rows, const struct table_column *columns, bool as_json) MUST_CHECK;

/* A value on one line, fit for a terminal: strings as they are, null and nothing as "", the rest as JSON. free() it. */
char *table_text(const json_t *value) MUST_CHECK;

/* One line of JSON, or many, and a newline. */
int table_json(FILE *out, const json_t *value, bool indented) MUST_CHECK;
