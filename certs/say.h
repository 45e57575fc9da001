/* SPDX-License-Identifier: Apache-2.0 */
/* What sconce-pki tells people, a line at a time: what is not fit for a terminal is shown as \xNN, wherever it came from. */
#pragma once

#include "util/macro.h"

/* To stdout. */
void say(const char *format, ...) PRINTF_LIKE(1, 2);
/* To stderr, after "sconce-pki: ", and after all that was said before. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);
