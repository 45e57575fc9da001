/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/hwmon on the mock host, with chips as the kernel shows those of a Raspberry Pi and of a PC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakes/sysfs_plugin.h"

#define I2C "devices/platform/soc/fe804000.i2c/i2c-1/"

/* The option `root` is "class" below the test's directory. */
static const struct tree_entry chips[] = {
        { "devices/virtual/thermal/thermal_zone0/hwmon0/name", "cpu_thermal\n", TREE_FILE },
        { "devices/virtual/thermal/thermal_zone0/hwmon0/temp1_input", "48312\n", TREE_FILE },
        { "class/hwmon0", "../devices/virtual/thermal/thermal_zone0/hwmon0", TREE_LINK },
        { "devices/platform/soc/soc:firmware/raspberrypi-hwmon/hwmon/hwmon1/name", "rpi_volt\n", TREE_FILE },
        { "devices/platform/soc/soc:firmware/raspberrypi-hwmon/hwmon/hwmon1/in0_lcrit_alarm", "0\n", TREE_FILE },
        { "class/hwmon1", "../devices/platform/soc/soc:firmware/raspberrypi-hwmon/hwmon/hwmon1", TREE_LINK },
        { I2C "1-0048/hwmon/hwmon2/name", "lm75\n", TREE_FILE },
        { I2C "1-0048/hwmon/hwmon2/temp1_input", "21500\n", TREE_FILE },
        { I2C "1-0048/hwmon/hwmon2/temp1_max", "80000\n", TREE_FILE },
        { I2C "1-0048/hwmon/hwmon2/temp1_max_hyst", "75000\n", TREE_FILE },
        { I2C "1-0048/hwmon/hwmon2/update_interval", "100\n", TREE_FILE },
        { "class/hwmon2", "../" I2C "1-0048/hwmon/hwmon2", TREE_LINK },
        { I2C "1-0049/hwmon/hwmon3/name", "lm75\n", TREE_FILE },
        { I2C "1-0049/hwmon/hwmon3/temp1_input", "-5500\n", TREE_FILE },
        { "class/hwmon3", "../" I2C "1-0049/hwmon/hwmon3", TREE_LINK },
        { "class/hwmon4/name", "nct6798\n", TREE_FILE },
        { "class/hwmon4/in0_input", "832\n", TREE_FILE },
        { "class/hwmon4/in0_alarm", "0\n", TREE_FILE },
        { "class/hwmon4/fan1_input", "1204\n", TREE_FILE },
        { "class/hwmon4/fan1_min", "0\n", TREE_FILE },
        { "class/hwmon4/fan10_input", "0\n", TREE_FILE },
        { "class/hwmon4/fan2_input", "900\n", TREE_FILE },
        { "class/hwmon4/temp1_input", "31000\n", TREE_FILE },
        { "class/hwmon4/temp1_label", "SYSTIN\n", TREE_FILE },
        { "class/hwmon4/temp1_fault", "0\n", TREE_FILE },
        { "class/hwmon4/temp2_input", "127000\n", TREE_FILE },
        { "class/hwmon4/temp2_label", "CPUTIN\n", TREE_FILE },
        { "class/hwmon4/temp2_fault", "1\n", TREE_FILE },
        { "class/hwmon4/curr1_input", "1500\n", TREE_FILE },
        { "class/hwmon4/humidity1_input", "45300\n", TREE_FILE },
        { "class/hwmon4/power1_average", "12340000\n", TREE_FILE },
        { "class/hwmon4/energy1_input", "7200000000\n", TREE_FILE },
        { "class/hwmon4/freq1_input", "500000000\n", TREE_FILE },
        { "class/hwmon4/pwm1", "128\n", TREE_FILE },
        { "class/hwmon4/intrusion0_alarm", "0\n", TREE_FILE },
        { NULL, NULL, TREE_FILE },
};

static int setup(void **state)
{
        static char class[sizeof(root) + 8];

        if (sysfs_plugin_setup(state, "hwmon", chips) < 0)
                return -1;
        (void)snprintf(class, sizeof(class), "%s/class", root);
        mock_option(host, "root", class);
        return 0;
}

static void start(const char *chip)
{
        mock_option(host, "chip", chip);
        assert_int_equal(mock_start(host), 0);
}

static void choose(const char *const *channels)
{
        mock_option_list(host, "channels", channels);
}

/* ---- Which chip ---------------------------------------------------------------------------------------- */

static void hwmon__by_name__found(void **state)
{
        (void)state;
        start("cpu_thermal");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temp1") == 48.312);
}

