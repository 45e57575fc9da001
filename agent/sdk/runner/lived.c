/* SPDX-License-Identifier: Apache-2.0 */
/* Starts, stops, reads: what they leave behind, and how long they take. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sdk/runner/runner.h"

#define ROUNDS_FIRST 10 /* caches fill, libraries make their buffers */
#define ROUNDS       100
#define READS        20
#define TRIES        9
/* Less than the smallest block in each round: something else moved, once. */
#define LEAK_BYTES     (ROUNDS * 16)
#define LEAK_RSS_PAGES 512

struct usage {
        size_t bytes, pages, descriptors;
};

static size_t resident_pages(void)
{
        size_t total = 0, resident = 0;
        FILE *file = fopen("/proc/self/statm", "re");

        if (!file)
                return 0;
        if (fscanf(file, "%zu %zu", &total, &resident) != 2)
                resident = 0;
        (void)fclose(file);
        return resident;
}

/* An emulator's own memory counts too, and grows with the code that it runs: SCONCE_TEST_PATIENCE announces one. */
static size_t allowed_pages(void)
{
        const char *patience = getenv("SCONCE_TEST_PATIENCE");
        int factor = patience ? atoi(patience) : 1;

        return LEAK_RSS_PAGES * (size_t)MAX(factor, 1);
}

static void measure(struct usage *usage)
{
        const struct mallinfo2 info = mallinfo2();

        usage->bytes = info.uordblks + info.hblkhd;
        usage->pages = resident_pages();
        usage->descriptors = count_entries("/proc/self/fd");
}

static void compare(struct subject *subject, const struct usage *before, const char *what, unsigned times)
{
        struct usage now;

        measure(&now);
        if (now.descriptors > before->descriptors)
                complain(subject, "%zu descriptors are left open after %u times %s",
                         now.descriptors - before->descriptors, times, what);
        if (now.bytes > before->bytes + LEAK_BYTES)
                complain(subject, "%zu bytes of memory are lost in %u times %s", now.bytes - before->bytes, times,
                         what);
        else if (now.pages > before->pages + allowed_pages())
                complain(subject, "the process grew by %zu pages in %u times %s", now.pages - before->pages, times,
                         what);
}

/* ---- start and stop ------------------------------------------------------------------------------------ */

static void rounds(struct subject *subject, struct mock_host *host, unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                (void)trial_start(subject, host);
                trial_stop(subject, host);
        }
}

void check_starts(struct subject *subject)
{
        struct mock_host *host = trial_new(subject);
        struct usage before;
        char text[400];

        if (!host)
                return;
        int r = trial_start(subject, host);
        if (r < 0)
                give_up_check(subject, "it does not start, and is only seen failing: %s", trial_reason(host, r, text));
        trial_stop(subject, host);
        rounds(subject, host, ROUNDS_FIRST);
        measure(&before);
        rounds(subject, host, ROUNDS);
        compare(subject, &before, "start and stop", ROUNDS);
        trial_end(subject, host);
}

/* ---- read ---------------------------------------------------------------------------------------------- */

void check_reads(struct subject *subject)
{
        struct mock_host *host = trial_running(subject);
        struct usage before;
        char text[400];
        int r = 0;

        if (!host)
                return;
        if (mock_plugin(host)->read) {
                (void)trial_read(subject, host);
                measure(&before);
                for (unsigned i = 0; i < READS; i++)
                        r = trial_read(subject, host);
                compare(subject, &before, "read", READS);
                if (r < 0)
                        give_up_check(subject, "read fails, and is only seen failing: %s", trial_reason(host, r, text));
        } else {
                skip_check(subject, "it has no read function");
        }
        trial_end(subject, host);
}

/* ---- deadlines ----------------------------------------------------------------------------------------- */

/* More than half of the calls: a single one may have been the machine's. */
static void judge(struct subject *subject, const char *what)
{
        if (subject->slow * 2 > subject->timed)
                complain(subject, "%s takes longer than %s", what,
                         plugin_is_blocking(subject->plugin) ? "the plugin's deadline" : "100 ms");
        subject->slow = subject->timed = 0;
}

static void time_life(struct subject *subject, struct mock_host *host)
{
        for (unsigned i = 0; i < TRIES; i++) {
                (void)trial_start(subject, host);
                if (i + 1 < TRIES)
                        mock_stop(host);
        }
        judge(subject, "start");
        for (unsigned i = 0; mock_plugin(host)->read && i < TRIES; i++)
                (void)trial_read(subject, host);
        judge(subject, "read");
        for (unsigned i = 0; i < TRIES; i++)
                trial_edges(subject, host);
        judge(subject, "a line's function");
        for (unsigned i = 0; mock_timers_armed(host) > 0 && i < TRIES; i++)
                trial_advance(subject, host, 1000000);
        judge(subject, "a timer's function");
}

static void time_commands(struct subject *subject, struct mock_host *host)
{
        const struct sconce_channel *row;
        struct sconce_value value;

        for (size_t i = 0; (row = mock_channel_at(host, i)); i++) {
                if (!channel_row_is_writable(row) || (row->flags & SCONCE_COMMAND_ONLY))
                        continue;
                for (unsigned nth = 0; nth < TRIES && channel_sample(row, nth, &value); nth++)
                        (void)trial_value(subject, host, &value);
                judge(subject, "command");
        }
}

void check_deadlines(struct subject *subject)
{
        struct mock_host *host = trial_running(subject);

        if (!host)
                return;
        mock_stop(host);
        subject->slow = subject->timed = 0;
        time_life(subject, host);
        time_commands(subject, host);
        for (unsigned i = 0; i < TRIES; i++) {
                (void)mock_start(host);
                (void)mock_longest_call_us(host);
                trial_stop(subject, host);
        }
        judge(subject, "stop");
        trial_end(subject, host);
}
