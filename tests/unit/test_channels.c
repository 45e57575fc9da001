/* SPDX-License-Identifier: Apache-2.0 */
/* device/channels: what is reported, what is kept, and both as JSON. */
#include "channel/channels.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "publish.h"
#include "fakes/channel_rows.h"
#include "fakes/json_taken.h"

static struct channels channels;
static struct fault fault;
static bool changed;

static int setup(void **state)
{
        (void)state;
        channels = (struct channels){ 0 };
        channel_rows_append(&channels);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        channels_done(&channels);
        return 0;
}

static void assert_state(const char *expected)
{
        struct json_text text = { 0 };

        write_state(&channels, NULL, &text);
        char *is = json_text_take(&text);
        assert_string_equal(is, expected);
        free(is);
}

static void write_state__nothing_reported__null(void **state)
{
        (void)state;
        assert_state("{\"time\":null,\"state\":null,\"level\":null,\"temperature\":null,\"mood\":null,"
                     "\"list\":null}");
}

static void channels_report__several__all_in_order(void **state)
{
        const struct sconce_value values[] = {
                SCONCE_STR("mood", "bright"),
                SCONCE_NUM("temperature", 21.3),
                SCONCE_BOOL("state", true),
                SCONCE_NUM("level", 64),
                SCONCE_STR("list", "one\ntwo \"2\"\n\nfour"),
        };

        (void)state;
        assert_int_equal(channels_report(&channels, 7, values, ARRAY_SIZE(values), &changed, &fault), 0);
        assert_true(changed);
        assert_int_equal(channels.time_us, 7);
        assert_state("{\"time\":null,\"state\":\"ON\",\"level\":64,\"temperature\":21.3,\"mood\":\"bright\","
                     "\"list\":[\"one\",\"two \\\"2\\\"\",\"\",\"four\"]}");
        channels_published(&channels);
        assert_int_equal(channels_report(&channels, 8, values, ARRAY_SIZE(values), &changed, &fault), 0);
        assert_false(changed);
        assert_int_equal(channels_report(&channels, 9, &SCONCE_NONE("level"), 1, &changed, &fault), 0);
        assert_true(changed);
}

static void channels_report__one_is_wrong__none_taken(void **state)
{
        static const struct {
                struct sconce_value value;
                const char *text;
                int code;
        } wrong[] = {
                { { .channel = "nothing", .type = SCONCE_VALUE_BOOL },
                  "the plugin reported \"nothing\", which is no channel with a state",
                  -EINVAL },
                { { .channel = NULL }, "the plugin reported \"\", which is no channel with a state", -EINVAL },
                { { .channel = "hold", .type = SCONCE_VALUE_NUMBER },
                  "the plugin reported \"hold\", which is no channel with a state",
                  -EINVAL },
                { { .channel = "press", .type = SCONCE_VALUE_TEXT, .text = "calm" },
                  "the plugin reported \"press\", which is no channel with a state",
                  -EINVAL },
                { { .channel = "state", .type = SCONCE_VALUE_NUMBER },
                  "the plugin reported \"state\" with the wrong type for a switch",
                  -EINVAL },
                { { .channel = "level", .type = SCONCE_VALUE_NUMBER, .number = NAN },
                  "the plugin reported \"level\" as a number that is not finite",
                  -EINVAL },
                { { .channel = "mood", .type = SCONCE_VALUE_TEXT, .text = NULL },
                  "the plugin reported \"mood\" as text that is not UTF-8",
                  -EILSEQ },
                { { .channel = "mood", .type = SCONCE_VALUE_TEXT, .text = "\xff" },
                  "the plugin reported \"mood\" as text that is not UTF-8",
                  -EILSEQ },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                const struct sconce_value values[] = { SCONCE_BOOL("state", true), wrong[i].value };
                assert_int_equal(channels_report(&channels, 1, values, 2, &changed, &fault), wrong[i].code);
                assert_string_equal(fault.text, wrong[i].text);
        }
        assert_int_equal(channels_find(&channels, "state")->now.type, SCONCE_VALUE_NONE);
}

static void keep_all(void)
{
        for (size_t i = 0; i < channels.count; i++)
                (void)channel_keep(&channels.items[i]);
}

