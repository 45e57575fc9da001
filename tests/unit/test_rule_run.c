/* SPDX-License-Identifier: Apache-2.0 */
/* rule/: what sets a rule off and what is then carried out, against a fake home; test_rules has the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rule_home.h"
#include "rule/judge.h"
#include "rule/run.h"

#define SECONDS(n) ((n)*USEC_PER_SEC)

static const char *const presses[] = { "single", "double", NULL };
static const struct sconce_channel lamp_row = { .key = "state", .kind = SCONCE_LIGHT, .flags = SCONCE_WRITABLE };
static const struct sconce_channel press_row = { .key = "press", .kind = SCONCE_EVENT, .choices = presses };
static const struct sconce_channel hold_row = { .key = "hold", .kind = SCONCE_EVENT, .choices = presses };
static const struct sconce_channel level_row = { .key = "level", .kind = SCONCE_SENSOR };

/* A button, two lamps that are off, a sensor that has not reported yet. */
static int setup(void **state)
{
        int r = fake_rule_home_setup(state);
        struct fake_rule_home *home = *state;

        if (r < 0)
                return r;
        (void)fake_device_add(home, "wall", &press_row);
        (void)fake_device_add(home, "lamp", &lamp_row);
        (void)fake_device_add(home, "fan", &lamp_row);
        (void)fake_device_add(home, "tank", &level_row);
        fake_report(home, "lamp", SCONCE_BOOL("state", false));
        fake_report(home, "fan", SCONCE_BOOL("state", false));
        return 0;
}

static void press(struct fake_rule_home *home)
{
        fake_event(home, "wall", "press", "single", 0);
        fake_pass(home, 0);
}

static void level(struct fake_rule_home *home, double number)
{
        fake_report(home, "tank", SCONCE_NUM("level", number));
        fake_pass(home, 0);
}

/* How often a line is in the log. */
static unsigned logged(const struct fake_rule_home *home, const char *line)
{
        unsigned count = 0;

        for (const char *at = home->log; (at = strstr(at, line)); at += strlen(line))
                count++;
        return count;
}

/* ---- What sets it off ----------------------------------------------------------------------------------- */

#define WALL_RULE "[rule wall]\nwhen = wall.press single\nthen = lamp TOGGLE\n"

static void rules_event__the_one_it_waits_for__acts_in_a_later_turn(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, WALL_RULE);
        fake_event(home, "wall", "press", "double", 0);
        fake_event(home, "wall", "press", "single", 0);
        assert_commands(home, "");
        fake_pass(home, 0);
        assert_commands(home, "lamp TOGGLE\n");
}

/* A button of two keys, of which rules want an event, a state, and what is no trigger. */
static void rules_event__of_another_channel_or_not_waited_for__does_nothing(void **state)
{
        struct fake_rule_home *home = *state;
        struct fake_device *wall = fake_device_find(home, "wall");

        assert_int_equal(channels_append(&wall->channels, &hold_row), 0);
        fake_rules_apply(home, "[rule a]\nwhen = wall.hold single\nthen = lamp ON\n"
                               "[rule b]\nwhen = wall offline\nthen = lamp OFF\n"
                               "[rule c]\nwhen = tank.level > 5\nif = wall.press single\nthen = lamp TOGGLE\n"
                               "[rule d]\nwhen = wall.press single\nthen = fan ON\n");
        press(home);
        assert_commands(home, "fan ON\n");
        fake_event(home, "wall", "hold", "single", 0);
        fake_pass(home, 0);
        assert_commands(home, "lamp ON\n");
}

/* A report of one channel is no news of an event or of another channel, but of one that is not there. */
static void rules_reported__among_other_conditions__only_what_it_is_about(void **state)
{
        struct fake_rule_home *home = *state;
        struct fake_device *tank = fake_device_find(home, "tank");

        assert_int_equal(channels_append(&tank->channels, &press_row), 0);
        fake_rules_apply(home, "[rule a]\nwhen = tank.press single\nthen = lamp ON\n"
                               "[rule b]\nwhen = tank.depth fault\nthen = fan ON\nat_start = yes\n"
                               "[rule c]\nwhen = tank.level > 5\nthen = lamp OFF\n");
        level(home, 1);
        assert_commands(home, "fan ON\n"); /* depth is missing, as the first report shows */
        level(home, 6);
        assert_commands(home, "lamp OFF\n");
}

