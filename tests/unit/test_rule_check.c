/* SPDX-License-Identifier: Apache-2.0 */
/* rule/check: what `sconced --check` reports about rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"
#include "util/macro.h"

/* Twelve lines; rules begin at line 13. */
#define HOUSE                                                                                                          \
        "[lamp kitchen]\nline = GPIO17\n[switch fan]\nline = GPIO22\n[button wall]\nline = GPIO5\n"                    \
        "[contact door]\nline = GPIO4\n[cover shutter]\nup = GPIO20\ndown = GPIO21\nup_time = 20s\n"

static void check(void **state, const char *text, const char *expected)
{
        char *wrong = house_check(*state, text);

        if (strcmp(wrong, expected) != 0)
                print_error("%s", text);
        assert_string_equal(wrong, expected);
        free(wrong);
}

/* One rule in the house, with nothing wrong but in these lines. */
static void check_rule(void **state, const char *lines, const char *expected)
{
        char text[2048];

        (void)snprintf(text, sizeof(text), HOUSE "[rule a]\n%s", lines);
        check(state, text, expected);
}

static void rules_check__right__nothing(void **state)
{
        check(state,
              HOUSE "[rule kitchen]\nwhen = wall.press single\nthen = kitchen TOGGLE\n"
                    "[rule b]\nwhen = [ \"wall.press double\", \"wall.press long\" ]\n"
                    "then = kitchen OFF, fan.state ON\n"
                    "[rule c]\nwhen = kitchen.state = on\nif = door.state != true, fan online\n"
                    "then = [ \"shutter 50\", \"shutter.state CLOSE\" ]\n"
                    "delay = 5m\ncancel = kitchen.state = OFF\n"
                    "[rule d]\nwhen = shutter.state = opening\nthen = kitchen {\"state\":\"ON\",\"id\":1}\n"
                    "[rule e]\nwhen = shutter.position >= 30.5\nif = node online\nthen = node.reload PRESS\n"
                    "[rule node]\nwhen = fan offline\nthen = kitchen ON\n"
                    "[rule f]\nwhen = wall.press single\nthen = shed/lamp TOGGLE, kitchen OFF, shed/kitchn 5\n"
                    "[rule g]\nwhen = wall.press single\n"
                    "then = [ \"shed/lamp {\\\"state\\\":\\\"ON\\\"}\", \"shed/display.text 2 apples\" ]\n",
              "");
}

#define WHEN "when = wall.press single\n"
#define THEN "then = kitchen ON\n"

/* What another node has is not known here; how it is written, is. */
static void rules_check__action_on_another_node__what_is_written_wrong(void **state)
{
        static const struct {
                const char *then, *problem;
        } samples[] = {
                { "Shed/lamp ON", "\"Shed\" is no name of a node: [a-z0-9_-], from a letter or digit on" },
                { "/lamp ON", "\"\" is no name of a node: [a-z0-9_-], from a letter or digit on" },
                { "reply/lamp ON", "no node is called reply: that is reserved" },
                { "hall/kitchen ON", "hall is this node: write the device alone, kitchen ON" },
                { "hall/kitchen.state ON", "hall is this node: write the device alone, kitchen.state ON" },
                { "shed/Lamp ON", "\"Lamp\" is no name of a device: [a-z0-9_-], from a letter or digit on" },
                { "shed/a/b ON", "\"a/b\" is no name of a device: [a-z0-9_-], from a letter or digit on" },
                { "shed/node.restart PRESS", "a rule cannot restart or reload another node" },
                { "shed/lamp.State ON", "\"State\" is no name of a channel: [a-z0-9_], from a letter on" },
                { "shed/lamp on please",
                  "\"on please\" is no command: send a word like ON, a number, or a JSON object" },
                { "shed/lamp {\"state\":}", "{\"state\":} is not JSON: unexpected token near '}'" },
        };
        char lines[256], problem[256];
        struct house *house = *state;

        house->options.node = "hall";
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                (void)snprintf(lines, sizeof(lines), "when = wall.press single\nthen = %s\n", samples[i].then);
                (void)snprintf(problem, sizeof(problem), "a.conf:15: [rule a] then: %s: %s\n", samples[i].then,
                               samples[i].problem);
                check_rule(state, lines, problem);
        }
}

