/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/events.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "sim/strands.h"
#include "sim/world.h"
#include "util/macro.h"

#define FDS_MAX            1024
#define TURNS_A_MINUTE_MAX 30000

enum kind { KIND_TIME, KIND_IO, KIND_DEFER, KIND_SIGNAL };

struct sd_event_source {
        sd_event *event;
        sd_event_source *next;
        enum kind kind;
        int number; /* the fd or the signal */
        int enabled;
        int64_t priority;
        uint64_t due_us, accuracy_us; /* in the agent's time: KIND_TIME */
        uint64_t since;               /* when it became ready; 0: it is not */
        bool is_raised;
        union {
                sd_event_time_handler_t time;
                sd_event_io_handler_t io;
                sd_event_handler_t defer;
                sd_event_signal_handler_t signal;
        } fn;
        void *userdata;
};

struct sd_event {
        unsigned refs;
        sd_event_source *sources;
        bool has_exit, is_running;
        uint64_t turns;
};

static struct sd_event *the_event;
static bool is_ready_fd[FDS_MAX];

/* ---- Sources ----------------------------------------------------------------------------------------------------- */

int sd_event_new(sd_event **ret)
{
        if (!the_event)
                the_event = calloc(1, sizeof(*the_event));
        if (!the_event)
                return -ENOMEM;
        the_event->refs++;
        *ret = the_event;
        return 1;
}

sd_event *sd_event_unref(sd_event *event)
{
        if (!event || --event->refs > 0)
                return NULL;
        while (event->sources) {
                sd_event_source *gone = event->sources;
                event->sources = gone->next;
                free(gone);
        }
        free(event);
        the_event = NULL;
        return NULL;
}

static int add(sd_event *event, sd_event_source **ret, const struct sd_event_source *as)
{
        sd_event_source *source = malloc(sizeof(*source));

        if (!source)
                return -ENOMEM;
        *source = *as;
        source->event = event;
        source->next = event->sources;
        event->sources = source;
        if (ret)
                *ret = source;
        return 0;
}

int sd_event_add_time(sd_event *event, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
                      sd_event_time_handler_t fn, void *userdata)
{
        const struct sd_event_source as = { .kind = KIND_TIME,
                                            .enabled = SD_EVENT_ONESHOT,
                                            .due_us = usec,
                                            .accuracy_us = accuracy ? accuracy : 250 * USEC_PER_MSEC,
                                            .fn.time = fn,
                                            .userdata = userdata };
        (void)clock;
        return add(event, ret, &as);
}

int sd_event_add_io(sd_event *event, sd_event_source **ret, int fd, uint32_t events, sd_event_io_handler_t fn,
                    void *userdata)
{
        const struct sd_event_source as = {
                .kind = KIND_IO, .number = fd, .enabled = SD_EVENT_ON, .fn.io = fn, .userdata = userdata
        };
        (void)events;
        return add(event, ret, &as);
}

int sd_event_add_defer(sd_event *event, sd_event_source **ret, sd_event_handler_t fn, void *userdata)
{
        const struct sd_event_source as = {
                .kind = KIND_DEFER, .enabled = SD_EVENT_ONESHOT, .fn.defer = fn, .userdata = userdata
        };
        return add(event, ret, &as);
}

int sd_event_add_signal(sd_event *event, sd_event_source **ret, int signal, sd_event_signal_handler_t fn,
                        void *userdata)
{
        const struct sd_event_source as = {
                .kind = KIND_SIGNAL, .number = signal, .enabled = SD_EVENT_ON, .fn.signal = fn, .userdata = userdata
        };
        return add(event, ret, &as);
}

sd_event_source *sd_event_source_disable_unref(sd_event_source *source)
{
        if (!source)
                return NULL;
        for (sd_event_source **at = &source->event->sources; *at; at = &(*at)->next)
                if (*at == source) {
                        *at = source->next;
                        break;
                }
        free(source);
        return NULL;
}

int sd_event_source_set_enabled(sd_event_source *source, int enabled)
{
        source->enabled = enabled;
        source->since = 0;
        return 0;
}

int sd_event_source_set_priority(sd_event_source *source, int64_t priority)
{
        source->priority = priority;
        return 0;
}

/* The kernel and sd-event wake up anywhere between the time and its accuracy. */
int sd_event_source_set_time(sd_event_source *source, uint64_t usec)
{
        source->due_us = usec == UINT64_MAX ? usec : usec + noise_between(0, source->accuracy_us);
        source->since = 0;
        return 0;
}

