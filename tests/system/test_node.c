/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in device `node`, what becomes of devices that fail or hang, and what outputs do on their own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/in_range.h"
#include "system/stage.h"

static int forget(void **state)
{
        (void)state;
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static const struct message *node_state(void)
{
        client_send(stage.tester, "sconce/hall/node/get", "");
        return client_wait(stage.tester, "sconce/hall/node/state", NULL, NULL);
}

static void node__state__has_its_figures(void **state)
{
        (void)state;
        const struct message *m = node_state();
        assert_true(atof(json_member(m, "uptime_s")) >= 0);
        assert_true(atoi(json_member(m, "memory_kb")) > 500);
        assert_true(atoi(json_member(m, "memory_kb")) < 100000);
        /* Nodes' certificates are good for two years. */
        assert_uint_in_range(atoi(json_member(m, "certificate_days")), 700, 731);
        assert_string_equal(json_member(m, "dropped"), "0");
        assert_non_null(json_member(m, "queue"));
        assert_string_equal(json_member(m, "problems"), "[]");
}

static bool is_started_later(const struct message *message, const void *userdata)
{
        const char *started = json_member(message, "started");
        return started && strcmp(started, userdata) > 0;
}

static void restart_button__pressed__starts_again_in_the_same_process(void **state)
{
        pid_t pid = stage.hall->process->pid;

        (void)state;
        struct client *late = stage_client("tester", "late");
        client_subscribe(late, "sconce/hall/info");
        const char *started = json_member(client_wait(late, "sconce/hall/info", NULL, NULL), "started");
        client_free(late);
        client_send(stage.tester, "sconce/hall/node/set/restart", "PRESS");
        client_wait_text(stage.tester, "sconce/hall/status", "offline");
        client_wait_text(stage.tester, "sconce/hall/status", "online");
        (void)client_wait(stage.tester, "sconce/hall/info", is_started_later, started);
        assert_true(process_running(stage.hall->process));
        assert_int_equal(stage.hall->process->pid, pid);
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
}

static void restart_button__retained_press__does_not_restart_for_ever(void **state)
{
        (void)state;
        client_publish(
                stage.tester,
                &(struct request){ .topic = "sconce/hall/node/set/restart", .payload = "PRESS", .retain = true });
        client_wait_text(stage.tester, "sconce/hall/status", "offline");
        client_wait_text(stage.tester, "sconce/hall/status", "online");
        (void)process_wait_log(stage.hall->process, "retained", SOON_MS);
        client_publish(stage.tester,
                       &(struct request){ .topic = "sconce/hall/node/set/restart", .payload = "", .retain = true });
        stage_settle();
        assert_int_equal(client_count(stage.tester, "sconce/hall/status"), 2);
}

/* ---- Devices that do not work ------------------------------------------------------------------------------------ */

static void device__chip_missing__is_offline_alone_and_gives_the_reason(void **state)
{
        struct daemon *daemon = stage_daemon("attic", "[lamp lost]\nline = gpiochip77:3\n[lamp good]\nline = GPIO6\n");

        (void)state;
        daemon_start(daemon);
        client_wait_text(stage.tester, "sconce/attic/lost/status", "offline");
        const struct message *m = client_wait_json(stage.tester, "sconce/attic/lost/error", "code", "enoent");
        assert_non_null(strstr(json_member(m, "message"), "gpiochip77"));
        client_wait_text(stage.tester, "sconce/attic/good/status", "online");
        client_send(stage.tester, "sconce/attic/good/set", "ON");
        chip_wait(daemon->lines, 6, 1);
        client_send(stage.tester, "sconce/attic/lost/set", "{\"state\":\"ON\",\"id\":\"x\"}");
        (void)client_wait_json(stage.tester, "sconce/attic/lost/result", "code", "offline");
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* ---- Devices that hang ------------------------------------------------------------------------------------------- */

static char *joined(const char *dir, const char *name)
{
        char *path = NULL;
        return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static void link_plugin(const char *dir, const char *from)
{
        const char *name = strrchr(from, '/') + 1;

        if (symlink(from, keep_text(joined(dir, name))) < 0 && errno != EEXIST)
                give_up("cannot link %s", from);
}

/* The built plugins, and tests/plugins/gate.c, in one directory. */
static const char *plugins_with_gate(void)
{
        const char *dir = work_path("plugins"), *built = build_path("plugins");
        struct dirent *entry;

        make_dir(dir);
        DIR *stream = opendir(built);
        while (stream && (entry = readdir(stream)))
                if (strstr(entry->d_name, ".so"))
                        link_plugin(dir, keep_text(joined(built, entry->d_name)));
        if (stream)
                (void)closedir(stream);
        link_plugin(dir, build_path("tests/plugins/gate.so"));
        return dir;
}

/* A daemon with a device behind a gate, and a lamp that must not suffer for it. */
static struct daemon *daemon_with_gate(const char *keys)
{
        const char *fifo = work_path("gate");
        char devices[512];

        (void)unlink(fifo);
        if (mkfifo(fifo, 0600) < 0)
                give_up("cannot make %s", fifo);
        (void)snprintf(devices, sizeof(devices), "[gate slow]\nfifo = %s\n%s[lamp good]\nline = GPIO6\n", fifo, keys);
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                     .broker = stage.broker,
                                                                     .pki = stage.pki,
                                                                     .plugins = plugins_with_gate(),
                                                                     .devices = devices });
        daemon_start(daemon);
        client_wait_text(stage.tester, "sconce/attic/slow/status", "online");
        return daemon;
}

struct gate_opening {
        const char *fifo;
        int fd;
};

static bool gate_opens(void *userdata)
{
        struct gate_opening *opening = userdata;

        /* Fails until the device is waiting on the other side. */
        opening->fd = open(opening->fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        return opening->fd >= 0;
}

static void open_gate(const char *number)
{
        struct gate_opening opening = { .fifo = work_path("gate") };

        if (!pump_until(gate_opens, &opening, SOON_MS))
                give_up("nobody waits at the gate");
        assert_int_equal(write(opening.fd, number, strlen(number)), strlen(number));
        (void)close(opening.fd);
}

static void good_lamp_is_prompt(const struct daemon *daemon)
{
        for (int i = 0; i < 10; i++) {
                uint64_t before_us = now_us();
                client_send(stage.tester, "sconce/attic/good/set", i % 2 ? "OFF" : "ON");
                (void)client_wait_json(stage.tester, "sconce/attic/good/state", "state", i % 2 ? "OFF" : "ON");
                /* A hung loop would take the device's deadline of 500 ms each time. */
                assert_true(now_us() - before_us < 400 * USEC_PER_MSEC);
                chip_wait(daemon->lines, 6, i % 2 == 0);
        }
}

static void command__out_of_range_or_of_another_type__is_refused(void **state)
{
        static const struct {
                const char *payload, *code;
        } rows[] = { { "101", "range" },
                     { "-1", "range" },
                     { "{\"level\":1e300}", "range" },
                     { "{\"level\":\"much\"}", "type" },
                     { "ON", "type" },
                     { "{\"value\":1}", "read_only" } };
        struct daemon *daemon = daemon_with_gate("");

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                client_send(stage.tester, "sconce/attic/slow/set", rows[i].payload);
                (void)client_wait_json(stage.tester, "sconce/attic/slow/result", "code", rows[i].code);
        }
        daemon_stop(daemon);
        daemon_free(daemon);
}

static void device__read_hangs__is_offline_alone_and_comes_back(void **state)
{
        struct daemon *daemon = daemon_with_gate("");

        (void)state;
        client_send(stage.tester, "sconce/attic/slow/get", "");
        good_lamp_is_prompt(daemon);
        client_wait_text(stage.tester, "sconce/attic/slow/status", "offline");
        (void)client_wait_json(stage.tester, "sconce/attic/slow/error", "code", "etimedout");
        good_lamp_is_prompt(daemon);
        open_gate("21.5");
        client_wait_text(stage.tester, "sconce/attic/slow/status", "online");
        client_wait_text(stage.tester, "sconce/attic/slow/error", "");
        (void)client_wait_json(stage.tester, "sconce/attic/slow/state", "value", "21.5");
        daemon_stop(daemon);
        daemon_free(daemon);
}

static void device__hangs_at_the_stop__stop_is_prompt(void **state)
{
        struct daemon *daemon = daemon_with_gate("");

        (void)state;
        client_send(stage.tester, "sconce/attic/slow/get", "");
        client_wait_text(stage.tester, "sconce/attic/slow/status", "offline");
        uint64_t before_us = now_us();
        daemon_stop(daemon);
        assert_true(now_us() - before_us < 8 * USEC_PER_SEC);
        daemon_free(daemon);
}

static bool one_second_later(void *userdata)
{
        return now_us() - *(const uint64_t *)userdata > 1100 * USEC_PER_MSEC;
}

/* Lets everybody through until two commands have been answered. */
static bool gate_opens_twice(void *userdata)
{
        struct gate_opening *opening = userdata;

        if (gate_opens(opening)) {
                (void)!write(opening->fd, "1", 1);
                (void)close(opening->fd);
        }
        return client_count(stage.tester, "sconce/attic/slow/result") == 2;
}

static void command__waits_longer_than_its_expiry__is_refused_as_expired(void **state)
{
        struct daemon *daemon = daemon_with_gate("deadline = 30s\n");
        struct gate_opening opening = { .fifo = work_path("gate") };

        (void)state;
        client_send(stage.tester, "sconce/attic/slow/set", "{\"level\":1,\"id\":\"first\"}");
        client_publish(stage.tester, &(struct request){ .topic = "sconce/attic/slow/set",
                                                        .payload = "{\"level\":2,\"id\":\"second\"}",
                                                        .expiry_s = 1 });
        /* Its second is counted from when the agent has it: it has, when it answers what was sent after it. */
        client_send(stage.tester, "sconce/attic/good/set", "{\"state\":\"ON\",\"id\":\"third\"}");
        (void)client_wait_json(stage.tester, "sconce/attic/good/result", "id", "third");
        uint64_t there_us = now_us();
        assert_true(pump_until(one_second_later, &there_us, SOON_MS));
        assert_true(pump_until(gate_opens_twice, &opening, SOON_MS));
        const struct message *m = client_wait_json(stage.tester, "sconce/attic/slow/result", "id", "first");
        assert_string_equal(json_member(m, "ok"), "true");
        m = client_wait_json(stage.tester, "sconce/attic/slow/result", "id", "second");
        assert_string_equal(json_member(m, "code"), "expired");
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* ---- Outputs ----------------------------------------------------------------------------------------------------- */

static void lamp__max_on__goes_off_and_reports_it(void **state)
{
        struct daemon *daemon = stage_daemon("attic", "[lamp timed]\nline = GPIO5\nmax_on = 300ms\n");

        (void)state;
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        client_send(stage.tester, "sconce/attic/timed/set", "ON");
        (void)client_wait_json(stage.tester, "sconce/attic/timed/state", "state", "ON");
        (void)client_wait_json(stage.tester, "sconce/attic/timed/state", "state", "OFF");
        chip_wait(daemon->lines, SPARE, 0);
        daemon_stop(daemon);
        daemon_free(daemon);
}

static void lamp__broker_lost__goes_to_on_offline(void **state)
{
        struct wire *wire = wire_relay("127.0.0.1", stage.broker->port.number);
        char url[64];

        (void)state;
        (void)snprintf(url, sizeof(url), "mqtts://localhost:%u", wire_port(wire));
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "attic",
                .url = url,
                .pki = stage.pki,
                .broker_keys = "offline_after = 1s\n",
                .devices = "[lamp off]\nline = GPIO5\non_offline = off\n[lamp on]\nline = GPIO6\non_offline = on\n"
                           "[lamp keep]\nline = GPIO7\n" });
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        client_send(stage.tester, "sconce/attic/off/set", "ON");
        client_send(stage.tester, "sconce/attic/keep/set", "ON");
        chip_wait(daemon->lines, 5, 1);
        chip_wait(daemon->lines, 7, 1);
        wire_free(wire);
        chip_wait(daemon->lines, 5, 0);
        chip_wait(daemon->lines, 6, 1);
        assert_int_equal(chip_value(daemon->lines, 7), 1);
        daemon_stop(daemon);
        daemon_free(daemon);
}