static void hwmon__by_address__found(void **state)
{
        (void)state;
        start("1-0049");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temp1") == -5.5);
}

static void hwmon__by_directory__found(void **state)
{
        (void)state;
        start("hwmon2");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temp1") == 21.5);
}

static void hwmon__two_of_that_name__reported(void **state)
{
        (void)state;
        mock_option(host, "chip", "lm75");
        assert_start_fails(-ENOTUNIQ, "2 chips are called \"lm75\": hwmon2, hwmon3; name one by its address, part of "
                                      "its path");
}

static void hwmon__none_of_that_name__reported(void **state)
{
        (void)state;
        mock_option(host, "chip", "lm7");
        assert_start_fails(-ENOENT, "there is no chip \"lm7\" in ROOT/class");
}

static void hwmon__chip_without_values__reported(void **state)
{
        (void)state;
        mock_option(host, "chip", "rpi_volt");
        assert_start_fails(-ENODATA, "the chip rpi_volt has nothing to read");
}

/* ---- Which channels ------------------------------------------------------------------------------------ */

static void hwmon__all__units_classes_and_labels(void **state)
{
        static const struct {
                const char *key, *unit, *device_class, *name;
                double value;
        } expected[] = {
                { "temp1", "°C", "temperature", "SYSTIN", 31 },
                { "in0", "V", "voltage", NULL, 0.832 },
                { "curr1", "A", "current", NULL, 1.5 },
                { "power1", "W", "power", NULL, 12.34 },
                { "energy1", "Wh", "energy", NULL, 2 },
                { "humidity1", "%", "humidity", NULL, 45.3 },
                { "fan1", "rpm", NULL, NULL, 1204 },
                { "fan10", "rpm", NULL, NULL, 0 },
                { "freq1", "Hz", "frequency", NULL, 500000000 },
        };

        (void)state;
        start("nct6798");
        assert_int_equal(mock_read(host), 0);
        for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
                const struct sconce_channel *row = mock_channel(host, expected[i].key);
                assert_non_null(row);
                assert_string_equal(row->unit, expected[i].unit);
                assert_string_equal(row->device_class ? row->device_class : "",
                                    expected[i].device_class ? expected[i].device_class : "");
                assert_string_equal(row->name ? row->name : "", expected[i].name ? expected[i].name : "");
                assert_true(number_of(expected[i].key) == expected[i].value);
        }
        assert_int_equal(mock_channel(host, "energy1")->flags, SCONCE_TOTAL);
        assert_null(mock_channel(host, "pwm1"));
        /* In the order of people: 2 before 10. */
        assert_string_equal(mock_channel_at(host, 3)->key, "fan2");
        assert_string_equal(mock_channel_at(host, 4)->key, "fan10");
}

static void hwmon__chosen__those_alone_and_known_before_the_start(void **state)
{
        (void)state;
        mock_option(host, "chip", "nct6798");
        choose((const char *const[]){ "fan1", "temp1", "fan1", NULL });
        assert_int_equal(mock_configure(host), 0);
        assert_string_equal(mock_channel_at(host, 1)->key, "temp1");
        assert_null(mock_channel_at(host, 2));
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("fan1") == 1204);
        assert_null(mock_value(host, "in0"));
}

static void hwmon__chosen_that_is_none__refused(void **state)
{
        static const char *const odd[] = { "temp",    "temp1_input", "pwm1", "in0\n", "temp1234567890123456789012345",
                                           "../../x", "Temp1",       "" };

        (void)state;
        mock_option(host, "chip", "nct6798");
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                choose((const char *const[]){ odd[i], NULL });
                assert_int_equal(mock_configure(host), -EINVAL);
        }
        assert_string_equal(
                mock_error(host),
                "channels: \"\" is not a channel; channels are called temp1, in0, curr1, power1, energy1, humidity1, "
                "fan1, freq1 and so on");
        assert_null(mock_channel_at(host, 0));
}

static void hwmon__average__where_there_is_no_input(void **state)
{
        (void)state;
        start("nct6798");
        tree_put(root, "class/hwmon4/power1_input", "1000000\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("power1") == 1);
}

/* ---- What goes wrong ----------------------------------------------------------------------------------- */

static void hwmon__faulty__null_and_the_others_go_on(void **state)
{
        (void)state;
        start("nct6798");
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("temp2"));
        tree_put(root, "class/hwmon4/temp2_fault", "0\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temp2") == 127);
}

