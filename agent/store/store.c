/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "store/job.h"
#include "store/saved.h"
#include "store/writer.h"
#include "util/log.h"
#include "util/thread.h"

/* How long the start waits for what was saved, and the end for what is to be. */
#define READ_WITHIN_US  (5 * USEC_PER_SEC)
#define CLOSE_WITHIN_US (2 * USEC_PER_SEC)

/* After a failure, and then doubling: a full disk does not get better by being asked. */
#define RETRY_FIRST_US (60 * USEC_PER_SEC)
#define RETRY_MAX_US   (3600 * USEC_PER_SEC)

/* There while a run lasts, and gone after its clean end. */
#define RUNNING "running"

struct rows_job {
        struct store_job job;
        struct store *store;
        struct rows rows; /* what was read, or what is to be written */
};

struct store {
        struct rows rows;
        struct loop *loop;
        uint64_t save_after_us, retry_us;
        uint64_t changed_us; /* since when a change waits that is in no job; 0: there is none */
        char *run;
        void (*fault)(void *userdata, enum store_fault kind, const char *text);
        void *userdata;
        struct fault unusable, set_aside;
        char *cut_off;
        void (*begun_again)(void *userdata);
        void *begun_again_userdata;

        struct writer *writer; /* NULL: in memory alone */
        sd_event_source *source;
        struct timer *due;
        size_t n_posted; /* jobs that have not come back */
        bool is_busy;    /* one of them has rows of ours */
        bool is_late;    /* what was saved is not waited for any more: devices have begun without it */
        bool is_urgent;  /* what waits does not wait for save_after */
        bool is_closed;
};

/* ---- Reporting ----------------------------------------------------------------------------------------- */

static void report(struct store *store, enum store_fault kind, const struct fault *fault)
{
        if (store->fault)
                store->fault(store->userdata, kind, fault->code ? fault->text : NULL);
}

void store_report(struct store *store)
{
        if (store->unusable.code)
                report(store, STORE_UNUSABLE, &store->unusable);
        if (store->set_aside.code)
                report(store, STORE_SET_ASIDE, &store->set_aside);
}

static void set_unusable(struct store *store, const struct fault *fault)
{
        if (store->unusable.code == fault->code && strcmp(store->unusable.text, fault->text) == 0)
                return;
        if (fault->code)
                log_warning("%s; commands from now on are lost when sconced ends", fault->text);
        else
                log_notice("commands can be saved again");
        store->unusable = *fault;
        report(store, STORE_UNUSABLE, fault);
}

static void take_news(struct store *store, const struct store_job *job)
{
        if (job->news.aside.code) {
                store->set_aside = job->news.aside;
                log_error("%s", store->set_aside.text);
                report(store, STORE_SET_ASIDE, &store->set_aside);
        }
        if (job->fault.code || !job->ops->only_reads)
                set_unusable(store, &job->fault);
}

/* ---- Jobs ---------------------------------------------------------------------------------------------- */

int store_post(struct store *store, struct store_job *job)
{
        if (!store->writer) {
                store_job_free(job);
                return -ENOTSUP;
        }
        store->n_posted++;
        writer_post(store->writer, job);
        return 0;
}

bool store_is_usable(const struct store *store)
{
        return store->writer && !store->unusable.code;
}

bool store_is_failing(const struct store *store)
{
        return store->writer && store->unusable.code;
}

static void post(struct store *store);

/* A new file lacks what was written before: the rows are here, and are written again. */
static void take_back(struct store *store, struct store_job *job)
{
        store->n_posted--;
        take_news(store, job);
        if (job->news.is_new) {
                rows_dirty_all(&store->rows);
                if (store->begun_again)
                        store->begun_again(store->begun_again_userdata);
        }
        if (job->ops->done)
                job->ops->done(job);
        if (job->news.is_new && !job->fault.code && !store->is_busy && rows_have_dirty(&store->rows))
                post(store);
        store_job_free(job);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct store *store = userdata;
        struct store_job *job = writer_take(store->writer, NULL);

        (void)source;
        (void)fd;
        (void)events;
        if (job)
                take_back(store, job);
        return 0;
}

/* Waits for one job until then; false: none is done by then. */
static bool wait_for_one(struct store *store, const struct timespec *until)
{
        struct store_job *job = writer_take(store->writer, until);

        if (job)
                take_back(store, job);
        return job != NULL;
}

/* ---- Writing and reading rows -------------------------------------------------------------------------- */

static int post_rows(struct store *store, const struct store_job_ops *ops, struct rows *rows)
{
        struct rows_job *job = calloc(1, sizeof(*job));

        if (!job)
                return -ENOMEM;
        *job = (struct rows_job){ .job.ops = ops, .store = store, .rows = *rows };
        *rows = (struct rows){ 0 };
        store->is_busy = true;
        return store_post(store, &job->job);
}

