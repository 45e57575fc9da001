/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 10,000 numbered readings of 20 devices go to a real broker, through a proxy that counts what goes in and what is
 * acknowledged, while all between them fails and the agent is killed, by a plan that a seed repeats. The plan's moments are
 * numbers of readings made.
 *
 * SEED=n plays one seed. Without it this program runs itself for each of SEEDS (10), some at a time, and adds up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/breakage.h"
#include "faults/proxy.h"
#include "faults/tally.h"
#include "faults/veth.h"
#include "stress/dice.h"
#include "system/stage.h"

enum { LAST_MS = 120000, AT_ONCE = 5, SEED_MS = 400000 };

/* Readings: all of the plan's but those in which the agent finds out by itself that nobody answers. */
enum { PLANNED = TALLY_ALL * 7 / 10 };

#define FLUSH_MS 1500U

static struct {
        struct tally tally;
        struct way way;
        struct daemon *hall;
        struct dice dice;
        uint64_t made;        /* when so many are made, the next thing happens */
        uint64_t connections; /* as the proxy counts them, at the beginning of a fault */
} run;

/* ---- What adds up over the seeds ---------------------------------------------------------------------------------- */

static struct sum {
        uint64_t played[BREAKAGES];
        struct tally_counts counts;
} sum;

static const struct count {
        size_t at;
        bool is_most; /* of all seeds, not the sum */
} counts[] = {
#define COUNT(member, is_most)                                                                                         \
        {                                                                                                              \
                offsetof(struct tally_counts, member), is_most                                                         \
        }
        COUNT(made, false),   COUNT(connections, false), COUNT(kills, false),    COUNT(promised, false),
        COUNT(kept, false),   COUNT(in_flight, false),   COUNT(unread, false),   COUNT(unremoved, false),
        COUNT(shown, false),  COUNT(lost, false),        COUNT(oldest_us, true), COUNT(oldest_hung_us, true),
        COUNT(broken, false), COUNT(unordered, false),   COUNT(left, false),     COUNT(inexplicable, false),
#undef COUNT
};

static uint64_t *count_of(struct tally_counts *all, size_t i)
{
        return (uint64_t *)(void *)((char *)all + counts[i].at);
}

static void print_sum(struct sum *of)
{
        const struct tally_counts *counted = &of->counts;

        printf("%" PRIu64 " of %" PRIu64 " promised delivered; %" PRIu64
               " lost, at most %.2f s and %.2f s old; twice: %" PRIu64 " in flight, %" PRIu64 " unread, %" PRIu64
               " not removed, %" PRIu64 " for no reason\n",
               counted->kept, counted->promised, counted->lost, (double)counted->oldest_us / USEC_PER_SEC,
               (double)counted->oldest_hung_us / USEC_PER_SEC, counted->in_flight, counted->unread, counted->unremoved,
               counted->inexplicable);
        printf("sum:");
        for (size_t i = 0; i < BREAKAGES; i++)
                printf(" %" PRIu64, of->played[i]);
        for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
                printf(" %" PRIu64, *count_of(&of->counts, i));
        printf("\n");
}

/* From what print_sum() has printed. */
static void add_sum(char *text)
{
        char *at = strstr(text, "sum:");

        if (!at)
                give_up("a seed has printed no sum");
        at += strlen("sum:");
        for (size_t i = 0; i < BREAKAGES; i++)
                sum.played[i] += strtoull(at, &at, 10);
        for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
                uint64_t *total = count_of(&sum.counts, i), one = strtoull(at, &at, 10);
                *total = counts[i].is_most ? MAX(*total, one) : *total + one;
        }
}

/* ---- The plan of a seed ------------------------------------------------------------------------------------------- */

static struct step {
        size_t breakage;
        uint64_t before, until_kill, until_end; /* readings */
} plan[BREAKAGES];

static void shuffle(size_t n)
{
        for (size_t i = n; i > 1; i--) {
                size_t j = dice_below(&run.dice, i);
                struct step other = plan[i - 1];
                plan[i - 1] = plan[j];
                plan[j] = other;
        }
}

static size_t make_plan(bool has_veth)
{
        uint64_t total = 0;
        size_t n = 0;

        for (size_t i = 0; i < BREAKAGES; i++) {
                bool is_long = breakages[i].flags & BREAKAGE_HANGS && !(breakages[i].flags & BREAKAGE_SHORT);
                struct step step = {
                        .breakage = i,
                        .before = dice_between(&run.dice, 20, 100),
                        .until_kill = is_long ? dice_between(&run.dice, 300, 1200) : dice_between(&run.dice, 50, 500),
                        .until_end = breakages[i].flags & BREAKAGE_KILLS ? dice_between(&run.dice, 20, 150) : 0
                };
                if (breakages[i].flags & BREAKAGE_VETH && !has_veth)
                        continue;
                total += step.before + step.until_kill + step.until_end;
                plan[n++] = step;
        }
        for (size_t i = 0; i < n; i++) {
                plan[i].before = plan[i].before * PLANNED / total;
                plan[i].until_kill = plan[i].until_kill * PLANNED / total;
                plan[i].until_end = plan[i].until_end * PLANNED / total;
        }
        shuffle(n);
        return n;
}

