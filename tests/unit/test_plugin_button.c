/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/button on the mock host: what is pressed is decided by the edges' own times. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "fakes/plugin_file.h"

#define MS 1000ULL

static int setup(void **state)
{
        struct mock_host *host = mock_host_load(plugin_file("button"));

        mock_option(host, "line", "GPIO5");
        *state = host;
        return 0;
}

static int teardown(void **state)
{
        mock_host_free(*state);
        return 0;
}

static void start(struct mock_host *host)
{
        assert_int_equal(mock_start(host), 0);
}

static void hold_for(struct mock_host *host, uint64_t us)
{
        mock_edge(host, "GPIO5", true);
        mock_advance_us(host, us);
        mock_edge(host, "GPIO5", false);
}

static void press(struct mock_host *host, unsigned times)
{
        for (unsigned i = 0; i < times; i++) {
                mock_advance_us(host, 100 * MS);
                hold_for(host, 100 * MS);
        }
}

static void rest(struct mock_host *host)
{
        mock_advance_us(host, 10000 * MS);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void button__declares__one_event_and_nothing_written(void **state)
{
        static const char *const types[] = { "single", "double", "triple", "long", "release" };
        const struct sconce_plugin *plugin = mock_plugin(*state);

        assert_string_equal(plugin->channels[0].key, "press");
        assert_int_equal(plugin->channels[0].kind, SCONCE_EVENT);
        for (size_t i = 0; i < 5; i++)
                assert_string_equal(plugin->channels[0].choices[i], types[i]);
        assert_null(plugin->channels[0].choices[5]);
        assert_null(plugin->channels[1].key);
        assert_null(plugin->command);
}

static void press__once__single_when_no_other_follows(void **state)
{
        struct mock_host *host = *state;

        start(host);
        press(host, 1);
        uint64_t released_us = mock_now(host);
        mock_advance_us(host, 300 * MS);
        assert_int_equal(mock_events(host), 0);
        mock_advance_us(host, 1 * MS);
        assert_string_equal(mock_event(host), "press single");
        assert_int_equal(mock_event_time_us(host), released_us);
        rest(host);
        assert_int_equal(mock_events(host), 1);
}

static void press__twice__double(void **state)
{
        struct mock_host *host = *state;

        start(host);
        press(host, 2);
        rest(host);
        assert_string_equal(mock_event_log(host), "double");
}

static void press__three_times__triple_at_once(void **state)
{
        struct mock_host *host = *state;

        start(host);
        press(host, 3);
        assert_string_equal(mock_event_log(host), "triple");
        press(host, 1);
        rest(host);
        assert_string_equal(mock_event_log(host), "triple single");
}

static void press__pause_between_is_too_long__two_singles(void **state)
{
        struct mock_host *host = *state;

        start(host);
        press(host, 1);
        mock_advance_us(host, 201 * MS); /* and 100 more */
        press(host, 1);
        rest(host);
        assert_string_equal(mock_event_log(host), "single single");
        mock_event_log_empty(host);
        press(host, 1);
        mock_advance_us(host, 200 * MS);
        press(host, 1);
        rest(host);
        assert_string_equal(mock_event_log(host), "double");
}

static void press__held__long_while_it_is_and_release(void **state)
{
        struct mock_host *host = *state;

        start(host);
        uint64_t pressed_us = mock_now(host);
        mock_edge(host, "GPIO5", true);
        mock_advance_us(host, 799 * MS);
        assert_int_equal(mock_events(host), 0);
        mock_advance_us(host, 1 * MS);
        assert_string_equal(mock_event_log(host), "long");
        assert_int_equal(mock_event_time_us(host), pressed_us + 800 * MS);
        mock_advance_us(host, 5000 * MS);
        mock_edge(host, "GPIO5", false);
        assert_string_equal(mock_event_log(host), "long release");
        assert_int_equal(mock_event_time_us(host), pressed_us + 5800 * MS);
        rest(host);
        assert_string_equal(mock_event_log(host), "long release");
}

static void press__almost_long__single(void **state)
{
        struct mock_host *host = *state;

        start(host);
        hold_for(host, 799 * MS);
        rest(host);
        assert_string_equal(mock_event_log(host), "single");
}

static void press__last_in_a_row_is_held__both_are_reported(void **state)
{
        struct mock_host *host = *state;

        start(host);
        press(host, 2);
        mock_advance_us(host, 100 * MS);
        hold_for(host, 1000 * MS);
        rest(host);
        assert_string_equal(mock_event_log(host), "double long release");
}

static void press__held_at_the_start__its_release_is_nothing(void **state)
{
        struct mock_host *host = *state;

        mock_line(host, "GPIO5")->active = true;
        start(host);
        mock_edge(host, "GPIO5", false);
        rest(host);
        assert_int_equal(mock_events(host), 0);
        press(host, 1);
        rest(host);
        assert_string_equal(mock_event_log(host), "single");
}

static void options__presses_1__single_at_the_release(void **state)
{
        struct mock_host *host = *state;

        mock_option(host, "presses", "1");
        start(host);
        press(host, 2);
        assert_string_equal(mock_event_log(host), "single single");
        hold_for(host, 1000 * MS);
        assert_string_equal(mock_event_log(host), "single single long release");
}

static void options__times__are_those_of_the_config(void **state)
{
        struct mock_host *host = *state;

        mock_option(host, "double_time", "1s");
        mock_option(host, "long_time", "2s");
        start(host);
        hold_for(host, 1999 * MS);
        mock_advance_us(host, 1000 * MS);
        hold_for(host, 1999 * MS);
        rest(host);
        hold_for(host, 2000 * MS);
        assert_string_equal(mock_event_log(host), "double long release");
}

/* ---- The loop was busy --------------------------------------------------------------------------------- */

/* What happened while nobody listened, `ms` after `from_us`, beginning with a press. */
static void deliver(struct mock_host *host, uint64_t from_us, const unsigned *ms, size_t count)
{
        for (size_t i = 0; i < count; i++)
                mock_edge_at(host, "GPIO5", i % 2 == 0, from_us + ms[i] * MS, 0);
}

static void busy_loop__presses_come_at_once__their_times_decide(void **state)
{
        static const struct {
                unsigned ms[6];
                size_t count;
                const char *events;
        } cases[] = {
                { { 0, 100, 250, 350 }, 4, "double" },
                { { 0, 100, 401, 500 }, 4, "single single" },
                { { 0, 799 }, 2, "single" },
                { { 0, 800 }, 2, "long release" },
                { { 0, 100, 200, 300, 400, 500 }, 6, "triple" },
                { { 0, 100, 200, 1200 }, 4, "single long release" },
        };
        struct mock_host *host = *state;

        start(host);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t from_us = mock_now(host);
                mock_stall_us(host, 5000 * MS);
                deliver(host, from_us, cases[i].ms, cases[i].count);
                rest(host);
                assert_string_equal(mock_event_log(host), cases[i].events);
                mock_event_log_empty(host);
        }
}

