/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/trend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct trend_form trend_forms[TREND_SPANS] = {
        [TREND_DAY] = { "24h", 300, TREND_DAY_BUCKETS },
        [TREND_WEEK] = { "7d", 3600, TREND_WEEK_BUCKETS },
};

int trend_span_from_name(const char *name, enum trend_span *ret)
{
        for (size_t i = 0; i < TREND_SPANS; i++) {
                if (strcmp(trend_forms[i].name, name) != 0)
                        continue;
                *ret = (enum trend_span)i;
                return 0;
        }
        return -EINVAL;
}

int trend_new(bool is_share, struct trend **ret)
{
        struct trend *trend = calloc(1, sizeof(*trend));

        if (!trend)
                return -ENOMEM;
        trend->is_share = is_share;
        *ret = trend;
        return 0;
}

void trend_free(struct trend *trend)
{
        for (size_t span = 0; trend && span < TREND_SPANS; span++)
                free(trend->courses[span].ring);
        free(trend);
}

/* ---- Numbers of buckets ---------------------------------------------------------------------------------- */

static int64_t step_us(enum trend_span span)
{
        return (int64_t)trend_forms[span].step_s * (int64_t)USEC_PER_SEC;
}

/* Towards the past, also before 1970. */
static int64_t divide(int64_t number, int64_t by)
{
        return number / by - (number % by < 0);
}

static int64_t number_at(const struct trend *trend, enum trend_span span, uint64_t time_us)
{
        return divide((int64_t)time_us + trend->offset_us, step_us(span));
}

/* Where a bucket begins, in boot time. */
static uint64_t start_us(const struct trend *trend, enum trend_span span, int64_t number)
{
        int64_t start = number * step_us(span) - trend->offset_us;

        return start > 0 ? (uint64_t)start : 0;
}

int64_t trend_steps_between(enum trend_span span, int64_t from_us, int64_t to_us)
{
        return divide(to_us - from_us + step_us(span) / 2, step_us(span));
}

void trend_renumber(struct trend *trend, int64_t offset_us)
{
        for (size_t span = 0; span < TREND_SPANS; span++)
                trend->courses[span].number += trend_steps_between((enum trend_span)span, trend->offset_us, offset_us);
        trend->offset_us = offset_us;
}

/* What is less than half of the shortest step is no jump: a clock that is steered. */
static void follow(struct trend *trend, const struct trend_clock *clock)
{
        if (!clock->is_known)
                return;
        if (trend_steps_between(TREND_DAY, trend->offset_us, clock->offset_us) != 0)
                trend_renumber(trend, clock->offset_us);
        trend->offset_us = clock->offset_us;
        trend->has_wall = true;
}

/* ---- The rings ------------------------------------------------------------------------------------------- */

#define RING_STEP 12 /* places at once: an hour, half a day */

static uint32_t place_of(const struct trend_course *course, uint32_t back)
{
        return (course->at + course->places - back) % course->places;
}

/* The closed bucket so many before the one that is being filled. */
static union trend_bucket *closed_at(const struct trend_course *course, int64_t back)
{
        if (back <= 0 || back >= course->places)
                return NULL;
        return &course->ring[place_of(course, (uint32_t)back)];
}

union trend_bucket *trend_place(const struct trend *trend, enum trend_span span, int64_t number)
{
        return closed_at(&trend->courses[span], trend->courses[span].number - number);
}

static int grow(struct trend_course *course, uint32_t places)
{
        union trend_bucket *ring = trend_buckets_new(places);

        if (!ring)
                return -ENOMEM;
        for (uint32_t back = 1; back < course->places; back++)
                ring[places - back] = course->ring[place_of(course, back)];
        free(course->ring);
        course->ring = ring;
        course->places = places;
        course->at = 0;
        return 0;
}

/* A ring that holds all of its span is as large as it gets. */
static int reach_back(struct trend_course *course, enum trend_span span, int64_t back)
{
        uint32_t count = trend_forms[span].count;

        if (back <= 0 || back >= count || back < course->places)
                return 0;
        return grow(course, MIN(((uint32_t)back / RING_STEP + 1) * RING_STEP, count));
}

int trend_reach(struct trend *trend, enum trend_span span, int64_t oldest, int64_t newest)
{
        struct trend_course *course = &trend->courses[span];
        int64_t first = course->number - trend_forms[span].count + 1;

        return newest < first ? 0 : reach_back(course, span, course->number - MAX(oldest, first));
}

/* How far back something is known that still is within the span when the newest bucket has moved on by `by`; 0: nothing. */
static int64_t known_back(const struct trend *trend, enum trend_span span, int64_t by)
{
        const struct trend_course *course = &trend->courses[span];

        for (int64_t back = MIN((int64_t)course->places, (int64_t)trend_forms[span].count - by) - 1; back > 0; back--)
                if (trend_bucket_is_known(trend->is_share, closed_at(course, back)))
                        return back;
        return 0;
}

