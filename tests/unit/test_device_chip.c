/* SPDX-License-Identifier: Apache-2.0 */
/* Devices whose chip goes and comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/fake_chip.h"
#include "fakes/house.h"

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

/* A plugin with two inputs hears of neither before both have settled, and of both what has settled. */
static void start__end_stop_active_for_5_ms__not_there(void **state)
{
        struct house *house = *state;

        fake_chips[0].lines[4].high = fake_chips[0].lines[5].high = true;
        house_apply(house, "[cover gate]\nup = 2\ndown = 3\nup_time = 10s\nup_stop = 4\n"
                           "down_stop = 5\ndown_stop_debounce = 100ms\n");
        house_pass(house, 5 * USEC_PER_MSEC);
        fake_edge(0, 4, false, 0);
        fixture_settle(&house->gpio);
        house_pass(house, 94 * USEC_PER_MSEC);
        assert_null(house_published(house, "gate", DEVICE_STATE));
        house_pass(house, 1 * USEC_PER_MSEC);
        house_assert_published(house, "gate", DEVICE_STATE, "{\"state\":\"closed\",\"position\":0}");
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_chips, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(unplug__lamp_on__offline_and_on_again_when_it_is_back),
                TEST(line_set__chip_gone__failed_then_offline),
                TEST(unplug__longer_than_max_on__comes_back_off),
                TEST(unplug__while_a_pulse_waits_for_its_interlock__forgotten),
                TEST(max_on__line_fails__tried_again),
                TEST(timer__line_fails__tried_again_and_reported_once),
                TEST(permission__denied__that_device_alone),
                TEST(contact__edge__state_with_time),
                TEST(contact__bounce__not_reported),
                TEST(start__input_active_for_5_ms__off_and_no_rule_acts),
                TEST(start__end_stop_active_for_5_ms__not_there),
                TEST(unplug__while_the_first_value_settles__offline_and_back),
                TEST(stop__while_the_first_value_settles__the_line_is_free),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
