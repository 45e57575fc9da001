/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: is it UTF-8, and how to show it in a message. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The offset of the first byte that is not part of well-formed UTF-8; `size` when all is well. */
size_t text_utf8_valid(const char *text, size_t size);

#define TEXT_SHOWN_MAX 96

/* Writes an excerpt of `text` that is fit for one line of a message, and returns it: a plain word as it is,
 * anything else in double quotes, control characters as \xNN, a long text cut with "…". */
const char *text_show(const char *text, char shown[static TEXT_SHOWN_MAX]);

/* True for a word of [a-z0-9_-] that begins with a letter or digit and has 1 to 64 characters: a node's or a
 * device's. */
bool text_is_id(const char *text);
