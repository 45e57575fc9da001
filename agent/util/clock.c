/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"

/* The Makefile gives the date of the last commit or SOURCE_DATE_EPOCH, so that builds stay reproducible. */
#ifndef SCONCE_BUILD_EPOCH
#define SCONCE_BUILD_EPOCH 0
#endif

struct clock {
        struct loop *loop;
        enum clock_mode mode;
        const struct clock_sources *sources; /* NULL: nobody is asked */
        bool is_right;
        int64_t fake_offset_us;
        int jump_fd;
        sd_event_source *jump_source;
        clock_jump_fn on_jump;
        void *userdata;
        uint64_t text_s;           /* the second that was formatted last */
        char text[CLOCK_TEXT_MAX]; /* "": none */
};

static uint64_t wall_us(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/* The kernel cancels a timer of this kind when the wall clock is set: the only way to hear of it without polling. */
static int arm_jump_fd(int fd)
{
        struct itimerspec never = { .it_value.tv_sec = INT64_MAX / 2 };

        if (sizeof(never.it_value.tv_sec) == 4)
                never.it_value.tv_sec = INT32_MAX;
        if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
                return -errno;
        return 0;
}

static int on_clock_set(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct clock *clock = userdata;
        uint64_t expirations;

        (void)source;
        (void)events;
        (void)!read(fd, &expirations, sizeof(expirations));
        (void)arm_jump_fd(fd);
        if (wall_us() / USEC_PER_SEC > SCONCE_BUILD_EPOCH)
                clock->is_right = true;
        log_info("the clock was set");
        if (clock->on_jump)
                clock->on_jump(clock->userdata);
        return 0;
}

static const struct clock_sources kernel_and_timesync = {
        .ask_kernel = adjtimex,
        .stamp = "/run/systemd/timesync/synchronized",
};

/* A sandbox may refuse the question. "Refused" is neither right nor wrong: the stamp decides. */
bool clock_is_synchronised(const struct clock_sources *sources)
{
        struct timex state = { .modes = 0 };

        if (sources->ask_kernel(&state) >= 0)
                return !(state.status & STA_UNSYNC);
        return access(sources->stamp, F_OK) == 0;
}

static void warn_of_deafness(const struct clock *clock)
{
        struct timex state = { .modes = 0 };

        if (clock->mode == CLOCK_MODE_AUTO && !clock->loop->fake && adjtimex(&state) < 0)
                log_notice("the kernel does not report whether the clock is synchronised (%s): it is trusted when "
                           "systemd-timesyncd has set it, when it is set from now on, or with [node] clock = trusted",
                           strerror(errno));
}

int clock_new(struct loop *loop, enum clock_mode mode, struct clock **ret)
{
        CLEANUP_CLOCK struct clock *clock = calloc(1, sizeof(*clock));
        int r;

        if (!clock)
                return -ENOMEM;
        clock->loop = loop;
        clock->mode = mode;
        clock->sources = loop->fake ? NULL : &kernel_and_timesync;
        clock->jump_fd = -1;
        clock->fake_offset_us = (int64_t)(wall_us() - loop_now_us(loop));
        if (!loop->fake) {
                clock->jump_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
                if (clock->jump_fd < 0)
                        return -errno;
                r = arm_jump_fd(clock->jump_fd);
                if (r < 0)
                        return r;
                r = sd_event_add_io(loop->event, &clock->jump_source, clock->jump_fd, EPOLLIN, on_clock_set, clock);
                if (r < 0)
                        return r;
        }
        warn_of_deafness(clock);
        *ret = TAKE_PTR(clock);
        return 0;
}

void clock_free(struct clock *clock)
{
        if (!clock)
                return;
        sd_event_source_disable_unref(clock->jump_source);
        if (clock->jump_fd >= 0)
                (void)close(clock->jump_fd);
        free(clock);
}

void clock_on_jump(struct clock *clock, clock_jump_fn fn, void *userdata)
{
        clock->on_jump = fn;
        clock->userdata = userdata;
}

void clock_set_mode(struct clock *clock, enum clock_mode mode)
{
        clock->mode = mode;
}

void clock_set_sources(struct clock *clock, const struct clock_sources *sources)
{
        clock->sources = sources;
}

/* What was right stays so in this run: the kernel takes its word back some nine hours after the time server's last one,
 * when the clock may be a second off. A command that is too late by hours would be the worse mistake. */
bool clock_trusted(struct clock *clock)
{
        if (clock->mode == CLOCK_MODE_TRUSTED)
                return true;
        if (!clock->is_right && clock->sources)
                clock->is_right = clock_is_synchronised(clock->sources);
        return clock->is_right;
}

bool clock_offset(struct clock *clock, int64_t *ret_us)
{
        if (!clock_trusted(clock))
                return false;
        *ret_us = clock->loop->fake ? clock->fake_offset_us : (int64_t)(wall_us() - loop_now_us(clock->loop));
        return true;
}

#define MILLISECONDS_AT 20 /* in "2026-11-22T19:30:00.123Z" */

/* Each message has its time: strftime() and printf() would be a tenth of what a command costs. */
static void print_fields(const unsigned fields[static 7], char text[static CLOCK_TEXT_MAX])
{
        static const char shape[] = "yyyy-mm-ddThh:mm:ss.fffZ";
        static const unsigned char ends[] = { 4, 7, 10, 13, 16, 19, 23 };

        _Static_assert(sizeof(shape) <= CLOCK_TEXT_MAX, "it must fit");
        memcpy(text, shape, sizeof(shape));
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                unsigned rest = fields[i];
                for (size_t at = ends[i]; at > 0 && shape[at - 1] >= 'a'; at--, rest /= 10)
                        text[at - 1] = (char)('0' + rest % 10);
        }
}

