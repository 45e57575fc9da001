/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls a command, as strace(1) counts them, against the floor's; one command at a time, in turn.
 *
 *   calls PARTY PAIRS COMMANDS
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/house.h"
#include "bench/party.h"
#include "bench/probe.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define WARM_UP 100

/* The table's last line: "100.00    0.012345           3      4242       100 total". */
static double total(const char *table)
{
        char line[256], word[32] = "";
        double calls = 0;

        CLEANUP_FILE FILE *file = fopen(table, "re");
        while (file && fgets(line, sizeof(line), file))
                if (strstr(line, " total"))
                        (void)sscanf(line, "%*s %*s %*s %31s", word);
        calls = strtod(word, NULL);
        if (calls < 1)
                give_up("%s has no total of strace's", table);
        return calls;
}

static double one_turn(struct probe *probe, const struct running *running, unsigned commands)
{
        const char *table = work_path("calls");
        const char *const argv[] = { "strace", "-f", "-c", "-o", table, "-p", format_text("%d", running->process->pid),
                                     NULL };

        probe_watch(probe, running);
        probe_commands(probe, 1, WARM_UP);
        struct process *strace = process_start(argv, NULL);
        (void)process_wait_log(strace, "attached", SOON_MS);
        probe_commands(probe, 1, commands);
        process_signal(strace, SIGINT);
        (void)process_wait(strace, SOON_MS);
        process_free(strace);
        return total(table) / commands;
}

int main(int argc, char *argv[])
{
        struct running floor, party;
        struct probe probe;
        struct bench bench;

        if (argc != 4) {
                (void)fprintf(stderr, "usage: calls PARTY PAIRS COMMANDS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[2], 1000);
        unsigned commands = (unsigned)bench_number(argv[3], 1000000);
        bench_open(&bench);
        probe_open(&probe, &bench);
        party_new(&floor, &bench, "floor", NULL, 0);
        party_new(&party, &bench, argv[1], house_config("lamp"), 0);
        (void)probe_start(&probe, &floor, &bench);
        (void)probe_start(&probe, &party, &bench);
        for (size_t i = 0; i < pairs; i++) {
                double of_floor = one_turn(&probe, &floor, commands);
                put_pair("calls", argv[1], one_turn(&probe, &party, commands), of_floor);
        }
        probe_end(&probe, &party);
        probe_end(&probe, &floor);
        probe_close(&probe);
        bench_close();
        return 0;
}
