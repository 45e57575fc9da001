/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/contact on the mock host. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "fakes/plugin_file.h"

static int setup(void **state)
{
        struct mock_host *host = mock_host_load(plugin_file("contact"));

        mock_option(host, "line", "GPIO4");
        *state = host;
        return 0;
}

static int teardown(void **state)
{
        mock_host_free(*state);
        return 0;
}

static void contact__start__level_reported(void **state)
{
        struct mock_host *host = *state;

        mock_line(host, "GPIO4")->active = true;
        assert_int_equal(mock_start(host), 0);
        assert_false(mock_line(host, "GPIO4")->is_output);
        assert_true(mock_value(host, "state")->on);
}

static void contact__edge__reported_with_its_time(void **state)
{
        struct mock_host *host = *state;

        assert_int_equal(mock_start(host), 0);
        mock_advance_us(host, 5000);
        mock_edge(host, "GPIO4", true);
        assert_true(mock_value(host, "state")->on);
        assert_int_equal(mock_value_time_us(host), 1000005000);
        mock_edge(host, "GPIO4", false);
        assert_false(mock_value(host, "state")->on);
}

static void contact__read__level_reported(void **state)
{
        struct mock_host *host = *state;

        assert_int_equal(mock_start(host), 0);
        mock_line(host, "GPIO4")->active = true;
        assert_int_equal(mock_read(host), 0);
        assert_true(mock_value(host, "state")->on);
        mock_line(host, "GPIO4")->error = -EIO;
        assert_int_equal(mock_read(host), -EIO);
}

static void contact__line_fails__its_errno(void **state)
{
        struct mock_host *host = *state;

        mock_line(host, "GPIO4")->error = -EACCES;
        assert_int_equal(mock_start(host), -EACCES);
}

static void contact__declares__debounce_and_nothing_written(void **state)
{
        struct mock_host *host = *state;

        assert_int_equal(mock_start(host), 0);
        assert_string_equal(mock_plugin(host)->options[0].debounce, "20ms");
        assert_int_equal(mock_channel(host, "state")->kind, SCONCE_BINARY_SENSOR);
        assert_null(mock_channel(host, "state")->device_class);
        assert_null(mock_plugin(host)->command);
}

static void contact__device_class__in_its_channel(void **state)
{
        static const struct {
                const char *option, *class;
        } cases[] = { { "door", "door" }, { "motion", "motion" }, { "leak", "moisture" } };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                struct mock_host *host = mock_host_load(plugin_file("contact"));
                mock_option(host, "line", "GPIO4");
                mock_option(host, "device_class", cases[i].option);
                assert_int_equal(mock_start(host), 0);
                assert_string_equal(mock_channel(host, "state")->device_class, cases[i].class);
                mock_host_free(host);
        }
}

/* ---- off_delay ----------------------------------------------------------------------------------------- */

static void start_motion(struct mock_host *host)
{
        mock_option(host, "off_delay", "30s");
        assert_int_equal(mock_start(host), 0);
        assert_false(mock_value(host, "state")->on);
        mock_edge(host, "GPIO4", true);
        assert_true(mock_value(host, "state")->on);
}

static void off_delay__line_rests__off_when_it_is_over(void **state)
{
        struct mock_host *host = *state;

        start_motion(host);
        mock_advance_us(host, 2000000);
        mock_edge(host, "GPIO4", false);
        uint64_t let_go_us = mock_now(host);
        mock_advance_us(host, 29999999);
        assert_true(mock_value(host, "state")->on);
        mock_advance_us(host, 1);
        assert_false(mock_value(host, "state")->on);
        assert_int_equal(mock_value_time_us(host), let_go_us + 30000000);
}

static void off_delay__active_again__stays_on_and_counts_again(void **state)
{
        struct mock_host *host = *state;

        start_motion(host);
        for (int i = 0; i < 3; i++) {
                mock_edge(host, "GPIO4", false);
                mock_advance_us(host, 20000000);
                assert_true(mock_value(host, "state")->on);
                mock_edge(host, "GPIO4", true);
                mock_advance_us(host, 60000000);
                assert_true(mock_value(host, "state")->on);
        }
        mock_edge(host, "GPIO4", false);
        mock_advance_us(host, 30000000);
        assert_false(mock_value(host, "state")->on);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void off_delay__edge_reported_late__counts_from_the_edge(void **state)
{
        struct mock_host *host = *state;

        start_motion(host);
        uint64_t let_go_us = mock_now(host);
        mock_stall_us(host, 25000000);
        mock_edge_at(host, "GPIO4", false, let_go_us, 0);
        mock_advance_us(host, 4999999);
        assert_true(mock_value(host, "state")->on);
        mock_advance_us(host, 1);
        assert_false(mock_value(host, "state")->on);
}

static void off_delay__read_meanwhile__still_on(void **state)
{
        struct mock_host *host = *state;

        start_motion(host);
        mock_edge(host, "GPIO4", false);
        assert_int_equal(mock_read(host), 0);
        assert_true(mock_value(host, "state")->on);
        mock_advance_us(host, 30000000);
        assert_false(mock_value(host, "state")->on);
        assert_int_equal(mock_read(host), 0);
        assert_false(mock_value(host, "state")->on);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(contact__start__level_reported),
                TEST(contact__edge__reported_with_its_time),
                TEST(contact__read__level_reported),
                TEST(contact__line_fails__its_errno),
                TEST(contact__declares__debounce_and_nothing_written),
                TEST(contact__device_class__in_its_channel),
                TEST(off_delay__line_rests__off_when_it_is_over),
                TEST(off_delay__active_again__stays_on_and_counts_again),
                TEST(off_delay__edge_reported_late__counts_from_the_edge),
                TEST(off_delay__read_meanwhile__still_on),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
