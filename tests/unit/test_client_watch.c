/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of `sconce watch`, and text from outside on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/shown.h"
#include "client/watch.h"

/* 2026-11-22 19:30:00.123 UTC */
static const struct timespec evening = { .tv_sec = 1795375800, .tv_nsec = 123456789 };

static char *line_of(const char *topic, const void *payload, size_t size, bool retain, bool as_json)
{
        const struct session_message message = { .topic = topic, .payload = payload, .size = size, .retain = retain };
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);

        assert_non_null(out);
        assert_int_equal(watch_line(out, &message, &evening, as_json), 0);
        (void)fclose(out);
        return text;
}

static void check_line(const char *payload, size_t size, bool as_json, const char *expected)
{
        char *line = line_of("sconce/hall/door/state", payload, size, false, as_json);
        assert_string_equal(line, expected);
        free(line);
}

static void watch_line__live_message__shows_time_topic_payload(void **state)
{
        (void)state;
        check_line("{\"state\":\"ON\"}", 14, false,
                   "19:30:00.123  sconce/hall/door/state            {\"state\":\"ON\"}\n");
        check_line(NULL, 0, false, "19:30:00.123  sconce/hall/door/state            \n");
}

static void watch_line__retained_message__has_no_time(void **state)
{
        (void)state;
        char *line = line_of("sconce/hall/status", "online", 6, true, false);
        assert_string_equal(line, "retained      sconce/hall/status                online\n");
        free(line);
}

static void watch_line__hostile_payload__stays_on_its_line(void **state)
{
        (void)state;
        check_line("a\nb\x1b]0;x\x07\x00z", 11, false,
                   "19:30:00.123  sconce/hall/door/state            a\\x0ab\\x1b]0;x\\x07\\x00z\n");
}

static void watch_line__as_json__is_one_valid_line(void **state)
{
        (void)state;
#define HEAD "{\"time\":\"2026-11-22T19:30:00.123Z\",\"topic\":\"sconce/hall/door/state\",\"retain\":false,\"payload\":"
        check_line("{\"t\": 21.3}", 11, true, HEAD "{\"t\":21.3}}\n");
        check_line("online", 6, true, HEAD "\"online\"}\n");
        check_line("21.30", 5, true, HEAD "\"21.30\"}\n");
        check_line(NULL, 0, true, HEAD "\"\"}\n");
        check_line("\xff\x1b\"", 3, true, HEAD "\"\xef\xbf\xbd\\u001B\\\"\"}\n");
        check_line("a\0b", 3, true, HEAD "\"a\\u0000b\"}\n");
        /* Same text, fit for a terminal. */
        check_line("\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\xc3\xbc", 12, true,
                   HEAD "\"\\u007F\\u009B\\u202E\\uDB40\\uDC01\xc3\xbc\"}\n");
        check_line("{\"\xe2\x81\xa6\":1}", 9, true, HEAD "{\"\\u2066\":1}}\n");
#undef HEAD
}

static void shown_text__unfit_characters__are_escaped(void **state)
{
        static const struct {
                const char *text, *shown;
        } samples[] = {
                { "", "" },
                { "K\xc3\xbc"
                  "che 21 \xc2\xb0"
                  "C \xf0\x9f\x92\xa1",
                  "K\xc3\xbc"
                  "che 21 \xc2\xb0"
                  "C \xf0\x9f\x92\xa1" },
                { "\x7f", "\\x7f" },
                { "\xc2\x9b"
                  "31m",
                  "\\xc2\\x9b31m" },
                { "\xe2\x80\xae"
                  "abc",
                  "\\xe2\\x80\\xaeabc" },
                { "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
                { "ok\xc3", "ok\\xc3" },
                { "\xc0\x80", "\\xc0\\x80" },
                { "\xff\xffz", "\\xff\\xffz" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                char *shown = shown_text(samples[i].text, strlen(samples[i].text));
                assert_string_equal(shown, samples[i].shown);
                free(shown);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(watch_line__live_message__shows_time_topic_payload),
                cmocka_unit_test(watch_line__retained_message__has_no_time),
                cmocka_unit_test(watch_line__hostile_payload__stays_on_its_line),
                cmocka_unit_test(watch_line__as_json__is_one_valid_line),
                cmocka_unit_test(shown_text__unfit_characters__are_escaped),
        };
        (void)setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
