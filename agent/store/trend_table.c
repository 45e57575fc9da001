/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trend_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/job.h"

/* More channels than a home has. */
#define ROWS_MAX 16384

struct trend_job {
        struct store_job job;
        struct trend_rows rows;
        trend_read_done *done;
        void *userdata;
};

/* ---- Rows ---------------------------------------------------------------------------------------------- */

static void row_done(struct trend_row *row)
{
        free(row->device);
        free(row->channel);
        free(row->data);
}

int trend_rows_add(struct trend_rows *rows, const char *device, const char *channel, const void *data, size_t size)
{
        struct trend_row row = { .device = strdup(device), .channel = strdup(channel), .size = size };
        struct trend_row *items = reallocarray(rows->items, rows->count + 1, sizeof(*items));

        if (items)
                rows->items = items;
        if (data)
                row.data = malloc(size ? size : 1);
        if (!items || !row.device || !row.channel || (data && !row.data)) {
                row_done(&row);
                return -ENOMEM;
        }
        if (data)
                memcpy(row.data, data, size);
        rows->items[rows->count++] = row;
        return 0;
}

void trend_rows_done(struct trend_rows *rows)
{
        for (size_t i = 0; i < rows->count; i++)
                row_done(&rows->items[i]);
        free(rows->items);
        *rows = (struct trend_rows){ 0 };
}

/* ---- On the thread ------------------------------------------------------------------------------------- */

static int write_row(sqlite3_stmt *statement, const struct trend_row *row)
{
        (void)sqlite3_bind_text(statement, 1, row->device, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(statement, 2, row->channel, -1, SQLITE_STATIC);
        if (row->data)
                (void)sqlite3_bind_blob64(statement, 3, row->data, row->size, SQLITE_STATIC);
        int r = sqlite3_step(statement);
        (void)sqlite3_reset(statement);
        (void)sqlite3_clear_bindings(statement);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int write_rows(struct database *database, void *userdata)
{
        const struct trend_rows *rows = userdata;
        CLEANUP_STATEMENT sqlite3_stmt *put = NULL, *delete = NULL;
        sqlite3 *sqlite = database->sqlite;
        int r = sqlite3_prepare_v2(sqlite, "INSERT OR REPLACE INTO trend (device, channel, data) VALUES (?1, ?2, ?3)",
                                   -1, &put, NULL);

        if (r == SQLITE_OK)
                r = sqlite3_prepare_v2(sqlite, "DELETE FROM trend WHERE device = ?1 AND channel = ?2", -1, &delete,
                                       NULL);
        for (size_t i = 0; r == SQLITE_OK && i < rows->count; i++)
                r = write_row(rows->items[i].data ? put : delete, &rows->items[i]);
        return r;
}

static int read_rows(struct database *database, void *userdata)
{
        struct trend_rows *rows = userdata;
        CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
        int r = sqlite3_prepare_v2(database->sqlite, "SELECT device, channel, data FROM trend", -1, &statement, NULL);

        trend_rows_done(rows);
        while ((r == SQLITE_OK || r == SQLITE_ROW) && rows->count < ROWS_MAX) {
                r = sqlite3_step(statement);
                const char *device = (const char *)sqlite3_column_text(statement, 0);
                const char *channel = (const char *)sqlite3_column_text(statement, 1);
                const void *data = sqlite3_column_blob(statement, 2);
                size_t size = (size_t)sqlite3_column_bytes(statement, 2);
                if (r == SQLITE_ROW && (!device || !channel)) /* the columns are NOT NULL */
                        return SQLITE_NOMEM;
                if (r == SQLITE_ROW && data && trend_rows_add(rows, device, channel, data, size) < 0)
                        return SQLITE_NOMEM;
        }
        return r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
}

static void work_write(struct store_job *job, struct database *database)
{
        struct trend_job *trend = CONTAINER_OF(job, struct trend_job, job);
        const struct database_work work = { write_rows, &trend->rows };

        (void)!database_write(database, &work, &job->news, &job->fault);
}

/* As a write: the file is opened where it is not. */
static void work_read(struct store_job *job, struct database *database)
{
        struct trend_job *trend = CONTAINER_OF(job, struct trend_job, job);
        const struct database_work work = { read_rows, &trend->rows };

        if (database_write(database, &work, &job->news, &job->fault) < 0)
                trend_rows_done(&trend->rows);
}

/* ---- On the loop --------------------------------------------------------------------------------------- */

static void read_done(struct store_job *job)
{
        struct trend_job *trend = CONTAINER_OF(job, struct trend_job, job);

        trend->done(trend->userdata, job->fault.code, &trend->rows);
}

static void free_job(struct store_job *job)
{
        struct trend_job *trend = CONTAINER_OF(job, struct trend_job, job);

        trend_rows_done(&trend->rows);
        free(trend);
}

static const struct store_job_ops write_ops = { .work = work_write, .free = free_job };
static const struct store_job_ops read_ops = {
        .work = work_read, .done = read_done, .free = free_job, .only_reads = true
};

int trend_write(struct store *store, struct trend_rows *rows)
{
        struct trend_job *trend = calloc(1, sizeof(*trend));

        if (!trend) {
                trend_rows_done(rows);
                return -ENOMEM;
        }
        *trend = (struct trend_job){ .job.ops = &write_ops, .rows = *rows };
        *rows = (struct trend_rows){ 0 };
        return store_post(store, &trend->job);
}

int trend_read(struct store *store, trend_read_done *done, void *userdata)
{
        struct trend_job *trend = calloc(1, sizeof(*trend));

        if (!trend)
                return -ENOMEM;
        *trend = (struct trend_job){ .job.ops = &read_ops, .done = done, .userdata = userdata };
        return store_post(store, &trend->job);
}
