/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read while the broker was away, drained: from the first message of it to the last, seen by another client, against
 * a bare publisher of the same; in turn. The backlog is made once, and put back for each pair.
 *
 *   backlog PAIRS READINGS
 */
#include <sqlite3.h>
#include <stdio.h>

#include "bench/bench.h"
#include "bench/party.h"
#include "bench/probe.h"
#include "system/workdir.h"

#define LAMP     "[lamp kitchen]\nline = GPIO17\n"
#define HISTORY  "[history]\nmax_count = 1000000\nmax_bytes = 1G\nflush = 100ms\n"
#define NO_BURST HISTORY LAMP "[meter m0]\n"

struct backlog {
        struct running *sconced;
        unsigned readings;
        const char *kept; /* a copy of the filled directory */
};

static unsigned stored(const struct daemon *daemon)
{
        sqlite3 *sqlite = NULL;
        sqlite3_stmt *statement = NULL;
        unsigned count = 0;

        if (sqlite3_open_v2(format_text("%s/sconce.db", daemon->state_dir), &sqlite, SQLITE_OPEN_READWRITE, NULL) ==
                    SQLITE_OK &&
            sqlite3_prepare_v2(sqlite, "SELECT count(*) FROM outbox", -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
                count = (unsigned)sqlite3_column_int(statement, 0);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(sqlite);
        return count;
}

static bool is_filled(void *userdata)
{
        const struct backlog *backlog = userdata;

        return stored(backlog->sconced->daemon) >= backlog->readings;
}

static void copy(const char *from, const char *to)
{
        const char *const remove[] = { "rm", "-rf", to, NULL };
        const char *const copy[] = { "cp", "-a", from, to, NULL };
        int status;

        process_free(process_run(remove, NULL, &status));
        process_free(process_run(copy, NULL, &status));
        if (status != 0)
                give_up("cannot copy %s", from);
}

static void fill(struct backlog *backlog, const struct bench *bench)
{
        struct daemon *daemon = backlog->sconced->daemon;

        daemon->options.url = "mqtts://localhost:9"; /* where nobody listens */
        daemon_write_config(daemon, format_text("%sburst = %u\n", NO_BURST, backlog->readings));
        party_start(backlog->sconced, bench);
        while (!pump_until(is_filled, backlog, 200))
                if (!process_running(backlog->sconced->process))
                        give_up("sconced has ended");
        daemon_stop(daemon);
        daemon->options.url = NULL;
        daemon_write_config(daemon, NO_BURST);
        copy(daemon->state_dir, backlog->kept);
}

static double rate(struct probe *probe, unsigned readings)
{
        while (probe->history < readings)
                probe_turn(probe);
        return (readings - 1) * 1e6 / (double)(probe->history_last_us - probe->history_first_us);
}

static double drain_sconced(struct probe *probe, const struct backlog *backlog, const struct bench *bench)
{
        copy(backlog->kept, backlog->sconced->daemon->state_dir);
        probe->history = 0;
        (void)probe_start(probe, backlog->sconced, bench);
        double drained = rate(probe, backlog->readings);
        probe_end(probe, backlog->sconced);
        return drained;
}

static double drain_floor(struct probe *probe, const struct running *floor, unsigned readings)
{
        probe_watch(probe, floor);
        probe->history = 0;
        probe_send(probe, "sconce/floor/backlog/set", "ON");
        return rate(probe, readings);
}

int main(int argc, char *argv[])
{
        struct running floor, sconced;
        struct probe probe;
        struct bench bench;

        if (argc != 3) {
                (void)fprintf(stderr, "usage: backlog PAIRS READINGS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[1], 10000);
        unsigned readings = (unsigned)bench_number(argv[2], 1000000);
        bench_open(&bench);
        struct backlog backlog = { .sconced = &sconced, .readings = readings, .kept = work_path("kept") };
        party_new(&sconced, &bench, "sconce", NO_BURST, 0);
        fill(&backlog, &bench);
        party_new(&floor, &bench, "floor", NULL, readings);
        probe_open(&probe, &bench);
        (void)probe_start(&probe, &floor, &bench);
        for (size_t i = 0; i < pairs; i++) {
                double of_floor = drain_floor(&probe, &floor, readings);
                put_pair("backlog", "sconce", drain_sconced(&probe, &backlog, &bench), of_floor);
        }
        probe_end(&probe, &floor);
        probe_close(&probe);
        bench_close();
        return 0;
}