static void rules_reported__comparison__acts_when_it_becomes_true(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = tank.level > 5\nthen = lamp.state TOGGLE\n");
        level(home, 6); /* the first value */
        level(home, 5);
        level(home, 7);
        assert_commands(home, "lamp.state TOGGLE\n");
        level(home, 8); /* still so */
        level(home, 4);
        level(home, 9);
        assert_commands(home, "lamp.state TOGGLE\n");
}

static void rules_started__next_value__is_the_first_again(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = tank.level > 5\nthen = lamp ON\n[rule b]\nwhen = tank.level < 5\n"
                               "then = fan ON\n");
        level(home, 1);
        rules_started(&fake_device_find(home, "tank")->now);
        level(home, 6);
        level(home, 1);
        assert_commands(home, "fan ON\n");
}

static void rules_status__offline_and_online__each_acts(void **state)
{
        struct fake_rule_home *home = *state;
        struct fake_device *tank = fake_device_find(home, "tank");

        fake_rules_apply(home, "[rule a]\nwhen = tank offline\nthen = lamp ON\n[rule b]\nwhen = tank online\n"
                               "then = fan ON\n");
        tank->now.has_fault = true;
        fake_status(home, "tank");
        fake_pass(home, 0);
        assert_commands(home, "lamp ON\n");
        tank->now.has_fault = false;
        fake_status(home, "tank");
        fake_pass(home, 0);
        assert_commands(home, "fan ON\n");
}

static void rules_apply__device_that_no_rule_looks_at__is_not_watched(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, WALL_RULE);
        assert_non_null(fake_device_find(home, "wall")->now.conditions);
        assert_null(fake_device_find(home, "lamp")->now.conditions);
        fake_rules_apply(home, "[rule wall]\nwhen = lamp.state = ON\nthen = fan ON\n");
        assert_null(fake_device_find(home, "wall")->now.conditions);
        assert_non_null(fake_device_find(home, "lamp")->now.conditions);
}

/* ---- One moment ----------------------------------------------------------------------------------------- */

#define BY_HAND                                                                                                        \
        "[rule on]\nwhen = wall.press single\nif = lamp.state = OFF\nthen = lamp ON\n"                                 \
        "[rule off]\nwhen = wall.press single\nif = lamp.state = ON\nthen = lamp OFF\n"

static void run__one_moment__judged_before_any_acts(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, BY_HAND);
        press(home);
        assert_commands(home, "lamp ON\n");
        press(home);
        assert_commands(home, "lamp OFF\n");
}

static void run__two_events_of_one_moment__judged_together(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, BY_HAND);
        fake_moment_begin(home);
        fake_event(home, "wall", "press", "single", 0);
        fake_event(home, "wall", "press", "single", 0);
        fake_moment_end(home);
        fake_pass(home, 0);
        assert_commands(home, "lamp ON\nlamp ON\n");
}

static void run__two_moments_before_the_turn__the_second_sees_what_the_first_did(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, BY_HAND);
        fake_event(home, "wall", "press", "single", 0);
        fake_event(home, "wall", "press", "single", 0);
        fake_pass(home, 0);
        assert_commands(home, "lamp ON\nlamp OFF\n");
}

static void run__what_one_moment_has_done__is_one_moment(void **state)
{
        struct fake_rule_home *home = *state;

        (void)fake_device_add(home, "pump", &lamp_row);
        fake_report(home, "pump", SCONCE_BOOL("state", false));
        fake_rules_apply(home, "[rule a]\nwhen = wall.press single\nthen = lamp ON\n"
                               "[rule b]\nwhen = wall.press single\nthen = fan ON\n"
                               "[rule c]\nwhen = lamp.state = ON\nthen = pump ON\n"
                               "[rule d]\nwhen = fan.state = ON\nif = pump.state = OFF\nthen = lamp OFF\n");
        press(home);
        assert_commands(home, "lamp ON\nfan ON\npump ON\nlamp OFF\n");
}

/* ---- Delay ---------------------------------------------------------------------------------------------- */

