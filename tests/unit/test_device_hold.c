/* SPDX-License-Identifier: Apache-2.0 */
/* device/hold, device/on_time and device/offline: what keeps an output where it has to be, whatever its plugin does,
 * whatever waits, restarts or comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/fake_chip.h"
#include "fakes/house.h"
#include "fakes/sysfs_tree.h"

#define LAMP     "[lamp kitchen]\nline = GPIO17\n"
#define PUMP     "[switch pump]\nline = GPIO17\n"
#define DESK     "[lamp desk]\nled = ACT\ngamma = 1\n"
#define HEATER   "[thermostat heater]\nline = GPIO17\n"
#define HEATER_2 "[thermostat heater]\nline = GPIO18\n"
#define UP       "[switch up]\nline = GPIO5\ninterlock = motor\ndead_time = 800ms\n"
#define DOWN     "[switch down]\nline = GPIO6\ninterlock = motor\n"
#define ON       "{\"state\":\"ON\"}"
#define OFF      "{\"state\":\"OFF\"}"
#define SECOND   USEC_PER_SEC
#define MSEC     USEC_PER_MSEC
#define TICK     (250 * MSEC) /* of the thermostat */
#define AFTER    (30 * SECOND)

static int line(const struct house *house)
{
        return sim_value(&house->gpio, 17);
}

static unsigned led(const struct house *house)
{
        return (unsigned)sysfs_tree_number(house->gpio.dir, "class/leds/ACT/brightness");
}

static int setup(void **state)
{
        int r = house_setup_more(state);
        struct house *house = *state;

        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        house->options.offline_after_us = AFTER;
        house_restart(house); /* that knows it */
        return r;
}

static int setup_chips(void **state)
{
        int r = house_setup_chips(state);
        struct house *house = *state;

        house->options.offline_after_us = AFTER;
        house_restart(house);
        return r;
}

/* With a broker, until now. */
static struct house *connected(void **state, const char *config)
{
        struct house *house = *state;

        house_apply(house, config);
        home_broker_back(house->devices);
        return house;
}

static void lose_broker(struct house *house)
{
        home_broker_lost(house->devices);
        house_pass(house, AFTER);
}

/* For how long it is on at the most, while something is done again and again. */
static uint64_t longest_on(struct house *house, uint64_t every_us, unsigned times, const char *device,
                           const char *payload)
{
        uint64_t longest_us = 0, on_us = 0;

        for (unsigned i = 0; i < times; i++) {
                house_set(house, device, payload);
                for (uint64_t passed = 0; passed < every_us; passed += 50 * MSEC) {
                        on_us = line(house) == 1 ? on_us + 50 * MSEC : 0;
                        longest_us = MAX(longest_us, on_us);
                        house_pass(house, 50 * MSEC);
                }
        }
        return longest_us;
}

/* ---- max_on: what is driven ---------------------------------------------------------------------------- */

static void max_on__flash_again_and_again__dark_after_it(void **state)
{
        struct house *house = connected(state, LAMP "max_on = 3s\n");

        assert_int_equal(longest_on(house, 400 * MSEC, 40, "kitchen", "{\"flash\":60}"), 3 * SECOND);
        assert_int_equal(longest_on(house, 400 * MSEC, 40, "kitchen", "{\"flash\":60}"), 0);
}

/* Where one is killed, too, while it is held off. */
static void max_on__flash_again_after_a_crash__stays_dark(void **state)
{
        struct house *house = connected(state, LAMP "max_on = 3s\n");

        assert_int_equal(longest_on(house, 400 * MSEC, 40, "kitchen", "{\"flash\":60}"), 3 * SECOND);
        house_crash(house);
        house_apply(house, LAMP "max_on = 3s\n");
        assert_int_equal(longest_on(house, 400 * MSEC, 40, "kitchen", "{\"flash\":60}"), 0);
}

/* ON ends it at once; a flash does after a rest, and also where a limited time is asked for without ON. */
static void max_on__held_off_after_a_flash__on_or_a_rest_ends_it(void **state)
{
        struct house *house = connected(state, LAMP "max_on = 3s\n");

        (void)longest_on(house, 400 * MSEC, 10, "kitchen", "{\"flash\":60}");
        house_set(house, "kitchen", "ON");
        assert_int_equal(line(house), 1);
        house_pass(house, 3 * SECOND - 1);
        assert_int_equal(line(house), 1);
        house_pass(house, 1);
        assert_int_equal(line(house), 0);
        house_set(house, "kitchen", "{\"flash\":1}");
        assert_int_equal(line(house), 0);
        house_pass(house, 4 * SECOND); /* the flash that is not seen, and the rest */
        house_set(house, "kitchen", "{\"flash\":60}");
        assert_int_equal(line(house), 1);
}

