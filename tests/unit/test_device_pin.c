/* SPDX-License-Identifier: Apache-2.0 */
/* device/pin and device/host_pin: lines and dimmers, and a plugin that a hold has to overrule. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/pin.h"
#include "fakes/house.h"
#include "fakes/sysfs_tree.h"

#define LED "class/leds/ACT/brightness"

/* ---- From the record and back -------------------------------------------------------------------------- */

static void pin_parse__each_kind__leads_to_the_same_again(void **state)
{
        static const char *const rows[][2] = { { "line", "GPIO17" }, { "pwm", "pwmchip0:1" }, { "led", "ACT" } };
        const struct line_settings settings = { .active_low = true };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                CLEANUP(pin_done) struct pin pin = { 0 };
                assert_int_equal(pin_parse(rows[i][0], rows[i][1], &settings, &pin, NULL), 0);
                assert_string_equal(pin_kind(&pin), rows[i][0]);
                assert_string_equal(pin_text(&pin), rows[i][1]);
                assert_true(pin_settings(&pin).active_low);
                assert_false(pin_is_open(&pin));
        }
}

static void pin_parse__text_that_leads_nowhere__sentence_and_no_pin(void **state)
{
        static const char *const rows[][2] = { { "line", ":17" }, { "pwm", "pwmchip0" }, { "led", "../ACT" } };
        const struct line_settings settings = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct pin pin = { 0 };
                struct fault fault;
                assert_int_equal(pin_parse(rows[i][0], rows[i][1], &settings, &pin, &fault), -EBADMSG);
                assert_ptr_equal(strstr(fault.text, rows[i][1]), fault.text);
                assert_null(pin.line);
                assert_null(pin.dimmer);
        }
}

static void pin_same__spellings_and_kinds__only_what_is_one(void **state)
{
        static const struct {
                const char *kinds[2], *texts[2];
                bool expected;
        } rows[] = {
                { { "line", "line" }, { "GPIO17", "sim:17" }, true },
                { { "line", "line" }, { "GPIO17", "GPIO27" }, false },
                { { "led", "led" }, { "ACT", "ACT" }, true },
                { { "led", "led" }, { "ACT", "PWR" }, false },
                { { "line", "led" }, { "ACT", "ACT" }, false },
        };
        const struct line_settings settings = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                CLEANUP(pin_done) struct pin a = { 0 }, b = { 0 };
                assert_int_equal(pin_parse(rows[i].kinds[0], rows[i].texts[0], &settings, &a, NULL), 0);
                assert_int_equal(pin_parse(rows[i].kinds[1], rows[i].texts[1], &settings, &b, NULL), 0);
                assert_int_equal(pin_same(&a, &b, "sim"), rows[i].expected);
        }
}

static void pins_count__no_config__none(void **state)
{
        (void)state;
        assert_int_equal(pins_count(NULL), 0);
}

/* ---- A plugin that drives by itself -------------------------------------------------------------------- */

static int setup(void **state)
{
        int r = house_setup_more(state);
        const struct house *house = *state;
        char path[PATH_MAX];

        house_path(house, "fifo", path);
        assert_int_equal(mkfifo(path, 0600), 0);
        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        return r;
}

static void apply(struct house *house, const char *more)
{
        char text[PATH_MAX + 256], path[PATH_MAX];

        house_path(house, "fifo", path);
        (void)snprintf(text, sizeof(text), "[stubborn desk]\nled = ACT\nfifo = %s\n%s", path, more);
        house_apply(house, text);
}

/* Until its plugin has read the line and published. */
static void send(struct house *house, const char *line)
{
        char path[PATH_MAX];

        house_path(house, "fifo", path);
        house_forget(house);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, line, strlen(line)), strlen(line));
        house_wait_published(house, "desk", DEVICE_STATE, 1);
        (void)close(fd);
}

static unsigned led(const struct house *house)
{
        return (unsigned)sysfs_tree_number(house->gpio.dir, LED);
}

static void watch__what_comes_through_a_descriptor__is_driven(void **state)
{
        struct house *house = *state;

        apply(house, "");
        send(house, "1\n");
        assert_int_equal(led(house), 255);
        house_assert_published(house, "desk", DEVICE_STATE, "{\"state\":\"ON\",\"level\":1,\"lines\":1}");
        send(house, "0\n");
        assert_int_equal(led(house), 0);
        send(house, "leave\n");
        house_assert_published(house, "desk", DEVICE_STATE, "{\"state\":\"OFF\",\"level\":0,\"lines\":3}");
        assert_null(house_published(house, "desk", DEVICE_ERROR));
}

static void host__what_is_not_its_own_or_too_much__refused(void **state)
{
        struct house *house = *state;

        apply(house, "");
        send(house, "strangers\n");
        assert_null(house_published(house, "desk", DEVICE_ERROR));
        assert_true(house_logged(house, "the plugin raised an event that it does not declare: state single"));
        send(house, "too many\n");
        assert_null(house_published(house, "desk", DEVICE_ERROR));
        send(house, "1\n");
        assert_int_equal(led(house), 255);
}

/* Its commands are of no use: the output goes where it belongs without it, and where it wants when that is over. */
static void hold__plugin_refuses_and_drives_on__forced_and_then_its_wish(void **state)
{
        struct house *house = *state;

        apply(house, "on_offline = off\n");
        home_broker_back(house->devices);
        send(house, "1\n");
        home_broker_lost(house->devices);
        assert_int_equal(led(house), 0);
        assert_true(house_logged(house, "cannot be switched off by its plugin: desk does as it likes"));
        send(house, "0.2\n");
        assert_int_equal(led(house), 0);
        send(house, "0.6\n");
        assert_int_equal(led(house), 0);
        home_broker_back(house->devices);
        assert_int_equal(led(house), 153);
}

static void hold__wish_is_to_be_off__stays_off(void **state)
{
        struct house *house = *state;

        apply(house, "on_offline = on\n");
        home_broker_back(house->devices);
        home_broker_lost(house->devices);
        assert_int_equal(led(house), 255);
        send(house, "0\n");
        assert_int_equal(led(house), 255);
        home_broker_back(house->devices);
        assert_int_equal(led(house), 0);
}

static void max_on__plugin_refuses__forced_off(void **state)
{
        struct house *house = *state;

        apply(house, "max_on = 10s\n");
        send(house, "1\n");
        house_pass(house, 10 * USEC_PER_SEC);
        assert_int_equal(led(house), 0);
        assert_true(house_logged(house, "has been on for max_on: switching it off"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pin_parse__each_kind__leads_to_the_same_again),
                cmocka_unit_test(pin_parse__text_that_leads_nowhere__sentence_and_no_pin),
                cmocka_unit_test(pin_same__spellings_and_kinds__only_what_is_one),
                cmocka_unit_test(pins_count__no_config__none),
                TEST(watch__what_comes_through_a_descriptor__is_driven),
                TEST(host__what_is_not_its_own_or_too_much__refused),
                TEST(hold__plugin_refuses_and_drives_on__forced_and_then_its_wish),
                TEST(hold__wish_is_to_be_off__stays_off),
                TEST(max_on__plugin_refuses__forced_off),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