#define DELAYED                                                                                                        \
        "[rule a]\nwhen = wall.press single\nthen = lamp ON\ndelay = 10s\ncancel = wall.press double\n"                \
        "[rule b]\nwhen = tank.level > 0\nthen = fan ON\n"

static void run__delay__counts_from_what_set_it_off(void **state)
{
        struct fake_rule_home *home = *state;
        uint64_t at_us = loop_now_us(&home->loop);

        fake_rules_apply(home, DELAYED);
        fake_pass(home, SECONDS(2)); /* the loop hears of it late */
        fake_event(home, "wall", "press", "single", at_us);
        fake_pass(home, SECONDS(8) - 1);
        assert_commands(home, "");
        fake_pass(home, 1);
        assert_commands(home, "lamp ON\n");
}

static void run__set_off_again__delay_begins_again(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, DELAYED);
        press(home);
        fake_pass(home, SECONDS(9));
        press(home);
        fake_pass(home, SECONDS(9));
        assert_commands(home, "");
        fake_pass(home, SECONDS(1));
        assert_commands(home, "lamp ON\n");
}

static void run__cancel__it_does_not_act(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, DELAYED);
        press(home);
        fake_event(home, "wall", "press", "double", 0);
        fake_pass(home, SECONDS(20));
        level(home, 0);
        level(home, 1);
        assert_commands(home, "fan ON\n");
}

#define CANCELLED "[rule a]\nwhen = wall.press single\nthen = lamp ON\ndelay = 10s\ncancel = tank.level > 5\n"

/* It may have become true while the device was away. */
static void run__cancel_is_true_when_its_device_is_back__it_does_not_act(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, CANCELLED);
        level(home, 1);
        press(home);
        rules_started(&fake_device_find(home, "tank")->now);
        level(home, 6);
        fake_pass(home, SECONDS(20));
        assert_commands(home, "");
        assert_false(rules_wait(home->rules, "a"));
        press(home); /* what is true already ends no new wait */
        fake_pass(home, SECONDS(10));
        assert_commands(home, "lamp ON\n");
        press(home);
        rules_started(&fake_device_find(home, "tank")->now);
        level(home, 2);
        fake_pass(home, SECONDS(10));
        assert_commands(home, "lamp ON\n");
}

/* Its device is another one after the reload, which has reported before the rules are there. */
static void run__cancel_is_true_after_a_reload__it_does_not_act(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, CANCELLED);
        level(home, 1);
        press(home);
        rules_started(&fake_device_find(home, "tank")->now);
        fake_device_find(home, "tank")->now.conditions = NULL;
        level(home, 6);
        fake_rules_apply(home, CANCELLED);
        fake_pass(home, SECONDS(20));
        assert_commands(home, "");
}

/* The clock goes on while the machine sleeps, and nothing else does. */
static void sleep_for(struct fake_rule_home *home, uint64_t time_us)
{
        home->loop.fake_now_us += time_us;
        fake_pass(home, 0);
}

#define OVER_SLEEP                                                                                                     \
        "[rule a]\nwhen = wall.press single\nthen = lamp ON\ndelay = 10s\n"                                            \
        "[rule b]\nwhen = wall.press single\nthen = fan OFF\ndelay = 10s\n"

static void run__delay_over_a_sleep__only_what_switches_off(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, OVER_SLEEP);
        press(home);
        sleep_for(home, SECONDS(10) + RULE_LATE_MAX_US + 1);
        assert_commands(home, "fan OFF\n");
        assert_int_equal(logged(home, "rule a: lamp ON was due while the agent was away, and is dropped"), 1);
        press(home);
        sleep_for(home, SECONDS(10) + RULE_LATE_MAX_US);
        assert_non_null(strstr(home->commands, "lamp ON\n"));
}

/* As with what was due before a restart. */
static void run__delay_over_a_sleep_and_a_newer_command__dropped(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, OVER_SLEEP);
        press(home);
        home->loop.fake_now_us += SECONDS(3600);
        fake_device_find(home, "fan")->now.commanded_us = loop_now_us(&home->loop);
        fake_pass(home, 0);
        assert_commands(home, "");
}

#define NO_DELAY "[rule c]\nwhen = wall.press single\nthen = fan ON\n"

