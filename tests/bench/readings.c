/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings a second, QoS 1: one command has the 200 sensors of a node, which cost nothing to read, read themselves, until
 * all readings have come to another client; against a bare publisher of the same; in turn. (A `get` of the node is no
 * measure: it is limited to 50 devices a second.)
 *
 *   readings PAIRS TURNS
 */
#include <stdio.h>

#include "bench/duel.h"
#include "bench/house.h"

#define SENSORS 200

static void one_turn(struct probe *probe, const struct running *running, void *sum)
{
        double *us = sum;

        (void)running;
        *us += probe_trigger(probe, SENSORS);
}

int main(int argc, char *argv[])
{
        struct duel duel;
        double warm_up = 0;

        if (argc != 3) {
                (void)fprintf(stderr, "usage: readings PAIRS TURNS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[1], 10000), turns = bench_number(argv[2], 10000);
        duel_open(&duel, "sconce", house_config("meters200"), SENSORS);
        duel_turns(&duel, 1, one_turn, &warm_up, &warm_up);
        for (size_t i = 0; i < pairs; i++) {
                double party_us = 0, floor_us = 0, readings = SENSORS * (double)turns;
                duel_turns(&duel, turns, one_turn, &party_us, &floor_us);
                put_pair("readings", "sconce", readings * 1e6 / party_us, readings * 1e6 / floor_us);
        }
        duel_close(&duel);
        return 0;
}
