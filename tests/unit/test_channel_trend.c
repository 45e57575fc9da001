/* SPDX-License-Identifier: Apache-2.0 */
/* channel/trend: buckets and their precision, the clock that is unknown, comes, jumps and is steered, gaps, and what an
 * earlier run has saved. */
#include "channel/trend_save.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S(seconds) ((uint64_t)((seconds)*1e6))
#define MIN_S      60
#define HOUR_S     3600
#define DAY_S      86400

/* 2026-11-22 00:00 UTC, a multiple of an hour, and the machine that was booted then. */
#define MIDNIGHT_S 1795305600

static const struct trend_clock right = { (int64_t)MIDNIGHT_S * 1000000, true, "boot-a", 0 };
static const struct trend_clock unknown = { 0, false, "boot-a", 0 };
static const struct trend_clock unknown_next_boot = { 0, false, "boot-b", 0 };

/* Of rings; the linker has trend_buckets_new() come here. */
static bool has_no_memory;
union trend_bucket *__real_trend_buckets_new(uint32_t count);
union trend_bucket *__wrap_trend_buckets_new(uint32_t count);

union trend_bucket *__wrap_trend_buckets_new(uint32_t count)
{
        return has_no_memory ? NULL : __real_trend_buckets_new(count);
}

static int all_memory(void **state)
{
        (void)state;
        has_no_memory = false;
        return 0;
}

static struct trend *new_trend(bool is_share)
{
        struct trend *trend = NULL;

        assert_int_equal(trend_new(is_share, &trend), 0);
        return trend;
}

/* When a span begins, in seconds since 1970. */
static int64_t start_of(const struct trend *trend, enum trend_span span)
{
        assert_true(trend->has_wall);
        return (trend_newest(trend, &right, span) - trend_forms[span].count + 1) * trend_forms[span].step_s;
}

/* The bucket that begins at a wall time. */
static struct trend_point at_wall(const struct trend *trend, enum trend_span span, int64_t wall_s)
{
        int64_t start_s = start_of(trend, span);
        int64_t index = (wall_s - start_s) / trend_forms[span].step_s;
        assert_int_equal((wall_s - start_s) % trend_forms[span].step_s, 0);
        assert_true(index >= 0 && index < trend_forms[span].count);
        return trend_get(trend, span, (uint32_t)index);
}

static unsigned known_count(const struct trend *trend, enum trend_span span)
{
        unsigned count = 0;

        for (uint32_t i = 0; i < trend_forms[span].count; i++)
                count += trend_get(trend, span, i).is_known;
        return count;
}

static struct trend_point last(const struct trend *trend, enum trend_span span)
{
        return trend_get(trend, span, trend_forms[span].count - 1);
}

#define assert_near(a, b, within)                                                                                      \
        do {                                                                                                           \
                double a_ = (a), b_ = (b);                                                                             \
                if (!(fabs(a_ - b_) <= (within)))                                                                      \
                        fail_msg("%s is %.12g, not %.12g within %g", #a, a_, b_, (double)(within));                    \
        } while (0)

/* ---- A bucket -------------------------------------------------------------------------------------------- */

static struct trend_point closed(const double *numbers, size_t count)
{
        union trend_open open = { 0 };

        for (size_t i = 0; i < count; i++)
                trend_open_add(&open, numbers[i]);
        const union trend_bucket bucket = trend_bucket_close(false, &open);
        assert_true(trend_bucket_is_sound(false, &bucket));
        return trend_bucket_point(false, &bucket);
}

static void bucket__one_number__is_that_number_again(void **state)
{
        static const double numbers[] = { 0, 21.3, -40, 0.1, 1013.25, -0.0625, 85, 123456.7, 1e-9, 3e30, 230 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                const struct trend_point point = closed(&numbers[i], 1);
                assert_true(point.is_known);
                assert_near(point.min, numbers[i], fabs(numbers[i]) * 1e-15);
                assert_near(point.mean, numbers[i], fabs(numbers[i]) * 1e-15);
                assert_near(point.max, numbers[i], fabs(numbers[i]) * 1e-15);
                assert_int_equal(point.count, 1);
        }
}

/* What a thermometer gives in 5 minutes: with the digits that it had. */
static void bucket__tenths__come_out_as_tenths(void **state)
{
        static const double numbers[] = { 18.2, 18.4, 18.7, 18.7, 18.9, 19.3, 18.8, 18.5 };

        (void)state;
        const struct trend_point point = closed(numbers, ARRAY_SIZE(numbers));
        assert_true(point.min == 18.2);
        assert_true(point.max == 19.3);
        assert_near(point.mean, 18.6875, 0.01);
        assert_int_equal(point.count, ARRAY_SIZE(numbers));
}

/* The precision that the header promises, over all sizes. */
static void bucket__any_numbers__within_the_promised_precision(void **state)
{
        unsigned random = 12345;

        (void)state;
        for (int round = 0; round < 20000; round++) {
                double numbers[5], min = INFINITY, max = -INFINITY, sum = 0;
                random = random * 1103515245 + 12345;
                double base = ldexp((random >> 8) % 2000 - 1000.0, (int)(random >> 20) % 20 - 10);
                random = random * 1103515245 + 12345;
                double spread = ldexp(1 + (random >> 8) % 1000, (int)(random >> 20) % 40 - 25);
                for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                        random = random * 1103515245 + 12345;
                        numbers[i] = base + spread * ((random >> 8) % 4096) / 4096;
                        min = fmin(min, numbers[i]);
                        max = fmax(max, numbers[i]);
                        sum += numbers[i];
                }
                const struct trend_point point = closed(numbers, ARRAY_SIZE(numbers));
                double digits = fmax(fabs(min), fabs(max)) * 1e-6, real = max - min;
                assert_near(point.min, min, digits);
                assert_near(point.max, max, digits + real * (1. / 2048 + 1. / 200));
                assert_near(point.mean, sum / 5, digits + real * (1. / 510 + 1. / 2048 + 1. / 200));
                assert_true(point.min <= point.mean && point.mean <= point.max);
        }
}

