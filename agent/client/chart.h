/* SPDX-License-Identifier: Apache-2.0 */
/* What a channel was like, drawn in characters: numbers as a band from minimum to maximum in braille dots or stars, what is
 * on or off as one row of bars. Pure but for the time zone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/macro.h"

struct chart_bucket {
        bool is_known;
        double min, mean, max, count; /* numbers */
        double on, known_s;           /* on or off: 0 to 1, of how many seconds */
};

struct chart {
        const char *title, *unit; /* fit for a terminal; unit "": none */
        bool is_share;            /* on or off; else numbers */
        const struct chart_bucket *buckets;
        size_t count; /* of them, oldest first */
        uint32_t step_s;
        int64_t start_s; /* of the first, since 1970 */
        bool has_start;  /* else the axis counts back from now */
        int width;       /* of the terminal, in characters */
        bool is_ascii;
};

enum { CHART_WIDTH_MIN = 40, CHART_WIDTH_MAX = 300 };

/* -EIO: it could not be written; -ENOMEM. */
int chart_print(FILE *out, const struct chart *chart) MUST_CHECK;
