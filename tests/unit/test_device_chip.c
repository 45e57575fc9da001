/* SPDX-License-Identifier: Apache-2.0 */
/* Devices whose chip goes and comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/driven.h"
#include "fakes/fake_chip.h"
#include "fakes/house.h"
#include "gpio/chips.h"
#include "gpio/kept.h"

#define LAMP   "[lamp kitchen]\nline = 2\n"
#define LAMP_3 "[lamp hall]\nline = 3\n"
#define ON     "{\"state\":\"ON\"}"

static void unplug__lamp_on__offline_and_on_again_when_it_is_back(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_set(house, "kitchen", "ON");
        house_forget(house);
        fake_unplug(&house->gpio, 0);
        fixture_settle(&house->gpio);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "offline");
        house_assert_published(house, "kitchen", DEVICE_ERROR,
                               "{\"code\":\"enodev\",\"message\":\"2: the chip gpiochip0 is gone (unplugged?)\"}");
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "offline");
        memset(fake_log, 0, sizeof(fake_log));
        fake_plug(&house->gpio, 0);
        house_pass(house, 2 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        assert_string_equal(house_published(house, "kitchen", DEVICE_ERROR), "");
        house_assert_published(house, "kitchen", DEVICE_STATE, ON);
        assert_true(fake_chips[0].lines[2].high);
        assert_string_equal(fake_log, "request output 1; "); /* in the request itself, and no second write */
}

/* The chip is found gone by a command: the command fails, and the device is offline after it. */
static void line_set__chip_gone__failed_then_offline(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        fake_chips[0].lines[2].use_error = -ENODEV;
        house_forget(house);
        house_set(house, "kitchen", "ON");
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"failed\",\"message\":\"2: the chip gpiochip0 is gone "
                            "(unplugged?)\"}");
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "offline");
        fake_chips[0].lines[2].use_error = 0;
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
}

/* What was on for too long while nobody could switch it off does not come back on. */
static void unplug__longer_than_max_on__comes_back_off(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        fake_unplug(&house->gpio, 0);
        fixture_settle(&house->gpio);
        house_pass(house, 3600 * USEC_PER_SEC);
        fake_plug(&house->gpio, 0);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        assert_false(fake_chips[0].lines[2].high);
}

/* A press of a button that nobody has seen any more. */
static void unplug__while_a_pulse_waits_for_its_interlock__forgotten(void **state)
{
        struct house *house = *state;

        house_apply(house, "[switch up]\nline = 2\ninterlock = gate\n"
                           "[switch down]\nline = 3\ninterlock = gate\npulse = 1h\n");
        house_pass(house, USEC_PER_SEC);
        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        fake_unplug(&house->gpio, 0);
        fixture_settle(&house->gpio);
        house_pass(house, USEC_PER_SEC);
        fake_plug(&house->gpio, 0);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "down", DEVICE_STATUS), "online");
        assert_false(fake_chips[0].lines[2].high || fake_chips[0].lines[3].high);
}

