/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: a hand on the wall button, the lamp on its line, and the broker there or not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"
#include "util/cleanup.h"

enum { WALL = 5, BELL = 6 };

#define INPUTS                                                                                                         \
        "[button wall]\nline = GPIO5\nbias = pull-down\ndebounce = 0ms\npresses = 1\nlong_time = 1m\n"                 \
        "[button bell]\nline = GPIO6\nbias = pull-down\ndebounce = 0ms\npresses = 1\nlong_time = 1m\n"

static const char devices[] = "[lamp kitchen]\nline = GPIO17\n[switch pump]\nline = GPIO22\n"
                              "[contact door]\nline = GPIO4\nbias = pull-down\ndebounce = 0ms\n" INPUTS;

#define WALL_RULE "[rule wall]\nwhen = wall.press single\nthen = kitchen TOGGLE\n"
#define BELL_RULE "[rule bell]\nwhen = bell.press single\nthen = pump TOGGLE\n"

static char *with(const char *rules)
{
        char *text = NULL;

        assert_true(asprintf(&text, "%s%s", devices, rules) > 0);
        return text;
}

static int open_stage(void **state)
{
        CLEANUP_FREE char *text = with(WALL_RULE);

        (void)stage_open_bare(state);
        stage.hall = daemon_new(
                &(struct daemon_options){ .name = "hall", .broker = stage.broker, .pki = stage.pki, .devices = text });
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        return 0;
}

static void reload(const char *rules)
{
        CLEANUP_FREE char *text = with(rules);

        daemon_write_config(stage.hall, text);
        process_signal(stage.hall->process, SIGHUP);
        (void)process_wait_log(stage.hall->process, "reloaded ", SOON_MS);
}

static bool never(void *userdata)
{
        (void)userdata;
        return false;
}

static void pull(unsigned offset, bool up)
{
        chip_pull(stage.hall->lines, offset, up);
        chip_wait(stage.hall->lines, offset, up);
        /* The kernel ring makes one edge of all changes within a tick. */
        if (chip_is_kernel())
                assert_false(pump_until(never, NULL, 5));
}

static void press(unsigned offset)
{
        pull(offset, true);
        pull(offset, false);
}

/* Lamp and pump dark, the door shut, the one rule, and the broker there. */
static int restore(void **state)
{
        (void)state;
        if (!process_running(stage.broker->process) || !client_connected(stage.tester)) {
                broker_start(stage.broker);
                stage_rejoin();
                daemon_wait_online(stage.hall, stage.tester);
        }
        reload(WALL_RULE);
        pull(DOOR, false);
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        client_send(stage.tester, "sconce/hall/pump/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        chip_wait(stage.hall->lines, PUMP, 0);
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static void rule__button_pressed__lamp_toggles_and_is_reported(void **state)
{
        (void)state;
        press(WALL);
        chip_wait(stage.hall->lines, KITCHEN, 1);
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "ON");
        press(WALL);
        chip_wait(stage.hall->lines, KITCHEN, 0);
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "OFF");
        stage_settle();
        assert_int_equal(client_count(stage.tester, "sconce/hall/kitchen/result"), 0);
}

static void rule__broker_down__lamp_toggles_and_is_reported_later(void **state)
{
        (void)state;
        broker_kill(stage.broker);
        (void)process_wait_log(stage.hall->process, "lost", SOON_MS);
        for (int i = 0; i < 3; i++) {
                press(WALL);
                chip_wait(stage.hall->lines, KITCHEN, i % 2 == 0);
        }
        broker_start(stage.broker);
        stage_rejoin();
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "ON");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
}

/* Before there has ever been a broker. */
static void rule__no_broker_from_the_start__acts(void **state)
{
        CLEANUP_FREE char *text = with(WALL_RULE);

        (void)state;
        struct daemon *attic = daemon_new(&(struct daemon_options){
                .name = "attic", .url = "mqtts://localhost:1", .pki = stage.pki, .devices = text });
        if (chip_is_kernel()) { /* one chip, and its lines are hall's */
                print_message("skipped: the kernel's lines are in use\n");
                skip();
        }
        daemon_start(attic);
        (void)process_wait_log(attic->process, "next attempt", SOON_MS); /* the devices run */
        chip_pull(attic->lines, WALL, true);
        chip_wait(attic->lines, WALL, 1);
        chip_pull(attic->lines, WALL, false);
        chip_wait(attic->lines, KITCHEN, 1);
}