static void rules_wait__delay_under_way__only_then(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, DELAYED NO_DELAY);
        assert_false(rules_wait(home->rules, "a"));
        press(home);
        assert_true(rules_wait(home->rules, "a"));
        assert_false(rules_wait(home->rules, "c"));
        assert_false(rules_wait(home->rules, "d")); /* there is none */
}

/* Of two rules that the same press has set off, one goes before its turn. */
static void rules_apply__rule_is_gone_before_its_turn__the_other_acts(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, WALL_RULE NO_DELAY);
        fake_event(home, "wall", "press", "single", 0);
        fake_rules_apply(home, NO_DELAY);
        fake_pass(home, 0);
        assert_commands(home, "fan ON\n");
}

static void rules_apply__rule_has_changed__its_delay_is_dropped(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, DELAYED);
        press(home);
        fake_rules_apply(home, "[rule a]\nwhen = wall.press single\nthen = fan ON\ndelay = 30s\n");
        assert_string_equal(home->log, "rule a has changed or is gone: what it was waiting to do is dropped\n");
        press(home);
        fake_pass(home, SECONDS(30));
        assert_commands(home, "fan ON\n");
}

static void rules_stop__nothing_follows_any_more(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, DELAYED WALL_RULE);
        fake_event(home, "wall", "press", "single", 0);
        rules_stop(home->rules);
        press(home);
        fake_pass(home, SECONDS(60));
        assert_commands(home, "");
        assert_null(fake_device_find(home, "wall")->now.conditions);
}

/* ---- Chains --------------------------------------------------------------------------------------------- */

static void run__rules_that_set_each_other_off__end_at_the_limit(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, WALL_RULE "[rule on]\nwhen = lamp.state = ON\nthen = lamp OFF\n"
                                         "[rule off]\nwhen = lamp.state = OFF\nthen = lamp ON\n");
        press(home);
        assert_commands(home, "lamp TOGGLE\nlamp OFF\nlamp ON\nlamp OFF\nlamp ON\nlamp OFF\nlamp ON\nlamp OFF\n");
        assert_string_equal(home->problem,
                            "off was not carried out: 8 rules before it have set each other off in a row");
        press(home);
        assert_int_equal(logged(home, "rule off was not carried out: 8 rules before it"), 1);
        fake_rules_apply(home, WALL_RULE);
        assert_string_equal(home->problem, "");
}

static void run_set_off__by_what_a_rule_has_commanded_before__counts_on(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, WALL_RULE);
        fake_device_find(home, "wall")->now.depth = CHAIN_MAX - 1;
        press(home);
        assert_commands(home, "lamp TOGGLE\n");
        fake_device_find(home, "wall")->now.depth = CHAIN_MAX;
        press(home);
        assert_commands(home, "");
        assert_int_equal(logged(home, "rule wall was not carried out"), 1);
}

/* ---- Other nodes ---------------------------------------------------------------------------------------- */

static void run__action_on_another_node__in_its_turn_and_with_its_depth(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = wall.press single\nthen = fan ON, shed/lamp.level 5, lamp ON\n"
                               "[rule b]\nwhen = fan.state = ON\nthen = shed/fan OFF\n");
        press(home);
        assert_commands(home, "fan ON\n1 shed/lamp.level 5\nlamp ON\n2 shed/fan OFF\n");
}

static void run__refused_by_another_node__each_cause_logged_once(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = wall.press single\nthen = shed/lamp ON, lamp ON\n");
        home->refusal = "no broker is connected";
        press(home);
        press(home);
        assert_int_equal(logged(home, "rule a: shed/lamp ON was not carried out: no broker is connected\n"), 1);
        home->refusal = NULL;
        press(home);
        assert_int_equal(logged(home, "rule a: shed/lamp ON works again\n"), 1);
}

/* Here is a lamp, too, which has been commanded since. */
static void run__delay_over_a_sleep__only_off_goes_to_another_node(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = wall.press single\nthen = shed/lamp ON, shed/lamp OFF\n"
                               "delay = 10s\n");
        press(home);
        home->loop.fake_now_us += SECONDS(3600);
        fake_device_find(home, "lamp")->now.commanded_us = loop_now_us(&home->loop);
        fake_pass(home, 0);
        assert_commands(home, "1 shed/lamp OFF\n");
        assert_int_equal(logged(home, "rule a: shed/lamp ON was due while the agent was away, and is dropped"), 1);
}

