/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that end the agent: one during whose start it has died three times in a row is left out, the others go on. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/stage.h"

#include "util/macro.h"

#define LINE   5 /* of the bomb */
#define OTHER  6
#define DEATHS 3

/* Devices of tests/plugins/bomb.c and mine.c, each with its own directory of words. */
static const char *word_path(const char *device, const char *callback)
{
        return work_path("%s/%s", device, callback);
}

static void arm(const char *device, const char *callback, const char *word)
{
        write_file(word_path(device, callback), "%s\n", word);
}

static void defuse(const char *device, const char *callback)
{
        assert_int_equal(unlink(word_path(device, callback)), 0);
}

static const char *section(const char *plugin, const char *device, const char *keys)
{
        make_dir(work_path("%s", device));
        return format_text("[%s %s]\ndir = %s\n%s\n", plugin, device, work_path("%s", device), keys);
}

static const char *bomb(void)
{
        return section("bomb", "bomb", "line = GPIO5\non_exit = off\nevery = 1h");
}

/* The bomb where that is asked for, and devices that must not suffer. */
static struct daemon *field(const char *devices)
{
        const char *const env[] = { format_text("RUNTIME_DIRECTORY=%s", work_path("run")), NULL };
        static const char *kept[ARRAY_SIZE(env)];

        make_dir(work_path("run"));
        kept[0] = env[0];
        return daemon_new(
                &(struct daemon_options){ .name = "attic",
                                          .broker = stage.broker,
                                          .pki = stage.pki,
                                          .plugins = build_path("tests/plugins"),
                                          .env = kept,
                                          .devices = format_text("%s[relay good]\nline = GPIO6\n", devices) });
}

static void start_online(struct daemon *daemon)
{
        client_forget(stage.tester);
        daemon_start(daemon);
        (void)client_wait_text(stage.tester, "sconce/attic/good/status", "online");
}

static void good_works(const struct daemon *daemon)
{
        client_send(stage.tester, "sconce/attic/good/set", "OFF");
        (void)client_wait_json(stage.tester, "sconce/attic/good/state", "state", "OFF");
        client_send(stage.tester, "sconce/attic/good/set", "ON");
        (void)client_wait_json(stage.tester, "sconce/attic/good/state", "state", "ON");
        chip_wait(daemon->lines, OTHER, 1);
}

/* What the unit does after a crash. */
static void outputs_safe(const struct daemon *daemon)
{
        const char *const argv[] = {
                build_path("sconced"), "--config", daemon->config, "--plugins", build_path("tests/plugins"),
                "--outputs-safe",      NULL
        };
        const char *const env[] = { format_text("RUNTIME_DIRECTORY=%s", work_path("run")), NULL };
        int status;

        process_free(process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = env }, &status));
        assert_int_equal(status, 0);
}

static void die(struct daemon *daemon)
{
        daemon_start(daemon);
        int status = process_wait(daemon->process, SOON_MS);
        assert_true(status > 128 || status == EXIT_FAILURE); /* that is what exit(EXIT_SUCCESS) in a plugin becomes */
        outputs_safe(daemon);
        chip_wait(daemon->lines, LINE, 0);
}

static void die_often(struct daemon *daemon)
{
        for (unsigned i = 0; i < DEATHS; i++)
                die(daemon);
}

static bool lists_problem(const struct message *message, const void *userdata)
{
        const char *problems = json_member(message, "problems");

        return problems && strstr(problems, userdata);
}

static bool lists_no_problem(const struct message *message, const void *userdata)
{
        const char *problems = json_member(message, "problems");

        return problems && !strstr(problems, userdata);
}

static bool is_left_out_text(const struct message *message, const void *userdata)
{
        const char *text = json_member(message, "message");

        (void)userdata;
        return text && strstr(text, "left out: the agent has died 3 times in a row while starting it");
}