static void bucket__count__exact_to_32_then_to_1_in_32(void **state)
{
        (void)state;
        for (uint32_t count = 1; count < 300000; count += count < 40 ? 1 : count / 7) {
                union trend_open open = { .number = { .min = 1, .max = 1, .sum = count, .count = count } };
                const union trend_bucket bucket = trend_bucket_close(false, &open);
                const struct trend_point point = trend_bucket_point(false, &bucket);
                assert_near(point.count, count, count <= 32 ? 0 : count / 32.);
        }
}

static void bucket__numbers_beyond_a_float__are_the_largest(void **state)
{
        static const double numbers[] = { -1e300, 1e300 };

        (void)state;
        const struct trend_point point = closed(numbers, 2);
        assert_near(point.min, -(double)FLT_MAX, FLT_MAX * 1e-6);
        assert_true(isfinite(point.mean) && isfinite(point.max));
        assert_true(point.min <= point.mean && point.mean <= point.max);
}

static void bucket__nothing__is_empty(void **state)
{
        const union trend_open nothing = { 0 };

        (void)state;
        for (int is_share = 0; is_share < 2; is_share++) {
                const union trend_bucket bucket = trend_bucket_close(is_share, &nothing);
                assert_false(trend_bucket_is_known(is_share, &bucket));
                assert_false(trend_bucket_point(is_share, &bucket).is_known);
        }
}

static void bucket__what_no_close_makes__is_not_sound(void **state)
{
        (void)state;
        assert_false(trend_bucket_is_sound(false, &(const union trend_bucket){ .number = { .min = NAN } }));
        assert_false(trend_bucket_is_sound(false, &(const union trend_bucket){ .number = { .min = INFINITY } }));
        assert_false(trend_bucket_is_sound(true, &(const union trend_bucket){ .share = { 2, 1 } }));
        assert_false(trend_bucket_is_sound(true, &(const union trend_bucket){ .share = { -1, 1 } }));
        assert_false(trend_bucket_is_sound(true, &(const union trend_bucket){ .share = { NAN, 1 } }));
        assert_false(trend_bucket_is_sound(true, &(const union trend_bucket){ .share = { 0, INFINITY } }));
        assert_true(trend_bucket_is_sound(true, &(const union trend_bucket){ .share = { 1, 1 } }));
}

/* ---- Buckets by the clock -------------------------------------------------------------------------------- */

static void trend_number__clock_is_known__buckets_begin_at_full_5_minutes_and_hours(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &right, S(10 * HOUR_S + 4 * MIN_S + 59), 20);
        trend_number(trend, &right, S(10 * HOUR_S + 5 * MIN_S), 21);
        trend_number(trend, &right, S(10 * HOUR_S + 9 * MIN_S + 59.9), 23);
        trend_number(trend, &right, S(11 * HOUR_S), 24);

        const struct trend_point first = at_wall(trend, TREND_DAY, MIDNIGHT_S + 10 * HOUR_S);
        assert_int_equal(first.count, 1);
        assert_true(first.mean == 20);
        const struct trend_point second = at_wall(trend, TREND_DAY, MIDNIGHT_S + 10 * HOUR_S + 5 * MIN_S);
        assert_int_equal(second.count, 2);
        assert_true(second.min == 21 && second.mean == 22 && second.max == 23);
        const struct trend_point hour = at_wall(trend, TREND_WEEK, MIDNIGHT_S + 10 * HOUR_S);
        assert_int_equal(hour.count, 3);
        assert_true(hour.min == 20 && hour.max == 23);
        assert_int_equal(known_count(trend, TREND_DAY), 3);
        assert_int_equal(known_count(trend, TREND_WEEK), 2);
}

