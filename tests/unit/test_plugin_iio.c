/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/iio on the mock host, with devices as the kernel's drivers show them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/sysfs_plugin.h"

#define I2C "devices/platform/soc/fe804000.i2c/i2c-1/"

/* The option `root` is "bus" below the test's directory. */
static const struct tree_entry devices[] = {
        { I2C "1-0076/iio:device0/name", "bme280\n", TREE_FILE },
        { I2C "1-0076/iio:device0/in_temp_input", "21520\n", TREE_FILE },
        { I2C "1-0076/iio:device0/in_temp_oversampling_ratio", "2\n", TREE_FILE },
        { I2C "1-0076/iio:device0/in_pressure_input", "101.325097656\n", TREE_FILE },
        { I2C "1-0076/iio:device0/in_humidityrelative_input", "45123\n", TREE_FILE },
        { I2C "1-0076/iio:device0/in_humidityrelative_oversampling_ratio_available", "1 2 4 8 16\n", TREE_FILE },
        { "bus/iio:device0", "../" I2C "1-0076/iio:device0", TREE_LINK },
        { I2C "1-0023/iio:device1/name", "bh1750\n", TREE_FILE },
        { I2C "1-0023/iio:device1/in_illuminance_raw", "480\n", TREE_FILE },
        { I2C "1-0023/iio:device1/in_illuminance_scale", "0.833333\n", TREE_FILE },
        { I2C "1-0023/iio:device1/integration_time", "0.120000\n", TREE_FILE },
        { "bus/iio:device1", "../" I2C "1-0023/iio:device1", TREE_LINK },
        { I2C "1-0048/iio:device2/name", "ads1015\n", TREE_FILE },
        { I2C "1-0048/iio:device2/in_voltage0_raw", "11000\n", TREE_FILE },
        { I2C "1-0048/iio:device2/in_voltage0_scale", "0.125000000\n", TREE_FILE },
        { I2C "1-0048/iio:device2/in_voltage0_sampling_frequency", "128\n", TREE_FILE },
        { I2C "1-0048/iio:device2/in_voltage0-voltage1_raw", "-400\n", TREE_FILE },
        { I2C "1-0048/iio:device2/in_voltage0-voltage1_scale", "0.187500000\n", TREE_FILE },
        { I2C "1-0048/iio:device2/scan_elements/in_voltage0_index", "0\n", TREE_FILE },
        { "bus/iio:device2", "../" I2C "1-0048/iio:device2", TREE_LINK },
        { I2C "1-0049/iio:device3/name", "ads1015\n", TREE_FILE },
        { I2C "1-0049/iio:device3/label", "battery\n", TREE_FILE },
        { I2C "1-0049/iio:device3/in_voltage0_raw", "8000\n", TREE_FILE },
        { I2C "1-0049/iio:device3/in_voltage1_raw", "4000\n", TREE_FILE },
        { I2C "1-0049/iio:device3/in_voltage_scale", "0.5\n", TREE_FILE },
        { I2C "1-0049/iio:device3/in_temp_raw", "296\n", TREE_FILE },
        { I2C "1-0049/iio:device3/in_temp_offset", "-32\n", TREE_FILE },
        { I2C "1-0049/iio:device3/in_temp_scale", "62.5\n", TREE_FILE },
        { "bus/iio:device3", "../" I2C "1-0049/iio:device3", TREE_LINK },
        { "bus/iio:device4/name", "dht11@4\n", TREE_FILE },
        { "bus/iio:device4/in_temp_input", "24000\n", TREE_FILE },
        { "bus/iio:device4/in_humidityrelative_input", "51000\n", TREE_FILE },
        { "bus/iio:device5/name", "lsm6dsl\n", TREE_FILE },
        { "bus/iio:device5/in_accel_x_raw", "100\n", TREE_FILE },
        { "bus/iio:device5/in_accel_scale", "0.01\n", TREE_FILE },
        { "bus/iio:device5/in_steps_input", "47\n", TREE_FILE },
        { "bus/iio:device5/in_concentration_co2_input", "0.0612\n", TREE_FILE },
        { "bus/iio:device5/in_massconcentration_pm2p5_input", "7.5\n", TREE_FILE },
        { "bus/iio:device5/in_massconcentration_pm10_input", "9\n", TREE_FILE },
        { "bus/iio:device5/in_temp_object_input", "36600\n", TREE_FILE },
        { "bus/iio:device5/out_voltage0_raw", "1\n", TREE_FILE },
        { "bus/iio:device6/name", "nothing\n", TREE_FILE },
        { "bus/trigger0/name", "bme280\n", TREE_FILE },
        { NULL, NULL, TREE_FILE },
};

