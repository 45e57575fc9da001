/* SPDX-License-Identifier: Apache-2.0 */
/* device/calls: who is answered, what, and what becomes of commands that come twice, too fast, too late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

#define LAMP "[lamp kitchen]\nline = GPIO17\n"

static const struct command_meta asked = { .reply_to = "sconce/reply/me",
                                           .correlation = "c-1",
                                           .correlation_size = 3 };

static void set(struct house *house, const char *payload, const struct command_meta *meta)
{
        devices_command(house->devices, "kitchen", NULL, payload, strlen(payload), meta);
}

static void device_command__reply_wanted__answered_there(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        set(house, "ON", &asked);
        house_assert_result(house, "kitchen", "{\"ok\":true}");
        assert_string_equal(house->told[house->n_told - 1].reply_to, "sconce/reply/me");
        /* The state came first: who hears the result finds the state told. */
        assert_int_equal(house->told[house->n_told - 2].topic, DEVICE_STATE);
}

static void device_command__id__answered_with_it(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        set(house, "{\"state\":\"ON\",\"id\":\"a-1\"}", NULL);
        house_assert_result(house, "kitchen", "{\"ok\":true,\"id\":\"a-1\"}");
        set(house, "{\"state\":\"ON\",\"id\":17}", NULL);
        house_assert_result(house, "kitchen", "{\"ok\":true,\"id\":17}");
        set(house, "{\"state\":\"ONN\",\"id\":18}", NULL);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"id\":18,\"code\":\"type\",\"message\":\"state: \\\"ONN\\\" is "
                            "not ON, OFF or TOGGLE\"}");
}

static void device_command__refused__answered_unasked(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_set_channel(house, "kitchen", "colour", "red");
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"unknown_channel\",\"message\":\"there is no channel "
                            "\\\"colour\\\"\"}");
}

static void device_command__empty__ignored(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_forget(house);
        set(house, "", &asked);
        set(house, " \n", NULL);
        assert_int_equal(house->n_told, 0);
}

/* ---- Doubles ------------------------------------------------------------------------------------------- */

static void device_command__same_id__once_and_same_result(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_forget(house);
        set(house, "{\"state\":\"TOGGLE\",\"id\":\"x\"}", NULL);
        set(house, "{\"state\":\"TOGGLE\",\"id\":\"x\"}", NULL);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATE), 1);
        assert_int_equal(house_count(house, "kitchen", DEVICE_RESULT), 2);
        house_assert_result(house, "kitchen", "{\"ok\":true,\"id\":\"x\"}");
        house_pass(house, 60 * USEC_PER_SEC);
        set(house, "{\"state\":\"TOGGLE\",\"id\":\"x\"}", NULL);
        assert_int_equal(sim_value(&house->gpio, 17), 0);
}

static void device_command__same_correlation__once(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "[lamp hall]\nline = GPIO18\n");
        set(house, "TOGGLE", &asked);
        set(house, "TOGGLE", &asked);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        assert_int_equal(house_count(house, "kitchen", DEVICE_RESULT), 2);
        /* Another device's is another command. */
        devices_command(house->devices, "hall", NULL, "TOGGLE", 6, &asked);
        assert_int_equal(sim_value(&house->gpio, 18), 1);
}

static void device_command__refused_before__same_id_is_tried_again(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "rate = 1\n");
        set(house, "ON", NULL);
        set(house, "{\"state\":\"OFF\",\"id\":\"x\"}", NULL);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"id\":\"x\",\"code\":\"rate\",\"message\":\"more than 1 "
                            "commands a second\"}");
        house_pass(house, USEC_PER_SEC);
        set(house, "{\"state\":\"OFF\",\"id\":\"x\"}", NULL);
        house_assert_result(house, "kitchen", "{\"ok\":true,\"id\":\"x\"}");
}

/* ---- Bounds -------------------------------------------------------------------------------------------- */

static void device_command__too_fast__rate(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "rate = 5\n");
        for (int i = 0; i < 5; i++)
                set(house, "TOGGLE", NULL);
        house_assert_result(house, "kitchen", NULL);
        set(house, "TOGGLE", NULL);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"rate\",\"message\":\"more than 5 commands a second\"}");
        assert_int_equal(sim_value(&house->gpio, 17), 1);
}

static void device_command__too_late__expired(void **state)
{
        struct house *house = *state;
        struct command_meta late = { .expires_us = loop_now_us(&house->gpio.loop) + USEC_PER_SEC };

        house_apply(house, LAMP);
        set(house, "ON", &late);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        house_pass(house, USEC_PER_SEC);
        set(house, "OFF", &late);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"expired\",\"message\":\"the command came too late\"}");
        assert_int_equal(sim_value(&house->gpio, 17), 1);
}

static void devices_command__unknown_device__answered_where_it_asked(void **state)
{
        struct house *house = *state;
        static const char payload[] = "{\"state\":\"ON\",\"id\":\"x\"}";

        house_apply(house, "");
        house_forget(house);
        devices_command(house->devices, "attic", NULL, payload, strlen(payload), &asked);
        house_assert_result(house, "attic",
                            "{\"ok\":false,\"id\":\"x\",\"code\":\"unknown_device\",\"message\":\"there is "
                            "no device \\\"attic\\\"\"}");
        assert_string_equal(house->told[0].reply_to, "sconce/reply/me");
        /* What cannot be a device's name gets no topic. */
        house_forget(house);
        devices_command(house->devices, "At tic", NULL, "ON", 2, NULL);
        devices_command(house->devices, "", NULL, "ON", 2, NULL);
        assert_int_equal(house->n_told, 0);
        devices_get(house->devices, "node");
        assert_non_null(strstr(house_told(house, "node", DEVICE_STATE), "\"dropped\":2,"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(device_command__reply_wanted__answered_there),
                TEST(device_command__id__answered_with_it),
                TEST(device_command__refused__answered_unasked),
                TEST(device_command__empty__ignored),
                TEST(device_command__same_id__once_and_same_result),
                TEST(device_command__same_correlation__once),
                TEST(device_command__refused_before__same_id_is_tried_again),
                TEST(device_command__too_fast__rate),
                TEST(device_command__too_late__expired),
                TEST(devices_command__unknown_device__answered_where_it_asked),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
