/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has callgrind count the instructions of one operation, many times over: of sconced, and of the bare echo as the floor. Each
 * operation has a process of its own; what it does until it is warm is not counted. The next one begins when all that the one
 * before has set off is done, so that each takes as many turns of the loop, whatever else the machine does.
 *
 *   instructions DIR        writes DIR/NAME, callgrind's profile, for each operation and prints "NAME TIMES"
 *   instructions slopes     of a command in houses with more devices and more rules, beside the smallest
 */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/house.h"
#include "bench/party.h"
#include "system/certs.h"
#include "system/client.h"
#include "system/daemon.h"
#include "system/wire.h"
#include "system/workdir.h"
#include "util/cleanup.h"

enum { GATE = 6, BATCHES = 5 };

/* Announcements are looked through once more a second after the start: not in the middle of what is counted. */
#define QUIET "[homeassistant]\nenabled = no\n"

struct run {
        struct bench bench;
        struct client *client;
        struct wire *wire;
        struct process *process; /* that is counted */
        const char *house;       /* house.h */
        struct daemon *daemon;   /* NULL: it is the echo */
};

struct operation {
        const char *name;
        void (*begin)(struct run *run, const char *const words[]);
        void (*once)(struct run *run, unsigned i);
        unsigned warm_up, times;
};

/* ---- The end of an operation ----------------------------------------------------------------------------------- */

/* A thread that waits for nothing but the next thing has been woken for whatever has reached it. */
static bool sleeps(pid_t pid, const char *task)
{
        char path[300], text[512] = "";

        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, task);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        if (!file || !fgets(text, sizeof(text), file))
                return true; /* it has ended meanwhile */
        const char *state = strrchr(text, ')');
        return state && strncmp(state, ") S", 3) == 0;
}

static bool all_sleep(void *userdata)
{
        const struct run *run = userdata;
        bool all = true;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/task", run->process->pid);
        DIR *dir = opendir(path);
        for (struct dirent *entry; dir && (entry = readdir(dir));)
                if (entry->d_name[0] != '.')
                        all &= sleeps(run->process->pid, entry->d_name);
        if (dir)
                (void)closedir(dir);
        return all;
}

static void wait_done(struct run *run)
{
        if (!pump_until(all_sleep, run, SOON_MS))
                give_up("%s does not come to rest", run->process->name);
}

/* What the broker has sent before it answers us has been sent. */
static void wait_settled(struct run *run)
{
        (void)client_publish_acked(run->client, &(struct request){ .topic = "sconce/nobody", .payload = "-" });
        wait_done(run);
}

/* ---- What is counted ------------------------------------------------------------------------------------------- */

static void start_daemon(struct run *run, const struct daemon_options *options, const char *const words[])
{
        struct daemon_options all = *options;

        all.name = "hall";
        all.pki = run->bench.pki;
        all.log_level = "notice";
        all.words = words;
        all.plugins = run->house ? party_plugins() : NULL;
        run->daemon = daemon_new(&all);
        daemon_start(run->daemon);
        run->process = run->daemon->process;
}

/* By its address: what a look-up costs is up to the machine's own files. What is saved every few seconds counts the more the slower
 * the machine is, and is no part of an operation. */
static void start_online(struct run *run, unsigned port, const char *devices, const char *const words[])
{
        start_daemon(run,
                     &(struct daemon_options){ .url = format_text("mqtts://127.0.0.1:%u", port),
                                               .node = "save_after = 1h\n",
                                               .broker_keys = "offline_after = 1s", /* and half of it to reconnect */
                                               .devices = devices },
                     words);
        daemon_wait_online(run->daemon, run->client);
        wait_settled(run);
}

static void command_to(struct run *run, const char *device, const char *state)
{
        client_send(run->client, format_text("%s/set", device), state);
        (void)client_wait(run->client, format_text("%s/state", device), NULL, NULL);
        wait_settled(run);
}

static void command_begin(struct run *run, const char *const words[])
{
        start_online(run, run->bench.broker->port.number, QUIET "[lamp kitchen]\nline = GPIO17\nrate = 100000\n",
                     words);
}

static void house_begin(struct run *run, const char *const words[])
{
        start_online(run, run->bench.broker->port.number, format_text(QUIET "%s", house_config(run->house)), words);
}

static void command_once(struct run *run, unsigned i)
{
        command_to(run, "sconce/hall/kitchen", i % 2 ? "OFF" : "ON");
}

