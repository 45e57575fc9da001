/* SPDX-License-Identifier: Apache-2.0 */
/* device/output: first values, max_on, on_exit, on_offline, and what of them a config may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

#define LAMP  "[lamp kitchen]\nline = GPIO17\n"
#define ON    "{\"state\":\"ON\"}"
#define OFF   "{\"state\":\"OFF\"}"
#define HOURS (3600 * USEC_PER_SEC)

static int line(const struct house *house)
{
        return sim_value(&house->gpio, 17);
}

static void stop_home(struct house *house)
{
        home_stop(house->devices);
        home_free(house->devices);
        house->devices = NULL;
}

/* ---- The first value ----------------------------------------------------------------------------------- */

static void output_first__power_on__as_written(void **state)
{
        static const struct {
                const char *text;
                int level;
        } cases[] = {
                { LAMP, 0 },
                { LAMP "power_on = last\n", 0 },
                { LAMP "power_on = off\n", 0 },
                { LAMP "power_on = on\n", 1 },
                { LAMP "power_on = on\nactive_low = yes\n", 0 },
                { LAMP "power_on = off\nactive_low = yes\n", 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                if (i > 0) {
                        house_teardown(state);
                        house_setup(state);
                }
                struct house *house = *state;
                house_apply(house, cases[i].text);
                assert_int_equal(line(house), cases[i].level);
        }
}

static void output_first__keep__what_the_line_shows(void **state)
{
        struct house *house = *state;

        sim_pull(&house->gpio, 17, "pull-up\n");
        fixture_settle(&house->gpio);
        house_apply(house, LAMP "power_on = keep\n");
        assert_int_equal(line(house), 1);
        house_assert_published(house, "kitchen", DEVICE_STATE, ON);
}

/* A changed section restarts the device: the lamp stays as it was. */
static void output_first__restart__last_value_comes_back(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "power_on = off\n");
        house_set(house, "kitchen", "ON");
        house_apply(house, LAMP "power_on = off\nbias = disabled\n");
        assert_int_equal(line(house), 1);
        house_assert_published(house, "kitchen", DEVICE_STATE, ON);
}

/* ---- max_on -------------------------------------------------------------------------------------------- */

static void output_max_on__due__off_without_any_broker(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 8h\n");
        house_set(house, "kitchen", "ON");
        house_forget(house);
        house_pass(house, 8 * HOURS - 1);
        assert_int_equal(line(house), 1);
        house_pass(house, 1);
        assert_int_equal(line(house), 0);
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
        assert_true(house_logged(house, "kitchen: has been on for max_on: switching it off"));
}

static void output_max_on__switched_on_again__counts_from_the_first(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        house_pass(house, HOURS / 2);
        house_set(house, "kitchen", "ON");
        house_pass(house, HOURS / 2);
        assert_int_equal(line(house), 0);
}

static void output_max_on__off_between__counts_again(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        house_pass(house, HOURS / 2);
        house_set(house, "kitchen", "OFF");
        house_set(house, "kitchen", "ON");
        house_pass(house, HOURS - 1);
        assert_int_equal(line(house), 1);
        house_pass(house, 1);
        assert_int_equal(line(house), 0);
}

static void output_max_on__power_on__counts_too(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\npower_on = on\n");
        assert_int_equal(line(house), 1);
        house_pass(house, HOURS);
        assert_int_equal(line(house), 0);
}

static void output_max_on__restart_between__time_goes_on(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        house_pass(house, HOURS / 2);
        house_apply(house, LAMP "max_on = 1h\nbias = disabled\n");
        assert_int_equal(line(house), 1);
        house_pass(house, HOURS / 2);
        assert_int_equal(line(house), 0);
}

static void output_max_on__given_by_reload__counts_what_has_passed(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_set(house, "kitchen", "ON");
        house_pass(house, HOURS / 2);
        house_apply(house, LAMP "max_on = 1h\n");
        house_pass(house, HOURS / 2 - 1);
        assert_int_equal(line(house), 1);
        house_pass(house, 1);
        assert_int_equal(line(house), 0);
        /* What max_on switched off stays off. */
        house_apply(house, LAMP "max_on = 1h\nbias = disabled\n");
        assert_int_equal(line(house), 0);
}

/* ---- on_exit ------------------------------------------------------------------------------------------- */

/* After release a line reads its pull: what was driven before is reported by the state. */
static void output_exit__off_or_timed__switched_off(void **state)
{
        static const char *const cases[] = { LAMP "on_exit = off\n", LAMP "max_on = 1h\n" };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                if (i > 0) {
                        house_teardown(state);
                        house_setup(state);
                }
                struct house *house = *state;
                house_apply(house, cases[i]);
                house_set(house, "kitchen", "ON");
                house_forget(house);
                stop_home(house);
                house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
                assert_true(house_logged(house, "kitchen: on_exit: switching it off"));
        }
}

static void output_exit__keep__line_left_alone(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_set(house, "kitchen", "ON");
        house_forget(house);
        stop_home(house);
        assert_null(house_published(house, "kitchen", DEVICE_STATE));
        assert_false(house_logged(house, "on_exit"));
}

static void output_exit__on__switched_on(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "on_exit = on\n");
        house_forget(house);
        stop_home(house);
        house_assert_published(house, "kitchen", DEVICE_STATE, ON);
}

