/* SPDX-License-Identifier: Apache-2.0 */
/* rule/text: how conditions and actions are written, and the errors where they are not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rule/text.h"

static struct rule_part whole(const char *text)
{
        return (struct rule_part){ text, strlen(text) };
}

struct right {
        const char *text, *device, *channel, *value; /* "" for none */
        enum rule_op op;
};

static void assert_words(int (*parse)(const struct rule_part *, struct rule_words *, struct fault *),
                         const struct right *samples, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const struct rule_part part = whole(samples[i].text);
                struct rule_words words;
                struct fault fault = { 0 };
                if (parse(&part, &words, &fault) < 0)
                        fail_msg("%s: %s", samples[i].text, fault.text);
                assert_string_equal(words.text, samples[i].text);
                assert_string_equal(words.device, samples[i].device);
                assert_string_equal(words.channel ? words.channel : "", samples[i].channel);
                assert_string_equal(words.value ? words.value : "", samples[i].value);
                assert_int_equal(words.op, samples[i].op);
                rule_words_done(&words);
        }
}

static void rule_condition_parse__right__its_words(void **state)
{
        static const struct right samples[] = {
                { "wall.press single", "wall", "press", "single", RULE_EVENT },
                { "wall.press\t single", "wall", "press", "single", RULE_EVENT },
                { "kitchen.state = ON", "kitchen", "state", "ON", RULE_EQUAL },
                { "kitchen.state=ON", "kitchen", "state", "ON", RULE_EQUAL },
                { "kitchen.state =ON", "kitchen", "state", "ON", RULE_EQUAL },
                { "kitchen.state= ON", "kitchen", "state", "ON", RULE_EQUAL },
                { "a-1_b.state!=ON", "a-1_b", "state", "ON", RULE_UNEQUAL },
                { "board.temperature < -5.5", "board", "temperature", "-5.5", RULE_LESS },
                { "board.temperature>60", "board", "temperature", "60", RULE_MORE },
                { "board.temperature<=60", "board", "temperature", "60", RULE_AT_MOST },
                { "board.temperature >= 6e1", "board", "temperature", "6e1", RULE_AT_LEAST },
                { "door.note = \"a = b, c\"", "door", "note", "\"a = b, c\"", RULE_EQUAL },
                { "door.note = a b", "door", "note", "a b", RULE_EQUAL },
                { "pump online", "pump", "", "", RULE_ONLINE },
                { "pump OFFLINE", "pump", "", "", RULE_OFFLINE },
                { "pump fault", "pump", "", "", RULE_FAULT },
                { "pump ok", "pump", "", "", RULE_OK },
                { "heat.boiler fault", "heat", "boiler", "fault", RULE_FAULT },
                { "heat.boiler OK", "heat", "boiler", "OK", RULE_OK },
                { "heat.boiler unknown", "heat", "boiler", "unknown", RULE_NO_VALUE },
                { "heat.boiler known", "heat", "boiler", "known", RULE_KNOWN },
                { "heat.boiler online", "heat", "boiler", "online", RULE_EVENT },
                { "heat.boiler = unknown", "heat", "boiler", "unknown", RULE_EQUAL },
        };
        (void)state;
        assert_words(rule_condition_parse, samples, ARRAY_SIZE(samples));
}

struct wrong {
        const char *text, *reason;
};

static void assert_refused(int (*parse)(const struct rule_part *, struct rule_words *, struct fault *),
                           const struct wrong *samples, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const struct rule_part part = whole(samples[i].text);
                struct rule_words words;
                struct fault fault = { 0 };
                if (parse(&part, &words, &fault) == 0)
                        fail_msg("%s was taken", samples[i].text);
                assert_int_equal(fault.code, -EINVAL);
                assert_string_equal(fault.text, samples[i].reason);
        }
}

#define WRITTEN "it is written DEVICE.CHANNEL EVENT, DEVICE.CHANNEL = VALUE, DEVICE online or DEVICE offline"

static void rule_condition_parse__wrong__shows_how_it_is_written(void **state)
{
        static const struct wrong samples[] = {
                { "", "nothing stands here: is there a comma too many? It is written DEVICE.CHANNEL EVENT, "
                      "DEVICE.CHANNEL = VALUE, DEVICE online or DEVICE offline" },
                { ".press single", "the device is missing; " WRITTEN },
                { "= ON", "the device is missing; " WRITTEN },
                { "wall. single", "the channel behind the point is missing; " WRITTEN },
                { "wall.= 5", "the channel behind the point is missing; " WRITTEN },
                { "wall", "what of it? Write wall.CHANNEL EVENT, wall.CHANNEL = VALUE, wall online or wall "
                          "offline" },
                { "wall single", "what of it? Write wall.CHANNEL EVENT, wall.CHANNEL = VALUE, wall online or "
                                 "wall offline" },
                { "wall online now", "what of it? Write wall.CHANNEL EVENT, wall.CHANNEL = VALUE, wall online "
                                     "or wall offline" },
                { "wall.press", "what of it? Write wall.press EVENT or wall.press = VALUE" },
                { "wall.press single double", "one event at a time: \"single double\" is more than a word" },
                { "kitchen = ON", "which channel? Write kitchen.CHANNEL = VALUE" },
                { "kitchen=ON", "which channel? Write kitchen.CHANNEL = VALUE" },
                { "kitchen.state =", "there is no value after \"=\"" },
                { "kitchen.state>=", "there is no value after \">=\"" },
                { "kitchen.state == ON", "\"==\" is no comparison: = != < > <= >= are; did you mean =" },
                { "board.t => 5", "\"=>\" is no comparison: = != < > <= >= are; did you mean >=" },
                { "board.t =< 5", "\"=<\" is no comparison: = != < > <= >= are; did you mean <=" },
                { "board.t <> 5", "\"<>\" is no comparison: = != < > <= >= are; did you mean !=" },
                { "shed/door.state = ON",
                  "a rule looks at devices of its own node alone: it belongs on the node where that happens, and "
                  "commands others, as in then = NODE/DEVICE VALUE" },
                { "board.t ! 5", "\"!\" is no comparison: = != < > <= >= are" },
        };
        (void)state;
        assert_refused(rule_condition_parse, samples, ARRAY_SIZE(samples));
}

