/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output with on_exit = keep is never let go: not by a restart, not by SIGKILL, not by a reload. The kernel itself counts
 * who requests, lets go or configures its line; what writes to it, strace shows. In the place of systemd's store of fds
 * stands system/fd_keeper.h. Runs inside the kernel ring, as root:
 *
 *   tests/kernel/run build/tests/kernel/test_kept_lines
 *
 * SCONCE_KILLS and SCONCE_RESTARTS: how many of each (40 and 10).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/line_watch.h"
#include "kernel/ring.h"
#include "kernel/trace.h"
#include "system/fd_keeper.h"
#include "util/cleanup.h"

#define LAMP    "[lamp kitchen]\nline = PIN17\n"
#define TIMED   "[lamp cellar]\nline = PIN18\nmax_on = 1h\n"
#define MOTOR   "interlock = motor\n"
#define OTHER   "[relay cellar]\nline = PIN18\n" MOTOR
#define KITCHEN 17
#define CELLAR  18

static struct fd_keeper keeper;
static struct line_watch watch;
static const char *runtime_entry, *env[3];

static unsigned number_of(const char *variable, unsigned usual)
{
        const char *text = getenv(variable);
        return text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

static int setup(void **state)
{
        static unsigned n;
        const char *path = work_path("notify%u", n), *runtime = work_path("runtime%u", n);

        n++;
        make_dir(runtime);
        runtime_entry = format_text("RUNTIME_DIRECTORY=%s", runtime);
        env[0] = format_text("NOTIFY_SOCKET=%s", path);
        env[1] = runtime_entry;
        fd_keeper_open(&keeper, path);
        int r = ring_plug(state);
        line_watch_open(&watch, &ring.bank, KITCHEN);
        return r;
}

static int teardown(void **state)
{
        fd_keeper_close(&keeper);
        line_watch_close(&watch);
        return ring_unplug(state);
}

static unsigned give(void *userdata)
{
        (void)userdata;
        return fd_keeper_give(&keeper);
}

static struct daemon *hall_with(const char *devices, const char *const *words)
{
        return ring_daemon_with(
                (struct daemon_options){ .devices = devices, .env = env, .give_fds = give, .words = words });
}

static bool is_ready(void *userdata)
{
        return keeper.n_ready > *(const unsigned *)userdata;
}

static void wait_ready(unsigned before)
{
        if (!pump_until(is_ready, &before, SOON_MS))
                give_up("the daemon is not ready");
}

static void start(struct daemon *hall)
{
        unsigned before = keeper.n_ready;

        client_forget(ring.tester);
        daemon_start(hall);
        wait_ready(before);
        daemon_wait_online(hall, ring.tester);
}

static void reload(struct daemon *hall, const char *devices)
{
        unsigned before = keeper.n_ready;

        daemon_write_config(hall, devices);
        process_signal(hall->process, SIGHUP);
        wait_ready(before);
}

static void command(const char *rest, const char *payload, unsigned offset, int level)
{
        ring_send(rest, payload);
        chip_wait(ring.bank.lines_dir, offset, level);
}

static struct daemon *start_lit(const char *devices)
{
        struct daemon *hall = hall_with(devices, NULL);

        start(hall);
        command("kitchen/set", "ON", KITCHEN, 1);
        fd_keeper_wait(&keeper, format_text("%s/17/kitchen/", ring.bank.chip), true);
        line_watch_count(&watch);
        assert_int_equal(watch.requested, 1);
        return hall;
}

/* Requested once in all, by the first run. */
static void assert_untouched(void)
{
        line_watch_count(&watch);
        assert_int_equal(watch.requested, 1);
        assert_int_equal(watch.released, 0);
        assert_int_equal(watch.configured, 0);
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 1);
}

static void make_safe(const struct daemon *hall)
{
        const char *const argv[] = { build_path("sconced"), "--config",       hall->config, "--plugins",
                                     build_path("plugins"), "--outputs-safe", NULL };
        const char *const safe_env[] = { format_text("STATE_DIRECTORY=%s", hall->state_dir), runtime_entry, NULL };
        int status;

        process_free(process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = safe_env }, &status));
        assert_int_equal(status, 0);
}

static void kill_and_make_safe(struct daemon *hall)
{
        daemon_kill(hall);
        make_safe(hall);
        assert_int_equal(chip_value(ring.bank.lines_dir, CELLAR), 0);
        assert_untouched();
}

/* ---- Crashes ------------------------------------------------------------------------------------------- */

/* Every second one in the middle of its start. */
static void sigkill__again_and_again__line_is_never_let_go_and_what_is_timed_goes_off(void **state)
{
        struct daemon *hall = start_lit(LAMP TIMED);
        unsigned kills = number_of("SCONCE_KILLS", 40), seed = number_of("SCONCE_SEED", (unsigned)now_us());
        uint64_t began_us = now_us();

        (void)state;
        print_message("%u kills, SCONCE_SEED=%u\n", kills, seed);
        for (unsigned i = 0; i < kills; i++) {
                command("cellar/set", "ON", CELLAR, 1);
                kill_and_make_safe(hall);
                if (i % 2 == 0 && ++i < kills) {
                        daemon_start(hall);
                        pump_once((unsigned)rand_r(&seed) % 60);
                        kill_and_make_safe(hall);
                }
                start(hall);
                assert_untouched();
        }
        ring_wait_json("kitchen/state", "state", "ON");
        print_message("%u kills in %u s\n", kills, (unsigned)((now_us() - began_us) / 1000000));
        command("kitchen/set", "OFF", KITCHEN, 0);
        daemon_stop(hall);
}

