/* SPDX-License-Identifier: Apache-2.0 */
/* device/commands: every form of a command, and every way to refuse one. */
#include "channel/command.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const moods[] = { "calm", "bright", NULL };
static const char *const modes[] = { "off", "heat", "Heat", "COOL", NULL };
static const char *const presses[] = { "single", NULL };

static const struct sconce_channel lamp[] = {
        { .key = "state", .kind = SCONCE_LIGHT },
        { .key = NULL },
};
static const struct sconce_channel dimmer[] = {
        { .key = "state", .kind = SCONCE_LIGHT },
        { .key = "brightness", .kind = SCONCE_NUMBER, .min = 0, .max = 255 },
        { .key = "transition", .kind = SCONCE_DURATION, .max = 60, .flags = SCONCE_COMMAND_ONLY },
        { .key = NULL },
};
static const struct sconce_channel cover[] = {
        { .key = "position", .kind = SCONCE_NUMBER, .min = 0, .max = 100 },
        { .key = "state", .kind = SCONCE_COVER },
        { .key = NULL },
};
static const struct sconce_channel contact[] = {
        { .key = "state", .kind = SCONCE_BINARY_SENSOR },
        { .key = "press", .kind = SCONCE_EVENT, .choices = presses },
        { .key = NULL },
};
static const struct sconce_channel panel[] = {
        { .key = "mood", .kind = SCONCE_SELECT, .choices = moods },
        { .key = "note", .kind = SCONCE_TEXT, .flags = SCONCE_WRITABLE },
        { .key = "total", .kind = SCONCE_SENSOR, .flags = SCONCE_WRITABLE | SCONCE_TOTAL },
        { .key = "ring", .kind = SCONCE_BUTTON },
        { .key = "fixed", .kind = SCONCE_NUMBER, .flags = SCONCE_READ_ONLY },
        { .key = NULL },
};

static const struct sconce_channel plug[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "for", .kind = SCONCE_DURATION, .min = 0.01, .max = 100, .flags = SCONCE_COMMAND_ONLY },
        { .key = NULL },
};
/* As the lamp plugin has it. */
static const struct sconce_channel bright[] = {
        { .key = "state", .kind = SCONCE_LIGHT },
        { .key = "brightness", .kind = SCONCE_NUMBER, .min = 1, .max = 255 },
        { .key = "transition", .kind = SCONCE_DURATION, .max = 60, .flags = SCONCE_COMMAND_ONLY },
        { .key = NULL },
};
/* Its number comes first. */
static const struct sconce_channel fan[] = {
        { .key = "speed", .kind = SCONCE_NUMBER, .min = 0, .max = 9 },
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = NULL },
};
/* Its brightness is a word. */
static const struct sconce_channel lantern[] = {
        { .key = "state", .kind = SCONCE_LIGHT },
        { .key = "brightness", .kind = SCONCE_TEXT, .flags = SCONCE_WRITABLE },
        { .key = NULL },
};
static const struct sconce_channel heater[] = {
        { .key = "mode", .kind = SCONCE_SELECT, .choices = modes },
        { .key = "target", .kind = SCONCE_NUMBER, .min = 5, .max = 30 },
        { .key = "pause", .kind = SCONCE_DURATION, .max = 3600 },
        { .key = "brightness", .kind = SCONCE_NUMBER, .min = 1, .max = 9 },
        { .key = NULL },
};

static const struct command_limits limits = { .max_bytes = 200, .max_depth = 3 };

/* As the answer has it. */
static const char *code_of(const struct result *refusal, char code[static 32])
{
        struct json_text text = { 0 };

        result_write(refusal, "", &text);
        json_t *answer = json_loadb(text.data, text.size, 0, NULL);
        assert_non_null(answer);
        (void)snprintf(code, 32, "%s", json_string_value(json_object_get(answer, "code")));
        json_decref(answer);
        json_text_done(&text);
        return code;
}

static struct channels make(const struct sconce_channel *rows)
{
        struct channels channels = { 0 };

        for (; rows->key; rows++)
                assert_int_equal(channels_append(&channels, rows), 0);
        return channels;
}

