/* SPDX-License-Identifier: Apache-2.0 */
/* device/interlock: outputs of a group are never on together, and between two of them is the dead time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fakes/house.h"
#include "fakes/sysfs_tree.h"

#define UP     "[switch up]\nline = GPIO5\ninterlock = motor\ndead_time = 800ms\n"
#define DOWN   "[switch down]\nline = GPIO6\ninterlock = motor\n"
#define IN     "[switch in]\nline = GPIO7\ninterlock = valve\ndead_time = 300ms\n"
#define OUT    "[switch out]\nline = GPIO8\ninterlock = valve\ndead_time = 300ms\n"
#define TWIN   "[twin pair]\none = GPIO6\ntwo = GPIO7\ninterlock = motor\n"
#define ON     "{\"state\":\"ON\"}"
#define OFF    "{\"state\":\"OFF\"}"
#define DEAD   (800 * USEC_PER_MSEC)
#define SECOND USEC_PER_SEC

static int up(const struct house *house)
{
        return sim_value(&house->gpio, 5);
}

static int down(const struct house *house)
{
        return sim_value(&house->gpio, 6);
}

static void assert_are(const struct house *house, int is_up, int is_down)
{
        if (up(house) != is_up || down(house) != is_down)
                fail_msg("up is %d, down is %d", up(house), down(house));
}

/* The first dead time, from the start, is over. */
static struct house *start_with(void **state, const char *config)
{
        struct house *house = *state;

        house_apply(house, config);
        house_pass(house, DEAD);
        return house;
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

static void interlock__on_while_another_is_on__off_dead_time_on(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        assert_are(house, 1, 0);
        house_forget(house);
        house_set(house, "down", "{\"state\":\"ON\",\"id\":\"7\"}");
        assert_are(house, 0, 0);
        house_assert_published(house, "up", DEVICE_STATE, OFF);
        house_assert_published(house, "down", DEVICE_STATE, OFF);
        house_assert_result(house, "down", "{\"ok\":true,\"id\":\"7\"}");
        house_pass(house, DEAD - 1);
        assert_are(house, 0, 0);
        house_pass(house, 1);
        assert_are(house, 0, 1);
        house_assert_published(house, "down", DEVICE_STATE, ON);
}

static void set_until(struct house *house, const char *device, uint64_t us)
{
        home_command(house->devices, device, NULL, "ON", 2,
                     &(struct command_meta){ .expires_us = loop_now_us(&house->gpio.loop) + us });
}

/* Who gives it less time than it needs hears so, and nothing has happened. */
static void interlock__wanted_for_less_than_the_dead_time__expired(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        set_until(house, "down", DEAD);
        house_assert_result(house, "down",
                            "{\"ok\":false,\"code\":\"expired\",\"message\":\"the dead time of its interlock takes "
                            "longer than the command is wanted\"}");
        assert_are(house, 1, 0);
        house_set(house, "up", "OFF");
        house_pass(house, DEAD / 2);
        house_forget(house);
        set_until(house, "down", DEAD / 2);
        assert_non_null(strstr(house_published(house, "down", DEVICE_RESULT), "\"expired\""));
        set_until(house, "down", DEAD / 2 + 1);
        house_pass(house, DEAD / 2);
        assert_are(house, 0, 1);
}

/* How long the other one must go on nobody knows beforehand. */
static void interlock__expires_while_the_other_must_go_on__not_switched(void **state)
{
        struct house *house = start_with(state, UP "min_on = 10s\n" DOWN);

        house_set(house, "up", "ON");
        set_until(house, "down", 5 * SECOND);
        assert_are(house, 1, 0);
        house_pass(house, 10 * SECOND);
        assert_are(house, 0, 0);
        house_pass(house, DEAD);
        assert_are(house, 0, 0);
        assert_true(house_logged(house, "is not switched: the command that its interlock motor held back has "
                                        "expired meanwhile"));
        house_set(house, "up", "ON");
        set_until(house, "down", 20 * SECOND);
        house_pass(house, 10 * SECOND);
        house_pass(house, DEAD);
        assert_are(house, 0, 1);
}

static void interlock__same_one_again__needs_no_dead_time(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_set(house, "up", "OFF");
        house_set(house, "up", "ON");
        assert_are(house, 1, 0);
}

static void interlock__off_long_ago__on_at_once(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_set(house, "up", "OFF");
        house_pass(house, DEAD / 2);
        house_set(house, "down", "ON");
        assert_are(house, 0, 0);
        house_pass(house, DEAD / 2);
        assert_are(house, 0, 1);
        house_set(house, "down", "OFF");
        house_pass(house, DEAD);
        house_set(house, "up", "ON");
        assert_are(house, 1, 0);
}

static void interlock__commands_in_the_dead_time__the_newest_wins(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        house_set(house, "up", "ON"); /* was on last: no need to wait */
        assert_are(house, 1, 0);
        house_pass(house, 10 * SECOND);
        assert_are(house, 1, 0);
        house_set(house, "down", "ON");
        house_set(house, "down", "OFF");
        house_pass(house, 10 * SECOND);
        assert_are(house, 0, 0);
}

/* The worst that a hand on two buttons can do. */
static void interlock__storm__never_two_and_never_too_soon(void **state)
{
        struct house *house = start_with(state, UP DOWN);
        static const char *const ids[] = { "up", "down" }, *const words[] = { "TOGGLE", "ON", "TOGGLE", "OFF" };
        int last = -1;
        uint64_t off_us = 0, now_us = 0;

        srand(1);
        for (int i = 0; i < 3000; i++) {
                house_set(house, ids[rand() % 2], words[rand() % 4]);
                uint64_t step_us = (uint64_t)(rand() % 300) * USEC_PER_MSEC;
                for (uint64_t at_us = 0; at_us <= step_us; at_us += 10 * USEC_PER_MSEC) {
                        assert_false(up(house) && down(house));
                        int is = up(house) ? 0 : down(house) ? 1 : -1;
                        if (is >= 0 && last >= 0 && is != last)
                                assert_true(now_us - off_us >= DEAD - 10 * USEC_PER_MSEC);
                        if (is >= 0) {
                                last = is;
                                off_us = now_us;
                        }
                        house_pass(house, 10 * USEC_PER_MSEC);
                        now_us += 10 * USEC_PER_MSEC;
                }
        }
}

static void interlock__for__counts_from_when_it_is_on(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "{\"for\":\"2s\"}");
        house_pass(house, DEAD);
        assert_are(house, 0, 1);
        house_pass(house, 2 * SECOND - 1);
        assert_are(house, 0, 1);
        house_pass(house, 1);
        assert_are(house, 0, 0);
}

