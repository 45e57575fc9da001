/* SPDX-License-Identifier: Apache-2.0 */
/* What people press, turn, open and count, and what that moves: through the broker, on the lines of the chip.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"
#include "util/cleanup.h"
#include "util/clock.h"

enum {
        MOTION = 24,
        WALL = 5,
        HOLD = 6,
        BELL = 12,
        GATE_UP = 25,
        GATE_DOWN = 26,
        GATE_STOP = 13,
        METER = 18,
        KNOB_A = 7,
        KNOB_B = 8,
        DIAL_A = 9,
        DIAL_B = 10
};

#define BLIND "[cover blind]\nup = GPIO20\ndown = GPIO21\nup_time = 200ms\ndead_time = 50ms\n"

static const char devices[] = "[switch pump]\nline = GPIO22\n"
                              "[contact motion]\nline = GPIO24\nbias = pull-down\ndevice_class = motion\n"
                              "off_delay = 300ms\n"
                              /* No answer depends on how fast this machine presses. */
                              "[button wall]\nline = GPIO5\nbias = pull-down\ndebounce = 0ms\npresses = 2\n"
                              "double_time = 5s\nlong_time = 1m\n"
                              "[button hold]\nline = GPIO6\nbias = pull-down\ndebounce = 0ms\n"
                              "long_time = 100ms\n"
                              "[button bell]\nline = GPIO12\nbias = pull-down\npresses = 2\nlong_time = 1m\n"
                              "[cover gate]\nup = GPIO25\ndown = GPIO26\nup_time = 1h\ndevice_class = gate\n"
                              "up_stop = GPIO13\nup_stop_bias = pull-down\nup_stop_debounce = 0ms\n"
                              "[counter meter]\nline = GPIO18\nbias = pull-down\nunit = kWh\nfactor = 0.001\n"
                              "every = 100ms\n"
                              "[encoder knob]\na = GPIO7\na_bias = pull-down\nb = GPIO8\nb_bias = pull-down\n"
                              "[encoder dial]\na = GPIO9\na_bias = pull-down\nb = GPIO10\nb_bias = pull-down\n"
                              "max = 10\n" BLIND;

static int open_stage(void **state)
{
        (void)stage_open_bare(state);
        stage.hall = daemon_new(&(struct daemon_options){ .name = "hall",
                                                          .broker = stage.broker,
                                                          .pki = stage.pki,
                                                          .node = "save_after = 50ms\n",
                                                          .devices = devices });
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        return 0;
}

static bool never(void *userdata)
{
        (void)userdata;
        return false;
}

/* How long a hand takes. */
static void for_ms(unsigned ms)
{
        assert_false(pump_until(never, NULL, ms));
}

static void pull(unsigned offset, bool up)
{
        chip_pull(stage.hall->lines, offset, up);
        chip_wait(stage.hall->lines, offset, up);
        /* The kernel ring makes one edge of all changes within a tick. */
        if (chip_is_kernel())
                for_ms(5);
}

/* ---- contact ------------------------------------------------------------------------------------------- */

static void contact__device_class__is_in_info(void **state)
{
        (void)state;
        struct client *late = stage_client("tester", "late");
        client_subscribe(late, "sconce/hall/info");
        const struct message *info = client_wait(late, "sconce/hall/info", NULL, NULL);
        assert_string_equal(json_member(info, "devices.motion.channels.state.class"), "motion");
        client_free(late);
}

static void contact__off_delay__stays_on_until_it_is_over(void **state)
{
        (void)state;
        pull(MOTION, true);
        (void)client_wait_json(stage.tester, "sconce/hall/motion/state", "state", "ON");
        uint64_t let_go_us = now_us();
        pull(MOTION, false);
        (void)client_wait_json(stage.tester, "sconce/hall/motion/state", "state", "OFF");
        assert_true(now_us() - let_go_us >= 300000);
}

/* ---- button -------------------------------------------------------------------------------------------- */

