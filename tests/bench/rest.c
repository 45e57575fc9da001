/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of its own (private dirty pages), threads, and how often it wakes while nothing happens; of all processes of a
 * party together. With COMMANDS, the memory after so many commands, too.
 *
 *   rest PARTY HOUSE SECONDS [COMMANDS]
 */
#include <stdio.h>

#include "bench/group.h"
#include "bench/house.h"
#include "bench/party.h"
#include "bench/probe.h"
#include "system/workdir.h"

/* What the start left to be done is not idling, nor are the threads that it took: they end when nobody has had work for them for 10 s. */
#define START_OVER_MS 20000
#define WINDOW        64

static bool is_past(void *userdata)
{
        return now_us() >= *(const uint64_t *)userdata;
}

/* What a wait is multiplied by on a busy machine (SCONCE_TEST_PATIENCE) does not lengthen this one. */
static void pass(unsigned ms)
{
        uint64_t end_us = now_us() + (uint64_t)ms * USEC_PER_MSEC;

        (void)!pump_until(is_past, &end_us, 2 * ms);
}

static void put(const char *figure, char *argv[], double value)
{
        put_value(format_text("%s-%s", figure, argv[2]), argv[1], value);
}

static void measure_idle(const struct running *running, char *argv[], unsigned seconds)
{
        pass(START_OVER_MS);
        uint64_t switches = group_wakeups(running->group);
        pass(seconds * 1000);
        put("wakeups", argv, (double)(group_wakeups(running->group) - switches) / seconds);
        put("memory", argv, (double)group_kb(running->group, "Private_Dirty:") / 1000);
        put("threads", argv, group_threads(running->group));
}

int main(int argc, char *argv[])
{
        struct running party;
        struct probe probe;
        struct bench bench;

        if (argc < 4 || argc > 5) {
                (void)fprintf(stderr, "usage: rest PARTY HOUSE SECONDS [COMMANDS]\n");
                return 2;
        }
        unsigned seconds = (unsigned)bench_number(argv[3], 86400);
        unsigned commands = argc > 4 ? (unsigned)bench_number(argv[4], 100000000) : 0;
        bench_open(&bench);
        probe_open(&probe, &bench);
        party_new(&party, &bench, argv[1], house_config(argv[2]), 0);
        (void)probe_start(&probe, &party, &bench);
        measure_idle(&party, argv, seconds);
        if (commands) {
                probe_commands(&probe, WINDOW, commands);
                put("after", argv, (double)group_kb(party.group, "Private_Dirty:") / 1000);
        }
        probe_end(&probe, &party);
        probe_close(&probe);
        bench_close();
        return 0;
}
