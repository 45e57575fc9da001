/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent reports to the service manager and the journal, and what it makes of what they send it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/broker.h"
#include "system/chip.h"
#include "system/client.h"
#include "system/daemon.h"
#include "system/mailbox.h"
#include "system/stage.h"
#include "system/workdir.h"

static const char lamp[] = "[lamp kitchen]\nline = GPIO17\n";

static int setup(void **state)
{
        (void)state;
        workdir_make();
        return 0;
}

/* A service: a daemon, and the manager that it speaks to. */
struct unit {
        struct mailbox *manager;
        struct daemon *daemon;
        const char *env[4];
};

static void unit_start(struct unit *unit, const char *name, const char *watchdog_usec, struct daemon_options options)
{
        const char *path = work_path("%s.notify", name);
        size_t n = 0;

        unit->manager = mailbox_new(path);
        unit->env[n++] = format_text("NOTIFY_SOCKET=%s", path);
        if (watchdog_usec)
                unit->env[n++] = format_text("WATCHDOG_USEC=%s", watchdog_usec);
        unit->env[n] = NULL;
        options.name = name;
        options.env = unit->env;
        unit->daemon = daemon_new(&options);
        daemon_start(unit->daemon);
}

/* ---- Readiness and status
 * ------------------------------------------------------------------------------------------- */

static void start__without_a_broker__is_ready_and_names_the_next_step(void **state)
{
        struct unit unit;

        (void)state;
        unit_start(&unit, "hall", NULL, (struct daemon_options){ .no_broker = true, .devices = lamp });
        const char *status = mailbox_wait(unit.manager, "STATUS=");
        assert_non_null(strstr(status, "broker: none is configured"));
        assert_non_null(strstr(status, "sconce-pki install"));
        (void)mailbox_wait(unit.manager, "READY=1");
        /* The lamp works all the same: its line is there, at its first value. */
        chip_wait(unit.daemon->lines, 17, 0);
        daemon_stop(unit.daemon);
        (void)mailbox_wait(unit.manager, "STOPPING=1");
}

/* What it names is what the daemon itself has opened by then. */
static void start__environment_names_fds_that_are_no_lines__left_alone(void **state)
{
        static const char *const env[] = { "SCONCE_KEPT_LINES=3 gpiochip0/1/a/0.0.0\n4 gpiochip0/2/a/0.0.0\n"
                                           "5 gpiochip0/3/a/0.0.0\n6 gpiochip0/4/a/0.0.0\n7 ///\n8 x\n9999 a/1/b/c\n",
                                           NULL };
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "hall", .no_broker = true, .devices = lamp, .env = env });

        (void)state;
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "fd 8 (x), which the environment names, is no GPIO line", SOON_MS);
        chip_wait(daemon->lines, 17, 0);
        daemon_stop(daemon);
}

static void status__what_is_wrong__is_reported_and_taken_back(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct unit unit;

        (void)state;
        unit_start(&unit, "hall", NULL,
                   (struct daemon_options){ .url = format_text("mqtt://127.0.0.1:%u", broker->port.number),
                                            .devices = "[lamp lost]\nline = gpiochip77:3\n" });
        (void)mailbox_wait(unit.manager, "READY=1");
        const char *status = mailbox_wait(unit.manager, "STATUS=Connected to ");
        assert_non_null(strstr(status, "; lost: "));
        assert_non_null(strstr(status, "gpiochip77"));
        broker_kill(broker);
        (void)mailbox_wait(unit.manager, "STATUS=broker: ");
        daemon_write_config(unit.daemon, lamp);
        process_signal(unit.daemon->process, SIGHUP);
        broker_start(broker);
        status = mailbox_wait(unit.manager, "STATUS=Connected to ");
        assert_null(strchr(status, ';'));
}

/* The broker's access list goes by the certificate: connected is only half of it. */
static void status__other_name_than_the_certificates__reports_that_publishing_is_refused(void **state)
{
        struct unit unit;

        (void)state;
        unit_start(&unit, "attic", NULL,
                   (struct daemon_options){ .broker = stage.broker,
                                            .pki = stage.pki,
                                            .cert = pki_issued(stage.pki, "hall"),
                                            .devices = lamp });
        const char *status = mailbox_wait(unit.manager, "STATUS=Connected to ");
        while (!strstr(status, "access: "))
                status = mailbox_wait(unit.manager, "STATUS=Connected to ");
        assert_non_null(strstr(
                status, "; access: the broker refuses what node attic publishes (not authorized): its certificate is "
                        "for \"hall\", see [node] name"));
}

