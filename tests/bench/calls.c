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

#include "bench/duel.h"
#include "bench/house.h"
#include "system/workdir.h"
#include "util/cleanup.h"

#define WARM_UP 100

static unsigned commands;

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

static void one_turn(struct probe *probe, const struct running *running, void *sum)
{
        double *calls = sum;
        const char *table = work_path("calls");
        const char *const argv[] = { "strace", "-f", "-c", "-o", table, "-p", format_text("%d", running->process->pid),
                                     NULL };

        probe_commands(probe, 1, WARM_UP);
        struct process *strace = process_start(argv, NULL);
        (void)process_wait_log(strace, "attached", SOON_MS);
        probe_commands(probe, 1, commands);
        process_signal(strace, SIGINT);
        (void)process_wait(strace, SOON_MS);
        process_free(strace);
        *calls += total(table) / commands;
}

int main(int argc, char *argv[])
{
        struct duel duel;

        if (argc != 4) {
                (void)fprintf(stderr, "usage: calls PARTY PAIRS COMMANDS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[2], 1000);
        commands = (unsigned)bench_number(argv[3], 1000000);
        duel_open(&duel, argv[1], house_config("lamp"), 0);
        for (size_t i = 0; i < pairs; i++) {
                double of_party = 0, of_floor = 0;
                duel_turns(&duel, 1, one_turn, &of_party, &of_floor);
                put_pair("calls", argv[1], of_party, of_floor);
        }
        duel_close(&duel);
        return 0;
}
