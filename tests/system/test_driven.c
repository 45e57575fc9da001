/* SPDX-License-Identifier: Apache-2.0 */
/* What is driven is written down before it is driven: after a crash the outputs are found again whatever has become
 * of the config, and what was on for a limited time stays off. */
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

#include "store/store.h"
#include "system/stage.h"

#define PUMP_FOR_AN_HOUR "[switch pump]\nline = GPIO5\nactive_low = yes\nmax_on = 1h\n"
#define LAMP             "[lamp good]\nline = GPIO6\n"

static struct daemon *start(const char *devices)
{
        struct daemon *attic = stage_daemon("attic", devices);

        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        return attic;
}

static void start_again(struct daemon *attic)
{
        client_forget(stage.tester);
        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
}

/* What it has logged; the exit status must be that. */
static struct process *outputs_safe(const struct daemon *attic, int expected)
{
        int status;
        struct process *run = SCONCED_RUN(&status, "--config", attic->config, "--plugins", build_path("plugins"),
                                          "--outputs-safe");

        if (status != expected)
                give_up("sconced --outputs-safe ended with status %d", status);
        return run;
}

static void send_and_wait(const char *device, const char *payload, const char *id)
{
        char topic[128];

        (void)snprintf(topic, sizeof(topic), "sconce/attic/%s/set", device);
        client_send(stage.tester, topic, payload);
        (void)snprintf(topic, sizeof(topic), "sconce/attic/%s/result", device);
        (void)client_wait_json(stage.tester, topic, "id", id);
}

static void remove_config(struct daemon *attic)
{
        assert_int_equal(unlink(attic->config), 0);
}

static void break_config(struct daemon *attic)
{
        write_file(attic->config, "[gpio\nnonsense");
}

static void edit_config(struct daemon *attic)
{
        daemon_write_config(attic, "[switch pump]\nline = GPIO6\non_exit = keep\n");
}

static void outputs_safe__config_edited_broken_or_gone__goes_by_what_was_driven(void **state)
{
        static void (*const changes[])(struct daemon *) = { edit_config, break_config, remove_config };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                struct daemon *attic = start(PUMP_FOR_AN_HOUR LAMP);
                client_send(stage.tester, "sconce/attic/good/set", "ON");
                send_and_wait("pump", "{\"state\":\"ON\",\"id\":\"1\"}", "1");
                chip_wait(attic->lines, 5, 0); /* active low */
                changes[i](attic);
                daemon_kill(attic);
                struct process *run = outputs_safe(attic, 0);
                assert_true(process_logged(run, "GPIO5 is off"));
                assert_false(process_logged(run, "GPIO6"));
                process_free(run);
                daemon_free(attic);
                client_forget(stage.tester);
        }
}

/* Off is high: what a released line of the simulated chip shows is its pull, so the edges show it. */
static void outputs_safe__active_low_line__is_driven_to_its_off(void **state)
{
        struct daemon *attic = start(PUMP_FOR_AN_HOUR);

        (void)state;
        chip_needs_edges();
        send_and_wait("pump", "{\"state\":\"ON\",\"id\":\"1\"}", "1");
        chip_wait(attic->lines, 5, 0);
        daemon_kill(attic);
        remove_config(attic);
        size_t before = chip_edges(attic->lines, 5);
        process_free(outputs_safe(attic, 0));
        assert_int_equal(chip_edges(attic->lines, 5), before + 2); /* up, and let go */
}

static void outputs_safe__stopped_in_order__has_nothing_to_do(void **state)
{
        struct daemon *attic = start(PUMP_FOR_AN_HOUR "on_exit = on\n");

        (void)state;
        daemon_stop(attic);
        struct process *run = outputs_safe(attic, 0);
        assert_false(process_logged(run, "GPIO5"));
        process_free(run);
}

/* As the unit does after a run whose end systemd describes like this. */
static struct process *outputs_safe_after(const struct daemon *attic, const char *const env[])
{
        const char *const argv[] = { build_path("sconced"), "--config",       attic->config, "--plugins",
                                     build_path("plugins"), "--outputs-safe", NULL };
        int status;
        struct process *run = process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = env },
                                          &status);

        assert_int_equal(status, 0);
        return run;
}

/* What was to stay on over a restart has nobody who counts when no run follows: the stop was made one for good while it was
 * under way, or the next run has ended with its wrong config. */
