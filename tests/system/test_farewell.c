/* SPDX-License-Identifier: Apache-2.0 */
/* What is left behind when a node stops, reloads or is made safe, over a broker without TLS. */
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/broker.h"
#include "system/chip.h"
#include "system/client.h"
#include "system/daemon.h"
#include "system/stage.h"
#include "system/workdir.h"
#include "util/cleanup.h"
#include "util/clock.h"

static const char devices[] = "[lamp kitchen]\nline = GPIO17\nmax_on = 1h\n";

static struct broker *broker;
static struct client *tester;
static const char *url;

static int setup(void **state)
{
        (void)state;
        workdir_make();
        broker = broker_new_plain(BROKER_OPEN);
        tester = client_new(&(struct client_options){ .id = "tester", .port = broker->port.number });
        client_subscribe(tester, "sconce/hall/#");
        url = format_text("mqtt://127.0.0.1:%u", broker->port.number);
        return 0;
}

static struct daemon *start_with(const char *broker_keys)
{
        struct daemon *hall = daemon_new(
                &(struct daemon_options){ .name = "hall", .url = url, .broker_keys = broker_keys, .devices = devices });
        daemon_start(hall);
        return hall;
}

/* The status that is retained, as somebody hears it who comes later. */
static void assert_left_behind(const char *status)
{
        struct client *late = client_new(&(struct client_options){ .id = "late", .port = broker->port.number });

        client_subscribe(late, "sconce/hall/status");
        const struct message *message = client_wait(late, "sconce/hall/status", NULL, NULL);
        assert_string_equal(message->payload, status);
        client_free(late);
}

static void stop__clean__leaves_offline(void **state)
{
        struct daemon *hall = start_with(NULL);

        (void)state;
        daemon_wait_online(hall, tester);
        daemon_stop(hall);
        assert_left_behind("offline");
}

static void stop__mqtt_3_1_1__leaves_offline(void **state)
{
        struct daemon *hall = start_with("version = 3.1.1");

        (void)state;
        daemon_wait_online(hall, tester);
        daemon_stop(hall);
        assert_left_behind("offline");
}

/* Killed while its lamp is on. */
static struct daemon *killed_in_the_light(void)
{
        struct daemon *hall = start_with(NULL);

        chip_needs_edges();
        daemon_wait_online(hall, tester);
        client_send(tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(hall->lines, 17, 1);
        daemon_kill(hall);
        return hall;
}

/* Where the one node has written down what it drives. */
static const char *record_path(void)
{
        glob_t found;

        assert_int_equal(glob(work_path("run/driven-*.json"), 0, NULL, &found), 0);
        assert_int_equal(found.gl_pathc, 1);
        const char *path = keep_text(strdup(found.gl_pathv[0]));
        globfree(&found);
        return path;
}

static void lose_record(const char *path)
{
        assert_int_equal(unlink(path), 0);
}

static void damage_record(const char *path)
{
        write_file(path, "{\"boot\"");
}

/* As an earlier boot has left it, where the directory outlives one. */
static void age_record(const char *path)
{
        CLEANUP_FREE char *text = read_file(path);
        char *boot = text ? strstr(text, clock_boot_id()) : NULL;

        if (!boot)
                give_up("%s does not name its boot", path);
        *boot = *boot == '0' ? '1' : '0';
        write_file(path, "%s", text);
}

/* What was driven is not known, so the config decides: by all of it that can be read. */
static void config_switches_off(void (*write_config)(struct daemon *hall))
{
        static void (*const losses[])(const char *path) = { lose_record, damage_record, age_record };

        for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
                struct daemon *hall = killed_in_the_light();
                const char *path = record_path();
                int status;
                write_config(hall);
                losses[i](path);
                struct process *run = SCONCED_RUN(&status, "--config", hall->config, "--plugins", build_path("plugins"),
                                                  "--outputs-safe");
                assert_int_equal(status, 1);
                assert_true(process_logged(run, "GPIO17 is off"));
                chip_wait(hall->lines, 17, 0);
                process_free(run);
                daemon_free(hall);
                client_forget(tester);
                (void)unlink(path); /* of the next node there is to be one alone */
        }
}

static void write_another_section_wrong(struct daemon *hall)
{
        daemon_write_config(hall, "[lamp kitchen]\nline = GPIO17\nmax_on = 1h\n[lamp porch]\nlime = GPIO5\n");
}

static void write_daemon_section_wrong(struct daemon *hall)
{
        hall->options.broker_keys = "keepalive = soon\n[brocker]\nurl = x\n[tls]\nca = \"unclosed\nlime = 1";
        daemon_write_config(hall, devices);
}

static void outputs_safe__no_record_and_another_section_is_wrong__still_switches_off(void **state)
{
        (void)state;
        config_switches_off(write_another_section_wrong);
}