static void rules_check__wrong__every_mistake_with_its_line(void **state)
{
        static const struct {
                const char *lines, *problems;
        } samples[] = {
                { "", "a.conf:13: [rule a] when: is missing: What sets it off: DEVICE.CHANNEL EVENT, "
                      "DEVICE.CHANNEL = VALUE (or != < > <= >=), DEVICE online, DEVICE offline; any one of a "
                      "list\n"
                      "a.conf:13: [rule a] then: is missing: What it does: DEVICE VALUE or DEVICE.CHANNEL "
                      "VALUE, or "
                      "a list of them; NODE/DEVICE is a device of another node, which takes the broker\n" },
                { WHEN THEN "when_not = x\n",
                  "a.conf:16: [rule a] when_not: unknown key; there are when, if, then, delay, cancel, at_start\n" },
                { WHEN THEN "delay = 5\n",
                  "a.conf:16: [rule a] delay: 5: a duration needs a unit: ms, s, m, h or d, as in 5s\n" },
                { "when = []\nthen = []\n", "a.conf:14: [rule a] when: is empty: what sets the rule off?\n"
                                            "a.conf:15: [rule a] then: is empty: what shall the rule do?\n" },
                { "when = wal.press single\nthen = kitchn ON\n",
                  "a.conf:14: [rule a] when: wal.press single: there is no device wal; did you mean wall\n"
                  "a.conf:15: [rule a] then: kitchn ON: there is no device kitchn; did you mean kitchen\n" },
                { "when = zzz online\n" THEN, "a.conf:14: [rule a] when: zzz online: there is no device zzz\n" },
                { "when = wall.pres single\nthen = shutter.positon 5\n",
                  "a.conf:14: [rule a] when: wall.pres single: wall has no channel pres; it has press; did "
                  "you "
                  "mean press\n"
                  "a.conf:15: [rule a] then: shutter.positon 5: shutter has no channel positon; it has "
                  "state, "
                  "position; did you mean position\n" },
                { "when = wall.press singel\n" THEN,
                  "a.conf:14: [rule a] when: wall.press singel: \"singel\" is not one of: single, double, "
                  "triple, long, release; did you mean single\n" },
                { "when = kitchen.state ON\n" THEN, "a.conf:14: [rule a] when: kitchen.state ON: "
                                                    "kitchen.state publishes no events: compare it, as in "
                                                    "kitchen.state = ON\n" },
                { "when = wall.press = single\n" THEN,
                  "a.conf:14: [rule a] when: wall.press = single: wall.press publishes events, which cannot be "
                  "compared: write wall.press single\n" },
                { "when = door.state = open\n" THEN,
                  "a.conf:14: [rule a] when: door.state = open: \"open\" is neither ON nor OFF\n" },
                { "when = door.state = TOGGLE\n" THEN,
                  "a.conf:14: [rule a] when: door.state = TOGGLE: \"TOGGLE\" is neither ON nor OFF\n" },
                { "when = door.state > OFF\n" THEN, "a.conf:14: [rule a] when: door.state > OFF: door.state "
                                                    "is no number: only = and != compare "
                                                    "it\n" },
                { "when = shutter.state = opn\n" THEN, "a.conf:14: [rule a] when: shutter.state = opn: "
                                                       "\"opn\" is not one of: open, opening, closed, "
                                                       "closing, stopped; did you mean open\n" },
                { "when = shutter.position > 101\n" THEN,
                  "a.conf:14: [rule a] when: shutter.position > 101: position: 101 is out of range: 0 to 100 "
                  "is allowed\n" },
                { "when = shutter.position > high\n" THEN,
                  "a.conf:14: [rule a] when: shutter.position > high: position: \"high\" is not a number\n" },
                { "when = node.restart = ON\n" THEN,
                  "a.conf:14: [rule a] when: node.restart = ON: node.restart has no state that could be "
                  "compared\n" },
                { "when = node.problems = none\n" THEN,
                  "a.conf:14: [rule a] when: node.problems = none: node.problems is a list, which cannot be "
                  "compared\n" },
                { "when = node.restart fault\n" THEN,
                  "a.conf:14: [rule a] when: node.restart fault: node.restart has no state that could be "
                  "fault\n" },
                { "when = shutter.position = unknown\n" THEN,
                  "a.conf:14: [rule a] when: shutter.position = unknown: a channel without a value equals "
                  "nothing: write shutter.position unknown\n" },
                { "when = door.state != null\n" THEN,
                  "a.conf:14: [rule a] when: door.state != null: a channel without a value equals nothing: write "
                  "door.state known\n" },
                { "when = wall.press fault\n" THEN,
                  "a.conf:14: [rule a] when: wall.press fault: \"fault\" is not one of: single, double, triple, "
                  "long, release\n" },
                { WHEN THEN "at_start = yes\n",
                  "a.conf:16: [rule a] at_start: an event is never there at the start: at_start is for "
                  "conditions that can be true already\n" },
                { "when = wall.press single, wall.press double\n" THEN,
                  "a.conf:14: [rule a] when: wall.press single, wall.press double: one condition at a time: "
                  "any "
                  "one of several is a list, [ \"…\", \"…\" ], and what must hold besides stands in if\n" },
                { WHEN "if = wall.press single, door.state = ONN\n" THEN,
                  "a.conf:15: [rule a] if: wall.press single: an event is over at once and cannot hold: if "
                  "compares, as in wall.CHANNEL = VALUE\n"
                  "a.conf:15: [rule a] if: door.state = ONN: \"ONN\" is neither ON nor OFF\n" },
                { WHEN "then = shutter 101, kitchen TOGLE\n",
                  "a.conf:15: [rule a] then: shutter 101: position: 101 is out of range: 0 to 100 is "
                  "allowed\n"
                  "a.conf:15: [rule a] then: kitchen TOGLE: \"TOGLE\" is no command: send a word like ON, a "
                  "number, or a JSON object; did you mean TOGGLE\n" },
                { WHEN "then = door ON, kitchen 50, fan.state 7\n",
                  "a.conf:15: [rule a] then: door ON: this device can only be read\n"
                  "a.conf:15: [rule a] then: kitchen 50: this device takes no number\n"
                  "a.conf:15: [rule a] then: fan.state 7: state: \"7\" is not ON, OFF or TOGGLE\n" },
                { WHEN "then = kitchen {\"state\":\"ON\",\"colour\":1}\n",
                  "a.conf:15: [rule a] then: kitchen {\"state\":\"ON\",\"colour\":1}: unknown key "
                  "\"colour\"\n" },
                { WHEN THEN "cancel = wall.press double\n",
                  "a.conf:16: [rule a] cancel: there is nothing to cancel without a delay\n" },
                { WHEN THEN "delay = 1s\ncancel = wall.press dubble\n",
                  "a.conf:17: [rule a] cancel: wall.press dubble: \"dubble\" is not one of: single, double, "
                  "triple, long, release; did you mean double\n" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                check_rule(state, samples[i].lines, samples[i].problems);
}

/* The section's own mistake is reported; what it has is not known, so its rules are left alone. */
static void rules_check__broken_device__only_its_own_mistake(void **state)
{
        check(state,
              "[contact door]\n[button wall]\nline = GPIO5\n"
              "[rule a]\nwhen = wall.press single\nthen = door.anything 5\n",
              "a.conf:1: [contact door] line: is missing: GPIO line that the contact is at\n");
}

/* ---- Circles ------------------------------------------------------------------------------------------- */

#define RULE(name, when, then) "[rule " name "]\nwhen = " when "\nthen = " then "\n"

static void check_circle(void **state, const char *rules, const char *expected)
{
        char text[2048];

        (void)snprintf(text, sizeof(text), HOUSE "%s", rules);
        check(state, text, expected);
}

#define FOR_EVER(line, first, names)                                                                                   \
        "a.conf:" line ": [rule " first "] then: these rules set each other off for ever: " names                      \
        "; a delay in one of them makes it a blinker\n"

static void rules_check__endless_circles__named(void **state)
{
        check_circle(state,
                     RULE("on", "kitchen.state = ON", "kitchen OFF") RULE("off", "kitchen.state = OFF", "kitchen ON"),
                     FOR_EVER("15", "on", "on, off"));
        check_circle(state,
                     RULE("a", "kitchen.state = ON", "fan ON") RULE("b", "fan.state = ON", "kitchen OFF")
                             RULE("c", "kitchen.state = OFF", "fan OFF") RULE("d", "fan.state = OFF", "kitchen ON"),
                     FOR_EVER("15", "a", "a, b, c, d"));
        check_circle(state,
                     RULE("bystander", "wall.press single", "kitchen TOGGLE")
                             RULE("a", "fan.state = ON", "kitchen TOGGLE")
                                     RULE("b", "kitchen.state = ON", "fan TOGGLE"),
                     FOR_EVER("18", "a", "a, b"));
        check_circle(state, RULE("a", "[ \"fan.state = ON\", \"fan.state = OFF\" ]", "fan TOGGLE"),
                     "a.conf:15: [rule a] then: this rule sets itself off for ever; a delay makes it a blinker\n");
        check_circle(state,
                     RULE("up", "shutter.state = closed", "shutter OPEN")
                             RULE("down", "shutter.state = open", "shutter CLOSE"),
                     FOR_EVER("15", "up", "up, down"));
        check_circle(state,
                     RULE("up", "shutter.position < 20", "shutter 80")
                             RULE("down", "shutter.position > 70", "shutter 10"),
                     FOR_EVER("15", "up", "up, down"));
}

static void rules_check__circles_that_come_to_rest__are_fine(void **state)
{
        /* Two that follow each other. */
        check_circle(state,
                     RULE("a", "kitchen.state = ON", "fan ON") RULE("b", "fan.state = ON", "kitchen ON")
                             RULE("c", "kitchen.state = OFF", "fan OFF") RULE("d", "fan.state = OFF", "kitchen OFF"),
                     "");
        /* Never both. */
        check_circle(state, RULE("a", "kitchen.state = ON", "fan OFF") RULE("b", "fan.state = ON", "kitchen OFF"), "");
        /* Always one of them. */
        check_circle(state,
                     RULE("a", "kitchen.state = ON", "fan OFF") RULE("b", "fan.state = OFF", "kitchen ON")
                             RULE("c", "kitchen.state = OFF", "fan ON") RULE("d", "fan.state = ON", "kitchen OFF"),
                     "");
        check_circle(state, RULE("a", "kitchen.state = ON", "kitchen TOGGLE"), "");
        /* A blinker. */
        check_circle(state,
                     RULE("on", "kitchen.state = ON", "kitchen OFF\ndelay = 500ms")
                             RULE("off", "kitchen.state = OFF", "kitchen ON"),
                     "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
                TEST(rules_check__right__nothing),
                TEST(rules_check__action_on_another_node__what_is_written_wrong),
                TEST(rules_check__wrong__every_mistake_with_its_line),
                TEST(rules_check__broken_device__only_its_own_mistake),
                TEST(rules_check__endless_circles__named),
                TEST(rules_check__circles_that_come_to_rest__are_fine),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