static void max_on__line_fails__tried_again(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        fake_chips[0].lines[2].use_error = -EIO;
        house_pass(house, 3600 * USEC_PER_SEC);
        assert_true(fake_chips[0].lines[2].high);
        fake_chips[0].lines[2].use_error = 0;
        house_pass(house, USEC_PER_SEC);
        assert_false(fake_chips[0].lines[2].high);
        house_assert_published(house, "kitchen", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

/* What brings it off without its plugin drives its outputs, and no input. */
static void max_on__line_of_a_cover_fails__its_stop_is_not_driven(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[4].high = true;
        house_apply(house, "[cover gate]\nup = 2\ndown = 3\nup_time = 10s\ndown_stop = 4\nmax_on = 3s\n");
        house_pass(house, USEC_PER_SEC);
        house_set(house, "gate", "OPEN");
        assert_true(fake_chips[0].lines[2].high);
        fake_chips[0].lines[2].use_error = -EIO;
        house_pass(house, 3 * USEC_PER_SEC);
        assert_true(fake_chips[0].lines[2].high);
        assert_true(fake_chips[0].lines[4].high);
        fake_chips[0].lines[2].use_error = 0;
        house_pass(house, USEC_PER_SEC);
        assert_false(fake_chips[0].lines[2].high);
        assert_true(fake_chips[0].lines[4].high);
}

/* Not a line of the log for each second of a night. */
static void timer__line_fails__tried_again_and_reported_once(void **state)
{
        struct house *house = *state;
        unsigned n_reported = 0;

        house_apply(house, "[switch pump]\nline = 2\n" LAMP_3);
        house_set(house, "pump", "{\"for\":2}");
        house_set(house, "hall", "{\"flash\":2}");
        fake_chips[0].lines[2].use_error = fake_chips[0].lines[3].use_error = -EIO;
        house_pass(house, 60 * USEC_PER_SEC);
        for (const char *at = house->log; (at = strstr(at, "trying again")); at++)
                n_reported++;
        assert_int_equal(n_reported, 2);
        fake_chips[0].lines[2].use_error = fake_chips[0].lines[3].use_error = 0;
        house_pass(house, USEC_PER_SEC);
        assert_false(fake_chips[0].lines[2].high || fake_chips[0].lines[3].high);
}

static void permission__denied__that_device_alone(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[2].request_error = -EPERM;
        house_apply(house, LAMP "[lamp hall]\nline = 3\n");
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "offline");
        assert_string_equal(house_published(house, "hall", DEVICE_STATUS), "online");
}

static bool is_held(const struct house *house, unsigned offset)
{
        char name[FD_NAME_SIZE];

        (void)snprintf(name, sizeof(name), "gpiochip0/%u/", offset);
        for (const struct kept *kept = house->gpio.gpio->kept; kept; kept = kept->next)
                if (strncmp(kept->name, name, strlen(name)) == 0)
                        return true;
        return false;
}

/* It has had another line in an earlier run, which nobody would have let go after this. */
static void start__late_and_on_another_line_than_before__that_one_is_let_go(void **state)
{
        struct house *house = *state;

        gpio_adopt(house->gpio.gpio, "gpiochip0/5/kitchen/0.0.0", FAKE_FD(0, 5));
        gpio_adopt(house->gpio.gpio, "gpiochip0/6/hall/0.0.0", FAKE_FD(0, 6));
        fake_chips[0].lines[2].request_error = fake_chips[0].lines[3].request_error = -EPERM;
        house_apply(house, LAMP "[lamp hall]\nline = 3\n");
        assert_true(is_held(house, 5));
        fake_chips[0].lines[2].request_error = 0;
        house_pass(house, 2 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        assert_false(is_held(house, 5));
        assert_true(is_held(house, 6)); /* the hall's may still be wanted */
}

static void contact__edge__state_with_time(void **state)
{
        struct house *house = *state;

        house_apply(house, "[contact door]\nline = 4\ndebounce = 0ms\n");
        house_forget(house);
        fake_edge(0, 4, true, 0);
        fixture_settle(&house->gpio);
        house_assert_published(house, "door", DEVICE_STATE, ON);
        assert_int_equal(house_count(house, "door", DEVICE_STATE), 1);
}

/* The row's own default of 20 ms: a shorter bounce is not reported. */
static void contact__bounce__not_reported(void **state)
{
        struct house *house = *state;

        house_apply(house, "[contact door]\nline = 4\n");
        house_pass(house, 20 * USEC_PER_MSEC);
        house_forget(house);
        fake_edge(0, 4, true, 0);
        fixture_settle(&house->gpio);
        house_pass(house, 19 * USEC_PER_MSEC);
        fake_edge(0, 4, false, 0);
        fixture_settle(&house->gpio);
        house_pass(house, USEC_PER_SEC);
        assert_null(house_published(house, "door", DEVICE_STATE));
        fake_edge(0, 4, true, 0);
        fixture_settle(&house->gpio);
        house_pass(house, 20 * USEC_PER_MSEC);
        house_assert_published(house, "door", DEVICE_STATE, ON);
}

#define DOOR "[contact door]\nline = 4\ndebounce = 100ms\n"

/* A capacitor that discharges: nothing has happened that a rule could act on. */
static void start__input_active_for_5_ms__off_and_no_rule_acts(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[4].high = true;
        house_apply(house, DOOR LAMP "[rule a]\nwhen = [ \"door.state = ON\", \"door.state = OFF\" ]\n"
                                     "then = kitchen ON\n");
        assert_null(house_published(house, "door", DEVICE_STATE));
        assert_null(house_published(house, "door", DEVICE_STATUS));
        house_pass(house, 5 * USEC_PER_MSEC);
        fake_edge(0, 4, false, 0);
        fixture_settle(&house->gpio);
        house_pass(house, 100 * USEC_PER_MSEC);
        house_assert_published(house, "door", DEVICE_STATE, "{\"state\":\"OFF\"}");
        assert_int_equal(house_count(house, "door", DEVICE_STATE), 1);
        assert_string_equal(house_published(house, "door", DEVICE_STATUS), "online");
        assert_false(fake_chips[0].lines[2].high);
        fake_edge(0, 4, true, 0);
        fixture_settle(&house->gpio);
        house_pass(house, 100 * USEC_PER_MSEC);
        house_assert_published(house, "door", DEVICE_STATE, ON);
        assert_true(fake_chips[0].lines[2].high);
}

/* Its upper stop is left so soon after the start; the lower one settles for 100 ms, and nothing is heard of before. */
static void assert_gate_starts(struct house *house, uint64_t left_ms, const char *expected)
{
        house_apply(house, "[cover gate]\nup = 2\ndown = 3\nup_time = 10s\nup_stop = 4\n"
                           "down_stop = 5\ndown_stop_debounce = 100ms\n");
        house_pass(house, left_ms * USEC_PER_MSEC);
        fake_edge(0, 4, false, 0);
        fixture_settle(&house->gpio);
        house_pass(house, (99 - left_ms) * USEC_PER_MSEC);
        assert_null(house_published(house, "gate", DEVICE_STATE));
        house_pass(house, 1 * USEC_PER_MSEC);
        house_assert_published(house, "gate", DEVICE_STATE, expected);
}

/* A plugin with two inputs hears of neither before both have settled, and of both what has settled. */
static void start__end_stop_active_for_5_ms__not_there(void **state)
{
        fake_chips[0].lines[4].high = fake_chips[0].lines[5].high = true;
        assert_gate_starts(*state, 5, "{\"state\":\"closed\",\"position\":0}");
}

static void unplug__while_the_first_value_settles__offline_and_back(void **state)
{
        struct house *house = *state;

        house_apply(house, DOOR);
        fake_unplug(&house->gpio, 0);
        fixture_settle(&house->gpio);
        assert_string_equal(house_published(house, "door", DEVICE_STATUS), "offline");
        fake_plug(&house->gpio, 0);
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(house_published(house, "door", DEVICE_STATUS), "offline");
        house_pass(house, 100 * USEC_PER_MSEC);
        assert_string_equal(house_published(house, "door", DEVICE_STATUS), "online");
}

/* The one that has settled may change before the other has: what the start finds counts. */
static void start__input_changes_while_another_settles__as_it_is_at_the_start(void **state)
{
        fake_chips[0].lines[4].high = true;
        assert_gate_starts(*state, 30, "{\"state\":\"stopped\",\"position\":null}");
}

/* Its plugin does not notice. */
static void start__chip_goes_in_it__offline_and_back(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[2].use_error = -ENODEV;
        house_apply(house, "[relay pump]\nline = 2\ntested = yes\n");
        assert_string_equal(house_published(house, "pump", DEVICE_STATUS), "offline");
        house_assert_published(house, "pump", DEVICE_ERROR,
                               "{\"code\":\"enodev\",\"message\":\"2: the chip gpiochip0 is gone (unplugged?)\"}");
        fake_chips[0].lines[2].use_error = 0;
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(house_published(house, "pump", DEVICE_STATUS), "online");
}

/* It is ended once, by the loss. */
static void stop__chip_goes_in_on_exit__its_plugin_is_stopped_once(void **state)
{
        struct house *house = *state;

        house_apply(house, "[thermostat heater]\nline = 2\non_exit = off\n");
        house_set(house, "heater", "{\"setpoint\":25}");
        assert_true(fake_chips[0].lines[2].high);
        fake_chips[0].lines[2].use_error = -ENODEV;
        house_stop(house);
        assert_string_equal(house_published(house, "heater", DEVICE_STATUS), "offline");
        assert_int_equal(house_count(house, "heater", DEVICE_EVENT), 1);
}

static void stop__while_the_first_value_settles__the_line_is_free(void **state)
{
        struct house *house = *state;

        house_apply(house, DOOR);
        assert_true(fake_chips[0].lines[4].used);
        house_apply(house, LAMP);
        assert_false(fake_chips[0].lines[4].used);
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(house_published(house, "door", DEVICE_STATE), ""); /* cleared */
}

/* ---- Members of an interlock that do not run ------------------------------------------------------------- */

#define MOTOR "interlock = motor\n"
#define DOWN  "[switch down]\nline = 3\n" MOTOR
/* It opens its line on, which no interlock permits at the start. */
#define FAILING "[bomb up]\ndir = /nowhere\nline = 2\n" MOTOR

static void leave_on(const struct house *house)
{
        fake_chips[0].lines[2].high = true;
        gpio_adopt(house->gpio.gpio, "gpiochip0/2/up/0.0.0", FAKE_FD(0, 2));
}

/* The dead time is over, and the other one may go on. */
static void assert_other_goes_on(struct house *house)
{
        assert_false(fake_chips[0].lines[2].high);
        house_set(house, "down", "ON");
        house_pass(house, 499 * USEC_PER_MSEC);
        assert_false(fake_chips[0].lines[3].high);
        house_pass(house, USEC_PER_MSEC);
        assert_true(fake_chips[0].lines[3].high);
        assert_false(fake_chips[0].lines[2].high);
}

static void interlock__left_on_and_cannot_start__is_off_before_another_goes_on(void **state)
{
        struct house *house = *state;

        leave_on(house);
        house_apply(house, DOWN FAILING);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "offline");
        assert_true(house_logged(house, "up: was left on: its interlock motor has it off first"));
        assert_other_goes_on(house);
}

/* Nothing but its section names its group. */
static void interlock__left_on_and_plugin_refused__is_off(void **state)
{
        struct house *house = *state;

        leave_on(house);
        house_apply(house, DOWN "[foreign_abi up]\n" MOTOR);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "offline");
        assert_other_goes_on(house);
}

