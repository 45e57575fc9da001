/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a day writes to the card: commits of the database and bytes, of the real agent in the world of tests/sim, whose clock, broker
 * and card (a layer under SQLite that counts) are simulated.
 *
 *   day DAY BUILD [FLUSH]      DAY: quiet, readings, away; FLUSH: [history] flush, 5s
 *
 * quiet: twenty devices, of which nobody wants anything. readings: twenty sensors with one reading a minute each, and with a history.
 * away: the same without a broker. What the start writes, and what the loss of the broker does, is over when counting begins.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/events.h"
#include "sim/life.h"
#include "sim/moves.h"
#include "sim/scratch.h"
#include "sim/world.h"

enum { DEVICES = 20, STEP_LOSE = 0, STEP_BEGIN, STEP_END };

#define FIRST_LINE 2
#define LOST_US    MINUTE_US
#define BEGIN_US   (2 * HOUR_US)

static const struct day {
        const char *name;
        bool has_readings, is_away;
} days[] = { { "quiet", false, false }, { "readings", true, false }, { "away", true, true } };

static const struct day *day;
static const char *flush = "5s";
static struct disk before;

/* ---- What the simulator asks for: a house without its laws --------------------------------------------------------- */

void house_build(struct house *house, unsigned n_devices)
{
        (void)n_devices;
        house->save_after_us = 2 * USEC_PER_SEC;
}

static void write_quiet(FILE *out)
{
        static const char *const plugins[] = { "lamp", "contact", "switch", "lamp" };

        for (unsigned i = 0; i < DEVICES; i++)
                (void)fprintf(out, "[%s d%u]\nline = GPIO%u\n", plugins[i % ARRAY_SIZE(plugins)], i, FIRST_LINE + i);
}

/* They drift past each other, as sensors do that were not started together. */
static void write_readings(FILE *out)
{
        (void)fprintf(out, "[history]\nflush = %s\n", flush);
        for (unsigned i = 0; i < DEVICES; i++)
                (void)fprintf(out, "[counted d%u]\nfile = /proc/self/cwd/numbers%u\ncount = 1000000\nperiod = %ums\n",
                              i, i, 60000 + 97 * i - 97 * DEVICES / 2);
}

void house_write(const struct house *house)
{
        FILE *out = fopen("sconce.conf", "we");

        (void)house;
        if (!out)
                violated("simulator", "the config cannot be written");
        (void)fprintf(out, "[node]\nname = " NODE "\n[broker]\nurl = mqtt://127.0.0.1:1883\nclient_id = node\n"
                           "[gpio]\nchip = sim\nsim_dir = /proc/self/cwd/chip\n");
        (day->has_readings ? write_readings : write_quiet)(out);
        (void)fclose(out);
}

unsigned house_devices(const struct house *house)
{
        (void)house;
        return DEVICES;
}

bool house_is_output(const struct house *house, unsigned line)
{
        (void)house;
        return !day->has_readings && line >= FIRST_LINE && line < FIRST_LINE + DEVICES;
}

bool house_is_timed(const struct output *output)
{
        (void)output;
        return false;
}

/* ---- The day ------------------------------------------------------------------------------------------------------ */

static void put(const char *figure, double value)
{
        printf("value\tday-%s-%s\tsconce\t%.9g\n", day->name, figure, value);
}

_Noreturn static void end(void)
{
        if (world->n_lives != 1 || !events_has_loop())
                violated("simulator", "the agent does not run");
        put("commits", (double)(world->disk.n_commits - before.n_commits));
        put("bytes", (double)(world->disk.n_bytes - before.n_bytes) / 1e6);
        (void)fflush(stdout);
        _exit(LIFE_OVER);
}

void moves_begin(void)
{
        (void)world_later(EVENT_MOVE, LOST_US);
}

void moves_next(void)
{
        switch (world->step++) {
        case STEP_LOSE:
                if (day->is_away)
                        broker_die(2 * DAY_US);
                (void)world_later(EVENT_MOVE, BEGIN_US - LOST_US);
                break;
        case STEP_BEGIN:
                before = world->disk;
                (void)world_later(EVENT_MOVE, DAY_US);
                break;
        default:
                end();
        }
}

/* ---- Where it runs ------------------------------------------------------------------------------------------------ */

static bool link_plugins(const char *build)
{
        static const char *const plugins[] = { "plugins/lamp.so", "plugins/switch.so", "plugins/contact.so",
                                               "tests/plugins/counted.so" };

        if (mkdir("plugins", 0755) < 0)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
                char from[4352], to[64];
                (void)snprintf(from, sizeof(from), "%s/%s", build, plugins[i]);
                (void)snprintf(to, sizeof(to), "plugins%s", strrchr(plugins[i], '/'));
                if (symlink(from, to) < 0)
                        return false;
        }
        return true;
}

int main(int argc, char *argv[])
{
        char build[4096], dir[SCRATCH_MAX];

        for (size_t i = 0; (argc == 3 || argc == 4) && i < ARRAY_SIZE(days); i++)
                if (strcmp(days[i].name, argv[1]) == 0)
                        day = &days[i];
        if (!day || !realpath(argv[2], build)) {
                (void)fprintf(stderr, "usage: day quiet|readings|away BUILD [FLUSH]\n");
                return 2;
        }
        if (argc == 4)
                flush = argv[3];
        if (!world_new(1, 3, 0) || !scratch_enter("day", dir))
                return 1;
        int r = link_plugins(build) ? life_run("/proc/self/cwd/plugins") : 1;
        return scratch_leave(dir) ? r : 1;
}
