/* SPDX-License-Identifier: Apache-2.0 */
/* The program itself: arguments, exit codes, the modes that print or act once. */
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

enum { BAD_CONFIG = 78 };

/* Runs sconced in a mode on this config and expects its exit status; gives stdout. */
static const char *mode(const char *flag, const char *argument, const struct daemon *daemon, int expected)
{
        int status;
        struct process *p = SCONCED_RUN(&status, "--config", daemon->config, "--plugins", build_path("plugins"), flag,
                                        argument);

        if (status != expected)
                give_up("sconced %s ended with %d, not %d", flag, status, expected);
        const char *out = keep_text(strdup(p->out.text));
        (void)keep_text(strdup(p->err.text));
        process_free(p);
        return out;
}

/* As above, for what it prints on stderr. */
static const char *complaint(const char *flag, const struct daemon *daemon, int expected)
{
        int status;
        struct process *p = SCONCED_RUN(&status, "--config", daemon->config, "--plugins", build_path("plugins"), flag);

        if (status != expected)
                give_up("sconced %s ended with %d, not %d", flag ? flag : "", status, expected);
        const char *err = keep_text(strdup(p->err.text));
        process_free(p);
        return err;
}

static void assert_contains(const char *text, const char *part)
{
        if (!strstr(text, part))
                give_up("\"%s\" is not in: %s", part, text);
}

static struct daemon *with_devices(const char *devices)
{
        return daemon_new(
                &(struct daemon_options){ .name = "hall", .url = "mqtts://broker.invalid", .devices = devices });
}

static void version__is_printed(void **state)
{
        int status;

        (void)state;
        struct process *p = SCONCED_RUN(&status, "--version");
        assert_int_equal(status, 0);
        assert_memory_equal(p->out.text, "sconced ", 8);
        process_free(p);
}

static void unknown_argument__is_refused_with_a_hint(void **state)
{
        int status;

        (void)state;
        struct process *p = SCONCED_RUN(&status, "--frobnicate");
        assert_int_equal(status, 1);
        assert_contains(p->err.text, "sconced --help");
        process_free(p);
        p = SCONCED_RUN(&status, "--chekc");
        assert_int_equal(status, 1);
        assert_contains(p->err.text, "Did you mean --check? Try: sconced --help\n");
        process_free(p);
}

static void help__every_option__is_described(void **state)
{
        static const char *const parts[] = {
                "Runs in the foreground", "  -c, --config FILE ", "--describe [PLUGIN] ",
                "--log-level LEVEL ",     "-h, --help ",          "Exit status: 0 a clean stop, 78"
        };
        int status;

        (void)state;
        struct process *p = SCONCED_RUN(&status, "--help");
        assert_int_equal(status, 0);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                assert_contains(p->out.text, parts[i]);
        process_free(p);
}

static void arguments__mistakes__are_named(void **state)
{
        int status;

        (void)state;
        struct process *p = SCONCED_RUN(&status, "--log-level", "loud");
        assert_int_equal(status, 1);
        assert_string_equal(p->err.text,
                            "sconced: --log-level loud: allowed are error, warning, notice, info, debug\n");
        process_free(p);
        p = SCONCED_RUN(&status, "--check", "--lines");
        assert_int_equal(status, 1);
        assert_string_equal(p->err.text, "sconced: --check and --lines cannot go together\n");
        process_free(p);
        p = SCONCED_RUN(&status, "--check", "a.conf");
        assert_int_equal(status, 1);
        assert_contains(p->err.text, "\"a.conf\": sconced takes options only");
        process_free(p);
}

static void check__good_config__passes_and_opens_nothing(void **state)
{
        struct daemon *daemon = with_devices(stage_devices);

        (void)state;
        (void)mode("--check", NULL, daemon, 0);
        assert_int_equal(access(daemon->sim_dir, F_OK), -1);
}

static void check__bad_config__reports_every_fault_with_its_place(void **state)
{
        struct daemon *daemon = with_devices("[lamp kitchen]\nlime = GPIO17\n[lamp porch]\nline = GPIO17\nmax_on = 8\n"
                                             "[lampe cellar]\nline = GPIO4\n");
        (void)state;
        const char *err = complaint("--check", daemon, BAD_CONFIG);
        assert_contains(err, "[lamp kitchen] lime");
        assert_contains(err, "did you mean");
        assert_contains(err, "[lamp porch] max_on");
        assert_contains(err, "lampe");
        assert_contains(err, "sconce.conf:");
}