static void outputs_safe__no_record_and_daemon_section_is_wrong__still_switches_off(void **state)
{
        (void)state;
        config_switches_off(write_daemon_section_wrong);
}

static bool has_started_again(const struct daemon *hall)
{
        const char *first = strstr(hall->process->err.text, " starts with ");

        return first && strstr(first + 1, " starts with ");
}

static void restart__signals_all_the_while__none_kills_it(void **state)
{
        struct daemon *hall = start_with(NULL);
        const uint64_t until_us = now_us() + (uint64_t)SOON_MS * 1000;

        (void)state;
        daemon_wait_online(hall, tester);
        client_send(tester, "sconce/hall/node/set/restart", "PRESS");
        while (process_running(hall->process) && !has_started_again(hall) && now_us() < until_us) {
                process_signal(hall->process, SIGHUP);
                pump_once(1);
        }
        assert_true(has_started_again(hall));
        daemon_stop(hall);
}

/* Before the program's own first line nothing can be done about a signal; from there to its end none is lost, none
 * kills. */
static void stop__signals_all_the_while__is_clean(void **state)
{
        struct daemon *hall = start_with(NULL);
        const uint64_t until_us = now_us() + (uint64_t)SOON_MS * 1000;

        (void)state;
        daemon_wait_online(hall, tester);
        process_signal(hall->process, SIGTERM);
        while (process_running(hall->process) && now_us() < until_us) {
                process_signal(hall->process, SIGHUP);
                process_signal(hall->process, SIGINT);
                pump_once(0);
        }
        assert_int_equal(process_wait(hall->process, SOON_MS), 0);
        assert_left_behind("offline");
}

/* As they come down from anyone who starts it: blocked, and one already waiting. */
static int term_waits(void *userdata)
{
        sigset_t mask;

        (void)userdata;
        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGTERM);
        return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || raise(SIGTERM) != 0;
}

static void stop__asked_for_before_the_start__is_clean(void **state)
{
        struct daemon *hall = daemon_new(
                &(struct daemon_options){ .name = "hall", .url = url, .devices = devices, .prepare = term_waits });

        (void)state;
        daemon_start(hall);
        assert_int_equal(process_wait(hall->process, SOON_MS), 0);
        assert_true(process_logged(hall->process, "stopping: "));
}

/* Large JSON as fast as the broker takes it, without an end. */
static struct process *start_flood(void)
{
        static char payload[60000];
        const char *path = work_path("flood.json");
        char port[16];
        size_t at = (size_t)snprintf(payload, sizeof(payload), "{\"k0\":0");

        for (unsigned i = 1; at < sizeof(payload) - 32; i++)
                at += (size_t)snprintf(payload + at, sizeof(payload) - at, ",\"k%u\":%u", i, i);
        (void)snprintf(payload + at, sizeof(payload) - at, "}");
        write_file(path, "%s", payload);
        (void)snprintf(port, sizeof(port), "%u", broker->port.number);
        const char *const argv[] = { "mosquitto_pub",           "-h", "127.0.0.1", "-p",       port,        "-t",
                                     "sconce/hall/kitchen/set", "-f", path,        "--repeat", "100000000", NULL };
        return process_start(argv, NULL);
}

/* Neither waits for the end of what the network still has: the flood is still coming when each is done. */
static void reload_and_stop__under_a_flood__come_before_its_end(void **state)
{
        struct daemon *hall = start_with(NULL);

        (void)state;
        daemon_wait_online(hall, tester);
        struct process *flood = start_flood();
        (void)client_wait_json(tester, "sconce/hall/kitchen/result", "code", "rate");

        process_signal(hall->process, SIGHUP);
        (void)process_wait_log(hall->process, "reloaded", SOON_MS);
        assert_true(process_running(flood));
        daemon_stop(hall);
        assert_true(process_running(flood));
        process_free(flood);
        assert_left_behind("offline");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(stop__clean__leaves_offline, setup, stage_close),
                cmocka_unit_test_setup_teardown(stop__mqtt_3_1_1__leaves_offline, setup, stage_close),
                cmocka_unit_test_setup_teardown(
                        outputs_safe__no_record_and_another_section_is_wrong__still_switches_off, setup, stage_close),
                cmocka_unit_test_setup_teardown(outputs_safe__no_record_and_daemon_section_is_wrong__still_switches_off,
                                                setup, stage_close),
                cmocka_unit_test_setup_teardown(restart__signals_all_the_while__none_kills_it, setup, stage_close),
                cmocka_unit_test_setup_teardown(stop__signals_all_the_while__is_clean, setup, stage_close),
                cmocka_unit_test_setup_teardown(stop__asked_for_before_the_start__is_clean, setup, stage_close),
                cmocka_unit_test_setup_teardown(reload_and_stop__under_a_flood__come_before_its_end, setup,
                                                stage_close),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
