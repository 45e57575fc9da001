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

/* The payload as text; free() it. `channels` is the device's entry in `info` (NULL: not known): it says which
 * words are numbers and which only look like one. With an `id` the payload is always an object that carries
 * it, unless it has one of its own. -EINVAL with the reason in `fault`, -ENOMEM. */
int payload_make(char *const *words, size_t count, json_t *channels, const char *id, char **ret,
                 struct fault *fault) MUST_CHECK;
