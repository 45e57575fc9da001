/* SPDX-License-Identifier: Apache-2.0 */
/* device/device: starts that fail and come again, readings that fail, health, events, channels that are
 * added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"
#include "fakes/in_range.h"

#define ONLINE  "online"
#define OFFLINE "offline"

/* [probe a] with its directory in the house's. */
static void apply_probe(struct house *house, const char *more)
{
        char text[PATH_MAX + 256];

        (void)snprintf(text, sizeof(text), "[probe a]\ndir = %s\n%s", house->gpio.dir, more);
        house_apply(house, text);
}

static void assert_log(const struct house *house, const char *expected)
{
        char *log = house_read(house, "log");

        assert_string_equal(log, expected);
        free(log);
}

/* ---- Starting ------------------------------------------------------------------------------------------ */

static void device_start__fails__offline_with_reason(void **state)
{
        struct house *house = *state;

        apply_probe(house, "");
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), OFFLINE);
        house_assert_published(house, "a", DEVICE_ERROR,
                               "{\"code\":\"enodev\",\"message\":\"the probe is not plugged in\"}");
        assert_log(house, "start\n");
}

static void device_start__fails_on__back_off_doubles_and_is_bounded(void **state)
{
        static const unsigned pauses_s[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
        struct house *house = *state;
        char expected[256] = "start\n";

        apply_probe(house, "");
        for (size_t i = 0; i < ARRAY_SIZE(pauses_s); i++) {
                house_pass(house, pauses_s[i] * USEC_PER_SEC - 1);
                assert_log(house, expected);
                house_pass(house, 1);
                (void)strcat(expected, "start\n");
                assert_log(house, expected);
        }
        /* Reported once: nothing has changed since. */
        assert_int_equal(house_count(house, "a", DEVICE_STATUS), 1);
        assert_int_equal(house_count(house, "a", DEVICE_ERROR), 1);
}

static void device_start__works_later__online_and_error_cleared(void **state)
{
        struct house *house = *state;

        apply_probe(house, "");
        house_write(house, "start", "");
        house_write(house, "read", "20.5\n");
        house_forget(house);
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), ONLINE);
        assert_string_equal(house_published(house, "a", DEVICE_ERROR), "");
        assert_non_null(strstr(house_published(house, "a", DEVICE_STATE), "\"sensor\":20.5"));
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 1);
}

static void device_start__busy_line__names_the_other(void **state)
{
        struct house *house = *state;
        struct sconce_line *line = fixture_line("GPIO17");
        struct fault fault;

        assert_int_equal(line_open_output(house->gpio.gpio, line, 0, NULL, NULL, &fault), 0);
        house_apply(house, "[lamp kitchen]\nline = GPIO17\n[lamp hall]\nline = GPIO18\n");
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), OFFLINE);
        assert_string_equal(house_published(house, "hall", DEVICE_STATUS), ONLINE);
        line_free(line);
        house_pass(house, USEC_PER_SEC);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), ONLINE);
}

static void device_command__offline__refused_with_reason(void **state)
{
        struct house *house = *state;

        apply_probe(house, "");
        house_set(house, "a", "ON");
        house_assert_result(house, "a",
                            "{\"ok\":false,\"code\":\"offline\",\"message\":\"the device is offline: the probe "
                            "is not plugged in\"}");
}

/* ---- Reading ------------------------------------------------------------------------------------------- */

static void device_read__every__by_timer_and_reported_each_time(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "every = 30s\n");
        assert_log(house, "start\nread\n");
        house_forget(house);
        house_pass(house, 30 * USEC_PER_SEC);
        assert_log(house, "start\nread\nread\n");
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 1); /* no news, and reported with its time */
        house_write(house, "read", "2\n");
        house_pass(house, 30 * USEC_PER_SEC);
        assert_non_null(strstr(house_published(house, "a", DEVICE_STATE), "\"sensor\":2"));
}