/* What it does here waits for no broker. */
static void rules_apply__at_start_and_other_nodes_out_of_reach__waits_where_it_has_nothing_else_to_do(void **state)
{
        struct fake_rule_home *home = *state;

        home->is_alone = true;
        fake_rules_apply(home, "[rule a]\nwhen = lamp.state = OFF\nthen = shed/lamp OFF\nat_start = yes\n"
                               "[rule b]\nwhen = lamp.state = OFF\nthen = shed/fan OFF, fan ON\nat_start = yes\n");
        fake_device_find(home, "lamp")->now.has_reported = true;
        fake_device_find(home, "fan")->now.has_reported = true;
        fake_pass(home, SECONDS(1));
        assert_commands(home, "1 shed/fan OFF\nfan ON\n");
        home->is_alone = false;
        fake_pass(home, SECONDS(1));
        assert_commands(home, "1 shed/lamp OFF\n");
}

/* ---- What does not work --------------------------------------------------------------------------------- */

static void run__device_is_missing__logged_once_until_it_is_there(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = wall.press single\nthen = pump ON, lamp ON\n");
        press(home);
        press(home);
        assert_commands(home, "lamp ON\nlamp ON\n");
        assert_string_equal(home->log, "rule a: pump ON was not carried out: there is no device pump\n");
        (void)fake_device_add(home, "pump", &lamp_row);
        press(home);
        assert_commands(home, "pump ON\nlamp ON\n");
        assert_int_equal(logged(home, "rule a: pump ON works again\n"), 1);
}

static void run__device_of_an_if_is_missing__does_not_act(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = wall.press single\nif = pump offline\nthen = lamp ON\n");
        press(home);
        assert_commands(home, "");
        fake_device_add(home, "pump", &lamp_row)->now.is_running = false;
        press(home);
        assert_commands(home, "lamp ON\n");
}

static void rules_result__refused__each_cause_logged_once(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, WALL_RULE);
        home->refusal = "it is at work";
        press(home);
        press(home);
        assert_string_equal(home->log, "rule wall: lamp TOGGLE was not carried out: it is at work\n");
        home->refusal = "it is asleep";
        press(home);
        assert_int_equal(logged(home, "rule wall: lamp TOGGLE was not carried out: it is asleep\n"), 1);
}

static void rules_result__rule_is_gone__nothing(void **state)
{
        struct fake_rule_home *home = *state;
        const struct result result = { RESULT_BUSY, "it is at work" };
        char gone[] = "gone", wall[] = "wall";

        fake_rules_apply(home, WALL_RULE);
        rules_result(home->rules, &(struct command_cause){ .rule = gone }, &result);
        rules_result(home->rules, &(struct command_cause){ .rule = wall, .action = 1 }, &result);
        assert_string_equal(home->log, "");
}

static void rules_status__channel_is_missing__logged_once(void **state)
{
        struct fake_rule_home *home = *state;

        fake_device_find(home, "tank")->now.published_online = false;
        fake_rules_apply(home, "[rule a]\nwhen = tank.depth > 5\nthen = lamp ON\n");
        assert_string_equal(home->log, "");
        fake_device_find(home, "tank")->now.published_online = true;
        fake_status(home, "tank");
        fake_status(home, "tank");
        assert_string_equal(home->log, "rule a: when: tank.depth > 5: tank has no channel depth; it has level\n");
}

static void rules_check__fake_home__same_words_as_for_a_house(void **state)
{
        struct fake_rule_home *home = *state;

        fake_device_find(home, "fan")->now.is_configured = false; /* nothing is known of its channels */
        char *wrong = fake_rules_check(home, "[rule a]\nwhen = walk.press single\nthen = lamp.stat ON, fan.stat ON\n");
        assert_string_equal(wrong, "a.conf:2: [rule a] when: walk.press single: there is no device walk; did you mean "
                                   "wall\na.conf:3: [rule a] then: lamp.stat ON: lamp has no channel stat; it has "
                                   "state; did you mean state\n");
        free(wrong);
}

/* ---- at_start ------------------------------------------------------------------------------------------- */

