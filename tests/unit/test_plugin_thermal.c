/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/thermal on the mock host, with a tree of zones as the kernel shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/config_text.h"
#include <sconce/mock.h>
#include "fakes/plugin_file.h"

static struct mock_host *host;
static char root[4096];

static void write_file(const char *name, const char *text)
{
        config_text_file(name, text, strlen(text));
}

static int setup(void **state)
{
        if (config_text_setup(state) != 0)
                return -1;
        assert_int_equal(mkdir("thermal_zone0", 0700), 0);
        assert_int_equal(mkdir("thermal_zone1", 0700), 0);
        assert_int_equal(mkdir("cooling_device0", 0700), 0);
        write_file("thermal_zone0/type", "acpitz\n");
        write_file("thermal_zone0/temp", "27800\n");
        write_file("thermal_zone1/type", "cpu-thermal\n");
        write_file("thermal_zone1/temp", "48312\n");
        write_file("cooling_device0/type", "cpu-thermal\n");
        assert_non_null(getcwd(root, sizeof(root)));
        host = mock_host_load(plugin_file("thermal"));
        mock_option(host, "root", root);
        return 0;
}

static int teardown(void **state)
{
        mock_host_free(host);
        return config_text_teardown(state);
}

static double temperature(void)
{
        const struct sconce_value *value = mock_value(host, "temperature");

        assert_non_null(value);
        return value->number;
}

static void thermal__default__first_zone(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(temperature() == 27.8);
}

static void thermal__zone_by_type__found(void **state)
{
        (void)state;
        mock_option(host, "zone", "cpu-thermal");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(temperature() == 48.312);
}

static void thermal__below_zero__negative(void **state)
{
        (void)state;
        write_file("thermal_zone0/temp", "-5250\n");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(temperature() == -5.25);
}

static void thermal__no_such_zone__said(void **state)
{
        char expected[5000];

        (void)state;
        mock_option(host, "zone", "gpu-thermal");
        assert_int_equal(mock_start(host), -ENOENT);
        (void)snprintf(expected, sizeof(expected), "there is no thermal zone \"gpu-thermal\" in %s", root);
        assert_string_equal(mock_error(host), expected);
}

static void thermal__no_such_directory__said(void **state)
{
        (void)state;
        mock_option(host, "root", "/nowhere/at/all");
        assert_int_equal(mock_start(host), -ENOENT);
        assert_string_equal(mock_error(host), "/nowhere/at/all: cannot be read: No such file or directory");
}

static void thermal__odd_content__error_and_nothing_reported(void **state)
{
        static const char *const odd[] = { "", "warm\n", "48312 C\n" };

        (void)state;
        assert_int_equal(mock_start(host), 0);
        for (size_t i = 0; i < 3; i++) {
                write_file("thermal_zone0/temp", odd[i]);
                assert_int_equal(mock_read(host), -EBADMSG);
        }
        assert_int_equal(unlink("thermal_zone0/temp"), 0);
        assert_int_equal(mock_read(host), -ENOENT);
        assert_null(mock_value(host, "temperature"));
}

static void thermal__declares__blocking_and_every(void **state)
{
        (void)state;
        assert_true(mock_plugin(host)->flags & SCONCE_BLOCKING);
        assert_string_equal(mock_plugin(host)->every, "30s");
        assert_string_equal(mock_plugin(host)->channels[0].unit, "°C");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(thermal__default__first_zone),
                TEST(thermal__zone_by_type__found),
                TEST(thermal__below_zero__negative),
                TEST(thermal__no_such_zone__said),
                TEST(thermal__no_such_directory__said),
                TEST(thermal__odd_content__error_and_nothing_reported),
                TEST(thermal__declares__blocking_and_every),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
