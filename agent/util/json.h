/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as the agent writes it: a growing buffer with writers that escape and punctuate. Jansson reads; what has to be
 * known of a payload before that is here too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/macro.h"

/* A text under construction. Zeroed is empty. Lack of memory sticks in `failed`, so that only the end needs a check. */
struct json_text {
        char *data; /* not terminated */
        size_t size, capacity;
        bool failed;
};

void json_text_done(struct json_text *text);
static inline void json_text_reset(struct json_text *text)
{
        text->size = 0;
        text->failed = false;
}

void json_put_raw(struct json_text *text, const char *raw, size_t size);
#define json_put_literal(text, literal) json_put_raw(text, "" literal, sizeof(literal) - 1)
void json_put_string(struct json_text *text,
                     const char *string);                   /* quoted, escaped; what is not UTF-8 becomes U+FFFD */
void json_put_key(struct json_text *text, const char *key); /* with a comma before it where one is due */
void json_put_open(struct json_text *text, char bracket);   /* '{' or '[', with a comma where one is due */
void json_put_item(struct json_text *text);                 /* the comma before an element, where one is due */
void json_put_integer(struct json_text *text, int64_t number);
/* The shortest text that reads back as the same double: 21.3 stays 21.3. Not finite: null. */
void json_put_number(struct json_text *text, double number);

#define JSON_NUMBER_MAX 32
void json_number_text(double number, char text[static JSON_NUMBER_MAX]);

/* How deep what may be JSON is nested, and how many keys and elements it has at the most. Never recurses. */
struct json_shape {
        unsigned depth;
        size_t items;
};
struct json_shape json_shape(const char *text, size_t size);

/* A number in JSON's own grammar and nothing around it; false for any other text and for what no double holds. */
bool json_parse_number(const char *text, size_t size, double *ret);

/* Well-formed UTF-8 without NUL. */
bool utf8_is_valid(const char *text, size_t size);

#define CLEANUP_JSON_TEXT __attribute__((cleanup(json_text_done)))