static void rule_action_parse__right__its_words(void **state)
{
        static const struct right samples[] = {
                { "kitchen TOGGLE", "kitchen", "", "TOGGLE", RULE_EVENT },
                { "kitchen.brightness   128", "kitchen", "brightness", "128", RULE_EVENT },
                { "kitchen {\"state\":\"ON\",\"transition\":2}", "kitchen", "", "{\"state\":\"ON\",\"transition\":2}",
                  RULE_EVENT },
                { "door.note \"a b\"", "door", "note", "\"a b\"", RULE_EVENT },
        };
        (void)state;
        assert_words(rule_action_parse, samples, ARRAY_SIZE(samples));
}

static void rule_action_parse__of_another_node__its_name_apart(void **state)
{
        static const struct {
                const char *text, *node, *device, *channel, *value; /* "": none */
        } samples[] = {
                { "kitchen a/b", "", "kitchen", "", "a/b" },
                { "shed/lamp TOGGLE", "shed", "lamp", "", "TOGGLE" },
                { "shed/lamp.brightness 64", "shed", "lamp", "brightness", "64" },
                { "a/b/c ON", "a", "b/c", "", "ON" },
                { "/lamp ON", "", "lamp", "", "ON" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                const struct rule_part part = whole(samples[i].text);
                struct rule_words words;
                struct fault fault = { 0 };
                assert_int_equal(rule_action_parse(&part, &words, &fault), 0);
                assert_string_equal(words.node ? words.node : "", samples[i].node);
                assert_string_equal(words.device, samples[i].device);
                assert_string_equal(words.channel ? words.channel : "", samples[i].channel);
                assert_string_equal(words.value, samples[i].value);
                assert_string_equal(words.text, samples[i].text);
                rule_words_done(&words);
        }
}

static void rule_action_parse__wrong__shows_how_it_is_written(void **state)
{
        static const struct wrong samples[] = {
                { "", "nothing stands here: is there a comma too many? It is written DEVICE VALUE or "
                      "DEVICE.CHANNEL VALUE" },
                { "kitchen", "what shall it do? Write kitchen ON, or another value" },
                { "kitchen.state", "what shall it do? Write kitchen.state ON, or another value" },
                { "kitchen. ON", "the channel behind the point is missing; it is written DEVICE VALUE or "
                                 "DEVICE.CHANNEL VALUE" },
                { "kitchen = ON", "an action has no \"=\": write kitchen VALUE" },
                { "shed/ ON", "the device is missing; it is written DEVICE VALUE or DEVICE.CHANNEL VALUE" },
                { "shed/lamp", "what shall it do? Write shed/lamp ON, or another value" },
                { "shed/lamp.state = ON", "an action has no \"=\": write shed/lamp.state VALUE" },
                { "kitchen.level=5", "an action has no \"=\": write kitchen.level VALUE" },
        };
        (void)state;
        assert_refused(rule_action_parse, samples, ARRAY_SIZE(samples));
}

static void rule_part_next__commas__cut_outside_quotes_and_brackets(void **state)
{
        static const struct {
                const char *text, *parts; /* with "|" between */
        } samples[] = {
                { "a", "a" },
                { " a ,b,  c d ", "a|b|c d" },
                { "a,,b,", "a||b|" },
                { "", "" },
                { "x.n = \"a, b\", y", "x.n = \"a, b\"|y" },
                { "x.n = \"a \\\", b\", y", "x.n = \"a \\\", b\"|y" },
                { "k {\"a\":[1,2],\"b\":\"}\"}, l ON", "k {\"a\":[1,2],\"b\":\"}\"}|l ON" },
                { "a },b", "a }|b" },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                const char *rest = samples[i].text;
                char parts[128] = "";
                struct rule_part part;
                for (bool first = true; rule_part_next(&rest, &part); first = false)
                        (void)snprintf(parts + strlen(parts), sizeof(parts) - strlen(parts), "%s%.*s", first ? "" : "|",
                                       (int)part.length, part.text);
                assert_string_equal(parts, samples[i].parts);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rule_condition_parse__right__its_words),
                cmocka_unit_test(rule_condition_parse__wrong__shows_how_it_is_written),
                cmocka_unit_test(rule_action_parse__right__its_words),
                cmocka_unit_test(rule_action_parse__of_another_node__its_name_apart),
                cmocka_unit_test(rule_action_parse__wrong__shows_how_it_is_written),
                cmocka_unit_test(rule_part_next__commas__cut_outside_quotes_and_brackets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
