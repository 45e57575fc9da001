/* SPDX-License-Identifier: Apache-2.0 */
/* One value as it stands after "KEY =": found, cut from its comment, and read by libconfig. */
#pragma once

#include "config/parsed.h"
#include "config/reader.h"

/* Reads the value that begins at `text`, the rest of the reader's present line; a bracket may take more
 * lines. -EINVAL with the fault, -ENOMEM. */
int value_read(struct reader *reader, char *text, struct value *ret, struct value_fault *fault) MUST_CHECK;

/* The same for a text of its own: a row's default. "" is the empty text. */
int value_read_text(const char *text, struct value *ret, struct value_fault *fault) MUST_CHECK;

/* Reads the text in double quotes at the start of `text` and returns its end through `ret_end`: for @include. */
int value_read_quoted(char *text, char **ret_text, char **ret_end, struct value_fault *fault) MUST_CHECK;