/* What may only be read is read all the same; what is of a later version is not ours to understand. */
static void work_read(struct store_job *job, struct database *database)
{
        struct rows_job *read = CONTAINER_OF(job, struct rows_job, job);
        struct fault fault = { 0 };
        int r = database_open(database, &job->news, &job->fault);

        if (r == 0)
                (void)!saved_read(database, &read->rows, &job->news, &job->fault);
        else if (r == -EROFS || r == -EACCES || r == -EPERM)
                (void)!saved_read(database, &read->rows, &job->news, &fault);
}

static void work_write(struct store_job *job, struct database *database)
{
        struct rows_job *write = CONTAINER_OF(job, struct rows_job, job);

        (void)!saved_write(database, &write->rows, &job->news, &job->fault);
}

static void free_rows_job(struct store_job *job)
{
        struct rows_job *rows_job = CONTAINER_OF(job, struct rows_job, job);

        rows_done(&rows_job->rows);
        free(rows_job);
}

/* A quarter of the time is left to the disk: within save_after it is there. */
static void arm(struct store *store)
{
        if (!store->writer || store->is_busy || timer_armed(store->due))
                return;
        uint64_t due_us = store->is_urgent ? 0 : store->changed_us + store->save_after_us - store->save_after_us / 4;
        timer_arm(store->due, due_us - MIN(due_us, loop_now_us(store->loop)));
}

/* What has changed while the disk was busy has waited since then. */
static void go_on(struct store *store, const struct store_job *job)
{
        store->is_busy = false;
        if (job->fault.code) {
                store->retry_us = store->retry_us ? MIN(store->retry_us * 2, RETRY_MAX_US) : RETRY_FIRST_US;
                timer_arm(store->due, store->retry_us);
                return;
        }
        store->retry_us = 0;
        if (rows_have_dirty(&store->rows))
                arm(store);
}

/* Rows that were deleted are gone from the file now. */
static void write_done(struct store_job *job)
{
        struct rows_job *write = CONTAINER_OF(job, struct rows_job, job);
        struct store *store = write->store;

        if (job->fault.code)
                rows_dirty_again(&store->rows, &write->rows);
        else if (!job->news.is_new)
                rows_sweep(&store->rows);
        go_on(store, job);
}

static void read_done(struct store_job *job)
{
        struct rows_job *read = CONTAINER_OF(job, struct rows_job, job);
        struct store *store = read->store;

        if (!store->is_late) {
                store->rows = read->rows;
                read->rows = (struct rows){ 0 };
                const char *run = store_get(store, STORE_MARK, "", RUNNING);
                store->cut_off = run ? strdup(run) : NULL;
        }
        go_on(store, job);
}

static const struct store_job_ops read_ops = { .work = work_read, .done = read_done, .free = free_rows_job };
static const struct store_job_ops write_ops = { .work = work_write, .done = write_done, .free = free_rows_job };

static void post(struct store *store)
{
        CLEANUP(rows_done) struct rows rows = { 0 };

        timer_disarm(store->due);
        store->is_urgent = false;
        if (rows_copy_dirty(&store->rows, &rows) < 0) {
                timer_arm(store->due, RETRY_FIRST_US); /* no memory */
                return;
        }
        store->changed_us = 0;
        if (post_rows(store, &write_ops, &rows) < 0) {
                rows_dirty_again(&store->rows, &rows);
                timer_arm(store->due, RETRY_FIRST_US);
        }
}

static void on_due(void *userdata)
{
        struct store *store = userdata;

        if (!store->is_busy && rows_have_dirty(&store->rows))
                post(store);
}

/* ---- Using --------------------------------------------------------------------------------------------- */

const char *store_cut_off(const struct store *store)
{
        return store->cut_off;
}

const char *store_get(const struct store *store, enum store_what what, const char *device, const char *key)
{
        const struct row *row = rows_find(&store->rows, what, device, key);

        return row ? row->value : NULL;
}

int store_put(struct store *store, enum store_what what, const char *device, const char *key, const char *value)
{
        int r = rows_set(&store->rows, what, device, key, value);

        if (r > 0 && store->writer && store->changed_us == 0)
                store->changed_us = loop_now_us(store->loop);
        if (r > 0 && store->writer)
                arm(store);
        else if (r > 0)
                rows_settle(&store->rows);
        return r < 0 ? r : 0;
}

const char *store_next(const struct store *store, enum store_what what, const char *device, const char *after)
{
        for (size_t i = rows_place(&store->rows, what, device, after ? after : ""); i < store->rows.count; i++) {
                const struct row *row = store->rows.items[i];
                if (row->what != what || strcmp(row->device, device) != 0)
                        break;
                if (row->value && !(after && strcmp(row->key, after) == 0))
                        return row->key;
        }
        return NULL;
}