/* A compressor that has to run runs; the heater waits. */
static void interlock__other_has_to_run_on__waits_for_it_and_the_dead_time(void **state)
{
        struct house *house = start_with(state, UP "min_on = 60s\n" DOWN);

        house_set(house, "up", "ON");
        house_pass(house, 20 * SECOND);
        house_set(house, "down", "ON");
        assert_are(house, 1, 0);
        house_pass(house, 40 * SECOND);
        assert_are(house, 0, 0);
        house_pass(house, DEAD - 1);
        assert_are(house, 0, 0);
        house_pass(house, 1);
        assert_are(house, 0, 1);
}

/* What a plugin wants to do later by itself is over, too. */
static void interlock__other_waits_for_min_off__gives_way(void **state)
{
        struct house *house = start_with(state, UP "min_off = 60s\n" DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        assert_are(house, 0, 1);
        house_pass(house, 120 * SECOND);
        assert_are(house, 0, 1);
}

/* Anyone who does not ask is stopped at the line. */
static void interlock__plugin_by_itself__is_not_let(void **state)
{
        struct house *house = *state;

        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        house_apply(house, "[lamp red]\nled = ACT\ninterlock = two\n"
                           "[lamp green]\nline = GPIO5\ninterlock = two\n");
        house_set(house, "red", "{\"effect\":\"blink\"}");
        house_pass(house, SECOND / 2); /* the dead time from the start: now it is lit */
        assert_int_equal(sysfs_tree_number(house->gpio.dir, "class/leds/ACT/brightness"), 255);
        house_pass(house, SECOND / 2); /* it blinks, and is dark: it may not light up any more */
        assert_int_equal(sysfs_tree_number(house->gpio.dir, "class/leds/ACT/brightness"), 0);
        house_set(house, "green", "ON");
        house_pass(house, SECOND / 2);
        assert_int_equal(up(house), 1);
        for (int i = 0; i < 20; i++) {
                house_pass(house, SECOND / 4);
                assert_int_equal(sysfs_tree_number(house->gpio.dir, "class/leds/ACT/brightness"), 0);
        }
}

/* Half dark is not dark. */
static void interlock__other_fades__waits_until_it_is_dark(void **state)
{
        struct house *house = *state;

        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        house_apply(house, "[lamp red]\nled = ACT\ninterlock = two\ntransition = 3s\n"
                           "[lamp green]\nline = GPIO5\ninterlock = two\n");
        house_pass(house, SECOND);
        house_set(house, "red", "ON");
        house_pass(house, 3 * SECOND);
        house_set(house, "green", "ON");
        house_assert_published(house, "red", DEVICE_STATE,
                               "{\"state\":\"OFF\",\"effect\":\"none\",\"brightness\":255}");
        house_pass(house, 3 * SECOND + 499 * USEC_PER_MSEC);
        assert_int_equal(up(house), 0);
        house_pass(house, USEC_PER_MSEC);
        assert_int_equal(up(house), 1);
}

/* A device with two outputs is one member: its own may be on together. */
static void interlock__member_with_two_outputs__both_go_off(void **state)
{
        struct house *house = start_with(state, UP "[twin pair]\none = GPIO6\ntwo = GPIO7\ninterlock = motor\n");

        house_set(house, "pair", "{\"one\":\"ON\",\"two\":\"ON\"}");
        assert_are(house, 0, 1);
        assert_int_equal(sim_value(&house->gpio, 7), 1);
        house_set(house, "up", "ON");
        assert_are(house, 0, 0);
        assert_int_equal(sim_value(&house->gpio, 7), 0);
        house_pass(house, DEAD);
        assert_are(house, 1, 0);
        house_set(house, "pair", "{\"two\":\"OFF\"}"); /* asks for nothing */
        assert_are(house, 1, 0);
        house_set(house, "pair", "{\"two\":\"ON\"}");
        assert_are(house, 0, 0);
}

/* What waits in one group, and what is on in it, is nothing to another. */
static void interlock__two_groups__each_by_itself(void **state)
{
        struct house *house = start_with(state, UP DOWN IN OUT);

        house_set(house, "in", "ON");
        house_set(house, "up", "ON");
        assert_are(house, 1, 0);
        assert_int_equal(sim_value(&house->gpio, 7), 1);
        house_set(house, "down", "ON");
        house_set(house, "out", "ON");
        house_pass(house, 300 * USEC_PER_MSEC);
        assert_are(house, 0, 0);
        assert_int_equal(sim_value(&house->gpio, 7), 0);
        assert_int_equal(sim_value(&house->gpio, 8), 1);
        house_pass(house, DEAD - 300 * USEC_PER_MSEC);
        assert_are(house, 0, 1);
}

static void off_within_a_moment(struct house *house, const char *device)
{
        static const char off[] = "{\"state\":\"OFF\",\"id\":\"7\"}";

        home_command(house->devices, device, NULL, off, sizeof(off) - 1,
                     &(struct command_meta){ .expires_us = loop_now_us(&house->gpio.loop) + 1 });
        house_assert_result(house, device, "{\"ok\":true,\"id\":\"7\"}");
}

/* OFF needs no dead time, so none can be longer than it is wanted. */
static void interlock__off_wanted_for_a_moment__off_at_once(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        off_within_a_moment(house, "down");
        assert_are(house, 1, 0);
        off_within_a_moment(house, "up");
        assert_are(house, 0, 0);
}

/* What cannot be switched off keeps the others off, and what is off keeps nobody, obedient or not. */
static void interlock__other_refuses_to_go_off__stays_off_as_long(void **state)
{
        struct house *house = *state;
        char fifo[PATH_MAX], config[PATH_MAX + 200];

        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        house_path(house, "fifo", fifo);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        (void)snprintf(config, sizeof(config), UP "[stubborn mule]\nled = ACT\nfifo = %s\ninterlock = motor\n", fifo);
        start_with(state, config);
        house_set(house, "up", "ON");
        assert_int_equal(up(house), 1);
        house_set(house, "up", "OFF");
        house_pass(house, DEAD);
        house_write(house, "fifo", "1\n");
        house_wait_published(house, "mule", DEVICE_STATE, house_count(house, "mule", DEVICE_STATE) + 1);
        house_forget(house);
        house_set(house, "up", "{\"state\":\"ON\",\"id\":\"7\"}");
        assert_int_equal(up(house), 0);
        house_assert_result(house, "up",
                            "{\"ok\":false,\"id\":\"7\",\"code\":\"busy\",\"message\":\"its interlock motor keeps it "
                            "off: mule could not be switched off\"}");
        house_pass(house, 10 * SECOND);
        assert_int_equal(up(house), 0);
}

/* A member that cannot start keeps nobody off, and begins nobody's dead time when it does. */
static void interlock__member_starts_while_another_is_on__stays_off(void **state)
{
        struct house *house = start_with(state, UP "[lamp red]\nled = ACT\ninterlock = motor\npower_on = on\n");

        house_set(house, "up", "ON");
        assert_int_equal(up(house), 1);
        sysfs_tree_led(house->gpio.dir, "ACT", 255);
        house_pass(house, 60 * SECOND);
        house_assert_published(house, "red", DEVICE_STATE,
                               "{\"state\":\"OFF\",\"effect\":\"none\",\"brightness\":255}");
        house_set(house, "up", "OFF");
        house_set(house, "up", "ON"); /* was on last: no need to wait */
        assert_int_equal(up(house), 1);
        assert_int_equal(sysfs_tree_number(house->gpio.dir, "class/leds/ACT/brightness"), 0);
}

/* ---- From the start on --------------------------------------------------------------------------------- */

static void interlock__start__dead_time_first(void **state)
{
        struct house *house = *state;

        house_apply(house, UP DOWN);
        house_set(house, "up", "ON");
        assert_are(house, 0, 0);
        house_pass(house, DEAD);
        assert_are(house, 1, 0);
}

/* Whatever its plugin asks for. */
static void interlock__member_opens_its_line_as_it_is_found__off(void **state)
{
        struct house *house = *state;

        sim_pull(&house->gpio, 5, "pull-up");
        sim_pull(&house->gpio, 17, "pull-up");
        fixture_settle(&house->gpio);
        house_apply(house, "[relay up]\nline = GPIO5\nas_found = yes\ninterlock = motor\n" DOWN
                           "[relay alone]\nline = GPIO17\nas_found = yes\n");
        assert_int_equal(up(house), 0);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
}

static void interlock__power_on__brings_one_on(void **state)
{
        struct house *house = *state;

        house_apply(house, UP "power_on = on\n" DOWN "power_on = on\n");
        assert_are(house, 0, 0);
        assert_true(house_logged(house, "down: stays off: another one of its interlock motor is to be on"));
        house_pass(house, DEAD);
        assert_are(house, 1, 0);
        house_pass(house, 10 * SECOND);
        assert_are(house, 1, 0);
}

/* Nobody knows what was on when the process was killed. */
static void interlock__after_a_crash__off_dead_time_and_back(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        house_pass(house, DEAD);
        house_crash(house);
        house_apply(house, UP DOWN);
        assert_are(house, 0, 0);
        house_pass(house, DEAD - 1);
        assert_are(house, 0, 0);
        house_pass(house, 1);
        assert_are(house, 0, 1);
        house_assert_published(house, "down", DEVICE_STATE, ON);
}

static void interlock__max_on__off_while_another_waits(void **state)
{
        struct house *house = start_with(state, UP "min_on = 60s\nmax_on = 30s\n" DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        house_pass(house, 30 * SECOND);
        assert_are(house, 0, 0);
        house_pass(house, DEAD);
        assert_are(house, 0, 1);
}

/* ---- Reload -------------------------------------------------------------------------------------------- */

static void interlock__reload_changes_a_member__off_first_then_back(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_apply(house, UP DOWN "bias = disabled\n");
        assert_are(house, 0, 0);
        assert_true(house_logged(house, "up: its interlock motor changes: switched off first"));
        house_pass(house, DEAD - 1);
        assert_are(house, 0, 0);
        house_pass(house, 1);
        assert_are(house, 1, 0);
        house_assert_published(house, "up", DEVICE_STATE, ON);
}

static void interlock__reload_changes_the_one_that_is_on__off_first_then_back(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_apply(house, UP "bias = disabled\n" DOWN);
        assert_are(house, 0, 0);
        house_pass(house, DEAD - 1);
        assert_are(house, 0, 0);
        house_pass(house, 1);
        assert_are(house, 1, 0);
}

static void interlock__reload_takes_members_away__off_first(void **state)
{
        struct house *house = start_with(state, UP DOWN "[switch side]\nline = GPIO7\ninterlock = motor\n");

        house_set(house, "up", "ON");
        house_apply(house, DOWN "[switch side]\nline = GPIO7\ninterlock = motor\n");
        assert_int_equal(up(house), 0);
        house_set(house, "down", "ON");
        assert_int_equal(down(house), 0);
        house_pass(house, DEAD); /* the longest of those that are left is 500 ms */
        assert_int_equal(down(house), 1);
        house_apply(house, "[lamp kitchen]\nline = GPIO17\n");
        assert_int_equal(down(house), 0);
}

static void interlock__reload_lets_one_out__is_as_it_was(void **state)
{
        struct house *house = start_with(state, UP DOWN "[switch side]\nline = GPIO7\ninterlock = motor\n");

        house_set(house, "up", "ON");
        house_apply(house, "[switch up]\nline = GPIO5\n" DOWN "[switch side]\nline = GPIO7\ninterlock = motor\n");
        assert_int_equal(up(house), 1);
        house_set(house, "down", "ON");
        house_pass(house, DEAD);
        assert_are(house, 1, 1); /* they are on their own now */
}

/* A member that joins another group, or comes new into none, is no change of this one. */
static void interlock__reload_changes_another_group__not_touched(void **state)
{
        struct house *house = start_with(state, UP DOWN IN OUT);

        house_set(house, "up", "ON");
        house_set(house, "in", "ON");
        size_t edges = sim_edge_count(&house->gpio, 5);
        house_apply(house, UP DOWN IN OUT "bias = disabled\n[switch side]\nline = GPIO9\n"
                                          "[switch more]\nline = GPIO10\ninterlock = valve\n");
        assert_int_equal(sim_value(&house->gpio, 7), 0);
        house_pass(house, 10 * SECOND);
        assert_int_equal(sim_value(&house->gpio, 7), 1);
        assert_are(house, 1, 0);
        assert_int_equal(sim_edge_count(&house->gpio, 5), edges);
}

/* Who comes new into the group may bring a longer dead time. */
static void interlock__reload_brings_a_new_member__off_first_then_back(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_apply(house, UP DOWN "[switch side]\nline = GPIO7\ninterlock = motor\ndead_time = 5s\n");
        assert_are(house, 0, 0);
        house_pass(house, 5 * SECOND - 1);
        assert_are(house, 0, 0);
        house_pass(house, 1);
        assert_are(house, 1, 0);
}

/* A member that could not start is not there to be switched off. */
static void interlock__reload_with_a_member_that_does_not_start__off_first_then_back(void **state)
{
        struct house *house = start_with(state, UP DOWN "[lamp red]\nled = ACT\ninterlock = motor\n");

        house_set(house, "up", "ON");
        house_apply(house, UP DOWN "bias = disabled\n[lamp red]\nled = ACT\ninterlock = motor\n");
        assert_are(house, 0, 0);
        house_pass(house, DEAD);
        assert_are(house, 1, 0);
}

/* The first of two outputs comes back alone. */
static void interlock__reload_of_a_member_with_two_outputs__one_comes_back(void **state)
{
        struct house *house = start_with(state, UP TWIN);

        house_set(house, "pair", "{\"one\":\"ON\",\"two\":\"ON\"}");
        house_apply(house, UP TWIN "one_bias = disabled\n");
        assert_are(house, 0, 0);
        assert_int_equal(sim_value(&house->gpio, 7), 0);
        house_pass(house, DEAD);
        assert_are(house, 0, 1);
        assert_int_equal(sim_value(&house->gpio, 7), 0);
}

static void interlock__reload_of_something_else__not_touched(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        size_t edges = sim_edge_count(&house->gpio, 5);
        house_apply(house, UP "name = Up\n" DOWN "[lamp kitchen]\nline = GPIO17\n");
        house_pass(house, 10 * SECOND);
        assert_are(house, 1, 0);
        assert_int_equal(sim_edge_count(&house->gpio, 5), edges);
}

/* A rule may be called like a device. */
static void interlock__reload_brings_a_rule_called_like_a_member__not_touched(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        size_t edges = sim_edge_count(&house->gpio, 5);
        house_apply(house, UP DOWN "[rule up]\nwhen = down.state = ON\nthen = down OFF\n");
        house_pass(house, 10 * SECOND);
        assert_are(house, 1, 0);
        assert_int_equal(sim_edge_count(&house->gpio, 5), edges);
}

static void interlock__reload_while_one_waits__waits_again(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        house_pass(house, DEAD / 2);
        house_apply(house, UP "bias = disabled\n" DOWN);
        house_pass(house, DEAD - 1);
        assert_are(house, 0, 0);
        house_pass(house, 1);
        assert_are(house, 0, 1);
}

/* The dead time begins again at a reload, and may take longer than the command is wanted. */
static void interlock__expires_in_a_reload__not_switched(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        set_until(house, "down", DEAD + DEAD / 4);
        house_pass(house, DEAD / 2);
        house_apply(house, UP "bias = disabled\n" DOWN);
        house_pass(house, DEAD);
        assert_are(house, 0, 0);
        assert_true(house_logged(house, "has expired meanwhile"));
        set_until(house, "down", DEAD / 2);
        assert_are(house, 0, 1);
}

/* The one that waits is made again itself. */
static void interlock__expires_in_its_own_reload__not_switched(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        set_until(house, "down", DEAD + DEAD / 4);
        house_pass(house, DEAD / 2);
        house_apply(house, UP DOWN "bias = disabled\n");
        house_pass(house, DEAD);
        assert_are(house, 0, 0);
        assert_true(house_logged(house, "has expired meanwhile"));
}

/* Nobody counts a pulse any more. */
static void interlock__reload_in_a_for__stays_off(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "{\"for\":\"1h\"}");
        house_apply(house, UP DOWN "bias = disabled\n");
        house_pass(house, 10 * SECOND);
        assert_are(house, 0, 0);
}

/* Nor one that had not begun: it would be on for ever now. */
static void interlock__reload_while_a_for_waits__stays_off(void **state)
{
        struct house *house = start_with(state, UP DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "{\"for\":\"2s\"}");
        house_apply(house, UP "bias = disabled\n" DOWN);
        house_pass(house, 10 * SECOND);
        assert_are(house, 0, 0);
}

static void interlock__reload_while_a_pulse_waits__stays_off(void **state)
{
        struct house *house = start_with(state, UP DOWN "pulse = 2s\n");

        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        house_apply(house, UP DOWN "pulse = 2s\nbias = disabled\n");
        for (int i = 0; i < 10; i++) {
                house_pass(house, DEAD);
                assert_are(house, 0, 0);
        }
}

/* The one that was on has been switched off: it is the other one's turn. */
static void interlock__reload_while_one_waits_for_min_on__the_newest_wins(void **state)
{
        struct house *house = start_with(state, UP "min_on = 60s\n" DOWN);

        house_set(house, "up", "ON");
        house_set(house, "down", "ON");
        assert_are(house, 1, 0);
        house_apply(house, UP "min_on = 60s\n" DOWN "bias = disabled\n");
        assert_are(house, 0, 0);
        house_pass(house, DEAD);
        assert_are(house, 0, 1);
}

static void interlock__reload_while_a_for_waits_for_min_on__both_off(void **state)
{
        struct house *house = start_with(state, DOWN UP "min_on = 60s\n");

        house_set(house, "up", "ON");
        house_set(house, "down", "{\"for\":\"2s\"}");
        assert_are(house, 1, 0);
        house_apply(house, DOWN "bias = disabled\n" UP "min_on = 60s\n");
        house_pass(house, 10 * SECOND);
        assert_are(house, 0, 0);
}

/* ---- The config ---------------------------------------------------------------------------------------- */

static void interlock__configs__what_is_wrong(void **state)
{
        static const char others[] = "on is not possible in an interlock group: the others may be on\n";
        char expected[300];

        house_assert_wrong(*state, UP DOWN, "");
        house_assert_wrong(*state, UP, "a.conf:3: [switch up] interlock: no other device is in the group motor\n");
        house_assert_wrong(*state, UP DOWN "[switch side]\nline = GPIO7\ninterlock = mtor\n",
                           "a.conf:10: [switch side] interlock: no other device is in the group mtor; did you mean "
                           "motor\n");
        house_assert_wrong(*state, UP DOWN "[switch side]\nline = GPIO7\ninterlock = [ \"gate\", \"valve\" ]\n",
                           "a.conf:10: [switch side] interlock: takes one value, not a list\n");
        house_assert_wrong(*state, UP DOWN "power_on = keep\n",
                           "a.conf:8: [switch down] power_on: keep is not possible in an interlock group: all are off "
                           "at first\n");
        (void)snprintf(expected, sizeof(expected), "a.conf:8: [switch down] on_exit: %s", others);
        house_assert_wrong(*state, UP DOWN "on_exit = on\n", expected);
        (void)snprintf(expected, sizeof(expected), "a.conf:8: [switch down] on_offline: %s", others);
        house_assert_wrong(*state, UP DOWN "on_offline = on\n", expected);
        house_assert_wrong(*state, "[switch up]\nline = GPIO5\ndead_time = 1s\n",
                           "a.conf:3: [switch up] dead_time: it goes with an interlock, which is missing\n");
        house_assert_wrong(*state,
                           "[switch a]\nline = 5\ninterlock = Motor One\n[switch b]\nline = 6\ninterlock = Motor One\n",
                           "a.conf:3: [switch a] interlock: a group is called like a device: [a-z0-9][a-z0-9_-]*\n"
                           "a.conf:6: [switch b] interlock: a group is called like a device: [a-z0-9][a-z0-9_-]*\n");
        house_assert_wrong(*state, "[cover blind]\nup = GPIO5\ndown = GPIO6\nup_time = 10s\ninterlock = motor\n" UP,
                           "a.conf:5: [cover blind] interlock: unknown key; `sconced --describe cover` lists the "
                           "keys\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(interlock__on_while_another_is_on__off_dead_time_on),
                TEST(interlock__wanted_for_less_than_the_dead_time__expired),
                TEST(interlock__expires_while_the_other_must_go_on__not_switched),
                TEST(interlock__same_one_again__needs_no_dead_time),
                TEST(interlock__off_long_ago__on_at_once),
                TEST(interlock__commands_in_the_dead_time__the_newest_wins),
                TEST(interlock__storm__never_two_and_never_too_soon),
                TEST(interlock__for__counts_from_when_it_is_on),
                TEST(interlock__other_has_to_run_on__waits_for_it_and_the_dead_time),
                TEST(interlock__other_waits_for_min_off__gives_way),
                TEST(interlock__plugin_by_itself__is_not_let),
                TEST(interlock__other_fades__waits_until_it_is_dark),
                TEST(interlock__member_with_two_outputs__both_go_off),
                TEST(interlock__two_groups__each_by_itself),
                TEST(interlock__off_wanted_for_a_moment__off_at_once),
                TEST(interlock__other_refuses_to_go_off__stays_off_as_long),
                TEST(interlock__member_starts_while_another_is_on__stays_off),
                TEST(interlock__start__dead_time_first),
                TEST(interlock__member_opens_its_line_as_it_is_found__off),
                TEST(interlock__power_on__brings_one_on),
                TEST(interlock__after_a_crash__off_dead_time_and_back),
                TEST(interlock__max_on__off_while_another_waits),
                TEST(interlock__reload_changes_a_member__off_first_then_back),
                TEST(interlock__reload_changes_the_one_that_is_on__off_first_then_back),
                TEST(interlock__reload_takes_members_away__off_first),
                TEST(interlock__reload_lets_one_out__is_as_it_was),
                TEST(interlock__reload_changes_another_group__not_touched),
                TEST(interlock__reload_brings_a_new_member__off_first_then_back),
                TEST(interlock__reload_with_a_member_that_does_not_start__off_first_then_back),
                TEST(interlock__reload_of_a_member_with_two_outputs__one_comes_back),
                TEST(interlock__reload_of_something_else__not_touched),
                TEST(interlock__reload_brings_a_rule_called_like_a_member__not_touched),
                TEST(interlock__reload_while_one_waits__waits_again),
                TEST(interlock__expires_in_a_reload__not_switched),
                TEST(interlock__expires_in_its_own_reload__not_switched),
                TEST(interlock__reload_in_a_for__stays_off),
                TEST(interlock__reload_while_a_for_waits__stays_off),
                TEST(interlock__reload_while_a_pulse_waits__stays_off),
                TEST(interlock__reload_while_one_waits_for_min_on__the_newest_wins),
                TEST(interlock__reload_while_a_for_waits_for_min_on__both_off),
                TEST(interlock__configs__what_is_wrong),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
