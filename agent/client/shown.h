/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside, made fit for a terminal: what arrives over MQTT may hold anything, escape sequences among it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "util/macro.h"

/* The text on one line: control characters, those that turn the direction of writing, and bytes that are not
 * UTF-8 as \xNN. free() it; NULL without memory. */
char *shown_text(const void *text, size_t size) MUST_CHECK;

/* A text of json_dumps() with the same characters as \uNNNN: what it means stays. free() it; NULL without memory. */
char *shown_json(const char *json) MUST_CHECK;

/* Well-formed UTF-8, with U+FFFD for what is not: for JSON strings, whose writer escapes the rest. free() it;
 * NULL without memory. */
char *shown_utf8(const void *text, size_t size, size_t *ret_size) MUST_CHECK;

/* Who has read it, as `head` does, has enough and is gone. */
bool shown_is_unread(FILE *out);

/* "sconce: SENTENCE" on stderr, on one line whatever the sentence quotes. */
void shown_say(const char *format, ...) PRINTF_LIKE(1, 2);
