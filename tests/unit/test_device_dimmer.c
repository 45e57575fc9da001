/* SPDX-License-Identifier: Apache-2.0 */
/* Devices with a PWM channel or a kernel LED: what holds for every output holds for them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fakes/house.h"
#include "fakes/sysfs_tree.h"
#include "fakes/tree.h"

#define DESK   "[lamp desk]\nled = ACT\ngamma = 1\n"
#define SPOT   "[lamp spot]\npwm = pwmchip0:1\ngamma = 1\n"
#define LED    "class/leds/ACT/"
#define PWM    "class/pwm/pwmchip0/"
#define HOURS  (3600 * USEC_PER_SEC)
#define SECOND USEC_PER_SEC
#define STEP   (20 * USEC_PER_MSEC) /* of a fade */

static int setup(void **state)
{
        int r = house_setup(state);
        const struct house *house = *state;

        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        sysfs_tree_pwm(house->gpio.dir);
        return r;
}

static unsigned led(const struct house *house)
{
        return (unsigned)sysfs_tree_number(house->gpio.dir, LED "brightness");
}

static unsigned pwm(const struct house *house, const char *attribute)
{
        char path[64];

        (void)snprintf(path, sizeof(path), PWM "%s", attribute);
        return (unsigned)sysfs_tree_number(house->gpio.dir, path);
}

static void stop_home(struct house *house)
{
        home_stop(house->devices);
        home_free(house->devices);
        house->devices = NULL;
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

static void dimmer__commands__level_and_state_follow(void **state)
{
        struct house *house = *state;
        char trigger[32];

        house_apply(house, DESK);
        sysfs_tree_text(house->gpio.dir, LED "trigger", trigger, sizeof(trigger));
        assert_string_equal(trigger, "none");
        house_assert_published(house, "desk", DEVICE_STATE,
                               "{\"state\":\"OFF\",\"effect\":\"none\",\"brightness\":255}");
        house_set(house, "desk", "64");
        assert_int_equal(led(house), 64);
        house_assert_published(house, "desk", DEVICE_STATE, "{\"state\":\"ON\",\"effect\":\"none\",\"brightness\":64}");
        house_set(house, "desk", "TOGGLE");
        assert_int_equal(led(house), 0);
        house_set(house, "desk", "{\"state\":\"ON\",\"brightness\":200,\"transition\":2}");
        house_assert_published(house, "desk", DEVICE_STATE,
                               "{\"state\":\"ON\",\"effect\":\"none\",\"brightness\":200}");
        assert_int_equal(led(house), 0);
        house_pass(house, SECOND);
        assert_int_equal(led(house), 100);
        house_set(house, "desk", "{\"state\":\"OFF\",\"transition\":\"500ms\"}");
        house_pass(house, SECOND / 2);
        assert_int_equal(led(house), 0);
}

static void dimmer__bad_commands__refused(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK "[lamp kitchen]\nline = GPIO17\n");
        house_set(house, "desk", "{\"brightness\":256}");
        house_assert_result(house, "desk",
                            "{\"ok\":false,\"code\":\"range\",\"message\":\"brightness: 256 is out of range: "
                            "1 to 255 is allowed\"}");
        house_set(house, "desk", "{\"flash\":600}");
        house_assert_result(house, "desk",
                            "{\"ok\":false,\"code\":\"range\",\"message\":\"flash: 600 is out of range: 1 to "
                            "60 is allowed\"}");
        house_set(house, "kitchen", "{\"state\":\"ON\",\"brightness\":5}");
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"unknown_key\",\"message\":\"this light has no "
                            "brightness\"}");
        house_set(house, "kitchen", "{\"effect\":\"breathe\"}");
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"range\",\"message\":\"effect: \\\"breathe\\\" is not one "
                            "of: none, blink\"}");
}

/* ---- What every output does ---------------------------------------------------------------------------- */

static void dimmer__restart__brightness_comes_back(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK);
        house_set(house, "desk", "64");
        house_restart(house);
        assert_int_equal(led(house), 64); /* keep */
        house_apply(house, DESK);
        assert_int_equal(led(house), 64);
        house_set(house, "desk", "OFF");
        house_crash(house);
        house_apply(house, DESK);
        assert_int_equal(led(house), 0);
        house_set(house, "desk", "ON");
        assert_int_equal(led(house), 64);
}

static void dimmer__boot__power_on_last_with_its_brightness(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK);
        house_set(house, "desk", "64");
        house_crash(house);
        house_reboot(house, "desk");
        tree_put(house->gpio.dir, LED "brightness", "0\n");
        house_apply(house, DESK "power_on = last\n");
        assert_int_equal(led(house), 64);
        house_crash(house);
        house_reboot(house, "desk");
        house_apply(house, DESK "power_on = off\n");
        assert_int_equal(led(house), 0);
        house_set(house, "desk", "ON");
        assert_int_equal(led(house), 64);
}

