/* SPDX-License-Identifier: Apache-2.0 */
#include "device/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/device.h"

/* The newest answer that went out. */
static struct answer {
        unsigned count;
        char id[32], reply_to[32];
} answer;

static void on_result(void *userdata, const char *device, const struct result *result, const char *id,
                      const struct command_meta *meta)
{
        (void)userdata;
        (void)device;
        (void)result;
        answer.count++;
        (void)snprintf(answer.id, sizeof(answer.id), "%s", id);
        (void)snprintf(answer.reply_to, sizeof(answer.reply_to), "%s", meta && meta->reply_to ? meta->reply_to : "");
}

static struct device_context context;
static struct request due; /* the command that a slow device is at */

static const struct command_meta asked = { .reply_to = "reply/me", .correlation = "data", .correlation_size = 4 };

static int setup(void **state)
{
        (void)state;
        answer = (struct answer){ 0 };
        context = (struct device_context){ .sink = { .result = on_result } };
        memset(&due, 0, sizeof(due));
        due.device = "slow";
        return 0;
}

static void publish(const char *device, enum result_code code, const char *id, const struct command_meta *meta)
{
        const struct result result = { .code = code };

        answers_publish(&context, device, &result, id, meta);
}

static void answers_publish__nobody_asks_and_all_is_well__none(void **state)
{
        (void)state;
        publish("slow", RESULT_OK, "", NULL);
        publish("slow", RESULT_OK, "", &(struct command_meta){ 0 });
        assert_int_equal(answer.count, 0);
        publish("slow", RESULT_BUSY, "", NULL);
        assert_int_equal(answer.count, 1);
        publish("slow", RESULT_OK, "7", NULL);
        assert_int_equal(answer.count, 2);
        assert_string_equal(answer.id, "7");
        publish("slow", RESULT_OK, "", &asked);
        assert_int_equal(answer.count, 3);
        assert_string_equal(answer.reply_to, "reply/me");
}

static void answers_publish__reply_that_is_due_to_another__goes_elsewhere(void **state)
{
        static const struct {
                const char *reply_to, *correlation;
                enum result_code code;
                const char *expected;
        } rows[] = {
                { "reply/me", "data", RESULT_RANGE, "" },
                { "reply/me", "data", RESULT_DUPLICATE, "reply/me" }, /* of the one that is due */
                { "reply/me", "date", RESULT_RANGE, "reply/me" },
                { "reply/me", "dat", RESULT_RANGE, "reply/me" },
                { "reply/me", "", RESULT_RANGE, "reply/me" },
                { "reply/you", "data", RESULT_RANGE, "reply/you" },
        };

        (void)state;
        due.meta = asked;
        answers_add(&context.answers, &due);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct command_meta meta = { .reply_to = rows[i].reply_to,
                                                   .correlation = rows[i].correlation,
                                                   .correlation_size = strlen(rows[i].correlation) };
                publish("other", rows[i].code, "", &meta);
                assert_int_equal(answer.count, i + 1);
                assert_string_equal(answer.reply_to, rows[i].expected);
        }
        publish("slow", RESULT_OK, "", &due.meta); /* its own */
        assert_string_equal(answer.reply_to, "reply/me");
}

static void answers_publish__id_that_is_due_to_another__goes_without(void **state)
{
        (void)state;
        (void)snprintf(due.command.id, sizeof(due.command.id), "1");
        answers_add(&context.answers, &due);
        publish("slow", RESULT_RANGE, "1", NULL);
        assert_string_equal(answer.id, "");
        publish("slow", RESULT_OK, "1", NULL); /* nothing is left to answer */
        assert_int_equal(answer.count, 1);
        publish("slow", RESULT_RANGE, "1", &asked); /* on a topic of its own */
        assert_string_equal(answer.id, "1");
        publish("slow", RESULT_RANGE, "2", NULL);
        assert_string_equal(answer.id, "2");
        publish("other", RESULT_RANGE, "1", NULL);
        assert_string_equal(answer.id, "1");
        publish("slow", RESULT_OK, "1", &due.meta); /* its own */
        assert_string_equal(answer.id, "1");
}

/* `sconce` listens there, too: it does not know whether the node knows response topics. */
static void answers_publish__id_of_one_with_a_reply_due__goes_without(void **state)
{
        (void)state;
        (void)snprintf(due.command.id, sizeof(due.command.id), "1");
        due.meta = asked;
        answers_add(&context.answers, &due);
        publish("slow", RESULT_RANGE, "1", NULL);
        assert_string_equal(answer.id, "");
        publish("slow", RESULT_OK, "1", &due.meta); /* its own */
        assert_string_equal(answer.id, "1");
        assert_string_equal(answer.reply_to, "reply/me");
}

static void answers_remove__it_has_its_answer__no_longer_its_own(void **state)
{
        static struct request other;

        (void)state;
        memset(&other, 0, sizeof(other));
        other.device = "slow";
        due.meta = asked;
        answers_add(&context.answers, &due);
        answers_add(&context.answers, &other);
        answers_remove(&context.answers, &due);
        publish("slow", RESULT_RANGE, "", &asked);
        assert_string_equal(answer.reply_to, "reply/me");
        answers_remove(&context.answers, &due); /* stays out */
        answers_remove(&context.answers, &other);
        assert_null(context.answers.due);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(answers_publish__nobody_asks_and_all_is_well__none),
                TEST(answers_publish__reply_that_is_due_to_another__goes_elsewhere),
                TEST(answers_publish__id_that_is_due_to_another__goes_without),
                TEST(answers_publish__id_of_one_with_a_reply_due__goes_without),
                TEST(answers_remove__it_has_its_answer__no_longer_its_own),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