/* Who counts may be killed, and the broker may go while nobody is there: the lamp goes off all the same. */
static void lamp__broker_lost_and_agent_killed__goes_to_on_offline(void **state)
{
        for (int is_killed_first = 0; is_killed_first < 2; is_killed_first++) {
                struct wire *wire = wire_relay("127.0.0.1", stage.broker->port.number);
                char url[64];

                (void)state;
                (void)snprintf(url, sizeof(url), "mqtts://localhost:%u", wire_port(wire));
                struct daemon *daemon = daemon_new(
                        &(struct daemon_options){ .name = "attic",
                                                  .url = url,
                                                  .pki = stage.pki,
                                                  .broker_keys = "offline_after = 2s\n",
                                                  .devices = "[lamp off]\nline = GPIO5\non_offline = off\n" });
                client_forget(stage.tester);
                daemon_start(daemon);
                daemon_wait_online(daemon, stage.tester);
                client_send(stage.tester, "sconce/attic/off/set", "ON");
                chip_wait(daemon->lines, 5, 1);
                if (is_killed_first)
                        daemon_kill(daemon);
                client_forget(stage.tester);
                wire_free(wire);
                if (!is_killed_first) {
                        client_wait_text(stage.tester, "sconce/attic/status", "offline"); /* its will */
                        daemon_kill(daemon);
                }
                daemon_start(daemon);
                (void)process_wait_log(daemon->process, "outputs go to their on_offline", SOON_MS);
                chip_wait(daemon->lines, 5, 0);
                daemon_kill(daemon);
                daemon_start(daemon); /* and stays there */
                (void)process_wait_log(daemon->process, "outputs go to their on_offline", SOON_MS);
                process_signal(daemon->process, SIGHUP);
                (void)process_wait_log(daemon->process, "reloaded", SOON_MS);
                assert_int_equal(chip_value(daemon->lines, 5), 0);
                daemon_stop(daemon);
                daemon_free(daemon);
        }
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(node__state__has_its_figures, forget),
        STAGE_TEST(restart_button__pressed__starts_again_in_the_same_process, forget),
        STAGE_TEST(restart_button__retained_press__does_not_restart_for_ever, forget),
        STAGE_TEST(device__chip_missing__is_offline_alone_and_gives_the_reason, forget),
        STAGE_TEST(command__out_of_range_or_of_another_type__is_refused, forget),
        STAGE_TEST(device__read_hangs__is_offline_alone_and_comes_back, forget),
        STAGE_TEST(device__hangs_at_the_stop__stop_is_prompt, forget),
        STAGE_TEST(command__waits_longer_than_its_expiry__is_refused_as_expired, forget),
        STAGE_TEST(lamp__max_on__goes_off_and_reports_it, forget),
        STAGE_TEST(lamp__broker_lost__goes_to_on_offline, forget),
        STAGE_TEST(lamp__broker_lost_and_agent_killed__goes_to_on_offline, forget),
};

STAGE_MAIN(tests, stage_open)