static void channel_keep__written_ones__come_back(void **state)
{
        struct sconce_value value;
        const struct channel *mood;

        (void)state;
        mood = channels_find(&channels, "mood");
        assert_int_equal(channel_kept(mood, &value), -ENODATA);
        assert_int_equal(channels_report(&channels, 1, &SCONCE_STR("mood", "calm"), 1, &changed, &fault), 0);
        assert_int_equal(channels_report(&channels, 1, &SCONCE_NUM("temperature", 5), 1, &changed, &fault), 0);
        keep_all();
        assert_int_equal(channels_report(&channels, 1, &SCONCE_NONE("mood"), 1, &changed, &fault), 0);
        keep_all(); /* what is not known does not take away what was */
        assert_int_equal(channel_kept(mood, &value), 0);
        assert_string_equal(value.text, "calm");
        assert_int_equal(channel_kept(channels_find(&channels, "temperature"), &value), -ENODATA);
}

static void channel_copy_row__texts__owned(void **state)
{
        struct option_store store = { 0 };
        char key[] = "key", name[] = "Name";
        static const char *const moods[] = { "calm", "bright", NULL };
        const struct sconce_channel row = { .key = key, .kind = SCONCE_SELECT, .name = name, .choices = moods };
        struct sconce_channel copy;

        (void)state;
        assert_int_equal(channel_copy_row(&row, &store, &copy), 0);
        memset(key, 'x', 3);
        memset(name, 'x', 4);
        assert_string_equal(copy.key, "key");
        assert_string_equal(copy.name, "Name");
        assert_ptr_not_equal(copy.choices, moods);
        assert_string_equal(copy.choices[1], "bright");
        assert_null(copy.choices[2]);
        assert_null(copy.unit);
        option_store_done(&store);
}

static void channel_restore__of_an_earlier_run__what_still_fits(void **state)
{
        static const struct {
                const char *key, *text;
                bool is_taken;
        } cases[] = {
                { "state", "switch ON", true },        { "state", "switch OFF", true },
                { "state", "light ON", false },        { "state", "switch", false },
                { "state", "switch on", false },       { "state", "", false },
                { "level", "number 99.5", true },      { "level", "number 100.5", false },
                { "level", "number -1", false },       { "level", "number nan", false },
                { "level", "number ", false },         { "level", "number 5 %", false },
                { "mood", "select bright", true },     { "mood", "select gloomy", false },
                { "mood", "select \xff", false },      { "hold", "duration 1e300", true },
                { "temperature", "sensor 20", false },
        };
        struct sconce_value value;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct channel *channel = channels_find(&channels, cases[i].key);
                channel->kept.type = SCONCE_VALUE_NONE;
                channel_restore(channel, cases[i].text);
                if ((channel_kept(channel, &value) == 0) != cases[i].is_taken)
                        fail_msg("%s: \"%s\" is %s", cases[i].key, cases[i].text, cases[i].is_taken ? "lost" : "taken");
        }
}

static void channel_kept_text__each_type__restores_it(void **state)
{
        const struct sconce_value values[] = { SCONCE_BOOL("state", true), SCONCE_NUM("level", 0.1),
                                               SCONCE_STR("mood", "calm") };
        struct sconce_value value;

        (void)state;
        assert_int_equal(channels_report(&channels, 1, values, ARRAY_SIZE(values), &changed, &fault), 0);
        keep_all();
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                struct channel *channel = channels_find(&channels, values[i].channel);
                char *text = channel_kept_text(channel);
                assert_non_null(text);
                channel->kept.type = SCONCE_VALUE_NONE;
                channel_restore(channel, text);
                assert_int_equal(channel_kept(channel, &value), 0);
                free(text);
        }
        assert_int_equal(channel_kept(channels_find(&channels, "level"), &value), 0);
        assert_true(value.number == 0.1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(write_state__nothing_reported__null),
                TEST(channels_report__several__all_in_order),
                TEST(channels_report__one_is_wrong__none_taken),
                TEST(channel_keep__written_ones__come_back),
                TEST(channel_restore__of_an_earlier_run__what_still_fits),
                TEST(channel_kept_text__each_type__restores_it),
                TEST(channel_copy_row__texts__owned),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
