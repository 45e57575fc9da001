/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/clock.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* A program's own come before those of the C library, for the libraries too: certs/ and OpenSSL ask time(), SQLite the other. */
#define EXPORT __attribute__((visibility("default")))

static int64_t ahead_s;

void clock_go(int64_t seconds)
{
        ahead_s = seconds == 0 ? 0 : ahead_s + seconds;
}

EXPORT time_t time(time_t *ret)
{
        struct timespec now = { 0 };

        (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
        now.tv_sec += ahead_s;
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}

EXPORT int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
        struct timespec now = { 0 };

        (void)zone;
        (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
        *ret = (struct timeval){ .tv_sec = now.tv_sec + ahead_s, .tv_usec = now.tv_nsec / 1000 };
        return 0;
}