#define AT_START "[rule a]\nwhen = tank.level > 5\nthen = lamp ON\nat_start = yes\n"

static void at_start__true_from_the_start__acts(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, AT_START);
        level(home, 6);
        assert_commands(home, "lamp ON\n");
}

static void at_start__was_true_before_the_rule__acts(void **state)
{
        struct fake_rule_home *home = *state;

        level(home, 6);
        fake_rules_apply(home, AT_START);
        fake_pass(home, 0);
        assert_commands(home, "lamp ON\n");
}

static void at_start__not_true_any_more__does_not_act(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, AT_START "[rule b]\nwhen = tank.level < 5\nthen = fan ON\n");
        fake_report(home, "tank", SCONCE_NUM("level", 6));
        fake_report(home, "tank", SCONCE_NUM("level", 4));
        fake_pass(home, SECONDS(11));
        assert_commands(home, "fan ON\n");
}

static void at_start__other_device_is_starting__waits_for_it(void **state)
{
        struct fake_rule_home *home = *state;
        struct fake_device *lamp = fake_device_find(home, "lamp");

        lamp->now.is_running = false;
        fake_rules_apply(home, AT_START);
        level(home, 6);
        fake_pass(home, SECONDS(1));
        assert_commands(home, "");
        lamp->now.is_running = true;
        fake_pass(home, SECONDS(1));
        assert_commands(home, "lamp ON\n");
}

static void at_start__other_device_starts_for_ever__acts_after_ten_seconds(void **state)
{
        struct fake_rule_home *home = *state;

        fake_device_find(home, "lamp")->now.is_running = false;
        fake_rules_apply(home, AT_START);
        level(home, 6);
        fake_pass(home, SECONDS(10) - 1);
        assert_commands(home, "");
        fake_pass(home, 1);
        assert_commands(home, "lamp ON\n");
}

static void at_start__true_again_before_it_has_acted__acts_once(void **state)
{
        struct fake_rule_home *home = *state;
        struct fake_device *lamp = fake_device_find(home, "lamp");

        lamp->now.is_running = false;
        fake_rules_apply(home, AT_START);
        level(home, 6);
        level(home, 4);
        level(home, 6);
        assert_commands(home, "lamp ON\n");
        lamp->now.is_running = true;
        fake_pass(home, SECONDS(11));
        level(home, 4);
        level(home, 7);
        assert_commands(home, "lamp ON\n");
}

/* Nobody waits for one that is not there. */
static void at_start__of_a_device_that_is_missing__acts_without_it(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = tank.level > 5\nthen = lamp ON, pump ON\nat_start = yes\n");
        level(home, 6);
        assert_commands(home, "lamp ON\n");
}

/* It shows nothing as long as it has reported nothing; one without a state has nothing to report. */
static void at_start__other_device_has_not_reported__waits_for_it(void **state)
{
        struct fake_rule_home *home = *state;

        (void)fake_device_add(home, "pump", &lamp_row);
        fake_rules_apply(home, "[rule a]\nwhen = tank.level > 5\nthen = pump ON\nat_start = yes\n"
                               "[rule b]\nwhen = tank.level > 5\nthen = wall ON\nat_start = yes\n");
        level(home, 6);
        assert_commands(home, "wall ON\n");
        fake_report(home, "pump", SCONCE_BOOL("state", false));
        fake_pass(home, SECONDS(1));
        assert_commands(home, "pump ON\n");
}

/* What made it due is not known any more. */
static void at_start__device_starts_again_before_it_has_acted__does_not_act(void **state)
{
        struct fake_rule_home *home = *state;
        struct fake_device *lamp = fake_device_find(home, "lamp");

        lamp->now.is_running = false;
        fake_rules_apply(home, AT_START);
        level(home, 6);
        rules_started(&fake_device_find(home, "tank")->now);
        lamp->now.is_running = true;
        fake_pass(home, SECONDS(11));
        assert_commands(home, "");
}

/* It ends a wait, and is none of the reasons to act. */
static void at_start__only_cancel_is_true__does_not_act(void **state)
{
        struct fake_rule_home *home = *state;

        fake_rules_apply(home, "[rule a]\nwhen = wall offline\ncancel = tank.level > 5\nthen = lamp ON\n"
                               "delay = 1s\nat_start = yes\n");
        level(home, 6);
        fake_pass(home, SECONDS(11));
        assert_commands(home, "");
}