static void trend_get__after_the_span__the_oldest_are_gone(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        for (int minute = 0; minute < 8 * 24 * 60; minute++)
                trend_number(trend, &right, S(minute * MIN_S), minute);
        assert_int_equal(known_count(trend, TREND_DAY), TREND_DAY_BUCKETS);
        assert_int_equal(known_count(trend, TREND_WEEK), TREND_WEEK_BUCKETS);
        /* The newest bucket is being filled: 5 minutes of 24 hours, an hour of 7 days. */
        assert_true(trend_get(trend, TREND_DAY, 0).min == 7 * 24 * 60);
        assert_true(trend_get(trend, TREND_WEEK, 0).min == 24 * 60);
        assert_true(last(trend, TREND_DAY).max == 8 * 24 * 60 - 1);
        assert_int_equal(trend_get(trend, TREND_DAY, 100).count, 5);
        assert_near(trend_get(trend, TREND_WEEK, 100).count, 60, 2);
}

static void trend_catch_up__nothing_came__the_gap_is_empty(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &right, S(1 * HOUR_S), 20);
        trend_number(trend, &right, S(6 * HOUR_S), 10);
        trend_catch_up(trend, &right, S(8 * HOUR_S));
        assert_int_equal(known_count(trend, TREND_DAY), 2);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 1 * HOUR_S).is_known);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 6 * HOUR_S).is_known);
        assert_false(last(trend, TREND_DAY).is_known);

        trend_catch_up(trend, &right, S(31 * HOUR_S));
        assert_int_equal(known_count(trend, TREND_DAY), 0);
        assert_int_equal(known_count(trend, TREND_WEEK), 2);
        trend_catch_up(trend, &right, S(400 * DAY_S));
        assert_int_equal(known_count(trend, TREND_WEEK), 0);
}

/* A thread's reading arrives after one that is younger. */
static void trend_number__of_an_earlier_moment__goes_into_the_newest(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &right, S(2 * HOUR_S), 20);
        trend_number(trend, &right, S(1 * HOUR_S), 10);
        assert_int_equal(known_count(trend, TREND_DAY), 1);
        assert_int_equal(last(trend, TREND_DAY).count, 2);
}

/* ---- On or off ------------------------------------------------------------------------------------------- */

static void trend_on_off__on_for_a_while__its_share_of_the_time(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(true);

        (void)state;
        trend_on_off(trend, &right, S(1 * HOUR_S), false);
        trend_on_off(trend, &right, S(1 * HOUR_S + 60), true);
        trend_on_off(trend, &right, S(1 * HOUR_S + 120), false);
        trend_catch_up(trend, &right, S(3 * HOUR_S));
        assert_near(at_wall(trend, TREND_DAY, MIDNIGHT_S + HOUR_S).on, 0.2, 1e-9);
        assert_near(at_wall(trend, TREND_WEEK, MIDNIGHT_S + HOUR_S).on, 60. / 3600, 1e-4);
        /* It goes on being off: that is known. */
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 2 * HOUR_S).is_known);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 2 * HOUR_S).on == 0);
        assert_int_equal(known_count(trend, TREND_DAY), 24);
}

static void trend_on_off__on_for_days__every_bucket_is_full(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(true);

        (void)state;
        trend_on_off(trend, &right, S(30), true);
        trend_catch_up(trend, &right, S(400 * DAY_S));
        assert_int_equal(known_count(trend, TREND_DAY), TREND_DAY_BUCKETS - 1); /* the last one begins just now */
        for (uint32_t i = 0; i < TREND_DAY_BUCKETS - 1; i++)
                assert_true(trend_get(trend, TREND_DAY, i).on == 1);
        trend_on_off(trend, &right, S(400 * DAY_S + 60), false);
        trend_catch_up(trend, &right, S(400 * DAY_S + 240));
        assert_near(last(trend, TREND_DAY).on, 0.25, 1e-9);
        assert_near(last(trend, TREND_WEEK).on, 0.25, 1e-9);
        assert_true(trend_get(trend, TREND_DAY, TREND_DAY_BUCKETS - 2).on == 1);
}

static void trend_unknown__in_between__does_not_count(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(true);

        (void)state;
        trend_on_off(trend, &right, S(0), true);
        trend_unknown(trend, &right, S(60));
        trend_on_off(trend, &right, S(120), false);
        trend_catch_up(trend, &right, S(180));
        assert_near(last(trend, TREND_DAY).on, 0.5, 1e-9);
        trend_unknown(trend, &right, S(180));
        trend_catch_up(trend, &right, S(HOUR_S));
        assert_int_equal(known_count(trend, TREND_DAY), 1);
}

/* ---- The clock ------------------------------------------------------------------------------------------- */

static void clock__is_not_known__by_boot_time(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &unknown, S(100), 20);
        trend_number(trend, &unknown, S(400), 21);
        assert_false(trend->has_wall);
        assert_int_equal(trend_newest(trend, &unknown, TREND_DAY), 1);
        assert_int_equal(known_count(trend, TREND_DAY), 2);
        assert_true(last(trend, TREND_DAY).mean == 21);
}

