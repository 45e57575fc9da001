/* SPDX-License-Identifier: Apache-2.0 */
#include "device/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "util/thread.h"

#define LOOK_US (100 * USEC_PER_MSEC) /* whether a job needs a thread more */

struct worker {
        struct pool_task task;
        struct pool *pool;

        /* The loop's. */
        struct device *device;
        struct loop *loop;
        struct timer *deadline;
        bool is_overdue;

        pthread_mutex_t lock;
        pthread_cond_t idle;
        struct job_item *jobs, **jobs_end; /* the first is the one that runs */
        struct post *posts, **posts_end;
        struct job_item *done, **done_end; /* ended: their posts are out already */
        size_t n_jobs;                     /* submitted and not yet taken back by the loop */
        bool is_released;
        uint64_t deadline_us; /* the loop writes it */
        bool has_begun;       /* the first job runs, since begun_us */
        uint64_t begun_us;

        /* The thread's that runs a job. */
        struct job_item *current;
};

/* ---- From the thread ----------------------------------------------------------------------------------- */

uint64_t worker_clock_us(struct worker *worker)
{
        uint64_t now = 0;

        (void)pthread_mutex_lock(&worker->lock);
        if (!worker->is_released)
                now = loop_now_us(worker->loop);
        (void)pthread_mutex_unlock(&worker->lock);
        return now;
}

uint64_t worker_deadline_us(struct worker *worker)
{
        (void)pthread_mutex_lock(&worker->lock);
        uint64_t deadline_us = worker->deadline_us;
        (void)pthread_mutex_unlock(&worker->lock);
        return deadline_us;
}

struct job_item *worker_current(struct worker *worker)
{
        return worker->current;
}

void post_free(struct post *post)
{
        if (!post)
                return;
        option_store_done(&post->store);
        free(post);
}

void worker_send(struct worker *worker, struct instance *instance, struct post *post)
{
        post->serial = instance->serial;
        post->next = NULL;
        (void)pthread_mutex_lock(&worker->lock);
        bool released = worker->is_released;
        if (!released) {
                *worker->posts_end = post;
                worker->posts_end = &post->next;
                pool_tell(worker->pool, &worker->task);
        }
        (void)pthread_mutex_unlock(&worker->lock);
        if (released)
                post_free(post);
}

/* ---- On the thread: jobs ------------------------------------------------------------------------------- */

static void worker_destroy(struct worker *worker)
{
        (void)pthread_cond_destroy(&worker->idle);
        (void)pthread_mutex_destroy(&worker->lock);
        free(worker);
}

static void run_item(struct worker *worker, struct job_item *item)
{
        worker->current = item;
        free(TAKE_PTR(item->last_error));
        item->r = instance_run(item->instance, item->job, item->request ? &item->request->view : NULL);
        worker->current = NULL;
}

/* The job is over and nobody waits for it. Under the lock: the job after it may be the end of the instance that it is part of. */
static void drop_item(struct job_item *item)
{
        request_free(item->request);
        item->request = NULL;
        if (item->job == JOB_STOP)
                instance_free(item->instance);
}

/* A command does not wait behind the readings of a house. */
static enum pool_rank rank_of(const struct job_item *item)
{
        return item->job == JOB_READ ? POOL_LATER : POOL_FIRST;
}

static struct job_item *begin_next(struct worker *worker)
{
        (void)pthread_mutex_lock(&worker->lock);
        struct job_item *item = worker->jobs;
        if (!worker->is_released) {
                worker->has_begun = true;
                worker->begun_us = loop_now_us(worker->loop);
        }
        (void)pthread_mutex_unlock(&worker->lock);
        return item;
}

