/* SPDX-License-Identifier: Apache-2.0 */
/* device/loader: plugin files that are loaded, refused or not there. */
#include <errno.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/device.h"
#include "fakes/house.h"
#include "fakes/plugin_file.h"

static void devices_check__unknown_plugin__lists_and_suggests(void **state)
{
        struct house *house = *state;

        char *wrong = house_check(house, "[lmap kitchen]\nline = GPIO17\n");
        static const char pattern[] = "a.conf:1: \\[lmap kitchen]: there is no plugin \"lmap\"; there are: "
                                      "*contact, *lamp, *switch, *thermal*; did you mean lamp\n";
        if (fnmatch(pattern, wrong, 0) != 0)
                fail_msg("%s", wrong);
        free(wrong);
}

static void devices_check__long_list_of_choices__what_was_meant_is_suggested(void **state)
{
        struct house *house = *state;

        char *wrong = house_check(house, "[contact sink]\nline = GPIO4\ndevice_class = leek\n");
        assert_string_equal(wrong, "a.conf:3: [contact sink] device_class: leek: must be battery, "
                                   "battery_charging, carbon_monoxide, cold, connectivity, door, garage_door, "
                                   "gas, heat, and so on (see sconced --describe); did you mean leak\n");
        free(wrong);
}

/* What the file holds of itself does not count before its ABI does. */
static void devices_apply__refused_plugins__offline_and_others_run(void **state)
{
        static const struct {
                const char *plugin, *error, *text;
        } refused[] = {
                { "foreign_abi", "enoexec", "refused: it is built for plugin ABI 2, and this agent has ABI 1" },
                { "no_start", "enoexec", "refused: it has no start function" },
                { "no_module", "enoexec", "is no Sconce plugin: it has no symbol sconce_module" },
                { "wrong_name", "enoexec", "refused: it calls itself \\\"other\\\"; rename the file to other.so" },
        };
        struct house *house = *state;

        house_apply(house, "[foreign_abi a]\n[no_start b]\n[no_module c]\n[wrong_name d]\n[lamp kitchen]\nline = 17\n");
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                const char id[] = { (char)('a' + i), '\0' };
                char expected[8192];
                (void)snprintf(expected, sizeof(expected), "{\"code\":\"%s\",\"message\":\"plugin %s/%s.so: %s\"}",
                               refused[i].error, house->plugin_dir, refused[i].plugin, refused[i].text);
                assert_string_equal(house_published(house, id, DEVICE_STATUS), "offline");
                house_assert_published(house, id, DEVICE_ERROR, expected);
                assert_true(house_logged(house, refused[i].plugin));
        }
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
}

static void loader_get__not_an_object__refused(void **state)
{
        struct house *house = *state;
        struct fault fault = { 0 };
        const struct plugin *plugin;
        struct loader loader;

        house_write(house, "plugins/text.so", "not an object\n");
        assert_int_equal(loader_init(&loader, house->plugin_dir), 0);
        assert_int_equal(loader_get(&loader, "text", &fault, &plugin), -ENOEXEC);
        assert_non_null(strstr(fault.text, "/text.so: cannot be loaded: "));
        /* Once is enough: the second answer is the first one's. */
        house_remove(house, "plugins/text.so");
        assert_int_equal(loader_get(&loader, "text", &fault, &plugin), -ENOEXEC);
        loader_done(&loader);
}

static void devices_apply__older_and_newer_plugins__run(void **state)
{
        struct house *house = *state;

        house_apply(house, "[older a]\nsecond = 33\n[newer b]\nfirst = 44\n");
        house_assert_published(house, "a", DEVICE_STATE, "{\"first\":11,\"second\":33}");
        house_assert_published(house, "b", DEVICE_STATE, "{\"first\":44,\"second\":22}");
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), "online");
        assert_string_equal(house_published(house, "b", DEVICE_STATUS), "online");
}

/* A refused plugin that has been mended is found at the next reload; one that runs stays as it is, and that
 * is reported. */
static void devices_apply__files_changed__mended_loaded_running_kept(void **state)
{
        static const char config[] = "[lamp kitchen]\nline = 17\n[older a]\n";
        struct house *house = *state;
        char from[PATH_MAX + 32], to[PATH_MAX + 32];

        house_remove(house, "plugins/older.so");
        house_write(house, "plugins/older.so", "not yet\n");
        house_apply(house, config);
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), "offline");
        house_remove(house, "plugins/older.so");
        (void)snprintf(from, sizeof(from), "%s/tests/plugins/older.so", build_dir());
        (void)snprintf(to, sizeof(to), "%s/older.so", house->plugin_dir);
        assert_int_equal(symlink(from, to), 0);
        house_apply(house, config);
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), "online");
        assert_false(house_logged(house, "has changed"));
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATUS), 1);
}

static void loader_refresh__file_replaced__reported_once(void **state)
{
        struct house *house = *state;
        struct fault fault = { 0 };
        const struct plugin *plugin;
        struct loader loader;

        assert_int_equal(loader_init(&loader, house->plugin_dir), 0);
        assert_int_equal(loader_get(&loader, "probe", &fault, &plugin), 0);
        loader.items[0].file.st_size++; /* as if it had been another one */
        loader_refresh(&loader);
        loader_refresh(&loader);
        assert_ptr_equal(loader.items[0].plugin, plugin);
        const char *first = strstr(house->log, "plugin probe: its file has changed");
        assert_non_null(first);
        assert_null(strstr(strchr(first, '\n'), "has changed"));
        loader_done(&loader);
}

static void devices_check__no_directory__reported(void **state)
{
        struct house *house = *state;

        (void)snprintf(house->plugin_dir, sizeof(house->plugin_dir), "%s/nowhere", house->gpio.dir);
        char *wrong = house_check(house, "[lamp kitchen]\nline = GPIO17\n");
        assert_string_equal(wrong, "a.conf:1: [lamp kitchen]: there is no plugin \"lamp\": the directory nowhere: No "
                                   "such file or directory\n");
        free(wrong);
}

#define TEST(function)      cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)
#define TEST_MORE(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(devices_check__unknown_plugin__lists_and_suggests),
                TEST(devices_check__long_list_of_choices__what_was_meant_is_suggested),
                TEST_MORE(devices_apply__refused_plugins__offline_and_others_run),
                TEST_MORE(loader_get__not_an_object__refused),
                TEST_MORE(devices_apply__older_and_newer_plugins__run),
                TEST_MORE(devices_apply__files_changed__mended_loaded_running_kept),
                TEST_MORE(loader_refresh__file_replaced__reported_once),
                TEST(devices_check__no_directory__reported),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
