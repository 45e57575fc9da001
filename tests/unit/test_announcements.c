/* SPDX-License-Identifier: Apache-2.0 */
/* announcements: where, whether the broker takes them, and when Home Assistant has started. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "announcements.h"
#include "util/log.h"

enum { REFUSED = 0x87 };

static const struct announcements_options usual = { "homeassistant", "homeassistant/status", "online" };

static struct announcements announcements;
static unsigned n_warnings;
static char warning[512];

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)about;
        n_warnings += level == LOG_WARNING;
        (void)snprintf(warning, sizeof(warning), "%s", text);
}

static int setup(void **state)
{
        (void)state;
        n_warnings = 0;
        log_set_sink(on_log, NULL);
        return announcements_init(&announcements, &usual, "hall");
}

static int teardown(void **state)
{
        (void)state;
        announcements_done(&announcements);
        log_set_sink(NULL, NULL);
        return 0;
}

static void announcements_init__no_prefix__nothing_is_announced(void **state)
{
        struct announcements none = { 0 };
        char topic[TOPIC_MAX];

        (void)state;
        assert_int_equal(announcements_init(&none, &(struct announcements_options){ 0 }, "hall"), 0);
        assert_null(announcements_begin(&none));
        assert_false(announcements_may_send(&none));
        assert_int_equal(announcements_topic(&none, "lamp", topic), -ENOTSUP);
        assert_false(announcements_is_birth(&none, &(struct session_message){ .topic = "x", .payload = "" }));
        announcements_done(&none);
}

static void announcements_topic__device__below_the_prefix_and_the_node(void **state)
{
        char topic[TOPIC_MAX], long_id[TOPIC_MAX];

        (void)state;
        assert_int_equal(announcements_topic(&announcements, "lamp", topic), 0);
        assert_string_equal(topic, "homeassistant/device/hall/lamp/config");
        memset(long_id, 'x', sizeof(long_id));
        long_id[sizeof(long_id) - 1] = '\0';
        assert_int_equal(announcements_topic(&announcements, long_id, topic), -ENAMETOOLONG);
}

static void announcements_acknowledged__refused__no_more_in_this_connection_and_logged_once(void **state)
{
        (void)state;
        for (int i = 0; i < 2; i++) {
                assert_string_equal(announcements_begin(&announcements), "homeassistant/status");
                assert_true(announcements_may_send(&announcements));
                announcements_sent(&announcements, 7);
                assert_false(announcements_acknowledged(&announcements, 8, REFUSED));
                assert_true(announcements_may_send(&announcements));
                assert_true(announcements_acknowledged(&announcements, 7, REFUSED));
                assert_false(announcements_acknowledged(&announcements, 7, REFUSED));
                assert_false(announcements_may_send(&announcements));
                announcements_end(&announcements);
        }
        assert_int_equal(n_warnings, 1);
        assert_non_null(
                strstr(warning, "let the node write homeassistant/device/hall/# and read homeassistant/status"));
        assert_non_null(strstr(warning, "[homeassistant] enabled = no"));
}

static bool begin_and_be_closed(void)
{
        bool is_announced = announcements_begin(&announcements);

        if (announcements_may_send(&announcements))
                announcements_sent(&announcements, 3);
        announcements_end(&announcements);
        return is_announced;
}

/* Some brokers say "not permitted" by closing: the node must not come and go for ever because of it. */
static void announcements_end__closed_each_time_before_one_was_taken__no_more(void **state)
{
        (void)state;
        assert_true(begin_and_be_closed());
        assert_true(begin_and_be_closed());
        assert_int_equal(n_warnings, 0);
        assert_true(begin_and_be_closed());
        assert_int_equal(n_warnings, 1);
        assert_false(begin_and_be_closed());
        assert_int_equal(n_warnings, 1);
}

static void announcements_end__one_was_taken_once__goes_on(void **state)
{
        (void)state;
        (void)announcements_begin(&announcements);
        announcements_sent(&announcements, 3);
        assert_true(announcements_acknowledged(&announcements, 3, 0x10));
        for (int i = 0; i < 9; i++)
                assert_true(begin_and_be_closed());
        assert_int_equal(n_warnings, 0);
}

static void announcements_is_birth__topic_and_payload__and_no_replay(void **state)
{
        static const struct {
                const char *topic, *payload;
                bool retain, is;
        } cases[] = {
                { "homeassistant/status", "online", false, true },
                { "homeassistant/status", "online", true, false },
                { "homeassistant/status", "offline", false, false },
                { "homeassistant/status", "online ", false, false },
                { "homeassistant/status", "", false, false },
                { "homeassistant/statu", "online", false, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct session_message message = { .topic = cases[i].topic,
                                                         .payload = cases[i].payload,
                                                         .size = strlen(cases[i].payload),
                                                         .retain = cases[i].retain };
                assert_int_equal(announcements_is_birth(&announcements, &message), cases[i].is);
        }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(announcements_init__no_prefix__nothing_is_announced),
                TEST(announcements_topic__device__below_the_prefix_and_the_node),
                TEST(announcements_acknowledged__refused__no_more_in_this_connection_and_logged_once),
                TEST(announcements_end__closed_each_time_before_one_was_taken__no_more),
                TEST(announcements_end__one_was_taken_once__goes_on),
                TEST(announcements_is_birth__topic_and_payload__and_no_replay),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
