/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets an answer to a command, where, and what is never carried out twice or late. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "system/stage.h"

#define SET    "sconce/hall/kitchen/set"
#define RESULT "sconce/hall/kitchen/result"
#define REPLY  "sconce/reply/tester/1"

static int darken(void **state)
{
        (void)state;
        client_send(stage.tester, SET, "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static void plain_command__no_id__has_no_result(void **state)
{
        (void)state;
        client_send(stage.tester, SET, "ON");
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "ON");
        stage_settle();
        assert_int_equal(client_count(stage.tester, RESULT), 0);
}

static void json_command__id__is_answered_with_it(void **state)
{
        (void)state;
        client_send(stage.tester, SET, "{\"state\":\"ON\",\"id\":\"a1\"}");
        stage_wait_result("kitchen", "a1", NULL);
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
}

static void refused_command__no_id__is_answered(void **state)
{
        (void)state;
        client_send(stage.tester, SET, "{\"colour\":1}");
        stage_wait_result("kitchen", NULL, "unknown_key");
}

static void response_topic__below_reply__gets_the_result_and_the_correlation(void **state)
{
        (void)state;
        client_publish(
                stage.tester,
                &(struct request){ .topic = SET, .payload = "ON", .response_topic = REPLY, .correlation = "c-7" });
        const struct message *m = client_wait_json(stage.tester, REPLY, "ok", "true");
        assert_non_null(m->correlation);
        assert_string_equal(m->correlation, "c-7");
        assert_false(m->retain);
        stage_settle();
        assert_int_equal(client_count(stage.tester, RESULT), 0);
}

static void response_topic__refused__gets_the_code_and_the_correlation(void **state)
{
        (void)state;
        client_publish(stage.tester, &(struct request){ .topic = SET,
                                                        .payload = "{\"state\":5}",
                                                        .response_topic = REPLY,
                                                        .correlation = "c-8" });
        const struct message *m = client_wait_json(stage.tester, REPLY, "code", "type");
        assert_non_null(m->correlation);
        assert_string_equal(m->correlation, "c-8");
}

/* A node may write sconce/hall/#, so that only its own good sense keeps it from answering there. */
static void response_topic__anywhere_else__is_not_used(void **state)
{
        static const char *const elsewhere[] = { "sconce/hall/door/state", "sconce/hall/elsewhere", "sconce/reply",
                                                 "sconce/replying/x", "sconce/hall/kitchen/set" };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
                char payload[64], id[16];

                client_forget(stage.tester);
                (void)snprintf(id, sizeof(id), "else-%zu", i);
                (void)snprintf(payload, sizeof(payload), "{\"state\":\"ON\",\"id\":\"%s\"}", id);
                client_publish(stage.tester,
                               &(struct request){ .topic = SET, .payload = payload, .response_topic = elsewhere[i] });
                stage_wait_result("kitchen", id, NULL);
                /* The command itself is heard on its own topic. */
                assert_int_equal(client_count(stage.tester, elsewhere[i]), strcmp(elsewhere[i], SET) == 0);
        }
}

static void same_id_again__is_answered_but_not_carried_out(void **state)
{
        (void)state;
        for (int i = 0; i < 3; i++) {
                client_send(stage.tester, SET, "{\"state\":\"TOGGLE\",\"id\":\"once\"}");
                stage_wait_result("kitchen", "once", NULL);
                assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
        }
        /* Another device may use the same id. */
        client_send(stage.tester, "sconce/hall/porch/set", "{\"state\":\"ON\",\"id\":\"once\"}");
        stage_wait_result("porch", "once", NULL);
        chip_wait(stage.hall->lines, PORCH, 0);
}

static void same_correlation_again__is_answered_but_not_carried_out(void **state)
{
        (void)state;
        for (int i = 0; i < 3; i++) {
                client_publish(stage.tester, &(struct request){ .topic = SET,
                                                                .payload = "TOGGLE",
                                                                .response_topic = REPLY,
                                                                .correlation = "same" });
                (void)client_wait_json(stage.tester, REPLY, "ok", "true");
                assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
        }
}

/* Two senders that both count from 1, and one that uses its number again. */
static void same_correlation__other_asker_or_payload__is_carried_out(void **state)
{
        static const struct {
                const char *reply, *payload;
                int level;
        } commands[] = {
                { REPLY, "ON", 1 },
                { "sconce/reply/other/1", "TOGGLE", 0 },
                { REPLY, "TOGGLE", 1 },
                { REPLY, "OFF", 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                client_publish(stage.tester, &(struct request){ .topic = SET,
                                                                .payload = commands[i].payload,
                                                                .response_topic = commands[i].reply,
                                                                .correlation = "1" });
                chip_wait(stage.hall->lines, KITCHEN, commands[i].level);
        }
}

static const char *seconds_from_now(int seconds, char text[static 32])
{
        time_t at = time(NULL) + seconds;
        struct tm utc;

        (void)strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &utc));
        return text;
}