static void max_on__for_again_and_again__stays_off(void **state)
{
        struct house *house = connected(state, PUMP "max_on = 3s\n");

        assert_int_equal(longest_on(house, 400 * MSEC, 40, "pump", "{\"for\":60}"), 3 * SECOND);
        assert_int_equal(longest_on(house, 400 * MSEC, 40, "pump", "{\"for\":60}"), 0);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":1}");
        assert_int_equal(line(house), 1);
}

/* Not even for the moment until a timer comes. */
static void max_on__over_in_a_dark_moment__does_not_light_again(void **state)
{
        static const char *const blinks[] = { "{\"flash\":60}", "{\"state\":\"ON\",\"effect\":\"blink\"}" };

        for (size_t i = 0; i < ARRAY_SIZE(blinks); i++) {
                struct house *house = connected(state, "[lamp kitchen]\nline = 2\nmax_on = 2700ms\n");
                house_set(house, "kitchen", blinks[i]);
                house_pass(house, 2200 * MSEC);
                assert_true(fake_chips[0].lines[2].high);
                house_pass(house, 500 * MSEC);
                assert_false(fake_chips[0].lines[2].high);
                memset(fake_log, 0, sizeof(fake_log));
                house_pass(house, 60 * SECOND);
                assert_null(strstr(fake_log, "set 1"));
                house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
                assert_true(house_logged(house, "kitchen: has been on for max_on: switching it off"));
                house_set(house, "kitchen", blinks[i]); /* it has rested */
                assert_true(fake_chips[0].lines[2].high);
                house_teardown(state);
                setup_chips(state);
        }
}

static void max_on__crash_in_a_dark_moment__does_not_light_again(void **state)
{
        struct house *house = connected(state, LAMP "max_on = 2700ms\n");

        house_set(house, "kitchen", "{\"flash\":60}");
        house_pass(house, 2600 * MSEC);
        assert_int_equal(line(house), 0);
        house_crash(house);
        house_apply(house, LAMP "max_on = 2700ms\n");
        house_pass(house, 100 * MSEC);
        house_set(house, "kitchen", "{\"flash\":60}");
        assert_int_equal(line(house), 0);
        house_set(house, "kitchen", "ON");
        assert_int_equal(line(house), 1);
        house_pass(house, 2700 * MSEC - 1);
        assert_int_equal(line(house), 1);
        house_pass(house, 1);
        assert_int_equal(line(house), 0);
}

/* The dark halves of a blink are no rest: one flash is over when max_on is. */
static void max_on__one_long_flash__dark_after_it(void **state)
{
        struct house *house = connected(state, LAMP "max_on = 3s\n");

        house_set(house, "kitchen", "{\"flash\":60}");
        house_pass(house, 3 * SECOND);
        for (int i = 0; i < 40; i++) {
                assert_int_equal(line(house), 0);
                house_pass(house, 250 * MSEC);
        }
        assert_true(house_logged(house, "kitchen: has been on for max_on: switching it off"));
}

/* It is off at the end of the flash, and not in its dark moments. */
static void max_on__flash_that_ends_off__dark_after_it(void **state)
{
        struct house *house = connected(state, LAMP "max_on = 3s\n");

        house_set(house, "kitchen", "{\"state\":\"OFF\",\"flash\":60}");
        house_pass(house, 3 * SECOND);
        for (int i = 0; i < 40; i++) {
                assert_int_equal(line(house), 0);
                house_pass(house, 250 * MSEC);
        }
}