static void rule__after_a_reload__the_new_one_acts(void **state)
{
        (void)state;
        reload(BELL_RULE);
        press(WALL); /* no rule any more */
        press(BELL);
        chip_wait(stage.hall->lines, PUMP, 1);
        stage_settle();
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
        assert_int_equal(client_count(stage.tester, "sconce/hall/kitchen/state"), 0);
}

static void rule__bad_config_at_reload__the_old_one_goes_on(void **state)
{
        CLEANUP_FREE char *text = with("[rule wall]\nwhen = wall.press single\nthen = kitchn TOGGLE\n");

        (void)state;
        daemon_write_config(stage.hall, text);
        process_signal(stage.hall->process, SIGHUP);
        (void)process_wait_log(stage.hall->process, "there is no device kitchn; did you mean kitchen", SOON_MS);
        (void)process_wait_log(stage.hall->process, "is not reloaded", SOON_MS);
        press(WALL);
        chip_wait(stage.hall->lines, KITCHEN, 1);
}

static void rule__delay__acts_after_it_and_cancel_ends_it(void **state)
{
        (void)state;
        reload(WALL_RULE "[rule shut]\nwhen = door.state = ON\ndelay = 300ms\ncancel = bell.press single\n"
                         "then = pump TOGGLE\n");
        uint64_t opened_us = now_us();
        pull(DOOR, true);
        chip_wait(stage.hall->lines, PUMP, 1);
        assert_true(now_us() - opened_us >= 300000);
        pull(DOOR, false);
        /* Once more, and ended. What has been set off after it, with the same delay, must come first. */
        reload("[rule shut]\nwhen = door.state = ON\ndelay = 2s\ncancel = bell.press single\nthen = pump "
               "TOGGLE\n"
               "[rule after]\nwhen = wall.press single\ndelay = 2s\nthen = kitchen ON\n");
        pull(DOOR, true);
        press(BELL);
        press(WALL);
        chip_wait(stage.hall->lines, KITCHEN, 1);
        assert_int_equal(chip_value(stage.hall->lines, PUMP), 1);
}

/* One is for a lamp that is off, the other for a lamp that is on: the second must not look at what the first has
 * done. */
static void rules__two_on_one_press__exactly_one_acts(void **state)
{
        (void)state;
        reload("[rule on]\nwhen = wall.press single\nif = kitchen.state = OFF\nthen = kitchen ON\n"
               "[rule off]\nwhen = wall.press single\nif = kitchen.state = ON\nthen = kitchen OFF\n" BELL_RULE);
        for (int i = 1; i <= 4; i++) {
                press(WALL);
                press(BELL); /* its rule acts after those of the wall */
                chip_wait(stage.hall->lines, PUMP, i % 2);
                assert_int_equal(chip_value(stage.hall->lines, KITCHEN), i % 2);
        }
}

static void sconced__describe_rule__its_keys(void **state)
{
        int status;

        (void)state;
        struct process *process = SCONCED_RUN(&status, "--describe", "rule");
        assert_int_equal(status, 0);
        assert_non_null(strstr(process->out.text, "[rule NAME]\n  when = list of strings  [required]\n"));
}

static void sconced__dump_config__shows_rules(void **state)
{
        int status;

        (void)state;
        struct process *process = SCONCED_RUN(&status, "--config", stage.hall->config, "--plugins",
                                              build_path("plugins"), "--dump-config");
        assert_int_equal(status, 0);
        assert_non_null(strstr(process->out.text, "\n[rule wall]\nwhen = wall.press single  # "));
        assert_non_null(strstr(process->out.text, "\n# if is not set\nthen = kitchen TOGGLE  # "));
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(rule__button_pressed__lamp_toggles_and_is_reported, restore),
        STAGE_TEST(rule__broker_down__lamp_toggles_and_is_reported_later, restore),
        STAGE_TEST(rule__no_broker_from_the_start__acts, restore),
        STAGE_TEST(rule__after_a_reload__the_new_one_acts, restore),
        STAGE_TEST(rule__bad_config_at_reload__the_old_one_goes_on, restore),
        STAGE_TEST(rule__delay__acts_after_it_and_cancel_ends_it, restore),
        STAGE_TEST(rules__two_on_one_press__exactly_one_acts, restore),
        STAGE_TEST(sconced__describe_rule__its_keys, restore),
        STAGE_TEST(sconced__dump_config__shows_rules, restore),
};
STAGE_MAIN(tests, open_stage)
