/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/system on the mock host, with /proc and /sys as a Raspberry Pi and a PC show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakes/sysfs_plugin.h"

#define FIRMWARE "sys/devices/platform/soc/soc:firmware/get_throttled"
#define WIRELESS                                                                                                       \
        "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"                           \
        " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"

static const struct tree_entry board[] = {
        { "proc/loadavg", "0.52 0.58 0.59 1/210 4711\n", TREE_FILE },
        { "proc/meminfo",
          "MemTotal:        3884256 kB\nMemFree:          201344 kB\nMemAvailable:    2913192 kB\n"
          "Buffers:           91236 kB\nHugePages_Total:       0\n",
          TREE_FILE },
        { "proc/net/wireless",
          WIRELESS " wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0\n"
                   " wlan1: 0000   30.  -81.  -256        0      0      0      0      0        0\n",
          TREE_FILE },
        { FIRMWARE, "50005\n", TREE_FILE },
        { "sys/class/hwmon/hwmon0/name", "cpu_thermal\n", TREE_FILE },
        { "sys/class/hwmon/hwmon1/name", "rpi_volt\n", TREE_FILE },
        { "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n", TREE_FILE },
        { NULL, NULL, TREE_FILE },
};

static int setup(void **state)
{
        static char proc[sizeof(root) + 8], sys[sizeof(root) + 8];

        if (sysfs_plugin_setup_bare(state, "system", board) < 0)
                return -1;
        (void)snprintf(proc, sizeof(proc), "%s/proc", root);
        (void)snprintf(sys, sizeof(sys), "%s/sys", root);
        mock_option(host, "proc", proc);
        mock_option(host, "sys", sys);
        mock_option(host, "disk", root);
        return 0;
}

static void start_and_read(void)
{
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
}

static bool is_on(const char *channel)
{
        const struct sconce_value *value = mock_value(host, channel);

        assert_non_null(value);
        assert_int_equal(value->type, SCONCE_VALUE_BOOL);
        return value->on;
}

static void system__raspberry_pi__all_of_it(void **state)
{
        (void)state;
        start_and_read();
        assert_true(number_of("load") == 0.52);
        assert_true(number_of("memory_used") == 25.0);
        assert_true(number_of("disk_used") >= 0 && number_of("disk_used") <= 100);
        assert_true(number_of("wifi_signal") == -56);
        assert_true(is_on("under_voltage"));
        assert_true(is_on("throttled"));
}

static void system__firmware_bits__what_holds_now(void **state)
{
        static const struct {
                const char *text;
                bool under_voltage, throttled;
        } cases[] = {
                { "0\n", false, false },     { "50000\n", false, false }, { "1\n", true, false },
                { "2\n", false, true },      { "4\n", false, true },      { "8\n", false, true },
                { "0x50005\n", true, true },
        };

        (void)state;
        assert_int_equal(mock_start(host), 0);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                tree_put(root, FIRMWARE, cases[i].text);
                assert_int_equal(mock_read(host), 0);
                assert_int_equal(is_on("under_voltage"), cases[i].under_voltage);
                assert_int_equal(is_on("throttled"), cases[i].throttled);
        }
}

static void system__kernel_without_get_throttled__alarm_of_the_chip(void **state)
{
        (void)state;
        tree_remove(root, FIRMWARE);
        start_and_read();
        assert_false(is_on("under_voltage"));
        assert_true(is_null("throttled"));
        tree_put(root, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(is_on("under_voltage"));
}

static void system__board_that_lacks_it__null_and_no_error(void **state)
{
        (void)state;
        tree_remove(root, "sys");
        tree_remove(root, "proc/net");
        start_and_read();
        assert_true(is_null("wifi_signal") && is_null("under_voltage") && is_null("throttled"));
        assert_true(number_of("load") == 0.52);
        tree_remove(root, "proc");
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("load") && is_null("memory_used"));
}

static void system__no_such_disk__null(void **state)
{
        (void)state;
        mock_option(host, "disk", "/nowhere/at/all");
        start_and_read();
        assert_true(is_null("disk_used"));
}

static void system__wifi_by_name__that_one(void **state)
{
        (void)state;
        mock_option(host, "wifi", "wlan1");
        start_and_read();
        assert_true(number_of("wifi_signal") == -81);
}

static void system__wifi_that_is_not_there__null(void **state)
{
        (void)state;
        mock_option(host, "wifi", "wlan7");
        start_and_read();
        assert_true(is_null("wifi_signal"));
}

static void system__odd_content__null(void **state)
{
        static const struct {
                const char *file, *text, *channel;
        } cases[] = {
                { "proc/loadavg", "", "load" },
                { "proc/loadavg", "much\n", "load" },
                { "proc/loadavg", "nan\n", "load" },
                { "proc/meminfo", "MemTotal: lots\n", "memory_used" },
                { "proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 200 kB\n", "memory_used" },
                { "proc/meminfo", "MemTotal: 100 kB\n", "memory_used" },
                { "proc/net/wireless", WIRELESS, "wifi_signal" },
                { "proc/net/wireless", WIRELESS " wlan0: 0000   54.  200.    0.  0 0 0 0 0 0\n", "wifi_signal" },
                { "proc/net/wireless", WIRELESS " wlan0: 0000\n", "wifi_signal" },
                { FIRMWARE, "throttled\n", "throttled" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                tree_put(root, cases[i].file, cases[i].text);
                start_and_read();
                assert_true(is_null(cases[i].channel));
        }
}

static void system__declares__diagnostics(void **state)
{
        (void)state;
        for (size_t i = 0; mock_channel_at(host, i); i++)
                assert_true(mock_channel_at(host, i)->flags & SCONCE_DIAGNOSTIC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SYSFS_TEST(system__raspberry_pi__all_of_it),
                SYSFS_TEST(system__firmware_bits__what_holds_now),
                SYSFS_TEST(system__kernel_without_get_throttled__alarm_of_the_chip),
                SYSFS_TEST(system__board_that_lacks_it__null_and_no_error),
                SYSFS_TEST(system__no_such_disk__null),
                SYSFS_TEST(system__wifi_by_name__that_one),
                SYSFS_TEST(system__wifi_that_is_not_there__null),
                SYSFS_TEST(system__odd_content__null),
                SYSFS_TEST(system__declares__diagnostics),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
