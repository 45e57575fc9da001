/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings a second, QoS 1: one command has the 200 sensors of a node, which cost nothing to read, read themselves, until
 * all readings have come to another client; against a bare publisher of the same; in turn. (A `get` of the node is no
 * measure: it is limited to 50 devices a second.)
 *
 *   readings PAIRS ROUNDS
 */
#include <stdio.h>

#include "bench/house.h"
#include "bench/party.h"
#include "bench/probe.h"

#define SENSORS 200

static double one_turn(struct probe *probe, const struct running *running, size_t rounds)
{
        double us = 0;

        probe_watch(probe, running);
        for (size_t i = 0; i < rounds; i++)
                us += probe_trigger(probe, SENSORS);
        return SENSORS * (double)rounds * 1e6 / us;
}

int main(int argc, char *argv[])
{
        struct running floor, party;
        struct probe probe;
        struct bench bench;

        if (argc != 3) {
                (void)fprintf(stderr, "usage: readings PAIRS ROUNDS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[1], 10000), rounds = bench_number(argv[2], 10000);
        bench_open(&bench);
        probe_open(&probe, &bench);
        party_new(&floor, &bench, "floor", NULL, SENSORS);
        party_new(&party, &bench, "sconce", house_config("meters200"), 0);
        (void)probe_start(&probe, &floor, &bench);
        (void)probe_start(&probe, &party, &bench);
        (void)one_turn(&probe, &floor, 1);
        (void)one_turn(&probe, &party, 1);
        for (size_t i = 0; i < pairs; i++) {
                double of_party = i % 2 ? one_turn(&probe, &party, rounds) : 0;
                double of_floor = one_turn(&probe, &floor, rounds);
                put_pair("readings", "sconce", i % 2 ? of_party : one_turn(&probe, &party, rounds), of_floor);
        }
        probe_end(&probe, &party);
        probe_end(&probe, &floor);
        probe_close(&probe);
        bench_close();
        return 0;
}
