/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugins that read and drive what the kernel's drivers offer, on the kernel's own stand-ins for the
 * hardware: real drivers, real files, only the chips behind them are registers. Runs inside the kernel ring,
 * as root:
 *
 *   tests/kernel/run -s -d tests/kernel/one-wire.dts tests/kernel/dummies build/tests/kernel/test_dummies
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/ring.h"
#include "util/cleanup.h"

/* The directory of a stand-in. Without it the test is skipped. */
static const char *dummy(const char *variable)
{
        const char *path = getenv(variable);

        if (!path) {
                print_message("skipped: %s is not set: run it by tests/kernel/dummies\n", variable);
                skip();
        }
        return path;
}

static void put(const char *dir, const char *name, const char *text)
{
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        FILE *file = fopen(path, "we");
        if (!file || fputs(text, file) < 0 || fclose(file) != 0)
                give_up("cannot write %s", path);
}

static struct daemon *start(const char *devices)
{
        struct daemon *hall = ring_daemon(devices);

        daemon_start(hall);
        daemon_wait_online(hall, ring.tester);
        return hall;
}

struct number {
        const char *channel;
        double value;
};

static bool is_number(const struct message *message, const void *userdata)
{
        const struct number *wanted = userdata;
        const char *text = json_member(message, wanted->channel);
        char *end;

        if (!text)
                return false;
        double value = strtod(text, &end);
        return end != text && *end == '\0' && fabs(value - wanted->value) <= fabs(wanted->value) * 1e-4;
}

static void wait_number(const char *topic, const char *channel, double value)
{
        const struct number wanted = { channel, value };

        (void)client_wait(ring.tester, topic, is_number, &wanted);
}

static void read_now(const char *device)
{
        char rest[64];

        (void)snprintf(rest, sizeof(rest), "%s/get", device);
        ring_send(rest, "");
}

/* ---- hwmon
 * -------------------------------------------------------------------------------------------------- */

/* The LM75's register 0, its low byte first: half degrees in the high nine bits. */
static void set_lm75(const char *word)
{
        int status;

        process_free(process_run((const char *const[]){ "i2cset", "-y", "-f", "0", "0x48", "0", word, "w", NULL }, NULL,
                                 &status));
        assert_int_equal(status, 0);
}

static void hwmon__lm75__reports_degrees_above_and_below_zero(void **state)
{
        (void)state;
        (void)dummy("SCONCE_TEST_HWMON");
        set_lm75("0x8015");
        struct daemon *hall = start("[hwmon board]\nchip = lm75\nevery = 1h\n");
        wait_number("sconce/hall/board/state", "temp1", 21.5);
        set_lm75("0x80f5");
        read_now("board");
        wait_number("sconce/hall/board/state", "temp1", -10.5);
        daemon_stop(hall);
}

static void hwmon__driver_lets_go_and_comes_back__offline_then_online(void **state)
{
        static const char bus[] = "/sys/bus/i2c/devices/i2c-0";

        (void)state;
        (void)dummy("SCONCE_TEST_HWMON");
        set_lm75("0x0014");
        struct daemon *hall = start("[hwmon board]\nchip = 0-0048\nevery = 100ms\n");
        wait_number("sconce/hall/board/state", "temp1", 20);
        put(bus, "delete_device", "0x48");
        ring_wait("board/status", "offline");
        put(bus, "new_device", "lm75 0x48");
        ring_wait("board/status", "online");
        wait_number("sconce/hall/board/state", "temp1", 20);
        daemon_stop(hall);
}

/* ---- iio
 * ---------------------------------------------------------------------------------------------------- */

static void iio__the_kernels_dummy__raw_values_become_units(void **state)
{
        (void)state;
        (void)dummy("SCONCE_TEST_IIO");
        struct daemon *hall = start("[iio adc]\ndevice = adc0\nevery = 1h\n");
        wait_number("sconce/hall/adc/state", "voltage0", (73 + 7) * 0.001333 / 1000);
        read_now("adc");
        wait_number("sconce/hall/adc/state", "steps", 47);
        daemon_stop(hall);
}

/* ---- w1
 * ------------------------------------------------------------------------------------------------------ */

static void w1__shorted_bus__is_an_error_and_no_reading(void **state)
{
        const char *bus = dummy("SCONCE_TEST_W1_SHORT");

        (void)state;
        put(bus, "w1_master_add", "28-0316a2791bfe");
        struct daemon *hall = start("[w1 cellar]\nid = 28-0316a2791bfe\nevery = 1h\n");
        ring_wait_error("cellar", "eio", "short");
        ring_wait("cellar/status", "offline");
        daemon_stop(hall);
        put(bus, "w1_master_remove", "28-0316a2791bfe");
}