#define BLIND "[cover blind]\nup = GPIO20\nup_time = 20s\ndown = "

/* on_exit is for an output that nobody drives any more. An input is none. */
static void output_exit__reload__only_where_an_output_is_left(void **state)
{
        struct house *house = *state;

        house_apply(house, BLIND "GPIO21\nup_stop = GPIO23\n");
        house_pass(house, USEC_PER_SEC); /* its stop settles, and the dead time is over */
        house_set(house, "blind", "OPEN");
        assert_int_equal(sim_value(&house->gpio, 20), 1);
        house_apply(house, BLIND "GPIO21\n");
        assert_int_equal(sim_value(&house->gpio, 20), 0);
        assert_false(house_logged(house, "on_exit"));
        house_pass(house, USEC_PER_SEC);
        house_set(house, "blind", "OPEN");
        assert_int_equal(sim_value(&house->gpio, 20), 1);
        house_apply(house, BLIND "GPIO22\n");
        assert_true(house_logged(house, "blind: on_exit: switching it off"));
}

/* ---- on_offline ---------------------------------------------------------------------------------------- */

static void output_broker_lost__on_offline__switched(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "on_offline = off\n");
        home_broker_back(house->devices);
        house_set(house, "kitchen", "ON");
        home_broker_lost(house->devices);
        assert_int_equal(line(house), 0);
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
        home_broker_back(house->devices);
        assert_int_equal(line(house), 0);
}

static void output_broker_lost__keep__left_alone(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        home_broker_back(house->devices);
        house_set(house, "kitchen", "ON");
        home_broker_lost(house->devices);
        assert_int_equal(line(house), 1);
}

static void output_broker_lost__never_connected__only_where_asked(void **state)
{
        struct house *house = *state;

        house_apply(house,
                    LAMP "on_offline = on\n[switch pump]\nline = GPIO18\non_offline = on\noffline_at_start = yes\n");
        home_broker_lost(house->devices);
        assert_int_equal(line(house), 0);
        assert_int_equal(sim_value(&house->gpio, 18), 1);
}

/* ---- What a config may hold ----------------------------------------------------------------------------- */

/* ---- --outputs-safe ------------------------------------------------------------------------------------ */

static void outputs_safe__no_store__by_the_config_alone(void **state)
{
        struct house *house = *state;
        const struct gpio_options options = { .chip = "sim", .sim_dir = house->gpio.dir, .consumer = "another" };
        static const char blind[] = "[cover blind]\nup = GPIO20\ndown = GPIO21\nup_time = 20s\nup_stop = GPIO23\n";
        struct sconce_line *line = fixture_line("GPIO21");
        struct gpio *other = NULL;
        struct fault fault;

        house->options.store = NULL;
        size_t edges = sim_edge_count(&house->gpio, 23);
        sim_pull(&house->gpio, 20, "pull-up");
        fixture_settle(&house->gpio);
        assert_int_equal(house_outputs_safe(house, blind), 0);
        assert_true(house_logged(house, "GPIO20 is off"));
        assert_int_equal(sim_edge_count(&house->gpio, 23), edges); /* its end stop is an input */
        assert_int_equal(house_outputs_safe(house, "[switch plain]\nline = GPIO24\non_exit = on\n"), 0);
        assert_true(house_logged(house, "GPIO24 is on"));
        assert_int_equal(gpio_new(&house->gpio.loop, &options, &other), 0);
        assert_int_equal(line_open_output(other, line, 1, NULL, NULL, &fault), 0);
        assert_int_equal(house_outputs_safe(house, blind), 1);
        assert_true(house_logged(house, "cannot be made safe: GPIO21 is in use by \"another\""));
        line_free(line);
        gpio_free(other);
        house->options.store = house->store;
}

static void devices_check__keep_on_timed_output__refused(void **state)
{
        struct house *house = *state;

        char *wrong = house_check(house, LAMP "max_on = 1h\non_exit = keep\n");
        assert_string_equal(wrong,
                            "a.conf:4: [lamp kitchen] on_exit: keep is not possible for an output that is on for "
                            "a limited time: off is allowed, and the default\n");
        free(wrong);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(output_first__power_on__as_written),
                TEST(output_first__keep__what_the_line_shows),
                TEST(output_first__restart__last_value_comes_back),
                TEST(output_max_on__due__off_without_any_broker),
                TEST(output_max_on__switched_on_again__counts_from_the_first),
                TEST(output_max_on__off_between__counts_again),
                TEST(output_max_on__power_on__counts_too),
                TEST(output_max_on__restart_between__time_goes_on),
                TEST(output_max_on__given_by_reload__counts_what_has_passed),
                TEST(output_exit__off_or_timed__switched_off),
                TEST(output_exit__keep__line_left_alone),
                TEST(output_exit__on__switched_on),
                TEST(output_exit__reload__only_where_an_output_is_left),
                TEST(output_broker_lost__on_offline__switched),
                TEST(output_broker_lost__keep__left_alone),
                TEST(output_broker_lost__never_connected__only_where_asked),
                TEST(outputs_safe__no_store__by_the_config_alone),
                TEST(devices_check__keep_on_timed_output__refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
