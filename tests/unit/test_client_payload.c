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

static const char lamp_channels[] = "{\"state\":{\"kind\":\"light\"},\"brightness\":{\"kind\":\"number\",\"max\":255},"
                                    "\"transition\":{\"kind\":\"duration\"},\"effect\":{\"kind\":\"select\"}}";
static const char cover_channels[] = "{\"position\":{\"kind\":\"number\"},\"cover\":{\"kind\":\"cover\"}}";
static const char button_channels[] = "{\"restart\":{\"kind\":\"button\"},\"level\":{\"kind\":\"number\"},"
                                      "\"fan\":{\"kind\":\"switch\"}}";
static const char pump_channels[] = "{\"state\":{\"kind\":\"switch\"},\"for\":{\"kind\":\"duration\"}}";
static const char heater_channels[] = "{\"temperature\":{\"kind\":\"sensor\"},\"boost\":{\"kind\":\"number\","
                                      "\"command_only\":true},\"measured\":{\"kind\":\"number\",\"writable\":false},"
                                      "\"target\":{\"kind\":\"number\"}}";
static const char meter_channels[] =
        "{\"total\":{\"kind\":\"sensor\",\"writable\":true},\"rate\":{\"kind\":\"sensor\"}}";
static const char door_channels[] =
        "{\"state\":{\"kind\":\"switch\",\"writable\":false},\"hold\":{\"kind\":\"number\"}}";
static const char timer_channels[] = "{\"hold\":{\"kind\":\"duration\"},\"level\":{\"kind\":\"number\"}}";

struct sample {
        const char *words[WORDS_MAX];
        const char *channels; /* NULL: not known */
        const char *id;       /* NULL: no marks */
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
        const struct payload_marks marks = { .id = sample->id };

        for (size_t i = 0; i < count; i++)
                words[i] = strdup(sample->words[i]);
        int r = payload_check(words, count, fault);
        if (r == 0)
                r = payload_make(words, count, channels, sample->id ? &marks : NULL, ret, fault);
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
                { { "restart" }, button_channels, "x", "{\"restart\":\"PRESS\",\"id\":\"x\"}" },
                { { "press" }, button_channels, "x", "{\"restart\":\"press\",\"id\":\"x\"}" },
                { { "toggle" }, button_channels, "x", "{\"fan\":\"TOGGLE\",\"id\":\"x\"}" },
                { { "0" }, button_channels, "x", "{\"level\":0,\"id\":\"x\"}" },
                { { "state=on" }, lamp_channels, "x", "{\"state\":\"ON\",\"id\":\"x\"}" },
        };
        check(samples, ARRAY_SIZE(samples), 0);
}

/* "On for five seconds" is not what somebody meant who sent 5 to a switch. */
static void payload_make__number_with_id__goes_where_the_node_would_take_it(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { { "5" }, pump_channels, "x", "5" },
                { { "1" }, pump_channels, "x", "{\"state\":\"ON\",\"id\":\"x\"}" },
                { { "0.0" }, pump_channels, "x", "{\"state\":\"OFF\",\"id\":\"x\"}" },
                { { "21.5" }, heater_channels, "x", "{\"target\":21.5,\"id\":\"x\"}" },
                { { "1" }, heater_channels, "x", "{\"target\":1,\"id\":\"x\"}" },
                { { "1" }, door_channels, "x", "{\"hold\":1,\"id\":\"x\"}" },
                { { "on" }, door_channels, "x", "on" },
                { { "12" }, meter_channels, "x", "{\"total\":12,\"id\":\"x\"}" },
                { { "5" }, timer_channels, "x", "5" },
                { { "5" }, NULL, "x", "5" },
                { { "007" }, lamp_channels, "x", "007" },
        };
        check(samples, ARRAY_SIZE(samples), 0);
}

static void payload_make__expires__stands_in_the_object(void **state)
{
        static const struct {
                const char *word, *expected;
        } samples[] = {
                { "on", "{\"state\":\"ON\",\"expires\":\"soon\"}" },
                { "{\"expires\":\"later\"}", "{\"expires\":\"later\"}" },
                { "5", "5" },
        };
        json_t *channels = json_loads(pump_channels, 0, NULL);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                char *word = strdup(samples[i].word), *payload = NULL;
                struct fault fault;

                assert_int_equal(payload_make(&word, 1, channels, &(struct payload_marks){ .expires = "soon" },
                                              &payload, &fault),
                                 0);
                assert_string_equal(payload, samples[i].expected);
                free(payload);
                free(word);
        }
        json_decref(channels);
}

static void payload_make__word_of_no_channel__is_the_nodes_to_judge(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { { "open" }, lamp_channels, "x", "open" },
                { { "on" }, NULL, "x", "on" },
                { { "bright" }, lamp_channels, "x", "bright" },
                { { "[1]" }, lamp_channels, "x", "[1]" },
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
                  "the value begins like JSON but is not valid: unexpected token near end of file (character 9)" },
                { { "{\"a\":1,\"a\":2}" },
                  NULL,
                  NULL,
                  "the value begins like JSON but is not valid: duplicate object key near '\"a\"' (character 10)" },
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
                cmocka_unit_test(payload_make__number_with_id__goes_where_the_node_would_take_it),
                cmocka_unit_test(payload_make__expires__stands_in_the_object),
                cmocka_unit_test(payload_make__word_of_no_channel__is_the_nodes_to_judge),
                cmocka_unit_test(payload_make__unfit_words__are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