static int setup(void **state)
{
        static char bus[sizeof(root) + 8];

        if (sysfs_plugin_setup(state, "iio", devices) < 0)
                return -1;
        (void)snprintf(bus, sizeof(bus), "%s/bus", root);
        mock_option(host, "root", bus);
        mock_option(host, "retry_after", "0ms");
        return 0;
}

static void start(const char *device)
{
        mock_option(host, "device", device);
        assert_int_equal(mock_start(host), 0);
}

static void choose(const char *const *channels)
{
        mock_option_list(host, "channels", channels);
}

static void assert_channel(const char *key, const char *unit, const char *device_class, double value)
{
        const struct sconce_channel *row = mock_channel(host, key);
        double number = number_of(key);

        assert_non_null(row);
        assert_string_equal(row->unit ? row->unit : "", unit);
        assert_string_equal(row->device_class ? row->device_class : "", device_class);
        if (number < value - 1e-9 || number > value + 1e-9)
                fail_msg("%s is %.12g", key, number);
}

/* ---- Devices as they are ------------------------------------------------------------------------------- */

static void iio__bme280__units_of_people(void **state)
{
        (void)state;
        start("bme280");
        assert_int_equal(mock_read(host), 0);
        assert_channel("temperature", "°C", "temperature", 21.52);
        assert_channel("humidity", "%", "humidity", 45.123);
        assert_channel("pressure", "hPa", "pressure", 1013.25097656);
        assert_string_equal(mock_channel(host, "humidity")->name, "Humidity");
        assert_null(mock_channel_at(host, 3));
}

static void iio__bh1750__raw_times_scale(void **state)
{
        (void)state;
        start("bh1750");
        assert_int_equal(mock_read(host), 0);
        assert_channel("illuminance", "lx", "illuminance", 399.99984);
}

static void iio__ads1115__each_with_its_scale(void **state)
{
        (void)state;
        start("1-0048");
        assert_int_equal(mock_read(host), 0);
        assert_channel("voltage0", "V", "voltage", 1.375);
        assert_channel("voltage0_voltage1", "V", "voltage", -0.075);
        assert_null(mock_channel_at(host, 2));
}

static void iio__by_label__shared_scale_and_offset(void **state)
{
        (void)state;
        start("battery");
        assert_int_equal(mock_read(host), 0);
        assert_channel("voltage0", "V", "voltage", 4);
        assert_channel("voltage1", "V", "voltage", 2);
        assert_channel("temperature", "°C", "temperature", 16.5);
}

static void iio__modifiers_and_bare_numbers__as_the_kernel_names_them(void **state)
{
        (void)state;
        start("lsm6dsl");
        assert_int_equal(mock_read(host), 0);
        assert_channel("accel_x", "m/s²", "", 1);
        assert_channel("steps", "", "", 47);
        assert_channel("co2", "ppm", "carbon_dioxide", 612);
        assert_channel("pm2p5", "µg/m³", "pm25", 7.5);
        assert_channel("pm10", "µg/m³", "pm10", 9);
        assert_channel("temperature_object", "°C", "temperature", 36.6);
        assert_null(mock_channel_at(host, 6));
}

static void iio__scale_of_differences_is_shared__found(void **state)
{
        (void)state;
        tree_remove(root, I2C "1-0048/iio:device2/in_voltage0-voltage1_scale");
        tree_put(root, I2C "1-0048/iio:device2/in_voltage-voltage_scale", "2\n");
        start("1-0048");
        assert_int_equal(mock_read(host), 0);
        assert_channel("voltage0_voltage1", "V", "voltage", -0.8);
}

/* ---- Which --------------------------------------------------------------------------------------------- */