static void interlock__new_member_that_was_on_cannot_start__is_off(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp up]\nline = 2\n");
        house_set(house, "up", "ON");
        house_pass(house, USEC_PER_SEC);
        house_apply(house, DOWN FAILING);
        assert_other_goes_on(house);
}

/* No process holds its line: the kernel shows what it was driven to. */
static void interlock__broken_member__its_output_is_switched_off(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[2].high = true;
        fake_log[0] = '\0';
        house_apply_anyway(house, DOWN FAILING "command_delta = 1\n");
        assert_string_equal(fake_log, "request output 0; release; request output 0; ");
        assert_other_goes_on(house);
}

static void interlock__member_cannot_be_switched_off__the_other_works(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[2].request_error = -EBUSY;
        house_apply(house, DOWN FAILING);
        assert_true(house_logged(house, "up: cannot be switched off for its interlock motor while it does not run: "));
        house_pass(house, USEC_PER_SEC);
        house_set(house, "down", "ON");
        assert_true(fake_chips[0].lines[3].high);
}

/* Its backoff brings it here again and again: what is dark is not driven again, and the other one's rest does not begin
 * again. */
static void interlock__member_cannot_start_again__is_let_alone(void **state)
{
        struct house *house = *state;

        house_apply(house, DOWN FAILING);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "offline");
        fake_chips[0].lines[2].request_error = -EBUSY;
        fake_log[0] = '\0';
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(fake_log, "request output 1; "); /* its next start, and nothing else */
        house_set(house, "down", "ON");
        assert_true(fake_chips[0].lines[3].high);
}

