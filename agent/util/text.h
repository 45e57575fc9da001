/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: is it UTF-8, and how to show it. What controls a terminal or changes the direction of writing
 * never reaches one, nor a log. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The offset of the first byte that is not part of well-formed UTF-8; `size` when all is well. */
size_t text_utf8_valid(const char *text, size_t size);

/* The length in bytes of the character at `text` and its code point; 0: it is no well-formed UTF-8. */
size_t text_decode(const char *text, size_t size, uint32_t *ret);

/* May the character go to a terminal or a log? Not control characters, nor what changes the direction of writing. */
bool text_is_fit(uint32_t code);

/* In place: a `?` for each character that is not fit and each byte that is not UTF-8. */
void text_defang(char *text);

#define TEXT_SHOWN_MAX 96

/* Where the PIN begins that a URI of a key on a card holds; NULL: it is none, or has none. */
const char *text_pin(const char *text);

/* Writes an excerpt of `text` that is fit for one line of a message, and returns it: a plain word as it is,
 * anything else in double quotes, what is not fit as \xNN, a long text cut with "…", and a URI before its PIN. */
const char *text_show(const char *text, char shown[static TEXT_SHOWN_MAX]);

/* A word of [a-z0-9_-], 1 to 64 characters, that begins with a letter or digit: a node's or a device's. */
bool text_is_id(const char *text);

/* A word of [a-z0-9_], 1 to 64 characters, that begins with a letter: a channel's. */
bool text_is_key(const char *text);

/* As hexadecimal digits in lower case, with a NUL: 2 * size + 1 bytes of room. */
void text_hex(const void *bytes, size_t size, char *ret);

#define TEXT_DECIMAL_MAX 20

/* As decimal digits, with no NUL: gives how many. For what happens with each command, where printf() costs much of it. */
size_t text_decimal(uint64_t number, char text[static TEXT_DECIMAL_MAX]);

/* Appends a word to "a, b, c", which is cut where it is longer than its memory. */
void text_list_add(char *list, size_t size, const char *word);

/* FNV-1a, for what only must differ most of the time; goes on with another hash. */
#define HASH_BEGIN 0xcbf29ce484222325ULL
uint64_t bytes_hash(uint64_t hash, const void *data, size_t size);
uint64_t text_hash(uint64_t hash, const char *text);