static void floor_begin(struct run *run, const char *const words[])
{
        struct running floor;
        const char *argv[24];

        party_new(&floor, &run->bench, "floor", NULL, 0);
        const char *const command[] = { build_path("tests/bench/echo"),
                                        "127.0.0.1",
                                        format_text("%u", run->bench.broker->port.number),
                                        floor.directory,
                                        floor.party->node,
                                        floor.count,
                                        NULL };

        (void)put_words(argv + put_words(argv, words), command);
        run->process = process_start(argv, &(struct process_options){ .name = "echo" });
        (void)process_wait_log(run->process, "ready", SOON_MS);
}

static void floor_once(struct run *run, unsigned i)
{
        command_to(run, "sconce/floor/kitchen", i % 2 ? "OFF" : "ON");
}

/* In one write of one length: truncating the file first would be seen, or not, as a change of its own. */
static void pull(const struct run *run, bool up)
{
        static const char texts[2][10] = { "pull-down\n", "pull-up\n\n\n" };
        const char *path = format_text("%s/sim_gpio%d/pull", run->daemon->lines, GATE);

        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, texts[up], sizeof(texts[up])) != sizeof(texts[up]))
                give_up("cannot write %s", path);
}

static void reading_begin(struct run *run, const char *const words[])
{
        start_online(run, run->bench.broker->port.number, QUIET "[contact gate]\nline = GPIO6\ndebounce = 0s\n", words);
}

static void reading_once(struct run *run, unsigned i)
{
        pull(run, i % 2 == 0);
        (void)client_wait_json(run->client, "sconce/hall/gate/state", "state", i % 2 ? "OFF" : "ON");
        wait_settled(run);
}

static void connect_begin(struct run *run, const char *const words[])
{
        run->wire = wire_relay("127.0.0.1", run->bench.broker->port.number);
        start_online(run, wire_port(run->wire),
                     QUIET "[lamp kitchen]\nline = GPIO17\n[lamp stairs]\nline = GPIO18\n[contact gate]\nline = GPIO6\n"
                           "[contact door]\nline = GPIO7\n",
                     words);
}

static void connect_once(struct run *run, unsigned i)
{
        (void)i;
        wire_cut(run->wire);
        (void)client_wait_text(run->client, "sconce/hall/status", "offline");
        daemon_wait_online(run->daemon, run->client);
        wait_settled(run);
}

