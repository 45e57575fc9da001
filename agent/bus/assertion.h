/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmosquitto 2.0.11 (Debian 12's, built with assert; 2.0.21 does not) ends the process when a broker sends an MQTT 5
 * property that it does not know: it logs that without a client to log for, and log__printf() asserts one. In this process
 * that one assertion of a library is the end of a connection instead. It stands before a line that returns "malformed
 * packet" and has touched nothing; what libmosquitto had read of the packet stays allocated. Any other assertion ends the
 * process as always.
 */
#pragma once

#include <stdbool.h>

#include "util/macro.h"

/* Calls `fn`: true, and what it returned; false when it did not come back because of that assertion. What it worked on is
 * then to be freed, and nothing else. Not from within `fn`. */
bool assertion_survived(int (*fn)(void *userdata), void *userdata, int *ret) MUST_CHECK;