/* What a command holds, as text: "state=on brightness=64 id=\"x\"", or "CODE: message", or "nothing". */
static void render(const struct sconce_channel *rows, const char *channel, const char *payload, size_t size,
                   char text[static 1024])
{
        struct channels channels = make(rows);
        struct command command;
        struct result result;
        char number[JSON_NUMBER_MAX], code[32];
        size_t used = 0;

        int r = command_parse(&channels, channel, payload, size, &limits, &command, &result);
        text[0] = '\0';
        if (r == 1)
                (void)snprintf(text, 1024, "nothing");
        if (r < 0)
                (void)snprintf(text, 1024, "%s: %s%s%s", code_of(&result, code), result.message,
                               command.id[0] ? " id=" : "", command.id);
        for (size_t i = 0; r == 0 && i < command.count; i++) {
                const struct sconce_value *value = &command.values[i];
                json_number_text(value->number, number);
                used += (size_t)snprintf(text + used, 1024 - used, "%s%s=%s", i ? " " : "", value->channel,
                                         value->type == SCONCE_VALUE_TEXT     ? value->text
                                         : value->type == SCONCE_VALUE_NUMBER ? number
                                         : command.toggles & (1U << i)        ? "toggle"
                                         : value->on                          ? "on"
                                                                              : "off");
        }
        if (r == 0 && command.id[0])
                (void)snprintf(text + used, 1024 - used, " id=%s", command.id);
        command_done(&command);
        channels_done(&channels);
}

struct form {
        const struct sconce_channel *rows;
        const char *channel, *payload, *expected;
};

static void assert_forms(const struct form *forms, size_t count)
{
        char text[1024];

        for (size_t i = 0; i < count; i++) {
                render(forms[i].rows, forms[i].channel, forms[i].payload, strlen(forms[i].payload), text);
                if (strcmp(text, forms[i].expected) != 0)
                        fail_msg("%s: \"%s\", expected \"%s\"", forms[i].payload, text, forms[i].expected);
        }
}

static void command_parse__empty_without_memory__is_ignored(void **state)
{
        char text[1024];

        (void)state;
        render(lamp, NULL, NULL, 0, text);
        assert_string_equal(text, "nothing");
}

