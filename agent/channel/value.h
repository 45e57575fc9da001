/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a channel, as the host keeps it: its text is owned, and its memory used again. */
#pragma once

#include <sconce/plugin.h>
#include <stddef.h>

#include "util/json.h"

struct value {
        enum sconce_value_type type;
        bool on;
        double number;
        char *text;
        size_t capacity;
};

bool value_differs(const struct value *value, const struct sconce_value *from);
int value_set(struct value *value, const struct sconce_value *from) MUST_CHECK;
/* Borrows the text. */
struct sconce_value value_view(const char *key, const struct value *value);

/* As saved, after a word: "switch ON", "number 21.5"; free() it; NULL: it is not known, or there is no memory. */
char *value_to_text(const char *word, const struct value *value);
/* And back, without the word; borrows the text. */
int value_parse(enum sconce_value_type type, const char *text, struct sconce_value *ret) MUST_CHECK;

/* As JSON, which the kind chooses; of a value that is known. */
void value_write_on_off(const struct value *value, struct json_text *out);
void value_write_number(const struct value *value, struct json_text *out);
void value_write_text(const struct value *value, struct json_text *out);
void value_write_list(const struct value *value, struct json_text *out); /* one item a line */