static void press(unsigned offset)
{
        pull(offset, true);
        pull(offset, false);
}

static void expect_event(const char *topic, const char *channel, const char *type)
{
        const struct message *event = client_wait(stage.tester, topic, NULL, NULL);

        assert_string_equal(json_member(event, "channel"), channel);
        assert_string_equal(json_member(event, "event_type"), type);
        assert_false(event->retain);
}

static void button__pressed_twice__double(void **state)
{
        (void)state;
        press(WALL);
        press(WALL);
        expect_event("sconce/hall/wall/event", "press", "double");
}

static void button__held__long_then_release(void **state)
{
        (void)state;
        pull(HOLD, true);
        expect_event("sconce/hall/hold/event", "press", "long");
        pull(HOLD, false);
        expect_event("sconce/hall/hold/event", "press", "release");
}

/* The loop stands still while `act` happens to the line, and for `ms` more. */
static void meanwhile(void (*act)(unsigned offset), unsigned offset, unsigned ms)
{
        process_signal(stage.hall->process, SIGSTOP);
        act(offset);
        for_ms(ms);
        process_signal(stage.hall->process, SIGCONT);
}

static void needs_kernel_times(void)
{
        if (chip_is_kernel())
                return;
        print_message("skipped: the simulated chip stamps an edge when the agent sees it\n");
        skip();
}

static void press_slowly_twice(unsigned offset)
{
        for (int i = 0; i < 2; i++) {
                pull(offset, true);
                for_ms(100);
                pull(offset, false);
                for_ms(600);
        }
}

static void busy_loop__presses_far_apart__two_singles_though_they_come_at_once(void **state)
{
        (void)state;
        needs_kernel_times();
        meanwhile(press_slowly_twice, BELL, 0);
        expect_event("sconce/hall/bell/event", "press", "single");
        expect_event("sconce/hall/bell/event", "press", "single");
}

static void busy_loop__second_press_heard_of_too_late__double(void **state)
{
        (void)state;
        needs_kernel_times();
        press(WALL);
        stage_settle();
        meanwhile(press, WALL, 5500);
        expect_event("sconce/hall/wall/event", "press", "double");
}

/* ---- cover --------------------------------------------------------------------------------------------- */

struct place {
        const char *state, *position;
};

static bool is_at(const struct message *message, const void *userdata)
{
        const struct place *place = userdata;
        const char *state = json_member(message, "state"), *position = json_member(message, "position");

        return state && position && strcmp(state, place->state) == 0 && strcmp(position, place->position) == 0;
}

static void expect_cover(const char *device, const char *state_text, const char *position)
{
        const struct place place = { state_text, position };
        char topic[64];

        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/state", device);
        (void)client_wait(stage.tester, topic, is_at, &place);
}

static void cover__words__lines_and_state_follow(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/gate/set", "OPEN");
        chip_wait(stage.hall->lines, GATE_UP, 1);
        expect_cover("gate", "opening", "null");
        client_send(stage.tester, "sconce/hall/gate/set", "CLOSE");
        chip_wait(stage.hall->lines, GATE_DOWN, 1);
        assert_int_equal(chip_value(stage.hall->lines, GATE_UP), 0);
        expect_cover("gate", "closing", "null");
        client_send(stage.tester, "sconce/hall/gate/set", "{\"state\":\"stop\"}");
        chip_wait(stage.hall->lines, GATE_DOWN, 0);
        expect_cover("gate", "stopped", "null");
}

static void cover__end_stop__halts_it(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/gate/set", "OPEN");
        chip_wait(stage.hall->lines, GATE_UP, 1);
        pull(GATE_STOP, true);
        chip_wait(stage.hall->lines, GATE_UP, 0);
        expect_cover("gate", "open", "100");
        client_send(stage.tester, "sconce/hall/gate/set/position", "40");
        chip_wait(stage.hall->lines, GATE_DOWN, 1);
        client_send(stage.tester, "sconce/hall/gate/set", "STOP");
        chip_wait(stage.hall->lines, GATE_DOWN, 0);
        pull(GATE_STOP, false);
}