static void command_parse__plain__finds_its_channel(void **state)
{
        static const struct form forms[] = {
                { lamp, NULL, "ON", "state=on" },
                { lamp, NULL, "off", "state=off" },
                { lamp, NULL, " Toggle\r\n", "state=toggle" },
                { lamp, NULL, "1", "state=on" },
                { lamp, NULL, "0", "state=off" },
                { lamp, NULL, "true", "state=on" },
                { lamp, NULL, "False", "state=off" },
                { lamp, NULL, "\"ON\"", "state=on" },
                { lamp, NULL, "", "nothing" },
                { lamp, NULL, " \t\n", "nothing" },
                { dimmer, NULL, "64", "brightness=64" },
                { dimmer, NULL, "1", "state=on" },
                { dimmer, NULL, "0.5", "brightness=0.5" },
                { dimmer, NULL, "\"64\"", "brightness=64" },
                { cover, NULL, "open", "state=OPEN" },
                { cover, NULL, "CLOSE", "state=CLOSE" },
                { cover, NULL, "Stop", "state=STOP" },
                { cover, NULL, "1", "position=1" },
                { fan, NULL, "1", "speed=1" },
                { fan, NULL, "OFF", "state=off" },
                { cover, NULL, "55", "position=55" },
                { panel, NULL, "press", "ring=on" },
                { panel, NULL, "12.5", "total=12.5" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

static void command_parse__plain_that_does_not_fit__refused(void **state)
{
        static const char no_word[] = "is no command: send a word like ON, a number, or a JSON object";
        static const struct form forms[] = {
                { lamp, NULL, "128", "type: this device takes no number" },
                { lamp, NULL, "OPEN", "type: this device cannot be opened or closed" },
                { lamp, NULL, "PRESS", "type: this device cannot be pressed" },
                { cover, NULL, "ON", "type: this device cannot be switched on or off" },
                { cover, NULL, "true", "type: this device cannot be switched on or off" },
                { contact, NULL, "ON", "read_only: this device can only be read" },
                { contact, NULL, "{\"state\":\"ON\"}", "read_only: state can only be read" },
                { contact, "press", "single", "read_only: press can only be read" },
                { dimmer, NULL, "256", "range: brightness: 256 is out of range: 0 to 255 is allowed" },
                { dimmer, NULL, "-1", "range: brightness: -1 is out of range: 0 to 255 is allowed" },
                { panel, "fixed", "1", "read_only: fixed can only be read" },
                { lamp, NULL, "togle",
                  "malformed: \"togle\" is no command: send a word like ON, a number, or a JSON object; did you "
                  "mean TOGGLE" },
                { cover, NULL, "opn",
                  "malformed: \"opn\" is no command: send a word like ON, a number, or a JSON object; did you "
                  "mean OPEN" },
        };
        char text[1024], expected[1024];

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
        static const char *const odd[] = { "hello", "ON OFF", "0x10", "nan", "1e999", "+1", "null" };
        for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
                render(lamp, NULL, odd[i], strlen(odd[i]), text);
                (void)snprintf(expected, sizeof(expected), "malformed: \"%s\" %s", odd[i], no_word);
                assert_string_equal(text, expected);
        }
}

/* One value in every way that it can be written: all are taken, as the same, or refused with the same code. */
struct spelling {
        const struct sconce_channel *rows;
        const char *channel, *value;
        const char *expected; /* up to its code, where refused */
        bool is_literal;      /* of JSON */
};

static void assert_begins(const char *text, const struct spelling *spelling, const char *payload)
{
        if (strncmp(text, spelling->expected, strlen(spelling->expected)) != 0)
                fail_msg("%s for %s: \"%s\", expected \"%s\"", payload, spelling->channel, text, spelling->expected);
}

static void assert_all_ways(const struct spelling *spelling)
{
        static const struct {
                const char *before, *after; /* the value */
                bool in_object, as_literal;
        } ways[] = {
                { "", "", false, false },     { " ", "\r\n", false, false }, { "\"", "\"", false, false },
                { "\"", "\"}", true, false }, { "", "}", true, true },
        };
        char payload[256], text[1024];

        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
                if (ways[i].as_literal && !spelling->is_literal)
                        continue;
                (void)snprintf(payload, sizeof(payload), "%s%s%s%s%s%s", ways[i].in_object ? "{\"" : "",
                               ways[i].in_object ? spelling->channel : "", ways[i].in_object ? "\":" : "",
                               ways[i].before, spelling->value, ways[i].after);
                render(spelling->rows, ways[i].in_object ? NULL : spelling->channel, payload, strlen(payload), text);
                assert_begins(text, spelling, payload);
        }
}

static void command_parse__any_kind_written_any_way__taken_or_refused_alike(void **state)
{
        static const struct spelling spellings[] = {
                { lamp, "state", "ON", "state=on", false },
                { lamp, "state", "off", "state=off", false },
                { lamp, "state", "Toggle", "state=toggle", false },
                { lamp, "state", "1", "state=on", true },
                { lamp, "state", "0", "state=off", true },
                { lamp, "state", "1.0", "state=on", true },
                { lamp, "state", "true", "state=on", true },
                { lamp, "state", "False", "state=off", false },
                { lamp, "state", "2", "type: ", true },
                { lamp, "state", "null", "type: ", true },
                { lamp, "state", "UP", "type: ", false },
                { plug, "state", "on", "state=on", false },
                { plug, "state", "1", "state=on", true },
                { plug, "for", "5", "for=5", true },
                { plug, "for", "2.5", "for=2.5", true },
                { plug, "for", "500ms", "for=0.5", false },
                { plug, "for", "101", "range: ", true },
                { plug, "for", "-1", "range: ", true },
                { plug, "for", "soon", "type: ", false },
                { plug, "for", "true", "type: ", true },
                { bright, "brightness", "128", "brightness=128", true },
                { bright, "brightness", "1.5", "brightness=1.5", true },
                { bright, "brightness", "1e2", "brightness=100", true },
                { bright, "brightness", "256", "range: ", true },
                { bright, "brightness", "0.5", "range: ", true },
                { bright, "brightness", "-1", "range: ", true },
                { bright, "brightness", "0", "state=off", true },
                { bright, "brightness", "0.0", "state=off", true },
                { bright, "brightness", "-0", "state=off", true },
                { bright, "brightness", "0x80", "type: ", false },
                { bright, "brightness", "ON", "type: ", false },
                { bright, "brightness", "true", "type: ", true },
                { bright, "brightness", "null", "type: ", true },
                { dimmer, "brightness", "0", "state=off", true },
                { heater, "brightness", "0", "range: ", true }, /* of no light */
                { heater, "mode", "heat", "mode=heat", false },
                { heater, "mode", "Heat", "mode=Heat", false },
                { heater, "mode", "HEAT", "mode=heat", false },
                { heater, "mode", "cool", "mode=COOL", false },
                { heater, "mode", "Off", "mode=off", false },
                { heater, "mode", "warm", "range: ", false },
                { heater, "target", "21.5", "target=21.5", true },
                { heater, "target", "0", "range: ", true },
                { heater, "pause", "10m", "pause=600", false },
                { heater, "pause", "60", "pause=60", true },
                { lantern, "brightness", "0", "brightness=0", false },
                { cover, "state", "PRESS", "type: ", false },
                { cover, "state", "open", "state=OPEN", false },
                { cover, "state", "UP", "state=OPEN", false },
                { cover, "state", "Close", "state=CLOSE", false },
                { cover, "state", "down", "state=CLOSE", false },
                { cover, "state", "STOP", "state=STOP", false },
                { cover, "state", "1", "type: ", true },
                { cover, "state", "opening", "type: ", false },
                { cover, "position", "0", "position=0", true },
                { cover, "position", "55", "position=55", true },
                { cover, "position", "UP", "type: ", false },
                { panel, "ring", "press", "ring=on", false },
                { panel, "ring", "1", "type: ", true },
                { panel, "total", "12.5", "total=12.5", true },
                { panel, "note", "any Words", "note=any Words", false },
                { panel, "note", "17", "note=17", false },
                { panel, "fixed", "1", "read_only: ", true },
                { contact, "state", "ON", "read_only: ", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
                assert_all_ways(&spellings[i]);
}

/* A NUL byte is one wherever it stands: no sender is informed that half of its payload was a command. */
static void command_parse__nul_byte__malformed_everywhere(void **state)
{
        static const struct {
                const char *channel, *payload;
                size_t size;
        } payloads[] = {
                { NULL, "ON\0", 3 },
                { "state", "ON\0", 3 },
                { NULL, "\"ON\"\0", 5 },
                { "state", "\"ON\0\"", 5 },
                { NULL, "\0ON", 3 },
                { NULL, "{\"state\":\"ON\"}\0", 15 },
                { NULL, "64\0", 3 },
                { "brightness", "64\0", 3 },
                { NULL, "\0", 1 },
                { NULL, "{\"state\":\"ON\\u0000\"}", 20 },
                { NULL, "\"ON\\u0000\"", 10 },
                { "state", "\"ON\\u0000\"", 10 },
        };
        char text[1024];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
                render(bright, payloads[i].channel, payloads[i].payload, payloads[i].size, text);
                if (strncmp(text, "malformed: ", 11) != 0)
                        fail_msg("%zu: %s", i, text);
        }
}

static void command_parse__brightness_0__off(void **state)
{
        static const struct form forms[] = {
                { bright, NULL, "0", "state=off" },
                { bright, NULL, "\"0\"", "state=off" },
                { bright, NULL, "{\"state\":\"OFF\",\"brightness\":0}", "state=off" },
                { bright, NULL, "{\"brightness\":0,\"state\":\"OFF\"}", "state=off" },
                { bright, NULL, "{\"brightness\":0,\"transition\":2,\"id\":1}", "transition=2 state=off id=1" },
                { bright, NULL, "{\"state\":\"ON\",\"brightness\":0}",
                  "range: brightness: 0 means OFF, and state asks for something else" },
                { bright, NULL, "{\"brightness\":0,\"state\":\"TOGGLE\",\"id\":2}",
                  "range: brightness: 0 means OFF, and state asks for something else id=2" },
                { lamp, "brightness", "0", "unknown_channel: there is no channel \"brightness\"" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

/* The number of a command that takes no number must not become a time. */
static void command_parse__number_for_what_takes_none__type(void **state)
{
        static const struct form forms[] = {
                { plug, NULL, "5", "type: this device takes no number" },
                { plug, NULL, "\"5\"", "type: this device takes no number" },
                { plug, NULL, "0.5", "type: this device takes no number" },
                { plug, NULL, "1", "state=on" },
                { plug, NULL, "0", "state=off" },
                { heater, NULL, "21", "target=21" },
                { cover, NULL, "\"55\"", "position=55" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

static void command_parse__cover_words__as_other_senders_have_them(void **state)
{
        static const struct form forms[] = {
                { cover, NULL, "UP", "state=OPEN" },
                { cover, NULL, "down", "state=CLOSE" },
                { cover, NULL, "\"Up\"", "state=OPEN" },
                { lamp, NULL, "UP", "type: this device cannot be opened or closed" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

static void command_parse__one_channel__its_value(void **state)
{
        static const struct form forms[] = {
                { dimmer, "brightness", "12", "brightness=12" },
                { dimmer, "brightness", " 12 ", "brightness=12" },
                { dimmer, "state", "TOGGLE", "state=toggle" },
                { dimmer, "state", "1", "state=on" },
                { dimmer, "transition", "1.5", "transition=1.5" },
                { dimmer, "transition", "1.5s", "transition=1.5" },
                { dimmer, "transition", "500ms", "transition=0.5" },
                { panel, "mood", "calm", "mood=calm" },
                { panel, "note", "anything at all", "note=anything at all" },
                { panel, "note", "\"in quotes\"", "note=in quotes" },
                { panel, "note", "17", "note=17" },
                { panel, "ring", "PRESS", "ring=on" },
                { panel, "note", "", "nothing" },
                { dimmer, "brightness", "x", "type: brightness: \"x\" is not a number" },
                { dimmer, "brightness", "ON", "type: brightness: \"ON\" is not a number" },
                { dimmer, "brightness", "{\"brightness\":1}", "type: brightness takes a number" },
                { dimmer, "brightness", "[1]", "type: brightness takes a number" },
                { dimmer, "state", "2", "type: state: \"2\" is not ON, OFF or TOGGLE" },
                { dimmer, "transition", "soon",
                  "type: transition: \"soon\" is not a time in seconds, or one like \"30s\"" },
                { dimmer, "transition", "-1", "range: transition: a time cannot be negative" },
                { dimmer, "transition", "2m", "range: transition: 120 is out of range: 0 to 60 is allowed" },
                { dimmer, "brigthness", "1",
                  "unknown_channel: there is no channel \"brigthness\"; did you mean brightness" },
                { dimmer, "xyz", "1", "unknown_channel: there is no channel \"xyz\"" },
                { panel, "mood", "angry", "range: mood: \"angry\" is not one of: calm, bright" },
                { panel, "ring", "ON", "type: ring: \"ON\" is not PRESS" },
                { cover, "state", "ON", "type: state: \"ON\" is not OPEN, CLOSE or STOP" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

static void command_parse__json__all_keys(void **state)
{
        static const struct form forms[] = {
                { dimmer, NULL, "{\"state\":\"ON\",\"brightness\":64,\"transition\":2,\"id\":\"a1\"}",
                  "state=on brightness=64 transition=2 id=\"a1\"" },
                { dimmer, NULL, " {\"brightness\":64} ", "brightness=64" },
                { lamp, NULL, "{\"state\":true}", "state=on" },
                { lamp, NULL, "{\"state\":0}", "state=off" },
                { lamp, NULL, "{\"state\":\"toggle\"}", "state=toggle" },
                { lamp, NULL, "{\"id\":7,\"state\":\"OFF\"}", "state=off id=7" },
                { lamp, NULL, "{\"id\":1.5,\"state\":\"OFF\"}", "state=off id=1.5" },
                { lamp, NULL, "{\"id\":\"\\u00e9\\\"\",\"state\":\"OFF\"}", "state=off id=\"é\\\"\"" },
                { panel, NULL, "{\"ring\":\"PRESS\",\"mood\":\"bright\"}", "ring=on mood=bright" },
                { dimmer, NULL, "{\"transition\":\"30s\",\"state\":\"ON\"}", "transition=30 state=on" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

static void command_parse__bad_json__refused_whole(void **state)
{
        static const struct form forms[] = {
                { dimmer, NULL, "{\"state\":\"ON\",\"brightness\":300,\"id\":\"q\"}",
                  "range: brightness: 300 is out of range: 0 to 255 is allowed id=\"q\"" },
                { dimmer, NULL, "{\"state\":\"ON\",\"brightnes\":3}",
                  "unknown_key: unknown key \"brightnes\"; did you mean brightness" },
                { dimmer, NULL, "{\"state\":\"ON\",\"colour\":3,\"id\":9}",
                  "unknown_key: unknown key \"colour\" id=9" },
                { dimmer, NULL, "{\"brightness\":\"x64\"}", "type: brightness: \"x64\" is not a number" },
                { dimmer, NULL, "{\"state\":5}", "type: state takes ON, OFF or TOGGLE" },
                { dimmer, NULL, "{\"state\":null}", "type: state takes ON, OFF or TOGGLE" },
                { dimmer, NULL, "{\"state\":\"MAYBE\"}", "type: state: \"MAYBE\" is not ON, OFF or TOGGLE" },
                { dimmer, NULL, "{}", "malformed: the object names nothing to do" },
                { dimmer, NULL, "{\"id\":\"x\"}", "malformed: the object names nothing to do id=\"x\"" },
                { dimmer, NULL, "{\"id\":[],\"state\":\"ON\"}", "type: id takes a text or a number" },
                { dimmer, NULL, "[1,2]", "type: a command is a word, a number or a JSON object" },
                { panel, NULL, "{\"fixed\":1}", "read_only: fixed can only be read" },
                { panel, NULL, "{\"note\":1}", "type: note takes a text" },
                { panel, NULL, "{\"mood\":1}", "type: mood takes one of its choices as a text" },
                { lamp, NULL, "{\"a\":{\"b\":{\"c\":{}}}}", "depth: nested too deep; at most 3 levels are allowed" },
                { lamp, NULL, "[[[[[[[[[[[[[[[[[[[[[[", "depth: nested too deep; at most 3 levels are allowed" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

static void command_parse__not_json__malformed(void **state)
{
        static const char *const bad[] = {
                "{\"state\":\"ON\"",
                "{state:ON}",
                "{\"state\":\"ON\"} x",
                "{\"state\":\"ON\",}",
                "{\"state\":\"ON\",\"state\":\"OFF\"}",
                "{\"state\":\"\\u0000\"}",
                "\"ON",
                "{\"a\":1e999}",
        };
        char text[1024];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                render(lamp, NULL, bad[i], strlen(bad[i]), text);
                if (strncmp(text, "malformed: not JSON: ", 21) != 0)
                        fail_msg("%s: %s", bad[i], text);
        }
}

static unsigned allocations_left;

static void *fail_one(size_t size)
{
        return allocations_left > 0 && --allocations_left == 0 ? NULL : malloc(size);
}

static void command_parse__json_without_memory__failed(void **state)
{
        static const char text[] = "{\"state\":\"ON\"}";
        struct channels channels = make(lamp);
        struct command command;
        struct result result;
        unsigned failed = 0;
        int r = -1;

        (void)state;
        for (unsigned n = 1; r < 0; n++) {
                allocations_left = n;
                json_set_alloc_funcs(fail_one, free);
                r = command_parse(&channels, NULL, text, strlen(text), &limits, &command, &result);
                json_set_alloc_funcs(malloc, free);
                command_done(&command);
                if (r == 0)
                        continue;
                assert_int_equal(r, -EINVAL);
                assert_int_equal(command.count, 0);
                failed += result.code == RESULT_FAILED && strcmp(result.message, "out of memory") == 0;
        }
        assert_true(failed > 3); /* the others Jansson takes for texts that are no JSON */
        channels_done(&channels);
}

/* By its text alone it would be the sender's fault. */
static void command_refuse_json__no_memory_in_words__failed(void **state)
{
        json_error_t error = { .text = "no room for it" };
        struct result result;

        (void)state;
        error.text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory; /* where json_error_code() looks */
        assert_int_equal(command_refuse_json(&error, &result), -EINVAL);
        assert_int_equal(result.code, RESULT_FAILED);
        error.text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_invalid_syntax;
        assert_int_equal(command_refuse_json(&error, &result), -EINVAL);
        assert_int_equal(result.code, RESULT_MALFORMED);
}

static void command_parse__bytes__checked_before_anything(void **state)
{
        char text[1024], large[300];

        (void)state;
        memset(large, 'x', sizeof(large));
        render(lamp, NULL, large, sizeof(large), text);
        assert_string_equal(text, "too_large: 300 bytes are too many; at most 200 are allowed");
        render(lamp, NULL, "ON\0", 3, text);
        assert_string_equal(text, "malformed: not UTF-8 text: it has a NUL byte in it");
        render(lamp, NULL, "ON\xff", 3, text);
        assert_string_equal(text, "malformed: not UTF-8 text");
        render(panel, "note", "\xc3(", 2, text);
        assert_string_equal(text, "malformed: not UTF-8 text");
}

static void command_parse__long_id__refused(void **state)
{
        char payload[200], text[1024], expected[1024];

        (void)state;
        (void)snprintf(payload, sizeof(payload), "{\"id\":\"%064d\",\"state\":\"ON\"}", 7);
        render(lamp, NULL, payload, strlen(payload), text);
        (void)snprintf(expected, sizeof(expected), "state=on id=\"%064d\"", 7);
        assert_string_equal(text, expected);
        (void)snprintf(payload, sizeof(payload), "{\"id\":\"%065d\",\"state\":\"ON\"}", 7);
        render(lamp, NULL, payload, strlen(payload), text);
        assert_string_equal(text, "range: id has 65 bytes; at most 64 are allowed");
}

/* Home Assistant's light schema on a lamp that only switches. */
static void command_parse__light_keys__harmless_ones_pass(void **state)
{
        static const struct form forms[] = {
                { lamp, NULL, "{\"state\":\"ON\",\"transition\":2}", "state=on" },
                { lamp, NULL, "{\"state\":\"ON\",\"color_mode\":\"onoff\"}", "state=on" },
                { lamp, NULL, "{\"state\":\"ON\",\"brightness\":2}", "unknown_key: this light has no brightness" },
                { lamp, NULL, "{\"state\":\"ON\",\"effect\":\"x\"}", "unknown_key: this light has no effect" },
                { lamp, NULL, "{\"state\":\"ON\",\"color\":{}}", "unknown_key: this light has no color" },
                { contact, NULL, "{\"transition\":2}", "unknown_key: unknown key \"transition\"" },
        };

        (void)state;
        assert_forms(forms, ARRAY_SIZE(forms));
}

static void command_parse__refused_late__leaves_no_values(void **state)
{
        static const char *const payloads[] = { "{\"state\":\"TOGGLE\",\"brightness\":300}",
                                                "{\"state\":\"TOGGLE\",\"nope\":1}",
                                                "{\"state\":\"ON\",\"brightness\":0}" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
                struct channels channels = make(bright);
                struct command command;
                struct result result;
                assert_int_equal(
                        command_parse(&channels, NULL, payloads[i], strlen(payloads[i]), &limits, &command, &result),
                        -EINVAL);
                assert_int_equal(command.count, 0);
                assert_int_equal(command.toggles, 0);
                command_done(&command);
                channels_done(&channels);
        }
}

static void command_parse__too_many_values__refused(void **state)
{
        const struct command_limits wide = { .max_bytes = 4096, .max_depth = 3 };
        struct channels channels = { 0 };
        struct command command;
        struct result result;
        char keys[40][8], payload[1024] = "{";
        size_t used = 1;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
                assert_int_equal(
                        channels_append(&channels, &(struct sconce_channel){ .key = keys[i], .kind = SCONCE_NUMBER }),
                        0);
                used += (size_t)snprintf(payload + used, sizeof(payload) - used, "%s\"k%zu\":1", i ? "," : "", i);
        }
        (void)snprintf(payload + used, sizeof(payload) - used, "}");
        assert_int_equal(command_parse(&channels, NULL, payload, strlen(payload), &wide, &command, &result), -EINVAL);
        assert_string_equal(result.message, "more than 32 values at once");
        assert_int_equal(result.code, RESULT_RANGE);
        command_done(&command);
        channels_done(&channels);
}

/* Payloads out of pieces that matter, in any order: always an answer, never a half of a command. */
static void command_parse__anything__answered(void **state)
{
        static const char *const pieces[] = {
                "{",         "}",    "[",        "]",          "\"",
                ":",         ",",    "state",    "\"state\":", "\"brightness\":",
                "\"id\":",   "ON",   "\"ON\"",   "TOGGLE",     "1e308",
                "-1",        "\\",   " ",        "null",       "true",
                "\"id\":7,", "\xff", "\xc3\xa9", "1.5s",
        };
        const struct sconce_channel *const devices[] = { lamp, dimmer, cover, contact, panel };
        unsigned seed = 1;

        (void)state;
        for (int round = 0; round < 20000; round++) {
                struct channels channels = make(devices[round % 5]);
                struct command command;
                struct result result;
                char payload[256] = "";
                for (int n = rand_r(&seed) % 12; n > 0; n--)
                        (void)strcat(payload, pieces[(unsigned)rand_r(&seed) % ARRAY_SIZE(pieces)]);
                int r = command_parse(&channels, NULL, payload, strlen(payload), &limits, &command, &result);
                if (r == 0)
                        assert_true(command.count > 0);
                else if (r < 0)
                        assert_true(result.code != RESULT_OK && result.message[0]);
                else
                        assert_int_equal(r, 1);
                command_done(&command);
                channels_done(&channels);
        }
}

static void command_resolve__toggle__opposite_of_what_is(void **state)
{
        struct channels channels = make(lamp);
        struct command command;
        struct result result;
        struct fault fault;
        bool changed;

        (void)state;
        for (int on = 0; on <= 1; on++) {
                assert_int_equal(channels_report(&channels, 1, &SCONCE_BOOL("state", on), 1, &changed, &fault), 0);
                assert_int_equal(command_parse(&channels, NULL, "TOGGLE", 6, &limits, &command, &result), 0);
                command_resolve(&command, &channels);
                assert_int_equal(command.values[0].on, !on);
                assert_int_equal(command.toggles, 0);
                command_done(&command);
        }
        channels_done(&channels);
}

/* It went while the command waited. */
static void command_resolve__channel_is_gone__on(void **state)
{
        struct channels channels = make(lamp), others = make(cover);
        struct command command;
        struct result result;

        (void)state;
        assert_int_equal(command_parse(&channels, NULL, "TOGGLE", 6, &limits, &command, &result), 0);
        command.values[0].channel = "lamp";
        command_resolve(&command, &others);
        assert_true(command.values[0].on);
        command_done(&command);
        channels_done(&channels);
        channels_done(&others);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(command_parse__empty_without_memory__is_ignored),
                cmocka_unit_test(command_parse__plain__finds_its_channel),
                cmocka_unit_test(command_parse__plain_that_does_not_fit__refused),
                cmocka_unit_test(command_parse__any_kind_written_any_way__taken_or_refused_alike),
                cmocka_unit_test(command_parse__nul_byte__malformed_everywhere),
                cmocka_unit_test(command_parse__brightness_0__off),
                cmocka_unit_test(command_parse__number_for_what_takes_none__type),
                cmocka_unit_test(command_parse__cover_words__as_other_senders_have_them),
                cmocka_unit_test(command_parse__one_channel__its_value),
                cmocka_unit_test(command_parse__json__all_keys),
                cmocka_unit_test(command_parse__bad_json__refused_whole),
                cmocka_unit_test(command_parse__not_json__malformed),
                cmocka_unit_test(command_parse__json_without_memory__failed),
                cmocka_unit_test(command_refuse_json__no_memory_in_words__failed),
                cmocka_unit_test(command_parse__bytes__checked_before_anything),
                cmocka_unit_test(command_parse__long_id__refused),
                cmocka_unit_test(command_parse__light_keys__harmless_ones_pass),
                cmocka_unit_test(command_parse__refused_late__leaves_no_values),
                cmocka_unit_test(command_parse__too_many_values__refused),
                cmocka_unit_test(command_parse__anything__answered),
                cmocka_unit_test(command_resolve__toggle__opposite_of_what_is),
                cmocka_unit_test(command_resolve__channel_is_gone__on),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
