/* SPDX-License-Identifier: Apache-2.0 */
/* device/calls: who is answered, what, and what becomes of commands that come twice, too fast, too late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "home/inside.h"
#include "fakes/house.h"
#include "fakes/in_range.h"

#define LAMP "[lamp kitchen]\nline = GPIO17\n"

static const struct command_meta asked = { .reply_to = "sconce/reply/me", .correlation = "c-1", .correlation_size = 3 };

static void set(struct house *house, const char *payload, const struct command_meta *meta)
{
        home_command(house->devices, "kitchen", NULL, payload, strlen(payload), meta);
}

static void device_command__reply_wanted__answered_there(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        set(house, "ON", &asked);
        house_assert_result(house, "kitchen", "{\"ok\":true}");
        assert_string_equal(house->published[house->n_published - 1].reply_to, "sconce/reply/me");
        /* The state came first: who hears the result finds the state reported. */
        assert_int_equal(house->published[house->n_published - 2].topic, DEVICE_STATE);
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
        assert_int_equal(house->n_published, 0);
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
        home_command(house->devices, "hall", NULL, "TOGGLE", 6, &asked);
        assert_int_equal(sim_value(&house->gpio, 18), 1);
}

static void set_as(struct house *house, const char *asker, const char *correlation, const char *payload)
{
        char reply_to[64];
        const struct command_meta meta = { .reply_to = reply_to,
                                           .asker = asker,
                                           .asker_size = strlen(asker),
                                           .correlation = correlation,
                                           .correlation_size = correlation ? strlen(correlation) : 0 };

        (void)snprintf(reply_to, sizeof(reply_to), "sconce/reply/%s/1", asker);
        set(house, payload, &meta);
}

static void device_command__marked_alike__carried_out_unless_all_is_the_same(void **state)
{
        static const struct {
                const char *asker, *correlation, *payload;
                bool carried_out;
        } commands[] = {
                { "me", "1", "TOGGLE", true },
                { "me", "1", "TOGGLE", false },
                { "you", "1", "TOGGLE", true },
                { "me", "1", "toggle", true },
                { "me", "2", "TOGGLE", true },
                { "me", "", "TOGGLE", true },
                { "me", "", "TOGGLE", true },
                { "me", NULL, "TOGGLE", true },
                { "me", NULL, "TOGGLE", true },
                { "me", "1", "{\"state\":\"TOGGLE\",\"id\":1}", true },
                { "me", "2", "{\"state\":\"TOGGLE\",\"id\":1}", false },
                { "you", "2", "{\"state\":\"TOGGLE\",\"id\":1}", true },
                { "you", "3", "{\"state\":\"TOGGLE\",\"id\":1 }", true },
        };
        struct house *house = *state;

        house_apply(house, LAMP);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                int before = sim_value(&house->gpio, 17);
                house_forget(house);
                set_as(house, commands[i].asker, commands[i].correlation, commands[i].payload);
                if ((sim_value(&house->gpio, 17) != before) != commands[i].carried_out)
                        fail_msg("command %zu was %scarried out", i, commands[i].carried_out ? "not " : "");
                assert_non_null(strstr(house_published(house, "kitchen", DEVICE_RESULT), "\"ok\":true"));
        }
}

