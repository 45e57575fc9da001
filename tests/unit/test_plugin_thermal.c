/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/thermal on the mock host, with a tree of zones as the kernel shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakes/sysfs_plugin.h"

static const struct tree_entry zones[] = {
        { "thermal_zone0/type", "acpitz\n", TREE_FILE },        { "thermal_zone0/temp", "27800\n", TREE_FILE },
        { "thermal_zone1/type", "cpu-thermal\n", TREE_FILE },   { "thermal_zone1/temp", "48312\n", TREE_FILE },
        { "cooling_device0/type", "cpu-thermal\n", TREE_FILE }, { NULL, NULL, TREE_FILE },
};

static int setup(void **state)
{
        return sysfs_plugin_setup(state, "thermal", zones);
}

static void thermal__default__first_zone(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 27.8);
}

static void thermal__zone_by_type__found(void **state)
{
        (void)state;
        mock_option(host, "zone", "cpu-thermal");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 48.312);
}

static void thermal__below_zero__negative(void **state)
{
        (void)state;
        tree_put(root, "thermal_zone0/temp", "-5250\n");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == -5.25);
}

static void thermal__no_such_zone__reported(void **state)
{
        (void)state;
        mock_option(host, "zone", "gpu-thermal");
        assert_start_fails(-ENOENT, "there is no thermal zone \"gpu-thermal\" in ROOT");
}

/* Drivers come and go, and the zones get other numbers. */
static void thermal__zones_in_another_order__still_its_own(void **state)
{
        (void)state;
        mock_option(host, "zone", "cpu-thermal");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        tree_put(root, "thermal_zone1/type", "gpu-thermal\n");
        tree_put(root, "thermal_zone1/temp", "99000\n");
        assert_read_fails(-ENOENT, "there is no thermal zone \"cpu-thermal\" in ROOT");
        tree_put(root, "thermal_zone0/type", "cpu-thermal\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 27.8);
}

static void thermal__two_of_one_type__reported_and_neither_taken(void **state)
{
        (void)state;
        mock_option(host, "zone", "cpu-thermal");
        assert_int_equal(mock_start(host), 0);
        tree_put(root, "thermal_zone0/type", "cpu-thermal\n");
        assert_read_fails(-ENOTUNIQ, "2 thermal zones are of the type \"cpu-thermal\": thermal_zone0, "
                                     "thermal_zone1; name one by its directory");
        mock_stop(host);
        assert_int_equal(mock_start(host), -ENOTUNIQ);
        assert_null(mock_value(host, "temperature"));
}

static void thermal__below_absolute_zero__error(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        tree_put(root, "thermal_zone0/temp", "-274000\n");
        assert_read_fails(-ERANGE, "the zone shows -274 °C, which is impossible");
}

static void thermal__no_such_directory__reported(void **state)
{
        (void)state;
        mock_option(host, "root", "/nowhere/at/all");
        assert_start_fails(-ENOENT, "/nowhere/at/all: cannot be read: No such file or directory");
}

static void thermal__odd_content__error_and_nothing_reported(void **state)
{
        static const char *const odd[] = { "", "\n", "warm\n", "48312 C\n", "0x10\n", "nan\n", " 1\n", "1e999\n" };

        (void)state;
        assert_int_equal(mock_start(host), 0);
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                tree_put(root, "thermal_zone0/temp", odd[i]);
                assert_int_equal(mock_read(host), -EBADMSG);
        }
        assert_read_fails(-EBADMSG, "ROOT/thermal_zone0/temp: \"1e999\" is not a number");
        tree_put(root, "thermal_zone0/temp",
                 "1234567890123456789012345678901234567890123456789012345678901234567890\n");
        assert_int_equal(mock_read(host), -EMSGSIZE);
        tree_remove(root, "thermal_zone0/temp");
        assert_int_equal(mock_read(host), -ENOENT);
        tree_make(root,
                  (const struct tree_entry[]){ { "thermal_zone0/temp", NULL, TREE_DIR }, { NULL, NULL, TREE_FILE } });
        assert_int_equal(mock_read(host), -EISDIR);
        assert_null(mock_value(host, "temperature"));
}

static void thermal__declares__blocking_and_every(void **state)
{
        (void)state;
        assert_true(mock_plugin(host)->flags & SCONCE_BLOCKING);
        assert_string_equal(mock_plugin(host)->every, "30s");
        assert_string_equal(mock_plugin(host)->channels[0].unit, "°C");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SYSFS_TEST(thermal__default__first_zone),
                SYSFS_TEST(thermal__zone_by_type__found),
                SYSFS_TEST(thermal__below_zero__negative),
                SYSFS_TEST(thermal__no_such_zone__reported),
                SYSFS_TEST(thermal__zones_in_another_order__still_its_own),
                SYSFS_TEST(thermal__two_of_one_type__reported_and_neither_taken),
                SYSFS_TEST(thermal__below_absolute_zero__error),
                SYSFS_TEST(thermal__no_such_directory__reported),
                SYSFS_TEST(thermal__odd_content__error_and_nothing_reported),
                SYSFS_TEST(thermal__declares__blocking_and_every),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
