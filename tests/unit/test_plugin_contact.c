/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/contact on the mock host. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/mock_host.h"
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
        const struct sconce_plugin *plugin = mock_plugin(*state);

        assert_string_equal(plugin->options[0].debounce, "20ms");
        assert_int_equal(plugin->channels[0].kind, SCONCE_BINARY_SENSOR);
        assert_null(plugin->command);
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
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
