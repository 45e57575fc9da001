/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong repeatedly is reported once, then at an interval with the number of times. Several reasons may
 * alternate (one a broker, one an address); each keeps its own count. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REPEAT_TEXTS       8
#define REPEAT_INTERVAL_US (10 * 60 * 1000000ULL)

/* Zeroed is empty. */
struct repeat {
        struct repeat_text {
                uint64_t hash;
                uint64_t reported_us;
                unsigned times; /* since the first; 0: free */
        } texts[REPEAT_TEXTS];
};

/* Counts the text; true when it is to be reported now. `ret_times` is how often it has happened. */
bool repeat_due(struct repeat *repeat, const char *text, uint64_t now_us, unsigned *ret_times);
/* All is well again: the next text is new. */
void repeat_reset(struct repeat *repeat);
