/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twenty devices read a number every minute while their broker is away for a day, in which the agent is killed three times and
 * the power is cut once. The agent is the real one in the simulated world of tests/sim, which its clock, its card and its broker
 * belong to: a seed is the same run again. SEED, OUTAGES.
 *
 * What the plugin `counted` notes in its files is what was made; it is not on the simulated card. What reaches the broker is
 * delivered.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/events.h"
#include "sim/life.h"
#include "sim/moves.h"
#include "sim/scratch.h"
#include "sim/world.h"

enum { DEVICES = 20, READINGS = 26 * 60, ENDS = 4 };
enum topic { STATE, HISTORY, TOPICS };

#define FLUSH_US (15 * USEC_PER_SEC)
#define AWAY_US  HOUR_US /* from then on, or while the devices read just then, */
#define READ_US  (150 * USEC_PER_MSEC)
#define AWAY_FOR DAY_US
#define OVER_US  (28 * HOUR_US)
#define EARLY_US (300 * USEC_PER_MSEC) /* a new connection that is lost at once is lost within that */
#define FOUND_US USEC_PER_SEC          /* an acknowledgement is on its way for so long at most */
#define STAMP_US (2 * USEC_PER_MSEC)   /* between the plugin's note and the agent's time, which is rounded */

struct made {
        uint64_t made_us, delivered_us; /* in the world's time; 0: it is not */
        uint64_t age_us;                /* at the end of the life that made it */
        unsigned connection;            /* that delivered it, */
        bool is_early;                  /* while it may have been lost at once */
        bool has_come_late;             /* on `history`, */
        uint64_t time_us;               /* with this time */
};

struct counter {
        struct made readings[READINGS + 1]; /* from 1 on */
        unsigned shown_on;                  /* the last connection on which its state was shown, as on each */
        unsigned newest[TOPICS];
        long judged; /* where in its file the life began */
};

struct counts {
        uint64_t seeds, made, delivered, kills, cuts, lost, oldest_us, broken, unordered, in_flight, inexplicable, late,
                mistimed;
};

static struct record {
        struct counter devices[DEVICES];
        uint64_t away_us, ends_us[ENDS], connected_us;
        unsigned connection; /* the newest */
        size_t cut;          /* which of them */
        struct counts counts;
} * record;

/* ---- What the simulator asks for: a house without outputs, and what is done to it --------------------------------- */

void house_build(struct house *house, unsigned n_devices)
{
        (void)n_devices;
        house->save_after_us = 2 * USEC_PER_SEC;
}

void house_write(const struct house *house)
{
        FILE *out = fopen("sconce.conf", "we");

        (void)house;
        if (!out)
                violated("simulator", "the config cannot be written");
        (void)fprintf(out, "[node]\nname = " NODE "\n[broker]\nurl = mqtt://127.0.0.1:1883\nclient_id = node\n"
                           "[homeassistant]\nenabled = no\n[gpio]\nchip = sim\nsim_dir = /proc/self/cwd/chip\n");
        (void)fprintf(out, "[history]\nflush = %us\n", (unsigned)(FLUSH_US / USEC_PER_SEC));
        for (unsigned i = 0; i < DEVICES; i++)
                (void)fprintf(out, "[counted n%u]\nfile = /proc/self/cwd/numbers%u\ncount = %d\nperiod = 60s\n", i, i,
                              READINGS);
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
        (void)line;
        return false;
}

bool house_is_timed(const struct output *output)
{
        (void)output;
        return false;
}

/* The file of what a device made, behind what was looked at before. */
static FILE *made_by(unsigned device, long from)
{
        char path[32];

        (void)snprintf(path, sizeof(path), "numbers%u", device);
        FILE *file = fopen(path, "re");
        if (file)
                (void)fseek(file, from, SEEK_SET);
        return file;
}

/* Of the life that ends now. */
static void look_at_made(struct counter *device, unsigned number)
{
        FILE *file = made_by(number, device->judged);
        uint64_t now_us = world->now_us - world->boot_us, made_us;
        unsigned made;

        while (file && fscanf(file, "%u %" SCNu64, &made, &made_us) == 2 && made <= READINGS) {
                device->readings[made].made_us = made_us + world->boot_us;
                device->readings[made].age_us = now_us - made_us;
                device->judged = ftell(file);
                record->counts.made++;
        }
        if (file)
                (void)fclose(file);
}

