/* SPDX-License-Identifier: Apache-2.0 */
/* What people press, turn, open and count, and what that moves: through the broker, on the lines of the chip.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"

enum { MOTION = 24, WALL = 5, HOLD = 6, BELL = 12 };

static const char devices[] = "[switch pump]\nline = GPIO22\n"
                              "[contact motion]\nline = GPIO24\nbias = pull-down\ndevice_class = motion\n"
                              "off_delay = 300ms\n"
                              /* No answer depends on how fast this machine presses. */
                              "[button wall]\nline = GPIO5\nbias = pull-down\ndebounce = 0ms\npresses = 2\n"
                              "double_time = 5s\nlong_time = 1m\n"
                              "[button hold]\nline = GPIO6\nbias = pull-down\ndebounce = 0ms\n"
                              "long_time = 100ms\n"
                              "[button bell]\nline = GPIO12\nbias = pull-down\npresses = 2\nlong_time = 1m\n";

static int open_stage(void **state)
{
        (void)stage_open_bare(state);
        stage.hall = stage_daemon("hall", devices);
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

static void expect_event(const char *topic, const char *type)
{
        const struct message *event = client_wait(stage.tester, topic, NULL, NULL);

        assert_string_equal(json_member(event, "channel"), "press");
        assert_string_equal(json_member(event, "event_type"), type);
        assert_false(event->retain);
}

static void button__pressed_twice__double(void **state)
{
        (void)state;
        press(WALL);
        press(WALL);
        expect_event("sconce/hall/wall/event", "double");
}

static void button__held__long_then_release(void **state)
{
        (void)state;
        pull(HOLD, true);
        expect_event("sconce/hall/hold/event", "long");
        pull(HOLD, false);
        expect_event("sconce/hall/hold/event", "release");
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
        expect_event("sconce/hall/bell/event", "single");
        expect_event("sconce/hall/bell/event", "single");
}

static void busy_loop__second_press_heard_of_too_late__double(void **state)
{
        (void)state;
        needs_kernel_times();
        press(WALL);
        stage_settle();
        meanwhile(press, WALL, 5500);
        expect_event("sconce/hall/wall/event", "double");
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(contact__device_class__is_in_info, stage_forget),
        STAGE_TEST(contact__off_delay__stays_on_until_it_is_over, stage_forget),
        STAGE_TEST(button__pressed_twice__double, stage_forget),
        STAGE_TEST(button__held__long_then_release, stage_forget),
        STAGE_TEST(busy_loop__presses_far_apart__two_singles_though_they_come_at_once, stage_forget),
        STAGE_TEST(busy_loop__second_press_heard_of_too_late__double, stage_forget),
};

STAGE_MAIN(tests, open_stage)
