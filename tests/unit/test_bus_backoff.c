/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again, and when to report it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/backoff.h"
#include "bus/repeat.h"
#include "fakes/in_range.h"
#include "util/macro.h"

static void backoff_next__each_failure__doubles_the_bound(void **state)
{
        struct backoff backoff;
        static const uint64_t bounds_s[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };

        (void)state;
        backoff_init(&backoff, 1 * USEC_PER_SEC, 60 * USEC_PER_SEC);
        for (size_t i = 0; i < ARRAY_SIZE(bounds_s); i++) {
                assert_int_equal(backoff.bound_us, bounds_s[i] * USEC_PER_SEC);
                /* Full jitter: from nothing to the whole bound. */
                struct backoff copy = backoff;
                assert_int_equal(backoff_next(&copy, 0), 0);
                copy = backoff;
                assert_int_equal(backoff_next(&copy, bounds_s[i] * USEC_PER_SEC), bounds_s[i] * USEC_PER_SEC);
                assert_uint_in_range(backoff_next(&backoff, UINT64_MAX - 1), 0, bounds_s[i] * USEC_PER_SEC);
        }
        backoff_reset(&backoff);
        assert_int_equal(backoff.bound_us, USEC_PER_SEC);
}

static void backoff_init__odd_limits__stay_in_order(void **state)
{
        struct backoff backoff;

        (void)state;
        backoff_init(&backoff, 0, 0);
        assert_uint_in_range(backoff_next(&backoff, UINT64_MAX), 0, 1);
        backoff_init(&backoff, 10, 5);
        assert_int_equal(backoff.max_us, 10);
        backoff_init(&backoff, UINT64_MAX - 1, UINT64_MAX - 1);
        (void)backoff_next(&backoff, 1);
        assert_int_equal(backoff.bound_us, UINT64_MAX - 1);
}

static void repeat_due__same_text__is_reported_at_intervals(void **state)
{
        struct repeat repeat = { 0 };
        unsigned times;

        (void)state;
        assert_true(repeat_due(&repeat, "refused", 5, &times));
        assert_int_equal(times, 1);
        assert_false(repeat_due(&repeat, "refused", 6, &times));
        assert_false(repeat_due(&repeat, "refused", 5 + REPEAT_INTERVAL_US - 1, &times));
        assert_true(repeat_due(&repeat, "refused", 5 + REPEAT_INTERVAL_US, &times));
        assert_int_equal(times, 4);
        assert_false(repeat_due(&repeat, "refused", 6 + REPEAT_INTERVAL_US, &times));
        repeat_reset(&repeat);
        assert_true(repeat_due(&repeat, "refused", 7 + REPEAT_INTERVAL_US, &times));
        assert_int_equal(times, 1);
}

static void repeat_due__alternating_texts__keep_their_own_counts(void **state)
{
        struct repeat repeat = { 0 };
        unsigned times;

        (void)state;
        for (unsigned i = 0; i < 10; i++) {
                assert_int_equal(repeat_due(&repeat, "unreachable", 100 + i, &times), i == 0);
                assert_int_equal(times, i + 1);
                assert_int_equal(repeat_due(&repeat, "refused", 100 + i, &times), i == 0);
        }
        /* A flood of others pushes out what was reported longest ago, no more. */
        for (unsigned i = 0; i < REPEAT_TEXTS; i++) {
                char text[16];
                (void)snprintf(text, sizeof(text), "other %u", i);
                assert_true(repeat_due(&repeat, text, 200 + i, &times));
        }
        assert_false(repeat_due(&repeat, "other 7", 300, &times));
        assert_true(repeat_due(&repeat, "refused", 300, &times));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(backoff_next__each_failure__doubles_the_bound),
                cmocka_unit_test(backoff_init__odd_limits__stay_in_order),
                cmocka_unit_test(repeat_due__same_text__is_reported_at_intervals),
                cmocka_unit_test(repeat_due__alternating_texts__keep_their_own_counts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