_Noreturn static void end_life(enum life_end end)
{
        record->counts.cuts += end == LIFE_CUT;
        record->counts.kills += end == LIFE_KILLED;
        for (unsigned i = 0; i < DEVICES; i++)
                look_at_made(&record->devices[i], i);
        if (end != LIFE_OVER)
                laws_died(end == LIFE_CUT);
        _exit((int)end);
}

static void next_at(uint64_t at_us)
{
        (void)world_later(EVENT_MOVE, at_us - MIN(at_us, world->now_us));
}

/* world->step: what has been done already. */
void moves_begin(void)
{
        uint64_t *ends = record->ends_us;

        /* In their order, each in its quarter of the outage. */
        for (size_t i = 0; i < ENDS; i++)
                ends[i] = AWAY_US + dice_between(&world->dice, AWAY_FOR / ENDS * i + MINUTE_US,
                                                 AWAY_FOR / ENDS * (i + 1) - MINUTE_US);
        record->cut = dice_below(&world->dice, ENDS);
        record->away_us = AWAY_US + dice_between(&world->dice, 0, READ_US);
        next_at(record->away_us);
}

void moves_next(void)
{
        size_t step = world->step;

        if (!events_has_loop()) { /* in a moment there is an agent again */
                next_at(world->now_us + USEC_PER_SEC);
                return;
        }
        world->step++;
        next_at(step < ENDS ? record->ends_us[step] : OVER_US);
        if (step == 0)
                broker_die(AWAY_FOR);
        else if (step <= ENDS)
                end_life(step - 1 == record->cut ? LIFE_CUT : LIFE_KILLED);
        else
                end_life(LIFE_OVER);
}

/* ---- What reaches the broker -------------------------------------------------------------------------------------- */

static void deliver(struct counter *device, unsigned i, enum topic topic, unsigned number)
{
        struct made *reading = &device->readings[number];
        bool was_in_flight = (reading->delivered_us <= record->away_us &&
                              reading->delivered_us + FOUND_US > record->away_us) ||
                             (reading->is_early && reading->connection != record->connection);

        if (reading->delivered_us && was_in_flight && topic == HISTORY) {
                record->counts.in_flight++;
        } else if (reading->delivered_us) {
                record->counts.inexplicable++;
                (void)printf("twice without a reason: n%u %u\n", i, number);
        } else if (number < device->newest[topic]) {
                record->counts.unordered++;
                (void)printf("out of order: n%u %u after %u\n", i, number, device->newest[topic]);
        }
        device->newest[topic] = MAX(device->newest[topic], number);
        reading->delivered_us = world->now_us;
        reading->connection = record->connection;
        reading->is_early = world->now_us <= record->connected_us + EARLY_US;
}

/* The world began with a month. */
static uint64_t time_in(const char *payload)
{
        const char *at = strstr(payload, "\"time\":\"");
        unsigned day, h, min, s, ms;

        if (!at || sscanf(at, "\"time\":\"%*u-%*u-%uT%u:%u:%u.%uZ", &day, &h, &min, &s, &ms) != 5)
                return 0;
        return (day - 1) * DAY_US + h * HOUR_US + min * MINUTE_US + s * USEC_PER_SEC + ms * USEC_PER_MSEC;
}

static void hear_state(struct counter *device, unsigned i, unsigned number)
{
        /* Once more with its time, when the clock is right. */
        if (device->shown_on == world->broker.connection && number != device->newest[STATE])
                deliver(device, i, STATE, number);
        device->shown_on = world->broker.connection;
}

static void hear_history(struct counter *device, unsigned i, unsigned number, const char *payload)
{
        device->readings[number].has_come_late = true;
        device->readings[number].time_us = time_in(payload);
        deliver(device, i, HISTORY, number);
}

static void hear(const struct message *message)
{
        const char *at = strstr(message->payload, "\"number\":");
        unsigned i, number = at ? (unsigned)strtoul(at + strlen("\"number\":"), NULL, 10) : 0;
        char word[16];

        if (record->connection != world->broker.connection) {
                record->connection = world->broker.connection;
                record->connected_us = world->now_us;
        }
        if (sscanf(message->topic, "sconce/" NODE "/n%u/%15s", &i, word) != 2 || i >= DEVICES || number > READINGS)
                return;
        if (strcmp(word, "state") == 0)
                hear_state(&record->devices[i], i, number);
        else if (strcmp(word, "history") == 0 && number > 0)
                hear_history(&record->devices[i], i, number, message->payload);
}

/* ---- A seed ------------------------------------------------------------------------------------------------------- */

