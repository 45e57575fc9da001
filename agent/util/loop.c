/* SPDX-License-Identifier: Apache-2.0 */
#include "util/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

/* Those that are due together and are no outputs leave the turn to what comes first after that time. */
#define TURN_US 200

enum { AT_ONCE, EXACT, LAZY };
static const uint64_t accuracies_us[LOOP_ACCURACIES] = { 1, TIMER_EXACT_US, TIMER_LAZY_US };

struct timer {
        struct timer_node node;
        struct timer_queue *queue; /* NULL: it is not armed */
        struct loop *loop;
        timer_fn fn;
        void *userdata;
        enum loop_priority priority;
        uint8_t accuracy; /* which of them */
};

/* ---- Queues ---------------------------------------------------------------------------------------------------- */

static struct timer *timer_of(struct timer_node *node)
{
        return CONTAINER_OF(node, struct timer, node);
}

static struct timer_queue *queue_of(struct loop *loop, enum loop_priority priority, size_t accuracy)
{
        return &loop->queues[priority - LOOP_OUTPUTS][accuracy];
}

static void set_source(struct timer_queue *queue)
{
        uint64_t due_us = queue->first ? queue->first->due_us : UINT64_MAX;

        if (!queue->source || queue->is_running || queue->set_us == due_us)
                return;
        if (sd_event_source_set_time(queue->source, due_us) >= 0)
                queue->set_us = due_us;
}

/* Gives the queue that it was in, or NULL; that is to be set. */
static struct timer_queue *take_out(struct timer *timer)
{
        struct timer_queue *queue = timer->queue;

        if (queue)
                timer_heap_remove(&queue->first, &timer->node);
        timer->queue = NULL;
        return queue;
}

static void fire(struct timer_queue *queue)
{
        struct timer *timer = timer_of(queue->first);

        (void)take_out(timer);
        timer->fn(timer->userdata);
}

static bool is_due(const struct timer_queue *queue, uint64_t now_us, uint64_t last_order)
{
        return queue->first && queue->first->due_us <= now_us && queue->first->order <= last_order;
}

/* What is armed meanwhile is left for the next time. */
static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct timer_queue *queue = userdata;
        struct loop *loop = queue->loop;
        uint64_t begin_us = loop_now_us(loop), last_order = loop->n_armed;

        (void)source;
        (void)usec;
        queue->is_running = true;
        while (is_due(queue, begin_us, last_order)) {
                fire(queue);
                if (queue->priority != LOOP_OUTPUTS && loop_now_us(loop) >= begin_us + TURN_US)
                        break;
        }
        queue->is_running = false;
        set_source(queue);
        return 0;
}

static COLD int make_queue(struct loop *loop, enum loop_priority priority, size_t accuracy)
{
        struct timer_queue *queue = queue_of(loop, priority, accuracy);

        queue->loop = loop;
        queue->priority = priority;
        queue->set_us = UINT64_MAX;
        int r = sd_event_add_time(loop->event, &queue->source, CLOCK_BOOTTIME, UINT64_MAX, accuracies_us[accuracy],
                                  on_time, queue);
        if (r >= 0)
                r = sd_event_source_set_priority(queue->source, priority);
        return r < 0 ? r : sd_event_source_set_enabled(queue->source, SD_EVENT_ON);
}

/* ---- The loop -------------------------------------------------------------------------------------------------- */

static int begin(struct loop *loop)
{
        memset(loop, 0, sizeof(*loop));
        int r = sd_event_new(&loop->event);
        return r < 0 ? r : 0;
}

int loop_init_fake(struct loop *loop)
{
        int r = begin(loop);
        if (r < 0)
                return r;
        loop->fake = true;
        loop->fake_now_us = 1000 * USEC_PER_SEC;
        return 0;
}

COLD int loop_init(struct loop *loop)
{
        int r = begin(loop);

        for (enum loop_priority priority = LOOP_OUTPUTS; r >= 0 && priority <= LOOP_NETWORK; priority++)
                for (size_t accuracy = 0; r >= 0 && accuracy < LOOP_ACCURACIES; accuracy++)
                        r = make_queue(loop, priority, accuracy);
        if (r < 0)
                loop_done(loop);
        return r < 0 ? r : 0;
}

COLD void loop_done(struct loop *loop)
{
        for (size_t i = 0; i < LOOP_PRIORITIES; i++)
                for (size_t j = 0; j < LOOP_ACCURACIES; j++)
                        loop->queues[i][j].source = sd_event_source_disable_unref(loop->queues[i][j].source);
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

/* ---- The fake clock -------------------------------------------------------------------------------------------- */

static struct timer_queue *next_due(struct loop *loop, uint64_t until_us)
{
        struct timer_queue *due = NULL;

        for (size_t i = 0; i < LOOP_PRIORITIES * LOOP_ACCURACIES; i++) {
                struct timer_queue *queue = &loop->queues[i / LOOP_ACCURACIES][i % LOOP_ACCURACIES];
                if (queue->first && queue->first->due_us <= until_us &&
                    (!due || queue->first->due_us < due->first->due_us))
                        due = queue;
        }
        return due;
}

static void set_fake_now(struct loop *loop, uint64_t now_us)
{
        __atomic_store_n(&loop->fake_now_us, now_us, __ATOMIC_RELAXED);
}

void loop_advance(struct loop *loop, uint64_t by_us)
{
        uint64_t until_us = loop->fake_now_us + by_us;
        struct timer_queue *due;

        while ((due = next_due(loop, until_us))) {
                set_fake_now(loop, MAX(loop->fake_now_us, due->first->due_us));
                fire(due);
        }
        set_fake_now(loop, until_us);
}

/* ---- Timers ---------------------------------------------------------------------------------------------------- */

int timer_new(struct loop *loop, uint64_t accuracy_us, timer_fn fn, void *userdata, struct timer **ret)
{
        struct timer *timer = calloc(1, sizeof(*timer));

        if (!timer)
                return -ENOMEM;
        timer->loop = loop;
        timer->fn = fn;
        timer->userdata = userdata;
        timer->accuracy = accuracy_us <= TIMER_EXACT_US ? EXACT : LAZY;
        timer_set_priority(timer, timer->accuracy == EXACT ? LOOP_OUTPUTS : LOOP_HOUSE);
        *ret = timer;
        return 0;
}

void timer_set_priority(struct timer *timer, enum loop_priority priority)
{
        timer->priority = priority;
}

void timer_free(struct timer *timer)
{
        if (!timer)
                return;
        timer_disarm(timer);
        free(timer);
}

void timer_arm(struct timer *timer, uint64_t delay_us)
{
        struct timer_queue *before = take_out(timer);
        struct loop *loop = timer->loop;
        struct timer_queue *queue = queue_of(loop, timer->priority, delay_us > 0 ? timer->accuracy : AT_ONCE);

        if (__builtin_add_overflow(loop_now_us(loop), delay_us, &timer->node.due_us))
                timer->node.due_us = UINT64_MAX; /* never */
        timer->node.order = ++loop->n_armed;
        timer->queue = queue;
        timer_heap_add(&queue->first, &timer->node);
        set_source(queue);
        if (before && before != queue)
                set_source(before);
}

void timer_disarm(struct timer *timer)
{
        struct timer_queue *queue = take_out(timer);

        if (queue)
                set_source(queue);
}

bool timer_armed(const struct timer *timer)
{
        return timer->queue;
}