static void hwmon__the_only_one_is_faulty__error(void **state)
{
        (void)state;
        choose((const char *const[]){ "temp2", NULL });
        start("nct6798");
        assert_read_fails(-EIO, "temp2: the chip reports that its sensor is faulty");
}

static void hwmon__the_only_one_is_not_there__error(void **state)
{
        (void)state;
        choose((const char *const[]){ "temp7", NULL });
        start("nct6798");
        assert_read_fails(-ENOENT, "temp7: the chip does not have it");
}

static void hwmon__files_go_and_are_odd__null(void **state)
{
        (void)state;
        start("nct6798");
        tree_remove(root, "class/hwmon4/fan1_input");
        tree_put(root, "class/hwmon4/in0_input", "");
        tree_put(root, "class/hwmon4/curr1_input", "1.5 A\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("fan1") && is_null("in0") && is_null("curr1"));
        assert_true(number_of("temp1") == 31);
}

static void hwmon__chip_goes_and_comes_with_another_number__found_again(void **state)
{
        (void)state;
        choose((const char *const[]){ "temp1", NULL });
        start("1-0048");
        assert_int_equal(mock_read(host), 0);
        tree_remove(root, "class/hwmon2");
        tree_remove(root, I2C "1-0048/hwmon/hwmon2");
        assert_read_fails(-ENOENT, "there is no chip \"1-0048\" in ROOT/class");
        tree_make(root, (const struct tree_entry[]){
                                { I2C "1-0048/hwmon/hwmon9/name", "lm75\n", TREE_FILE },
                                { I2C "1-0048/hwmon/hwmon9/temp1_input", "22000\n", TREE_FILE },
                                { "class/hwmon9", "../" I2C "1-0048/hwmon/hwmon9", TREE_LINK },
                                { NULL, NULL, TREE_FILE },
                        });
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temp1") == 22);
}

/* One lm75 was there at the start; now there are two, and the other has its number. */
static void hwmon__number_taken_by_its_like__reported(void **state)
{
        (void)state;
        choose((const char *const[]){ "temp1", NULL });
        tree_remove(root, "class/hwmon3");
        start("lm75");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temp1") == 21.5);
        tree_remove(root, "class/hwmon2");
        tree_make(root, (const struct tree_entry[]){
                                { "class/hwmon2", "../" I2C "1-0049/hwmon/hwmon3", TREE_LINK },
                                { "class/hwmon3", "../" I2C "1-0048/hwmon/hwmon2", TREE_LINK },
                                { NULL, NULL, TREE_FILE },
                        });
        assert_int_equal(mock_read(host), -ENOTUNIQ);
}

static void hwmon__below_absolute_zero__error(void **state)
{
        (void)state;
        choose((const char *const[]){ "temp1", NULL });
        start("1-0048");
        tree_put(root, I2C "1-0048/hwmon/hwmon2/temp1_input", "-300000\n");
        assert_read_fails(-ERANGE, "temp1: the chip shows -300 °C, which is impossible");
}

static void hwmon__number_taken_by_another_chip__not_read(void **state)
{
        (void)state;
        start("cpu_thermal");
        tree_put(root, "class/hwmon0/name", "nvme\n");
        assert_read_fails(-ENOENT, "there is no chip \"cpu_thermal\" in ROOT/class");
        assert_null(mock_value(host, "temp1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SYSFS_TEST(hwmon__by_name__found),
                SYSFS_TEST(hwmon__by_address__found),
                SYSFS_TEST(hwmon__by_directory__found),
                SYSFS_TEST(hwmon__two_of_that_name__reported),
                SYSFS_TEST(hwmon__none_of_that_name__reported),
                SYSFS_TEST(hwmon__chip_without_values__reported),
                SYSFS_TEST(hwmon__all__units_classes_and_labels),
                SYSFS_TEST(hwmon__chosen__those_alone_and_known_before_the_start),
                SYSFS_TEST(hwmon__chosen_that_is_none__refused),
                SYSFS_TEST(hwmon__average__where_there_is_no_input),
                SYSFS_TEST(hwmon__faulty__null_and_the_others_go_on),
                SYSFS_TEST(hwmon__the_only_one_is_faulty__error),
                SYSFS_TEST(hwmon__the_only_one_is_not_there__error),
                SYSFS_TEST(hwmon__files_go_and_are_odd__null),
                SYSFS_TEST(hwmon__chip_goes_and_comes_with_another_number__found_again),
                SYSFS_TEST(hwmon__number_taken_by_its_like__reported),
                SYSFS_TEST(hwmon__below_absolute_zero__error),
                SYSFS_TEST(hwmon__number_taken_by_another_chip__not_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
