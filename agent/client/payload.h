/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the words after `sconce set DEVICE` to a command's payload: one plain value, KEY=VALUE words that make
 * one JSON object, or a JSON object as it is.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "util/cleanup.h"
#include "util/fault.h"

/* Jansson brings the function itself. */
#define CLEANUP_JSON CLEANUP(json_decrefp)

/* Are the words a value at all? -EINVAL with the reason in `fault`: asked before anything is connected. */
int payload_check(char *const *words, size_t count, struct fault *fault) MUST_CHECK;

/* What a command carries beside its values; each may be NULL. */
struct payload_marks {
        const char *id, *expires;
};

/* The payload as text; free() it. `channels` is the device's entry in `info` (NULL: not known): it decides which
 * words are numbers and which only look like one. With `marks` the payload is an object that carries them, unless it
 * has its own; but a plain value whose channel cannot be known from `channels` stays as it is, because a guess
 * would be another command: the node takes or refuses it. -EINVAL with the reason in `fault`, -ENOMEM. */
int payload_make(char *const *words, size_t count, json_t *channels, const struct payload_marks *marks, char **ret,
                 struct fault *fault) MUST_CHECK;