/* A key that its plugin does not have makes nobody a member. */
static void interlock__broken_device_that_cannot_be_a_member__counts_for_nothing(void **state)
{
        struct house *house = *state;

        house_apply_anyway(house, DOWN);
        house_pass(house, USEC_PER_SEC);
        leave_on(house);
        house_apply_anyway(house, DOWN "[contact up]\nline = 2\n" MOTOR);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "offline");
        assert_false(house_logged(house, "has it off first"));
        house_set(house, "down", "ON");
        assert_true(fake_chips[0].lines[3].high);
}

static void interlock__member_cannot_start__its_input_is_not_driven(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[2].request_error = -EBUSY;
        fake_chips[0].lines[4].high = true;
        fake_log[0] = '\0';
        house_apply(house, DOWN "[relay up]\nline = 2\nfeedback = 4\n" MOTOR);
        assert_string_equal(fake_log, "request output 0; request output 0; request output 0; "); /* down, up, up */
        assert_true(fake_chips[0].lines[4].high);
}

/* It is switched off at last while the other one is on: the dead time between the two holds, though the other one was the last
 * that went off. */
static void interlock__left_on_and_off_late__the_other_goes_on_again_after_the_dead_time(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[2].high = true;
        fake_chips[0].lines[2].request_error = -EBUSY;
        house_apply(house, DOWN FAILING);
        house_pass(house, USEC_PER_SEC);
        house_set(house, "down", "ON");
        assert_true(fake_chips[0].lines[3].high);
        fake_chips[0].lines[2].request_error = 0;
        for (unsigned i = 0; fake_chips[0].lines[2].high && i < 60000; i++)
                house_pass(house, USEC_PER_MSEC);
        assert_false(fake_chips[0].lines[2].high);
        house_set(house, "down", "OFF");
        assert_other_goes_on(house);
}

