/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a stretch of time, in 8 bytes. Pure.
 *
 * Numbers: the minimum as a float (7 digits), the spread (maximum - minimum) to 1 in 2048 of itself, the mean to 1 in 510
 * of the spread, the count exactly up to 32 and above to 1 in 32. Spreads from 2.4e-7 to 2.2e12 are kept so; smaller ones
 * to 2.4e-10, and larger ones count as 2.2e12. What comes out is rounded to 1 in 100 of the spread at the coarsest, so
 * that a 21.3 that went in is a 21.3 again.
 *
 * On or off: for how long it was known, and on, as floats of seconds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing was known. */
union trend_bucket {
        struct trend_number_bucket {
                float min;
                uint16_t spread;
                uint8_t mean, count;
        } number;
        struct trend_share_bucket {
                float on_s, known_s;
        } share;
};
_Static_assert(sizeof(union trend_bucket) == 8, "456 of them are a channel's day and week");

/* The same while it is being filled: exact. Zeroed: nothing yet. */
union trend_open {
        struct trend_number_open {
                double min, max, sum;
                uint32_t count;
        } number;
        struct trend_share_open {
                double on_us, known_us;
        } share;
};

/* As it is shown. */
struct trend_point {
        bool is_known;         /* else the rest is 0 */
        double min, mean, max; /* numbers */
        uint32_t count;
        double on;      /* on or off: its share of the time that it was known, 0 to 1 */
        double known_s; /* that time, in full seconds, at least one */
};

/* All of them empty; NULL: out of memory. free() them. */
union trend_bucket *trend_buckets_new(uint32_t count);
/* `is_share`: on or off; else numbers. */
union trend_bucket trend_bucket_close(bool is_share, const union trend_open *open);
/* Adds what was closed to what is open. */
void trend_bucket_reopen(bool is_share, const union trend_bucket *bucket, union trend_open *open);
struct trend_point trend_bucket_point(bool is_share, const union trend_bucket *bucket);
bool trend_bucket_is_known(bool is_share, const union trend_bucket *bucket);
/* From a file: what no trend_bucket_close() makes is refused. */
bool trend_bucket_is_sound(bool is_share, const union trend_bucket *bucket);
/* A finite number more; what no float holds counts as the largest that does. */
void trend_open_add(union trend_open *open, double number);
