/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's clocks, chance and boot id, as the agent asks for them: these stand before the C library's, and in this
 * program alone. */
#include "sim/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "sim/events.h"
#include "sim/world.h"
#include "util/boot.h"

int clock_gettime(clockid_t clock, struct timespec *ret)
{
        uint64_t us = clock == CLOCK_REALTIME ? (uint64_t)((int64_t)world->now_us + world->wall_us)
                                              : world->now_us - world->boot_us;

        *ret = (struct timespec){ .tv_sec = (time_t)(us / USEC_PER_SEC),
                                  .tv_nsec = (long)(us % USEC_PER_SEC * NSEC_PER_USEC) };
        return 0;
}

int adjtimex(struct timex *state)
{
        state->status = world->is_synchronised ? 0 : STA_UNSYNC;
        return world->is_synchronised ? TIME_OK : TIME_ERROR;
}

/* By which the agent hears that the clock was set. */
static int jump_fd = -1;

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
        (void)flags;
        (void)value;
        (void)old;
        jump_fd = fd;
        events_mark(fd, false);
        return 0;
}

void machine_set_clock(int64_t by_us)
{
        world->wall_us += by_us;
        world->laws.history.is_set |= jump_fd >= 0;
        history_law_clock();
        if (jump_fd >= 0)
                events_mark(jump_fd, true);
}

void machine_synchronise(void)
{
        world->is_synchronised = true;
        trace("the clock is right");
        machine_set_clock(WORLD_BEGAN_US - world->wall_us);
}

ssize_t getrandom(void *to, size_t size, unsigned flags)
{
        unsigned char *bytes = to;

        (void)flags;
        for (size_t i = 0; i < size; i++)
                bytes[i] = (unsigned char)noise_between(0, 255);
        return (ssize_t)size;
}

const char *clock_boot_id(void)
{
        return world->boot_id;
}