static void count(const struct made *reading, unsigned i, unsigned number)
{
        struct counts *counts = &record->counts;

        if (reading->delivered_us) {
                counts->delivered++;
        } else if (reading->age_us <= FLUSH_US) {
                counts->lost++;
                counts->oldest_us = MAX(counts->oldest_us, reading->age_us);
        } else {
                counts->broken++;
                (void)printf("lost: n%u %u, %.1f s old\n", i, number, (double)reading->age_us / USEC_PER_SEC);
        }
        if (!reading->has_come_late)
                return;
        counts->late++;
        if (reading->time_us + STAMP_US >= reading->made_us && reading->time_us <= reading->made_us + STAMP_US)
                return;
        counts->mistimed++;
        (void)printf("another time: n%u %u\n", i, number);
}

static void play(uint64_t seed, const char *plugins)
{
        struct counts counts = record->counts;
        struct world *before = world;
        int status = -1;

        assert_non_null(world_new(seed, 2, 0));
        world_free(before);
        memset(record, 0, sizeof(*record));
        record->counts = counts;
        assert_int_equal(system("rm -rf state run thermal chip copy numbers* sconce.conf"), 0);
        (void)fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
                _exit(life_run(plugins));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        record->counts.seeds++;
        for (unsigned i = 0; i < DEVICES; i++)
                for (unsigned number = 1; number <= READINGS; number++)
                        count(&record->devices[i].readings[number], i, number);
}

static char plugins[4096];

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void outage__of_a_day_with_kills_and_a_power_cut__all_is_delivered(void **state)
{
        uint64_t first = setting("SEED", 1), n = setting("OUTAGES", getenv("SEED") ? 1 : 10);
        const struct counts *counts = &record->counts;

        (void)state;
        world_hears = hear;
        for (uint64_t seed = first; seed < first + n; seed++)
                play(seed, plugins);
        assert_int_equal(counts->made, counts->seeds * DEVICES * READINGS);
        assert_int_equal(counts->broken, 0);
        assert_int_equal(counts->unordered, 0);
        assert_int_equal(counts->inexplicable, 0);
        assert_int_equal(counts->mistimed, 0);
        assert_true(counts->late > 0);
        assert_int_equal(counts->delivered + counts->lost, counts->made);
        assert_int_equal(counts->kills + counts->cuts, counts->seeds * ENDS);
        (void)printf("fact: | %" PRIu64 " numbered readings of %d devices, their broker away for %" PRIu64
                     " h (simulated time and card); %" PRIu64 " SIGKILLs and %" PRIu64
                     " power cuts meanwhile; `flush` %" PRIu64 " s | seeds %" PRIu64 " to %" PRIu64 " | %" PRIu64
                     " delivered, %" PRIu64 " of them late, %" PRIu64 " out of order, %" PRIu64
                     " with another time; lost by the kills and cuts: %" PRIu64 ", at most %.1f s old, %" PRIu64
                     " older than promised; twice: %" PRIu64 " that were in flight, %" PRIu64 " for no reason |\n",
                     counts->made, DEVICES, (uint64_t)(AWAY_FOR / HOUR_US), counts->kills, counts->cuts,
                     (uint64_t)(FLUSH_US / USEC_PER_SEC), first, first + n - 1, counts->delivered, counts->late,
                     counts->unordered, counts->mistimed, counts->lost, (double)counts->oldest_us / USEC_PER_SEC,
                     counts->broken, counts->in_flight, counts->inexplicable);
}

/* ---- Where it runs ------------------------------------------------------------------------------------------------ */

static char dir[SCRATCH_MAX];

static int enter_dir(void **state)
{
        (void)state;
        record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return record != MAP_FAILED && scratch_enter("outage", dir) ? 0 : -1;
}

static int leave_dir(void **state)
{
        (void)state;
        (void)munmap(record, sizeof(*record));
        return scratch_leave(dir) ? 0 : -1;
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(outage__of_a_day_with_kills_and_a_power_cut__all_is_delivered),
};

/* The world comes first: CMocka asks for the time. */
int main(int argc, char *argv[])
{
        char path[4096];

        (void)argc;
        (void)setvbuf(stdout, NULL, _IOLBF, 0); /* lives end where they are */
        (void)snprintf(path, sizeof(path), "%.*s../plugins", (int)(strrchr(argv[0], '/') + 1 - argv[0]), argv[0]);
        if (!realpath(path, plugins) || !world_new(1, 1, 0))
                return 1;
        return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