/* A Raspberry Pi without a clock: booted at 00:02, the time comes by network 20 minutes later. */
static void clock__becomes_known__what_was_before_gets_its_place(void **state)
{
        const struct trend_clock later = { ((int64_t)MIDNIGHT_S + 120) * 1000000, true, "boot-a", 0 };
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        for (int minute = 0; minute < 20; minute++)
                trend_number(trend, &unknown, S(minute * MIN_S), minute);
        for (int minute = 20; minute < 60; minute++)
                trend_number(trend, &later, S(minute * MIN_S), minute);
        /* From the moment on at which it was known: exact. */
        for (int bucket = 5; bucket < 12; bucket++) {
                const struct trend_point point = at_wall(trend, TREND_DAY, MIDNIGHT_S + bucket * 5 * MIN_S);
                assert_int_equal(point.count, 5);
                assert_true(point.min == bucket * 5 - 2);
        }
        /* Before it: within half a step, and none lost. */
        for (int bucket = 0; bucket < 4; bucket++) {
                const struct trend_point point = at_wall(trend, TREND_DAY, MIDNIGHT_S + bucket * 5 * MIN_S);
                assert_near(point.min, bucket * 5 - 2, 2.5);
        }
        unsigned sum = 0;
        for (uint32_t i = 0; i < TREND_DAY_BUCKETS; i++)
                sum += trend_get(trend, TREND_DAY, i).count;
        assert_int_equal(sum, 60);
}

static void clock__becomes_known__on_time_is_neither_lost_nor_twice(void **state)
{
        const struct trend_clock later = { ((int64_t)MIDNIGHT_S + 200) * 1000000, true, "boot-a", 0 };
        CLEANUP_TREND struct trend *trend = new_trend(true);
        double known_s = 0;

        (void)state;
        trend_on_off(trend, &unknown, S(0), true);
        trend_catch_up(trend, &unknown, S(1234));
        trend_on_off(trend, &later, S(2000), false);
        trend_catch_up(trend, &later, S(3000));
        for (uint32_t i = 0; i < trend->courses[TREND_DAY].places; i++)
                known_s += (double)trend->courses[TREND_DAY].ring[i].share.known_s;
        known_s += trend->courses[TREND_DAY].open.share.known_us / 1e6;
        assert_near(known_s, 3000, 0.01);
}

static void clock__jumps__all_buckets_move_with_it(void **state)
{
        const struct trend_clock ahead = { right.offset_us + (int64_t)S(6 * HOUR_S), true, "boot-a", 0 };
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &right, S(1 * HOUR_S), 20);
        trend_number(trend, &right, S(2 * HOUR_S), 21);
        trend_number(trend, &ahead, S(3 * HOUR_S), 22);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 7 * HOUR_S).mean == 20);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 8 * HOUR_S).mean == 21);
        assert_true(at_wall(trend, TREND_WEEK, MIDNIGHT_S + 8 * HOUR_S).mean == 21);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 9 * HOUR_S).mean == 22);
        /* And back again: as if nothing had been. */
        trend_number(trend, &right, S(4 * HOUR_S), 23);
        for (int hour = 1; hour <= 4; hour++) {
                assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + hour * HOUR_S).mean == 19 + hour);
                assert_true(at_wall(trend, TREND_WEEK, MIDNIGHT_S + hour * HOUR_S).mean == 19 + hour);
        }
        assert_int_equal(known_count(trend, TREND_DAY), 4);
}

static void clock__jumps_back_a_little__nothing_is_overwritten(void **state)
{
        const struct trend_clock back = { right.offset_us - (int64_t)S(120), true, "boot-a", 0 };
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &right, S(HOUR_S - 30), 20);
        trend_number(trend, &right, S(HOUR_S + 30), 21);
        trend_number(trend, &back, S(HOUR_S + 60), 22); /* 00:59 by the new clock */
        trend_number(trend, &back, S(HOUR_S + 300), 23);
        trend_number(trend, &back, S(HOUR_S + 420), 24);
        assert_int_equal(at_wall(trend, TREND_DAY, MIDNIGHT_S + HOUR_S - 300).count, 1);
        assert_int_equal(at_wall(trend, TREND_DAY, MIDNIGHT_S + HOUR_S).count, 3);
        assert_int_equal(at_wall(trend, TREND_DAY, MIDNIGHT_S + HOUR_S + 300).count, 1);
        assert_int_equal(known_count(trend, TREND_WEEK), 2);
}

/* 50 s a day for a week, each step far below half a bucket. */
static void clock__is_steered__every_bucket_has_its_readings(void **state)
{
        struct trend_clock steered = right;
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        for (int minute = 0; minute < 7 * 24 * 60; minute++) {
                trend_number(trend, &steered, S(minute * MIN_S), minute);
                steered.offset_us += 35000;
        }
        assert_int_equal(known_count(trend, TREND_DAY), TREND_DAY_BUCKETS);
        for (uint32_t i = 0; i < TREND_DAY_BUCKETS - 1; i++)
                assert_near(trend_get(trend, TREND_DAY, i).count, 5, 1);
        int64_t start_s = start_of(trend, TREND_DAY);
        double now_s = MIDNIGHT_S + (7 * 24 * 60 - 1) * (MIN_S + 0.035);
        assert_true(start_s + DAY_S > now_s && start_s + DAY_S - 300 <= now_s);
}