static void dimmer__power_on_keep__what_it_shows(void **state)
{
        struct house *house = *state;

        tree_put(house->gpio.dir, LED "brightness", "51\n");
        house_apply(house, DESK "power_on = keep\n");
        house_assert_published(house, "desk", DEVICE_STATE, "{\"state\":\"ON\",\"effect\":\"none\",\"brightness\":51}");
        assert_int_equal(led(house), 51);
}

static void dimmer__max_on__off_at_once(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK "max_on = 1h\ntransition = 5s\n");
        house_set(house, "desk", "ON");
        house_pass(house, STEP); /* the first light of the fade */
        house_pass(house, HOURS - 1);
        assert_int_equal(led(house), 255);
        house_pass(house, 1);
        assert_int_equal(led(house), 0);
}

static void dimmer__exit_in_a_fade__ends_in_the_declared_state(void **state)
{
        static const struct {
                const char *on_exit, *command;
                unsigned level;
        } cases[] = {
                { "on_exit = keep\n", "{\"state\":\"ON\",\"brightness\":200,\"transition\":10}", 200 },
                { "on_exit = keep\n", "{\"state\":\"OFF\",\"transition\":10}", 0 },
                { "on_exit = off\n", "{\"state\":\"ON\",\"brightness\":200,\"transition\":10}", 0 },
                { "on_exit = off\n", "{\"state\":\"OFF\",\"transition\":10}", 0 },
                { "on_exit = on\n", "{\"state\":\"OFF\",\"transition\":10}", 100 },
                { "on_exit = keep\n", "{\"flash\":10}", 100 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                if (i > 0) {
                        house_teardown(state);
                        setup(state);
                }
                struct house *house = *state;
                char config[200];
                (void)snprintf(config, sizeof(config), DESK "%s", cases[i].on_exit);
                house_apply(house, config);
                house_set(house, "desk", "100");
                house_set(house, "desk", cases[i].command);
                house_pass(house, 3 * SECOND + SECOND / 4);
                stop_home(house);
                if (led(house) != cases[i].level)
                        fail_msg("%s %s: %u", cases[i].on_exit, cases[i].command, led(house));
        }
}

static void dimmer__reload_in_a_fade__goes_to_its_end(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK);
        house_set(house, "desk", "{\"brightness\":200,\"transition\":10}");
        house_pass(house, 3 * SECOND);
        house_apply(house, DESK "max_on = 8h\n"); /* in place: not touched */
        house_pass(house, 2 * SECOND);
        assert_int_equal(led(house), 100);
        house_apply(house, DESK "min_level = 1\n"); /* another device */
        assert_int_equal(led(house), 201);
        house_assert_published(house, "desk", DEVICE_STATE,
                               "{\"state\":\"ON\",\"effect\":\"none\",\"brightness\":200}");
}

static void dimmer__outputs_safe__as_the_config_declares(void **state)
{
        struct house *house = *state;
        tree_put(house->gpio.dir, LED "brightness", "77\n");
        assert_int_equal(house_outputs_safe(house, DESK "on_exit = off\n" SPOT), 0);
        assert_int_equal(led(house), 0);
        assert_true(house_logged(house, "desk: ACT is off"));
        assert_false(house_logged(house, "spot:"));
}

/* The config was changed, and not taken, before the crash: the output is on all the same. */
static void dimmer__outputs_safe_with_a_mistake_elsewhere__made_safe(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK "max_on = 1h\n");
        house_set(house, "desk", "ON");
        house_crash(house);
        assert_int_equal(led(house), 255);
        assert_int_equal(house_outputs_safe(house, DESK "max_on = 1 hour\n"), 1); /* what does that mean? */
        assert_int_equal(led(house), 255);
        assert_int_equal(house_outputs_safe(house, DESK "max_on = 1h\nnmae = Desk\nevery = 5\n"), 0);
        assert_int_equal(led(house), 0);
}

/* What is dark is to be dark after a crash in the middle of a flash. */
static void dimmer__crash_in_a_flash_while_off__safe_is_off(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK);
        house_set(house, "desk", "{\"flash\":10}");
        assert_int_equal(led(house), 255);
        house_crash(house);
        assert_int_equal(led(house), 255);
        assert_int_equal(house_outputs_safe(house, DESK), 0);
        assert_int_equal(led(house), 0);
        house_apply(house, DESK);
        assert_int_equal(led(house), 0);
}

/* ---- PWM ----------------------------------------------------------------------------------------------- */

static void dimmer__pwm__period_duty_and_given_back_dark(void **state)
{
        struct house *house = *state;

        house_apply(house, SPOT "frequency = 500\non_exit = off\n");
        assert_int_equal(pwm(house, "pwm1/period"), 2000000);
        assert_int_equal(pwm(house, "pwm1/enable"), 1);
        house_set(house, "spot", "51");
        assert_int_equal(pwm(house, "pwm1/duty_cycle"), 400000);
        stop_home(house);
        assert_int_equal(pwm(house, "pwm1/duty_cycle"), 0);
        assert_int_equal(pwm(house, "pwm1/enable"), 0);
}