/* ---- Lost, or not started, with an output on that is there ---------------------------------------------- */

#define PAIR "[twin pair]\none = 2\ntwo = gpiochip1:2\n"

static void lose_with_one_on(struct house *house, const char *keys)
{
        char config[200];

        (void)snprintf(config, sizeof(config), PAIR "%s", keys);
        fake_plug(&house->gpio, 1);
        house_apply(house, config);
        house_set_channel(house, "pair", "one", "ON");
        assert_true(fake_chips[0].lines[2].high);
        fake_unplug(&house->gpio, 1);
        fixture_settle(&house->gpio);
        assert_string_equal(house_published(house, "pair", DEVICE_STATUS), "offline");
}

/* Nobody would count, look for the broker, or carry out what is to become of it at an exit. */
static void lost__its_output_is_not_to_stay_on__is_off(void **state)
{
        static const char *const keys[] = { "max_on = 1h\n", "max_on = 1h\non_exit = off\n", "on_exit = off\n",
                                            "on_offline = off\n" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                lose_with_one_on(*state, keys[i]);
                assert_false(fake_chips[0].lines[2].high);
                house_apply(*state, "");
        }
}

static void lost__max_on_counts__goes_on_when_it_is_back_and_off_in_time(void **state)
{
        struct house *house = *state;

        lose_with_one_on(house, "max_on = 1h\n");
        fake_plug(&house->gpio, 1);
        house_pass(house, 10 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "pair", DEVICE_STATUS), "online");
        assert_true(fake_chips[0].lines[2].high);
        house_pass(house, 3590 * USEC_PER_SEC);
        assert_false(fake_chips[0].lines[2].high);
}

static void lost__its_output_may_stay_on__is_left_as_it_is(void **state)
{
        lose_with_one_on(*state, "");
        assert_true(fake_chips[0].lines[2].high);
}

/* A relay that goes on and off at each attempt would wear, and what it switches, too. */
static void start__fails_with_an_output_on__off_and_not_on_again(void **state)
{
        struct house *house = *state;

        lose_with_one_on(house, "on_offline = off\n");
        house_crash(house);
        fake_log[0] = '\0';
        house_apply(house, PAIR "on_offline = off\n");
        assert_string_equal(fake_log, "set 1; set 0; ");
        assert_false(fake_chips[0].lines[2].high);
        fake_log[0] = '\0';
        house_pass(house, 60 * USEC_PER_SEC);
        assert_non_null(strstr(fake_log, "set 0; ")); /* at each attempt */
        assert_null(strstr(fake_log, "set 1; "));
        fake_plug(&house->gpio, 1);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "pair", DEVICE_STATUS), "online");
        assert_false(fake_chips[0].lines[2].high);
        house_set_channel(house, "pair", "one", "ON");
        assert_true(fake_chips[0].lines[2].high);
}

/* ---- An interlock, and one of its members is lost --------------------------------------------------------- */

