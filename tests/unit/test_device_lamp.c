/* SPDX-License-Identifier: Apache-2.0 */
/* A lamp from its section to its line and back: the whole device layer on the simulated chip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

#define LAMP "[lamp kitchen]\nline = GPIO17\n"
#define ON   "{\"state\":\"ON\"}"
#define OFF  "{\"state\":\"OFF\"}"

static void devices_apply__lamp__online_and_off(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATE), 1);
        assert_null(house_published(house, "kitchen", DEVICE_ERROR));
        assert_int_equal(sim_value(&house->gpio, 17), 0);
}

static void devices_command__on__line_then_state(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_forget(house);
        house_set(house, "kitchen", "ON");
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        house_assert_published(house, "kitchen", DEVICE_STATE, ON);
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATE), 1);
        house_assert_result(house, "kitchen", NULL);
}

static void devices_command__same_again__state_all_the_same(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_forget(house);
        house_set(house, "kitchen", "OFF");
        house_set(house, "kitchen", "OFF");
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATE), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(devices_apply__lamp__online_and_off, house_setup, house_teardown),
                cmocka_unit_test_setup_teardown(devices_command__on__line_then_state, house_setup, house_teardown),
                cmocka_unit_test_setup_teardown(devices_command__same_again__state_all_the_same, house_setup,
                                                house_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