static void sigkill__command_not_saved_yet__line_and_state_are_as_commanded(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        daemon_kill(hall);
        start(hall);
        ring_wait_json("kitchen/state", "state", "ON");
        assert_untouched();
        command("kitchen/set", "OFF", KITCHEN, 0);
        daemon_kill(hall);
        start(hall);
        ring_wait_json("kitchen/state", "state", "OFF");
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 0);
        daemon_stop(hall);
}

/* ---- Restarts ------------------------------------------------------------------------------------------ */

static void restart__again_and_again__line_is_never_let_go(void **state)
{
        struct daemon *hall = start_lit(LAMP);
        unsigned restarts = number_of("SCONCE_RESTARTS", 10);

        (void)state;
        for (unsigned i = 0; i < restarts; i++) {
                daemon_stop(hall);
                assert_untouched();
                start(hall);
                assert_untouched();
        }
        command("kitchen/set", "OFF", KITCHEN, 0);
        daemon_stop(hall);
}

static void restart__of_the_node__line_is_never_let_go(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        for (unsigned i = 0; i < 5; i++) {
                unsigned before = keeper.n_ready;
                ring_send("node/set/restart", "PRESS");
                client_forget(ring.tester);
                wait_ready(before);
                daemon_wait_online(hall, ring.tester);
                assert_untouched();
        }
        command("kitchen/set", "OFF", KITCHEN, 0);
        daemon_stop(hall);
}

/* With the lamp alone there is nothing that it may be asked for. */
static void start__line_adopted__nothing_is_requested_configured_or_set(void **state)
{
        const char *file = work_path("adopted.trace");
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        trace_needs_strace();
        daemon_stop(hall);
        hall->options.words = trace_words(file);
        start(hall);
        ring_wait_json("kitchen/state", "state", "ON");
        daemon_kill(hall);
        (void)trace_of(file, KITCHEN); /* waits for its end */
        CLEANUP_FREE char *text = read_file(file);
        assert_non_null(strstr(text, "GPIO_V2_LINE_GET_VALUES_IOCTL"));
        assert_null(strstr(text, "GET_LINE_IOCTL"));
        assert_null(strstr(text, "SET_CONFIG_IOCTL"));
        assert_null(strstr(text, "SET_VALUES_IOCTL"));
        assert_untouched();
}

/* ---- Changes between two runs --------------------------------------------------------------------------- */

static void start__other_bias__line_is_configured_and_not_let_go(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        daemon_stop(hall);
        daemon_write_config(hall, LAMP "bias = pull-up\n");
        start(hall);
        line_watch_count(&watch);
        assert_int_equal(watch.configured, 1);
        assert_int_equal(watch.released, 0);
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 1);
        fd_keeper_wait(&keeper, format_text("%s/17/kitchen/0.2.0", ring.bank.chip), true);
        assert_int_equal(keeper.count, 1);
        daemon_stop(hall);
}

static void start__device_gone__line_is_let_go(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        daemon_kill(hall);
        daemon_write_config(hall, TIMED);
        start(hall);
        fd_keeper_wait(&keeper, format_text("%s/17/", ring.bank.chip), false);
        line_watch_count(&watch);
        assert_int_equal(watch.released, 1);
        daemon_stop(hall);
}

static void start__line_is_an_input_now__it_is_free_for_it(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        daemon_stop(hall);
        daemon_write_config(hall, "[contact kitchen]\nline = PIN17\nbias = pull-down\n");
        start(hall);
        ring_wait_json("kitchen/state", "state", "OFF");
        daemon_stop(hall);
}

static void start__max_on_now__out_of_the_store_before_it_counts(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        daemon_stop(hall);
        daemon_write_config(hall, LAMP "max_on = 1h\n");
        start(hall);
        fd_keeper_wait(&keeper, format_text("%s/17/", ring.bank.chip), false);
        assert_untouched();
        daemon_kill(hall);
        make_safe(hall);
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 0);
}

/* A member of an interlock that an earlier run has left on does not start: it is off before another one goes on. */
static void start__interlock_member_cannot__off_before_another_goes_on(void **state)
{
        const struct daemon_options options = { .devices = "[relay kitchen]\nline = PIN17\n" MOTOR OTHER,
                                                .plugins = build_path("tests/plugins"),
                                                .env = env,
                                                .give_fds = give };
        struct daemon *hall = ring_daemon_with(options);

        (void)state;
        start(hall);
        command("kitchen/set", "ON", KITCHEN, 1);
        fd_keeper_wait(&keeper, format_text("%s/17/kitchen/", ring.bank.chip), true);
        daemon_kill(hall);
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 1);
        /* It opens its line on, which no interlock permits at the start. */
        daemon_write_config(hall, "[bomb kitchen]\ndir = /nowhere\nline = PIN17\n" MOTOR OTHER);
        start(hall);
        ring_wait("kitchen/status", "offline");
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 0);
        command("cellar/set", "ON", CELLAR, 1);
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 0);
        daemon_stop(hall);
}

