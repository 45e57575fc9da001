/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconced with ten devices and no periodic readings, doing nothing: how often it wakes, and what memory is its own.
 *
 *   idle [SECONDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"

static const char devices[] = "[lamp l1]\nline = GPIO2\n[lamp l2]\nline = GPIO3\n[lamp l3]\nline = GPIO4\n"
                              "[lamp l4]\nline = GPIO5\n[switch s1]\nline = GPIO6\n[switch s2]\nline = GPIO7\n"
                              "[switch s3]\nline = GPIO8\n[contact c1]\nline = GPIO9\n[contact c2]\nline = GPIO10\n"
                              "[contact c3]\nline = GPIO11\n";

static bool never(void *userdata)
{
        (void)userdata;
        return false;
}

int main(int argc, char *argv[])
{
        unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 60;
        struct bench bench;

        if (!seconds) {
                (void)fprintf(stderr, "usage: idle [SECONDS]\n");
                return 2;
        }
        bench_open(&bench);
        pid_t pid = bench_daemon(&bench, devices)->process->pid;
        /* What the start left to be done is not idling. */
        (void)!pump_until(never, NULL, 3000);
        uint64_t switches = context_switches(pid), cpu = cpu_ns(pid);
        (void)!pump_until(never, NULL, seconds * 1000);
        switches = context_switches(pid) - switches;
        cpu = cpu_ns(pid) - cpu;
        printf("idle, 10 devices: %llu wake-ups in %u s, %.2f in 4 s (bar 1); %.2f ms cpu a minute\n",
               (unsigned long long)switches, seconds, 4.0 * (double)switches / seconds,
               (double)cpu / 1e6 * 60 / seconds);
        printf("memory, 10 devices: private dirty %ld kB (bar 3000), RSS %ld kB\n", smaps_kb(pid, "Private_Dirty:"),
               smaps_kb(pid, "Rss:"));
        bench_close();
        return 0;
}