static void dimmer__pwm_that_appears_later__works_then_and_is_unexported(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp spot]\npwm = pwmchip0:0\non_exit = off\n");
        assert_string_equal(house_published(house, "spot", DEVICE_STATUS), "offline");
        assert_int_equal(pwm(house, "export"), 0);
        tree_put(house->gpio.dir, PWM "pwm0/period", "0\n");
        tree_put(house->gpio.dir, PWM "pwm0/duty_cycle", "0\n");
        tree_put(house->gpio.dir, PWM "pwm0/enable", "0\n");
        house_pass(house, SECOND);
        assert_string_equal(house_published(house, "spot", DEVICE_STATUS), "online");
        house_set(house, "spot", "ON");
        assert_int_equal(pwm(house, "pwm0/duty_cycle"), 1000000);
        stop_home(house);
        assert_int_equal(pwm(house, "unexport"), 0);
}

static void dimmer__no_such_led__offline_and_lists_what_there_is(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp desk]\nled = STATUS\n");
        house_assert_published(house, "desk", DEVICE_ERROR,
                               "{\"code\":\"enoent\",\"message\":\"there is no LED \\\"STATUS\\\"; there are: ACT\"}");
}

/* ---- One that its driver refuses ------------------------------------------------------------------------ */

static int put_error; /* negative errno */

int __real_sysfs_put_number(int fd, uint64_t number);
int __wrap_sysfs_put_number(int fd, uint64_t number);

int __wrap_sysfs_put_number(int fd, uint64_t number)
{
        return put_error ? put_error : __real_sysfs_put_number(fd, number);
}

static void dimmer__level_is_refused__failed_and_goes_on(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK);
        put_error = -EIO;
        house_set(house, "desk", "ON");
        assert_non_null(strstr(house_published(house, "desk", DEVICE_RESULT), "\"code\":\"failed\""));
        assert_string_equal(house_published(house, "desk", DEVICE_STATUS), "online");
        put_error = 0;
        house_set(house, "desk", "ON");
        assert_int_equal(led(house), 255);
}

static void dimmer__gone_when_it_is_set__offline_and_back(void **state)
{
        struct house *house = *state;

        house_apply(house, DESK);
        put_error = -ENODEV;
        house_set(house, "desk", "ON");
        house_assert_result(house, "desk",
                            "{\"ok\":false,\"code\":\"failed\",\"message\":\"ACT is gone (unplugged?)\"}");
        put_error = 0;
        assert_string_equal(house_published(house, "desk", DEVICE_STATUS), "offline");
        house_pass(house, SECOND);
        assert_string_equal(house_published(house, "desk", DEVICE_STATUS), "online");
        house_set(house, "desk", "ON");
        assert_int_equal(led(house), 255);
}

/* The first reason counts; a level that nobody knows is none. */
static void dimmer__gone_and_set_once_more__offline_with_the_first_reason(void **state)
{
        struct house *house = *state;
        char fifo[PATH_MAX], config[PATH_MAX + 100];

        house_path(house, "fifo", fifo);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        (void)snprintf(config, sizeof(config), "[stubborn mule]\nled = ACT\nfifo = %s\n", fifo);
        house_apply(house, config);
        house_forget(house);
        put_error = -ENODEV;
        house_write(house, "fifo", "twice\n");
        house_wait_published(house, "mule", DEVICE_STATUS, 1);
        put_error = 0;
        house_assert_published(house, "mule", DEVICE_ERROR,
                               "{\"code\":\"enodev\",\"message\":\"ACT is gone (unplugged?)\"}");
        house_assert_published(house, "mule", DEVICE_STATE, "{\"state\":\"OFF\",\"level\":-1,\"lines\":1}");
}

static int setup_more(void **state)
{
        int r = house_setup_more(state);
        const struct house *house = *state;

        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        return r;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(dimmer__commands__level_and_state_follow),
                TEST(dimmer__bad_commands__refused),
                TEST(dimmer__restart__brightness_comes_back),
                TEST(dimmer__boot__power_on_last_with_its_brightness),
                TEST(dimmer__power_on_keep__what_it_shows),
                TEST(dimmer__max_on__off_at_once),
                TEST(dimmer__exit_in_a_fade__ends_in_the_declared_state),
                TEST(dimmer__reload_in_a_fade__goes_to_its_end),
                TEST(dimmer__outputs_safe__as_the_config_declares),
                TEST(dimmer__outputs_safe_with_a_mistake_elsewhere__made_safe),
                TEST(dimmer__crash_in_a_flash_while_off__safe_is_off),
                TEST(dimmer__pwm__period_duty_and_given_back_dark),
                TEST(dimmer__pwm_that_appears_later__works_then_and_is_unexported),
                TEST(dimmer__no_such_led__offline_and_lists_what_there_is),
                TEST(dimmer__level_is_refused__failed_and_goes_on),
                TEST(dimmer__gone_when_it_is_set__offline_and_back),
                cmocka_unit_test_setup_teardown(dimmer__gone_and_set_once_more__offline_with_the_first_reason,
                                                setup_more, house_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
