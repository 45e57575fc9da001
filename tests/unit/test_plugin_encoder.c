/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/encoder on the mock host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "fakes/plugin_file.h"

#define MS 1000ULL

static struct mock_host *host;

static int setup(void **state)
{
        (void)state;
        host = mock_host_load(plugin_file("encoder"));
        mock_option(host, "a", "GPIO9");
        mock_option(host, "b", "GPIO10");
        return 0;
}

static int setup_number(void **state)
{
        (void)setup(state);
        mock_option(host, "min", "-5");
        mock_option(host, "max", "5");
        mock_option(host, "step", "0.5");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        mock_host_free(host);
        return 0;
}

static void start(void)
{
        assert_int_equal(mock_start(host), 0);
}

static const char *const line_of[] = { "GPIO9", "GPIO10" };

/* The edges of a turn: clockwise a closes first. */
static const struct {
        unsigned line;
        bool active;
} clockwise[] = { { 0, true }, { 1, true }, { 0, false }, { 1, false } };

static void edge(unsigned line, bool active)
{
        mock_edge(host, line_of[line], active);
        mock_advance_us(host, 5 * MS);
}

static void turn(int steps)
{
        for (int i = 0; i < abs(steps) * 4; i++)
                edge(clockwise[i % 4].line != (steps < 0), clockwise[i % 4].active);
}

static void expect_number(double value)
{
        assert_int_equal(mock_value(host, "value")->type, SCONCE_VALUE_NUMBER);
        assert_true(mock_value(host, "value")->number == value);
}

/* ---- Events -------------------------------------------------------------------------------------------- */

static void turn__clockwise__one_event_a_step(void **state)
{
        (void)state;
        start();
        turn(2);
        assert_string_equal(mock_event_log(host), "clockwise clockwise");
        assert_string_equal(mock_event(host), "turn clockwise");
        assert_int_equal(mock_timers_armed(host), 0);
}

static void turn__counterclockwise__one_event_a_step(void **state)
{
        (void)state;
        start();
        turn(-2);
        turn(1);
        assert_string_equal(mock_event_log(host), "counterclockwise counterclockwise clockwise");
}

static void turn__from_any_position__the_same(void **state)
{
        (void)state;
        mock_line(host, "GPIO9")->active = mock_line(host, "GPIO10")->active = true;
        start();
        for (int i = 0; i < 8; i++)
                edge(clockwise[(i + 2) % 4].line, clockwise[(i + 2) % 4].active);
        assert_string_equal(mock_event_log(host), "clockwise clockwise");
}

static void turn__half_a_step_and_back__nothing(void **state)
{
        (void)state;
        start();
        edge(0, true);
        edge(1, true);
        edge(1, false);
        edge(0, false);
        assert_int_equal(mock_events(host), 0);
        turn(1);
        assert_int_equal(mock_events(host), 1);
}

static void turn__contacts_bounce__one_event(void **state)
{
        (void)state;
        start();
        for (int i = 0; i < 4; i++)
                for (int bounce = 0; bounce < 7; bounce++) /* odd: it ends where it goes to */
                        edge(clockwise[i].line, clockwise[i].active == (bounce % 2 == 0));
        assert_string_equal(mock_event_log(host), "clockwise");
}

static void edges_per_step__fewer__more_events(void **state)
{
        static const char *const choices[] = { "1", "2", "4" };
        static const unsigned events[] = { 8, 4, 2 };

        for (size_t i = 0; i < 3; i++) {
                (void)teardown(state);
                (void)setup(state);
                mock_option(host, "edges_per_step", choices[i]);
                start();
                turn(-2);
                assert_int_equal(mock_events(host), events[i]);
                assert_string_equal(mock_event(host), "turn counterclockwise");
        }
}

/* ---- The order of edges -------------------------------------------------------------------------------- */

/* A busy loop hears first what one line did and then what the other did. */
static void busy_loop__one_line_after_the_other__their_times_decide(void **state)
{
        static const int ways[] = { 1, -1 };
        uint64_t from_us = 0;

        (void)state;
        start();
        for (size_t w = 0; w < 2; w++) {
                from_us = mock_now(host);
                mock_stall_us(host, 1000 * MS);
                for (unsigned line = 0; line < 2; line++)
                        for (unsigned i = 0; i < 12; i++)
                                if ((clockwise[i % 4].line != (ways[w] < 0)) == line)
                                        mock_edge_at(host, line_of[line], clockwise[i % 4].active, from_us + i * MS, 0);
                mock_advance_us(host, 5 * MS);
        }
        assert_string_equal(mock_event_log(host), "clockwise clockwise clockwise counterclockwise "
                                                  "counterclockwise counterclockwise");
        assert_int_equal(mock_event_time_us(host), from_us + 11 * MS);
}