/* It was right before: what it was then stays, whatever is known of it now. */
static void clock__is_not_known_any_more__goes_on_as_it_was(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &right, S(HOUR_S), 20);
        trend_number(trend, &unknown, S(2 * HOUR_S), 21);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 2 * HOUR_S).mean == 21);
}

/* ---- Memory ---------------------------------------------------------------------------------------------- */

static void memory__grows_with_what_is_known__to_the_span_and_no_further(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);
        const struct trend_course *day = &trend->courses[TREND_DAY], *week = &trend->courses[TREND_WEEK];

        (void)state;
        trend_number(trend, &right, S(0), 20);
        trend_number(trend, &right, S(4 * MIN_S), 20);
        assert_null(day->ring);
        trend_number(trend, &right, S(50 * MIN_S), 20);
        assert_true(day->places > 0 && day->places <= 12);
        assert_null(week->ring);
        for (int minute = 60; minute < 9 * 24 * 60; minute += 5)
                trend_number(trend, &right, S(minute * MIN_S), 20);
        assert_int_equal(day->places, TREND_DAY_BUCKETS);
        assert_int_equal(week->places, TREND_WEEK_BUCKETS);
        assert_int_equal(known_count(trend, TREND_DAY), TREND_DAY_BUCKETS);
        assert_int_equal(known_count(trend, TREND_WEEK), TREND_WEEK_BUCKETS);
}

static void memory__nothing_known_for_longer_than_the_span__no_ring(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        trend_number(trend, &right, S(0), 20);
        trend_number(trend, &right, S(8 * DAY_S), 21);
        assert_null(trend->courses[TREND_DAY].ring);
        assert_null(trend->courses[TREND_WEEK].ring);
        assert_int_equal(known_count(trend, TREND_WEEK), 1);
}

static void memory__a_ring_that_cannot_grow__loses_its_oldest_alone(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        for (int minute = 0; minute < 60; minute += 5)
                trend_number(trend, &right, S(minute * MIN_S), minute);
        has_no_memory = true;
        for (int minute = 60; minute < 120; minute += 5)
                trend_number(trend, &right, S(minute * MIN_S), minute);
        assert_int_equal(known_count(trend, TREND_DAY), 12);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 60 * MIN_S).mean == 60);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 115 * MIN_S).mean == 115);
        has_no_memory = false;
        trend_number(trend, &right, S(120 * MIN_S), 120);
        assert_int_equal(known_count(trend, TREND_DAY), 13);
        assert_true(at_wall(trend, TREND_DAY, MIDNIGHT_S + 60 * MIN_S).mean == 60);
}

static void memory__none_for_the_first_ring__what_is_being_filled_is_there(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(true);

        (void)state;
        has_no_memory = true;
        trend_on_off(trend, &right, S(0), true);
        trend_catch_up(trend, &right, S(2 * HOUR_S + 60));
        assert_int_equal(known_count(trend, TREND_DAY), 1);
        assert_int_equal(known_count(trend, TREND_WEEK), 1);
        assert_near(trend_get(trend, TREND_DAY, TREND_DAY_BUCKETS - 1).known_s, 60, 0.01);
}

/* ---- Saved ----------------------------------------------------------------------------------------------- */

static unsigned char bytes[TREND_SAVED_MAX];

static struct trend *restored(bool is_share, const struct trend_clock *clock, uint64_t now_us, size_t size,
                              int expected)
{
        struct trend *trend = new_trend(is_share);

        assert_int_equal(trend_restore(trend, clock, now_us, bytes, size), expected);
        return trend;
}

static void trend_save__restored_in_the_same_boot__is_the_same(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        for (int minute = 0; minute < 600; minute++)
                trend_number(before, &right, S(minute * MIN_S), minute * 0.1);
        size_t size = trend_save(before, &right, S(600 * MIN_S), bytes);
        assert_true(size > 0 && size < 1200);
        CLEANUP_TREND struct trend *after = restored(false, &right, S(601 * MIN_S), size, 0);
        trend_catch_up(before, &right, S(601 * MIN_S));
        for (uint32_t i = 0; i < TREND_DAY_BUCKETS - 1; i++) {
                const struct trend_point a = trend_get(before, TREND_DAY, i), b = trend_get(after, TREND_DAY, i);
                assert_memory_equal(&a, &b, sizeof(a));
        }
        assert_memory_equal(before->courses, after->courses, sizeof(before->courses[0].number));
}

static void trend_save__whole_week__fits(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(true);

        (void)state;
        trend_on_off(trend, &right, S(0), true);
        size_t size = trend_save(trend, &right, S(8 * DAY_S + 1), bytes);
        assert_true(size > 3648 && size <= TREND_SAVED_MAX);
        CLEANUP_TREND struct trend *after = restored(true, &right, S(8 * DAY_S + 1), size, 0);
        assert_int_equal(known_count(after, TREND_DAY), TREND_DAY_BUCKETS);
        assert_int_equal(known_count(after, TREND_WEEK), TREND_WEEK_BUCKETS);
}