/* ---- Judging -------------------------------------------------------------------------------------------- */

static void rule_judge__facts_of_a_device__what_each_word_is(void **state)
{
        static const struct {
                const char *words;
                bool is_running, has_fault, has_reported;
                enum rule_truth truth;
        } samples[] = {
                { "tank online", true, false, false, RULE_TRUE },
                { "tank online", false, false, false, RULE_FALSE },
                { "tank online", true, true, false, RULE_FALSE },
                { "tank offline", true, true, false, RULE_TRUE },
                { "tank fault", true, true, false, RULE_TRUE },
                { "tank fault", false, false, false, RULE_FALSE },
                { "tank ok", true, false, false, RULE_TRUE },
                { "tank.level unknown", true, false, false, RULE_TRUE },
                { "tank.level known", true, false, false, RULE_FALSE },
                { "tank.level fault", true, false, true, RULE_TRUE },
                { "tank.level fault", true, false, false, RULE_FALSE },
                { "tank.level ok", true, true, false, RULE_FALSE },
                { "tank.level > 5", true, false, true, RULE_UNKNOWN },
                { "tank.depth fault", true, false, true, RULE_TRUE },
                { "tank.depth ok", true, true, false, RULE_FALSE },
                { "tank.depth unknown", true, false, false, RULE_UNKNOWN },
                { "tank.depth > 5", true, false, true, RULE_UNKNOWN },
        };
        struct fake_rule_home *home = *state;
        const struct fake_device *tank = fake_device_find(home, "tank");

        for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
                const struct rule_part part = { samples[i].words, strlen(samples[i].words) };
                struct rule_condition condition = { .role = RULE_IF };
                const struct rule_device device = { .channels = &tank->channels,
                                                    .is_running = samples[i].is_running,
                                                    .has_fault = samples[i].has_fault,
                                                    .has_reported = samples[i].has_reported };
                struct fault fault;
                assert_int_equal(rule_condition_parse(&part, &condition.words, &fault), 0);
                if (rule_judge(&condition, &device) != samples[i].truth)
                        fail_msg("sample %zu: %s", i, samples[i].words);
                rule_words_done(&condition.words);
                free(condition.own_text);
        }
}

/* Before its first status nothing is news of it; a fault is known at once. */
static void rule_judge_change__device_without_a_status__unknown_but_for_a_fault(void **state)
{
        static const struct {
                bool has_status, is_running, has_fault;
                enum rule_truth truth;
        } samples[] = {
                { true, true, false, RULE_FALSE },
                { false, true, false, RULE_UNKNOWN },
                { true, false, false, RULE_UNKNOWN },
                { false, false, true, RULE_TRUE },
        };
        struct fake_rule_home *home = *state;
        static const struct rule_part part = { "tank fault", 10 };
        struct rule_condition condition = { .role = RULE_WHEN };
        struct fault fault;

        assert_int_equal(rule_condition_parse(&part, &condition.words, &fault), 0);
        for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
                const struct rule_device device = { .channels = &fake_device_find(home, "tank")->channels,
                                                    .has_status = samples[i].has_status,
                                                    .is_running = samples[i].is_running,
                                                    .has_fault = samples[i].has_fault };
                if (rule_judge_change(&condition, &device) != samples[i].truth)
                        fail_msg("sample %zu", i);
        }
        rule_words_done(&condition.words);
        free(condition.own_text);
}

