/* SPDX-License-Identifier: Apache-2.0 */
#include "store/saved.h"

#include <errno.h>

/* More are no state of a home but an accident. */
#define ROWS_MAX 65536

/* ---- Reading ------------------------------------------------------------------------------------------- */

static int take_row(sqlite3_stmt *statement, struct rows *rows)
{
        const char *texts[4];
        enum store_what what;

        for (int i = 0; i < (int)ARRAY_SIZE(texts); i++) {
                texts[i] = (const char *)sqlite3_column_text(statement, i);
                if (!texts[i])
                        return -ENOMEM;
        }
        if (store_what_from_name(texts[0], &what) < 0 || rows->count >= ROWS_MAX)
                return 0;
        return rows_set(rows, what, texts[1], texts[2], texts[3]);
}

static int read_rows(struct database *database, void *userdata)
{
        struct rows *ret = userdata;
        CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
        CLEANUP(rows_done) struct rows rows = { 0 };
        int r = sqlite3_prepare_v2(database->sqlite, "SELECT what, device, key, value FROM saved", -1, &statement,
                                   NULL);

        while (r == SQLITE_OK || r == SQLITE_ROW) {
                r = sqlite3_step(statement);
                if (r == SQLITE_ROW && take_row(statement, &rows) < 0)
                        r = SQLITE_NOMEM;
        }
        if (r != SQLITE_DONE)
                return r;
        for (size_t i = 0; i < rows.count; i++)
                rows.items[i]->dirty = false;
        *ret = rows;
        rows = (struct rows){ 0 };
        return SQLITE_OK;
}

int saved_read(struct database *database, struct rows *ret, struct database_news *news, struct fault *fault)
{
        return database_read(database, &(struct database_work){ read_rows, ret }, news, fault);
}

int saved_peek(const char *dir, struct rows *ret, struct fault *fault)
{
        return database_peek(dir, &(struct database_work){ read_rows, ret }, fault);
}

/* ---- Writing ------------------------------------------------------------------------------------------- */

static int write_row(sqlite3_stmt *statement, const struct row *row)
{
        (void)sqlite3_bind_text(statement, 1, store_what_name(row->what), -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(statement, 2, row->device, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(statement, 3, row->key, -1, SQLITE_STATIC);
        if (row->value)
                (void)sqlite3_bind_text(statement, 4, row->value, -1, SQLITE_STATIC);
        int r = sqlite3_step(statement);
        (void)sqlite3_reset(statement);
        (void)sqlite3_clear_bindings(statement);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

struct write {
        const struct rows *rows;
        const struct database_news *news;
};

static int write_rows(struct database *database, void *userdata)
{
        const struct write *write = userdata;
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *put = NULL, *forget = NULL;
        if (write->news->is_new)
                return SQLITE_OK;
        int r = database_statement(database,
                                   "INSERT INTO saved (what, device, key, value) VALUES (?1, ?2, ?3, ?4)"
                                   " ON CONFLICT (what, device, key) DO UPDATE SET value = ?4",
                                   &put);

        if (r == SQLITE_OK)
                r = database_statement(database, "DELETE FROM saved WHERE what = ?1 AND device = ?2 AND key = ?3",
                                       &forget);
        for (size_t i = 0; r == SQLITE_OK && i < write->rows->count; i++) {
                const struct row *row = write->rows->items[i];
                r = write_row(row->value ? put : forget, row);
        }
        return r;
}

int saved_write(struct database *database, const struct rows *rows, struct database_news *news, struct fault *fault)
{
        struct write write = { rows, news };

        return database_write(database, &(struct database_work){ write_rows, &write }, news, fault);
}
