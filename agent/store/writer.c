/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/thread.h"

struct writer {
        pthread_mutex_t lock;
        pthread_cond_t work, done;
        struct rows posted; /* to be written */
        bool is_posted;
        struct writer_result result;
        bool has_result;
        bool is_ending; /* no more work */
        bool has_ended; /* the thread has nothing to do any more but to return */
        bool is_left;   /* nobody waits for it: it frees everything itself */
        int fd;

        struct database database; /* the thread's */
};

void writer_result_done(struct writer_result *result)
{
        rows_done(&result->rows);
        *result = (struct writer_result){ 0 };
}

static void destroy(struct writer *writer)
{
        rows_done(&writer->posted);
        writer_result_done(&writer->result);
        database_done(&writer->database);
        (void)pthread_cond_destroy(&writer->work);
        (void)pthread_cond_destroy(&writer->done);
        (void)pthread_mutex_destroy(&writer->lock);
        if (writer->fd >= 0)
                (void)close(writer->fd);
        free(writer);
}

/* ---- On the thread ------------------------------------------------------------------------------------- */

static void hand_back(struct writer *writer, struct writer_result *result)
{
        (void)pthread_mutex_lock(&writer->lock);
        writer->result = *result;
        writer->has_result = true;
        thread_wake(writer->fd);
        (void)pthread_cond_signal(&writer->done);
        (void)pthread_mutex_unlock(&writer->lock);
        *result = (struct writer_result){ 0 };
}

/* What may only be read is read all the same; what is of a later version is not ours to understand. */
static void read_all(struct writer *writer)
{
        struct writer_result result = { 0 };
        struct fault fault = { 0 };
        int r = database_open(&writer->database, &result.news, &result.fault);

        if (r == 0)
                (void)!database_read(&writer->database, &result.news, &result.rows, &result.fault);
        else if (r == -EROFS || r == -EACCES || r == -EPERM)
                (void)!database_read(&writer->database, &result.news, &result.rows, &fault);
        hand_back(writer, &result);
}

static void write_posted(struct writer *writer, struct rows *rows)
{
        struct writer_result result = { .rows = *rows };

        (void)!database_write(&writer->database, &result.rows, &result.news, &result.fault);
        hand_back(writer, &result);
}

/* False: that was all. */
static bool next_work(struct writer *writer, struct rows *ret)
{
        (void)pthread_mutex_lock(&writer->lock);
        while (!writer->is_posted && !writer->is_ending)
                (void)pthread_cond_wait(&writer->work, &writer->lock);
        bool is_work = writer->is_posted;
        *ret = writer->posted;
        writer->posted = (struct rows){ 0 };
        writer->is_posted = false;
        (void)pthread_mutex_unlock(&writer->lock);
        return is_work;
}

static void *thread_main(void *userdata)
{
        struct writer *writer = userdata;
        struct rows rows;

        read_all(writer);
        while (next_work(writer, &rows))
                write_posted(writer, &rows);
        database_done(&writer->database);
        (void)pthread_mutex_lock(&writer->lock);
        writer->has_ended = true;
        bool is_left = writer->is_left;
        (void)pthread_cond_signal(&writer->done);
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
        thread_cond_init(&writer->done);
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
                r = pthread_cond_timedwait(&writer->done, &writer->lock, until);
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

void writer_post(struct writer *writer, struct rows *rows)
{
        (void)pthread_mutex_lock(&writer->lock);
        writer->posted = *rows;
        writer->is_posted = true;
        (void)pthread_cond_signal(&writer->work);
        (void)pthread_mutex_unlock(&writer->lock);
        *rows = (struct rows){ 0 };
}

bool writer_take(struct writer *writer, const struct timespec *until, struct writer_result *ret)
{
        int r = 0;

        (void)pthread_mutex_lock(&writer->lock);
        while (until && !writer->has_result && r == 0)
                r = pthread_cond_timedwait(&writer->done, &writer->lock, until);
        bool has_result = writer->has_result;
        if (has_result) {
                thread_wakeup_clear(writer->fd);
                *ret = writer->result;
                writer->result = (struct writer_result){ 0 };
                writer->has_result = false;
        }
        (void)pthread_mutex_unlock(&writer->lock);
        return has_result;
}