static void device_read__fails__backs_off_and_mends_by_itself(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        apply_probe(house, "every = 30s\n");
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), OFFLINE);
        house_assert_published(house, "a", DEVICE_ERROR,
                               "{\"code\":\"eio\",\"message\":\"cannot be read: Input/output error\"}");
        house_pass(house, 3 * USEC_PER_SEC); /* after 1 s, and 2 s more */
        assert_log(house, "start\nread\nread\nread\n");
        house_write(house, "read", "7\n");
        house_pass(house, 4 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), ONLINE);
        assert_string_equal(house_published(house, "a", DEVICE_ERROR), "");
        assert_true(house_logged(house, "a: works again"));
        house_pass(house, 29 * USEC_PER_SEC);
        assert_log(house, "start\nread\nread\nread\nread\n");
        house_pass(house, 1 * USEC_PER_SEC);
        assert_log(house, "start\nread\nread\nread\nread\nread\n");
}

static void devices_get__asked__reported_though_unchanged(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_forget(house);
        home_get(house->devices, "a");
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 1);
        assert_null(house_published(house, "node", DEVICE_STATE));
        home_get(house->devices, NULL);
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 2);
        assert_int_equal(house_count(house, "node", DEVICE_STATE), 1);
        home_get(house->devices, "nobody");
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 2);
}

static void devices_get__flood__each_gets_its_turn(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_forget(house);
        for (int i = 0; i < 1000; i++)
                home_get(house->devices, "a");
        home_get(house->devices, "node");
        size_t at_once = house_count(house, "a", DEVICE_STATE);
        assert_uint_in_range(at_once, 1, 100);
        assert_int_equal(house_count(house, "node", DEVICE_STATE), 0);
        house_pass(house, USEC_PER_SEC);
        /* Those that waited are one. */
        assert_int_equal(house_count(house, "a", DEVICE_STATE), at_once + 1);
        assert_int_equal(house_count(house, "node", DEVICE_STATE), 1);
}

/* ---- Health, events, failures -------------------------------------------------------------------------- */

static void device_health__sick_then_read__offline_and_back(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_set_channel(house, "a", "note", "sick");
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), OFFLINE);
        house_assert_published(house, "a", DEVICE_ERROR, "{\"code\":\"eio\",\"message\":\"the probe feels sick\"}");
        home_get(house->devices, "a");
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), ONLINE);
}

static void device_problem__reported_and_the_device_takes_commands(void **state)
{
        struct house *house = *state;
        char problems[256];

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_set_channel(house, "a", "note", "itch");
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), ONLINE);
        house_assert_published(house, "a", DEVICE_ERROR, "{\"code\":\"etimedout\",\"message\":\"the probe itches\"}");
        home_summary(house->devices, problems, sizeof(problems));
        assert_string_equal(problems, "device a: the probe itches");
        assert_non_null(
                strstr(house_published(house, "node", DEVICE_STATE), "\"problems\":[\"device a: the probe itches\"]"));
        house_set_channel(house, "a", "note", "sick");
        house_assert_published(house, "a", DEVICE_ERROR, "{\"code\":\"eio\",\"message\":\"the probe feels sick\"}");
        home_get(house->devices, "a");
        house_assert_published(house, "a", DEVICE_ERROR, "{\"code\":\"etimedout\",\"message\":\"the probe itches\"}");
        house_set_channel(house, "a", "note", "well");
        assert_string_equal(house_published(house, "a", DEVICE_ERROR), "");
        home_summary(house->devices, problems, sizeof(problems));
        assert_string_equal(problems, "");
        house_set_channel(house, "a", "note", "itch");
        house_apply(house, ""); /* gone, and its problem with it */
        home_summary(house->devices, problems, sizeof(problems));
        assert_string_equal(problems, "");
}

static void device_event__timer_of_the_plugin__reported(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_set_channel(house, "a", "note", "tick");
        assert_null(house_published(house, "a", DEVICE_EVENT));
        house_pass(house, USEC_PER_SEC);
        house_assert_published(house, "a", DEVICE_EVENT, "{\"channel\":\"press\",\"event_type\":\"single\"}");
        assert_non_null(strstr(house_published(house, "a", DEVICE_EVENT), "\"time\":\"20"));
}

static void device_command__plugin_refuses__failed_or_busy(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_write(house, "refuse", "5\n");
        house_forget(house);
        house_set(house, "a", "ON");
        house_assert_result(house, "a", "{\"ok\":false,\"code\":\"failed\",\"message\":\"the probe will not\"}");
        house_write(house, "refuse", "16\n");
        house_set(house, "a", "ON");
        house_assert_result(house, "a", "{\"ok\":false,\"code\":\"busy\",\"message\":\"the probe will not\"}");
        assert_null(house_published(house, "a", DEVICE_STATE));
}