static void max_on__held_off__refused_command_does_not_end_it(void **state)
{
        struct house *house = connected(state, HEATER "max_on = 3s\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        house_pass(house, 3 * SECOND);
        house_forget(house);
        house_set(house, "heater", "{\"setpoint\":6,\"id\":\"a\"}");
        assert_non_null(strstr(house_published(house, "heater", DEVICE_RESULT), "the house would freeze"));
        for (int i = 0; i < 40; i++) {
                assert_int_equal(line(house), 0);
                house_pass(house, TICK);
        }
}

static void max_on__fade_out_of_an_hour__dark_after_it(void **state)
{
        struct house *house = connected(state, DESK "max_on = 2s\n");

        house_set(house, "desk", "ON");
        house_pass(house, SECOND);
        house_set(house, "desk", "{\"state\":\"OFF\",\"transition\":3600}");
        house_pass(house, SECOND - MSEC);
        assert_true(led(house) > 0);
        house_pass(house, MSEC);
        assert_int_equal(led(house), 0);
}

static void max_on__plugin_without_a_switch__off_and_stays_off(void **state)
{
        struct house *house = connected(state, HEATER "max_on = 3s\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        assert_int_equal(line(house), 1);
        house_pass(house, 3 * SECOND - MSEC);
        assert_int_equal(line(house), 1);
        house_pass(house, MSEC);
        for (int i = 0; i < 100; i++) {
                assert_int_equal(line(house), 0);
                house_pass(house, TICK);
        }
}

/* Neither a command that wants something else nor the plugin's own rest leaves it off for ever. */
static void max_on__held_off__command_or_rest_ends_it(void **state)
{
        static const char *const ends[] = { "{\"setpoint\":26}", "{\"setpoint\":10}" };

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                if (i > 0) {
                        house_teardown(state);
                        setup(state);
                }
                struct house *house = connected(state, HEATER "max_on = 3s\n");
                house_set(house, "heater", "{\"setpoint\":25}");
                house_pass(house, 4 * SECOND);
                assert_int_equal(line(house), 0);
                house_set(house, "heater", ends[i]);
                assert_int_equal(line(house), i == 0);
                house_pass(house, 2 * SECOND);
                house_set(house, "heater", "{\"setpoint\":27}");
                assert_int_equal(line(house), 1);
                house_pass(house, 3 * SECOND - 1);
                assert_int_equal(line(house), i == 1);
        }
}

static void max_on__plugin_turns_it_on_and_off_by_itself__off_after_it(void **state)
{
        struct house *house = connected(state, HEATER "max_on = 3s\n");

        house_set(house, "heater", "{\"setpoint\":35}");
        house_pass(house, 3 * SECOND + TICK);
        for (int i = 0; i < 40; i++) {
                assert_int_equal(line(house), 0);
                house_pass(house, TICK);
        }
}

static void max_on__plugin_that_does_not_obey__off_and_stays_off(void **state)
{
        struct house *house = connected(state, HEATER "stubborn = yes\nmax_on = 3s\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        house_pass(house, 3 * SECOND);
        assert_int_equal(line(house), 0);
        house_pass(house, TICK);
        assert_int_equal(line(house), 0);
}

static void max_on__crash_of_a_plugin_without_a_switch__counts_on(void **state)
{
        struct house *house = connected(state, HEATER "max_on = 10s\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        house_pass(house, 6 * SECOND);
        house_crash(house);
        house_apply(house, HEATER "max_on = 10s\n");
        house_pass(house, TICK);
        assert_int_equal(line(house), 1);
        house_pass(house, 4 * SECOND - TICK - MSEC);
        assert_int_equal(line(house), 1);
        house_pass(house, MSEC);
        assert_int_equal(line(house), 0);
}

/* What it was found at and goes on with is driven too. */
static void max_on__power_on_keep__counts(void **state)
{
        struct house *house = *state;

        sim_pull(&house->gpio, 17, "pull-up\n");
        fixture_settle(&house->gpio);
        house_apply(house, LAMP "power_on = keep\nmax_on = 3s\n");
        assert_int_equal(line(house), 1);
        house_pass(house, 3 * SECOND);
        assert_int_equal(line(house), 0);
}

static void max_on__cover__stops(void **state)
{
        struct house *house = connected(state, "[shutter blind]\nup = GPIO17\ndown = GPIO6\nmax_on = 3s\n");

        house_set(house, "blind", "OPEN");
        house_pass(house, 3 * SECOND);
        assert_int_equal(line(house), 0);
        house_assert_published(house, "blind", DEVICE_STATE, "{\"state\":\"stopped\"}");
}

/* ---- on_offline: it holds ------------------------------------------------------------------------------ */

static void on_offline__command_waits_for_min_off__stays_off(void **state)
{
        struct house *house = connected(state, PUMP "min_off = 1m\non_offline = off\n");

        house_pass(house, 60 * SECOND);
        house_set(house, "pump", "ON");
        house_set(house, "pump", "OFF");
        house_set(house, "pump", "ON");
        lose_broker(house);
        house_pass(house, 60 * SECOND);
        assert_int_equal(line(house), 0);
        home_broker_back(house->devices);
        house_pass(house, 60 * SECOND);
        assert_int_equal(line(house), 0);
}

static void on_offline__command_waits_for_dead_time__stays_off(void **state)
{
        struct house *house = connected(state, "[switch up]\nline = GPIO5\ninterlock = motor\ndead_time = 40s\n"
                                               "on_offline = off\n" DOWN);

        house_pass(house, 40 * SECOND);
        house_set(house, "down", "ON");
        house_set(house, "up", "ON");
        lose_broker(house);
        house_pass(house, 60 * SECOND);
        assert_int_equal(sim_value(&house->gpio, 5), 0);
}

static void on_offline__fade_out_of_an_hour__dark_at_once(void **state)
{
        struct house *house = connected(state, DESK "on_offline = off\n");

        house_set(house, "desk", "ON");
        house_set(house, "desk", "{\"state\":\"OFF\",\"transition\":3600}");
        home_broker_lost(house->devices);
        house_pass(house, AFTER - MSEC);
        assert_true(led(house) > 0);
        house_pass(house, MSEC);
        assert_int_equal(led(house), 0);
}

static void on_offline__flash_of_a_lamp_that_is_off__dark(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        home_broker_lost(house->devices);
        house_pass(house, AFTER - 100 * MSEC);
        house_set(house, "kitchen", "{\"flash\":60}"); /* a rule's, say */
        assert_int_equal(line(house), 1);
        house_pass(house, 100 * MSEC);
        for (int i = 0; i < 20; i++) {
                assert_int_equal(line(house), 0);
                house_pass(house, 250 * MSEC);
        }
}

static void on_offline__chip_away_at_the_moment__off_when_it_is_back(void **state)
{
        struct house *house = connected(state, "[lamp kitchen]\nline = 2\non_offline = off\n");

        house_set(house, "kitchen", "ON");
        assert_true(fake_chips[0].lines[2].high);
        fake_unplug(&house->gpio, 0);
        fixture_settle(&house->gpio);
        lose_broker(house);
        memset(fake_log, 0, sizeof(fake_log));
        fake_plug(&house->gpio, 0);
        house_pass(house, 60 * SECOND);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        assert_false(fake_chips[0].lines[2].high);
        assert_null(strstr(fake_log, "output 1")); /* at no moment */
        assert_null(strstr(fake_log, "set 1"));
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
}

static void on_offline__killed_while_it_counts__off_in_time(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        house_set(house, "kitchen", "ON");
        home_broker_lost(house->devices);
        house_pass(house, AFTER / 2);
        house_crash(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = off\n");
        assert_int_equal(line(house), 1);
        house_pass(house, AFTER / 2 - MSEC);
        assert_int_equal(line(house), 1);
        house_pass(house, MSEC);
        assert_int_equal(line(house), 0);
}

/* The broker went while nobody was there to see it. */
static void on_offline__killed_while_connected__counts_from_the_start(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        house_set(house, "kitchen", "ON");
        house_crash(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = off\n");
        house_pass(house, AFTER - MSEC);
        assert_int_equal(line(house), 1);
        house_pass(house, MSEC);
        assert_int_equal(line(house), 0);
}

static void on_offline__killed_in_it__never_on_between(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n" UP DOWN);

        house_set(house, "kitchen", "ON");
        lose_broker(house);
        house_crash(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = off\npower_on = on\n" UP DOWN);
        assert_int_equal(line(house), 0);
        house_pass(house, 60 * SECOND);
        assert_int_equal(line(house), 0);
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
}

static void on_offline__on__on_after_a_crash(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = on\n");

        lose_broker(house);
        assert_int_equal(line(house), 1);
        house_crash(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = on\npower_on = off\n");
        assert_int_equal(line(house), 1);
}

/* The hold is about the output: what else is switched is told as it is. */
static void on_offline__on_of_a_device_with_two_switches__the_other_is_told_as_it_is(void **state)
{
        struct house *house = connected(state, "[twin pair]\none = GPIO17\non_offline = on\n");

        house_assert_published(house, "pair", DEVICE_STATE, "{\"one\":\"OFF\",\"two\":\"OFF\"}");
        lose_broker(house);
        assert_int_equal(line(house), 1);
        house_assert_published(house, "pair", DEVICE_STATE, "{\"one\":\"ON\",\"two\":\"OFF\"}");
}

static void on_offline__on_of_a_plugin_that_does_not_obey__on_and_told_so(void **state)
{
        struct house *house = connected(state, HEATER "stubborn = yes\non_offline = on\n");

        house_assert_published(house, "heater", DEVICE_STATE, "{\"setpoint\":5,\"heating\":null,\"state\":\"OFF\"}");
        lose_broker(house);
        assert_int_equal(line(house), 1);
        house_assert_published(house, "heater", DEVICE_STATE, "{\"setpoint\":5,\"heating\":\"OFF\",\"state\":\"ON\"}");
}

/* With the broker back it is as it wants, and told so. */
static void on_offline__plugin_that_does_not_obey_and_the_broker_back__told_as_it_is(void **state)
{
        struct house *house = connected(state, HEATER "stubborn = yes\non_offline = on\n");

        lose_broker(house);
        house_pass(house, TICK);
        assert_int_equal(line(house), 1);
        home_broker_back(house->devices);
        assert_int_equal(line(house), 0);
        house_assert_published(house, "heater", DEVICE_STATE, "{\"setpoint\":5,\"heating\":\"OFF\",\"state\":\"OFF\"}");
}

/* Its OFF waited for min_on when it was killed. */
static void on_offline__on_of_a_pump_that_was_to_go_off__stays_on_with_the_broker_back(void **state)
{
        struct house *house = connected(state, PUMP "min_on = 2m\non_offline = on\n");

        house_set(house, "pump", "ON");
        house_set(house, "pump", "OFF");
        home_broker_lost(house->devices);
        house_crash(house);
        house_pass(house, AFTER);
        home_broker_lost(house->devices);
        house_apply(house, PUMP "min_on = 2m\non_offline = on\n");
        assert_int_equal(line(house), 1);
        home_broker_back(house->devices);
        assert_int_equal(line(house), 1);
        house_assert_published(house, "pump", DEVICE_STATE, ON);
}

static void on_offline__another_boot__not_before_the_first_connection(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        house_set(house, "kitchen", "ON");
        lose_broker(house);
        house_crash(house);
        house_reboot(house, "kitchen");
        assert_int_equal(store_put(house->store, STORE_MARK, "", "broker", "an-earlier-one seen 1"), 0);
        house_restart(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = off\npower_on = on\n");
        house_pass(house, 60 * SECOND);
        assert_int_equal(line(house), 1);
}

/* What had released it in an earlier boot is nothing to this one, at its second start either. */
static void on_offline__released_in_another_boot__holds(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        lose_broker(house);
        house_set(house, "kitchen", "ON");
        assert_int_equal(line(house), 1);
        house_crash(house);
        house_reboot(house, "kitchen");
        house_apply(house, LAMP "on_offline = off\n");
        home_broker_back(house->devices);
        house_crash(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = off\n");
        assert_int_equal(line(house), 1);
        house_pass(house, AFTER);
        assert_int_equal(line(house), 0);
}

static void on_offline__reload_that_restarts_it__stays_off(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        house_set(house, "kitchen", "ON");
        lose_broker(house);
        house_apply(house, LAMP "on_offline = off\nbias = disabled\npower_on = on\n");
        assert_int_equal(line(house), 0);
        house_apply(house, "[lamp hall]\nline = GPIO17\non_offline = off\npower_on = on\n"); /* and one that is new */
        assert_int_equal(line(house), 0);
}

static void on_offline__given_by_a_reload__acts_at_once(void **state)
{
        struct house *house = connected(state, LAMP);

        house_set(house, "kitchen", "ON");
        lose_broker(house);
        assert_int_equal(line(house), 1);
        house_apply(house, LAMP "on_offline = off\n");
        assert_int_equal(line(house), 0);
}

static void on_offline__reload_of_an_interlock__stays_off(void **state)
{
        struct house *house = connected(state, UP "on_offline = off\n" DOWN);

        house_pass(house, SECOND);
        house_set(house, "up", "ON");
        lose_broker(house);
        house_apply(house, UP "on_offline = off\nbias = disabled\npower_on = on\n" DOWN);
        house_pass(house, 60 * SECOND);
        assert_int_equal(sim_value(&house->gpio, 5), 0);
}

static void on_offline__plugin_without_a_switch__off_and_on_again_with_the_broker(void **state)
{
        struct house *house = connected(state, HEATER "on_offline = off\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        lose_broker(house);
        for (int i = 0; i < 20; i++) {
                assert_int_equal(line(house), 0);
                house_pass(house, TICK);
        }
        assert_string_equal(house_published(house, "heater", DEVICE_STATUS), "online"); /* it goes on with its work */
        home_broker_back(house->devices);
        assert_int_equal(line(house), 1);
}

static void on_offline__plugin_that_opens_its_line_on__off_from_the_request_on(void **state)
{
        struct house *house = connected(state, "");

        lose_broker(house);
        house_apply(house, HEATER "starts_on = yes\non_offline = off\n");
        assert_int_equal(line(house), 0);
        home_broker_back(house->devices);
        assert_int_equal(line(house), 1);
}

/* Nothing has come of it: the hold goes on. */
static void on_offline__command_that_is_refused__off(void **state)
{
        struct house *house = connected(state, HEATER "on_offline = off\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        lose_broker(house);
        assert_int_equal(line(house), 0);
        house_set(house, "heater", "{\"setpoint\":6}"); /* a rule's, say */
        house_pass(house, 4 * TICK);
        assert_int_equal(line(house), 0);
        house_set(house, "heater", "{\"setpoint\":26}");
        assert_int_equal(line(house), 1);
}

static void on_offline__rule_or_hand__changes_it_until_the_broker_is_back(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n" HEATER_2 "on_offline = off\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        lose_broker(house);
        house_set(house, "kitchen", "ON");
        house_set(house, "heater", "{\"setpoint\":26}");
        assert_int_equal(line(house), 1);
        assert_int_equal(sim_value(&house->gpio, 18), 1);
        /* And it outlives the process. */
        house_crash(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = off\n" HEATER_2 "on_offline = off\n");
        house_pass(house, SECOND);
        assert_int_equal(line(house), 1);
        assert_int_equal(sim_value(&house->gpio, 18), 1);
        /* The next loss is another one. */
        home_broker_back(house->devices);
        lose_broker(house);
        assert_int_equal(line(house), 0);
        assert_int_equal(sim_value(&house->gpio, 18), 0);
}

static void on_offline__max_on_is_over_in_it__off_and_stays_off(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = on\nmax_on = 10s\n");

        lose_broker(house);
        assert_int_equal(line(house), 1);
        house_pass(house, 10 * SECOND);
        assert_int_equal(line(house), 0);
        house_crash(house);
        home_broker_lost(house->devices);
        house_apply(house, LAMP "on_offline = on\nmax_on = 10s\n");
        house_pass(house, 20 * SECOND);
        assert_int_equal(line(house), 0);
}

static void set_offline_after__while_it_counts__counts_from_the_loss(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        house_set(house, "kitchen", "ON");
        home_broker_lost(house->devices);
        house_pass(house, 10 * SECOND);
        home_set_offline_after(house->devices, 12 * SECOND);
        house_pass(house, 2 * SECOND - MSEC);
        assert_int_equal(line(house), 1);
        house_pass(house, MSEC);
        assert_int_equal(line(house), 0);
}

/* What has acted is over, and what does not count has nothing to count again. */
static void set_offline_after__before_or_after__changes_nothing_now(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        house_set(house, "kitchen", "ON");
        home_set_offline_after(house->devices, SECOND);
        house_pass(house, AFTER);
        assert_int_equal(line(house), 1); /* the broker is there */
        home_broker_lost(house->devices);
        house_pass(house, SECOND);
        assert_int_equal(line(house), 0);
        house_set(house, "kitchen", "ON"); /* a hand */
        home_set_offline_after(house->devices, 5 * SECOND);
        home_broker_lost(house->devices); /* another attempt has failed: no other loss */
        house_pass(house, AFTER);
        assert_int_equal(line(house), 1);
}

/* As another program has left it: nothing is known, as on the first day. */
static void on_offline__saved_moment_is_unreadable__not_before_the_first_connection(void **state)
{
        struct house *house = connected(state, LAMP "on_offline = off\n");

        home_broker_lost(house->devices);
        assert_int_equal(store_put(house->store, STORE_MARK, "", "broker", "nonsense"), 0);
        house_crash(house);
        house_apply(house, LAMP "on_offline = off\n");
        house_set(house, "kitchen", "ON");
        home_broker_lost(house->devices);
        house_pass(house, 2 * AFTER);
        assert_int_equal(line(house), 1);
}

/* ---- on_exit and stop ---------------------------------------------------------------------------------- */

static void on_exit__plugin_drives_in_its_stop__stays_off(void **state)
{
        struct house *house = connected(state, HEATER "on_exit = off\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        house_stop(house);
        char *edges = house_read(house, "gpiochip0/edges");
        const char *off = strstr(edges, " 17 0\n");
        assert_non_null(off);
        assert_null(strstr(off, " 17 1\n"));
        free(edges);
}

static void stop__reports_and_events__are_published_and_not_kept(void **state)
{
        struct house *house = connected(state, HEATER);

        house_set(house, "heater", "{\"setpoint\":25}");
        house_assert_published(house, "heater", DEVICE_STATE, "{\"setpoint\":25,\"heating\":\"ON\"}");
        house_forget(house);
        house_stop(house);
        house_assert_published(house, "heater", DEVICE_STATE, "{\"setpoint\":25,\"heating\":\"OFF\"}");
        house_assert_published(house, "heater", DEVICE_EVENT, "{\"channel\":\"last\",\"event_type\":\"bye\"}");
}

static void stop__reports_when_the_chip_goes__are_published(void **state)
{
        struct house *house = connected(state, "[thermostat heater]\nline = 2\n");

        house_set(house, "heater", "{\"setpoint\":25}");
        house_forget(house);
        fake_unplug(&house->gpio, 0);
        fixture_settle(&house->gpio);
        house_assert_published(house, "heater", DEVICE_STATE, "{\"setpoint\":25,\"heating\":\"OFF\"}");
        assert_string_equal(house_published(house, "heater", DEVICE_STATUS), "offline");
}

/* ---- TOGGLE takes back what waits ---------------------------------------------------------------------- */

static void toggle__on_waits_for_min_off__taken_back(void **state)
{
        struct house *house = connected(state, PUMP "min_off = 10s\n");

        house_pass(house, 10 * SECOND);
        house_set(house, "pump", "ON");
        house_set(house, "pump", "OFF");
        house_set(house, "pump", "TOGGLE");
        house_set(house, "pump", "TOGGLE");
        house_pass(house, 60 * SECOND);
        assert_int_equal(line(house), 0);
        house_set(house, "pump", "TOGGLE");
        assert_int_equal(line(house), 1);
}

/* And what it is goes on as it was: its `for` has an end still. */
static void toggle__off_waits_for_min_on__taken_back(void **state)
{
        struct house *house = connected(state, PUMP "min_on = 10s\n");

        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"30s\"}");
        house_set(house, "pump", "TOGGLE");
        house_set(house, "pump", "TOGGLE");
        house_pass(house, 30 * SECOND - MSEC);
        assert_int_equal(line(house), 1);
        house_pass(house, MSEC);
        assert_int_equal(line(house), 0);
}

static void toggle__on_waits_for_its_interlock__taken_back(void **state)
{
        struct house *house = connected(state, UP DOWN);

        house_pass(house, SECOND);
        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        house_set(house, "down", "TOGGLE");
        house_pass(house, 10 * SECOND);
        assert_int_equal(sim_value(&house->gpio, 6), 0);
        house_set(house, "down", "TOGGLE");
        assert_int_equal(sim_value(&house->gpio, 6), 1);
}

/* ---- What cannot be honoured --------------------------------------------------------------------------- */

static void devices_check__on_without_a_switch__refused(void **state)
{
        static const char what[] = "this device is not switched on and off; keep and off are allowed\n";
        char expected[200];

        house_assert_wrong(*state, HEATER "on_offline = off\nmax_on = 8h\non_exit = off\n", "");
        (void)snprintf(expected, sizeof(expected), "a.conf:3: [thermostat heater] on_offline: %s", what);
        house_assert_wrong(*state, HEATER "on_offline = on\n", expected);
        (void)snprintf(expected, sizeof(expected), "a.conf:3: [thermostat heater] on_exit: %s", what);
        house_assert_wrong(*state, HEATER "on_exit = on\n", expected);
        house_assert_wrong(*state, HEATER "stubborn = yes\non_offline = on\npower_on = on\n", "");
}

static void devices_check__on_offline_on_for_what_goes_off_by_itself__refused(void **state)
{
        house_assert_wrong(
                *state, PUMP "pulse = 1s\non_offline = on\n",
                "a.conf:4: [switch pump] on_offline: on is not possible for an output that goes off by itself: nobody "
                "would be there to do it\n");
}

static void devices_check__no_output_named__refused(void **state)
{
        house_assert_wrong(
                *state, "[thermostat heater]\nmax_on = 8h\non_offline = off\n",
                "a.conf:3: [thermostat heater] on_offline: this device has no output: its section names none\n"
                "a.conf:2: [thermostat heater] max_on: this device has no output: its section names none\n");
}

#define TEST(function)  cmocka_unit_test_setup_teardown(function, setup, house_teardown)
#define CHIPS(function) cmocka_unit_test_setup_teardown(function, setup_chips, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(max_on__flash_again_and_again__dark_after_it),
                TEST(max_on__flash_again_after_a_crash__stays_dark),
                TEST(max_on__held_off_after_a_flash__on_or_a_rest_ends_it),
                TEST(max_on__for_again_and_again__stays_off),
                CHIPS(max_on__over_in_a_dark_moment__does_not_light_again),
                TEST(max_on__crash_in_a_dark_moment__does_not_light_again),
                TEST(max_on__one_long_flash__dark_after_it),
                TEST(max_on__flash_that_ends_off__dark_after_it),
                TEST(max_on__held_off__refused_command_does_not_end_it),
                TEST(max_on__fade_out_of_an_hour__dark_after_it),
                TEST(max_on__plugin_without_a_switch__off_and_stays_off),
                TEST(max_on__held_off__command_or_rest_ends_it),
                TEST(max_on__plugin_turns_it_on_and_off_by_itself__off_after_it),
                TEST(max_on__plugin_that_does_not_obey__off_and_stays_off),
                TEST(max_on__crash_of_a_plugin_without_a_switch__counts_on),
                TEST(max_on__power_on_keep__counts),
                TEST(max_on__cover__stops),
                TEST(on_offline__command_waits_for_min_off__stays_off),
                TEST(on_offline__command_waits_for_dead_time__stays_off),
                TEST(on_offline__fade_out_of_an_hour__dark_at_once),
                TEST(on_offline__flash_of_a_lamp_that_is_off__dark),
                CHIPS(on_offline__chip_away_at_the_moment__off_when_it_is_back),
                TEST(on_offline__killed_while_it_counts__off_in_time),
                TEST(on_offline__killed_while_connected__counts_from_the_start),
                TEST(on_offline__killed_in_it__never_on_between),
                TEST(on_offline__on__on_after_a_crash),
                TEST(on_offline__on_of_a_plugin_that_does_not_obey__on_and_told_so),
                TEST(on_offline__on_of_a_device_with_two_switches__the_other_is_told_as_it_is),
                TEST(on_offline__plugin_that_does_not_obey_and_the_broker_back__told_as_it_is),
                TEST(on_offline__on_of_a_pump_that_was_to_go_off__stays_on_with_the_broker_back),
                TEST(on_offline__another_boot__not_before_the_first_connection),
                TEST(on_offline__released_in_another_boot__holds),
                TEST(on_offline__reload_that_restarts_it__stays_off),
                TEST(on_offline__given_by_a_reload__acts_at_once),
                TEST(on_offline__reload_of_an_interlock__stays_off),
                TEST(on_offline__plugin_without_a_switch__off_and_on_again_with_the_broker),
                TEST(on_offline__plugin_that_opens_its_line_on__off_from_the_request_on),
                TEST(on_offline__command_that_is_refused__off),
                TEST(on_offline__rule_or_hand__changes_it_until_the_broker_is_back),
                TEST(on_offline__max_on_is_over_in_it__off_and_stays_off),
                TEST(set_offline_after__while_it_counts__counts_from_the_loss),
                TEST(set_offline_after__before_or_after__changes_nothing_now),
                TEST(on_offline__saved_moment_is_unreadable__not_before_the_first_connection),
                TEST(on_exit__plugin_drives_in_its_stop__stays_off),
                TEST(stop__reports_and_events__are_published_and_not_kept),
                CHIPS(stop__reports_when_the_chip_goes__are_published),
                TEST(toggle__on_waits_for_min_off__taken_back),
                TEST(toggle__off_waits_for_min_on__taken_back),
                TEST(toggle__on_waits_for_its_interlock__taken_back),
                TEST(devices_check__on_without_a_switch__refused),
                TEST(devices_check__on_offline_on_for_what_goes_off_by_itself__refused),
                TEST(devices_check__no_output_named__refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
