/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the start of the process to its retained "online", seen by another client, against the floor's; in turn.
 *
 *   start PARTY HOUSE PAIRS       HOUSE: lamp, 20, rules50, rules1000, 1000 (see house.h); lamp alone for others than sconce
 */
#include <stdio.h>

#include "bench/house.h"
#include "bench/party.h"
#include "bench/probe.h"
#include "system/workdir.h"

static double one_start(struct probe *probe, struct running *running, const struct bench *bench)
{
        double us = probe_start(probe, running, bench);

        probe_end(probe, running);
        return us / 1e3;
}

int main(int argc, char *argv[])
{
        struct running floor, party;
        struct probe probe;
        struct bench bench;

        if (argc != 4) {
                (void)fprintf(stderr, "usage: start PARTY HOUSE PAIRS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[3], 10000);
        bench_open(&bench);
        probe_open(&probe, &bench);
        party_new(&floor, &bench, "floor", NULL, 0);
        party_new(&party, &bench, argv[1], house_config(argv[2]), 0);
        (void)one_start(&probe, &party, &bench);
        for (size_t i = 0; i < pairs; i++) {
                double of_floor = one_start(&probe, &floor, &bench);
                put_pair(format_text("start-%s", argv[2]), argv[1], one_start(&probe, &party, &bench), of_floor);
        }
        probe_close(&probe);
        bench_close();
        return 0;
}
