/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

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

struct store {
        struct rows rows;
        struct loop *loop;
        uint64_t save_after_us, retry_us;
        char *run;
        void (*fault)(void *userdata, enum store_fault kind, const char *text);
        void *userdata;
        struct fault unusable, set_aside;
        char *cut_off;

        struct writer *writer; /* NULL: in memory alone */
        sd_event_source *source;
        struct timer *due;
        bool is_reading; /* the writer's first result is what it has read */
        bool is_busy;    /* a result is still to come */
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

static void take_news(struct store *store, const struct writer_result *result)
{
        if (result->news.aside.code) {
                store->set_aside = result->news.aside;
                log_error("%s", store->set_aside.text);
                report(store, STORE_SET_ASIDE, &store->set_aside);
        }
        set_unusable(store, &result->fault);
}

/* ---- Writing ------------------------------------------------------------------------------------------- */

static void post(struct store *store)
{
        struct rows rows = { 0 };

        timer_disarm(store->due);
        store->is_urgent = false;
        if (rows_copy_dirty(&store->rows, &rows) < 0) {
                timer_arm(store->due, RETRY_FIRST_US); /* no memory */
                return;
        }
        store->is_busy = true;
        writer_post(store->writer, &rows);
}

static void on_due(void *userdata)
{
        struct store *store = userdata;

        if (!store->is_busy && rows_have_dirty(&store->rows))
                post(store);
}

/* A quarter of the time is left to the disk: within save_after it is there. */
static void arm(struct store *store)
{
        uint64_t delay_us = store->is_urgent ? 0 : store->save_after_us - store->save_after_us / 4;

        if (store->writer && !store->is_busy && !timer_armed(store->due))
                timer_arm(store->due, delay_us);
}

/* Rows that were deleted are gone from the file now; what has changed since waits its time. */
static void take_written(struct store *store, const struct writer_result *result)
{
        if (result->news.is_new) {
                rows_dirty_all(&store->rows);
                if (!result->fault.code)
                        post(store);
        } else if (result->fault.code) {
                rows_dirty_again(&store->rows, &result->rows);
        } else {
                rows_sweep(&store->rows);
        }
}

static void take_read(struct store *store, struct writer_result *result, bool in_time)
{
        store->is_reading = false;
        if (!in_time)
                return; /* devices have begun without it */
        store->rows = result->rows;
        result->rows = (struct rows){ 0 };
        const char *run = store_get(store, STORE_MARK, "", RUNNING);
        store->cut_off = run ? strdup(run) : NULL;
}

static void take_result(struct store *store, struct writer_result *result, bool in_time)
{
        store->is_busy = false;
        take_news(store, result);
        if (store->is_reading)
                take_read(store, result, in_time);
        else
                take_written(store, result);
        if (result->fault.code) {
                store->retry_us = store->retry_us ? MIN(store->retry_us * 2, RETRY_MAX_US) : RETRY_FIRST_US;
                timer_arm(store->due, store->retry_us);
        } else {
                store->retry_us = 0;
                if (rows_have_dirty(&store->rows))
                        arm(store);
        }
        writer_result_done(result);
}

static int on_result(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct store *store = userdata;
        struct writer_result result;

        (void)source;
        (void)fd;
        (void)events;
        if (writer_take(store->writer, NULL, &result))
                take_result(store, &result, false);
        return 0;
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
        struct writer_result result;

        if (rows_set(&store->rows, STORE_MARK, "", RUNNING, store->run) <= 0 || store->unusable.code)
                return;
        post(store);
        if (store->is_busy && writer_take(store->writer, &until, &result))
                take_result(store, &result, true);
}

static void read_saved(struct store *store)
{
        const struct timespec until = thread_deadline(READ_WITHIN_US);
        struct writer_result result;
        struct fault fault;

        store->is_reading = store->is_busy = true;
        if (writer_take(store->writer, &until, &result)) {
                take_result(store, &result, true);
                mark_running(store);
                return;
        }
        (void)fault_set(&fault, -ETIMEDOUT, "the saved state cannot be read: the disk does not answer");
        set_unusable(store, &fault);
        (void)!rows_set(&store->rows, STORE_MARK, "", RUNNING, store->run);
}

static int start_writer(struct store *store, const struct store_options *options)
{
        int r = timer_new(store->loop, TIMER_EXACT_US, on_due, store, &store->due);

        if (r >= 0) {
                timer_set_priority(store->due, LOOP_HOUSE);
                r = writer_new(options->dir, &store->writer);
        }
        if (r >= 0)
                r = sd_event_add_io(store->loop->event, &store->source, writer_fd(store->writer), EPOLLIN, on_result,
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
                if (r < 0)
                        return r;
                read_saved(store);
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
                r = database_peek(dir, &store->rows, fault);
        if (r == 0)
                *ret = TAKE_PTR(store);
        return r;
}

void store_close(struct store *store)
{
        const struct timespec until = thread_deadline(CLOSE_WITHIN_US);
        struct writer_result result;

        if (!store || !store->writer || store->is_closed)
                return;
        store->is_closed = true;
        (void)!rows_set(&store->rows, STORE_MARK, "", RUNNING, NULL);
        for (;;) {
                if (!store->is_busy && rows_have_dirty(&store->rows))
                        post(store);
                if (!store->is_busy)
                        break;
                if (!writer_take(store->writer, &until, &result)) {
                        log_warning("the last commands could not be saved: the disk does not answer");
                        break;
                }
                take_result(store, &result, false);
                if (store->unusable.code)
                        break;
        }
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
