/* SPDX-License-Identifier: Apache-2.0 */
/* Names and ids as Home Assistant wants them, made of ours. Pure functions. */
#pragma once

#include <stddef.h>

/* Appends `text` to a slug: small letters, digits and single "_" between them. What does not fit is left out. */
void slug_add(char *slug, size_t size, const char *text);

/* "hall-lamp" -> "Hall lamp", for what has no name of its own. */
void word_for_people(const char *id, char *text, size_t size);