static void stamped_command__its_time_is_over__is_refused(void **state)
{
        char text[32];

        (void)state;
        client_publish(stage.tester, &(struct request){ .topic = SET,
                                                        .payload = "ON",
                                                        .response_topic = REPLY,
                                                        .expires = seconds_from_now(-2, text) });
        (void)client_wait_json(stage.tester, REPLY, "code", "expired");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
        client_publish(stage.tester, &(struct request){ .topic = SET,
                                                        .payload = "ON",
                                                        .response_topic = REPLY,
                                                        .expires = seconds_from_now(600, text) });
        (void)client_wait_json(stage.tester, REPLY, "ok", "true");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
}

static void live_command_with_retain_flag__is_carried_out(void **state)
{
        (void)state;
        client_publish(stage.tester, &(struct request){ .topic = SET, .payload = "ON", .retain = true });
        chip_wait(stage.hall->lines, KITCHEN, 1);
        client_publish(stage.tester, &(struct request){ .topic = SET, .payload = "", .retain = true });
}

static void retained_command__replayed_at_subscription__is_not_acted_on(void **state)
{
        (void)state;
        client_send(stage.tester, SET, "OFF");
        client_send(stage.tester, "sconce/hall/porch/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        chip_wait(stage.hall->lines, PORCH, 1); /* active_low */
        daemon_stop(stage.hall);
        client_publish(stage.tester, &(struct request){ .topic = SET, .payload = "ON", .retain = true });
        client_publish(stage.tester,
                       &(struct request){ .topic = "sconce/hall/porch/set/state", .payload = "ON", .retain = true });
        client_forget(stage.tester);
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        const char *line = process_wait_log(stage.hall->process, "retained", SOON_MS);
        assert_non_null(strstr(line, "sconce/hall/"));
        stage_settle();
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
        assert_int_equal(chip_value(stage.hall->lines, PORCH), 1);
        client_publish(stage.tester, &(struct request){ .topic = SET, .payload = "", .retain = true });
        client_publish(stage.tester,
                       &(struct request){ .topic = "sconce/hall/porch/set/state", .payload = "", .retain = true });
}

static void command_sent_while_away__is_not_acted_on_later(void **state)
{
        (void)state;
        daemon_stop(stage.hall);
        client_send(stage.tester, SET, "ON");
        client_forget(stage.tester);
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        stage_settle();
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
}

static bool is_code(const struct message *message, const void *userdata)
{
        const char *code = json_member(message, "code");
        return code && strcmp(code, userdata) == 0;
}

/* Refusals are bounded as well, so not every attempt has a result: a get, which is answered when its turn comes,
 * shows that what was sent before it has been dealt with. */
static void command_until_obeyed(int level)
{
        const uint64_t until_us = now_us() + (uint64_t)SOON_MS * 1000;

        while (chip_value(stage.hall->lines, KITCHEN) != level) {
                assert_true(now_us() < until_us);
                client_send(stage.tester, SET, level ? "ON" : "OFF");
                client_send(stage.tester, "sconce/hall/door/get", "");
                (void)client_wait(stage.tester, "sconce/hall/door/state", NULL, NULL);
        }
}

static void burst__beyond_the_rate__is_refused_and_later_obeyed_again(void **state)
{
        (void)state;
        for (int i = 0; i < 400; i++)
                client_send(stage.tester, SET, i % 2 ? "ON" : "OFF");
        (void)client_wait(stage.tester, RESULT, is_code, "rate");
        /* The neighbour is not punished for it. */
        client_send(stage.tester, "sconce/hall/porch/set", "{\"state\":\"OFF\",\"id\":\"neighbour\"}");
        stage_wait_result("porch", "neighbour", NULL);
        /* Obeyed again once the bucket has filled a little. */
        command_until_obeyed(!chip_value(stage.hall->lines, KITCHEN));
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(plain_command__no_id__has_no_result, darken),
        STAGE_TEST(json_command__id__is_answered_with_it, darken),
        STAGE_TEST(refused_command__no_id__is_answered, darken),
        STAGE_TEST(response_topic__below_reply__gets_the_result_and_the_correlation, darken),
        STAGE_TEST(response_topic__refused__gets_the_code_and_the_correlation, darken),
        STAGE_TEST(response_topic__anywhere_else__is_not_used, darken),
        STAGE_TEST(same_id_again__is_answered_but_not_carried_out, darken),
        STAGE_TEST(same_correlation_again__is_answered_but_not_carried_out, darken),
        STAGE_TEST(same_correlation__other_asker_or_payload__is_carried_out, darken),
        STAGE_TEST(stamped_command__its_time_is_over__is_refused, darken),
        STAGE_TEST(live_command_with_retain_flag__is_carried_out, darken),
        STAGE_TEST(retained_command__replayed_at_subscription__is_not_acted_on, darken),
        STAGE_TEST(command_sent_while_away__is_not_acted_on_later, darken),
        STAGE_TEST(burst__beyond_the_rate__is_refused_and_later_obeyed_again, darken),
};

STAGE_MAIN(tests, stage_open)
