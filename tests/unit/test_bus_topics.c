/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "bus/envelope.h"
#include "bus/topics.h"
#include "util/cleanup.h"

static void topic_parse__each_command_topic__is_taken_apart(void **state)
{
        static const struct {
                const char *topic;
                enum topic_kind kind;
                const char *device, *channel;
        } rows[] = {
                { "home/sconce/hall/kitchen/set", TOPIC_SET, "kitchen", NULL },
                { "home/sconce/hall/kitchen/set/brightness", TOPIC_SET, "kitchen", "brightness" },
                { "home/sconce/hall/kitchen/get", TOPIC_GET, "kitchen", NULL },
                { "home/sconce/hall/get", TOPIC_GET, NULL, NULL },
                { "home/sconce/hall/status", TOPIC_STATUS, NULL, NULL },
                { "home/sconce/hall/set/set", TOPIC_SET, "set", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct topic topic;
                assert_int_equal(topic_parse(rows[i].topic, "home/sconce", "hall", &topic), 0);
                assert_int_equal(topic.kind, rows[i].kind);
                if (rows[i].device)
                        assert_string_equal(topic.device, rows[i].device);
                else
                        assert_null(topic.device);
                if (rows[i].channel)
                        assert_string_equal(topic.channel, rows[i].channel);
                else
                        assert_null(topic.channel);
        }
}

static void topic_parse__anything_else__is_refused(void **state)
{
        static const char *const topics[] = {
                "",
                "sconce",
                "sconce/hall",
                "sconce/hall/",
                "sconce/hall2/kitchen/set",
                "sconce/hal/kitchen/set",
                "other/hall/kitchen/set",
                "sconce/hall/kitchen",
                "sconce/hall/kitchen/state",
                "sconce/hall/kitchen/set/",
                "sconce/hall//set",
                "sconce/hall/kitchen/set/a/b",
                "sconce/hall/kitchen/get/a",
                "sconce/hall/set",
                "sconce/hall/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/set",
        };
        struct topic topic;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
                assert_int_equal(topic_parse(topics[i], "sconce", "hall", &topic), -EINVAL);
}

static void topic_build__with_and_without_device__joins_levels(void **state)
{
        char topic[TOPIC_MAX];

        (void)state;
        assert_int_equal(topic_build(topic, "sconce", "hall", "kitchen", "state"), 0);
        assert_string_equal(topic, "sconce/hall/kitchen/state");
        assert_int_equal(topic_build(topic, "sconce", "hall", NULL, "info"), 0);
        assert_string_equal(topic, "sconce/hall/info");
}

static void topic_build__too_long__is_refused(void **state)
{
        char topic[TOPIC_MAX], base[TOPIC_MAX];

        (void)state;
        memset(base, 'b', sizeof(base) - 1);
        base[sizeof(base) - 1] = '\0';
        assert_int_equal(topic_build(topic, base, "hall", NULL, "info"), -ENAMETOOLONG);
}

static void envelope_wrap__content__keeps_its_bytes_and_adds_their_checksum(void **state)
{
        const struct envelope header = {
                .node = "hall", .device = "kitchen", .time = "2026-11-22T19:30:00.123Z", .seq = 7
        };
        const char content[] = "{\"state\":\"ON\"}";
        CLEANUP_FREE char *text = NULL;

        (void)state;
        assert_int_equal(envelope_wrap(&header, content, strlen(content), &text), 0);
        /* printf '{"state":"ON"}' | sha256sum */
        assert_string_equal(text, "{\"header\":{\"node\":\"hall\",\"device\":\"kitchen\",\"time\":\"2026-11-22T19:30:"
                                  "00.123Z\",\"seq\":7},"
                                  "\"content\":{\"state\":\"ON\"},\"footer\":{\"sha256\":"
                                  "\"3b4899a127d1840f5d8b2a99b33b46f2632e7c56ecc8b3a85c90cef3b85a4bf9\"}}");
}

static void envelope_wrap__no_clock__has_a_null_time(void **state)
{
        const struct envelope header = { .node = "hall", .device = "kitchen", .seq = 1 };
        CLEANUP_FREE char *text = NULL;

        (void)state;
        assert_int_equal(envelope_wrap(&header, "{}", 2, &text), 0);
        json_t *json = json_loads(text, 0, NULL);
        bool is_null = json_is_null(json_object_get(json_object_get(json, "header"), "time"));
        json_decref(json);
        assert_true(is_null);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(topic_parse__each_command_topic__is_taken_apart),
                cmocka_unit_test(topic_parse__anything_else__is_refused),
                cmocka_unit_test(topic_build__with_and_without_device__joins_levels),
                cmocka_unit_test(topic_build__too_long__is_refused),
                cmocka_unit_test(envelope_wrap__content__keeps_its_bytes_and_adds_their_checksum),
                cmocka_unit_test(envelope_wrap__no_clock__has_a_null_time),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