bool clock_wall_us(struct clock *clock, uint64_t boottime_us, uint64_t *ret_wall_us)
{
        if (!clock_trusted(clock))
                return false;
        *ret_wall_us = wall_us() - (loop_now_us(clock->loop) - boottime_us);
        return true;
}

void clock_format_wall(uint64_t at_us, char text[static CLOCK_TEXT_MAX])
{
        time_t seconds = (time_t)(at_us / USEC_PER_SEC);
        struct tm utc;

        gmtime_r(&seconds, &utc);
        const unsigned fields[] = {
                (unsigned)utc.tm_year + 1900,
                (unsigned)utc.tm_mon + 1,
                (unsigned)utc.tm_mday,
                (unsigned)utc.tm_hour,
                (unsigned)utc.tm_min,
                (unsigned)utc.tm_sec,
                (unsigned)(at_us % USEC_PER_SEC / USEC_PER_MSEC),
        };
        print_fields(fields, text);
}

bool clock_format(struct clock *clock, uint64_t boottime_us, char text[static CLOCK_TEXT_MAX])
{
        uint64_t at_us;

        if (!clock_wall_us(clock, boottime_us, &at_us))
                return false;
        if (!clock->text[0] || clock->text_s != at_us / USEC_PER_SEC) {
                clock->text_s = at_us / USEC_PER_SEC;
                clock_format_wall(at_us, clock->text);
        }
        memcpy(text, clock->text, CLOCK_TEXT_MAX);
        unsigned ms = (unsigned)(at_us % USEC_PER_SEC / USEC_PER_MSEC);
        text[MILLISECONDS_AT] = (char)('0' + ms / 100);
        text[MILLISECONDS_AT + 1] = (char)('0' + ms / 10 % 10);
        text[MILLISECONDS_AT + 2] = (char)('0' + ms % 10);
        return true;
}

/* Behind the seconds: nothing or a fraction, then Z. */
static bool parse_fraction(const char *text, uint64_t *ret_us)
{
        uint64_t us = 0, unit_us = USEC_PER_SEC / 10;

        if (*text == '.') {
                if (text[1] < '0' || text[1] > '9')
                        return false;
                for (text++; *text >= '0' && *text <= '9'; text++, unit_us /= 10)
                        us += (uint64_t)(*text - '0') * unit_us;
        }
        *ret_us = us;
        return strcmp(text, "Z") == 0;
}

/* Digits where the format has them, and a date of the calendar: timegm() would make the 1st of May of the 31st of
 * April. */
static bool parse_utc(const char *text, uint64_t *ret_us)
{
        static const char shape[] = "dddd-dd-ddTdd:dd:dd";
        struct tm utc = { 0 }, same;
        uint64_t fraction_us;

        for (size_t i = 0; shape[i]; i++)
                if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
                        return false;
        const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
        if (end != text + sizeof(shape) - 1 || !parse_fraction(end, &fraction_us))
                return false;
        same = utc;
        int64_t seconds = timegm(&same);
        if (seconds < 0 || same.tm_mday != utc.tm_mday)
                return false;
        *ret_us = (uint64_t)seconds * USEC_PER_SEC + fraction_us;
        return true;
}

int clock_parse(struct clock *clock, const char *text, uint64_t *ret_boottime_us)
{
        uint64_t at_us;

        if (!parse_utc(text, &at_us))
                return -EINVAL;
        if (!clock_trusted(clock))
                return -EAGAIN;
        int64_t ahead_us = (int64_t)at_us - (int64_t)wall_us();
        int64_t boot_us = (int64_t)loop_now_us(clock->loop) + ahead_us;
        *ret_boottime_us = boot_us > 0 ? (uint64_t)boot_us : 1;
        return 0;
}

uint64_t clock_monotonic_ns(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}
