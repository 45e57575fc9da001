/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/thread.h"

struct writer {
        pthread_mutex_t lock;
        pthread_cond_t work, ready;
        struct store_job_queue posted; /* to be done */
        struct store_job_queue done;   /* to be taken back */
        bool is_ending;                /* no more work */
        bool has_ended;                /* the thread has nothing to do any more but to return */
        bool is_left;                  /* nobody waits for it: it frees everything itself */
        int fd;

        struct database database; /* the thread's */
};

static void free_jobs(struct store_job_queue *queue)
{
        struct store_job *job;

        while ((job = store_job_queue_take(queue)))
                store_job_free(job);
}

static void destroy(struct writer *writer)
{
        free_jobs(&writer->posted);
        free_jobs(&writer->done);
        database_done(&writer->database);
        (void)pthread_cond_destroy(&writer->work);
        (void)pthread_cond_destroy(&writer->ready);
        (void)pthread_mutex_destroy(&writer->lock);
        if (writer->fd >= 0)
                (void)close(writer->fd);
        free(writer);
}

/* ---- On the thread ------------------------------------------------------------------------------------- */

/* Nothing was to be done for so long: the file's pages are read again when they are needed. */
#define REST_AFTER_US (5 * USEC_PER_SEC)

/* NULL: that was all, or nothing came before `until` (NULL: whenever it comes). */
static struct store_job *wait_for_job(struct writer *writer, const struct timespec *until, bool *ret_is_over)
{
        struct store_job *job;
        int r = 0;

        (void)pthread_mutex_lock(&writer->lock);
        while (!(job = store_job_queue_take(&writer->posted)) && !writer->is_ending && r == 0)
                r = until ? pthread_cond_timedwait(&writer->work, &writer->lock, until)
                          : pthread_cond_wait(&writer->work, &writer->lock);
        *ret_is_over = !job && writer->is_ending;
        (void)pthread_mutex_unlock(&writer->lock);
        return job;
}

/* NULL: that was all. */
static struct store_job *next_job(struct writer *writer)
{
        const struct timespec rest = thread_deadline(REST_AFTER_US);
        bool is_over;
        struct store_job *job = wait_for_job(writer, &rest, &is_over);

        if (job || is_over)
                return job;
        database_rest(&writer->database);
        (void)malloc_trim(0); /* all that is free, of this and of the start */
        return wait_for_job(writer, NULL, &is_over);
}

static void hand_back(struct writer *writer, struct store_job *job)
{
        (void)pthread_mutex_lock(&writer->lock);
        store_job_queue_add(&writer->done, job);
        thread_wake(writer->fd);
        (void)pthread_cond_signal(&writer->ready);
        (void)pthread_mutex_unlock(&writer->lock);
}

static void *thread_main(void *userdata)
{
        struct writer *writer = userdata;
        struct store_job *job;

        while ((job = next_job(writer))) {
                job->ops->work(job, &writer->database);
                hand_back(writer, job);
        }
        database_done(&writer->database);
        (void)pthread_mutex_lock(&writer->lock);
        writer->has_ended = true;
        bool is_left = writer->is_left;
        (void)pthread_cond_signal(&writer->ready);
        (void)pthread_mutex_unlock(&writer->lock);
        if (is_left)
                destroy(writer);
        return NULL;
}

/* ---- On the loop --------------------------------------------------------------------------------------- */

int writer_new(const char *dir, struct writer **ret)
{
        struct writer *writer = calloc(1, sizeof(*writer));

        if (!writer)
                return -ENOMEM;
        (void)pthread_mutex_init(&writer->lock, NULL);
        thread_cond_init(&writer->work);
        thread_cond_init(&writer->ready);
        writer->fd = thread_wakeup_new();
        int r = MIN(writer->fd, 0);
        if (r == 0)
                r = database_init(&writer->database, dir);
        if (r == 0)
                r = thread_start("store", thread_main, writer);
        if (r < 0) {
                destroy(writer);
                return r;
        }
        *ret = writer;
        return 0;
}

void writer_free(struct writer *writer, const struct timespec *until)
{
        int r = 0;

        if (!writer)
                return;
        (void)pthread_mutex_lock(&writer->lock);
        writer->is_ending = true;
        (void)pthread_cond_signal(&writer->work);
        while (!writer->has_ended && r == 0)
                r = pthread_cond_timedwait(&writer->ready, &writer->lock, until);
        bool has_ended = writer->has_ended;
        writer->is_left = !has_ended;
        (void)pthread_mutex_unlock(&writer->lock);
        if (has_ended)
                destroy(writer);
}

int writer_fd(const struct writer *writer)
{
        return writer->fd;
}

void writer_post(struct writer *writer, struct store_job *job)
{
        (void)pthread_mutex_lock(&writer->lock);
        store_job_queue_add(&writer->posted, job);
        (void)pthread_cond_signal(&writer->work);
        (void)pthread_mutex_unlock(&writer->lock);
}

struct store_job *writer_take(struct writer *writer, const struct timespec *until)
{
        int r = 0;

        (void)pthread_mutex_lock(&writer->lock);
        while (until && !writer->done.first && r == 0)
                r = pthread_cond_timedwait(&writer->ready, &writer->lock, until);
        struct store_job *job = store_job_queue_take(&writer->done);
        if (job && !writer->done.first)
                thread_wakeup_clear(writer->fd);
        (void)pthread_mutex_unlock(&writer->lock);
        return job;
}
