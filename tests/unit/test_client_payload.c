/* SPDX-License-Identifier: Apache-2.0 */
/* What `sconce set` makes of the words after the device. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/payload.h"

#define WORDS_MAX 4

static const char lamp_channels[] =
        "{\"state\":{\"kind\":\"light\"},\"brightness\":{\"kind\":\"number\",\"max\":255},"
        "\"transition\":{\"kind\":\"duration\"},\"effect\":{\"kind\":\"select\"}}";
static const char cover_channels[] = "{\"position\":{\"kind\":\"number\"},\"cover\":{\"kind\":\"cover\"}}";
static const char button_channels[] = "{\"restart\":{\"kind\":\"button\"},\"level\":{\"kind\":\"number\"},"
                                      "\"fan\":{\"kind\":\"switch\"}}";

struct sample {
        const char *words[WORDS_MAX];
        const char *channels; /* NULL: not known */
        const char *id;       /* NULL: none, as with MQTT 5 */
        const char *expected; /* the payload, or the reason */
};

static size_t count_words(const struct sample *sample)
{
        size_t count = 0;
        while (count < WORDS_MAX && sample->words[count])
                count++;
        return count;
}

static int make(const struct sample *sample, char **ret, struct fault *fault)
{
        char *words[WORDS_MAX] = { 0 };
        size_t count = count_words(sample);
        json_t *channels = sample->channels ? json_loads(sample->channels, 0, NULL) : NULL;

        for (size_t i = 0; i < count; i++)
                words[i] = strdup(sample->words[i]);
        int r = payload_check(words, count, fault);
        if (r == 0)
                r = payload_make(words, count, channels, sample->id, ret, fault);
        for (size_t i = 0; i < count; i++)
                free(words[i]);
        json_decref(channels);
        return r;
}

static void check(const struct sample *samples, size_t count, int expected)
{
        for (size_t i = 0; i < count; i++) {
                struct fault fault = { 0 };
                char *payload = NULL;
                int r = make(&samples[i], &payload, &fault);
                if (r != expected)
                        print_error("%s: %s\n", samples[i].words[0], fault.text);
                assert_int_equal(r, expected);
                assert_string_equal(r == 0 ? payload : fault.text, samples[i].expected);
                free(payload);
        }
}

static void payload_make__plain_value__is_sent_as_it_is(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { { "on" }, lamp_channels, NULL, "on" },      { { "Toggle" }, NULL, NULL, "Toggle" },
                { { "40" }, lamp_channels, NULL, "40" },      { { "-5" }, NULL, NULL, "-5" },
                { { "two words" }, NULL, NULL, "two words" },
        };
        check(samples, ARRAY_SIZE(samples), 0);
}

static void payload_make__pairs__make_one_typed_object(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { { "state=on", "brightness=64", "transition=2" },
                  lamp_channels,
                  NULL,
                  "{\"state\":\"ON\",\"brightness\":64,\"transition\":2}" },
                { { "state=1" }, lamp_channels, NULL, "{\"state\":\"ON\"}" },
                { { "state=false" }, lamp_channels, NULL, "{\"state\":\"OFF\"}" },
                { { "state=toggle" }, lamp_channels, NULL, "{\"state\":\"TOGGLE\"}" },
                { { "state=bright" }, lamp_channels, NULL, "{\"state\":\"bright\"}" },
                { { "transition=30s" }, lamp_channels, NULL, "{\"transition\":\"30s\"}" },
                { { "effect=7" }, lamp_channels, NULL, "{\"effect\":\"7\"}" },
                { { "effect=" }, lamp_channels, NULL, "{\"effect\":\"\"}" },
                { { "effect=a=b" }, lamp_channels, NULL, "{\"effect\":\"a=b\"}" },
                { { "level=21.3", "mode=true", "name=eco" },
                  NULL,
                  NULL,
                  "{\"level\":21.3,\"mode\":true,\"name\":\"eco\"}" },
                { { "level=007" }, NULL, NULL, "{\"level\":\"007\"}" },
                { { "level=1e3" }, NULL, NULL, "{\"level\":1000.0}" },
                { { "level=99999999999999999999" }, NULL, NULL, "{\"level\":\"99999999999999999999\"}" },
                { { "level=nan" }, NULL, NULL, "{\"level\":\"nan\"}" },
        };
        check(samples, ARRAY_SIZE(samples), 0);
}