/* Puts what is being filled into the ring, which grows where it would lose a bucket. */
static void close_open(struct trend *trend, enum trend_span span, int64_t by)
{
        struct trend_course *course = &trend->courses[span];
        const union trend_bucket bucket = trend_bucket_close(trend->is_share, &course->open);
        int64_t back = known_back(trend, span, by);

        if (back > 0 || trend_bucket_is_known(trend->is_share, &bucket))
                (void)!reach_back(course, span, back + by);
        if (course->ring)
                course->ring[course->at] = bucket;
}

/* Closes what is being filled and goes on with the bucket of that number; those between are empty. */
static void move_on(struct trend *trend, enum trend_span span, int64_t number)
{
        struct trend_course *course = &trend->courses[span];
        int64_t by = number - course->number;

        if (by <= 0)
                return;
        close_open(trend, span, by);
        for (int64_t i = MIN(by, (int64_t)course->places); i > 0; i--) {
                course->at = (course->at + 1) % course->places;
                course->ring[course->at] = (union trend_bucket){ 0 };
        }
        course->open = (union trend_open){ 0 };
        course->number = number;
}

/* ---- On or off ------------------------------------------------------------------------------------------- */

static void add_share(struct trend_course *course, bool is_on, uint64_t us)
{
        course->open.share.known_us += (double)us;
        if (is_on)
                course->open.share.on_us += (double)us;
}

/* What has been held from `from_us` on until now, bucket by bucket; no more of them than the ring has. */
static void hold(struct trend *trend, enum trend_span span, uint64_t from_us, uint64_t now_us)
{
        struct trend_course *course = &trend->courses[span];
        int64_t oldest = number_at(trend, span, now_us) - trend_forms[span].count + 1;

        if (course->number < oldest) {
                move_on(trend, span, oldest);
                from_us = MAX(from_us, start_us(trend, span, oldest));
        }
        while (from_us < now_us) {
                uint64_t end_us = start_us(trend, span, course->number + 1);
                uint64_t until_us = MIN(MAX(end_us, from_us), now_us);
                add_share(course, trend->is_on, until_us - from_us);
                from_us = until_us;
                if (from_us < now_us)
                        move_on(trend, span, course->number + 1);
        }
}

/* ---- Time ------------------------------------------------------------------------------------------------ */

static void begin(struct trend *trend, uint64_t now_us)
{
        if (trend->has_begun)
                return;
        for (size_t span = 0; span < TREND_SPANS; span++)
                trend->courses[span].number = number_at(trend, (enum trend_span)span, now_us);
        trend->has_begun = true;
}

void trend_catch_up(struct trend *trend, const struct trend_clock *clock, uint64_t now_us)
{
        follow(trend, clock);
        begin(trend, now_us);
        for (size_t i = 0; i < TREND_SPANS; i++) {
                enum trend_span span = (enum trend_span)i;
                if (trend->is_held)
                        hold(trend, span, trend->since_us, now_us);
                move_on(trend, span, number_at(trend, span, now_us));
        }
        trend->since_us = MAX(trend->since_us, now_us);
}

/* ---- Reports --------------------------------------------------------------------------------------------- */

void trend_number(struct trend *trend, const struct trend_clock *clock, uint64_t time_us, double number)
{
        trend_catch_up(trend, clock, time_us);
        for (size_t span = 0; span < TREND_SPANS; span++)
                trend_open_add(&trend->courses[span].open, number);
}

void trend_on_off(struct trend *trend, const struct trend_clock *clock, uint64_t time_us, bool on)
{
        trend_catch_up(trend, clock, time_us);
        trend->is_held = true;
        trend->is_on = on;
}

void trend_unknown(struct trend *trend, const struct trend_clock *clock, uint64_t time_us)
{
        trend_catch_up(trend, clock, time_us);
        trend->is_held = false;
}

/* ---- Looking --------------------------------------------------------------------------------------------- */

static struct trend_point open_point(const struct trend *trend, const union trend_open *open)
{
        const union trend_bucket bucket = trend_bucket_close(trend->is_share, open);
        struct trend_point point = trend_bucket_point(trend->is_share, &bucket);

        if (!trend->is_share)
                point.count = open->number.count;
        return point;
}

struct trend_point trend_get(const struct trend *trend, enum trend_span span, uint32_t index)
{
        const struct trend_course *course = &trend->courses[span];
        uint32_t count = trend_forms[span].count;

        if (index >= count - 1)
                return open_point(trend, &course->open);
        const union trend_bucket *bucket = closed_at(course, count - 1 - index);
        return bucket ? trend_bucket_point(trend->is_share, bucket) : (struct trend_point){ 0 };
}

int64_t trend_newest(const struct trend *trend, const struct trend_clock *clock, enum trend_span span)
{
        if (trend && trend->has_begun)
                return trend->courses[span].number;
        return divide((int64_t)clock->now_us + (clock->is_known ? clock->offset_us : 0), step_us(span));
}