/* Its line is there, another one is not. */
static void interlock__lost_while_it_is_on__is_off(void **state)
{
        struct house *house = *state;

        house_apply(house, DOWN "[twin up]\none = 2\ntwo = 4\n" MOTOR);
        house_pass(house, USEC_PER_SEC);
        house_set_channel(house, "up", "one", "ON");
        assert_true(fake_chips[0].lines[2].high);
        fake_chips[0].lines[4].use_error = -ENODEV;
        fake_log[0] = '\0';
        house_set_channel(house, "up", "two", "ON");
        assert_string_equal(fake_log, "release; set 0; release; "); /* of the lost one, and of the other */
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "offline");
        assert_other_goes_on(house);
}

#define UP_ELSEWHERE "[switch up]\nline = gpiochip1:2\n" MOTOR

static void command_the_other_and_plug_in(struct house *house)
{
        house_set(house, "down", "ON");
        house_pass(house, USEC_PER_SEC);
        assert_true(fake_chips[0].lines[3].high);
        house_set(house, "down", "OFF");
        fake_plug(&house->gpio, 1);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "online");
}

/* The newest command of the group counts, however long ago it went off again. */
static void interlock__lost_while_on_and_another_commanded__comes_back_off(void **state)
{
        struct house *house = *state;

        fake_plug(&house->gpio, 1);
        house_apply(house, DOWN UP_ELSEWHERE);
        house_pass(house, USEC_PER_SEC);
        house_set(house, "up", "ON");
        assert_true(fake_chips[1].lines[2].high);
        fake_unplug(&house->gpio, 1);
        fixture_settle(&house->gpio);
        command_the_other_and_plug_in(house);
        assert_false(fake_chips[1].lines[2].high);
        house_assert_published(house, "up", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

/* Nobody has commanded another one: it is what it was. */
static void interlock__lost_while_on__comes_back_on(void **state)
{
        struct house *house = *state;

        fake_plug(&house->gpio, 1);
        house_apply(house, DOWN UP_ELSEWHERE);
        house_pass(house, USEC_PER_SEC);
        house_set(house, "up", "ON");
        fake_unplug(&house->gpio, 1);
        fixture_settle(&house->gpio);
        house_set(house, "down", "OFF");
        fake_plug(&house->gpio, 1);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_true(fake_chips[1].lines[2].high);
}

static void interlock__not_started_yet_and_another_commanded__power_on_is_over(void **state)
{
        struct house *house = *state;

        house_apply(house, DOWN UP_ELSEWHERE "power_on = on\n");
        house_pass(house, USEC_PER_SEC);
        command_the_other_and_plug_in(house);
        assert_false(fake_chips[1].lines[2].high);
}

/* Nobody has commanded either of them: the one that is on stays on. */
static void interlock__starts_late_while_another_is_on_by_power_on__stays_off(void **state)
{
        struct house *house = *state;

        house_apply(house, DOWN "power_on = on\n" UP_ELSEWHERE "power_on = on\n");
        house_pass(house, USEC_PER_SEC);
        assert_true(fake_chips[0].lines[3].high);
        fake_plug(&house->gpio, 1);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "online");
        assert_true(house_logged(house, "up: stays off: another one of its interlock motor is to be on"));
        assert_true(fake_chips[0].lines[3].high);
        assert_false(fake_chips[1].lines[2].high);
}

/* In the next run, too. */
static void interlock__not_started_in_a_whole_run_and_another_commanded__comes_back_off(void **state)
{
        struct house *house = *state;

        house_apply(house, DOWN UP_ELSEWHERE "power_on = on\n");
        house_pass(house, USEC_PER_SEC);
        house_set(house, "down", "ON");
        house_set(house, "down", "OFF");
        house_restart(house);
        fake_plug(&house->gpio, 1);
        house_apply(house, DOWN UP_ELSEWHERE "power_on = on\n");
        house_pass(house, 60 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "online");
        assert_false(fake_chips[1].lines[2].high);
}

/* ---- A line that the service manager does not give back ---------------------------------------------------- */

static int keeper_error;
static unsigned keeper_puts; /* that it took */

static int keeper_change(void)
{
        return keeper_error;
}

static int keeper_put(void *userdata, const char *name, int fd)
{
        (void)userdata;
        (void)name;
        (void)fd;
        keeper_puts += keeper_error == 0;
        return keeper_change();
}

static int keeper_remove(void *userdata, const char *name)
{
        (void)userdata;
        (void)name;
        return keeper_change();
}

static int keeper_sync(void *userdata)
{
        (void)userdata;
        return 0;
}

static const struct fd_store fd_store = { .put = keeper_put, .remove = keeper_remove, .sync = keeper_sync };

static void max_on__line_stays_in_the_store__off_until_it_is_out(void **state)
{
        struct house *house = *state;

        house->gpio.gpio->fd_store = &fd_store;
        keeper_error = 0;
        house_apply(house, LAMP);
        house_set(house, "kitchen", "ON");
        keeper_error = -ECONNREFUSED;
        house_apply(house, LAMP "max_on = 1h\n");
        assert_false(fake_chips[0].lines[2].high);
        house_assert_published(house, "kitchen", DEVICE_STATE, "{\"state\":\"OFF\"}");
        house_set(house, "kitchen", "ON");
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"failed\",\"message\":\"2 cannot be taken back from the "
                            "service manager: Connection refused\"}");
        assert_false(fake_chips[0].lines[2].high);
        keeper_error = 0;
        house_set(house, "kitchen", "ON");
        assert_true(fake_chips[0].lines[2].high);
        house->gpio.gpio->fd_store = NULL;
}