static void rules_apply__device_is_listed_and_not_found__nothing_is_known_of_it(void **state)
{
        struct fake_rule_home *home = *state;

        level(home, 9);
        fake_device_find(home, "tank")->is_hidden = true;
        fake_rules_apply(home, "[rule a]\nwhen = tank.level > 5\nthen = lamp ON\nat_start = yes\n");
        fake_pass(home, SECONDS(11));
        assert_commands(home, "");
        fake_device_find(home, "tank")->is_hidden = false;
        level(home, 1);
        level(home, 9);
        assert_commands(home, "lamp ON\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_rule_home_teardown)

/* Found with the hardware, and nothing has come of it yet. */
static void rules_status__channel_is_there_now__works_and_is_not_reported(void **state)
{
        struct fake_rule_home *home = *state;
        struct fake_device *late = fake_device_add(home, "late", NULL);

        late->now.published_online = false;
        fake_rules_apply(home, "[rule a]\nwhen = late.press single\nthen = lamp ON\n"
                               "[rule b]\nwhen = late.level > 5\nthen = fan ON\n");
        assert_int_equal(channels_append(&late->channels, &press_row), 0);
        late->now.published_online = true;
        fake_status(home, "late");
        assert_int_equal(logged(home, "rule b: when: late.level > 5: late has no channel level"), 1);
        assert_int_equal(logged(home, "rule a:"), 0);
        fake_event(home, "late", "press", "single", 0);
        fake_pass(home, 0);
        assert_commands(home, "lamp ON\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(rules_status__channel_is_there_now__works_and_is_not_reported),
                TEST(rules_apply__device_is_listed_and_not_found__nothing_is_known_of_it),
                TEST(rules_event__the_one_it_waits_for__acts_in_a_later_turn),
                TEST(rules_event__of_another_channel_or_not_waited_for__does_nothing),
                TEST(rules_reported__among_other_conditions__only_what_it_is_about),
                TEST(rules_reported__comparison__acts_when_it_becomes_true),
                TEST(rules_started__next_value__is_the_first_again),
                TEST(rules_status__offline_and_online__each_acts),
                TEST(rules_apply__device_that_no_rule_looks_at__is_not_watched),
                TEST(run__one_moment__judged_before_any_acts),
                TEST(run__two_events_of_one_moment__judged_together),
                TEST(run__two_moments_before_the_turn__the_second_sees_what_the_first_did),
                TEST(run__what_one_moment_has_done__is_one_moment),
                TEST(run__delay__counts_from_what_set_it_off),
                TEST(run__set_off_again__delay_begins_again),
                TEST(run__cancel__it_does_not_act),
                TEST(run__cancel_is_true_when_its_device_is_back__it_does_not_act),
                TEST(run__cancel_is_true_after_a_reload__it_does_not_act),
                TEST(run__delay_over_a_sleep__only_what_switches_off),
                TEST(run__delay_over_a_sleep_and_a_newer_command__dropped),
                TEST(rules_wait__delay_under_way__only_then),
                TEST(rules_apply__rule_is_gone_before_its_turn__the_other_acts),
                TEST(rules_apply__rule_has_changed__its_delay_is_dropped),
                TEST(rules_stop__nothing_follows_any_more),
                TEST(run__rules_that_set_each_other_off__end_at_the_limit),
                TEST(run_set_off__by_what_a_rule_has_commanded_before__counts_on),
                TEST(run__device_is_missing__logged_once_until_it_is_there),
                TEST(run__device_of_an_if_is_missing__does_not_act),
                TEST(rules_result__refused__each_cause_logged_once),
                TEST(run__action_on_another_node__in_its_turn_and_with_its_depth),
                TEST(run__refused_by_another_node__each_cause_logged_once),
                TEST(run__delay_over_a_sleep__only_off_goes_to_another_node),
                TEST(rules_apply__at_start_and_other_nodes_out_of_reach__waits_where_it_has_nothing_else_to_do),
                TEST(rules_result__rule_is_gone__nothing),
                TEST(rules_status__channel_is_missing__logged_once),
                TEST(rules_check__fake_home__same_words_as_for_a_house),
                TEST(at_start__true_from_the_start__acts),
                TEST(at_start__was_true_before_the_rule__acts),
                TEST(at_start__not_true_any_more__does_not_act),
                TEST(at_start__other_device_is_starting__waits_for_it),
                TEST(at_start__other_device_starts_for_ever__acts_after_ten_seconds),
                TEST(at_start__true_again_before_it_has_acted__acts_once),
                TEST(at_start__of_a_device_that_is_missing__acts_without_it),
                TEST(at_start__other_device_has_not_reported__waits_for_it),
                TEST(at_start__device_starts_again_before_it_has_acted__does_not_act),
                TEST(at_start__only_cancel_is_true__does_not_act),
                TEST(rule_judge__facts_of_a_device__what_each_word_is),
                TEST(rule_judge_change__device_without_a_status__unknown_but_for_a_fault),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