/* A channel's topic makes another command of the same payload. */
static void device_command__same_id_for_another_channel__carried_out(void **state)
{
        struct house *house = *state;
        const struct command_meta meta = { .correlation = "1", .correlation_size = 1 };

        house_apply(house, LAMP);
        set(house, "TOGGLE", &meta);
        home_command(house->devices, "kitchen", "state", "TOGGLE", 6, &meta);
        assert_int_equal(sim_value(&house->gpio, 17), 0);
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

/* The first refusals are published, and no more than ten a second; the others are counted. */
static void device_command__flood__refusals_are_bounded(void **state)
{
        struct house *house = *state;
        size_t refused = 0;

        house_apply(house, LAMP "rate = 5\n");
        for (unsigned second = 1; second <= 3; second++) {
                for (int i = 0; i < 5; i++)
                        set(house, "TOGGLE", NULL);
                assert_int_equal(house_count(house, "kitchen", DEVICE_RESULT), refused);
                for (int i = 0; i < 100; i++) {
                        set(house, "TOGGLE", NULL);
                        refused += i < 10;
                        assert_int_equal(house_count(house, "kitchen", DEVICE_RESULT), refused);
                }
                assert_int_equal(house->devices->n_unknown + house->devices->context.n_dropped, second * 90);
                house_pass(house, USEC_PER_SEC);
        }
}

/* The rate comes before the payload: nothing of one that comes too fast is read, but a short one's id. */
static void device_command__too_fast__payload_is_not_read(void **state)
{
        struct house *house = *state;
        char large[8192];

        house_apply(house, LAMP "rate = 1\n");
        set(house, "ON", NULL);
        set(house, "{\"sta", NULL);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"rate\",\"message\":\"more than 1 commands a second\"}");
        (void)snprintf(large, sizeof(large), "{\"id\":\"x\",\"note\":\"%06000d\"}", 0);
        set(house, large, NULL);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"rate\",\"message\":\"more than 1 commands a second\"}");
}

/* What costs as much as two commands counts as two. */
static void device_command__large_payloads__use_up_the_rate(void **state)
{
        struct house *house = *state;
        char large[8192];

        house_apply(house, LAMP "rate = 2\n");
        (void)snprintf(large, sizeof(large), "{\"note\":\"%03000d\"}", 0);
        set(house, large, NULL);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"unknown_key\",\"message\":\"unknown key \\\"note\\\"\"}");
        set(house, large, NULL);
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"rate\",\"message\":\"more than 2 commands a second\"}");
        house_pass(house, USEC_PER_SEC);
        set(house, "ON", NULL);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
}

static void device_command__flood__answers_are_bounded(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "rate = 1\n");
        set(house, "ON", NULL);
        house_forget(house);
        for (int i = 0; i < 1000; i++)
                set(house, "TOGGLE", &asked);
        assert_uint_in_range(house_count(house, "kitchen", DEVICE_RESULT), 1, 20);
        house_forget(house);
        for (int i = 0; i < 1000; i++)
                home_command(house->devices, "nobody", NULL, "ON", 2, &asked);
        assert_uint_in_range(house_count(house, "nobody", DEVICE_RESULT), 1, 20);
        house_pass(house, USEC_PER_SEC);
        set(house, "OFF", NULL);
        assert_int_equal(sim_value(&house->gpio, 17), 0);
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

/* "2026-…Z", so many seconds from now on. */
static const char *stamp(const struct house *house, int seconds, char text[static CLOCK_TEXT_MAX])
{
        uint64_t at_us = loop_now_us(&house->gpio.loop) + (uint64_t)((int64_t)seconds * (int64_t)USEC_PER_SEC);

        assert_true(clock_format(house->clock, at_us, text));
        return text;
}

static void device_command__stamped__carried_out_until_then(void **state)
{
        struct house *house = *state;
        char text[CLOCK_TEXT_MAX], payload[128], expected[256];

        house_apply(house, LAMP);
        set(house, "ON", &(struct command_meta){ .expires = stamp(house, 60, text) });
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        set(house, "OFF", &(struct command_meta){ .expires = stamp(house, -1, text) });
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        (void)snprintf(expected, sizeof(expected),
                       "{\"ok\":false,\"code\":\"expired\",\"message\":\"the command came too late: it was "
                       "wanted until %s\"}",
                       text);
        house_assert_result(house, "kitchen", expected);
        (void)snprintf(payload, sizeof(payload), "{\"state\":\"OFF\",\"expires\":\"%s\",\"id\":1}",
                       stamp(house, -1, text));
        set(house, payload, NULL);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
        assert_non_null(strstr(house_published(house, "kitchen", DEVICE_RESULT), "\"id\":1,\"code\":\"expired\""));
        (void)snprintf(payload, sizeof(payload), "{\"state\":\"OFF\",\"expires\":\"%s\"}", stamp(house, 60, text));
        set(house, payload, NULL);
        assert_int_equal(sim_value(&house->gpio, 17), 0);
}

