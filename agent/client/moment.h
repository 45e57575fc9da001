/* SPDX-License-Identifier: Apache-2.0 */
/* What a device was like at one moment, as `sconce history` prints it: a line for people, of JSON, or CSV. */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "client/client.h"

#define MOMENT_TIME_MAX 40

struct moment {
        const char *time;       /* "2026-11-22T19:30:00.123Z"; NULL: not known */
        const char *word;       /* "trend", "state", "event" */
        json_t *values;         /* an object */
        const json_t *channels; /* what is known of its keys: {"KEY":{"unit":…}}, as in info and in a trend; or NULL */
};

/* Ends the run where it cannot be written. */
void moment_print(struct client *client, const struct moment *moment);

/* With or without a fraction; false: it is no time. */
bool moment_time(const char *text, time_t *ret);
