/* SPDX-License-Identifier: Apache-2.0 */
#include "util/thread.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

static int create(pthread_t *ret, void *(*run)(void *userdata), void *userdata)
{
        pthread_attr_t attributes;
        static const int fatal[] = { THREAD_FATAL_SIGNALS };
        sigset_t all, before;
        int r = pthread_attr_init(&attributes);

        if (r != 0)
                return -r;
        (void)pthread_attr_setstacksize(&attributes, MAX(THREAD_STACK_BYTES, (size_t)PTHREAD_STACK_MIN));
        (void)sigfillset(&all);
        for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
                (void)sigdelset(&all, fatal[i]);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(ret, &attributes, run, userdata);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void)pthread_attr_destroy(&attributes);
        return -r;
}

int thread_start(const char *name, void *(*run)(void *userdata), void *userdata)
{
        pthread_t thread;
        int r = create(&thread, run, userdata);

        if (r < 0)
                return r;
        /* Detached last: a thread that has ended already keeps its handle until then. */
        (void)pthread_setname_np(thread, name);
        (void)pthread_detach(thread);
        return 0;
}

void thread_cond_init(pthread_cond_t *condition)
{
        pthread_condattr_t attributes;

        (void)pthread_condattr_init(&attributes);
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void)pthread_cond_init(condition, &attributes);
        (void)pthread_condattr_destroy(&attributes);
}

struct timespec thread_deadline(uint64_t after_us)
{
        uint64_t ns = clock_monotonic_ns() + after_us * NSEC_PER_USEC;

        return (struct timespec){ .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC) };
}

int thread_wakeup_new(void)
{
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

void thread_wake(int fd)
{
        const uint64_t one = 1;

        (void)!write(fd, &one, sizeof(one));
}

void thread_wakeup_clear(int fd)
{
        uint64_t count;

        (void)!read(fd, &count, sizeof(count));
}
