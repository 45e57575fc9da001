/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an output gets its first value and its last one, judged by the calls to the kernel: the request carries
 * the first, and no second write follows; on_exit is a write before the line is let go, and --outputs-safe a
 * request that carries it. Runs inside the kernel ring, as root:
 *
 *   tests/kernel/run build/tests/kernel/test_first_values
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/ring.h"
#include "kernel/trace.h"

static const char *file;

static int setup(void **state)
{
        static unsigned n;

        file = work_path("trace%u", n++);
        return ring_plug(state);
}

static struct daemon *traced(const char *devices)
{
        return ring_daemon_with((struct daemon_options){ .devices = devices, .words = trace_words(file) });
}

static void start(struct daemon *hall)
{
        client_forget(ring.tester);
        daemon_start(hall);
        daemon_wait_online(hall, ring.tester);
}

/* ---- First values ---------------------------------------------------------------------------------------
 */

static void start__power_on__is_in_the_request_and_nothing_follows(void **state)
{
        struct daemon *hall = traced("[lamp dark]\nline = PIN5\npower_on = off\n"
                                     "[lamp lit]\nline = PIN6\npower_on = on\n"
                                     "[lamp dark_low]\nline = PIN7\npower_on = off\nactive_low = yes\n"
                                     "[lamp lit_low]\nline = PIN8\npower_on = on\nactive_low = yes\n"
                                     "[lamp kept]\nline = PIN9\npower_on = keep\n"
                                     "[cover blind]\nup = PIN10\ndown = PIN11\nup_time = 20s\n");

        (void)state;
        trace_needs_strace();
        chip_pull(ring.bank.lines_dir, 9, true);
        start(hall);
        daemon_kill(hall);
        assert_string_equal(trace_of(file, 5), "request 0");
        assert_string_equal(trace_of(file, 6), "request 1");
        assert_string_equal(trace_of(file, 7), "request 1");
        assert_string_equal(trace_of(file, 8), "request 0");
        assert_string_equal(trace_of(file, 9), "request as it is; configure 1");
        assert_string_equal(trace_of(file, 10), "request 0");
        assert_string_equal(trace_of(file, 11), "request 0");
}

static void start_again__lamp_was_on__is_in_the_request_and_nothing_follows(void **state)
{
        struct daemon *hall = traced("[lamp kitchen]\nline = PIN5\npower_on = off\n");

        (void)state;
        trace_needs_strace();
        start(hall);
        ring_send("kitchen/set", "ON");
        chip_wait(ring.bank.lines_dir, 5, 1);
        daemon_stop(hall); /* writes down what was commanded */
        assert_string_equal(trace_of(file, 5), "request 0; set 1");
        start(hall);
        ring_wait_json("kitchen/state", "state", "ON");
        daemon_kill(hall);
        assert_string_equal(trace_of(file, 5), "request 1");
}

/* ---- Last values ----------------------------------------------------------------------------------------
 */

static const char outputs[] = "[lamp timed]\nline = PIN5\nmax_on = 1h\n"
                              "[lamp on]\nline = PIN6\non_exit = on\n"
                              "[lamp keep]\nline = PIN7\n"
                              "[lamp off]\nline = PIN8\non_exit = off\n"
                              "[lamp low]\nline = PIN9\non_exit = off\nactive_low = yes\n"
                              "[lamp dark]\nline = PIN10\non_exit = on\n"
                              "[cover gate]\nup = PIN11\ndown = PIN12\nup_time = 20s\n";

static void start_and_switch_on(struct daemon *hall)
{
        static const char *const lamps[] = { "timed", "on", "keep", "off", "low" };
        char topic[32];

        start(hall);
        for (unsigned i = 0; i < ARRAY_SIZE(lamps); i++) {
                (void)snprintf(topic, sizeof(topic), "%s/set", lamps[i]);
                ring_send(topic, "ON");
                chip_wait(ring.bank.lines_dir, 5 + i, strcmp(lamps[i], "low") != 0);
        }
        ring_send("gate/set", "OPEN");
        chip_wait(ring.bank.lines_dir, 11, 1);
}

/* Began like that, and was left at that level; setting it twice does no harm. */
static void assert_left(unsigned offset, const char *begin, const char *level)
{
        const char *done = trace_of(file, offset);

        assert_memory_equal(done, begin, MIN(strlen(begin), strlen(done)));
        if (strcmp(strrchr(done, ' ') + 1, level) != 0)
                give_up("line %u was not left at %s: %s", offset, level, done);
}

static void sigterm__on_exit__is_written_before_the_line_is_let_go(void **state)
{
        struct daemon *hall = traced(outputs);

        (void)state;
        trace_needs_strace();
        start_and_switch_on(hall);
        daemon_stop(hall);
        assert_left(5, "request 0; set 1; ", "0");
        assert_left(6, "request 0; set 1", "1");
        assert_left(7, "request 0; set 1", "1");
        assert_left(8, "request 0; set 1; ", "0");
        assert_left(9, "request 1; set 0; ", "1");
        assert_left(10, "request 0; ", "1");
        assert_left(11, "request 0; set 1; ", "0");
        assert_left(12, "request 0", "0");
}

static void make_safe(const struct daemon *hall)
{
        const char *const command[] = { build_path("sconced"), "--config",       hall->config, "--plugins",
                                        build_path("plugins"), "--outputs-safe", NULL };
        char entry[600];
        const char *const env[] = { entry, NULL };
        const char *argv[16];
        int status;

        (void)snprintf(entry, sizeof(entry), "STATE_DIRECTORY=%s", hall->state_dir);
        size_t n = put_words(argv, trace_words(file));
        (void)put_words(argv + n, command);
        process_free(process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = env }, &status));
        assert_int_equal(status, 0);
}

/* A crash carries out no on_exit; --outputs-safe does, as the unit's ExecStopPost. */
static void outputs_safe_after(int signal)
{
        struct daemon *hall = ring_daemon(outputs);

        trace_needs_strace();
        start_and_switch_on(hall);
        process_signal(hall->process, signal);
        assert_int_equal(process_wait(hall->process, SOON_MS), 128 + signal);
        make_safe(hall);
        assert_string_equal(trace_of(file, 5), "request 0");
        assert_string_equal(trace_of(file, 6), "request 1");
        assert_string_equal(trace_of(file, 7), "");
        assert_string_equal(trace_of(file, 8), "request 0");
        assert_string_equal(trace_of(file, 9), "request 1");
        assert_string_equal(trace_of(file, 10), "request 1");
        assert_string_equal(trace_of(file, 11), "request 0");
        assert_string_equal(trace_of(file, 12), "request 0");
}

static void outputs_safe__after_sigkill__requests_carry_on_exit(void **state)
{
        (void)state;
        outputs_safe_after(SIGKILL);
}

static void outputs_safe__after_sigabrt__requests_carry_on_exit(void **state)
{
        (void)state;
        outputs_safe_after(SIGABRT);
}

#define TRACE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, ring_unplug)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TRACE_TEST(start__power_on__is_in_the_request_and_nothing_follows),
                TRACE_TEST(start_again__lamp_was_on__is_in_the_request_and_nothing_follows),
                TRACE_TEST(sigterm__on_exit__is_written_before_the_line_is_let_go),
                TRACE_TEST(outputs_safe__after_sigkill__requests_carry_on_exit),
                TRACE_TEST(outputs_safe__after_sigabrt__requests_carry_on_exit),
        };
        return cmocka_run_group_tests(tests, ring_open, ring_close);
}