static void reload__sighup__is_reported_from_begin_to_end(void **state)
{
        struct unit unit;

        (void)state;
        unit_start(&unit, "hall", NULL, (struct daemon_options){ .no_broker = true, .devices = lamp });
        (void)mailbox_wait(unit.manager, "READY=1");
        process_signal(unit.daemon->process, SIGHUP);
        assert_non_null(strstr(mailbox_wait(unit.manager, "RELOADING=1"), "MONOTONIC_USEC="));
        (void)mailbox_wait(unit.manager, "READY=1");
}

static void reload__wrong_config__is_over_too_and_reports_it(void **state)
{
        struct unit unit;

        (void)state;
        unit_start(&unit, "hall", NULL, (struct daemon_options){ .no_broker = true, .devices = lamp });
        (void)mailbox_wait(unit.manager, "READY=1");
        daemon_write_config(unit.daemon, "[lamp kitchen]\nlime = GPIO17\n");
        process_signal(unit.daemon->process, SIGHUP);
        (void)mailbox_wait(unit.manager, "RELOADING=1");
        (void)mailbox_wait(unit.manager, "READY=1");
        assert_non_null(strstr(mailbox_wait(unit.manager, "STATUS="), "config: the config on disk is wrong"));
        daemon_write_config(unit.daemon, lamp);
        process_signal(unit.daemon->process, SIGHUP);
        assert_null(strstr(mailbox_wait(unit.manager, "STATUS="), "config: "));
}

/* What the manager runs at `systemctl reload`, with what was built: its exit status. */
static int exec_reload(const struct daemon *daemon)
{
        const char *const argv[] = { "sh", "-c",
                                     format_text(
                                             "sh -c \"$(sed -n \"s|^ExecReload=/bin/sh -c '\\(.*\\)'|\\1|p\" '%s' | "
                                             "sed 's|/usr/sbin/sconced|%s --config %s --plugins %s|')\"",
                                             source_path("packaging/sconced.service"), build_path("sconced"),
                                             daemon->config, build_path("plugins")),
                                     NULL };
        const char *const env[] = { format_text("MAINPID=%d", (int)daemon->process->pid), NULL };
        int status;

        process_free(process_run(argv, &(struct process_options){ .name = "reload", .env = env }, &status));
        return status;
}

static void reload__as_the_unit_does_it__fails_where_the_config_is_refused(void **state)
{
        struct unit unit;

        (void)state;
        unit_start(&unit, "hall", NULL, (struct daemon_options){ .no_broker = true, .devices = lamp });
        (void)mailbox_wait(unit.manager, "READY=1");
        daemon_write_config(unit.daemon, "[lamp kitchen]\nlime = GPIO17\n");
        assert_int_equal(exec_reload(unit.daemon), 78);
        assert_non_null(strstr(mailbox_wait(unit.manager, "STATUS="), "config: the config on disk is wrong"));
        daemon_write_config(unit.daemon, lamp);
        assert_int_equal(exec_reload(unit.daemon), 0);
        assert_null(strstr(mailbox_wait(unit.manager, "STATUS="), "config: "));
}

static void reload__gpio_has_changed__reports_that_it_needs_a_restart(void **state)
{
        struct unit unit;

        (void)state;
        unit_start(&unit, "hall", NULL, (struct daemon_options){ .no_broker = true, .devices = lamp });
        (void)mailbox_wait(unit.manager, "READY=1");
        daemon_write_config(unit.daemon, "[lamp kitchen]\nline = GPIO17\n");
        char *config = read_file(unit.daemon->config);
        /* A real chip has no sim_dir. */
        const char *key = strstr(config, "sim_dir = ") ? "sim_dir = " : "chip = ";
        char *at = strstr(config, key);
        assert_non_null(at);
        write_file(unit.daemon->config, "%.*s%s%s%s", (int)(at - config), config, key,
                   *key == 's' ? work_path("other") : "gpiochip9", strchr(at, '\n'));
        free(config);
        process_signal(unit.daemon->process, SIGHUP);
        assert_non_null(strstr(mailbox_wait(unit.manager, "STATUS="),
                               "restart: [gpio] changed: that needs a restart of sconced"));
        daemon_write_config(unit.daemon, lamp); /* taken back */
        process_signal(unit.daemon->process, SIGHUP);
        assert_null(strstr(mailbox_wait(unit.manager, "STATUS="), "restart"));
}