static void busy_loop__more_edges_than_are_kept__none_is_forgotten(void **state)
{
        (void)state;
        start();
        uint64_t from_us = mock_now(host);
        for (unsigned i = 0; i < 400; i++)
                mock_edge_at(host, line_of[clockwise[i % 4].line], clockwise[i % 4].active, from_us + i * MS, 0);
        mock_advance_us(host, 5 * MS);
        assert_int_equal(mock_events(host), 100);
}

static void edges__of_one_moment__go_on_the_way_it_turned(void **state)
{
        (void)state;
        start();
        turn(-1);
        mock_event_log_empty(host);
        for (int i = 0; i < 2; i++) {
                mock_edge(host, "GPIO9", i == 0);
                mock_edge(host, "GPIO10", i == 0);
                mock_advance_us(host, 5 * MS);
        }
        assert_string_equal(mock_event_log(host), "counterclockwise");
}

/* ---- A number ------------------------------------------------------------------------------------------ */

static void number__turned__within_its_limits(void **state)
{
        (void)state;
        start();
        expect_number(-5);
        turn(-1);
        expect_number(-5);
        turn(3);
        expect_number(-3.5);
        turn(40);
        expect_number(5);
        turn(-1);
        expect_number(4.5);
        assert_int_equal(mock_events(host), 0);
}

static void number__set__turns_on_from_there(void **state)
{
        (void)state;
        start();
        assert_int_equal(mock_command(host, SCONCE_NUM("value", 2.25)), 0);
        expect_number(2.25);
        turn(1);
        expect_number(2.75);
}

static void number__set_right_after_a_step__the_command_is_later(void **state)
{
        (void)state;
        start();
        for (int i = 0; i < 4; i++)
                mock_edge(host, line_of[clockwise[i].line], clockwise[i].active);
        assert_int_equal(mock_command(host, SCONCE_NUM("value", 1)), 0);
        mock_advance_us(host, 5 * MS);
        expect_number(1);
}

static void number__small_steps__are_short_numbers(void **state)
{
        (void)state;
        mock_option(host, "min", "0");
        mock_option(host, "step", "0.1");
        start();
        turn(3);
        expect_number(0.3);
}

static void number__start_again__as_it_was(void **state)
{
        (void)state;
        mock_first(host, SCONCE_NUM("value", 3));
        start();
        expect_number(3);
        mock_stop(host);
        mock_first(host, SCONCE_NUM("value", 99)); /* its limits have changed since */
        start();
        expect_number(5);
}

/* ---- Options ------------------------------------------------------------------------------------------- */

static void configure__channel__event_or_number(void **state)
{
        start();
        assert_int_equal(mock_channel(host, "turn")->kind, SCONCE_EVENT);
        assert_null(mock_channel(host, "value"));
        (void)teardown(state);
        (void)setup_number(state);
        start();
        assert_null(mock_channel(host, "turn"));
        assert_int_equal(mock_channel(host, "value")->kind, SCONCE_NUMBER);
        assert_true(mock_channel(host, "value")->min == -5 && mock_channel(host, "value")->max == 5);
        assert_true(mock_channel(host, "value")->step == 0.5);
}

static void configure__max_below_min__refused_in_words(void **state)
{
        (void)state;
        mock_option(host, "min", "10");
        mock_option(host, "max", "5");
        assert_int_equal(mock_start(host), -EINVAL);
        assert_string_equal(mock_error(host), "max = 5 must be above min = 10");
}

static void start__line_fails__its_errno(void **state)
{
        (void)state;
        mock_line(host, "GPIO10")->error = -EBUSY;
        assert_int_equal(mock_start(host), -EBUSY);
}

#define TEST(function)        cmocka_unit_test_setup_teardown(function, setup, teardown)
#define NUMBER_TEST(function) cmocka_unit_test_setup_teardown(function, setup_number, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(turn__clockwise__one_event_a_step),
                TEST(turn__counterclockwise__one_event_a_step),
                TEST(turn__from_any_position__the_same),
                TEST(turn__half_a_step_and_back__nothing),
                TEST(turn__contacts_bounce__one_event),
                TEST(edges_per_step__fewer__more_events),
                TEST(busy_loop__one_line_after_the_other__their_times_decide),
                TEST(busy_loop__more_edges_than_are_kept__none_is_forgotten),
                TEST(edges__of_one_moment__go_on_the_way_it_turned),
                NUMBER_TEST(number__turned__within_its_limits),
                NUMBER_TEST(number__set__turns_on_from_there),
                NUMBER_TEST(number__set_right_after_a_step__the_command_is_later),
                NUMBER_TEST(number__small_steps__are_short_numbers),
                NUMBER_TEST(number__start_again__as_it_was),
                TEST(configure__channel__event_or_number),
                TEST(configure__max_below_min__refused_in_words),
                TEST(start__line_fails__its_errno),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