static void w1__sensor_does_not_answer__is_an_error_and_no_reading(void **state)
{
        const char *bus = dummy("SCONCE_TEST_W1_CUT");

        (void)state;
        put(bus, "w1_master_add", "28-0316a2791bff");
        struct daemon *hall = start("[w1 cellar]\nid = 28-0316a2791bff\nevery = 1h\n");
        ring_wait("cellar/status", "offline");
        ring_wait_json("cellar/state", "temperature", "null");
        daemon_stop(hall);
        put(bus, "w1_master_remove", "28-0316a2791bff");
}

/* ---- thermal
 * -------------------------------------------------------------------------------------------------- */

static void thermal__zone__reports_what_it_is_set_to(void **state)
{
        const char *zone = dummy("SCONCE_TEST_THERMAL");

        (void)state;
        put(zone, "emul_temp", "48312");
        struct daemon *hall = start("[thermal cpu]\nzone = test_battery\nevery = 1h\n");
        wait_number("sconce/hall/cpu/state", "temperature", 48.312);
        put(zone, "emul_temp", "61000");
        read_now("cpu");
        wait_number("sconce/hall/cpu/state", "temperature", 61);
        daemon_stop(hall);
}

/* ---- Dimmed lamps ---------------------------------------------------------------------------------------
 */

struct shown {
        const char *path;
        long value;
};

static bool is_shown(void *userdata)
{
        const struct shown *wanted = userdata;
        CLEANUP_FREE char *text = read_file(wanted->path);

        return text && *text && strtol(text, NULL, 10) == wanted->value;
}

static void wait_shown(const char *dir, const char *name, long value)
{
        char path[512];
        struct shown wanted = { path, value };

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        if (!pump_until(is_shown, &wanted, SOON_MS)) {
                CLEANUP_FREE char *text = read_file(path);
                give_up("%s shows %s, not %ld", path, text ? text : "nothing", value);
        }
}

static void lamp__kernel_led__is_set_faded_and_off_at_exit(void **state)
{
        const char *led = dummy("SCONCE_TEST_LED");
        char devices[256];

        (void)state;
        (void)snprintf(devices, sizeof(devices), "[lamp desk]\nled = %s\ngamma = 1\non_exit = off\n",
                       strrchr(led, '/') + 1);
        put(led, "trigger", "timer"); /* somebody else's blinking: it ends */
        struct daemon *hall = start(devices);
        ring_send("desk/set", "64");
        wait_shown(led, "brightness", 64);
        ring_wait_json("desk/state", "brightness", "64");
        ring_send("desk/set", "{\"state\":\"ON\",\"brightness\":200,\"transition\":2}");
        wait_shown(led, "brightness", 200);
        daemon_stop(hall);
        wait_shown(led, "brightness", 0);
}

static void lamp__pwm__has_its_frequency_and_its_share(void **state)
{
        const char *pwm = dummy("SCONCE_TEST_PWM");
        char devices[256];

        (void)state;
        (void)snprintf(devices, sizeof(devices), "[lamp desk]\npwm = %s:3\nfrequency = 500\ngamma = 1\non_exit = off\n",
                       strrchr(pwm, '/') + 1);
        struct daemon *hall = start(devices);
        ring_send("desk/set", "51");
        wait_shown(pwm, "pwm3/duty_cycle", 400 * 1000);
        wait_shown(pwm, "pwm3/period", 2 * 1000 * 1000);
        wait_shown(pwm, "pwm3/enable", 1);
        ring_wait_json("desk/state", "brightness", "51");
        ring_send("desk/set", "OFF");
        wait_shown(pwm, "pwm3/duty_cycle", 0);
        daemon_stop(hall);
}

#define DUMMY_TEST(name) cmocka_unit_test_setup_teardown(name, ring_plug, ring_unplug)

int main(void)
{
        const struct CMUnitTest tests[] = {
                DUMMY_TEST(hwmon__lm75__reports_degrees_above_and_below_zero),
                DUMMY_TEST(hwmon__driver_lets_go_and_comes_back__offline_then_online),
                DUMMY_TEST(iio__the_kernels_dummy__raw_values_become_units),
                DUMMY_TEST(w1__shorted_bus__is_an_error_and_no_reading),
                DUMMY_TEST(w1__sensor_does_not_answer__is_an_error_and_no_reading),
                DUMMY_TEST(thermal__zone__reports_what_it_is_set_to),
                DUMMY_TEST(lamp__kernel_led__is_set_faded_and_off_at_exit),
                DUMMY_TEST(lamp__pwm__has_its_frequency_and_its_share),
        };
        return cmocka_run_group_tests(tests, ring_open, ring_close);
}