int sd_event_source_set_io_events(sd_event_source *source, uint32_t events)
{
        (void)source;
        (void)events;
        return 0;
}

int sd_event_set_watchdog(sd_event *event, int b)
{
        (void)event;
        (void)b;
        return 0;
}

int sd_event_exit(sd_event *event, int code)
{
        (void)code;
        event->has_exit = true;
        return 0;
}

void events_mark(int fd, bool is_ready)
{
        if (fd >= 0 && fd < FDS_MAX)
                is_ready_fd[fd] = is_ready;
}

void events_signal(int signal)
{
        for (sd_event_source *source = the_event ? the_event->sources : NULL; source; source = source->next)
                if (source->kind == KIND_SIGNAL && source->number == signal)
                        source->is_raised = true;
}

bool events_has_loop(void)
{
        return the_event && the_event->is_running;
}

/* ---- The loop ---------------------------------------------------------------------------------------------------- */

static uint64_t agent_now_us(void)
{
        return world->now_us - world->boot_us;
}

static bool is_ready(const sd_event_source *source)
{
        if (source->enabled == SD_EVENT_OFF)
                return false;
        switch (source->kind) {
        case KIND_TIME:
                return source->due_us <= agent_now_us();
        case KIND_IO:
                return source->number < FDS_MAX && is_ready_fd[source->number];
        case KIND_SIGNAL:
                return source->is_raised;
        default:
                return true;
        }
}

/* By priority, and then the one that has waited for longest. */
static sd_event_source *pick(sd_event *event)
{
        sd_event_source *best = NULL;

        event->turns++;
        for (sd_event_source *source = event->sources; source; source = source->next) {
                if (!is_ready(source)) {
                        source->since = 0;
                        continue;
                }
                if (source->since == 0)
                        source->since = event->turns;
                if (!best || source->priority < best->priority ||
                    (source->priority == best->priority && source->since < best->since))
                        best = source;
        }
        return best;
}

static void dispatch(sd_event_source *source)
{
        struct signalfd_siginfo info = { .ssi_signo = (uint32_t)source->number };

        source->since = 0;
        source->is_raised = false;
        if (source->enabled == SD_EVENT_ONESHOT)
                source->enabled = SD_EVENT_OFF;
        switch (source->kind) {
        case KIND_TIME:
                (void)source->fn.time(source, source->due_us, source->userdata);
                break;
        case KIND_IO:
                (void)source->fn.io(source, source->number, 1, source->userdata);
                break;
        case KIND_SIGNAL:
                (void)source->fn.signal(source, &info, source->userdata);
                break;
        default:
                (void)source->fn.defer(source, source->userdata);
        }
}

static uint64_t next_us(const sd_event *event)
{
        uint64_t next = MIN(world_next_us(), strands_next_us());

        for (const sd_event_source *source = event->sources; source; source = source->next)
                if (source->kind == KIND_TIME && source->enabled != SD_EVENT_OFF && source->due_us != UINT64_MAX)
                        next = MIN(next, source->due_us + world->boot_us);
        return next;
}

/* A timer that is armed for now, again and again, keeps a processor busy and the time from passing. */
static void judge_spin(void)
{
        static uint64_t since_us, turns;

        if (world->now_us >= since_us + MINUTE_US) {
                since_us = world->now_us;
                turns = 0;
        }
        if (++turns > TURNS_A_MINUTE_MAX)
                violated("life", "the agent's loop has made %u turns within a minute", TURNS_A_MINUTE_MAX);
}

/* One thing a turn: the world's come first, since nothing that the agent does holds them up. */
static void turn(sd_event *event)
{
        struct event due;
        sd_event_source *source;

        if (world_take(&due)) {
                world_happen(&due);
        } else if (strands_next_us() <= world->now_us) {
                strands_run();
        } else if ((source = pick(event))) {
                judge_spin();
                dispatch(source);
                world->now_us += noise_between(5, 40);
        } else {
                uint64_t next = next_us(event);
                if (next == UINT64_MAX)
                        violated("simulator", "nothing will ever happen");
                world->now_us = MAX(world->now_us, next);
        }
        laws_turn();
}

int sd_event_loop(sd_event *event)
{
        event->is_running = true;
        laws_started();
        while (!event->has_exit)
                turn(event);
        event->is_running = false;
        return 0;
}