/* It is not to be on for long, and an earlier run has left it on. */
static void start__line_stays_in_the_store__off(void **state)
{
        struct house *house = *state;

        house->gpio.gpio->fd_store = &fd_store;
        leave_on(house);
        keeper_error = -ECONNREFUSED;
        fake_chips[0].lines[2].request_error = -EBUSY; /* the store has it */
        house_apply(house, "[lamp up]\nline = 2\nmax_on = 1h\n");
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "offline");
        assert_false(fake_chips[0].lines[2].high);
        house->gpio.gpio->fd_store = NULL;
}

/* What goes off by itself is for --outputs-safe to take after a crash, which it could not from the store. */
static void for__line_stays_in_the_store__refused(void **state)
{
        struct house *house = *state;
        char path[PATH_MAX];
        const struct driven_options options = { .path = path, .chip = "gpiochip0", .sim_dir = "/sim" };
        struct driven *driven = NULL;

        house_path(house, "driven.json", path);
        assert_int_equal(driven_new(&options, &driven), 0);
        house->options.driven = driven;
        house_crash(house);
        house->gpio.gpio->fd_store = &fd_store;
        keeper_error = 0;
        house_apply(house, "[switch pump]\nline = 2\n");
        keeper_error = -ECONNREFUSED;
        house_set(house, "pump", "{\"for\":60}");
        house_assert_result(house, "pump",
                            "{\"ok\":false,\"code\":\"failed\",\"message\":\"2 cannot be taken back from the "
                            "service manager: Connection refused\"}");
        assert_false(fake_chips[0].lines[2].high);
        house->gpio.gpio->fd_store = NULL;
        house_stop(house);
        driven_free(driven);
}

/* Nor where its plugin does not look at what sconce_timed() returns, and finds it on already or not. */
static void for__line_stays_in_the_store_and_nobody_looks__refused_and_off(void **state)
{
        static const char *const befores[] = { "OFF", "ON" };
        struct house *house = *state;

        house->gpio.gpio->fd_store = &fd_store;
        for (size_t i = 0; i < ARRAY_SIZE(befores); i++) {
                keeper_error = 0;
                house_apply(house, "[relay pump]\nline = 2\nlazy = yes\n");
                house_set(house, "pump", befores[i]);
                assert_int_equal(fake_chips[0].lines[2].high, i);
                keeper_error = -ECONNREFUSED;
                house_set(house, "pump", "{\"state\":\"ON\",\"for\":60}");
                assert_non_null(strstr(house_published(house, "pump", DEVICE_RESULT), "\"code\":\"failed\""));
                assert_false(fake_chips[0].lines[2].high);
                house_assert_published(house, "pump", DEVICE_STATE, "{\"state\":\"OFF\"}");
        }
        house->gpio.gpio->fd_store = NULL;
}

