/* SPDX-License-Identifier: Apache-2.0 */
#include "stress/noise.h"

#include <inttypes.h>
#include <stdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "system/process.h"
#include "util/cleanup.h"

/* Looks closer to each other than this are left out, and the metronome's beat. */
#define EVERY_US 5000U
/* Any machine is so late. */
#define ALWAYS_US 1000U

static _Atomic uint64_t late_us; /* the metronome, all in all */

/* The beats do not wait for each other, so each one's lateness is its own. */
static void *metronome(void *unused)
{
        const struct timespec beat = { .tv_nsec = EVERY_US * NSEC_PER_USEC };
        const struct itimerspec beats = { .it_interval = beat, .it_value = beat };
        CLEANUP_CLOSE int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        uint64_t due_us = now_us(), n;

        (void)unused;
        if (fd < 0 || timerfd_settime(fd, 0, &beats, NULL) < 0)
                return NULL;
        while (read(fd, &n, sizeof(n)) == sizeof(n)) {
                due_us += n * EVERY_US;
                uint64_t now = now_us(), first_due_us = due_us - (n - 1) * EVERY_US;
                if (now > first_due_us + ALWAYS_US)
                        atomic_fetch_add(&late_us, now - first_due_us);
        }
        return NULL;
}

void metronome_start(void)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, metronome, NULL) != 0)
                give_up("cannot start the metronome");
        (void)pthread_detach(thread);
}

/* How long the process has waited for a processor; 0 where the kernel does not count that. */
static uint64_t delay_of(pid_t pid)
{
        char path[64];
        uint64_t delay_ns = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        if (!file || fscanf(file, "%*u %" SCNu64, &delay_ns) != 1)
                return 0;
        return delay_ns / NSEC_PER_USEC;
}

void noise_add(struct noise *noise, uint64_t at_us, uint64_t held_us)
{
        if ((noise->count & (noise->count - 1)) == 0) {
                size_t room = noise->count ? 2 * noise->count : 1;
                noise->samples = reallocarray(noise->samples, room, sizeof(*noise->samples));
                if (!noise->samples)
                        abort();
        }
        uint64_t before_us = noise->count ? noise->samples[noise->count - 1].held_us : 0;
        noise->samples[noise->count++] = (struct sample){ at_us, before_us + held_us };
}

void noise_watch(struct noise *noise, pid_t pid)
{
        noise->pid = pid;
        noise->last_delay_us = pid ? delay_of(pid) : 0;
}

void noise_sample(struct noise *noise)
{
        uint64_t now = now_us(), held_us = 0;
        uint64_t since_us = noise->count ? now - noise->samples[noise->count - 1].at_us : 0;

        if (noise->count && since_us < EVERY_US)
                return;
        uint64_t delay_us = noise->pid ? delay_of(noise->pid) : 0;
        if (delay_us > noise->last_delay_us) {
                held_us = delay_us - noise->last_delay_us;
                noise->last_delay_us = delay_us;
        }
        uint64_t late = atomic_load(&late_us);
        held_us += late - noise->last_late_us;
        noise->last_late_us = late;
        noise_add(noise, now, held_us);
}

/* The last sample not after the time; what was held up shows in the first one after it. */
static size_t index_at(const struct noise *noise, uint64_t at_us)
{
        size_t low = 0, high = noise->count;

        while (low + 1 < high) {
                size_t middle = (low + high) / 2;
                if (noise->samples[middle].at_us <= at_us)
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

uint64_t noise_between(const struct noise *noise, uint64_t from_us, uint64_t to_us)
{
        if (noise->count == 0)
                return 0;
        size_t first = index_at(noise, from_us), last = index_at(noise, to_us);
        for (unsigned i = 0; i < 2 && last + 1 < noise->count; i++)
                last++;
        return noise->samples[last].held_us - noise->samples[first].held_us;
}

uint64_t noise_all(const struct noise *noise)
{
        return noise->count ? noise->samples[noise->count - 1].held_us : 0;
}

void noise_done(struct noise *noise)
{
        free(noise->samples);
        *noise = (struct noise){ 0 };
}