size_t store_count(const struct store *store, enum store_what what, const char *device)
{
        size_t count = 0;

        for (const char *key = NULL; (key = store_next(store, what, device, key));)
                count++;
        return count;
}

/* Not while the disk fails: each command would try it again. */
void store_flush(struct store *store)
{
        if (!store->writer || store->unusable.code)
                return;
        store->is_urgent = true;
        if (!store->is_busy)
                timer_arm(store->due, 0);
}

void store_on_begun_again(struct store *store, void (*begun_again)(void *userdata), void *userdata)
{
        store->begun_again = begun_again;
        store->begun_again_userdata = userdata;
}

void store_forget(struct store *store, enum store_what what,
                  bool (*is_gone)(void *userdata, const char *device, const char *key), void *userdata)
{
        /* From the end: a row may go at once. */
        for (size_t i = store->rows.count; i > 0; i--) {
                const struct row *row = store->rows.items[i - 1];
                if (row->what == what && row->value && is_gone(userdata, row->device, row->key))
                        (void)!store_put(store, what, row->device, row->key, NULL);
        }
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

/* The mark of this run, before any device starts: only store_close() removes it. */
static void mark_running(struct store *store)
{
        const struct timespec until = thread_deadline(READ_WITHIN_US);

        if (rows_set(&store->rows, STORE_MARK, "", RUNNING, store->run) <= 0 || store->unusable.code)
                return;
        post(store);
        if (store->is_busy)
                (void)!wait_for_one(store, &until);
}

static int read_saved(struct store *store)
{
        const struct timespec until = thread_deadline(READ_WITHIN_US);
        struct rows none = { 0 };
        struct fault fault;
        int r = post_rows(store, &read_ops, &none);

        if (r < 0)
                return r;
        if (wait_for_one(store, &until)) {
                mark_running(store);
                return 0;
        }
        store->is_late = true;
        (void)fault_set(&fault, -ETIMEDOUT, "the saved state cannot be read: the disk does not answer");
        set_unusable(store, &fault);
        (void)!rows_set(&store->rows, STORE_MARK, "", RUNNING, store->run);
        return 0;
}

static int start_writer(struct store *store, const struct store_options *options)
{
        int r = timer_new(store->loop, TIMER_EXACT_US, on_due, store, &store->due);

        if (r >= 0) {
                timer_set_priority(store->due, LOOP_HOUSE);
                r = writer_new(options->dir, &store->writer);
        }
        if (r >= 0)
                r = sd_event_add_io(store->loop->event, &store->source, writer_fd(store->writer), EPOLLIN, on_done,
                                    store);
        return r < 0 ? r : 0;
}

int store_new(const struct store_options *options, struct store **ret)
{
        CLEANUP(store_freep) struct store *store = calloc(1, sizeof(*store));

        if (!store)
                return -ENOMEM;
        store->loop = options->loop;
        store->save_after_us = options->save_after_us;
        store->fault = options->fault;
        store->userdata = options->userdata;
        store->run = strdup(options->run ? options->run : "");
        if (!store->run)
                return -ENOMEM;
        if (options->dir) {
                int r = start_writer(store, options);
                if (r == 0)
                        r = read_saved(store);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(store);
        return 0;
}

int store_peek(const char *dir, struct store **ret, struct fault *fault)
{
        const struct store_options in_memory = { 0 };
        CLEANUP(store_freep) struct store *store = NULL;
        int r = store_new(&in_memory, &store);

        if (r == 0)
                r = saved_peek(dir, &store->rows, fault);
        if (r == 0)
                *ret = TAKE_PTR(store);
        return r;
}

static bool is_saved(const struct store *store)
{
        return !store->unusable.code && store->n_posted == 0 && !rows_have_dirty(&store->rows);
}

/* Also what others have posted is waited for. */
bool store_close(struct store *store)
{
        const struct timespec until = thread_deadline(CLOSE_WITHIN_US);

        if (!store || !store->writer)
                return true;
        if (store->is_closed)
                return is_saved(store);
        store->is_closed = true;
        (void)!rows_set(&store->rows, STORE_MARK, "", RUNNING, NULL);
        for (;;) {
                if (!store->is_busy && rows_have_dirty(&store->rows))
                        post(store);
                if (store->n_posted == 0)
                        break;
                if (!wait_for_one(store, &until)) {
                        log_warning("the last commands could not be saved: the disk does not answer");
                        break;
                }
                if (store->unusable.code)
                        break;
        }
        return is_saved(store);
}

void store_free(struct store *store)
{
        if (!store)
                return;
        const struct timespec until = thread_deadline(CLOSE_WITHIN_US);
        sd_event_source_disable_unref(store->source);
        writer_free(store->writer, &until);
        timer_free(store->due);
        rows_done(&store->rows);
        free(store->run);
        free(store->cut_off);
        free(store);
}