static void for__reload_in_it__is_not_put_into_the_store_before_it_is_over(void **state)
{
        struct house *house = *state;

        house->gpio.gpio->fd_store = &fd_store;
        keeper_error = 0;
        keeper_puts = 0;
        house_apply(house, "[switch pump]\nline = 2\n");
        assert_int_equal(keeper_puts, 1);
        house_set(house, "pump", "{\"for\":60}");
        house_apply(house, "[switch pump]\nline = 2\nname = Pump\n");
        assert_int_equal(keeper_puts, 1);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_false(fake_chips[0].lines[2].high);
        assert_int_equal(keeper_puts, 2);
        house->gpio.gpio->fd_store = NULL;
}

/* It stays in the record then, and --outputs-safe has to be able to take the line. */
static void for__ends_with_the_agent_and_nothing_can_be_saved__is_not_put_into_the_store(void **state)
{
        struct house *house = *state;

        house_fail_store(house);
        house->gpio.gpio->fd_store = &fd_store;
        keeper_error = 0;
        keeper_puts = 0;
        house_apply(house, "[switch pump]\nline = 2\n");
        house_set(house, "pump", "{\"for\":60}");
        assert_int_equal(keeper_puts, 1);
        home_stop(house->devices);
        assert_false(fake_chips[0].lines[2].high);
        assert_int_equal(keeper_puts, 1);
        house->gpio.gpio->fd_store = NULL;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_chips, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(unplug__lamp_on__offline_and_on_again_when_it_is_back),
                TEST(line_set__chip_gone__failed_then_offline),
                TEST(unplug__longer_than_max_on__comes_back_off),
                TEST(unplug__while_a_pulse_waits_for_its_interlock__forgotten),
                TEST(max_on__line_fails__tried_again),
                TEST(max_on__line_of_a_cover_fails__its_stop_is_not_driven),
                TEST(timer__line_fails__tried_again_and_reported_once),
                TEST(permission__denied__that_device_alone),
                TEST(start__late_and_on_another_line_than_before__that_one_is_let_go),
                TEST(contact__edge__state_with_time),
                TEST(contact__bounce__not_reported),
                TEST(start__input_active_for_5_ms__off_and_no_rule_acts),
                TEST(start__end_stop_active_for_5_ms__not_there),
                TEST(start__input_changes_while_another_settles__as_it_is_at_the_start),
                TEST(start__chip_goes_in_it__offline_and_back),
                TEST(stop__chip_goes_in_on_exit__its_plugin_is_stopped_once),
                TEST(unplug__while_the_first_value_settles__offline_and_back),
                TEST(stop__while_the_first_value_settles__the_line_is_free),
                TEST(interlock__left_on_and_cannot_start__is_off_before_another_goes_on),
                TEST(interlock__left_on_and_plugin_refused__is_off),
                TEST(interlock__new_member_that_was_on_cannot_start__is_off),
                TEST(interlock__broken_member__its_output_is_switched_off),
                TEST(interlock__member_cannot_be_switched_off__the_other_works),
                TEST(interlock__member_cannot_start__its_input_is_not_driven),
                TEST(interlock__member_cannot_start_again__is_let_alone),
                TEST(interlock__broken_device_that_cannot_be_a_member__counts_for_nothing),
                TEST(interlock__left_on_and_off_late__the_other_goes_on_again_after_the_dead_time),
                TEST(lost__its_output_is_not_to_stay_on__is_off),
                TEST(lost__max_on_counts__goes_on_when_it_is_back_and_off_in_time),
                TEST(lost__its_output_may_stay_on__is_left_as_it_is),
                TEST(start__fails_with_an_output_on__off_and_not_on_again),
                TEST(interlock__lost_while_it_is_on__is_off),
                TEST(interlock__lost_while_on_and_another_commanded__comes_back_off),
                TEST(interlock__lost_while_on__comes_back_on),
                TEST(interlock__not_started_yet_and_another_commanded__power_on_is_over),
                TEST(interlock__starts_late_while_another_is_on_by_power_on__stays_off),
                TEST(interlock__not_started_in_a_whole_run_and_another_commanded__comes_back_off),
                TEST(max_on__line_stays_in_the_store__off_until_it_is_out),
                TEST(start__line_stays_in_the_store__off),
                TEST(for__line_stays_in_the_store__refused),
                TEST(for__line_stays_in_the_store_and_nobody_looks__refused_and_off),
                TEST(for__reload_in_it__is_not_put_into_the_store_before_it_is_over),
                TEST(for__ends_with_the_agent_and_nothing_can_be_saved__is_not_put_into_the_store),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
