/* SPDX-License-Identifier: Apache-2.0 */
#include "util/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/thread.h"

#define WAIT_US   (100 * USEC_PER_MSEC) /* what waits longer gets further threads */
#define SLOW_US   (500 * USEC_PER_MSEC) /* a task that takes longer leaves its thread's place to another one */
#define IDLE_US   (10 * USEC_PER_SEC)   /* then a thread ends */
#define FEW       4U                    /* threads that are started at once */
#define MANY      16U                   /* and after WAIT_US; beside slow ones */
#define NEWS_ONCE 16U                   /* then edges and outputs have their turn */

struct runner {
        struct runner *next;
        uint64_t since_ns; /* of its task; 0: it has none */
};

struct queue {
        struct pool_task *first, **end;
};

struct pool {
        const char *name;
        struct loop *loop;
        sd_event_source *source;
        struct timer *timer;

        pthread_mutex_t lock;
        pthread_cond_t work;
        struct queue waiting[POOL_RANKS];
        struct pool_task *told, **told_end;
        struct runner *runners;
        unsigned n_waiting, n_idle;
        unsigned n_fresh; /* started, and not at work yet */
        unsigned n_threads;
        bool is_released;
        int fd;
};

/* ---- Queues. Under the lock ------------------------------------------------------------------------------ */

static void append(struct queue *queue, struct pool_task *task)
{
        task->next = NULL;
        *queue->end = task;
        queue->end = &task->next;
}

static struct pool_task *take_next(struct pool *pool)
{
        for (size_t i = 0; i < POOL_RANKS; i++) {
                struct queue *queue = &pool->waiting[i];
                struct pool_task *task = queue->first;
                if (!task)
                        continue;
                queue->first = task->next;
                if (!queue->first)
                        queue->end = &queue->first;
                pool->n_waiting--;
                return task;
        }
        return NULL;
}

static bool has_waited(const struct pool *pool, uint64_t now_ns)
{
        for (size_t i = 0; i < POOL_RANKS; i++) {
                const struct pool_task *task = pool->waiting[i].first;
                if (task && now_ns - task->since_ns >= WAIT_US * NSEC_PER_USEC)
                        return true;
        }
        return false;
}

/* ---- Threads --------------------------------------------------------------------------------------------- */

static void destroy(struct pool *pool)
{
        (void)pthread_cond_destroy(&pool->work);
        (void)pthread_mutex_destroy(&pool->lock);
        if (pool->fd >= 0)
                (void)close(pool->fd);
        free(pool);
}

/* Under the lock. NULL: the thread is to end. */
static struct pool_task *wait_for_task(struct pool *pool)
{
        struct pool_task *task;
        int r = 0;

        while (!(task = take_next(pool))) {
                if (pool->is_released || (r == ETIMEDOUT && pool->n_threads > 1))
                        return NULL;
                const struct timespec until = thread_deadline(IDLE_US);
                pool->n_idle++;
                r = pool->n_threads > 1 ? pthread_cond_timedwait(&pool->work, &pool->lock, &until)
                                        : pthread_cond_wait(&pool->work, &pool->lock);
                pool->n_idle--;
        }
        return task;
}

/* Under the lock, but while a task runs. */
static void run_tasks(struct pool *pool, struct runner *runner)
{
        struct pool_task *task;

        while ((task = wait_for_task(pool))) {
                runner->since_ns = clock_monotonic_ns();
                (void)pthread_mutex_unlock(&pool->lock);
                task->run(task);
                (void)pthread_mutex_lock(&pool->lock);
                runner->since_ns = 0;
        }
}

static void leave(struct pool *pool, const struct runner *runner)
{
        for (struct runner **at = &pool->runners; *at; at = &(*at)->next)
                if (*at == runner) {
                        *at = runner->next;
                        break;
                }
        pool->n_threads--;
}

static void *thread_main(void *userdata)
{
        struct pool *pool = userdata;
        struct runner runner = { 0 };

        (void)pthread_mutex_lock(&pool->lock);
        pool->n_fresh--;
        runner.next = pool->runners;
        pool->runners = &runner;
        run_tasks(pool, &runner);
        leave(pool, &runner);
        bool is_last = pool->is_released && pool->n_threads == 0;
        (void)pthread_mutex_unlock(&pool->lock);
        if (is_last)
                destroy(pool);
        return NULL;
}

/* Under the lock. */
static int start_thread(struct pool *pool)
{
        pool->n_threads++;
        pool->n_fresh++;
        int r = thread_start(pool->name, thread_main, pool);
        if (r < 0) {
                pool->n_threads--;
                pool->n_fresh--;
        }
        return r;
}

/* Those that will soon take another task, or have none. */
static unsigned count_quick(const struct pool *pool, uint64_t now_ns)
{
        unsigned n = pool->n_fresh;

        for (const struct runner *r = pool->runners; r; r = r->next)
                n += r->since_ns == 0 || now_ns - r->since_ns < SLOW_US * NSEC_PER_USEC;
        return n;
}