/* What was on when it was saved may be off by now: nobody knows until it is reported. */
static void trend_restore__was_on__is_not_held(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(true);

        (void)state;
        trend_on_off(before, &right, S(0), true);
        size_t size = trend_save(before, &right, S(300), bytes);
        CLEANUP_TREND struct trend *after = restored(true, &right, S(4000), size, 0);
        trend_on_off(after, &right, S(4200), false);
        trend_catch_up(after, &right, S(4500));
        assert_int_equal(known_count(after, TREND_DAY), 2);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S).on == 1);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 4200).on == 0);
}

/* Power was off for three hours; the clock is right after the boot. */
static void trend_restore__another_boot__an_outage_is_a_gap(void **state)
{
        const struct trend_clock next = { right.offset_us + (int64_t)S(5 * HOUR_S), true, "boot-b", 0 };
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        trend_number(before, &right, S(1 * HOUR_S), 20);
        trend_number(before, &right, S(2 * HOUR_S), 21);
        size_t size = trend_save(before, &right, S(2 * HOUR_S), bytes);
        CLEANUP_TREND struct trend *after = restored(false, &next, S(10), size, 0);
        trend_number(after, &next, S(20), 22);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 1 * HOUR_S).mean == 20);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 2 * HOUR_S).mean == 21);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 5 * HOUR_S).mean == 22);
        assert_int_equal(known_count(after, TREND_DAY), 3);
}

/* The same, and the clock comes after an hour: what has been measured meanwhile is where it belongs, too. */
static void trend_restore__another_boot_and_no_clock__waits_for_it(void **state)
{
        const struct trend_clock next = { right.offset_us + (int64_t)S(5 * HOUR_S), true, "boot-b", 0 };
        CLEANUP_TREND struct trend *before = new_trend(false);
        (void)state;
        trend_number(before, &right, S(2 * HOUR_S), 21);
        size_t size = trend_save(before, &right, S(2 * HOUR_S), bytes);
        CLEANUP_TREND struct trend *after = restored(false, &unknown_next_boot, S(10), size, -EAGAIN);
        trend_number(after, &unknown_next_boot, S(600), 22);
        assert_int_equal(known_count(after, TREND_DAY), 1);
        assert_int_equal(trend_restore(after, &next, S(HOUR_S), bytes, size), 0);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 2 * HOUR_S).mean == 21);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 5 * HOUR_S + 600).mean == 22);
}

/* A node whose clock is never right: by boot time alone, for as long as the boot lasts. */
static void trend_restore__never_a_clock__by_boot_time(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        trend_number(before, &unknown, S(1000), 20);
        size_t size = trend_save(before, &unknown, S(1000), bytes);
        CLEANUP_TREND struct trend *same = restored(false, &unknown, S(2000), size, 0);
        assert_true(trend_get(same, TREND_DAY, TREND_DAY_BUCKETS - 4).mean == 20);
        assert_int_equal(known_count(same, TREND_DAY), 1);
        CLEANUP_TREND struct trend *next = restored(false, &unknown_next_boot, S(2000), size, 0);
        assert_int_equal(known_count(next, TREND_DAY), 0);
        CLEANUP_TREND struct trend *known = restored(false, &right, S(2000), size, 0);
        assert_true(at_wall(known, TREND_DAY, MIDNIGHT_S + 900).mean == 20);
}

/* The clock was right when it was saved, and this start of the agent does not know that of it. */
static void trend_restore__same_boot_without_a_clock__by_boot_time_at_once(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        trend_number(before, &right, S(7 * HOUR_S), 20);
        size_t size = trend_save(before, &right, S(7 * HOUR_S), bytes);
        CLEANUP_TREND struct trend *after = restored(false, &unknown, S(8 * HOUR_S), size, 0);
        trend_number(after, &unknown, S(8 * HOUR_S), 21);
        assert_true(trend_get(after, TREND_DAY, TREND_DAY_BUCKETS - 13).mean == 20);
        trend_catch_up(after, &right, S(8 * HOUR_S));
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 7 * HOUR_S).mean == 20);
        assert_true(at_wall(after, TREND_DAY, MIDNIGHT_S + 8 * HOUR_S).mean == 21);
}

/* Killed and started again within a bucket: both halves are in it. */
static void trend_restore__into_a_bucket_that_has_begun__both_count(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        trend_number(before, &right, S(10), 20);
        trend_number(before, &right, S(20), 24);
        size_t size = trend_save(before, &right, S(30), bytes);
        CLEANUP_TREND struct trend *after = new_trend(false);
        trend_number(after, &right, S(40), 18);
        assert_int_equal(trend_restore(after, &right, S(50), bytes, size), 0);
        const struct trend_point point = last(after, TREND_DAY);
        assert_int_equal(point.count, 3);
        assert_true(point.min == 18 && point.max == 24);
        assert_near(point.mean, 62. / 3, 0.05);
}