static void iio__chosen__by_either_name_and_known_before_the_start(void **state)
{
        (void)state;
        mock_option(host, "device", "bme280");
        choose((const char *const[]){ "temp", "humidity", NULL });
        assert_int_equal(mock_configure(host), 0);
        assert_string_equal(mock_channel_at(host, 0)->key, "temperature");
        assert_string_equal(mock_channel_at(host, 1)->key, "humidity");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_null(mock_value(host, "pressure"));
        assert_channel("humidity", "%", "humidity", 45.123);
}

static void iio__chosen_that_is_none__refused(void **state)
{
        static const char *const odd[] = { "",        "Temp", "in temp",
                                           "../name", "0",    "voltage0voltage0voltage0voltage0voltage0" };

        (void)state;
        mock_option(host, "device", "bme280");
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                choose((const char *const[]){ odd[i], NULL });
                assert_int_equal(mock_configure(host), -EINVAL);
        }
        choose((const char *const[]){ "Temp", NULL });
        assert_int_equal(mock_configure(host), -EINVAL);
        assert_string_equal(mock_error(host),
                            "channels: \"Temp\" is not a channel; channels are called as the kernel does: temp, "
                            "humidityrelative, pressure, voltage0 and so on");
}

static void iio__chosen_that_the_device_lacks__reported(void **state)
{
        (void)state;
        choose((const char *const[]){ "pressure", NULL });
        start("bh1750");
        assert_read_fails(-ENOENT, "pressure: the device does not have it");
}

static void iio__two_of_that_name_or_none__reported(void **state)
{
        (void)state;
        mock_option(host, "device", "ads1015");
        assert_start_fails(-ENOTUNIQ, "2 devices are called \"ads1015\": iio:device2, iio:device3; name one by its "
                                      "address, part of its path");
        tree_remove(root, "bus/iio:device2");
        tree_remove(root, "bus/iio:device3");
        assert_start_fails(-ENOENT, "there is no device \"ads1015\" in ROOT/bus");
}

static void iio__device_without_values__reported(void **state)
{
        (void)state;
        mock_option(host, "device", "nothing");
        assert_start_fails(-ENODATA, "the device nothing has nothing to read");
}

/* ---- What goes wrong ----------------------------------------------------------------------------------- */

#define DHT "bus/iio:device4/"

/* A file that opens and then fails with EIO, as a DHT11 does that has missed its turn. */
static void break_temperature(void)
{
        tree_remove(root, DHT "in_temp_input");
        assert_int_equal(symlink("/proc/self/mem", "bus/iio:device4/in_temp_input"), 0);
}

static void iio__error_that_stays__null_and_the_others_go_on(void **state)
{
        (void)state;
        start("dht11@4");
        break_temperature();
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("temperature"));
        assert_true(number_of("humidity") == 51);
}

static void iio__only_one_and_its_error_stays__error_in_the_end(void **state)
{
        (void)state;
        choose((const char *const[]){ "temp", NULL });
        start("dht11@4");
        break_temperature();
        assert_read_fails(-EIO, "ROOT/" DHT "in_temp_input: cannot be read: Input/output error");
}

static void *mend_when_opened(void *userdata)
{
        int fd = *(int *)userdata;
        struct inotify_event event;

        if (read(fd, &event, sizeof(event)) != (ssize_t)sizeof(event))
                return NULL;
        return symlink("in_humidityrelative_input", "bus/iio:device4/new") == 0 &&
                               rename("bus/iio:device4/new", "bus/iio:device4/in_temp_input") == 0
                       ? userdata
                       : NULL;
}

static void iio__error_that_passes__tried_again(void **state)
{
        pthread_t thread;
        void *mended;

        (void)state;
        choose((const char *const[]){ "temp", NULL });
        mock_option(host, "retries", "10");
        mock_option(host, "retry_after", "200ms");
        start("dht11@4");
        break_temperature();
        int fd = inotify_init1(IN_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(inotify_add_watch(fd, "/proc/self/mem", IN_OPEN) >= 0);
        assert_int_equal(pthread_create(&thread, NULL, mend_when_opened, &fd), 0);
        assert_int_equal(mock_read(host), 0);
        assert_int_equal(pthread_join(thread, &mended), 0);
        (void)close(fd);
        assert_non_null(mended);
        assert_true(number_of("temperature") == 51);
}

static void iio__odd_content__null_at_once(void **state)
{
        static const char *const odd[] = { "", "warm\n", "1 2 3\n", "0x10\n" };

        (void)state;
        mock_option(host, "retry_after", "10s"); /* a second try would be noticed */
        start("dht11@4");
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                tree_put(root, DHT "in_temp_input", odd[i]);
                assert_int_equal(mock_read(host), 0);
                assert_true(is_null("temperature"));
        }
}

