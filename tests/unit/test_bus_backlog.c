/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/backlog.h"

static void add(struct backlog *backlog, char *topic, char *payload, const char *response_topic)
{
        struct properties_owned owned = { .response_topic = response_topic ? strdup(response_topic) : NULL };
        const struct mosquitto_message in = {
                .topic = topic,
                .payload = payload,
                .payloadlen = payload ? (int)strlen(payload) : 0,
                .qos = 1,
        };
        const struct session_message message = {
                .topic = in.topic,
                .payload = payload ? payload : "",
                .size = (size_t)in.payloadlen,
                .qos = 1,
                .response_topic = owned.response_topic,
        };

        assert_int_equal(backlog_add(backlog, &message, &in, &owned), 0);
        assert_null(owned.response_topic);
}

static void backlog_take__texts_that_are_gone__in_order_and_whole(void **state)
{
        struct backlog backlog = { 0 };
        char topic[] = "t/1", payload[] = "one";

        (void)state;
        assert_true(backlog_is_empty(&backlog));
        add(&backlog, topic, payload, "sconce/reply/a");
        memset(topic, 'x', sizeof(topic) - 1);
        memset(payload, 'x', sizeof(payload) - 1);
        add(&backlog, topic, NULL, NULL);

        struct backlog_message *first = backlog_take(&backlog), *second = backlog_take(&backlog);
        assert_string_equal(first->message.topic, "t/1");
        assert_memory_equal(first->message.payload, "one", 3);
        assert_int_equal(first->message.size, 3);
        assert_int_equal(first->message.qos, 1);
        assert_string_equal(first->message.response_topic, "sconce/reply/a");
        assert_string_equal(second->message.topic, "xxx");
        assert_string_equal(second->message.payload, "");
        assert_true(backlog_is_empty(&backlog));
        assert_null(backlog_take(&backlog));
        backlog_message_free(first);
        backlog_message_free(second);
}

static void backlog_done__taken_and_added_again__is_empty(void **state)
{
        struct backlog backlog = { 0 };
        char topic[] = "t";

        (void)state;
        add(&backlog, topic, NULL, "a");
        backlog_message_free(backlog_take(&backlog));
        add(&backlog, topic, topic, "b");
        add(&backlog, topic, topic, "c");
        backlog_done(&backlog);
        assert_true(backlog_is_empty(&backlog));
        backlog_done(&backlog);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(backlog_take__texts_that_are_gone__in_order_and_whole),
                cmocka_unit_test(backlog_done__taken_and_added_again__is_empty),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