/* ---- Playing it --------------------------------------------------------------------------------------------------- */

static bool is_made(void *userdata)
{
        (void)userdata;
        return tally_made() >= run.made;
}

static void wait_made(uint64_t more)
{
        run.made = MIN(run.made + more, (uint64_t)TALLY_ALL);
        if (!pump_until(is_made, NULL, LAST_MS))
                give_up("%zu readings were made, not %" PRIu64, tally_made(), run.made);
}

static bool has_connected_again(void *userdata)
{
        (void)userdata;
        return proxy_connections(run.way.proxy) > run.connections;
}

static void wait_noticed(void)
{
        if (!pump_until(has_connected_again, NULL, LAST_MS))
                give_up("the agent does not notice that nobody answers");
        run.made = tally_made();
}

static const char *database(const char *dir)
{
        return format_text("%s/sconce.db", dir);
}

/* What is in the database is read in a copy: the next process finds the one that the last has left. */
static void kill_agent(void)
{
        const char *copy = work_path("killed%u", (unsigned)run.tally.counts.kills);
        const char *const argv[] = { "cp", "-r", run.hall->state_dir, copy, NULL };
        uint64_t at_us = tally_now_us();
        int status;

        daemon_kill(run.hall);
        struct process *process = process_run(argv, NULL, &status);
        if (status != 0)
                give_up("no copy of the database");
        process_free(process);
        tally_killed(&run.tally, at_us, database(copy));
        daemon_start(run.hall);
}

static void play(const struct step *step)
{
        const struct breakage *breakage = &breakages[step->breakage];

        wait_made(step->before);
        printf("%5" PRIu64 " %s%s\n", run.made, breakage->name,
               breakage->flags & BREAKAGE_KILLS ? ", agent killed" : "");
        run.connections = proxy_connections(run.way.proxy);
        if (breakage->flags & BREAKAGE_HANGS)
                tally_hangs(&run.tally, breakage->flags & BREAKAGE_VETH);
        breakage->begin(&run.way);
        wait_made(step->until_kill);
        if (breakage->flags & BREAKAGE_NOTICED)
                wait_noticed();
        if (breakage->flags & BREAKAGE_KILLS)
                kill_agent();
        wait_made(step->until_end);
        breakage->end(&run.way);
        if (breakage->flags & BREAKAGE_HANGS)
                tally_works(&run.tally);
        sum.played[step->breakage]++;
}

/* ---- A seed ------------------------------------------------------------------------------------------------------- */

static void make_devices(char *text, size_t size)
{
        int used = snprintf(text, size, "[history]\nflush = %ums\n", FLUSH_MS);

        for (unsigned i = 0; i < TALLY_DEVICES; i++)
                used += snprintf(text + used, size - (size_t)used,
                                 "[counted n%u]\nfile = %s\ncount = %u\nperiod = %ums\n", i, tally_file(i),
                                 TALLY_READINGS, 110 + i);
}

static void open_run(uint64_t seed, bool has_veth)
{
        const struct proxy_handlers handlers = {
                .sent = tally_sent, .acknowledged = tally_acknowledged, .ended = tally_ended, .userdata = &run.tally
        };
        const char *address = has_veth ? VETH_ADDRESS : "127.0.0.1";
        static char devices[16384];

        run.dice = dice_of(seed);
        run.tally.flush_us = FLUSH_MS * USEC_PER_MSEC;
        run.way.broker = broker_new_plain(BROKER_OPEN);
        run.way.proxy = proxy_new(address, run.way.broker->port.number, &handlers);
        make_devices(devices, sizeof(devices));
        run.hall = daemon_new(
                &(struct daemon_options){ .name = "hall",
                                          .url = format_text("mqtt://%s:%u", address, proxy_port(run.way.proxy)),
                                          .broker_keys = "keepalive = 5s\n",
                                          .log_level = "info",
                                          .plugins = build_path("tests/plugins"),
                                          .devices = devices,
                                          .prepare = has_veth ? veth_enter : NULL });
        daemon_start(run.hall);
}

static bool is_settled(void *userdata)
{
        return tally_is_settled(&run.tally, userdata);
}

static void close_run(const char *file)
{
        if (!pump_until(is_settled, (void *)(uintptr_t)file, LAST_MS))
                printf("something is outstanding still\n");
        daemon_stop(run.hall);
        tally_close(&run.tally, file);
        sum.counts = run.tally.counts;
        daemon_free(run.hall);
        proxy_free(run.way.proxy);
        broker_free(run.way.broker);
}

