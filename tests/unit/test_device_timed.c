/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs that are on for a limited time by their plugin's doing, and outputs that are no switches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

#define RELAY   "[relay pump]\nline = GPIO17\n"
#define SHUTTER "[shutter blind]\nup = GPIO5\ndown = GPIO6\n"

static int line(const struct house *house, unsigned offset)
{
        return sim_value(&house->gpio, offset);
}

/* ---- A pulse ------------------------------------------------------------------------------------------- */

static void pulse__given__keep_is_refused(void **state)
{
        house_assert_wrong(*state, RELAY "on_exit = keep\n", "");
        house_assert_wrong(*state, RELAY "pulse = 0s\non_exit = keep\n", "");
        house_assert_wrong(*state, RELAY "pulse = 2s\non_exit = keep\n",
                           "a.conf:4: [relay pump] on_exit: keep is not possible for an output that is on for a "
                           "limited time: "
                           "off is allowed, and the default\n");
}

static void pulse__given__on_at_exit_is_refused(void **state)
{
        house_assert_wrong(*state, RELAY "on_exit = on\n", "");
        house_assert_wrong(*state, RELAY "pulse = 2s\non_exit = on\n",
                           "a.conf:4: [relay pump] on_exit: on is not possible for an output that goes off by itself: "
                           "nobody would be there to do it\n");
}

static void pulse__restart_while_on__off(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY "pulse = 2s\n");
        house_set(house, "pump", "ON");
        assert_int_equal(line(house, 17), 1);
        house_apply(house, RELAY "pulse = 3s\n"); /* nobody counts the two seconds any more */
        assert_int_equal(line(house, 17), 0);
        house_assert_published(house, "pump", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

static void pulse__exit_while_on__off(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY "pulse = 2s\n");
        house_set(house, "pump", "ON");
        house_stop(house);
        house_assert_published(house, "pump", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

/* ---- A command with `for` ------------------------------------------------------------------------------ */

static void timed__for_in_progress__off_at_exit_with_any_on_exit(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY "on_exit = keep\n");
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"30s\"}");
        assert_int_equal(line(house, 17), 1);
        house_stop(house);
        house_assert_published(house, "pump", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

static void timed__for_is_over__on_exit_counts_again(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY "on_exit = keep\n");
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":30}");
        house_pass(house, 30 * USEC_PER_SEC);
        assert_int_equal(line(house, 17), 0);
        house_set(house, "pump", "ON");
        house_forget(house);
        house_stop(house);
        assert_null(house_published(house, "pump", DEVICE_STATE));
}

static void timed__restart_in_progress__off_and_then_as_ever(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"30s\"}");
        house_apply(house, RELAY "bias = disabled\n");
        assert_int_equal(line(house, 17), 0);
        house_set(house, "pump", "ON");
        house_apply(house, RELAY);
        assert_int_equal(line(house, 17), 1);
}

/* ---- Two lines, no switch ------------------------------------------------------------------------------ */

static void shutter__options_of_a_switch__refused(void **state)
{
        house_assert_wrong(*state, SHUTTER "on_exit = off\non_offline = off\n", "");
        house_assert_wrong(*state, SHUTTER "on_exit = keep\n",
                           "a.conf:4: [shutter blind] on_exit: keep is not possible for an output that is on for a "
                           "limited "
                           "time: off is allowed, and the default\n");
        house_assert_wrong(
                *state, SHUTTER "on_exit = on\n",
                "a.conf:4: [shutter blind] on_exit: this device is not switched on and off; keep and off are "
                "allowed\n");
        house_assert_wrong(*state, SHUTTER "on_offline = on\n",
                           "a.conf:4: [shutter blind] on_offline: this device is not switched on and off; keep and "
                           "off are "
                           "allowed\n");
        house_assert_wrong(*state, SHUTTER "power_on = on\n",
                           "a.conf:4: [shutter blind] power_on: this device is not switched on and off\n");
        house_assert_wrong(*state, SHUTTER "max_on = 1m\n", "");
}

static void shutter__companions__by_their_row(void **state)
{
        struct house *house = *state;

        house_apply(house, SHUTTER "up_active_low = yes\n");
        assert_int_equal(line(house, 5), 1);
        assert_int_equal(line(house, 6), 0);
        house_set(house, "blind", "OPEN");
        assert_int_equal(line(house, 5), 0);
}

static void shutter__one_line_for_both__refused(void **state)
{
        house_assert_wrong(*state, "[shutter blind]\nup = GPIO5\ndown = GPIO5\n",
                           "a.conf:3: [shutter blind] down: GPIO5 is used by [shutter blind] up already (a.conf:2)\n");
}

static void shutter__exit_and_broker_lost__stopped(void **state)
{
        struct house *house = *state;

        house_apply(house, SHUTTER "on_offline = off\n");
        home_broker_back(house->devices);
        house_set(house, "blind", "CLOSE");
        assert_int_equal(line(house, 6), 1);
        home_broker_lost(house->devices);
        assert_int_equal(line(house, 6), 0);
        house_assert_published(house, "blind", DEVICE_STATE, "{\"state\":\"stopped\"}");
        house_set(house, "blind", "OPEN");
        house_stop(house);
        house_assert_published(house, "blind", DEVICE_STATE, "{\"state\":\"stopped\"}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(pulse__given__keep_is_refused),
                TEST(pulse__given__on_at_exit_is_refused),
                TEST(pulse__restart_while_on__off),
                TEST(pulse__exit_while_on__off),
                TEST(timed__for_in_progress__off_at_exit_with_any_on_exit),
                TEST(timed__for_is_over__on_exit_counts_again),
                TEST(timed__restart_in_progress__off_and_then_as_ever),
                TEST(shutter__options_of_a_switch__refused),
                TEST(shutter__companions__by_their_row),
                TEST(shutter__one_line_for_both__refused),
                TEST(shutter__exit_and_broker_lost__stopped),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
