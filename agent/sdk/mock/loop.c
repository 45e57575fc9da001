/* SPDX-License-Identifier: Apache-2.0 */
/* The fake clock, timers that fall due on it, and watched descriptors. */
#include "sdk/mock/host.h"

/* ---- Timers -------------------------------------------------------------------------------------------- */

int mock_service_timer_new(struct sconce_device *dev, sconce_timer_fn fn, void *userdata, struct sconce_timer **ret)
{
        struct mock_host *host = mock_host_of(dev);
        unsigned count = 0;
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        if (!fn)
                return mock_refuse(host, -EINVAL, "a timer was made without a function");
        for (const struct sconce_timer *timer = host->timers; timer; timer = timer->next)
                count++;
        if (count >= MOCK_TIMERS_MAX)
                return mock_refuse(host, -ENOSPC, "more than %d timers were made", MOCK_TIMERS_MAX);
        struct sconce_timer *timer = calloc(1, sizeof(*timer));
        assert_non_null(timer);
        *timer = (struct sconce_timer){ .next = host->timers, .fn = fn, .userdata = userdata };
        host->timers = timer;
        *ret = timer;
        return 0;
}

static int own_timer(struct mock_host *host, const struct sconce_timer *timer)
{
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        for (const struct sconce_timer *own = host->timers; own; own = own->next)
                if (own == timer)
                        return 0;
        return mock_refuse(host, -EINVAL, "an unknown or freed timer was used");
}

int mock_service_timer_arm(struct sconce_device *dev, struct sconce_timer *timer, uint64_t delay_us)
{
        struct mock_host *host = mock_host_of(dev);
        int r = own_timer(host, timer);

        if (r < 0)
                return r;
        timer->is_armed = true;
        timer->due_us = host->now_us + delay_us;
        return 0;
}

int mock_service_timer_disarm(struct sconce_device *dev, struct sconce_timer *timer)
{
        int r = own_timer(mock_host_of(dev), timer);

        if (r == 0)
                timer->is_armed = false;
        return r;
}

unsigned mock_timers_armed(const struct mock_host *host)
{
        unsigned count = 0;

        for (const struct sconce_timer *timer = host->timers; timer; timer = timer->next)
                count += timer->is_armed;
        return count;
}

/* ---- The clock ----------------------------------------------------------------------------------------- */

static struct sconce_timer *next_due(const struct mock_host *host, uint64_t until_us)
{
        struct sconce_timer *due = NULL;

        for (struct sconce_timer *timer = host->timers; timer; timer = timer->next)
                if (timer->is_armed && timer->due_us <= until_us && (!due || timer->due_us < due->due_us))
                        due = timer;
        return due;
}

void mock_advance_us(struct mock_host *host, uint64_t by_us)
{
        uint64_t until_us = host->now_us + by_us;

        for (struct sconce_timer *timer; (timer = next_due(host, until_us));) {
                if (timer->due_us > host->now_us)
                        host->now_us = timer->due_us;
                timer->is_armed = false;
                uint64_t entered_us = mock_enter(host);
                timer->fn(&host->device, host->instance, timer->userdata);
                (void)mock_leave(host, entered_us, 0);
        }
        host->now_us = until_us;
}

void mock_stall_us(struct mock_host *host, uint64_t by_us)
{
        host->now_us += by_us;
}

uint64_t mock_now(const struct mock_host *host)
{
        return host->now_us;
}

/* ---- Descriptors --------------------------------------------------------------------------------------- */

int mock_service_fd_watch(struct sconce_device *dev, int fd, uint32_t events, sconce_watch_fn fn, void *userdata,
                          struct sconce_watch **ret)
{
        struct mock_host *host = mock_host_of(dev);
        unsigned count = 0;
        int r = mock_gate(host, true);

        (void)events;
        if (r < 0)
                return r;
        if (!fn || fd < 0)
                return mock_refuse(host, -EINVAL, "an invalid descriptor was watched, or no function was given");
        for (const struct sconce_watch *watch = host->watches; watch; watch = watch->next)
                count++;
        if (count >= MOCK_WATCHES_MAX)
                return mock_refuse(host, -ENOSPC, "more than %d descriptors were watched", MOCK_WATCHES_MAX);
        struct sconce_watch *watch = calloc(1, sizeof(*watch));
        assert_non_null(watch);
        *watch = (struct sconce_watch){ .next = host->watches, .fd = fd, .fn = fn, .userdata = userdata };
        host->watches = watch;
        *ret = watch;
        return 0;
}

static bool unwatch(struct mock_host *host, const struct sconce_watch *watch)
{
        for (struct sconce_watch **at = &host->watches; *at; at = &(*at)->next) {
                if (*at != watch)
                        continue;
                struct sconce_watch *gone = *at;
                *at = gone->next;
                free(gone);
                return true;
        }
        return false;
}

int mock_service_fd_unwatch(struct sconce_device *dev, struct sconce_watch *watch)
{
        struct mock_host *host = mock_host_of(dev);
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        return unwatch(host, watch) ? 0 : mock_refuse(host, -EINVAL, "an unknown watch was ended");
}

bool mock_ready(struct mock_host *host, int fd, uint32_t events)
{
        for (struct sconce_watch *watch = host->watches; watch; watch = watch->next) {
                if (watch->fd != fd)
                        continue;
                uint64_t entered_us = mock_enter(host);
                watch->fn(&host->device, host->instance, events, watch->userdata);
                (void)mock_leave(host, entered_us, 0);
                return true;
        }
        return false;
}

void mock_close_all(struct mock_host *host)
{
        for (struct sconce_line *line = host->lines; line; line = line->next)
                line->is_open = false;
        for (struct sconce_dimmer *dimmer = host->dimmers; dimmer; dimmer = dimmer->next)
                dimmer->is_open = false;
        while (host->timers) {
                struct sconce_timer *timer = host->timers;
                host->timers = timer->next;
                free(timer);
        }
        while (host->watches)
                (void)unwatch(host, host->watches);
}
