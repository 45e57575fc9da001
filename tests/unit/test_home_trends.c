/* SPDX-License-Identifier: Apache-2.0 */
/* home/trends, channel/trend_request, course: from what devices report to the answer of a `get` that asks for it. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "channel/trend_request.h"
#include "course.h"
#include "home/inside.h"
#include "fakes/house.h"
#include "fakes/in_range.h"
#include "fakes/json_taken.h"

#define MINUTE_US (60 * USEC_PER_SEC)
#define REPLY     "sconce/reply/tester/1"

static const struct command_meta to_tester = {
        .reply_to = REPLY, .correlation = "42", .correlation_size = 2, .asker = "tester/1", .asker_size = 6
};

static void drop_json(json_t **json)
{
        json_decref(*json);
}
#define CLEANUP_JSON CLEANUP(drop_json)

/* ---- Asking ---------------------------------------------------------------------------------------------- */

static void ask(struct house *house, const char *device, const char *payload)
{
        assert_true(trend_is_request(payload, strlen(payload)));
        home_trend(house->devices, device, payload, strlen(payload), &to_tester);
}

static json_t *answer_of(const struct house *house, const char *device)
{
        const char *text = house_published(house, device, DEVICE_RESULT);

        assert_non_null(text);
        json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        return json;
}

/* The array of a channel of the newest answer, borrowed from it. */
static json_t *column(const json_t *answer, const char *channel, const char *name)
{
        json_t *array = json_object_get(json_object_get(json_object_get(answer, "channels"), channel), name);

        assert_true(json_is_array(array));
        return array;
}

static unsigned count_known(const json_t *array)
{
        unsigned known = 0;
        size_t i;
        const json_t *item;

        json_array_foreach((json_t *)(uintptr_t)array, i, item) known += !json_is_null(item);
        return known;
}

static double last_of(const json_t *array)
{
        return json_number_value(json_array_get(array, json_array_size(array) - 1));
}

static void assert_refused(struct house *house, const char *device, const char *payload, const char *expected)
{
        house_forget(house);
        ask(house, device, payload);
        const char *answer = house_published(house, device ? device : "node", DEVICE_RESULT);
        assert_string_equal(answer ? answer : "none", expected);
        house_pass(house, USEC_PER_SEC); /* refusals have their measure */
}

static void probe(struct house *house, const char *read)
{
        char text[PATH_MAX + 64];

        (void)snprintf(text, sizeof(text), "[probe a]\ndir = %s\nevery = 10s\n", house->gpio.dir);
        house_write(house, "start", "");
        house_write(house, "read", read);
        house_apply(house, text);
}

static void read_again(struct house *house, const char *number)
{
        house_write(house, "read", number);
        house_pass(house, 10 * USEC_PER_SEC);
}

/* ---- What is answered ------------------------------------------------------------------------------------ */

static void get_trend__numbers__minimum_mean_maximum_count(void **state)
{
        struct house *house = *state;

        probe(house, "20\n");
        home_get(house->devices, "a");
        read_again(house, "22\n");
        read_again(house, "21\n");
        house_forget(house);
        ask(house, "a", "{\"trend\":\"7d\",\"channel\":\"sensor\",\"id\":7}");
        CLEANUP_JSON json_t *answer = answer_of(house, "a");
        assert_true(json_is_true(json_object_get(answer, "ok")));
        assert_int_equal(json_integer_value(json_object_get(answer, "id")), 7);
        assert_string_equal(json_string_value(json_object_get(answer, "device")), "a");
        assert_string_equal(json_string_value(json_object_get(answer, "trend")), "7d");
        assert_int_equal(json_integer_value(json_object_get(answer, "step_s")), 3600);
        assert_int_equal(json_object_size(json_object_get(answer, "channels")), 1);
        json_t *sensor = json_object_get(json_object_get(answer, "channels"), "sensor");
        assert_string_equal(json_string_value(json_object_get(sensor, "unit")), "°C");
        assert_int_equal(json_object_size(sensor), 5);
        assert_int_equal(json_array_size(column(answer, "sensor", "count")), TREND_WEEK_BUCKETS);
        /* The wall clock is the machine's: an hour may have ended in between. */
        unsigned known = count_known(column(answer, "sensor", "min"));
        assert_uint_in_range(known, 1, 2);
        if (known == 1) {
                assert_true(last_of(column(answer, "sensor", "min")) == 20);
                assert_true(last_of(column(answer, "sensor", "max")) == 22);
                assert_true(fabs(last_of(column(answer, "sensor", "mean")) - 20.75) < 0.26);
                assert_uint_in_range((int)last_of(column(answer, "sensor", "count")), 3, 4);
        }
        assert_string_equal(house->published[house->n_published - 1].reply_to, REPLY);
}