static void trend_restore__of_the_future_or_too_old__is_left_out(void **state)
{
        const struct trend_clock earlier = { right.offset_us - (int64_t)S(10 * DAY_S), true, "boot-b", 0 };
        const struct trend_clock later = { right.offset_us + (int64_t)S(10 * DAY_S), true, "boot-b", 0 };
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        trend_number(before, &right, S(10), 20);
        size_t size = trend_save(before, &right, S(30), bytes);
        CLEANUP_TREND struct trend *past = restored(false, &earlier, S(0), size, 0);
        CLEANUP_TREND struct trend *future = restored(false, &later, S(0), size, 0);
        assert_int_equal(known_count(past, TREND_DAY) + known_count(past, TREND_WEEK), 0);
        assert_int_equal(known_count(future, TREND_DAY) + known_count(future, TREND_WEEK), 0);
}

static void trend_restore__damaged__is_refused_and_changes_nothing(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);
        CLEANUP_TREND struct trend *after = new_trend(false);

        (void)state;
        trend_number(before, &right, S(10), 20);
        trend_number(before, &right, S(400), 21);
        size_t size = trend_save(before, &right, S(500), bytes);
        trend_number(after, &right, S(500), 30);
        const struct trend was = *after;
        for (size_t cut = 0; cut < size; cut++)
                assert_int_equal(trend_restore(after, &right, S(500), bytes, cut), -EBADMSG);
        bytes[1]++; /* another version */
        assert_int_equal(trend_restore(after, &right, S(500), bytes, size), -EBADMSG);
        bytes[1]--;
        bytes[2] ^= 1; /* on or off */
        assert_int_equal(trend_restore(after, &right, S(500), bytes, size), -EBADMSG);
        bytes[2] ^= 1;
        bytes[2] ^= 4; /* a flag of a later version */
        assert_int_equal(trend_restore(after, &right, S(500), bytes, size), -EBADMSG);
        bytes[2] ^= 4;
        bytes[size] = 0; /* more than there is */
        assert_int_equal(trend_restore(after, &right, S(500), bytes, size + 1), -EBADMSG);
        assert_memory_equal(after, &was, sizeof(was));
        assert_int_equal(trend_restore(after, &right, S(500), bytes, size), 0);
        assert_int_equal(known_count(after, TREND_DAY), 2);
}

/* Whatever a file holds: no crash, and what is shown is finite. */
static void trend_restore__no_memory__is_as_it_was_and_can_be_tried_again(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        for (int minute = 0; minute < 600; minute += 5)
                trend_number(before, &right, S(minute * MIN_S), minute);
        size_t size = trend_save(before, &right, S(600 * MIN_S), bytes);
        has_no_memory = true;
        CLEANUP_TREND struct trend *after = restored(false, &right, S(601 * MIN_S), size, -ENOMEM);
        assert_int_equal(known_count(after, TREND_DAY), 0);
        has_no_memory = false;
        assert_int_equal(trend_restore(after, &right, S(601 * MIN_S), bytes, size), 0);
        assert_int_equal(known_count(after, TREND_DAY), 120);
}

static void trend_restore__too_old_for_the_day__takes_memory_for_the_week_alone(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);

        (void)state;
        trend_number(before, &right, S(0), 20);
        size_t size = trend_save(before, &right, S(60), bytes);
        CLEANUP_TREND struct trend *after = restored(false, &right, S(2 * DAY_S), size, 0);
        assert_null(after->courses[TREND_DAY].ring);
        assert_int_equal(known_count(after, TREND_WEEK), 1);
}

static void trend_restore__any_bytes__are_survived(void **state)
{
        CLEANUP_TREND struct trend *before = new_trend(false);
        unsigned random = 4711;
        unsigned char good[TREND_SAVED_MAX];
        unsigned taken = 0;

        (void)state;
        for (int minute = 0; minute < 100; minute++)
                trend_number(before, &right, S(minute * MIN_S), minute);
        size_t size = trend_save(before, &right, S(100 * MIN_S), good);
        for (int round = 0; round < 20000; round++) {
                CLEANUP_TREND struct trend *trend = new_trend(false);
                memcpy(bytes, good, size);
                for (int i = 0; i < 3; i++) {
                        random = random * 1103515245 + 12345;
                        bytes[4 + (random >> 8) % (size - 4)] ^= (unsigned char)(1U << ((random >> 4) & 7));
                }
                taken += trend_restore(trend, &right, S(100 * MIN_S), bytes, size) == 0;
                trend_number(trend, &right, S(101 * MIN_S), 5);
                for (uint32_t i = 0; i < TREND_DAY_BUCKETS; i++) {
                        const struct trend_point point = trend_get(trend, TREND_DAY, i);
                        assert_true(isfinite(point.min) && isfinite(point.mean) && isfinite(point.max));
                }
        }
        assert_true(taken > 1000 && taken < 20000);
}