/* The checksum of a frame of nothing but zeros is right. */
static void iio__dht_with_nothing_but_zeros__error(void **state)
{
        (void)state;
        mock_option(host, "retries", "0");
        start("dht11@4");
        tree_put(root, DHT "in_temp_input", "0\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 0); /* a cold day */
        tree_put(root, DHT "in_humidityrelative_input", "0\n");
        assert_read_fails(-EIO, "the sensor shows only zeros (0 °C at 0 %): check its wiring and supply");
}

static void iio__dht_with_nothing_but_zeros__error_also_where_one_is_asked_for(void **state)
{
        (void)state;
        mock_option(host, "retries", "0");
        choose((const char *const[]){ "temp", NULL });
        start("dht11@4");
        tree_put(root, DHT "in_temp_input", "0\n");
        tree_put(root, DHT "in_humidityrelative_input", "0\n");
        assert_int_equal(mock_read(host), -EIO);
        assert_null(mock_value(host, "temperature"));
}

static void iio__what_cannot_be__error(void **state)
{
        (void)state;
        start("bme280");
        tree_put(root, I2C "1-0076/iio:device0/in_temp_input", "-273200\n");
        tree_put(root, I2C "1-0076/iio:device0/in_humidityrelative_input", "100500\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("temperature"));
        assert_true(number_of("humidity") == 100.5); /* fog, and a sensor's tolerance */
        tree_put(root, I2C "1-0076/iio:device0/in_humidityrelative_input", "150000\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("humidity"));
}

static void iio__scale_that_cannot_be_read__error(void **state)
{
        (void)state;
        tree_put(root, I2C "1-0023/iio:device1/in_illuminance_scale", "x\n");
        start("bh1750");
        assert_read_fails(-EBADMSG, "ROOT/bus/iio:device1/in_illuminance_scale: \"x\" is not a number");
}

static void iio__device_goes_and_comes_with_another_number__found_again(void **state)
{
        (void)state;
        start("bh1750");
        tree_remove(root, "bus/iio:device1");
        assert_read_fails(-ENOENT, "there is no device \"bh1750\" in ROOT/bus");
        tree_make(root, (const struct tree_entry[]){ { "bus/iio:device9", "../" I2C "1-0023/iio:device1", TREE_LINK },
                                                     { NULL, NULL, TREE_FILE } });
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("illuminance") > 399);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SYSFS_TEST(iio__bme280__units_of_people),
                SYSFS_TEST(iio__bh1750__raw_times_scale),
                SYSFS_TEST(iio__ads1115__each_with_its_scale),
                SYSFS_TEST(iio__by_label__shared_scale_and_offset),
                SYSFS_TEST(iio__modifiers_and_bare_numbers__as_the_kernel_names_them),
                SYSFS_TEST(iio__scale_of_differences_is_shared__found),
                SYSFS_TEST(iio__chosen__by_either_name_and_known_before_the_start),
                SYSFS_TEST(iio__chosen_that_is_none__refused),
                SYSFS_TEST(iio__chosen_that_the_device_lacks__reported),
                SYSFS_TEST(iio__two_of_that_name_or_none__reported),
                SYSFS_TEST(iio__device_without_values__reported),
                SYSFS_TEST(iio__error_that_stays__null_and_the_others_go_on),
                SYSFS_TEST(iio__only_one_and_its_error_stays__error_in_the_end),
                SYSFS_TEST(iio__error_that_passes__tried_again),
                SYSFS_TEST(iio__odd_content__null_at_once),
                SYSFS_TEST(iio__dht_with_nothing_but_zeros__error),
                SYSFS_TEST(iio__dht_with_nothing_but_zeros__error_also_where_one_is_asked_for),
                SYSFS_TEST(iio__what_cannot_be__error),
                SYSFS_TEST(iio__scale_that_cannot_be_read__error),
                SYSFS_TEST(iio__device_goes_and_comes_with_another_number__found_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
