/* SPDX-License-Identifier: Apache-2.0 */
/* The one event loop: sd-event with a clock that tests can replace. All times are CLOCK_BOOTTIME in microseconds, which
 * neither jumps nor stops in suspend. On the fake clock loop_advance() moves time and fires due timers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "util/cleanup.h"
#include "util/macro.h"
#include "util/timer_heap.h"

/* sd-event's own default accuracy is 250 ms, so each timer gives its own. One that is armed without a delay is due at once. */
#define TIMER_EXACT_US (1 * USEC_PER_MSEC) /* edges, pulses, fades */
#define TIMER_LAZY_US  (1 * USEC_PER_SEC)  /* keepalive, back-off, periodic readings */

/* Which of several due events comes first. The loop takes one a turn; timers of one priority and accuracy that are due
 * together are one, for 0.2 ms where they are no outputs. A flood from the broker costs a button or a pulse at most one message. Exact timers are
 * LOOP_OUTPUTS, others LOOP_HOUSE, as sd-event's sources by default. */
enum loop_priority {
        LOOP_OUTPUTS = -1, /* edges of lines, times of outputs */
        LOOP_HOUSE = 0,    /* signals, readings, what is saved */
        LOOP_NETWORK = 1,  /* all that the broker can set off */
};

enum { LOOP_PRIORITIES = 3, LOOP_ACCURACIES = 3 };

struct loop;

/* The armed timers of one priority and one accuracy. */
struct timer_queue {
        struct loop *loop;
        enum loop_priority priority;
        sd_event_source *source; /* NULL on the fake clock */
        struct timer_node *first;
        uint64_t set_us; /* what the source is set to */
        bool is_running; /* it is set when that is over */
};

struct loop {
        sd_event *event;
        uint64_t n_armed; /* since the start */
        struct timer_queue queues[LOOP_PRIORITIES][LOOP_ACCURACIES];
        bool fake;
        uint64_t fake_now_us;
};

struct timer;

int loop_init(struct loop *loop) MUST_CHECK;
int loop_init_fake(struct loop *loop) MUST_CHECK;
void loop_done(struct loop *loop);

uint64_t loop_now_us(const struct loop *loop);

/* Fake clock only: time passes, due timers fire. */
void loop_advance(struct loop *loop, uint64_t by_us);

typedef void (*timer_fn)(void *userdata);

int timer_new(struct loop *loop, uint64_t accuracy_us, timer_fn fn, void *userdata, struct timer **ret) MUST_CHECK;
void timer_free(struct timer *timer);
void timer_arm(struct timer *timer, uint64_t delay_us); /* from now; replaces what was armed; fires once */
void timer_disarm(struct timer *timer);
bool timer_armed(const struct timer *timer);
void timer_set_priority(struct timer *timer, enum loop_priority priority); /* from its next arming on */

/* sd_event_add_io() at a priority of its own. */
int loop_add_io(struct loop *loop, int fd, enum loop_priority priority, sd_event_io_handler_t fn, void *userdata,
                sd_event_source **ret) MUST_CHECK;

DEFINE_CLEANUP(struct timer, timer_free);
#define CLEANUP_TIMER CLEANUP(timer_freep)