/* To the manager a restart by the node's button is a reload: after STOPPING=1 it would wait for the end of
 * the process, and then enforce it. */
static void restart_button__pressed__is_reported_as_a_reload(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *tester = client_new(&(struct client_options){ .id = "tester", .port = broker->port.number });
        struct unit unit;

        (void)state;
        client_subscribe(tester, "sconce/hall/#");
        unit_start(&unit, "hall", "60000000",
                   (struct daemon_options){ .url = format_text("mqtt://127.0.0.1:%u", broker->port.number),
                                            .devices = lamp });
        daemon_wait_online(unit.daemon, tester);
        (void)mailbox_wait(unit.manager, "READY=1");
        client_send(tester, "sconce/hall/node/set/restart", "PRESS");
        (void)mailbox_wait(unit.manager, "RELOADING=1");
        (void)mailbox_wait(unit.manager, "READY=1");
        daemon_wait_online(unit.daemon, tester);
        assert_int_equal(mailbox_count(unit.manager, "STOPPING=1"), 0);
        assert_int_equal(mailbox_count(unit.manager, "MAINPID="), 0);
        daemon_stop(unit.daemon);
        (void)mailbox_wait(unit.manager, "STOPPING=1");
}

/* ---- Watchdog
 * -------------------------------------------------------------------------------------------------------- */

#define SHORT_WATCHDOG "200000"

static bool has_opened(void *userdata)
{
        int *fd = userdata;

        /* ENXIO for as long as nobody reads. */
        *fd = open(work_path("fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        return *fd >= 0;
}

static void watchdog__loop_turns__is_fed(void **state)
{
        struct unit unit;

        (void)state;
        unit_start(&unit, "hall", SHORT_WATCHDOG, (struct daemon_options){ .no_broker = true, .devices = lamp });
        for (int i = 0; i < 3; i++)
                (void)mailbox_wait(unit.manager, "WATCHDOG=1");
}

static void watchdog__loop_hangs__is_not_fed(void **state)
{
        const char *devices = format_text("[stall hog]\nfifo = %s\n", work_path("fifo"));
        const struct daemon_options options = { .no_broker = true, .plugins = build_path("tests/plugins") };
        struct unit hanging, other;
        int fd = -1;

        (void)state;
        assert_int_equal(mkfifo(work_path("fifo"), 0600), 0);
        unit_start(&hanging, "hall", SHORT_WATCHDOG, options);
        unit_start(&other, "attic", SHORT_WATCHDOG, options);
        (void)mailbox_wait(hanging.manager, "WATCHDOG=1");
        (void)mailbox_wait(other.manager, "READY=1");
        daemon_write_config(hanging.daemon, devices);
        process_signal(hanging.daemon->process, SIGHUP);
        assert_true(pump_until(has_opened, &fd, SOON_MS));
        (void)mailbox_wait(hanging.manager, "RELOADING=1");
        size_t before = mailbox_count(hanging.manager, "WATCHDOG=1");
        /* An agent that turns shows how much time goes by. */
        other.manager->cursor = other.manager->count;
        for (int i = 0; i < 3; i++)
                (void)mailbox_wait(other.manager, "WATCHDOG=1");
        assert_int_equal(mailbox_count(hanging.manager, "WATCHDOG=1"), before);
        assert_int_equal(write(fd, "x", 1), 1);
        (void)close(fd);
        (void)mailbox_wait(hanging.manager, "WATCHDOG=1");
}

/* ---- After the end
 * ----------------------------------------------------------------------------------------------------- */

struct end {
        const char *result, *code, *status; /* as the manager writes it */
        bool acts;
};

/* As the unit does after a run that ended like this. */
static bool outputs_safe_acts(const struct daemon *daemon, const struct end *end)
{
        const char *const argv[] = {
                build_path("sconced"), "--config", daemon->config, "--plugins", build_path("plugins"),
                "--outputs-safe",      NULL
        };
        const char *const env[] = { format_text("SERVICE_RESULT=%s", end->result),
                                    format_text("EXIT_CODE=%s", end->code), format_text("EXIT_STATUS=%s", end->status),
                                    format_text("STATE_DIRECTORY=%s", daemon->state_dir), NULL };
        int status;

        struct process *run = process_run(argv, &(struct process_options){ .name = "outputs-safe", .env = env },
                                          &status);
        bool acts = strstr(run->err.text, "GPIO17 is on");
        assert_int_equal(status, 0);
        process_free(run);
        return acts;
}

static void outputs_safe__after_each_end__acts_only_where_nobody_has(void **state)
{
        static const struct end ends[] = {
                { "success", "exited", "0", false },    { "exit-code", "exited", "78", false },
                { "exit-code", "exited", "1", true },   { "signal", "killed", "KILL", true },
                { "watchdog", "dumped", "ABRT", true }, { "core-dump", "dumped", "SEGV", true },
        };
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "hall", .no_broker = true, .devices = "[lamp kitchen]\nline = GPIO17\non_exit = on\n" });

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (outputs_safe_acts(daemon, &ends[i]) != ends[i].acts)
                        give_up("after %s (%s) it %s", ends[i].result, ends[i].status,
                                ends[i].acts ? "did nothing" : "acted");
}

