/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read while the broker was away, drained: from the first message of it to the last, seen by another client, against
 * a bare publisher of the same; in turn. The backlog is made once, and put back for each pair.
 *
 *   backlog PAIRS READINGS
 */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/filled.h"
#include "bench/party.h"
#include "bench/probe.h"

#define LAMP "[lamp kitchen]\nline = GPIO17\n"

static double rate(struct probe *probe, unsigned readings)
{
        while (probe->history < readings)
                probe_turn(probe);
        return (readings - 1) * 1e6 / (double)(probe->history_last_us - probe->history_first_us);
}

static double drain_sconced(struct probe *probe, const struct filled *backlog, const struct bench *bench)
{
        filled_start(backlog, probe, bench);
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
        struct filled backlog;
        struct probe probe;
        struct bench bench;

        if (argc != 3) {
                (void)fprintf(stderr, "usage: backlog PAIRS READINGS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[1], 10000);
        unsigned readings = (unsigned)bench_number(argv[2], 1000000);
        bench_open(&bench);
        party_new(&sconced, &bench, "sconce", LAMP, 0);
        filled_make(&backlog, &bench, &sconced, LAMP, readings);
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
