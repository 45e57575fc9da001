/* SPDX-License-Identifier: Apache-2.0 */
/* util/clock: wall times to boot times and back, and whether they are right. */
#include "fakes/in_range.h"
#include "util/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/timex.h>

#include <cmocka.h>

struct fixture {
        struct loop loop;
        struct clock *clock;
};

static int set_up(void **state)
{
        static struct fixture fixture;

        *state = &fixture;
        if (loop_init_fake(&fixture.loop) < 0)
                return -1;
        loop_advance(&fixture.loop, 3600 * USEC_PER_SEC);
        return clock_new(&fixture.loop, CLOCK_MODE_TRUSTED, &fixture.clock);
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        clock_free(fixture->clock);
        loop_done(&fixture->loop);
        return 0;
}

static void clock_parse__what_clock_format_wrote__comes_back(void **state)
{
        const struct fixture *fixture = *state;
        uint64_t now_us = loop_now_us(&fixture->loop), at_us = 0;
        const uint64_t moments[] = { now_us, now_us + 5 * USEC_PER_SEC, now_us - 3599 * USEC_PER_SEC };
        char text[CLOCK_TEXT_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
                assert_true(clock_format(fixture->clock, moments[i], text));
                assert_int_equal(clock_parse(fixture->clock, text, &at_us), 0);
                /* A fake loop stands still, the wall clock does not. */
                assert_uint_in_range(moments[i] - at_us + USEC_PER_SEC, 0, 61 * USEC_PER_SEC);
        }
}

static uint64_t formatted_us(const struct fixture *fixture, uint64_t at_us)
{
        char text[CLOCK_TEXT_MAX];
        uint64_t us = 0;

        assert_true(clock_format(fixture->clock, at_us, text));
        assert_int_equal(clock_parse(fixture->clock, text, &us), 0);
        return us;
}

/* The second before is kept: neither a day nor a millisecond of it may stay. Between two texts the wall clock goes on. */
static void clock_format__one_after_another__each_is_its_own(void **state)
{
        static const int64_t steps_us[] = {
                0, 1000, 999000, -1, 86400 * 1000000LL, -86400 * 1000000LL, 5, 366 * 86400 * 1000000LL
        };
        const struct fixture *fixture = *state;
        uint64_t at_us = loop_now_us(&fixture->loop) + 400 * 86400 * USEC_PER_SEC;

        for (size_t i = 0; i < ARRAY_SIZE(steps_us); i++) {
                at_us += (uint64_t)steps_us[i];
                assert_uint_in_range(formatted_us(fixture, at_us) - at_us + 30 * USEC_PER_SEC, 0, 60 * USEC_PER_SEC);
        }
        uint64_t us = formatted_us(fixture, at_us + 500 * USEC_PER_MSEC) - formatted_us(fixture, at_us);
        assert_uint_in_range(us, 1, 30 * USEC_PER_SEC);
}

static void clock_parse__before_the_boot__is_long_ago(void **state)
{
        const struct fixture *fixture = *state;
        uint64_t at_us = 0;

        assert_int_equal(clock_parse(fixture->clock, "2001-02-03T04:05:06Z", &at_us), 0);
        assert_int_equal(at_us, 1);
}

static void clock_parse__fractions_and_leap_days__are_taken(void **state)
{
        static const char *const texts[] = { "2026-11-22T19:30:05Z",        "2026-11-22T19:30:05.1Z",
                                             "2026-11-22T19:30:05.123456Z", "2026-11-22T19:30:05.123456789Z",
                                             "2028-02-29T00:00:00Z",        "2099-12-31T23:59:59.999Z" };
        const struct fixture *fixture = *state;
        uint64_t at_us;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(clock_parse(fixture->clock, texts[i], &at_us), 0);
}

