/* SPDX-License-Identifier: Apache-2.0 */
#include "device/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "device/device.h"
#include "util/thread.h"

struct worker {
        /* The loop's. */
        struct device *device;
        struct loop *loop;
        sd_event_source *source;
        struct timer *deadline;
        bool is_overdue;

        pthread_mutex_t lock;
        pthread_cond_t work, idle;
        struct job_item *jobs, **jobs_end; /* the first is the one that runs */
        struct post *posts, **posts_end;
        struct job_item *done, **done_end; /* ended: their posts are out already */
        size_t n_jobs;                     /* submitted and not yet taken back by the loop */
        bool is_released;
        uint64_t deadline_us; /* the loop writes it */
        int fd;

        /* The thread's. */
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
                thread_wake(worker->fd);
        }
        (void)pthread_mutex_unlock(&worker->lock);
        if (released)
                post_free(post);
}

/* ---- On the thread: jobs ------------------------------------------------------------------------------- */

static void worker_destroy(struct worker *worker)
{
        (void)pthread_cond_destroy(&worker->work);
        (void)pthread_cond_destroy(&worker->idle);
        (void)pthread_mutex_destroy(&worker->lock);
        if (worker->fd >= 0)
                (void)close(worker->fd);
        free(worker);
}

static void run_item(struct worker *worker, struct job_item *item)
{
        worker->current = item;
        item->last_error[0] = '\0';
        item->r = instance_run(item->instance, item->job, item->request ? &item->request->view : NULL);
        worker->current = NULL;
}

/* The job is over and nobody waits for it. */
static void drop_item(struct job_item *item)
{
        request_free(item->request);
        item->request = NULL;
        if (item->job == JOB_STOP)
                instance_free(item->instance);
}

static void hand_back(struct worker *worker, struct job_item *item)
{
        (void)pthread_mutex_lock(&worker->lock);
        worker->jobs = item->next;
        if (!worker->jobs)
                worker->jobs_end = &worker->jobs;
        item->next = NULL;
        bool released = worker->is_released;
        if (!released) {
                *worker->done_end = item;
                worker->done_end = &item->next;
                thread_wake(worker->fd);
        }
        (void)pthread_cond_signal(&worker->idle);
        (void)pthread_mutex_unlock(&worker->lock);
        if (released)
                drop_item(item);
}

static void *thread_main(void *userdata)
{
        struct worker *worker = userdata;

        for (;;) {
                (void)pthread_mutex_lock(&worker->lock);
                while (!worker->jobs && !worker->is_released)
                        (void)pthread_cond_wait(&worker->work, &worker->lock);
                struct job_item *item = worker->jobs;
                (void)pthread_mutex_unlock(&worker->lock);
                if (!item)
                        break;
                run_item(worker, item);
                hand_back(worker, item);
        }
        worker_destroy(worker);
        return NULL;
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
        if (worker->is_overdue)
                device_set_fault(device, DEVICE_FAULT_HANG, NULL);
        worker->is_overdue = false;
        timer_disarm(worker->deadline);
        if (worker->n_jobs > 0)
                timer_arm(worker->deadline, worker->deadline_us);
        struct request *request = item->request;
        item->request = NULL;
        if (request) {
                device_set_error(device, "%s", item->last_error);
                request_finish(device, request, item->r);
        }
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

static int on_posts(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct worker *worker = userdata;
        struct device *device = worker->device;
        struct post *posts;
        struct job_item *done;

        (void)source;
        (void)events;
        thread_wakeup_clear(fd);
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
        return 0;
}

static void on_deadline(void *userdata)
{
        struct worker *worker = userdata;

        (void)pthread_mutex_lock(&worker->lock);
        struct job_item *item = worker->jobs;
        (void)pthread_mutex_unlock(&worker->lock);
        if (!item || worker->is_overdue)
                return;
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
        *worker->jobs_end = item;
        worker->jobs_end = &item->next;
        (void)pthread_cond_signal(&worker->work);
        (void)pthread_mutex_unlock(&worker->lock);
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

void worker_wait(struct worker *worker, const struct timespec *until)
{
        int r = 0;

        (void)pthread_mutex_lock(&worker->lock);
        while (worker->jobs && r == 0)
                r = pthread_cond_timedwait(&worker->idle, &worker->lock, until);
        (void)pthread_mutex_unlock(&worker->lock);
        (void)on_posts(NULL, worker->fd, 0, worker);
}

static void init_locks(struct worker *worker)
{
        (void)pthread_mutex_init(&worker->lock, NULL);
        thread_cond_init(&worker->work);
        thread_cond_init(&worker->idle);
}

static void loop_side_done(struct worker *worker)
{
        worker->source = sd_event_source_disable_unref(worker->source);
        timer_free(worker->deadline);
        worker->deadline = NULL;
}

int worker_new(struct device *device, struct loop *loop, struct worker **ret)
{
        struct worker *worker = calloc(1, sizeof(*worker));

        if (!worker)
                return -ENOMEM;
        worker->device = device;
        worker->loop = loop;
        worker->jobs_end = &worker->jobs;
        worker->posts_end = &worker->posts;
        worker->done_end = &worker->done;
        init_locks(worker);
        worker->fd = thread_wakeup_new();
        int r = MIN(worker->fd, 0);
        if (r == 0)
                r = sd_event_add_io(loop->event, &worker->source, worker->fd, EPOLLIN, on_posts, worker);
        if (r >= 0)
                r = timer_new(loop, TIMER_EXACT_US, on_deadline, worker, &worker->deadline);
        if (r >= 0)
                r = thread_start("device", thread_main, worker);
        if (r < 0) {
                loop_side_done(worker);
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
        loop_side_done(worker);
        (void)pthread_mutex_lock(&worker->lock);
        take_posts(worker, &posts, &done);
        worker->is_released = true;
        (void)pthread_cond_signal(&worker->work);
        (void)pthread_mutex_unlock(&worker->lock);
        /* From here on the worker may be gone. */
        while (posts) {
                struct post *post = posts;
                posts = post->next;
                post_free(post);
        }
        while (done) {
                struct job_item *item = done;
                done = item->next;
                drop_item(item);
        }
}
