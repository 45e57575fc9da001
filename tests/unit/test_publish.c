/* SPDX-License-Identifier: Apache-2.0 */
/* publish, info: values and times as payloads. */
#include "publish.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "channel/channels.h"
#include "channel/result.h"
#include "info.h"
#include "fakes/channel_rows.h"
#include "fakes/json_taken.h"

/* What the publisher has sent since the last look, "TOPIC DEVICE PAYLOAD" a line. */
static struct json_text sent;
static const struct command_meta *sent_meta;
static struct publisher publisher;
static struct home_sink sink;
static struct loop loop;

static void on_send(struct publisher *of, const char *device, enum device_topic topic, const char *payload, size_t size,
                    const struct command_meta *meta)
{
        static const char *const words[] = { "status", "error", "state", "event", "result" };

        assert_ptr_equal(of, &publisher);
        json_put_raw(&sent, words[topic], strlen(words[topic]));
        json_put_literal(&sent, " ");
        json_put_raw(&sent, device, strlen(device));
        json_put_literal(&sent, " ");
        json_put_raw(&sent, payload, size);
        json_put_literal(&sent, "\n");
        sent_meta = meta;
}

static void assert_sent(const char *expected)
{
        char *is = json_text_take(&sent);

        assert_string_equal(is, expected);
        free(is);
}

#define HOUR_US   (3600 * USEC_PER_SEC)
#define MINUTE_US (60 * USEC_PER_SEC)

/* The same with a time in it, for which `expected` has "@". The wall clock runs: a minute more or less is the same. */
static void assert_sent_at(uint64_t time_us, const char *expected)
{
        static const char head[] = "\"time\":\"";
        char *is = json_text_take(&sent), time[CLOCK_TEXT_MAX] = "";
        char *at = strstr(is, head);
        uint64_t is_us;

        assert_non_null(at);
        at += strlen(head);
        size_t length = strcspn(at, "\"");
        assert_true(length > 1 && length < sizeof(time));
        memcpy(time, at, length);
        assert_int_equal(clock_parse(publisher.clock, time, &is_us), 0);
        assert_true(is_us > time_us - MINUTE_US && is_us < time_us + MINUTE_US);
        *at = '@';
        memmove(at + 1, at + length, strlen(at + length) + 1);
        assert_string_equal(is, expected);
        free(is);
}

static int setup(void **state)
{
        (void)state;
        assert_int_equal(loop_init_fake(&loop), 0);
        loop_advance(&loop, 2 * HOUR_US);
        publisher = (struct publisher){ .send = on_send };
        assert_int_equal(clock_new(&loop, CLOCK_MODE_TRUSTED, &publisher.clock), 0);
        sink = publisher_sink(&publisher);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        clock_free(publisher.clock);
        json_text_done(&publisher.text);
        loop_done(&loop);
        json_text_done(&sent);
        return 0;
}

static void publisher_status__online_and_offline__words(void **state)
{
        (void)state;
        sink.status(sink.userdata, "lamp", true);
        sink.status(sink.userdata, "lamp", false);
        assert_sent("status lamp online\nstatus lamp offline\n");
}

static void publisher_error__fault_and_none__json_and_empty(void **state)
{
        struct fault fault;

        (void)state;
        (void)fault_set(&fault, -EBUSY, "the \"line\" is busy");
        sink.error(sink.userdata, "lamp", &fault, HOUR_US);
        sink.error(sink.userdata, "lamp", NULL, HOUR_US);
        assert_sent_at(HOUR_US,
                       "error lamp {\"time\":\"@\",\"code\":\"ebusy\",\"message\":\"the \\\"line\\\" is busy\"}\n"
                       "error lamp \n");
}

static void publisher_event__no_trusted_clock__time_is_null(void **state)
{
        (void)state;
        clock_free(publisher.clock);
        publisher.clock = NULL;
        sink.event(sink.userdata, "bell", "press", "double", 5);
        assert_sent("event bell {\"time\":null,\"channel\":\"press\",\"event_type\":\"double\"}\n");
}

static void publisher_result__of_a_command__its_meta_goes_along(void **state)
{
        const struct result busy = { RESULT_BUSY, "wait" };
        const struct command_meta meta = { .reply_to = "sconce/reply/me" };

        (void)state;
        sink.result(sink.userdata, "lamp", &busy, "7", &meta);
        assert_sent("result lamp {\"ok\":false,\"id\":7,\"code\":\"busy\",\"message\":\"wait\"}\n");
        assert_ptr_equal(sent_meta, &meta);
}

static void publisher_gone__device__all_that_is_retained_is_cleared(void **state)
{
        (void)state;
        sink.gone(sink.userdata, "lamp");
        assert_sent("status lamp \nerror lamp \nstate lamp \n");
}

static void publisher_state__reported__as_of_its_time(void **state)
{
        struct channels channels = { 0 };
        struct fault fault;
        bool changed;

        (void)state;
        channel_rows_append(&channels);
        assert_int_equal(channels_report(&channels, HOUR_US, &SCONCE_NUM("level", 12.5), 1, &changed, &fault), 0);
        sink.state(sink.userdata, "lamp", &channels);
        channels_done(&channels);
        assert_sent_at(HOUR_US,
                       "state lamp {\"time\":\"@\",\"state\":null,\"level\":12.5,\"temperature\":null,\"mood\":null,"
                       "\"list\":null}\n");
}

static void info_write_channels__rows__what_they_have(void **state)
{
        struct channels channels = { 0 };
        struct json_text text = { 0 };

        (void)state;
        channel_rows_append(&channels);
        info_write_channels(&channels, &text);
        channels_done(&channels);
        char *is = json_text_take(&text);
        assert_string_equal(is,
                            "{\"state\":{\"kind\":\"switch\"},\"level\":{\"kind\":\"number\",\"unit\":\"%\",\"min\":0,"
                            "\"max\":100,\"step\":0.5},\"temperature\":{\"kind\":\"sensor\",\"unit\":\"°C\",\"class\":"
                            "\"temperature\"},\"mood\":{\"kind\":\"select\",\"choices\":[\"calm\",\"bright\"]},"
                            "\"list\":{\"kind\":\"text_list\"},"
                            "\"hold\":{\"kind\":\"duration\",\"command_only\":true},\"press\":{\"kind\":\"event\","
                            "\"choices\":[\"calm\","
                            "\"bright\"]}}");
        free(is);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(publisher_status__online_and_offline__words),
                TEST(publisher_error__fault_and_none__json_and_empty),
                TEST(publisher_event__no_trusted_clock__time_is_null),
                TEST(publisher_result__of_a_command__its_meta_goes_along),
                TEST(publisher_gone__device__all_that_is_retained_is_cleared),
                TEST(publisher_state__reported__as_of_its_time),
                TEST(info_write_channels__rows__what_they_have),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