/* The earlier of the two counts: what a broker has held back, and what the sender sets. */
static void device_command__stamped_and_message_expiry__the_earlier_counts(void **state)
{
        struct house *house = *state;
        uint64_t now_us = loop_now_us(&house->gpio.loop);
        char text[CLOCK_TEXT_MAX];

        house_apply(house, LAMP);
        set(house, "ON", &(struct command_meta){ .expires_us = now_us, .expires = stamp(house, 60, text) });
        assert_int_equal(sim_value(&house->gpio, 17), 0);
        set(house, "ON",
            &(struct command_meta){ .expires_us = now_us + USEC_PER_SEC, .expires = stamp(house, -1, text) });
        assert_int_equal(sim_value(&house->gpio, 17), 0);
        set(house, "ON",
            &(struct command_meta){ .expires_us = now_us + USEC_PER_SEC, .expires = stamp(house, 60, text) });
        assert_int_equal(sim_value(&house->gpio, 17), 1);
}

static void device_command__stamp_is_no_time__refused(void **state)
{
        static const char *const payloads[] = { "{\"state\":\"ON\",\"expires\":\"soon\"}",
                                                "{\"state\":\"ON\",\"expires\":1795375805}",
                                                "{\"state\":\"ON\",\"expires\":null}" };
        struct house *house = *state;

        house_apply(house, LAMP);
        set(house, "ON", &(struct command_meta){ .expires = "soon" });
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"type\",\"message\":\"expires: \\\"soon\\\" is not a "
                            "time like 2026-11-22T19:30:05Z\"}");
        for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
                house_forget(house);
                set(house, payloads[i], NULL);
                assert_non_null(strstr(house_published(house, "kitchen", DEVICE_RESULT), "\"code\":\"type\""));
        }
        assert_int_equal(sim_value(&house->gpio, 17), 0);
}

/* Who repeats it because the answer was lost hears what became of it. */
static void device_command__repeated_after_its_time__same_result(void **state)
{
        struct house *house = *state;
        struct command_meta meta = asked;

        house_apply(house, LAMP);
        meta.expires_us = loop_now_us(&house->gpio.loop) + USEC_PER_SEC;
        set(house, "TOGGLE", &meta);
        house_pass(house, 2 * USEC_PER_SEC);
        set(house, "TOGGLE", &meta);
        house_assert_result(house, "kitchen", "{\"ok\":true}");
        assert_int_equal(house_count(house, "kitchen", DEVICE_RESULT), 2);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
}

static void devices_command__unknown_device__answered_where_it_asked(void **state)
{
        struct house *house = *state;
        static const char payload[] = "{\"state\":\"ON\",\"id\":\"x\"}";

        house_apply(house, "");
        house_forget(house);
        home_command(house->devices, "attic", NULL, payload, strlen(payload), &asked);
        house_assert_result(house, "attic",
                            "{\"ok\":false,\"id\":\"x\",\"code\":\"unknown_device\",\"message\":\"there is "
                            "no device \\\"attic\\\"\"}");
        assert_string_equal(house->published[0].reply_to, "sconce/reply/me");
        /* What cannot be a device's name gets no topic. */
        house_forget(house);
        home_command(house->devices, "At tic", NULL, "ON", 2, NULL);
        home_command(house->devices, "", NULL, "ON", 2, NULL);
        assert_int_equal(house->n_published, 0);
        home_get(house->devices, "node");
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE), "\"dropped\":2,"));
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
                TEST(device_command__marked_alike__carried_out_unless_all_is_the_same),
                TEST(device_command__same_id_for_another_channel__carried_out),
                TEST(device_command__refused_before__same_id_is_tried_again),
                TEST(device_command__too_fast__rate),
                TEST(device_command__flood__refusals_are_bounded),
                TEST(device_command__too_fast__payload_is_not_read),
                TEST(device_command__large_payloads__use_up_the_rate),
                TEST(device_command__flood__answers_are_bounded),
                TEST(device_command__too_late__expired),
                TEST(device_command__stamped__carried_out_until_then),
                TEST(device_command__stamped_and_message_expiry__the_earlier_counts),
                TEST(device_command__stamp_is_no_time__refused),
                TEST(device_command__repeated_after_its_time__same_result),
                TEST(devices_command__unknown_device__answered_where_it_asked),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