static void device_report__wrong_type__refused_and_logged(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_set_channel(house, "a", "note", "wrong type");
        house_assert_result(house, "a",
                            "{\"ok\":false,\"code\":\"failed\",\"message\":\"the device refused: Invalid "
                            "argument\"}");
        assert_true(house_logged(house, "3 a: the plugin reported \"light\" with the wrong type for a light\n"));
}

static void device_command__several_keys__one_state(void **state)
{
        struct house *house = *state;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "");
        house_forget(house);
        house_set(house, "a", "{\"light\":\"ON\",\"level\":5,\"mood\":\"calm\",\"hold\":\"2s\",\"ring\":\"PRESS\"}");
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 1);
        house_assert_published(
                house, "a", DEVICE_STATE,
                "{\"light\":\"ON\",\"level\":5,\"cover\":null,\"mood\":\"calm\",\"note\":null,\"sensor\":1}");
        assert_log(house, "start\nread\ncommand\nhold 0 2\nring 1 0\n");
}

/* ---- Configure ----------------------------------------------------------------------------------------- */

static void device_configure__rejects__problem_with_its_words(void **state)
{
        struct house *house = *state;

        char *wrong = house_check(house, "[probe a]\ndir = /nowhere\nreject = yes\n");
        assert_string_equal(wrong, "a.conf:1: [probe a] reject: is not possible here\n");
        free(wrong);
        assert_null(house_published(house, "a", DEVICE_STATUS));
}

static void device_configure__adds_a_channel__in_state_and_info(void **state)
{
        struct house *house = *state;
        char *devices = NULL, *plugins = NULL;

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        apply_probe(house, "extra = yes\n");
        assert_non_null(strstr(house_published(house, "a", DEVICE_STATE), "\"extra\":null"));
        assert_int_equal(house_info(house, &devices, &plugins), 0);
        assert_non_null(strstr(devices, "\"extra\":{\"kind\":\"sensor\"}"));
        assert_string_equal(plugins, "{\"probe\":\"2.5\"}");
        free(devices);
        free(plugins);
}

/* Its back-off goes on. */
static void device_start__fails_and_its_section_changes_in_place__is_tried_again(void **state)
{
        struct house *house = *state;

        apply_probe(house, "");
        apply_probe(house, "name = Probe\n");
        house_pass(house, USEC_PER_SEC - 1);
        assert_log(house, "start\n");
        house_write(house, "start", "");
        house_write(house, "read", "5");
        house_pass(house, 1);
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), ONLINE);
}

/* Who asks one that does not run, or that reports by itself, hears what is known. */
static void device_read__asked_for_where_nothing_can_be_read__state_as_it_is(void **state)
{
        struct house *house = *state;
        char text[PATH_MAX + 100];

        (void)snprintf(text, sizeof(text), "[probe a]\ndir = %s\n[relay pump]\nline = GPIO17\n", house->gpio.dir);
        house_apply(house, text);
        house_forget(house);
        home_get(house->devices, "a");
        assert_log(house, "start\n");
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 1);
        home_get(house->devices, "pump");
        house_assert_published(house, "pump", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(device_start__fails__offline_with_reason),
                TEST(device_start__fails_and_its_section_changes_in_place__is_tried_again),
                TEST(device_read__asked_for_where_nothing_can_be_read__state_as_it_is),
                TEST(device_start__fails_on__back_off_doubles_and_is_bounded),
                TEST(device_start__works_later__online_and_error_cleared),
                TEST(device_start__busy_line__names_the_other),
                TEST(device_command__offline__refused_with_reason),
                TEST(device_read__every__by_timer_and_reported_each_time),
                TEST(device_read__fails__backs_off_and_mends_by_itself),
                TEST(devices_get__asked__reported_though_unchanged),
                TEST(devices_get__flood__each_gets_its_turn),
                TEST(device_health__sick_then_read__offline_and_back),
                TEST(device_problem__reported_and_the_device_takes_commands),
                TEST(device_event__timer_of_the_plugin__reported),
                TEST(device_command__plugin_refuses__failed_or_busy),
                TEST(device_report__wrong_type__refused_and_logged),
                TEST(device_command__several_keys__one_state),
                TEST(device_configure__rejects__problem_with_its_words),
                TEST(device_configure__adds_a_channel__in_state_and_info),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
