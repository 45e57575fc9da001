/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's clock for one process of a test, which has only one of its own to share. The file that SCONCE_TEST_CLOCK
 * names states "OFFSET WORD": how many seconds the wall clock is off, and "right" where the kernel believes in it.
 * Every question goes to the kernel first: what a sandbox refuses stays refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct wanted {
        long offset_s;
        int is_right;
};

static struct wanted wanted(void)
{
        const char *path = getenv("SCONCE_TEST_CLOCK");
        FILE *file = path ? fopen(path, "re") : NULL;
        struct wanted all = { 0 };
        char word[16] = "";

        if (file) {
                if (fscanf(file, "%ld %15s", &all.offset_s, word) != 2)
                        all.offset_s = 0;
                (void)fclose(file);
        }
        all.is_right = strcmp(word, "right") == 0;
        return all;
}

EXPORT int adjtimex(struct timex *state)
{
        if (syscall(SYS_clock_adjtime, CLOCK_REALTIME, state) < 0)
                return -1;
        state->status = wanted().is_right ? state->status & ~STA_UNSYNC : state->status | STA_UNSYNC;
        return wanted().is_right ? TIME_OK : TIME_ERROR;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *now)
{
        long r = syscall(SYS_clock_gettime, id, now);

        if (r == 0 && id == CLOCK_REALTIME)
                now->tv_sec += wanted().offset_s;
        return (int)r;
}

EXPORT time_t time(time_t *ret)
{
        struct timespec now = { 0 };

        (void)clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}