static void cover__position__by_time(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/blind/set", "OPEN");
        expect_cover("blind", "open", "100");
        client_send(stage.tester, "sconce/hall/blind/set", "50");
        (void)client_wait_json(stage.tester, "sconce/hall/blind/state", "state", "closing");
        const struct message *m = client_wait_json(stage.tester, "sconce/hall/blind/state", "state", "stopped");
        int position = atoi(json_member(m, "position"));
        assert_true(position > 0 && position <= 50); /* a busy machine goes further, and knows it */
        client_send(stage.tester, "sconce/hall/blind/set", "CLOSE");
        expect_cover("blind", "closed", "0");
}

static void cover__out_of_range__refused(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/blind/set", "{\"position\":101,\"id\":\"far\"}");
        stage_wait_result("blind", "far", "range");
}

/* A new section and a clean stop know where it stands; after a crash nobody does. */
static void cover__restarts_and_a_crash__known_and_unknown(void **state)
{
        char *other = NULL;

        (void)state;
        client_send(stage.tester, "sconce/hall/blind/set", "OPEN");
        expect_cover("blind", "open", "100");
        assert_true(asprintf(&other, "%smargin = 20\n", devices) > 0);
        daemon_write_config(stage.hall, other);
        free(other);
        process_signal(stage.hall->process, SIGHUP);
        (void)process_wait_log(stage.hall->process, "reloaded", SOON_MS);
        client_send(stage.tester, "sconce/hall/blind/get", "");
        expect_cover("blind", "open", "100");

        daemon_stop(stage.hall);
        client_forget(stage.tester);
        daemon_start(stage.hall);
        expect_cover("blind", "open", "100");

        daemon_kill(stage.hall);
        client_forget(stage.tester);
        daemon_start(stage.hall);
        expect_cover("blind", "stopped", "null");
}

/* What the record of edges shows of two lines, in order: never both. */
static void expect_never_both(unsigned a, unsigned b)
{
        char path[1024];
        unsigned at;
        int level, on[2] = { 0, 0 };

        (void)snprintf(path, sizeof(path), "%s/edges", stage.hall->lines);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        assert_non_null(file);
        while (fscanf(file, "%*u %u %d", &at, &level) == 2) {
                if (at == a || at == b)
                        on[at == b] = level;
                assert_false(on[0] && on[1]);
        }
}

static void cover__hasty_commands__never_both_lines(void **state)
{
        (void)state;
        chip_needs_edges();
        for (int i = 0; i < 50; i++)
                client_send(stage.tester, "sconce/hall/gate/set", i % 2 ? "OPEN" : "CLOSE");
        chip_wait(stage.hall->lines, GATE_UP, 1);
        client_send(stage.tester, "sconce/hall/gate/set", "STOP");
        chip_wait(stage.hall->lines, GATE_UP, 0);
        expect_never_both(GATE_UP, GATE_DOWN);
}

/* ---- counter ------------------------------------------------------------------------------------------- */

/* As fast as the chip can distinguish one edge from the next. */
static void pulse(unsigned offset)
{
        for (int up = 1; up >= 0; up--) {
                if (chip_is_kernel()) {
                        pull(offset, up);
                        continue;
                }
                uint64_t deadline_us = now_us() + SOON_MS * USEC_PER_MSEC;
                chip_pull(stage.hall->lines, offset, up);
                while (chip_value(stage.hall->lines, offset) != up && now_us() < deadline_us)
                        ;
        }
}

static void counter__pulses__none_is_lost(void **state)
{
        unsigned count = chip_is_kernel() ? 200 : 2000;
        char total[32];

        (void)state;
        client_send(stage.tester, "sconce/hall/meter/set", "100");
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "100");
        uint64_t from_us = now_us();
        for (unsigned i = 0; i < count; i++)
                pulse(METER);
        uint64_t took_us = now_us() - from_us;
        print_message("%u pulses at %.0f a second\n", count, count * 1e6 / (double)took_us);
        (void)snprintf(total, sizeof(total), "%g", 100 + count * 0.001);
        const struct message *m = client_wait_json(stage.tester, "sconce/hall/meter/state", "total", total);
        assert_string_not_equal(json_member(m, "rate"), "null");
}

