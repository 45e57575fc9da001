/* SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_NAME "sconce.db"
#define DAMAGED   ".damaged"

/* How long another program (a person with sqlite3) may hold the file. Nobody waits for us meanwhile. */
#define BUSY_MS 2000

/* More are no state of a home but an accident. */
#define ROWS_MAX 65536

/* From one version of the file to the next; user_version counts those done. Never changed, only appended to. */
static const char *const steps[] = {
        "CREATE TABLE saved (what TEXT NOT NULL, device TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT "
        "NULL,"
        " PRIMARY KEY (what, device, key)) WITHOUT ROWID",
};

DEFINE_CLEANUP(sqlite3_stmt, sqlite3_finalize);
#define CLEANUP_STATEMENT CLEANUP(sqlite3_finalizep)

/* ---- What went wrong ----------------------------------------------------------------------------------- */

static const struct {
        int sqlite, code;
        const char *text;
} reasons[] = {
        { SQLITE_FULL, -ENOSPC, "no space left" },
        { SQLITE_READONLY, -EROFS, "it is read-only" },
        { SQLITE_BUSY, -EBUSY, "another program has locked it" },
        { SQLITE_LOCKED, -EBUSY, "another program has locked it" },
        { SQLITE_CORRUPT, -EUCLEAN, "it is damaged" },
        { SQLITE_NOTADB, -EUCLEAN, "it is damaged" },
        { SQLITE_NOMEM, -ENOMEM, "out of memory" },
};

static int fail_errno(const char *path, int error, struct fault *fault)
{
        if (error == ENOSPC || error == EFBIG || error == EDQUOT)
                return fault_set(fault, -ENOSPC, "%s: no space left", path);
        return fault_set(fault, -error, "%s: %s", path, strerror(error));
}

/* The system's errno. SQLite does not always pass it on; errno is then what its last call left, which counts only
 * where it is about the disk. */
static int system_error(const struct database *database, int r, int left)
{
        static const int of_disks[] = { ENOSPC, EFBIG, EDQUOT, EROFS, EIO };
        int error = database->sqlite ? sqlite3_system_errno(database->sqlite) : 0;

        for (size_t i = 0; error == 0 && (r & 0xff) == SQLITE_IOERR && i < ARRAY_SIZE(of_disks); i++)
                if (left == of_disks[i])
                        error = left;
        return error;
}

static int fail(const struct database *database, int r, struct fault *fault)
{
        int error = system_error(database, r, errno);

        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
                if (reasons[i].sqlite == (r & 0xff))
                        return fault_set(fault, reasons[i].code, "%s: %s", database->path, reasons[i].text);
        if (error > 0)
                return fail_errno(database->path, error, fault);
        return fault_set(fault, -EIO, "%s: %s", database->path, sqlite3_errstr(r));
}

/* ---- Opening ------------------------------------------------------------------------------------------- */

int database_init(struct database *database, const char *dir)
{
        *database = (struct database){ .dir = strdup(dir) };
        if (asprintf(&database->path, "%s/%s", dir, FILE_NAME) < 0)
                database->path = NULL;
        if (database->dir && database->path)
                return 0;
        database_done(database);
        return -ENOMEM;
}

static void close_file(struct database *database)
{
        sqlite3_finalize(TAKE_PTR(database->put));
        sqlite3_finalize(TAKE_PTR(database->forget));
        (void)sqlite3_close(TAKE_PTR(database->sqlite));
}

void database_done(struct database *database)
{
        close_file(database);
        free(database->path);
        free(database->dir);
        *database = (struct database){ 0 };
}

/* SQLite would wait for the other end of a FIFO for ever. */
static int check_regular(const struct database *database, struct fault *fault)
{
        struct stat status;

        if (stat(database->path, &status) < 0)
                return fail_errno(database->path, errno, fault);
        if (!S_ISREG(status.st_mode))
                return fault_set(fault, -EINVAL, "%s: it is not a regular file", database->path);
        return 0;
}

/* Makes an empty file that others cannot read, and finds why one cannot be used: SQLite's own errors are about itself.
 * Never opens an existing one: to close it again would drop SQLite's locks on it. */