static void outputs_safe__no_run_after_a_restart__max_on_is_off_once(void **state)
{
        static const char *const stopped[] = { "SERVICE_RESULT=success", "EXIT_CODE=exited", "EXIT_STATUS=0", NULL };
        static const char *const wrong[] = { "SERVICE_RESULT=exit-code", "EXIT_CODE=exited", "EXIT_STATUS=78", NULL };
        static const char *const *const ends[] = { stopped, wrong };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                struct daemon *attic = start(PUMP_FOR_AN_HOUR LAMP);
                send_and_wait("pump", "{\"state\":\"ON\",\"id\":\"1\"}", "1");
                client_send(stage.tester, "sconce/attic/good/set", "ON");
                chip_wait(attic->lines, 6, 1);
                break_config(attic);
                client_send(stage.tester, "sconce/attic/node/set/restart", "PRESS");
                assert_int_equal(process_wait(attic->process, SOON_MS), 78);
                struct process *first = outputs_safe_after(attic, ends[i]),
                               *second = outputs_safe_after(attic, ends[i]);
                assert_true(process_logged(first, "GPIO5 is off"));
                assert_false(process_logged(first, "GPIO6"));
                assert_false(process_logged(second, "GPIO"));
                process_free(first);
                process_free(second);
                daemon_free(attic);
                client_forget(stage.tester);
        }
}

static void outputs_safe__line_let_go_by_a_reload__is_left_alone(void **state)
{
        struct daemon *attic = start(PUMP_FOR_AN_HOUR LAMP);

        (void)state;
        daemon_write_config(attic, "[switch pump]\nline = GPIO7\nmax_on = 1h\n" LAMP);
        process_signal(attic->process, SIGHUP);
        (void)process_wait_log(attic->process, "reloaded", SOON_MS);
        daemon_kill(attic);
        struct process *run = outputs_safe(attic, 0);
        assert_true(process_logged(run, "GPIO7 is off"));
        assert_false(process_logged(run, "GPIO5"));
        process_free(run);
}

struct saved {
        const struct daemon *attic;
        const char *device, *key;
};

static bool is_saved(void *userdata)
{
        const struct saved *wanted = userdata;
        struct store *file = NULL;

        if (store_peek(wanted->attic->state_dir, &file, NULL) < 0)
                return false;
        bool there = store_get(file, STORE_MARK, wanted->device, wanted->key);
        store_free(file);
        return there;
}

/* Saved or not: the agent may have had time for it before it stood still. */
static void outputs_safe__max_on_cut_off__is_not_switched_on_again(void **state)
{
        struct daemon *attic = start(PUMP_FOR_AN_HOUR LAMP);
        struct saved since = { attic, "pump", "on_since" };

        (void)state;
        client_send(stage.tester, "sconce/attic/good/set", "ON");
        send_and_wait("pump", "{\"state\":\"ON\",\"id\":\"1\"}", "1");
        assert_true(pump_until(is_saved, &since, SOON_MS));
        daemon_kill(attic);
        process_free(outputs_safe(attic, 0));
        start_again(attic);
        (void)client_wait_json(stage.tester, "sconce/attic/pump/state", "state", "OFF");
        (void)client_wait_json(stage.tester, "sconce/attic/good/state", "state", "ON");
        chip_wait(attic->lines, 5, 1);
        /* And no more than that: it works as before. */
        send_and_wait("pump", "{\"state\":\"ON\",\"id\":\"2\"}", "2");
        chip_wait(attic->lines, 5, 0);
        daemon_stop(attic);
}

/* ---- On for a limited time ----------------------------------------------------------------------------- */

static struct daemon *without_state(const char *devices)
{
        struct daemon *attic = stage_daemon("attic", devices);

        attic->state_dir = work_path("nowhere"); /* as full as a disk can be */
        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        return attic;
}

static void for__killed_right_after_ok__is_off_at_the_next_start(void **state)
{
        static struct daemon *(*const starts[])(const char *) = { start, without_state };

        (void)state;
        for (size_t i = 0; i < 6; i++) {
                struct daemon *attic = starts[i % 2]("[switch pump]\nline = GPIO5\npower_on = last\n");
                send_and_wait("pump", "{\"state\":\"ON\",\"id\":\"0\"}", "0");
                send_and_wait("pump", "{\"state\":\"ON\",\"for\":\"1h\",\"id\":\"1\"}", "1");
                daemon_kill(attic);
                start_again(attic);
                (void)client_wait_json(stage.tester, "sconce/attic/pump/state", "state", "OFF");
                chip_wait(attic->lines, 5, 0);
                daemon_stop(attic);
                daemon_free(attic);
                client_forget(stage.tester);
        }
}