static void check__one_line_twice__names_both_devices(void **state)
{
        struct daemon *daemon = with_devices("[lamp kitchen]\nline = GPIO17\n[lamp porch]\nline = 17\n"
                                             "[switch pump]\nline = GPIO17\n");
        (void)state;
        const char *err = complaint("--check", daemon, BAD_CONFIG);
        assert_contains(err, "kitchen");
        assert_contains(err, "pump");
        assert_contains(err, "GPIO17");
}

static void start__bad_config__exits_with_78_and_the_text(void **state)
{
        struct daemon *daemon = with_devices("[lamp kitchen]\nlime = GPIO17\n");

        (void)state;
        assert_contains(complaint(NULL, daemon, BAD_CONFIG), "[lamp kitchen] lime");
        assert_int_equal(access(daemon->sim_dir, F_OK), -1);
}

static void start__no_config_file__exits_with_78_and_names_it(void **state)
{
        struct daemon *daemon = with_devices("");

        (void)state;
        (void)unlink(daemon->config);
        assert_contains(complaint(NULL, daemon, BAD_CONFIG), daemon->config);
}

static void describe__all__lists_the_plugins(void **state)
{
        struct daemon *daemon = with_devices("");

        (void)state;
        const char *out = mode("--describe", NULL, daemon, 0);
        assert_contains(out, "lamp");
        assert_contains(out, "contact");
        assert_contains(out, "thermal");
}

static void describe__one_by_name_or_path__shows_its_options(void **state)
{
        struct daemon *daemon = with_devices("");

        (void)state;
        const char *by_name = mode("--describe", "lamp", daemon, 0);
        const char *by_path = mode("--describe", build_path("plugins/lamp.so"), daemon, 0);
        assert_contains(by_name, "line");
        assert_contains(by_name, "power_on");
        assert_contains(by_name, "max_on");
        assert_string_equal(by_name, by_path);
}

static void dump_config__secret__is_masked_and_places_are_reported(void **state)
{
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "hall",
                                                                     .url = "mqtts://broker.invalid",
                                                                     .broker_keys = "user = u\npassword = \"hush\"\n",
                                                                     .devices = stage_devices });
        (void)state;
        const char *out = mode("--dump-config", NULL, daemon, 0);
        assert_contains(out, "mqtts://broker.invalid");
        assert_contains(out, "password");
        assert_contains(out, "sconce.conf");
        assert_contains(out, "keepalive");
        assert_contains(out, "[lamp kitchen]");
        assert_null(strstr(out, "hush"));
}

static void lines__lists_the_chip(void **state)
{
        struct daemon *daemon = with_devices("");

        (void)state;
        const char *out = mode("--lines", NULL, daemon, 0);
        assert_contains(out, "GPIO17");
}

static void lines__wrong_config__lists_the_chip(void **state)
{
        struct daemon *daemon = stage_daemon("attic", "[lamp cellar]\nline = WHICH\nlime = 3\n[lam\n");

        (void)state;
        chip_needs_edges();
        assert_contains(mode("--lines", NULL, daemon, 0), "GPIO17");
}

/* ---- Outputs at the end ------------------------------------------------------------------------------------------ */

static const char outputs[] = "[lamp timed]\nline = GPIO5\nmax_on = 1h\n"
                              "[lamp on]\nline = GPIO6\non_exit = on\n"
                              "[lamp keep]\nline = GPIO7\n"
                              "[lamp off]\nline = GPIO8\non_exit = off\n";

/* The last level that our request gave the line: a released line reads its pull, so `value` cannot show. */
static int last_driven(const struct daemon *daemon, unsigned offset)
{
        char path[512];
        char *text, *line, *rest;
        int level = -1;

        (void)snprintf(path, sizeof(path), "%s/edges", daemon->lines);
        rest = text = read_file(path);
        while ((line = strsep(&rest, "\n"))) {
                unsigned at, value;
                if (sscanf(line, "%*u %u %u", &at, &value) == 2 && at == offset)
                        level = (int)value;
        }
        free(text);
        return level;
}

