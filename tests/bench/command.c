/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command -> line -> state over mutual TLS on loopback: a party's time against the floor's, one command at a time, and how
 * many it carries out in a second with 64 under way. In turn, so that whatever else the machine does falls on both.
 *
 *   command PARTY PAIRS COMMANDS MILLISECONDS
 */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/group.h"
#include "bench/house.h"
#include "bench/party.h"
#include "bench/probe.h"

#define MAX_COMMANDS 100000
#define WARM_UP      100
#define WINDOW       64

struct turn {
        double p50_us, p99_us, cpu_us, rate;
};

static struct turn one_turn(struct probe *probe, const struct running *running, size_t commands, unsigned for_ms)
{
        static double us[MAX_COMMANDS];
        uint64_t cpu_ns = group_cpu_ns(running->group);
        struct turn turn;

        probe_watch(probe, running);
        for (size_t i = 0; i < commands; i++)
                us[i] = probe_command(probe, i % 2 == 0);
        turn.cpu_us = (double)(group_cpu_ns(running->group) - cpu_ns) / 1e3 / (double)commands;
        turn.p50_us = quantile(us, commands, 0.5);
        turn.p99_us = quantile(us, commands, 0.99);
        turn.rate = probe_rate(probe, WINDOW, for_ms);
        return turn;
}

static void put(const char *party, const struct turn *turn, const struct turn *floor)
{
        put_pair("command-p50", party, turn->p50_us, floor->p50_us);
        put_pair("command-p99", party, turn->p99_us, floor->p99_us);
        put_pair("command-cpu", party, turn->cpu_us, floor->cpu_us);
        put_pair("command-rate", party, turn->rate, floor->rate);
}

int main(int argc, char *argv[])
{
        struct running floor, party;
        struct probe probe;
        struct bench bench;

        if (argc != 5) {
                (void)fprintf(stderr, "usage: command PARTY PAIRS COMMANDS MILLISECONDS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[2], 10000), commands = bench_number(argv[3], MAX_COMMANDS);
        unsigned for_ms = (unsigned)bench_number(argv[4], 60000);
        bench_open(&bench);
        probe_open(&probe, &bench);
        party_new(&floor, &bench, "floor", NULL, 0);
        party_new(&party, &bench, argv[1], house_config("lamp"), 0);
        (void)probe_start(&probe, &floor, &bench);
        (void)probe_start(&probe, &party, &bench);
        (void)one_turn(&probe, &floor, WARM_UP, for_ms);
        (void)one_turn(&probe, &party, WARM_UP, for_ms);
        for (size_t i = 0; i < pairs; i++) {
                struct turn of_floor, of_party;
                /* A B B A …: neither is always the second. */
                if (i % 2)
                        of_party = one_turn(&probe, &party, commands, for_ms);
                of_floor = one_turn(&probe, &floor, commands, for_ms);
                if (i % 2 == 0)
                        of_party = one_turn(&probe, &party, commands, for_ms);
                put(argv[1], &of_party, &of_floor);
        }
        probe_end(&probe, &party);
        probe_end(&probe, &floor);
        probe_close(&probe);
        bench_close();
        return 0;
}