static void for__over_or_taken_back__comes_back_as_it_was(void **state)
{
        struct daemon *attic = start("[switch pump]\nline = GPIO5\n");
        struct saved boot = { attic, "pump", "boot" };

        (void)state;
        send_and_wait("pump", "{\"state\":\"ON\",\"for\":\"1h\",\"id\":\"1\"}", "1");
        send_and_wait("pump", "{\"state\":\"ON\",\"id\":\"2\"}", "2");
        assert_true(pump_until(is_saved, &boot, SOON_MS));
        daemon_kill(attic);
        struct process *run = outputs_safe(attic, 0);
        assert_false(process_logged(run, "GPIO5"));
        process_free(run);
        daemon_free(attic);
}

static bool has_problem(const struct message *message, const void *userdata)
{
        const char *problems = json_member(message, "problems");

        return problems && strstr(problems, userdata);
}

static bool is_refused(const struct message *message, const void *userdata)
{
        const char *id = json_member(message, "id"), *code = json_member(message, "code"),
                   *text = json_member(message, "message");

        return id && strcmp(id, userdata) == 0 && code && strcmp(code, "failed") == 0 && text &&
               strstr(text, "limited time");
}

static void runtime_directory__cannot_be_written__limited_outputs_stay_off_and_others_work(void **state)
{
        static const char *const commands[][3] = {
                { "timed", "{\"state\":\"ON\",\"id\":\"1\"}", "1" },
                { "pulsed", "{\"state\":\"ON\",\"id\":\"2\"}", "2" },
                { "plain", "{\"state\":\"ON\",\"for\":\"1h\",\"id\":\"3\"}", "3" },
                { "lamp", "{\"flash\":60,\"id\":\"4\"}", "4" },
        };
        const char *env[2] = { NULL, NULL };
        char *entry = NULL;

        (void)state;
        write_file(work_path("file"), "no directory\n");
        if (asprintf(&entry, "RUNTIME_DIRECTORY=%s", work_path("file/run")) < 0)
                give_up("out of memory");
        env[0] = keep_text(entry);
        struct daemon *attic = daemon_new(&(struct daemon_options){
                .name = "attic",
                .broker = stage.broker,
                .pki = stage.pki,
                .devices = "[switch timed]\nline = GPIO5\nmax_on = 1h\n[switch pulsed]\nline = GPIO6\npulse = 1s\n"
                           "[switch plain]\nline = GPIO7\n[lamp lamp]\nline = GPIO8\n",
                .env = env });
        daemon_start(attic);
        daemon_wait_online(attic, stage.tester);
        (void)client_wait(stage.tester, "sconce/attic/node/state", has_problem, "runtime directory: ");
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                char topic[128];
                (void)snprintf(topic, sizeof(topic), "sconce/attic/%s/set", commands[i][0]);
                client_send(stage.tester, topic, commands[i][1]);
                (void)snprintf(topic, sizeof(topic), "sconce/attic/%s/result", commands[i][0]);
                (void)client_wait(stage.tester, topic, is_refused, commands[i][2]);
        }
        for (unsigned line = 5; line <= 8; line++)
                if (!chip_is_kernel())
                        assert_int_equal(chip_edges(attic->lines, line), 0);
        client_send(stage.tester, "sconce/attic/plain/set", "ON");
        chip_wait(attic->lines, 7, 1);
        daemon_stop(attic);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(outputs_safe__config_edited_broken_or_gone__goes_by_what_was_driven, stage_forget),
        STAGE_TEST(outputs_safe__active_low_line__is_driven_to_its_off, stage_forget),
        STAGE_TEST(outputs_safe__stopped_in_order__has_nothing_to_do, stage_forget),
        STAGE_TEST(outputs_safe__no_run_after_a_restart__max_on_is_off_once, stage_forget),
        STAGE_TEST(outputs_safe__line_let_go_by_a_reload__is_left_alone, stage_forget),
        STAGE_TEST(outputs_safe__max_on_cut_off__is_not_switched_on_again, stage_forget),
        STAGE_TEST(for__killed_right_after_ok__is_off_at_the_next_start, stage_forget),
        STAGE_TEST(for__over_or_taken_back__comes_back_as_it_was, stage_forget),
        STAGE_TEST(runtime_directory__cannot_be_written__limited_outputs_stay_off_and_others_work, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
