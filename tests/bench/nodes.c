/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A button on one node, a lamp on another: from the edge of the button's release to that of the lamp's line, by a rule and the broker, over mutual
 * TLS and with an access list. Against the floor's command -> state; beside a sensor that hangs on the lamp's node, against
 * a lamp's node without one; and while the button's node drains what waited for the broker, against the same afterwards.
 *
 *   nodes PAIRS PRESSES DRAINS READINGS
 */
#include <stdio.h>
#include <sys/stat.h>

#include "bench/bench.h"
#include "bench/filled.h"
#include "bench/party.h"
#include "bench/probe.h"
#include "system/chip.h"
#include "system/pump.h"
#include "system/workdir.h"

#define MAX_PRESSES 10000
#define WARM_UP     20
/* Fewer while it is drained have no median. */
#define MIN_PRESSES 10

enum { LAMP = 17, WALL = 5, BELL = 6 };

#define KITCHEN "[lamp kitchen]\nline = GPIO17\nrate = 100000\n"

static const char buttons[] = KITCHEN "[button wall]\nline = GPIO5\nbias = pull-down\ndebounce = 0ms\npresses = 1\n"
                                      "[button bell]\nline = GPIO6\nbias = pull-down\ndebounce = 0ms\npresses = 1\n"
                                      "[rule shed]\nwhen = wall.press single\nthen = shed/kitchen TOGGLE\n"
                                      "[rule barn]\nwhen = bell.press single\nthen = barn/kitchen TOGGLE\n";

/* A chip's record of its edges, and when the line that is looked at had its last. */
struct record {
        FILE *file;
        unsigned line;
        uint64_t at_ns;
};

/* A node with a lamp, and hall's button for it. */
struct lamp {
        struct running running;
        struct record lamp, button;
};

static struct bench bench;
static struct running floor_party, hall;
static struct lamp shed = { .lamp.line = LAMP, .button.line = WALL }, barn = { .lamp.line = LAMP, .button.line = BELL };
static struct probe probe;

/* ---- One press --------------------------------------------------------------------------------------------------- */

static void read_edges(struct record *record)
{
        unsigned long long at_ns;
        unsigned line;

        clearerr(record->file);
        while (fscanf(record->file, "%llu %u %*u", &at_ns, &line) == 2)
                if (line == record->line)
                        record->at_ns = at_ns;
}

static void open_record(struct record *record, const struct running *running)
{
        record->file = fopen(format_text("%s/edges", running->daemon->lines), "re");
        if (!record->file)
                give_up("there is no record of edges");
}

/* The simulated chip shows it when the agent has seen it; the broker is listened to meanwhile. */
static void hold(unsigned button)
{
        uint64_t begin_us = now_us();

        chip_pull(hall.daemon->lines, button, true);
        while (chip_value(hall.daemon->lines, button) != 1) {
                (void)probe_look(&probe, 1);
                if (now_us() - begin_us > SOON_MS * 1000ULL)
                        give_up("the button is not seen");
        }
}

/* From edge to edge, as a kernel would stamp them: the hand that writes the simulated chip's file is no part of it. */
static double press(struct lamp *lamp)
{
        hold(lamp->button.line);
        unsigned states = probe.states;
        chip_pull(hall.daemon->lines, lamp->button.line, false);
        while (probe.states == states)
                probe_turn(&probe);
        read_edges(&lamp->button);
        read_edges(&lamp->lamp);
        return ((double)lamp->lamp.at_ns - (double)lamp->button.at_ns) / 1e3;
}

static double p50_of_presses(struct lamp *lamp, size_t presses)
{
        static double us[MAX_PRESSES];

        probe_watch(&probe, &hall);
        probe.lamp = &lamp->running;
        for (size_t i = 0; i < presses; i++)
                us[i] = press(lamp);
        probe.lamp = NULL;
        return quantile(us, presses, 0.5);
}

static double p50_of_commands(size_t commands)
{
        static double us[MAX_PRESSES];

        probe_watch(&probe, &floor_party);
        for (size_t i = 0; i < commands; i++)
                us[i] = probe_command(&probe, i % 2 == 0);
        return quantile(us, commands, 0.5);
}