static int look_at(const struct database *database, struct fault *fault)
{
        struct stat status;

        if (stat(database->dir, &status) < 0)
                return errno != ENOENT
                               ? fail_errno(database->dir, errno, fault)
                               : fault_set(fault, -ENOENT,
                                           "%s does not exist: make it, for the user that sconced runs as, or name "
                                           "another directory in STATE_DIRECTORY",
                                           database->dir);
        CLEANUP_CLOSE int fd = open(database->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (fd < 0 && errno != EEXIST)
                return fail_errno(database->path, errno, fault);
        int r = check_regular(database, fault);
        if (r < 0)
                return r;
        return access(database->path, R_OK | W_OK) < 0 ? fail_errno(database->path, errno, fault) : 0;
}

static int read_version(sqlite3 *sqlite, int *ret)
{
        CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
        int r = sqlite3_prepare_v2(sqlite, "PRAGMA user_version", -1, &statement, NULL);

        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        if (r != SQLITE_ROW)
                return r;
        *ret = sqlite3_column_int(statement, 0);
        return SQLITE_OK;
}

/* Brings the file to this version in one transaction. */
static int upgrade(sqlite3 *sqlite, size_t from)
{
        char set_version[64];
        int r = sqlite3_exec(sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL);

        for (size_t i = from; r == SQLITE_OK && i < ARRAY_SIZE(steps); i++)
                r = sqlite3_exec(sqlite, steps[i], NULL, NULL, NULL);
        (void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%zu", ARRAY_SIZE(steps));
        if (r == SQLITE_OK)
                r = sqlite3_exec(sqlite, set_version, NULL, NULL, NULL);
        return r == SQLITE_OK ? sqlite3_exec(sqlite, "COMMIT", NULL, NULL, NULL) : r;
}

static int fail_version(const struct database *database, int version, struct fault *fault)
{
        return fault_set(fault, -ENOTSUP,
                         "%s: a later version of sconced wrote it (%d, this one knows %zu): it is not changed",
                         database->path, version, ARRAY_SIZE(steps));
}

static int take_version(const struct database *database, struct database_news *news, struct fault *fault)
{
        sqlite3 *sqlite = database->sqlite;
        int version = 0;
        int r = read_version(sqlite, &version);

        if (r != SQLITE_OK)
                return fail(database, r, fault);
        if (version < 0 || (size_t)version > ARRAY_SIZE(steps)) {
                (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                return fail_version(database, version, fault);
        }
        news->is_new = version == 0;
        r = sqlite3_exec(sqlite,
                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=64;"
                         "PRAGMA cache_size=-128; PRAGMA temp_store=MEMORY",
                         NULL, NULL, NULL);
        if (r == SQLITE_OK && (size_t)version < ARRAY_SIZE(steps))
                r = upgrade(sqlite, (size_t)version);
        return r == SQLITE_OK ? 0 : fail(database, r, fault);
}

/* What does not fit our statements is not our table. */
static int prepare(struct database *database, struct fault *fault)
{
        int r = sqlite3_prepare_v3(database->sqlite,
                                   "INSERT INTO saved (what, device, key, value) VALUES (?1, ?2, ?3, ?4)"
                                   " ON CONFLICT (what, device, key) DO UPDATE SET value = ?4",
                                   -1, SQLITE_PREPARE_PERSISTENT, &database->put, NULL);

        if (r == SQLITE_OK)
                r = sqlite3_prepare_v3(database->sqlite,
                                       "DELETE FROM saved WHERE what = ?1 AND device = ?2 AND key = ?3", -1,
                                       SQLITE_PREPARE_PERSISTENT, &database->forget, NULL);
        return r == SQLITE_OK ? 0 : fail(database, r == SQLITE_ERROR ? SQLITE_CORRUPT : r, fault);
}

static void remember_file(struct database *database)
{
        struct stat status;

        if (stat(database->path, &status) == 0) {
                database->device = status.st_dev;
                database->inode = status.st_ino;
        }
}

static int try_open(struct database *database, struct database_news *news, struct fault *fault)
{
        int r = look_at(database, fault);

        if (r < 0)
                return r;
        int code = sqlite3_open_v2(database->path, &database->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                   NULL);
        r = code == SQLITE_OK ? 0 : fail(database, code, fault);
        if (r == 0) {
                (void)sqlite3_busy_timeout(database->sqlite, BUSY_MS);
                r = take_version(database, news, fault);
        }
        if (r == 0)
                r = prepare(database, fault);
        if (r < 0)
                close_file(database);
        else
                remember_file(database);
        return r;
}

/* ---- Setting aside ------------------------------------------------------------------------------------- */

/* The log goes along: SQLite finds it by its name. An older file that was set aside makes way. */
static int set_aside(struct database *database, struct database_news *news, struct fault *fault)
{
        CLEANUP_FREE char *aside = NULL, *log = NULL, *aside_log = NULL, *index = NULL;

        close_file(database);
        if (asprintf(&aside, "%s" DAMAGED, database->path) < 0 || asprintf(&log, "%s-wal", database->path) < 0 ||
            asprintf(&aside_log, "%s-wal", aside) < 0 || asprintf(&index, "%s-shm", database->path) < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        (void)unlink(aside_log);
        if (rename(database->path, aside) < 0)
                return fault_set(fault, -errno, "%s: it is damaged, and cannot be set aside: %s", database->path,
                                 strerror(errno));
        (void)rename(log, aside_log);
        (void)unlink(index);
        *fault = (struct fault){ 0 };
        (void)fault_set(&news->aside, -EUCLEAN, "%s was damaged: it is set aside as %s, and a new one is created",
                        database->path, aside);
        return 0;
}

static int start_over(struct database *database, struct database_news *news, struct fault *fault)
{
        int r = set_aside(database, news, fault);

        if (r == 0)
                r = try_open(database, news, fault);
        news->is_new = r == 0;
        return r;
}

int database_open(struct database *database, struct database_news *news, struct fault *fault)
{
        int r = try_open(database, news, fault);

        return r == -EUCLEAN ? start_over(database, news, fault) : r;
}

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

static int read_rows(const struct database *database, struct rows *ret, struct fault *fault)
{
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
                return fail(database, r, fault);
        for (size_t i = 0; i < rows.count; i++)
                rows.items[i]->dirty = false;
        *ret = rows;
        rows = (struct rows){ 0 };
        return 0;
}

/* Where nothing can be written, SQLite cannot make its index beside the file either. Without a log that would
 * matter, the file alone is all there is; with one it would be the state of some earlier day. */
static int read_unwritable(struct database *database, struct rows *ret)
{
        CLEANUP_FREE char *uri = NULL, *log = NULL;
        struct stat status;
        struct fault fault;

        if (asprintf(&uri, "file:%s?immutable=1", database->path) < 0 || asprintf(&log, "%s-wal", database->path) < 0)
                return -ENOMEM;
        if (check_regular(database, &fault) < 0 || strpbrk(database->path, "?#%") ||
            (stat(log, &status) == 0 && status.st_size > 0))
                return -EROFS;
        int r = sqlite3_open_v2(uri, &database->sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                                NULL);
        r = r == SQLITE_OK ? read_rows(database, ret, &fault) : -EROFS;
        close_file(database);
        return r;
}

int database_read(struct database *database, struct database_news *news, struct rows *ret, struct fault *fault)
{
        if (!database->sqlite)
                return read_unwritable(database, ret);
        int r = read_rows(database, ret, fault);
        return r == -EUCLEAN ? start_over(database, news, fault) : r;
}

static int read_existing(struct database *database, struct rows *ret, struct fault *fault)
{
        int version = 0;
        int r = sqlite3_open_v2(database->path, &database->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

        (void)sqlite3_busy_timeout(database->sqlite, BUSY_MS);
        if (r == SQLITE_OK)
                r = read_version(database->sqlite, &version);
        if (r != SQLITE_OK)
                return fail(database, r, fault);
        if (version == 0) /* made, and then nothing came of it */
                return 0;
        if ((size_t)version > ARRAY_SIZE(steps))
                return fail_version(database, version, fault);
        return read_rows(database, ret, fault);
}

int database_peek(const char *dir, struct rows *ret, struct fault *fault)
{
        struct database database;
        int r = database_init(&database, dir);

        if (r < 0)
                return fault_set(fault, r, "out of memory");
        if (access(database.path, F_OK) == 0) {
                r = check_regular(&database, fault);
                if (r == 0)
                        r = read_existing(&database, ret, fault);
                close_file(&database);
                if (r < 0 && r != -EUCLEAN && r != -ENOTSUP && read_unwritable(&database, ret) == 0)
                        r = 0;
        }
        database_done(&database);
        return r;
}

/* ---- Writing ------------------------------------------------------------------------------------------- */

static int write_row(const struct database *database, const struct row *row)
{
        sqlite3_stmt *statement = row->value ? database->put : database->forget;

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

static int write_rows(struct database *database, const struct rows *rows, struct fault *fault)
{
        errno = 0;
        int r = sqlite3_exec(database->sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL);

        for (size_t i = 0; r == SQLITE_OK && i < rows->count; i++)
                r = write_row(database, rows->items[i]);
        if (r == SQLITE_OK)
                r = sqlite3_exec(database->sqlite, "COMMIT", NULL, NULL, NULL);
        if (r == SQLITE_OK)
                return 0;
        r = fail(database, r, fault);
        (void)sqlite3_exec(database->sqlite, "ROLLBACK", NULL, NULL, NULL);
        return r;
}

static bool is_still_there(const struct database *database)
{
        struct stat status;

        return stat(database->path, &status) == 0 && status.st_dev == database->device &&
               status.st_ino == database->inode;
}

int database_write(struct database *database, const struct rows *rows, struct database_news *news, struct fault *fault)
{
        int r = 0;

        if (database->sqlite && !is_still_there(database))
                close_file(database);
        if (!database->sqlite) {
                r = database_open(database, news, fault);
                if (r < 0 || news->is_new)
                        return r;
        }
        r = write_rows(database, rows, fault);
        if (r == -EUCLEAN)
                return start_over(database, news, fault);
        if (r < 0 && r != -EBUSY)
                close_file(database); /* a card that comes back is opened again */
        return r;
}
