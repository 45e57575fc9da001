/* SPDX-License-Identifier: Apache-2.0 */
/* One line of `sconce watch`. */
#pragma once

#include <stdio.h>
#include <time.h>

#include "bus/session.h"

/* Time, topic and payload: for people with local time, with `as_json` one object with UTC, whose payload is a
 * string unless it is a JSON object or array itself. Negative when `out` fails. */
int watch_line(FILE *out, const struct session_message *message, const struct timespec *now, bool as_json) MUST_CHECK;
