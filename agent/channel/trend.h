/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a channel was like: the last 24 hours in 5-minute buckets, the last 7 days in hours. Pure; at most 4 kB, and
 * only for the buckets that something is known of: a ring grows when its oldest would be lost.
 *
 * Numbers are samples: a bucket has the minimum, mean, maximum and count of what was reported in it. What is on or off
 * holds until the next report: a bucket has the share of the time that it was on, of the time that it was known. What
 * is not known (null, a device that is offline, an agent that does not run) is in no bucket.
 *
 * Time comes in as CLOCK_BOOTTIME, so that no jump of the wall clock makes a bucket longer, shorter or twice. Buckets
 * are numbered by wall time: number * step is the start of one, in seconds since 1970. Until the wall clock is known
 * they are numbered by boot time; when it becomes known or jumps, all of them get new numbers at once, to the nearest:
 * what was measured before is then off by half a step at the most, and its distances are as they were. Where the clock
 * went back a little, the newest bucket is filled until the clock has caught up.
 *
 * Nothing runs by itself: buckets move on when a value comes, or when someone looks.
 */
#pragma once

#include <stddef.h>

#include "channel/trend_bucket.h"
#include "util/cleanup.h"
#include "util/macro.h"

enum trend_span { TREND_DAY, TREND_WEEK, TREND_SPANS };

enum { TREND_DAY_BUCKETS = 24 * 12, TREND_WEEK_BUCKETS = 7 * 24, TREND_BUCKETS_MAX = TREND_DAY_BUCKETS };

/* "24h", 300 s, 288 buckets; "7d", 3600 s, 168 buckets. */
struct trend_form {
        const char *name;
        uint32_t step_s, count;
};
extern const struct trend_form trend_forms[TREND_SPANS];
int trend_span_from_name(const char *name, enum trend_span *ret) MUST_CHECK; /* -EINVAL */

/* Wall time = boot time + offset. The owner keeps it right; what was known once stays known. */
struct trend_clock {
        int64_t offset_us;
        bool is_known;
        const char *boot; /* this boot's id */
        uint64_t now_us;  /* CLOCK_BOOTTIME: no report is later */
};

struct trend_course {
        int64_t number;           /* of the bucket that is being filled */
        union trend_bucket *ring; /* those before it, and a place for it; NULL: nothing is known of any */
        uint32_t places, at;      /* of the ring; its own */
        union trend_open open;
};

struct trend {
        bool is_share;       /* on or off; else numbers */
        bool has_begun;      /* the buckets have numbers */
        bool has_wall;       /* by wall time */
        bool is_held, is_on; /* on or off: known since since_us, and which */
        bool is_settled;     /* the owner's: what was saved of it is in it, or there was nothing */
        uint64_t since_us;
        int64_t offset_us; /* wall time = boot time + this, for the numbers */
        struct trend_course courses[TREND_SPANS];
};
_Static_assert(sizeof(struct trend) + (TREND_DAY_BUCKETS + TREND_WEEK_BUCKETS) * sizeof(union trend_bucket) <= 4096,
               "what a channel may take");

int trend_new(bool is_share, struct trend **ret) MUST_CHECK;
void trend_free(struct trend *trend);

/* A report. Times are CLOCK_BOOTTIME; one before the newest bucket goes into that. Where there is no memory
 * for a ring to grow, its oldest bucket is lost. */
void trend_number(struct trend *trend, const struct trend_clock *clock, uint64_t time_us, double number);
void trend_on_off(struct trend *trend, const struct trend_clock *clock, uint64_t time_us, bool on);
/* From now on it is not known. */
void trend_unknown(struct trend *trend, const struct trend_clock *clock, uint64_t time_us);
/* Moves on to now: before something is read of it. */
void trend_catch_up(struct trend *trend, const struct trend_clock *clock, uint64_t now_us);

/* The bucket `index` of a span, 0 is the oldest, trend_forms[span].count - 1 is the one that is being filled. */
struct trend_point trend_get(const struct trend *trend, enum trend_span span, uint32_t index);
/* The number of the bucket that is being filled; before the first report, of the one that would be. `trend` may be NULL. */
int64_t trend_newest(const struct trend *trend, const struct trend_clock *clock, enum trend_span span);

/* For trend_save.c: moves all buckets to the numbers of another offset; makes room for those from one number to another, as
 * far as the span has them; the bucket of a number, NULL out of the ring, and what is being filled, which is not in it. */
void trend_renumber(struct trend *trend, int64_t offset_us);
int trend_reach(struct trend *trend, enum trend_span span, int64_t oldest, int64_t newest) MUST_CHECK; /* -ENOMEM */
union trend_bucket *trend_place(const struct trend *trend, enum trend_span span, int64_t number);
int64_t trend_steps_between(enum trend_span span, int64_t from_us, int64_t to_us); /* to the nearest */

DEFINE_CLEANUP(struct trend, trend_free);
#define CLEANUP_TREND CLEANUP(trend_freep)
