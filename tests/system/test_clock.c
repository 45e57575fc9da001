/* SPDX-License-Identifier: Apache-2.0 */
/* Times in messages, under the unit's own system-call filter: with a clock that was right before the start, with a
 * wrong one, and with one that is corrected later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "system/sandbox.h"
#include "system/stage.h"

#define YEAR_S (366 * DAY_S)

static struct {
        const char *file, *env[3];
} machine;

/* In place at once: the daemon may be reading it. */
static void set_clock(long offset_s, const char *word)
{
        const char *next = work_path("clock.new");

        machine.file = work_path("clock");
        write_file(next, "%ld %s\n", offset_s, word);
        assert_int_equal(rename(next, machine.file), 0);
}

static const char *setting(const char *name, const char *value)
{
        char *text = NULL;

        return keep_text(asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text);
}

static struct daemon *start(int (*prepare)(void *userdata))
{
        machine.env[0] = setting("LD_PRELOAD", build_path("tests/preload/clock.so"));
        machine.env[1] = setting("SCONCE_TEST_CLOCK", machine.file);
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                     .broker = stage.broker,
                                                                     .pki = stage.pki,
                                                                     .clock = "auto",
                                                                     .devices = "[lamp good]\nline = GPIO6\n",
                                                                     .env = machine.env,
                                                                     .prepare = prepare });
        daemon_start(daemon);
        return daemon;
}

static bool has_time(const struct message *message, const void *userdata)
{
        const char *time = json_member(message, "time");

        (void)userdata;
        return time && strcmp(time, "null") != 0;
}

static bool has_no_time(const struct message *message, const void *userdata)
{
        return !has_time(message, userdata) && json_member(message, "time");
}

static bool has_problem(const struct message *message, const void *userdata)
{
        const char *problems = json_member(message, "problems");

        return problems && strstr(problems, userdata);
}

static bool has_no_problem(const struct message *message, const void *userdata)
{
        const char *problems = json_member(message, "problems");

        return problems && !strstr(problems, userdata);
}

static void clock__right_before_the_start__every_message_has_its_time(void **state)
{
        (void)state;
        sandbox_read();
        set_clock(0, "right");
        struct daemon *daemon = start(sandbox_enter);
        daemon_wait_online(daemon, stage.tester);
        (void)client_wait(stage.tester, "sconce/attic/node/state", has_no_problem, "clock");
        client_send(stage.tester, "sconce/attic/good/set", "ON");
        (void)client_wait(stage.tester, "sconce/attic/good/state", has_time, NULL);
        assert_false(process_logged(daemon->process, "clock"));
        daemon_stop(daemon);
}

/* It is slowly steered, and never set. */
static void clock__wrong_and_right_later__times_come_with_it(void **state)
{
        (void)state;
        sandbox_read();
        set_clock(0, "wrong");
        struct daemon *daemon = start(sandbox_enter);
        daemon_wait_online(daemon, stage.tester);
        (void)client_wait(stage.tester, "sconce/attic/node/state", has_problem, "clock: not synchronised yet");
        client_send(stage.tester, "sconce/attic/good/set", "ON");
        (void)client_wait(stage.tester, "sconce/attic/good/state", has_no_time, NULL);
        set_clock(0, "right");
        client_send(stage.tester, "sconce/attic/node/get", "");
        (void)client_wait(stage.tester, "sconce/attic/node/state", has_no_problem, "clock");
        /* The lamp's state is published again, though nobody asks for it. */
        (void)client_wait(stage.tester, "sconce/attic/good/state", has_time, NULL);
        daemon_stop(daemon);
}

static void clock__kernel_may_not_be_asked__is_unknown_and_the_log_names_the_way_out(void **state)
{
        (void)state;
        sandbox_read();
        set_clock(0, "right");
        struct daemon *daemon = start(sandbox_enter_without_clock);
        (void)process_wait_log(daemon->process,
                               "does not report whether the clock is synchronised (Operation not permitted)", SOON_MS);
        daemon_wait_online(daemon, stage.tester);
        daemon_stop(daemon);
}

/* Revocation list and certificates are of today, and so of this clock's future. */
static void clock__a_year_behind__the_clock_is_named_and_not_the_revocation_list(void **state)
{
        (void)state;
        set_clock(-YEAR_S, "wrong");
        struct daemon *daemon = start(NULL);
        (void)process_wait_log(daemon->process, "not yet valid", SOON_MS);
        set_clock(0, "right");
        daemon_wait_online(daemon, stage.tester);
        assert_false(process_logged(daemon->process, "revocation list"));
        daemon_stop(daemon);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(clock__right_before_the_start__every_message_has_its_time, stage_forget),
        STAGE_TEST(clock__wrong_and_right_later__times_come_with_it, stage_forget),
        STAGE_TEST(clock__kernel_may_not_be_asked__is_unknown_and_the_log_names_the_way_out, stage_forget),
        STAGE_TEST(clock__a_year_behind__the_clock_is_named_and_not_the_revocation_list, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