static void trend_save__nothing_known__there_is_nothing_to_save(void **state)
{
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        assert_int_equal(trend_save(trend, &right, S(100), bytes), 0);
}

static void trend_newest__before_the_first_report__by_the_clock(void **state)
{
        struct trend_clock now = right;
        CLEANUP_TREND struct trend *trend = new_trend(false);

        (void)state;
        now.now_us = S(2 * HOUR_S + 1);
        assert_int_equal(trend_newest(NULL, &now, TREND_WEEK), MIDNIGHT_S / HOUR_S + 2);
        assert_int_equal(trend_newest(trend, &now, TREND_WEEK), MIDNIGHT_S / HOUR_S + 2);
        now.is_known = false;
        assert_int_equal(trend_newest(trend, &now, TREND_WEEK), 2);
        trend_number(trend, &right, S(HOUR_S), 1);
        assert_int_equal(trend_newest(trend, &now, TREND_WEEK), MIDNIGHT_S / HOUR_S + 1);
}

static void trend_span_from_name__others__are_none(void **state)
{
        enum trend_span span = TREND_SPANS;

        (void)state;
        assert_int_equal(trend_span_from_name("24h", &span), 0);
        assert_int_equal(span, TREND_DAY);
        assert_int_equal(trend_span_from_name("7d", &span), 0);
        assert_int_equal(span, TREND_WEEK);
        assert_int_equal(trend_span_from_name("1h", &span), -EINVAL);
        assert_int_equal(trend_span_from_name("", &span), -EINVAL);
}

#define MEMORY(test) cmocka_unit_test_teardown(test, all_memory)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bucket__one_number__is_that_number_again),
                cmocka_unit_test(bucket__tenths__come_out_as_tenths),
                cmocka_unit_test(bucket__any_numbers__within_the_promised_precision),
                cmocka_unit_test(bucket__count__exact_to_32_then_to_1_in_32),
                cmocka_unit_test(bucket__numbers_beyond_a_float__are_the_largest),
                cmocka_unit_test(bucket__nothing__is_empty),
                cmocka_unit_test(bucket__what_no_close_makes__is_not_sound),
                cmocka_unit_test(trend_number__clock_is_known__buckets_begin_at_full_5_minutes_and_hours),
                cmocka_unit_test(trend_get__after_the_span__the_oldest_are_gone),
                cmocka_unit_test(trend_catch_up__nothing_came__the_gap_is_empty),
                cmocka_unit_test(trend_number__of_an_earlier_moment__goes_into_the_newest),
                cmocka_unit_test(trend_on_off__on_for_a_while__its_share_of_the_time),
                cmocka_unit_test(trend_on_off__on_for_days__every_bucket_is_full),
                cmocka_unit_test(trend_unknown__in_between__does_not_count),
                cmocka_unit_test(clock__is_not_known__by_boot_time),
                cmocka_unit_test(clock__becomes_known__what_was_before_gets_its_place),
                cmocka_unit_test(clock__becomes_known__on_time_is_neither_lost_nor_twice),
                cmocka_unit_test(clock__jumps__all_buckets_move_with_it),
                cmocka_unit_test(clock__jumps_back_a_little__nothing_is_overwritten),
                cmocka_unit_test(clock__is_steered__every_bucket_has_its_readings),
                cmocka_unit_test(clock__is_not_known_any_more__goes_on_as_it_was),
                MEMORY(memory__grows_with_what_is_known__to_the_span_and_no_further),
                MEMORY(memory__nothing_known_for_longer_than_the_span__no_ring),
                MEMORY(memory__a_ring_that_cannot_grow__loses_its_oldest_alone),
                MEMORY(memory__none_for_the_first_ring__what_is_being_filled_is_there),
                cmocka_unit_test(trend_save__restored_in_the_same_boot__is_the_same),
                cmocka_unit_test(trend_save__whole_week__fits),
                cmocka_unit_test(trend_restore__was_on__is_not_held),
                cmocka_unit_test(trend_restore__another_boot__an_outage_is_a_gap),
                cmocka_unit_test(trend_restore__another_boot_and_no_clock__waits_for_it),
                cmocka_unit_test(trend_restore__never_a_clock__by_boot_time),
                cmocka_unit_test(trend_restore__same_boot_without_a_clock__by_boot_time_at_once),
                cmocka_unit_test(trend_restore__into_a_bucket_that_has_begun__both_count),
                cmocka_unit_test(trend_restore__of_the_future_or_too_old__is_left_out),
                cmocka_unit_test(trend_restore__damaged__is_refused_and_changes_nothing),
                MEMORY(trend_restore__no_memory__is_as_it_was_and_can_be_tried_again),
                MEMORY(trend_restore__too_old_for_the_day__takes_memory_for_the_week_alone),
                cmocka_unit_test(trend_restore__any_bytes__are_survived),
                cmocka_unit_test(trend_save__nothing_known__there_is_nothing_to_save),
                cmocka_unit_test(trend_newest__before_the_first_report__by_the_clock),
                cmocka_unit_test(trend_span_from_name__others__are_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