/* True: that was the last one, and nobody else has the worker. */
static bool hand_back(struct worker *worker, struct job_item *item)
{
        (void)pthread_mutex_lock(&worker->lock);
        worker->has_begun = false;
        worker->jobs = item->next;
        if (!worker->jobs)
                worker->jobs_end = &worker->jobs;
        if (worker->is_released) {
                drop_item(item);
        } else {
                item->next = NULL;
                *worker->done_end = item;
                worker->done_end = &item->next;
                pool_tell(worker->pool, &worker->task);
        }
        bool is_last = worker->is_released && !worker->jobs;
        if (worker->jobs)
                pool_submit(worker->pool, &worker->task, rank_of(worker->jobs));
        (void)pthread_cond_signal(&worker->idle);
        (void)pthread_mutex_unlock(&worker->lock);
        return is_last;
}

static void run_next(struct pool_task *task)
{
        struct worker *worker = CONTAINER_OF(task, struct worker, task);
        struct job_item *item = begin_next(worker);

        run_item(worker, item);
        if (hand_back(worker, item))
                worker_destroy(worker);
}

/* ---- On the loop --------------------------------------------------------------------------------------- */

static void take_fault(struct device *device, const struct post *post)
{
        struct fault given = { 0 };
        const struct fault *fault = post->error != 0 ? &given : NULL;

        if (fault)
                (void)fault_set(&given, post->error, "%s", post->text ? post->text : strerror(-post->error));
        if (post->kind == POST_HEALTH)
                device_set_fault(device, DEVICE_FAULT_HEALTH, fault);
        else
                device_set_problem(device, fault);
}

static void take(struct device *device, const struct post *post)
{
        int r = 0;

        switch (post->kind) {
        case POST_REPORT:
                r = device_report(device, post->time_us, post->values, post->count);
                break;
        case POST_EVENT:
                r = device_event(device, post->time_us, post->channel, post->text);
                break;
        case POST_HEALTH:
        case POST_PROBLEM:
                take_fault(device, post);
                break;
        case POST_CHANNEL:
                r = device_channel_add(device, &post->row);
                break;
        }
        if (r < 0) /* too late to return it to the plugin */
                device_log(device, LOG_ERR, "the plugin's report was not taken: %s", strerror(-r));
}

static void job_done(struct worker *worker, struct job_item *item)
{
        struct device *device = worker->device;

        worker->n_jobs--;
        device_set_error(device, "%s", item->last_error ? item->last_error : ""); /* while the item is no other job's */
        if (worker->is_overdue)
                device_set_fault(device, DEVICE_FAULT_HANG, NULL);
        worker->is_overdue = false;
        timer_disarm(worker->deadline);
        if (worker->n_jobs > 0)
                timer_arm(worker->deadline, worker->deadline_us);
        struct request *request = item->request;
        item->request = NULL;
        if (request)
                request_finish(device, request, item->r);
        if (device->instance && device->instance->serial == item->instance->serial && item->job != JOB_STOP)
                device_job_done(device, item);
        if (item->job == JOB_STOP) {
                device_ended(device, item->instance);
                instance_free(item->instance);
        }
}

/* Takes everything that the thread has sent. Under the lock. */
static void take_posts(struct worker *worker, struct post **ret_posts, struct job_item **ret_done)
{
        *ret_posts = worker->posts;
        *ret_done = worker->done;
        worker->posts = NULL;
        worker->posts_end = &worker->posts;
        worker->done = NULL;
        worker->done_end = &worker->done;
}

/* Of a `stop` that nothing follows. */
static bool is_last_word(const struct device *device, const struct post *post)
{
        return device->life.ending == post->serial && (post->kind == POST_REPORT || post->kind == POST_EVENT);
}

static void on_posts(struct pool_task *task)
{
        struct worker *worker = CONTAINER_OF(task, struct worker, task);
        struct device *device = worker->device;
        struct post *posts;
        struct job_item *done;

        (void)pthread_mutex_lock(&worker->lock);
        take_posts(worker, &posts, &done);
        (void)pthread_mutex_unlock(&worker->lock);
        device_enter(device);
        while (posts) {
                struct post *post = posts;
                posts = post->next;
                if (device->instance ? device->instance->serial == post->serial : is_last_word(device, post))
                        take(device, post);
                post_free(post);
        }
        while (done) {
                struct job_item *item = done;
                done = item->next;
                job_done(worker, item);
        }
        device_leave(device);
}