static void payload_make__json_object__is_passed_on(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { { "{\"state\": \"ON\"}" }, NULL, NULL, "{\"state\":\"ON\"}" },
                { { "{\"state\":\"ON\",\"id\":7}" }, NULL, "abc", "{\"state\":\"ON\",\"id\":7}" },
                { { "{}" }, NULL, "abc", "{\"id\":\"abc\"}" },
        };
        check(samples, ARRAY_SIZE(samples), 0);
}

static void payload_make__plain_value_with_id__goes_to_its_channel(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { { "On" }, lamp_channels, "x", "{\"state\":\"ON\",\"id\":\"x\"}" },
                { { "1" }, lamp_channels, "x", "{\"state\":\"ON\",\"id\":\"x\"}" },
                { { "40" }, lamp_channels, "x", "{\"brightness\":40,\"id\":\"x\"}" },
                { { "stop" }, cover_channels, "x", "{\"cover\":\"stop\",\"id\":\"x\"}" },
                { { "1" }, cover_channels, "x", "{\"position\":1,\"id\":\"x\"}" },
                { { "press" }, button_channels, "x", "{\"restart\":\"press\",\"id\":\"x\"}" },
                { { "toggle" }, button_channels, "x", "{\"fan\":\"TOGGLE\",\"id\":\"x\"}" },
                { { "0" }, button_channels, "x", "{\"level\":0,\"id\":\"x\"}" },
                { { "state=on" }, lamp_channels, "x", "{\"state\":\"ON\",\"id\":\"x\"}" },
        };
        check(samples, ARRAY_SIZE(samples), 0);
}

static void payload_make__unfit_words__are_refused(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { { "" }, NULL, NULL, "the value is empty" },
                { { " \t" }, NULL, NULL, "the value is empty" },
                { { "on", "off" },
                  NULL,
                  NULL,
                  "\"on\" is not KEY=VALUE: a value is one plain word, or KEY=VALUE words only" },
                { { "state=on", "now" },
                  NULL,
                  NULL,
                  "\"now\" is not KEY=VALUE: a value is one plain word, or KEY=VALUE words only" },
                { { "State=on", "x=1" },
                  NULL,
                  NULL,
                  "\"State=on\" is not KEY=VALUE: a value is one plain word, or KEY=VALUE words only" },
                { { "state=on", "state=off" }, NULL, NULL, "state is given twice" },
                { { "name=\xff" }, NULL, NULL, "name: the value must be UTF-8 text" },
                { { "{\"state\":" },
                  NULL,
                  NULL,
                  "the value begins like JSON but is none: unexpected token near end of file (character 9)" },
                { { "{\"a\":1,\"a\":2}" },
                  NULL,
                  NULL,
                  "the value begins like JSON but is none: duplicate object key near '\"a\"' (character 10)" },
                { { "open" },
                  lamp_channels,
                  "x",
                  "the broker speaks MQTT 3.1.1, where a command must be JSON to be answered, and no channel for \"open\" is "
                  "known: write KEY=VALUE" },
                { { "on" },
                  NULL,
                  "x",
                  "the broker speaks MQTT 3.1.1, where a command must be JSON to be answered, and no channel for \"on\" is "
                  "known: write KEY=VALUE" },
        };
        check(samples, ARRAY_SIZE(samples), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(payload_make__plain_value__is_sent_as_it_is),
                cmocka_unit_test(payload_make__pairs__make_one_typed_object),
                cmocka_unit_test(payload_make__json_object__is_passed_on),
                cmocka_unit_test(payload_make__plain_value_with_id__goes_to_its_channel),
                cmocka_unit_test(payload_make__unfit_words__are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