static void assert_law(const struct tally_counts *of, uint64_t seeds)
{
        assert_int_equal(of->made, seeds * TALLY_ALL);
        assert_int_equal(of->kept, of->promised);
        assert_int_equal(of->broken, 0);
        assert_int_equal(of->unordered, 0);
        assert_int_equal(of->inexplicable, 0);
        assert_int_equal(of->left, 0);
        assert_true(of->promised > 0);
        assert_true(of->in_flight > 0);
}

static void seed__everything_fails__what_is_promised_is_delivered(void **state)
{
        bool has_veth = veth_make();
        size_t n;

        (void)state;
        if (!has_veth)
                printf("skipped: the link that is taken down: network namespaces need root\n");
        open_run(strtoull(getenv("SEED"), NULL, 10), has_veth);
        n = make_plan(has_veth);
        for (size_t i = 0; i < n; i++)
                play(&plan[i]);
        close_run(database(run.hall->state_dir));
        print_sum(&sum);
        assert_law(&sum.counts, 1);
}

/* ---- All seeds ---------------------------------------------------------------------------------------------------- */

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static struct process *seeds[AT_ONCE];

static struct process *start_seed(uint64_t seed)
{
        const char *const argv[] = { "/proc/self/exe", NULL };
        const char *const env[] = { format_text("SEED=%" PRIu64, seed), NULL };

        return process_start(argv, &(struct process_options){ .name = "seed", .env = env });
}

/* Its lines but CMocka's own, which this program has, too. */
static void end_seed(uint64_t seed, struct process *process)
{
        char *text = process->out.text;

        printf("seed %" PRIu64 "\n", seed);
        for (char *line = strtok((char *)(uintptr_t)keep_text(strdup(text)), "\n"); line; line = strtok(NULL, "\n"))
                if (*line != '[' && strncmp(line, "sum:", 4) != 0)
                        printf("%s\n", line);
        (void)fflush(stdout);
        if (process->status != 0)
                give_up("seed %" PRIu64 " has broken the law: SEED=%" PRIu64 " plays it again", seed, seed);
        add_sum(text);
        process_free(process);
}

static void print_fact(uint64_t first, uint64_t n)
{
        const struct tally_counts *of = &sum.counts;

        printf("fact: | %" PRIu64 " numbered readings of %d devices; ", of->made, TALLY_DEVICES);
        for (size_t i = 0, times = 0; i < BREAKAGES; i++) {
                times += sum.played[i];
                if (i + 1 < BREAKAGES && strcmp(breakages[i].name, breakages[i + 1].name) == 0)
                        continue;
                printf("%s%s %zu", times > 0 && i > 1 ? ", " : "", breakages[i].name, times);
                times = 0;
        }
        printf(" times, %" PRIu64 " SIGKILLs of the agent, %" PRIu64 " connections; `flush` %u ms | seeds %" PRIu64
               " to %" PRIu64 " | %" PRIu64 " of %" PRIu64 " that were in the database at a kill delivered, %" PRIu64
               " out of order; lost by the kills: %" PRIu64
               ", at most %.2f s old, %.2f s where the broker hung, %" PRIu64 " older than promised; twice: %" PRIu64
               " that were in flight, %" PRIu64 " whose acknowledgement was on its way, %" PRIu64
               " acknowledged just before a kill, %" PRIu64 " for no reason; %" PRIu64 " shown by `state` beside |\n",
               of->kills, of->connections, FLUSH_MS, first, first + n - 1, of->kept, of->promised, of->unordered,
               of->lost, (double)of->oldest_us / USEC_PER_SEC, (double)of->oldest_hung_us / USEC_PER_SEC, of->broken,
               of->in_flight, of->unread, of->unremoved, of->inexplicable, of->shown);
}

static bool is_free(void *userdata)
{
        const struct process *process = *(struct process **)userdata;

        return !process || !process_running(process);
}

static void readings__everything_fails__what_is_promised_is_delivered(void **state)
{
        uint64_t n = setting("SEEDS", 10);

        (void)state;
        for (uint64_t i = 0; i < n + AT_ONCE; i++) {
                struct process **slot = &seeds[i % AT_ONCE];
                if (!pump_until(is_free, slot, SEED_MS))
                        give_up("seed %" PRIu64 " does not end", i + 1 - AT_ONCE);
                if (*slot)
                        end_seed(i + 1 - AT_ONCE, *slot);
                *slot = i < n ? start_seed(i + 1) : NULL;
        }
        assert_law(&sum.counts, n);
        print_fact(1, n);
}

static int open_workdir(void **state)
{
        (void)state;
        workdir_make();
        return 0;
}

int main(void)
{
        static const struct CMUnitTest one[] = { STAGE_TEST(seed__everything_fails__what_is_promised_is_delivered,
                                                            NULL) };
        static const struct CMUnitTest all[] = { STAGE_TEST(readings__everything_fails__what_is_promised_is_delivered,
                                                            NULL) };

        return setting("SEED", 0) ? stage_run(one, 1, open_workdir) : stage_run(all, 1, open_workdir);
}