static void clock_parse__no_moment__is_refused(void **state)
{
        static const char *const texts[] = { "",
                                             "soon",
                                             "1795375805",
                                             "2026-11-22",
                                             "2026-11-22T19:30:05",
                                             "2026-11-22 19:30:05Z",
                                             "2026-11-22T19:30:05+01:00",
                                             "2026-11-22T19:30:05.Z",
                                             "2026-11-22T19:30:05.1",
                                             "2026-11-22T19:30:05Z ",
                                             "2026-11-22T19:30Z",
                                             "2026-13-22T19:30:05Z",
                                             "2026-04-31T19:30:05Z",
                                             "2026-02-29T19:30:05Z",
                                             "2026-11-22T24:30:05Z",
                                             "2026-11-22T19:30:0xZ",
                                             " 026-11-22T19:30:05Z",
                                             "1969-11-22T19:30:05Z" };
        const struct fixture *fixture = *state;
        uint64_t at_us = 42;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (clock_parse(fixture->clock, texts[i], &at_us) != -EINVAL)
                        fail_msg("%s was taken", texts[i]);
        assert_int_equal(at_us, 42);
}

static void clock_parse__clock_not_trusted__is_refused(void **state)
{
        const struct fixture *fixture = *state;
        uint64_t at_us = 42;

        clock_set_mode(fixture->clock, CLOCK_MODE_AUTO);
        assert_int_equal(clock_parse(fixture->clock, "2026-11-22T19:30:05Z", &at_us), -EAGAIN);
        assert_int_equal(at_us, 42);
        assert_int_equal(clock_parse(fixture->clock, "soon", &at_us), -EINVAL);
}

static int is_synchronised(struct timex *state)
{
        state->status = STA_PLL;
        return TIME_OK;
}

static int is_unsynchronised(struct timex *state)
{
        state->status = STA_PLL | STA_UNSYNC;
        return TIME_ERROR;
}

static int refuses(struct timex *state)
{
        (void)state;
        errno = EPERM;
        return -1;
}

/* The kernel's word counts where there is one; else the file's being there. */
static void clock_is_synchronised__each_answer_of_the_kernel__is_believed_as_it_deserves(void **state)
{
        static const struct {
                struct clock_sources sources;
                bool expected;
        } rows[] = {
                { { is_synchronised, "/none" }, true }, { { is_synchronised, "/" }, true },
                { { is_unsynchronised, "/" }, false },  { { is_unsynchronised, "/none" }, false },
                { { refuses, "/none" }, false },        { { refuses, "/" }, true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(clock_is_synchronised(&rows[i].sources), rows[i].expected);
}

/* A kernel that has had no word of the time server for hours takes its own back. */
static void clock_trusted__synchronised_once__stays_trusted(void **state)
{
        static const struct clock_sources right = { is_synchronised, "/none" }, wrong = { is_unsynchronised, "/none" };
        const struct fixture *fixture = *state;
        char text[CLOCK_TEXT_MAX];
        uint64_t at_us;

        clock_set_mode(fixture->clock, CLOCK_MODE_AUTO);
        clock_set_sources(fixture->clock, &wrong);
        assert_false(clock_trusted(fixture->clock));
        clock_set_sources(fixture->clock, &right);
        assert_true(clock_trusted(fixture->clock));
        clock_set_sources(fixture->clock, &wrong);
        assert_true(clock_trusted(fixture->clock));
        assert_true(clock_format(fixture->clock, loop_now_us(&fixture->loop), text));
        assert_int_equal(clock_parse(fixture->clock, "2026-11-22T19:30:05Z", &at_us), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(clock_parse__what_clock_format_wrote__comes_back),
                TEST(clock_format__one_after_another__each_is_its_own),
                TEST(clock_parse__before_the_boot__is_long_ago),
                TEST(clock_parse__fractions_and_leap_days__are_taken),
                TEST(clock_parse__no_moment__is_refused),
                TEST(clock_parse__clock_not_trusted__is_refused),
                TEST(clock_trusted__synchronised_once__stays_trusted),
                cmocka_unit_test(clock_is_synchronised__each_answer_of_the_kernel__is_believed_as_it_deserves),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