static bool is_stored(void *userdata)
{
        const struct run *run = userdata;
        sqlite3 *sqlite = NULL;
        sqlite3_stmt *statement = NULL;
        const char *path = format_text("%s/sconce.db", run->daemon->state_dir);
        const char *sql = chip_value(run->daemon->lines, GATE) == 1
                                  ? "SELECT content LIKE '%\"ON\"%' FROM outbox ORDER BY seq DESC LIMIT 1"
                                  : "SELECT content LIKE '%\"OFF\"%' FROM outbox ORDER BY seq DESC LIMIT 1";
        bool is = false;

        if (sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
                is = sqlite3_column_int(statement, 0);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(sqlite);
        return is;
}

static void wait_stored(struct run *run)
{
        if (!pump_until(is_stored, run, SOON_MS))
                give_up("a reading does not reach the disk");
        wait_done(run);
}

/* Nobody answers where its broker is: it waits for that all the time, and keeps each reading, in a transaction of its own. */
static void stored_begin(struct run *run, const char *const words[])
{
        run->wire = wire_black_hole("127.0.0.1", 0);
        start_daemon(run,
                     &(struct daemon_options){ .url = format_text("mqtts://127.0.0.1:%u", wire_port(run->wire)),
                                               .broker_keys = "connect_timeout = 10m",
                                               .devices = "[history]\nflush = 100ms\n"
                                                          "[contact gate]\nline = GPIO6\ndebounce = 0s\n" },
                     words);
        wait_stored(run);
}

static void stored_once(struct run *run, unsigned i)
{
        pull(run, i % 2 == 0);
        chip_wait(run->daemon->lines, GATE, i % 2 == 0);
        wait_stored(run);
}

static const struct operation operations[] = {
        { "floor", floor_begin, floor_once, 50, 200 },       { "command", command_begin, command_once, 50, 200 },
        { "reading", reading_begin, reading_once, 50, 200 }, { "connect", connect_begin, connect_once, 2, 8 },
        { "stored", stored_begin, stored_once, 4, 24 },
};

/* ---- Counting -------------------------------------------------------------------------------------------------- */

static void tell(const struct run *run, const char *request)
{
        const char *const argv[] = { "vgdb", format_text("--vgdb-prefix=%s", work_path("vgdb")),
                                     format_text("--pid=%d", run->process->pid), request, NULL };
        int status;

        struct process *vgdb = process_run(argv, NULL, &status);
        if (status != 0)
                give_up("callgrind does not %s: vgdb ended with %d", request, status);
        process_free(vgdb);
}

static void repeat(struct run *run, const struct operation *operation, unsigned times)
{
        for (unsigned i = 0; i < times; i++) {
                operation->once(run, i);
                client_forget(run->client);
        }
}

static void begin(struct run *run, const struct operation *operation, const char *out)
{
        const char *const words[] = { "valgrind",
                                      "--quiet",
                                      "--tool=callgrind",
                                      format_text("--vgdb-prefix=%s", work_path("vgdb")),
                                      format_text("--callgrind-out-file=%s", out),
                                      NULL };

        run->daemon = NULL;
        run->wire = NULL;
        client_forget(run->client);
        operation->begin(run, words);
        repeat(run, operation, operation->warm_up);
        tell(run, "zero");
}

static void end(const struct run *run)
{
        if (run->daemon)
                daemon_free(run->daemon);
        else
                process_free(run->process);
        wire_free(run->wire);
}

static void count(struct run *run, const struct operation *operation, const char *dir)
{
        const char *out = format_text("%s/%s", dir, operation->name);

        begin(run, operation, out);
        repeat(run, operation, operation->times);
        tell(run, "dump");
        end(run);
        if (rename(format_text("%s.1", out), out) < 0)
                give_up("there is no %s.1", out);
        printf("%s %u\n", operation->name, operation->times);
        (void)fflush(stdout);
}

/* ---- Slopes ---------------------------------------------------------------------------------------------------- */

static double total_of(const char *profile)
{
        char line[512];
        double total = 0;
        CLEANUP_FILE FILE *file = fopen(profile, "re");

        while (file && total == 0 && fgets(line, sizeof(line), file))
                (void)sscanf(line, "totals: %lf", &total);
        if (total == 0)
                give_up("%s has no total", profile);
        return total;
}

/* The least of some batches: what the house does by itself meanwhile, and what a busy machine makes of the loop's turns, is more. */
static double command_in(struct run *run, const char *house)
{
        static const struct operation command = { "slope", house_begin, command_once, 50, 40 };
        const char *out = work_path("slope-%s", house);
        double totals[BATCHES];

        run->house = house;
        begin(run, &command, out);
        for (unsigned i = 0; i < BATCHES; i++) {
                repeat(run, &command, command.times);
                tell(run, "dump");
                totals[i] = total_of(format_text("%s.%u", out, i + 1)) / command.times;
        }
        end(run);
        return quantile(totals, BATCHES, 0);
}

static void slope(struct run *run, const char *figure, const char *const houses[])
{
        double smallest = command_in(run, houses[0]);

        for (size_t i = 1; houses[i]; i++)
                put_pair(format_text("%s-%zu", figure, i), "sconce", command_in(run, houses[i]), smallest);
}

static void count_slopes(struct run *run)
{
        static const char *const devices[] = { "lamp", "devices10", "devices100", "devices1000", NULL };
        static const char *const rules[] = { "20", "rules10", "rules100", "rules1000", NULL };

        slope(run, "slope-devices", devices);
        slope(run, "slope-rules", rules);
}

int main(int argc, char *argv[])
{
        struct run run = { 0 };

        if (argc != 2) {
                (void)fprintf(stderr, "usage: instructions DIR|slopes\n");
                return 2;
        }
        bool of_slopes = strcmp(argv[1], "slopes") == 0;
        bench_open(&run.bench);
        run.client = client_new(&(struct client_options){ .id = "counter",
                                                          .port = run.bench.broker->port.number,
                                                          .ca = pki_ca(run.bench.pki),
                                                          .cert = pki_issued(run.bench.pki, "tester") });
        client_subscribe(run.client, "sconce/+/+/state");
        client_subscribe(run.client, "sconce/hall/status");
        if (of_slopes)
                count_slopes(&run);
        for (size_t i = 0; !of_slopes && i < sizeof(operations) / sizeof(operations[0]); i++)
                count(&run, &operations[i], argv[1]);
        bench_close();
        return 0;
}