/* The start of the first bucket is a full step, and the last one is of now. */
static void get_trend__start__is_wall_time(void **state)
{
        struct house *house = *state;
        uint64_t start_us;

        probe(house, "20\n");
        ask(house, "a", "{\"trend\":\"24h\",\"channel\":\"sensor\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "a");
        const char *start = json_string_value(json_object_get(answer, "start"));
        assert_non_null(start);
        assert_true(strlen(start) == 20 && strcmp(start + 17, "00Z") == 0);
        assert_int_equal((start[15] - '0') % 5, 0);
        struct tm utc = { 0 };
        assert_non_null(strptime(start, "%Y-%m-%dT%H:%M:%SZ", &utc));
        int64_t offset_us;
        assert_true(clock_offset(house->clock, &offset_us));
        start_us = (uint64_t)timegm(&utc) * USEC_PER_SEC;
        uint64_t now_us = loop_now_us(house->options.loop) + (uint64_t)offset_us;
        assert_true(start_us + 287 * 300 * USEC_PER_SEC <= now_us);
        assert_true(start_us + 288 * 300 * USEC_PER_SEC > now_us);
}

static void get_trend__on_or_off__its_share(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n");
        house_pass(house, 100 * MINUTE_US);
        house_set(house, "kitchen", "ON");
        house_pass(house, 100 * MINUTE_US);
        house_set(house, "kitchen", "OFF");
        house_forget(house);
        ask(house, "kitchen", "{\"trend\":\"24h\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "kitchen");
        json_t *on = column(answer, "state", "on"), *item;
        assert_int_equal(json_array_size(on), TREND_DAY_BUCKETS);
        assert_int_equal(json_object_size(json_object_get(json_object_get(answer, "channels"), "state")), 2);
        double sum = 0, on_s = 0, known_s = 0;
        size_t i;
        json_array_foreach(on, i, item)
        {
                double seconds = json_number_value(json_array_get(column(answer, "state", "known_s"), i));
                sum += json_number_value(item);
                on_s += json_number_value(item) * seconds;
                known_s += seconds;
        }
        assert_uint_in_range(count_known(on), 40, 41);
        assert_true(fabs(sum - 20) < 1.01); /* 20 buckets of 5 minutes; those at the edges are not all known */
        assert_true(fabs(on_s - 100 * 60) < 1.01);
        assert_true(fabs(known_s - 200 * 60) < 3.01);
}

static void get_trend__without_a_channel__all_that_have_one(void **state)
{
        struct house *house = *state;
        const char *key;
        json_t *value;

        probe(house, "20\n");
        ask(house, "a", "{\"trend\":\"24h\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "a");
        char keys[128] = "";
        json_object_foreach(json_object_get(answer, "channels"), key, value)
        {
                (void)snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys), "%s ", key);
        }
        assert_string_equal(keys, "light level sensor ");
        /* Never reported: there, and empty. */
        assert_int_equal(count_known(column(answer, "level", "mean")), 0);
        assert_int_equal(last_of(column(answer, "level", "count")), 0);
        assert_int_equal(count_known(column(answer, "light", "on")), 0);
}

static void get_trend__of_the_node__a_message_for_each_device(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n[lamp hall]\nline = GPIO18\n");
        house_forget(house);
        ask(house, NULL, "{\"trend\":\"24h\"}");
        house_pass(house, 0);
        assert_int_equal(house_count(house, "kitchen", DEVICE_RESULT), 1);
        assert_int_equal(house_count(house, "hall", DEVICE_RESULT), 1);
        assert_int_equal(house_count(house, "node", DEVICE_RESULT), 1);
        house_forget(house);
        ask(house, NULL, "{\"trend\":\"24h\",\"channel\":\"state\"}");
        assert_int_equal(house_count(house, "kitchen", DEVICE_RESULT), 1);
        assert_int_equal(house_count(house, "node", DEVICE_RESULT), 0);
}

static void get_trend__value_is_null__is_not_counted(void **state)
{
        struct house *house = *state;

        house_apply(house, "[cover gate]\nup = GPIO17\ndown = GPIO18\nup_time = 10s\n");
        ask(house, "gate", "{\"trend\":\"24h\",\"channel\":\"position\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "gate");
        assert_int_equal(count_known(column(answer, "position", "mean")), 0);
}

/* What holds while a device is offline nobody knows. */
static void offline__what_is_on__is_not_known(void **state)
{
        struct house *house = *state;

        house_apply(house, "[contact door]\nline = GPIO17\n");
        house_pass(house, 60 * MINUTE_US);
        struct device *door = home_find(house->devices, "door");
        const struct fault fault = { -EIO, "test" };
        device_set_fault(door, DEVICE_FAULT_HEALTH, &fault);
        house_pass(house, 60 * MINUTE_US);
        device_set_fault(door, DEVICE_FAULT_HEALTH, NULL);
        house_pass(house, 60 * MINUTE_US);
        ask(house, "door", "{\"trend\":\"24h\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "door");
        assert_uint_in_range(count_known(column(answer, "state", "on")), 25, 27); /* 12 and 12, and edges */
}

static void reload__device_changes__its_trend_stays(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n");
        house_pass(house, 100 * MINUTE_US);
        house_apply(house, "[lamp kitchen]\nline = GPIO18\n");
        house_pass(house, 100 * MINUTE_US);
        ask(house, "kitchen", "{\"trend\":\"24h\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "kitchen");
        assert_uint_in_range(count_known(column(answer, "state", "on")), 40, 41);
        json_decref(answer);
        house_apply(house, "[contact kitchen]\nline = GPIO18\n"); /* another kind: another channel */
        ask(house, "kitchen", "{\"trend\":\"24h\"}");
        answer = answer_of(house, "kitchen");
        assert_uint_in_range(count_known(column(answer, "state", "on")), 0, 1);
}

static void apply_late(struct house *house, const char *dir)
{
        char text[2 * PATH_MAX];

        (void)snprintf(text, sizeof(text), "[late cellar]\ndir = %s\nevery = 10s\n", dir);
        house_apply(house, text);
}

static void reload__channel_is_found_at_the_start__its_trend_stays(void **state)
{
        struct house *house = *state;

        apply_late(house, house->gpio.dir);
        house_pass(house, 100 * MINUTE_US);
        apply_late(house, "/nonexistent");
        house_pass(house, 100 * MINUTE_US);
        ask(house, "cellar", "{\"trend\":\"24h\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "cellar");
        assert_uint_in_range(count_known(column(answer, "found", "mean")), 40, 41);
}

/* A wrong section has no channels: what waits for them goes on waiting. */
static void reload__section_is_wrong_for_a_while__trend_of_a_found_channel_stays(void **state)
{
        struct house *house = *state;

        apply_late(house, house->gpio.dir);
        house_pass(house, 100 * MINUTE_US);
        house_apply_anyway(house, "[late cellar]\nevery = 10s\n");
        house_pass(house, MINUTE_US);
        apply_late(house, house->gpio.dir);
        house_pass(house, 100 * MINUTE_US);
        ask(house, "cellar", "{\"trend\":\"24h\"}");
        CLEANUP_JSON json_t *answer = answer_of(house, "cellar");
        assert_uint_in_range(count_known(column(answer, "found", "mean")), 40, 42);
}

/* ---- What is refused ------------------------------------------------------------------------------------- */

static void get_trend__wrong__refused_with_its_code(void **state)
{
        struct house *house = *state;

        probe(house, "20\n");
#define REFUSED(code, message) "{\"ok\":false,\"code\":\"" code "\",\"message\":\"" message "\"}"
        assert_refused(house, "a", "{\"trend\":\"24h\"",
                       REFUSED("malformed", "not JSON: '}' expected near end of file"));
        assert_refused(house, "a", "{\"x\":\"trend\",\"channel\":\"trend\"}",
                       REFUSED("malformed", "the object has no key trend: \\\"24h\\\" or \\\"7d\\\""));
        assert_refused(house, "a", "{\"trend\":24}", REFUSED("type", "trend takes a text: \\\"24h\\\" or \\\"7d\\\""));
        assert_refused(house, "a", "{\"trend\":\"1h\"}",
                       REFUSED("range", "trend: \\\"1h\\\" is not kept; \\\"24h\\\" and \\\"7d\\\" are"));
        assert_refused(house, "a", "{\"trend\":\"24h\",\"channel\":1}",
                       REFUSED("type", "channel takes a text: the key of one"));
        assert_refused(house, "a", "{\"trend\":\"24h\",\"channel\":\"sensr\"}",
                       REFUSED("unknown_channel", "there is no channel \\\"sensr\\\"; did you mean sensor"));
        assert_refused(house, "a", "{\"trend\":\"24h\",\"channel\":\"\"}",
                       REFUSED("unknown_channel", "there is no channel \\\"\\\""));
        assert_refused(house, "a", "{\"trend\":\"24h\",\"channel\":\"note\"}",
                       REFUSED("type", "note is neither a number nor on or off: it has no trend"));
        assert_refused(house, "a", "{\"trend\":\"24h\",\"chanel\":\"sensor\"}",
                       REFUSED("unknown_key", "unknown key \\\"chanel\\\"; did you mean channel"));
        assert_refused(house, "b", "{\"trend\":\"24h\"}", REFUSED("unknown_device", "there is no device \\\"b\\\""));
        assert_refused(house, NULL, "{\"trend\":\"24h\",\"channel\":\"x\"}",
                       REFUSED("unknown_channel", "no device has a channel \\\"x\\\" with a trend"));
        assert_refused(house, "a", "{\"id\":\"q\",\"trend\":\"1h\"}",
                       "{\"ok\":false,\"id\":\"q\",\"code\":\"range\","
                       "\"message\":\"trend: \\\"1h\\\" is not kept; \\\"24h\\\" and \\\"7d\\\" are\"}");
}

static void get_trend__too_large_or_deep__refused(void **state)
{
        struct house *house = *state;
        char payload[40] = "{\"trend\":[[[[[[[[[[1]]]]]]]]]]}";

        house->devices->context.limits = (struct command_limits){ 32, 4 };
        assert_refused(house, "node", payload,
                       "{\"ok\":false,\"code\":\"depth\",\"message\":\"nested too deep; at most 4 levels are "
                       "allowed\"}");
        assert_refused(house, "node", "{\"trend\":\"24h\",\"channel\":\"uptime_s\"}",
                       "{\"ok\":false,\"code\":\"too_large\",\"message\":\"36 bytes are too many; at most 32 are "
                       "allowed\"}");
}

static void get_trend__no_response_topic__refused_on_result(void **state)
{
        struct house *house = *state;
        static const char payload[] = "{\"trend\":\"24h\"}";

        home_trend(house->devices, "node", payload, strlen(payload), &(const struct command_meta){ 0 });
        const char *answer = house_published(house, "node", DEVICE_RESULT);
        assert_non_null(answer);
        assert_non_null(strstr(answer, "\"code\":\"malformed\""));
        assert_non_null(strstr(answer, "response topic"));
        assert_null(house->published[house->n_published - 1].reply_to);
}

/* Payloads that ask for a reading, as they always have. */
static void trend_is_request__anything_else__is_none(void **state)
{
        static const char *const others[] = { "", "x", "trend", "\"trend\"", "[\"trend\"]", "{}", "{\"a\":1}", "  " };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                assert_false(trend_is_request(others[i], strlen(others[i])));
        assert_true(trend_is_request(" \n{ \"trend\" : 1", 14));
        assert_false(trend_is_request(NULL, 0));
}

/* ---- Floods ---------------------------------------------------------------------------------------------- */

static void get_trend__flood__answered_in_turn_and_the_rest_refused(void **state)
{
        struct house *house = *state;

        house_pass(house, USEC_PER_SEC);
        house_forget(house);
        for (size_t i = 0; i < 200; i++)
                ask(house, "node", "{\"trend\":\"24h\"}");
        size_t answers = house_count(house, "node", DEVICE_RESULT);
        assert_int_equal(answers, 50 + 10); /* and ten refusals a second */
        house_pass(house, 2 * USEC_PER_SEC);
        assert_int_equal(house_count(house, "node", DEVICE_RESULT), answers + TRENDS_WAITING_MAX);
        house_forget(house);
        house_pass(house, 10 * USEC_PER_SEC);
        assert_int_equal(house_count(house, "node", DEVICE_RESULT), 0);
}

static size_t count_answers(const struct house *house)
{
        static const char *const ids[] = { "a", "b", "c", "node" };
        size_t count = 0;

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
                count += house_count(house, ids[i], DEVICE_RESULT);
        return count;
}

/* All devices, twice: edges and times of outputs have their turn between two of them. */
static void get_trend__many_devices__one_answer_a_turn(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp a]\nline = GPIO17\n[lamp b]\nline = GPIO18\n[lamp c]\nline = GPIO19\n");
        house_forget(house);
        ask(house, NULL, "{\"trend\":\"24h\"}");
        assert_int_equal(count_answers(house), 1);
        ask(house, NULL, "{\"trend\":\"7d\"}");
        assert_int_equal(count_answers(house), 1);
        house_pass(house, 0);
        assert_int_equal(count_answers(house), 2 * 4);
}

/* ---- Sizes ----------------------------------------------------------------------------------------------- */

/* The most that one channel's answer can have: docs/topics.md promises it. */
static void course_write__longest_numbers__within_the_bound(void **state)
{
        const struct trend_clock clock = { 1700000000000000, true, "boot", 400 * 86400 * USEC_PER_SEC };
        struct channel channel = { .row = { .key = "x", .kind = SCONCE_SENSOR, .unit = "°C" },
                                   .kind = kind_get(SCONCE_SENSOR) };
        struct channels channels = { .items = &channel, .count = 1, .clock = &clock };
        const struct trend_request request = { .span = TREND_DAY };
        CLEANUP_JSON_TEXT struct json_text text = { 0 };

        (void)state;
        assert_int_equal(trend_new(false, &channel.trend), 0);
        for (uint64_t at_us = 398 * 86400 * USEC_PER_SEC; at_us < clock.now_us; at_us += 10 * USEC_PER_SEC)
                trend_number(channel.trend, &clock, at_us, at_us / 10000000 % 2 ? -1.234567e-37 : -1.234568e-37);
        course_write("device", &channels, &request, &text);
        trend_free(channel.trend);
        assert_false(text.failed);
        assert_uint_in_range(text.size, 10000, 16384);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(get_trend__numbers__minimum_mean_maximum_count),
                TEST(get_trend__start__is_wall_time),
                TEST(get_trend__on_or_off__its_share),
                TEST(get_trend__without_a_channel__all_that_have_one),
                TEST(get_trend__of_the_node__a_message_for_each_device),
                TEST(get_trend__value_is_null__is_not_counted),
                TEST(offline__what_is_on__is_not_known),
                TEST(reload__device_changes__its_trend_stays),
                TEST(reload__channel_is_found_at_the_start__its_trend_stays),
                TEST(reload__section_is_wrong_for_a_while__trend_of_a_found_channel_stays),
                TEST(get_trend__wrong__refused_with_its_code),
                TEST(get_trend__too_large_or_deep__refused),
                TEST(get_trend__no_response_topic__refused_on_result),
                cmocka_unit_test(trend_is_request__anything_else__is_none),
                TEST(get_trend__flood__answered_in_turn_and_the_rest_refused),
                TEST(get_trend__many_devices__one_answer_a_turn),
                cmocka_unit_test(course_write__longest_numbers__within_the_bound),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