static void all_on(struct daemon *daemon)
{
        static const char *const devices[] = { "timed", "on", "keep", "off" };

        daemon_start(daemon);
        for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
                char topic[64];
                (void)snprintf(topic, sizeof(topic), "sconce/attic/%s/set", devices[i]);
                (void)client_wait(stage.tester, daemon_topic(daemon, "node/state"), NULL, NULL);
                client_send(stage.tester, topic, "ON");
                chip_wait(daemon->lines, 5 + i, 1);
                client_send(stage.tester, "sconce/attic/node/get", "");
        }
}

/* Pulled against what is wanted, so that the release itself shows up as an edge after ours. */
static void outputs_safe__after_a_kill__timed_and_off_go_off(void **state)
{
        struct daemon *daemon = stage_daemon("attic", outputs);

        (void)state;
        chip_needs_edges();
        all_on(daemon);
        for (unsigned offset = 5; offset <= 8; offset++)
                chip_pull(daemon->lines, offset, true);
        size_t before[4];
        daemon_kill(daemon);
        for (unsigned i = 0; i < 4; i++)
                before[i] = chip_edges(daemon->lines, 5 + i);
        (void)mode("--outputs-safe", NULL, daemon, 0);
        /* Down by our request, up again by the pull. */
        assert_int_equal(chip_edges(daemon->lines, 5) - before[0], 2);
        assert_int_equal(chip_edges(daemon->lines, 6) - before[1], 0);
        assert_int_equal(chip_edges(daemon->lines, 7) - before[2], 0);
        assert_int_equal(chip_edges(daemon->lines, 8) - before[3], 2);
        daemon_free(daemon);
}

static void sigterm__outputs_go_to_their_on_exit(void **state)
{
        struct daemon *daemon = stage_daemon("attic", outputs);

        (void)state;
        chip_needs_edges();
        all_on(daemon);
        daemon_stop(daemon);
        assert_int_equal(last_driven(daemon, 5), 0);
        assert_int_equal(last_driven(daemon, 8), 0);
        assert_false(process_logged(daemon->process, "ssertion"));
        daemon_free(daemon);
}

static void sigusr1__toggles_debug(void **state)
{
        struct wire *wire = wire_relay("127.0.0.1", stage.broker->port.number);
        char url[64];

        (void)state;
        (void)snprintf(url, sizeof(url), "mqtts://localhost:%u", wire_port(wire));
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic", .url = url, .pki = stage.pki, .log_level = "notice" });
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        assert_false(process_logged(daemon->process, "<7>"));
        process_signal(daemon->process, SIGUSR1);
        (void)process_wait_log(daemon->process, "debug", SOON_MS);
        wire_free(wire);
        (void)process_wait_log(daemon->process, "<7>", SOON_MS);
        daemon_stop(daemon);
        daemon_free(daemon);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(version__is_printed, stage_forget),
        STAGE_TEST(unknown_argument__is_refused_with_a_hint, stage_forget),
        STAGE_TEST(help__every_option__is_described, stage_forget),
        STAGE_TEST(arguments__mistakes__are_named, stage_forget),
        STAGE_TEST(check__good_config__passes_and_opens_nothing, stage_forget),
        STAGE_TEST(check__bad_config__reports_every_fault_with_its_place, stage_forget),
        STAGE_TEST(check__one_line_twice__names_both_devices, stage_forget),
        STAGE_TEST(start__bad_config__exits_with_78_and_the_text, stage_forget),
        STAGE_TEST(start__no_config_file__exits_with_78_and_names_it, stage_forget),
        STAGE_TEST(describe__all__lists_the_plugins, stage_forget),
        STAGE_TEST(describe__one_by_name_or_path__shows_its_options, stage_forget),
        STAGE_TEST(dump_config__secret__is_masked_and_places_are_reported, stage_forget),
        STAGE_TEST(lines__lists_the_chip, stage_forget),
        STAGE_TEST(lines__wrong_config__lists_the_chip, stage_forget),
        STAGE_TEST(outputs_safe__after_a_kill__timed_and_off_go_off, stage_forget),
        STAGE_TEST(sigterm__outputs_go_to_their_on_exit, stage_forget),
        STAGE_TEST(sigusr1__toggles_debug, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