/* ---- On the loop ----------------------------------------------------------------------------------------- */

static bool is_short(const struct pool *pool)
{
        return pool->n_waiting > pool->n_idle + pool->n_fresh;
}

static void start_threads(struct pool *pool)
{
        uint64_t now_ns = clock_monotonic_ns();
        unsigned limit = has_waited(pool, now_ns) ? MANY : FEW;

        for (unsigned n = count_quick(pool, now_ns); n < limit && is_short(pool); n++)
                if (start_thread(pool) < 0)
                        return; /* the next look tries again */
}

void pool_look(struct pool *pool)
{
        (void)pthread_mutex_lock(&pool->lock);
        if (is_short(pool))
                start_threads(pool);
        bool looks_again = is_short(pool);
        (void)pthread_mutex_unlock(&pool->lock);
        if (looks_again && !timer_armed(pool->timer))
                timer_arm(pool->timer, WAIT_US);
}

static void on_timer(void *userdata)
{
        pool_look(userdata);
}

void pool_submit(struct pool *pool, struct pool_task *task, enum pool_rank rank)
{
        task->since_ns = clock_monotonic_ns();
        (void)pthread_mutex_lock(&pool->lock);
        append(&pool->waiting[rank], task);
        pool->n_waiting++;
        (void)pthread_cond_signal(&pool->work);
        (void)pthread_mutex_unlock(&pool->lock);
}

void pool_tell(struct pool *pool, struct pool_task *task)
{
        (void)pthread_mutex_lock(&pool->lock);
        if (!task->is_told) {
                task->is_told = true;
                task->next_told = NULL;
                *pool->told_end = task;
                pool->told_end = &task->next_told;
                thread_wake(pool->fd);
        }
        (void)pthread_mutex_unlock(&pool->lock);
}

/* Under the lock. */
static void drop_told(struct pool *pool, struct pool_task **at)
{
        struct pool_task *task = *at;

        *at = task->next_told;
        if (!*at)
                pool->told_end = at;
        task->is_told = false;
}

void pool_forget(struct pool *pool, struct pool_task *task)
{
        struct pool_task **at = &pool->told;

        (void)pthread_mutex_lock(&pool->lock);
        while (*at && *at != task)
                at = &(*at)->next_told;
        if (*at)
                drop_told(pool, at);
        (void)pthread_mutex_unlock(&pool->lock);
}

static struct pool_task *next_told(struct pool *pool)
{
        (void)pthread_mutex_lock(&pool->lock);
        struct pool_task *task = pool->told;
        if (task)
                drop_told(pool, &pool->told);
        (void)pthread_mutex_unlock(&pool->lock);
        return task;
}

static int on_told(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct pool *pool = userdata;
        struct pool_task *task = NULL;

        (void)source;
        (void)events;
        thread_wakeup_clear(fd);
        for (unsigned n = 0; n < NEWS_ONCE && (task = next_told(pool)); n++)
                task->news(task);
        if (task)
                thread_wake(fd); /* there may be more */
        return 0;
}

/* ---- As a whole ------------------------------------------------------------------------------------------- */

static void loop_side_done(struct pool *pool)
{
        pool->source = sd_event_source_disable_unref(pool->source);
        timer_free(TAKE_PTR(pool->timer));
}

static int start(struct pool *pool)
{
        int r = sd_event_add_io(pool->loop->event, &pool->source, pool->fd, EPOLLIN, on_told, pool);

        if (r >= 0)
                r = timer_new(pool->loop, TIMER_EXACT_US, on_timer, pool, &pool->timer);
        if (r >= 0) {
                timer_set_priority(pool->timer, LOOP_HOUSE);
                (void)pthread_mutex_lock(&pool->lock);
                r = start_thread(pool);
                (void)pthread_mutex_unlock(&pool->lock);
        }
        return r;
}

int pool_new(struct loop *loop, const char *name, struct pool **ret)
{
        struct pool *pool = calloc(1, sizeof(*pool));

        if (!pool)
                return -ENOMEM;
        pool->name = name;
        pool->loop = loop;
        for (size_t i = 0; i < POOL_RANKS; i++)
                pool->waiting[i].end = &pool->waiting[i].first;
        pool->told_end = &pool->told;
        (void)pthread_mutex_init(&pool->lock, NULL);
        thread_cond_init(&pool->work);
        pool->fd = thread_wakeup_new();
        int r = pool->fd < 0 ? pool->fd : start(pool);
        if (r < 0) {
                loop_side_done(pool);
                destroy(pool);
                return r;
        }
        *ret = pool;
        return 0;
}

void pool_release(struct pool *pool)
{
        if (!pool)
                return;
        loop_side_done(pool);
        (void)pthread_mutex_lock(&pool->lock);
        pool->is_released = true;
        pool->told = NULL;
        pool->told_end = &pool->told;
        (void)pthread_cond_broadcast(&pool->work);
        bool is_empty = pool->n_threads == 0;
        (void)pthread_mutex_unlock(&pool->lock);
        if (is_empty)
                destroy(pool);
}
