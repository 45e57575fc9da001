/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/strands.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "sim/events.h"
#include "sim/world.h"
#include "util/thread.h"

#define STACK_BYTES ((size_t)512 * 1024)
#define STRANDS_MAX 32

struct strand {
        ucontext_t context;
        void *(*run)(void *userdata);
        void *userdata;
        const pthread_cond_t *waits_for;
        uint64_t due_us; /* UINT64_MAX: it waits for as long as it takes, or has ended */
        void *stack;
};

static struct strand strands[STRANDS_MAX];
static size_t n_strands;
static ucontext_t main_context;
static struct strand *current;               /* NULL: the loop's thread */
static const pthread_cond_t *main_waits_for; /* NULL: it does not, or has been woken */

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static struct strand *next_strand(void)
{
        struct strand *next = NULL;

        for (size_t i = 0; i < n_strands; i++)
                if (strands[i].due_us != UINT64_MAX && (!next || strands[i].due_us < next->due_us))
                        next = &strands[i];
        return next;
}

uint64_t strands_next_us(void)
{
        const struct strand *next = next_strand();

        return next ? next->due_us : UINT64_MAX;
}

void strands_run(void)
{
        struct strand *strand = next_strand();

        if (!strand)
                return;
        strand->due_us = UINT64_MAX;
        current = strand;
        (void)swapcontext(&main_context, &strand->context);
        current = NULL;
}

static void begin(void)
{
        struct strand *strand = current;

        (void)strand->run(strand->userdata);
        strand->due_us = UINT64_MAX;
        (void)swapcontext(&strand->context, &main_context);
}

/* A card takes its time, now and then a long one. */
static uint64_t delay_us(void)
{
        if (world->disk.hangs_until_us > world->now_us)
                return world->disk.hangs_until_us - world->now_us;
        return noise_chance(2) ? noise_between(100, 1500) * USEC_PER_MSEC : noise_between(50, 40000);
}

/* ---- util/thread.h ----------------------------------------------------------------------------------------------- */

int thread_start(const char *name, void *(*run)(void *userdata), void *userdata)
{
        if (n_strands == STRANDS_MAX)
                return -EAGAIN;
        struct strand *strand = &strands[n_strands];
        *strand = (struct strand){ .run = run, .userdata = userdata, .stack = malloc(STACK_BYTES) };
        (void)name;
        if (!strand->stack || getcontext(&strand->context) < 0)
                return -ENOMEM;
        strand->context.uc_stack.ss_sp = strand->stack;
        strand->context.uc_stack.ss_size = STACK_BYTES;
        makecontext(&strand->context, begin, 0);
        strand->due_us = world->now_us + delay_us();
        n_strands++;
        return 0;
}

void thread_cond_init(pthread_cond_t *condition)
{
        (void)pthread_cond_init(condition, NULL);
}

struct timespec thread_deadline(uint64_t after_us)
{
        uint64_t us = world->now_us - world->boot_us + after_us;

        return (struct timespec){ .tv_sec = (time_t)(us / USEC_PER_SEC),
                                  .tv_nsec = (long)(us % USEC_PER_SEC * NSEC_PER_USEC) };
}

int thread_wakeup_new(void)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        events_mark(fd, false);
        return fd < 0 ? -errno : fd;
}

void thread_wake(int fd)
{
        events_mark(fd, true);
}

void thread_wakeup_clear(int fd)
{
        events_mark(fd, false);
}

/* ---- Conditions -------------------------------------------------------------------------------------------------- */

static void wake(const pthread_cond_t *condition, bool all)
{
        if (main_waits_for == condition)
                main_waits_for = NULL;
        for (size_t i = 0; i < n_strands; i++) {
                if (strands[i].waits_for != condition)
                        continue;
                strands[i].waits_for = NULL;
                strands[i].due_us = world->now_us + delay_us();
                if (!all)
                        return;
        }
}

int pthread_cond_signal(pthread_cond_t *condition)
{
        wake(condition, false);
        return 0;
}

int pthread_cond_broadcast(pthread_cond_t *condition)
{
        wake(condition, true);
        return 0;
}

/* The loop's thread stands still meanwhile; the strands do not. */
static int wait_on_main(const pthread_cond_t *condition, uint64_t until_us)
{
        main_waits_for = condition;
        while (main_waits_for && strands_next_us() <= until_us) {
                world->now_us = MAX(world->now_us, strands_next_us());
                strands_run();
        }
        bool was_woken = !main_waits_for;
        main_waits_for = NULL;
        if (!was_woken)
                world->now_us = MAX(world->now_us, until_us);
        return was_woken ? 0 : ETIMEDOUT;
}

/* It is woken, or runs when the time has come. */
static int wait_on_strand(const pthread_cond_t *condition, uint64_t until_us)
{
        struct strand *strand = current;

        strand->waits_for = condition;
        strand->due_us = MAX(until_us, world->now_us);
        (void)swapcontext(&strand->context, &main_context);
        bool was_woken = !strand->waits_for;
        strand->waits_for = NULL;
        return was_woken ? 0 : ETIMEDOUT;
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
        (void)pthread_mutex_unlock(lock);
        if (current)
                (void)wait_on_strand(condition, UINT64_MAX);
        else if (wait_on_main(condition, UINT64_MAX - 1) != 0)
                violated("simulator", "the loop waits for ever");
        (void)pthread_mutex_lock(lock);
        return 0;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *until)
{
        uint64_t until_us = world->boot_us + (uint64_t)until->tv_sec * USEC_PER_SEC +
                            (uint64_t)until->tv_nsec / NSEC_PER_USEC;

        (void)pthread_mutex_unlock(lock);
        int r = current ? wait_on_strand(condition, until_us) : wait_on_main(condition, until_us);
        (void)pthread_mutex_lock(lock);
        return r;
}