/* ---- Changes while it runs ------------------------------------------------------------------------------ */

static void reload__max_on_comes_and_goes__so_it_leaves_the_store_and_returns(void **state)
{
        struct daemon *hall = start_lit(LAMP);
        const char *name = format_text("%s/17/kitchen/", ring.bank.chip);

        (void)state;
        reload(hall, LAMP "max_on = 1h\n");
        fd_keeper_wait(&keeper, name, false);
        reload(hall, LAMP);
        fd_keeper_wait(&keeper, name, true);
        assert_untouched();
        reload(hall, LAMP "on_exit = off\n");
        fd_keeper_wait(&keeper, name, false);
        assert_untouched();
        daemon_kill(hall);
        make_safe(hall);
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 0);
}

static void command_with_for__leaves_the_store__outputs_safe_takes_it(void **state)
{
        struct daemon *hall = start_lit("[switch kitchen]\nline = PIN17\n");
        const char *name = format_text("%s/17/kitchen/", ring.bank.chip);

        (void)state;
        ring_send("kitchen/set", "{\"state\":\"ON\",\"for\":\"1h\",\"id\":\"long\"}");
        ring_wait_json("kitchen/result", "id", "long");
        fd_keeper_wait(&keeper, name, false);
        command("kitchen/set", "OFF", KITCHEN, 0);
        fd_keeper_wait(&keeper, name, true);
        command("kitchen/set", "{\"state\":\"ON\",\"for\":\"1h\"}", KITCHEN, 1);
        daemon_kill(hall);
        make_safe(hall);
        assert_int_equal(chip_value(ring.bank.lines_dir, KITCHEN), 0);
        fd_keeper_wait(&keeper, name, false);
}

static void reload__line_of_another_device__is_free_for_it(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        reload(hall, "[lamp hall]\nline = PIN17\n");
        ring_wait("hall/status", "online");
        command("hall/set", "ON", KITCHEN, 1);
        fd_keeper_wait(&keeper, format_text("%s/17/hall/", ring.bank.chip), true);
        assert_int_equal(keeper.count, 1);
        daemon_stop(hall);
}

static void reload__device_starts_again__line_is_not_let_go(void **state)
{
        struct daemon *hall = start_lit("[switch kitchen]\nline = PIN17\n");

        (void)state;
        reload(hall, "[switch kitchen]\nline = PIN17\nmin_on = 1s\n");
        assert_untouched();
        daemon_stop(hall);
}

static void unplug__chip_returns__line_is_requested_again(void **state)
{
        struct daemon *hall = start_lit(LAMP);

        (void)state;
        assert_int_equal(gpiosim_unplug(&ring.bank), 0);
        ring_wait("kitchen/status", "offline");
        client_forget(ring.tester);
        assert_int_equal(gpiosim_plug(&ring.bank), 0);
        ring_wait("kitchen/status", "online");
        chip_wait(ring.bank.lines_dir, KITCHEN, 1);
        fd_keeper_wait(&keeper, format_text("%s/17/kitchen/", ring.bank.chip), true);
        assert_int_equal(keeper.count, 1);
        daemon_stop(hall);
}

#define KEPT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                KEPT_TEST(sigkill__again_and_again__line_is_never_let_go_and_what_is_timed_goes_off),
                KEPT_TEST(sigkill__command_not_saved_yet__line_and_state_are_as_commanded),
                KEPT_TEST(restart__again_and_again__line_is_never_let_go),
                KEPT_TEST(restart__of_the_node__line_is_never_let_go),
                KEPT_TEST(start__line_adopted__nothing_is_requested_configured_or_set),
                KEPT_TEST(start__other_bias__line_is_configured_and_not_let_go),
                KEPT_TEST(start__device_gone__line_is_let_go),
                KEPT_TEST(start__line_is_an_input_now__it_is_free_for_it),
                KEPT_TEST(start__interlock_member_cannot__off_before_another_goes_on),
                KEPT_TEST(start__max_on_now__out_of_the_store_before_it_counts),
                KEPT_TEST(reload__max_on_comes_and_goes__so_it_leaves_the_store_and_returns),
                KEPT_TEST(command_with_for__leaves_the_store__outputs_safe_takes_it),
                KEPT_TEST(reload__line_of_another_device__is_free_for_it),
                KEPT_TEST(reload__device_starts_again__line_is_not_let_go),
                KEPT_TEST(unplug__chip_returns__line_is_requested_again),
        };
        cmocka_set_test_filter(getenv("SCONCE_TEST"));
        return cmocka_run_group_tests(tests, ring_open, ring_close);
}
