/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command -> line -> state over mutual TLS on loopback: a party's time against the floor's, one command at a time, and how
 * many it carries out in a second with 64 under way. In each of TURNS turns of a pair so many commands, and for so long.
 *
 *   command PARTY PAIRS TURNS COMMANDS MILLISECONDS
 */
#include <stdio.h>

#include "bench/duel.h"
#include "bench/group.h"
#include "bench/house.h"

#define MAX_COMMANDS 100000
#define WINDOW       64

/* Of a turn. */
static size_t commands;
static unsigned for_ms;

/* Of the turns of one pair. */
struct sum {
        double us[MAX_COMMANDS], rate;
        size_t n, n_turns;
        uint64_t cpu_ns;
};

static void one_turn(struct probe *probe, const struct running *running, void *userdata)
{
        struct sum *sum = userdata;

        sum->cpu_ns -= group_cpu_ns(running->group);
        for (size_t i = 0; i < commands; i++)
                sum->us[sum->n++] = probe_command(probe, i % 2 == 0);
        sum->cpu_ns += group_cpu_ns(running->group);
        sum->rate += probe_rate(probe, WINDOW, for_ms);
        sum->n_turns++;
}

static void begin(struct sum *sum)
{
        sum->rate = 0;
        sum->n = sum->n_turns = 0;
        sum->cpu_ns = 0;
}

static void put(const char *party, struct sum *of_party, struct sum *of_floor)
{
        put_pair("command-p50", party, quantile(of_party->us, of_party->n, 0.5),
                 quantile(of_floor->us, of_floor->n, 0.5));
        put_pair("command-p99", party, quantile(of_party->us, of_party->n, 0.99),
                 quantile(of_floor->us, of_floor->n, 0.99));
        put_pair("command-cpu", party, (double)of_party->cpu_ns / 1e3 / (double)of_party->n,
                 (double)of_floor->cpu_ns / 1e3 / (double)of_floor->n);
        put_pair("command-rate", party, of_party->rate / (double)of_party->n_turns,
                 of_floor->rate / (double)of_floor->n_turns);
}

int main(int argc, char *argv[])
{
        static struct sum of_party, of_floor;
        struct duel duel;

        if (argc != 6) {
                (void)fprintf(stderr, "usage: command PARTY PAIRS TURNS COMMANDS MILLISECONDS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[2], 10000), turns = bench_number(argv[3], 1000);
        commands = bench_number(argv[4], MAX_COMMANDS / turns);
        for_ms = (unsigned)bench_number(argv[5], 60000);
        duel_open(&duel, argv[1], house_config("lamp"), 0);
        duel_turns(&duel, 1, one_turn, &of_party, &of_floor);
        for (size_t i = 0; i < pairs; i++) {
                begin(&of_party);
                begin(&of_floor);
                duel_turns(&duel, turns, one_turn, &of_party, &of_floor);
                put(argv[1], &of_party, &of_floor);
        }
        duel_close(&duel);
        return 0;
}