/* ---- Journal
 * -------------------------------------------------------------------------------------------------------------
 */

/* Our /run for this process, and its stderr as the journal's. */
static int give_journal(void *userdata)
{
        struct stat st;
        char stream[64];

        (void)userdata;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount(work_path("run"), "/run", NULL, MS_BIND, NULL) < 0 || fstat(STDERR_FILENO, &st) < 0) {
                perror("cannot give it a journal");
                return -1;
        }
        (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        return setenv("JOURNAL_STREAM", stream, 1);
}

static void journal__stderr_is_its_stream__lines_come_with_fields(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *tester = client_new(&(struct client_options){ .id = "tester", .port = broker->port.number });

        (void)state;
        if (geteuid() != 0) {
                print_message("skipped: needs root to give a process a journal of its own\n");
                skip();
        }
        client_publish(tester,
                       &(struct request){ .topic = "sconce/hall/kitchen/set", .payload = "ON", .retain = true });
        make_dir(work_path("run"));
        make_dir(work_path("run/systemd"));
        make_dir(work_path("run/systemd/journal"));
        struct mailbox *journal = mailbox_new(work_path("run/systemd/journal/socket"));
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "hall",
                .url = format_text("mqtt://127.0.0.1:%u", broker->port.number),
                .devices = "[lamp lost]\nline = gpiochip77:3\n[lamp kitchen]\nline = GPIO17\n",
                .prepare = give_journal });
        daemon_start(daemon);
        const char *entry = mailbox_wait(journal, "DEVICE=lost\n");
        assert_non_null(strstr(entry, "PLUGIN=lamp\n"));
        assert_non_null(strstr(entry, "PRIORITY=4\n"));
        assert_non_null(strstr(entry, "MESSAGE=lost: "));
        assert_non_null(strstr(entry, "SYSLOG_IDENTIFIER=sconced\n"));
        entry = mailbox_wait(journal, "TOPIC=sconce/hall/kitchen/set\n");
        assert_non_null(strstr(entry, "retained"));
        assert_string_equal(daemon->process->err.text, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stage_close)
                TEST(start__without_a_broker__is_ready_and_names_the_next_step),
                TEST(start__environment_names_fds_that_are_no_lines__left_alone),
                TEST(status__what_is_wrong__is_reported_and_taken_back),
                cmocka_unit_test_setup_teardown(
                        status__other_name_than_the_certificates__reports_that_publishing_is_refused, stage_open_bare,
                        stage_close),
                TEST(reload__sighup__is_reported_from_begin_to_end),
                TEST(reload__wrong_config__is_over_too_and_reports_it),
                TEST(reload__as_the_unit_does_it__fails_where_the_config_is_refused),
                TEST(reload__gpio_has_changed__reports_that_it_needs_a_restart),
                TEST(restart_button__pressed__is_reported_as_a_reload),
                TEST(watchdog__loop_turns__is_fed),
                TEST(watchdog__loop_hangs__is_not_fed),
                TEST(outputs_safe__after_each_end__acts_only_where_nobody_has),
                TEST(journal__stderr_is_its_stream__lines_come_with_fields),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