/* ---- The figures ------------------------------------------------------------------------------------------------- */

/* In turn, and none is always the last. */
static void measure_quiet(size_t pairs, size_t presses)
{
        (void)p50_of_presses(&shed, WARM_UP);
        (void)p50_of_presses(&barn, WARM_UP);
        (void)p50_of_commands(WARM_UP);
        for (size_t i = 0; i < pairs; i++) {
                double of_floor = 0, of_shed, of_barn = 0;
                if (i % 2)
                        of_floor = p50_of_commands(presses);
                else
                        of_barn = p50_of_presses(&barn, presses);
                of_shed = p50_of_presses(&shed, presses);
                if (i % 2)
                        of_barn = p50_of_presses(&barn, presses);
                else
                        of_floor = p50_of_commands(presses);
                put_pair("nodes", "sconce", of_shed, of_floor);
                put_pair("nodes-hung", "sconce", of_barn, of_shed);
        }
}

/* As many presses as there is time for. */
static double p50_while_drained(unsigned readings, size_t *ret_presses)
{
        static double us[MAX_PRESSES];
        size_t presses = 0;

        probe.lamp = &shed.running;
        while (probe.history < readings && presses < MAX_PRESSES)
                us[presses++] = press(&shed);
        probe.lamp = NULL;
        if (presses < MIN_PRESSES)
                give_up("drained within %zu presses: there have to be more readings", presses);
        while (probe.history < readings)
                probe_turn(&probe);
        *ret_presses = presses;
        return quantile(us, presses, 0.5);
}

static void measure_drained(size_t drains, unsigned readings)
{
        struct filled filled;

        filled_make(&filled, &bench, &hall, buttons, readings);
        for (size_t i = 0; i < drains; i++) {
                size_t presses = 0;
                filled_start(&filled, &probe, &bench);
                double drained = p50_while_drained(readings, &presses);
                put_pair("nodes-backlog", "sconce", drained, p50_of_presses(&shed, presses));
                probe_end(&probe, &hall);
        }
}

/* ---- The parties ------------------------------------------------------------------------------------------------- */

static void start_lamp(struct lamp *lamp, const char *name, const char *devices)
{
        party_new(&lamp->running, &bench, name, devices, 0);
        (void)probe_start(&probe, &lamp->running, &bench);
        open_record(&lamp->lamp, &lamp->running);
        open_record(&lamp->button, &hall);
}

static void close_records(struct lamp *lamp)
{
        (void)fclose(lamp->lamp.file);
        (void)fclose(lamp->button.file);
}

/* It reads a FIFO that nobody writes to. */
static const char *hung_sensor(void)
{
        const char *directory = work_path("hung");

        make_dir(directory);
        if (mkfifo(format_text("%s/read", directory), 0600) < 0)
                give_up("cannot make a FIFO");
        return format_text(KITCHEN "[sloth hung]\ndir = %s\nevery = 1s\n", directory);
}

int main(int argc, char *argv[])
{
        if (argc != 5) {
                (void)fprintf(stderr, "usage: nodes PAIRS PRESSES DRAINS READINGS\n");
                return 2;
        }
        size_t pairs = bench_number(argv[1], 10000), presses = bench_number(argv[2], MAX_PRESSES);
        size_t drains = bench_number(argv[3], 1000);
        unsigned readings = (unsigned)bench_number(argv[4], 1000000);
        bench_open(&bench);
        probe_open(&probe, &bench);
        party_new(&floor_party, &bench, "floor", NULL, 0);
        party_new(&hall, &bench, "sconce", buttons, 0);
        (void)probe_start(&probe, &floor_party, &bench);
        (void)probe_start(&probe, &hall, &bench);
        start_lamp(&shed, "shed", KITCHEN);
        start_lamp(&barn, "barn", hung_sensor());
        measure_quiet(pairs, presses);
        probe_end(&probe, &barn.running);
        probe_end(&probe, &floor_party);
        probe_end(&probe, &hall);
        measure_drained(drains, readings);
        probe_end(&probe, &shed.running);
        close_records(&shed);
        close_records(&barn);
        probe_close(&probe);
        bench_close();
        return 0;
}
