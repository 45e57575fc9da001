/* SPDX-License-Identifier: Apache-2.0 */
#include "util/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

struct timer {
        struct loop *loop;
        timer_fn fn;
        void *userdata;
        sd_event_source *source; /* NULL on the fake clock */
        bool armed;
        uint64_t fake_due_us;
        struct timer *fake_next;
};

int loop_init(struct loop *loop)
{
        memset(loop, 0, sizeof(*loop));
        int r = sd_event_new(&loop->event);
        return r < 0 ? r : 0;
}

int loop_init_fake(struct loop *loop)
{
        int r = loop_init(loop);
        if (r < 0)
                return r;
        loop->fake = true;
        loop->fake_now_us = 1000 * USEC_PER_SEC;
        return 0;
}

void loop_done(struct loop *loop)
{
        loop->event = sd_event_unref(loop->event);
}

uint64_t loop_now_us(const struct loop *loop)
{
        /* Devices' threads ask too, while a test moves the clock. */
        if (loop->fake)
                return __atomic_load_n(&loop->fake_now_us, __ATOMIC_RELAXED);

        struct timespec now;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

int loop_add_io(struct loop *loop, int fd, enum loop_priority priority, sd_event_io_handler_t fn, void *userdata,
                sd_event_source **ret)
{
        int r = sd_event_add_io(loop->event, ret, fd, EPOLLIN, fn, userdata);

        return r < 0 ? r : sd_event_source_set_priority(*ret, priority);
}

static struct timer *next_due(struct loop *loop, uint64_t until_us)
{
        struct timer *due = NULL;

        for (struct timer *t = loop->fake_timers; t; t = t->fake_next)
                if (t->armed && t->fake_due_us <= until_us && (!due || t->fake_due_us < due->fake_due_us))
                        due = t;
        return due;
}

static void set_fake_now(struct loop *loop, uint64_t now_us)
{
        __atomic_store_n(&loop->fake_now_us, now_us, __ATOMIC_RELAXED);
}

void loop_advance(struct loop *loop, uint64_t by_us)
{
        uint64_t until_us = loop->fake_now_us + by_us;
        struct timer *due;

        while ((due = next_due(loop, until_us))) {
                set_fake_now(loop, MAX(loop->fake_now_us, due->fake_due_us));
                due->armed = false;
                due->fn(due->userdata);
        }
        set_fake_now(loop, until_us);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct timer *timer = userdata;

        (void)source;
        (void)usec;
        timer->armed = false;
        timer->fn(timer->userdata);
        return 0;
}

int timer_new(struct loop *loop, uint64_t accuracy_us, timer_fn fn, void *userdata, struct timer **ret)
{
        CLEANUP_TIMER struct timer *timer = calloc(1, sizeof(*timer));
        if (!timer)
                return -ENOMEM;
        timer->fn = fn;
        timer->userdata = userdata;
        if (loop->fake) {
                timer->fake_next = loop->fake_timers;
                loop->fake_timers = timer;
        } else {
                int r = sd_event_add_time(loop->event, &timer->source, CLOCK_BOOTTIME, UINT64_MAX, accuracy_us, on_time,
                                          timer);
                if (r < 0)
                        return r;
                (void)sd_event_source_set_enabled(timer->source, SD_EVENT_OFF);
                timer_set_priority(timer, accuracy_us <= TIMER_EXACT_US ? LOOP_OUTPUTS : LOOP_HOUSE);
        }
        timer->loop = loop;
        *ret = TAKE_PTR(timer);
        return 0;
}

void timer_set_priority(struct timer *timer, enum loop_priority priority)
{
        if (timer->source)
                (void)sd_event_source_set_priority(timer->source, priority);
}

static void fake_unlink(struct timer *timer)
{
        if (!timer->loop || !timer->loop->fake)
                return;
        for (struct timer **at = &timer->loop->fake_timers; *at; at = &(*at)->fake_next) {
                if (*at == timer) {
                        *at = timer->fake_next;
                        return;
                }
        }
}

void timer_free(struct timer *timer)
{
        if (!timer)
                return;
        fake_unlink(timer);
        sd_event_source_disable_unref(timer->source);
        free(timer);
}

void timer_arm(struct timer *timer, uint64_t delay_us)
{
        uint64_t due_us = loop_now_us(timer->loop) + delay_us;

        timer->armed = true;
        timer->fake_due_us = due_us;
        if (timer->loop->fake)
                return;
        (void)sd_event_source_set_time(timer->source, due_us);
        (void)sd_event_source_set_enabled(timer->source, SD_EVENT_ONESHOT);
}

void timer_disarm(struct timer *timer)
{
        timer->armed = false;
        if (!timer->loop->fake)
                (void)sd_event_source_set_enabled(timer->source, SD_EVENT_OFF);
}

bool timer_armed(const struct timer *timer)
{
        return timer->armed;
}