static void counter__total__can_be_set_and_nothing_else(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/meter/set", "{\"total\":42.5,\"id\":\"dial\"}");
        stage_wait_result("meter", "dial", NULL);
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "42.5");
        client_send(stage.tester, "sconce/hall/meter/set", "{\"total\":-1,\"id\":\"below\"}");
        stage_wait_result("meter", "below", "range");
        client_send(stage.tester, "sconce/hall/meter/set", "{\"rate\":1,\"id\":\"rate\"}");
        stage_wait_result("meter", "rate", "read_only");
}

static void counter__agent_starts_again__total_is_as_it_was(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/meter/set", "7");
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "7");
        pulse(METER);
        pulse(METER);
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "7.002");
        daemon_stop(stage.hall);
        client_forget(stage.tester);
        daemon_start(stage.hall);
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "7.002");
        pulse(METER);
        (void)client_wait_json(stage.tester, "sconce/hall/meter/state", "total", "7.003");
}

/* ---- encoder ------------------------------------------------------------------------------------------- */

static void turn(unsigned first, unsigned second)
{
        pull(first, true);
        pull(second, true);
        pull(first, false);
        pull(second, false);
}

static void encoder__turned__events(void **state)
{
        (void)state;
        turn(KNOB_A, KNOB_B);
        expect_event("sconce/hall/knob/event", "turn", "clockwise");
        turn(KNOB_B, KNOB_A);
        expect_event("sconce/hall/knob/event", "turn", "counterclockwise");
}

static void encoder__number__turned_and_set(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/dial/set", "8");
        (void)client_wait_json(stage.tester, "sconce/hall/dial/state", "value", "8");
        for (int i = 0; i < 3; i++)
                turn(DIAL_A, DIAL_B);
        (void)client_wait_json(stage.tester, "sconce/hall/dial/state", "value", "10");
        turn(DIAL_B, DIAL_A);
        (void)client_wait_json(stage.tester, "sconce/hall/dial/state", "value", "9");
        client_send(stage.tester, "sconce/hall/dial/set", "{\"value\":11,\"id\":\"far\"}");
        stage_wait_result("dial", "far", "range");
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(contact__device_class__is_in_info, stage_forget),
        STAGE_TEST(contact__off_delay__stays_on_until_it_is_over, stage_forget),
        STAGE_TEST(button__pressed_twice__double, stage_forget),
        STAGE_TEST(button__held__long_then_release, stage_forget),
        STAGE_TEST(busy_loop__presses_far_apart__two_singles_though_they_come_at_once, stage_forget),
        STAGE_TEST(busy_loop__second_press_heard_of_too_late__double, stage_forget),
        STAGE_TEST(cover__words__lines_and_state_follow, stage_forget),
        STAGE_TEST(cover__end_stop__halts_it, stage_forget),
        STAGE_TEST(cover__position__by_time, stage_forget),
        STAGE_TEST(cover__out_of_range__refused, stage_forget),
        STAGE_TEST(cover__hasty_commands__never_both_lines, stage_forget),
        STAGE_TEST(counter__pulses__none_is_lost, stage_forget),
        STAGE_TEST(counter__total__can_be_set_and_nothing_else, stage_forget),
        STAGE_TEST(counter__agent_starts_again__total_is_as_it_was, stage_forget),
        STAGE_TEST(encoder__turned__events, stage_forget),
        STAGE_TEST(encoder__number__turned_and_set, stage_forget),
        STAGE_TEST(cover__restarts_and_a_crash__known_and_unknown, stage_forget),
};

STAGE_MAIN(tests, open_stage)