/* It counts from the moment at which a thread has begun with the job. */
static void on_deadline(void *userdata)
{
        struct worker *worker = userdata;

        (void)pthread_mutex_lock(&worker->lock);
        struct job_item *item = worker->jobs;
        uint64_t took_us = worker->has_begun ? loop_now_us(worker->loop) - worker->begun_us : 0;
        (void)pthread_mutex_unlock(&worker->lock);
        if (!item || worker->is_overdue)
                return;
        if (took_us < worker->deadline_us) {
                timer_arm(worker->deadline, worker->deadline_us - took_us);
                return;
        }
        worker->is_overdue = true;
        device_job_overdue(worker->device, item->job);
}

void worker_submit(struct worker *worker, struct instance *instance, enum job job, struct request *request)
{
        struct job_item *item = job == JOB_STOP ? &instance->end : &instance->work;

        item->job = job;
        item->request = request;
        item->next = NULL;
        (void)pthread_mutex_lock(&worker->lock);
        bool is_first = !worker->jobs;
        *worker->jobs_end = item;
        worker->jobs_end = &item->next;
        (void)pthread_mutex_unlock(&worker->lock);
        if (is_first) { /* else the thread that runs the one before submits it */
                pool_submit(worker->pool, &worker->task, rank_of(item));
                pool_look(worker->pool);
        }
        if (worker->n_jobs++ == 0)
                timer_arm(worker->deadline, worker->deadline_us);
}

void worker_set_device(struct worker *worker, struct device *device)
{
        worker->device = device;
}

bool worker_is_idle(const struct worker *worker)
{
        return worker->n_jobs == 0;
}

void worker_set_deadline(struct worker *worker, uint64_t deadline_us)
{
        (void)pthread_mutex_lock(&worker->lock);
        worker->deadline_us = deadline_us;
        (void)pthread_mutex_unlock(&worker->lock);
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

void worker_wait(struct worker *worker, const struct timespec *until)
{
        (void)pthread_mutex_lock(&worker->lock);
        while (worker->jobs) {
                const struct timespec look = thread_deadline(LOOK_US);
                bool is_last = is_before(until, &look);
                if (pthread_cond_timedwait(&worker->idle, &worker->lock, is_last ? until : &look) == 0)
                        continue;
                pool_look(worker->pool);
                if (is_last)
                        break;
        }
        (void)pthread_mutex_unlock(&worker->lock);
        on_posts(&worker->task);
}

int worker_new(struct device *device, struct loop *loop, struct pool *pool, struct worker **ret)
{
        struct worker *worker = calloc(1, sizeof(*worker));

        if (!worker)
                return -ENOMEM;
        worker->task = (struct pool_task){ .run = run_next, .news = on_posts };
        worker->pool = pool;
        worker->device = device;
        worker->loop = loop;
        worker->jobs_end = &worker->jobs;
        worker->posts_end = &worker->posts;
        worker->done_end = &worker->done;
        (void)pthread_mutex_init(&worker->lock, NULL);
        thread_cond_init(&worker->idle);
        int r = timer_new(loop, TIMER_EXACT_US, on_deadline, worker, &worker->deadline);
        if (r < 0) {
                worker_destroy(worker);
                return r;
        }
        *ret = worker;
        return 0;
}

void worker_release(struct worker *worker)
{
        struct post *posts;
        struct job_item *done;

        if (!worker)
                return;
        timer_free(TAKE_PTR(worker->deadline));
        (void)pthread_mutex_lock(&worker->lock);
        take_posts(worker, &posts, &done);
        worker->is_released = true;
        pool_forget(worker->pool, &worker->task);
        while (done) {
                struct job_item *item = done;
                done = item->next;
                drop_item(item);
        }
        bool is_idle = !worker->jobs;
        (void)pthread_mutex_unlock(&worker->lock);
        /* From here on the worker may be gone, if a thread has it. */
        while (posts) {
                struct post *post = posts;
                posts = post->next;
                post_free(post);
        }
        if (is_idle)
                worker_destroy(worker);
}