static void wait_left_out(const char *device)
{
        (void)client_wait(stage.tester, format_text("sconce/attic/%s/error", device), is_left_out_text, NULL);
        (void)client_wait_text(stage.tester, format_text("sconce/attic/%s/status", device), "offline");
        (void)client_wait(stage.tester, "sconce/attic/node/state", lists_problem,
                          format_text("safe mode: %s: left out", device));
}

static void takes_command(const char *device)
{
        client_send(stage.tester, format_text("sconce/attic/%s/set", device), "{\"state\":\"ON\",\"id\":\"w\"}");
        (void)client_wait_json(stage.tester, format_text("sconce/attic/%s/result", device), "id", "w");
}

static void wait_works(const char *device)
{
        (void)client_wait_text(stage.tester, format_text("sconce/attic/%s/status", device), "online");
        takes_command(device);
}

/* ---- Left out ------------------------------------------------------------------------------------------ */

static void start__agent_died_three_times__is_left_out_and_the_others_work(void **state)
{
        static const struct {
                const char *plugin, *callback, *word;
        } rows[] = {
                { "bomb", "start", "abort" }, { "bomb", "configure", "trap" }, { "bomb", "start", "kill" },
                { "bomb", "read", "fault" },  { "mine", "start", "abort" },    { "mine", "read", "trap" },
                { "mine", "start", "exit" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool is_bomb = strcmp(rows[i].plugin, "bomb") == 0;
                struct daemon *daemon = field(is_bomb ? bomb() : section("mine", "bomb", "every = 1h"));
                arm("bomb", rows[i].callback, rows[i].word);
                die_often(daemon);
                start_online(daemon);
                wait_left_out("bomb");
                good_works(daemon);
                client_send(stage.tester, "sconce/attic/bomb/set", "{\"state\":\"ON\",\"id\":\"x\"}");
                (void)client_wait_json(stage.tester, "sconce/attic/bomb/result", "code", "offline");
                assert_int_equal(chip_value(daemon->lines, LINE), 0);
                daemon_stop(daemon);
                defuse("bomb", rows[i].callback);
                start_online(daemon); /* an orderly restart tries it again */
                wait_works("bomb");
                (void)client_wait(stage.tester, "sconce/attic/node/state", lists_no_problem, "safe mode");
                daemon_stop(daemon);
                daemon_free(daemon);
        }
}

static void left_out__its_section_changes__is_tried_again(void **state)
{
        struct daemon *daemon = field(bomb());

        (void)state;
        arm("bomb", "start", "abort");
        die_often(daemon);
        start_online(daemon);
        wait_left_out("bomb");
        defuse("bomb", "start");
        process_signal(daemon->process, SIGHUP); /* the same section: not yet */
        (void)process_wait_log(daemon->process, "reloaded", SOON_MS);
        client_forget(stage.tester);
        client_send(stage.tester, "sconce/attic/bomb/set", "{\"state\":\"ON\",\"id\":\"x\"}");
        (void)client_wait_json(stage.tester, "sconce/attic/bomb/result", "code", "offline");
        daemon_write_config(daemon, format_text("%sname = Mended\n[relay good]\nline = GPIO6\n", bomb()));
        process_signal(daemon->process, SIGHUP);
        wait_works("bomb");
        chip_wait(daemon->lines, LINE, 1);
        (void)client_wait(stage.tester, "sconce/attic/node/state", lists_no_problem, "safe mode");
        daemon_stop(daemon);
        daemon_free(daemon);
}

static void left_out__restart_button__one_more_death_is_enough(void **state)
{
        struct daemon *daemon = field(bomb());

        (void)state;
        arm("bomb", "start", "abort");
        die_often(daemon);
        start_online(daemon);
        wait_left_out("bomb");
        client_send(stage.tester, "sconce/attic/node/set/restart", "PRESS");
        assert_int_equal(process_wait(daemon->process, SOON_MS), 128 + SIGABRT);
        outputs_safe(daemon);
        start_online(daemon);
        wait_left_out("bomb");
        good_works(daemon);
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* ---- Which of them ------------------------------------------------------------------------------------- */

static void start__others_start_at_the_same_time__the_culprit_alone_is_left_out(void **state)
{
        struct daemon *daemon = field(format_text("%s%s%s", section("mine", "first", ""), section("mine", "second", ""),
                                                  section("mine", "third", "deadline = 1h")));

        (void)state;
        arm("first", "start", "sleep");
        arm("second", "start", "abort");
        arm("third", "start", "sleep");
        for (unsigned i = 0; i < DEATHS; i++) {
                daemon_start(daemon);
                assert_int_equal(process_wait(daemon->process, SOON_MS), 128 + SIGABRT);
        }
        start_online(daemon);
        wait_left_out("second");
        good_works(daemon);
        (void)client_wait_json(stage.tester, "sconce/attic/first/error", "code", "etimedout");
        assert_false(process_logged(daemon->process, "third: left out"));
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* As systemd's watchdog ends it. */
static void start__hangs_on_the_loop__counts_as_a_death(void **state)
{
        struct daemon *daemon = field(bomb());

        (void)state;
        arm("bomb", "start", "sleep");
        for (unsigned i = 0; i < DEATHS; i++) {
                daemon_start(daemon);
                chip_wait(daemon->lines, LINE, 1); /* it drives its line, then hangs */
                process_signal(daemon->process, i == 1 ? SIGKILL : SIGABRT);
                (void)process_wait(daemon->process, SOON_MS);
                outputs_safe(daemon);
                chip_wait(daemon->lines, LINE, 0);
        }
        start_online(daemon);
        wait_left_out("bomb");
        good_works(daemon);
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* ---- What is none --------------------------------------------------------------------------------------- */

static void start__ended_in_order_or_long_since_overdue__is_no_death(void **state)
{
        struct daemon *daemon = field(section("mine", "bomb", ""));

        (void)state;
        arm("bomb", "start", "sleep");
        for (unsigned i = 0; i < DEATHS + 1; i++) {
                start_online(daemon);
                daemon_stop(daemon);
        }
        for (unsigned i = 0; i < DEATHS + 1; i++) {
                start_online(daemon);
                (void)client_wait_json(stage.tester, "sconce/attic/bomb/error", "code", "etimedout");
                daemon_kill(daemon);
        }
        defuse("bomb", "start");
        start_online(daemon);
        wait_works("bomb");
        daemon_stop(daemon);
        daemon_free(daemon);
}

static void command__aborts__others_work_after_the_restart_and_it_too(void **state)
{
        struct daemon *daemon = field(bomb());

        (void)state;
        for (unsigned i = 0; i < DEATHS + 1; i++) {
                start_online(daemon);
                (void)client_wait_text(stage.tester, "sconce/attic/bomb/status", "online");
                arm("bomb", "command", "abort");
                client_send(stage.tester, "sconce/attic/bomb/set", "ON");
                assert_int_equal(process_wait(daemon->process, SOON_MS), 128 + SIGABRT);
                outputs_safe(daemon);
                chip_wait(daemon->lines, LINE, 0);
                defuse("bomb", "command");
        }
        start_online(daemon);
        wait_works("bomb");
        good_works(daemon);
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* ---- Hung and leaking ----------------------------------------------------------------------------------- */

/* A thread that sleeps for ever takes its device offline and nothing else. */
static void callback__sleeps_on_its_thread__the_others_go_on(void **state)
{
        static const char *const callbacks[] = { "start", "read", "command" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(callbacks); i++) {
                struct daemon *daemon = field(section("mine", "bomb", "every = 1s"));
                arm("bomb", callbacks[i], "sleep");
                start_online(daemon);
                if (strcmp(callbacks[i], "command") == 0) {
                        (void)client_wait_text(stage.tester, "sconce/attic/bomb/status", "online");
                        client_send(stage.tester, "sconce/attic/bomb/set", "ON");
                }
                (void)client_wait_json(stage.tester, "sconce/attic/bomb/error", "code", "etimedout");
                good_works(daemon);
                process_signal(daemon->process, SIGHUP);
                (void)process_wait_log(daemon->process, "reloaded", SOON_MS);
                good_works(daemon);
                daemon_stop(daemon);
                defuse("bomb", callbacks[i]);
                daemon_free(daemon);
        }
}

/* After a crash, with the device defused: its output is safe, and the next run works to its end. */
static void ends_well(struct daemon *daemon)
{
        outputs_safe(daemon);
        chip_wait(daemon->lines, LINE, 0);
        start_online(daemon);
        wait_works("bomb");
        good_works(daemon);
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* On the loop it takes all with it: the watchdog ends the agent, the outputs go where they belong, and all come back. */
static void callback__sleeps_on_the_loop__works_after_the_watchdog(void **state)
{
        static const char *const callbacks[] = { "read", "command" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(callbacks); i++) {
                struct daemon *daemon = field(bomb());
                start_online(daemon);
                (void)client_wait_text(stage.tester, "sconce/attic/bomb/status", "online");
                arm("bomb", callbacks[i], "sleep");
                client_send(stage.tester, i == 0 ? "sconce/attic/bomb/get" : "sconce/attic/bomb/set", "ON");
                process_signal(daemon->process, SIGABRT);
                assert_int_equal(process_wait(daemon->process, SOON_MS), 128 + SIGABRT);
                defuse("bomb", callbacks[i]);
                ends_well(daemon);
        }
}

static void command__leaks__the_others_go_on(void **state)
{
        struct daemon *daemon = field(bomb());

        (void)state;
        arm("bomb", "command", "leak");
        start_online(daemon);
        wait_works("bomb");
        for (unsigned i = 0; i < 50; i++)
                takes_command("bomb");
        good_works(daemon);
        process_signal(daemon->process, SIGTERM);
        (void)process_wait(daemon->process, SOON_MS); /* a sanitizer's own status, for what is not the agent's */
        defuse("bomb", "command");
        daemon_free(daemon);
}

#ifdef __SANITIZE_ADDRESS__
/* Without the sanitizer nobody sees it. With it the agent ends there and then, and all is as after a crash. */
static void command__writes_past_its_instance__is_found_and_the_others_work_after_the_restart(void **state)
{
        struct daemon *daemon = field(bomb());

        (void)state;
        start_online(daemon);
        wait_works("bomb");
        arm("bomb", "command", "overrun");
        client_send(stage.tester, "sconce/attic/bomb/set", "ON");
        assert_int_not_equal(process_wait(daemon->process, SOON_MS), 0);
        assert_true(process_logged(daemon->process, "heap-buffer-overflow"));
        assert_true(process_logged(daemon->process, "do_overrun"));
        defuse("bomb", "command");
        ends_well(daemon);
}
#endif

static const struct CMUnitTest tests[] = {
#ifdef __SANITIZE_ADDRESS__
        STAGE_TEST(command__writes_past_its_instance__is_found_and_the_others_work_after_the_restart, stage_forget),
#endif
        STAGE_TEST(start__agent_died_three_times__is_left_out_and_the_others_work, stage_forget),
        STAGE_TEST(left_out__its_section_changes__is_tried_again, stage_forget),
        STAGE_TEST(left_out__restart_button__one_more_death_is_enough, stage_forget),
        STAGE_TEST(start__others_start_at_the_same_time__the_culprit_alone_is_left_out, stage_forget),
        STAGE_TEST(start__hangs_on_the_loop__counts_as_a_death, stage_forget),
        STAGE_TEST(start__ended_in_order_or_long_since_overdue__is_no_death, stage_forget),
        STAGE_TEST(command__aborts__others_work_after_the_restart_and_it_too, stage_forget),
        STAGE_TEST(callback__sleeps_on_its_thread__the_others_go_on, stage_forget),
        STAGE_TEST(callback__sleeps_on_the_loop__works_after_the_watchdog, stage_forget),
        STAGE_TEST(command__leaks__the_others_go_on, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