static void busy_loop__timer_before_the_edges__their_times_decide(void **state)
{
        static const unsigned rest_of_double[] = { 250, 350 };
        struct mock_host *host = *state;

        start(host);
        uint64_t from_us = mock_now(host);
        hold_for(host, 100 * MS);
        mock_stall_us(host, 5000 * MS); /* meanwhile the second press */
        mock_advance_us(host, 0);       /* the first's time is over, as the timer sees it */
        assert_int_equal(mock_events(host), 0);
        deliver(host, from_us, rest_of_double, 2);
        rest(host);
        assert_string_equal(mock_event_log(host), "double");
}

static void busy_loop__timer_before_the_release__single(void **state)
{
        struct mock_host *host = *state;

        start(host);
        uint64_t from_us = mock_now(host);
        mock_edge(host, "GPIO5", true);
        mock_stall_us(host, 5000 * MS);
        mock_advance_us(host, 0);
        assert_int_equal(mock_events(host), 0);
        mock_edge_at(host, "GPIO5", false, from_us + 100 * MS, 0);
        rest(host);
        assert_string_equal(mock_event_log(host), "single");
}

static void busy_loop__still_held__long_all_the_same(void **state)
{
        struct mock_host *host = *state;

        start(host);
        mock_edge(host, "GPIO5", true);
        mock_stall_us(host, 5000 * MS);
        mock_advance_us(host, 0);
        mock_stall_us(host, 5000 * MS); /* and busy again: it looks once more, not for ever */
        mock_advance_us(host, 0);
        assert_string_equal(mock_event_log(host), "long");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(button__declares__one_event_and_nothing_written),
                TEST(press__once__single_when_no_other_follows),
                TEST(press__twice__double),
                TEST(press__three_times__triple_at_once),
                TEST(press__pause_between_is_too_long__two_singles),
                TEST(press__held__long_while_it_is_and_release),
                TEST(press__almost_long__single),
                TEST(press__last_in_a_row_is_held__both_are_reported),
                TEST(press__held_at_the_start__its_release_is_nothing),
                TEST(options__presses_1__single_at_the_release),
                TEST(options__times__are_those_of_the_config),
                TEST(busy_loop__presses_come_at_once__their_times_decide),
                TEST(busy_loop__timer_before_the_edges__their_times_decide),
                TEST(busy_loop__timer_before_the_release__single),
                TEST(busy_loop__still_held__long_all_the_same),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
