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

/* From one version of the file to the next; user_version counts those done. Never changed, only appended to. */
static const char *const steps[] = {
        "CREATE TABLE saved (what TEXT NOT NULL, device TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT "
        "NULL,"
        " PRIMARY KEY (what, device, key)) WITHOUT ROWID",
        /* AUTOINCREMENT: a number is never given twice, whatever was removed meanwhile. */
        "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT NOT NULL, stamp_us INTEGER NOT NULL,"
        " time_us INTEGER, device TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, bytes INTEGER NOT NULL);"
        "CREATE TABLE trend (device TEXT NOT NULL, channel TEXT NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY (device, channel))",
};

/* The columns after all steps: name, type, whether it must be there, place in the key. A file that has others is not ours,
 * whatever its version: what is written to it would fail again and again. */
static const struct {
        const char *table, *columns;
} expected[] = {
        { "saved", "what TEXT 1 1, device TEXT 1 2, key TEXT 1 3, value TEXT 1 0" },
        { "outbox", "seq INTEGER 0 1, boot TEXT 1 0, stamp_us INTEGER 1 0, time_us INTEGER 0 0, device TEXT 1 0, "
                    "kind TEXT 1 0, content TEXT 1 0, bytes INTEGER 1 0" },
        { "trend", "device TEXT 1 1, channel TEXT 1 2, data BLOB 1 0" },
        { "sqlite_sequence", "name  0 0, seq  0 0" }, /* the outbox's AUTOINCREMENT */
};

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

/* With statements left it would stay open. */
static void close_file(struct database *database)
{
        sqlite3_stmt *statement;

        while (database->sqlite && (statement = sqlite3_next_stmt(database->sqlite, NULL)))
                (void)sqlite3_finalize(statement);
        (void)sqlite3_close(TAKE_PTR(database->sqlite));
}

void database_done(struct database *database)
{
        close_file(database);
        free(database->path);
        free(database->dir);
        *database = (struct database){ 0 };
}

void database_rest(struct database *database)
{
        if (database->sqlite)
                (void)sqlite3_db_release_memory(database->sqlite);
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
        if (r != SQLITE_OK)
                return fail(database, r, fault);
        if ((size_t)version < ARRAY_SIZE(steps))
                r = upgrade(sqlite, (size_t)version);
        /* SQL of ours that is refused: there are tables of these names already. */
        return r == SQLITE_OK ? 0 : fail(database, r == SQLITE_ERROR ? SQLITE_CORRUPT : r, fault);
}

static int check_table(sqlite3 *sqlite, const char *table, const char *columns)
{
        CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
        int r = sqlite3_prepare_v2(sqlite,
                                   "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || ' ' || pk, ', ')"
                                   " FROM (SELECT * FROM pragma_table_info(?1) ORDER BY cid)",
                                   -1, &statement, NULL);

        if (r != SQLITE_OK)
                return r;
        (void)sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
        r = sqlite3_step(statement);
        if (r != SQLITE_ROW)
                return r;
        const char *found = (const char *)sqlite3_column_text(statement, 0);
        return found && strcmp(found, columns) == 0 ? SQLITE_OK : SQLITE_CORRUPT;
}

static int check_tables(const struct database *database, struct fault *fault)
{
        int r = SQLITE_OK;

        for (size_t i = 0; i < ARRAY_SIZE(expected) && r == SQLITE_OK; i++)
                r = check_table(database->sqlite, expected[i].table, expected[i].columns);
        return r == SQLITE_OK ? 0 : fail(database, r, fault);
}

static void remember_file(struct database *database)
{
        struct stat status;

        if (stat(database->path, &status) == 0) {
                database->device = status.st_dev;
                database->inode = status.st_ino;
        }
        database->n_opened++;
}

/* A page at a time, as they are needed: SQLite would take twenty at once, and use most of those never. Before its first use. */
static void take_pages_singly(void)
{
        (void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

static int try_open(struct database *database, struct database_news *news, struct fault *fault)
{
        int r = look_at(database, fault);

        if (r < 0)
                return r;
        take_pages_singly();
        int code = sqlite3_open_v2(database->path, &database->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                   NULL);
        r = code == SQLITE_OK ? 0 : fail(database, code, fault);
        if (r == 0) {
                (void)sqlite3_busy_timeout(database->sqlite, BUSY_MS);
                r = take_version(database, news, fault);
        }
        if (r == 0)
                r = check_tables(database, fault);
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

/* ---- Statements ---------------------------------------------------------------------------------------- */

/* SQLite lists a connection's statements: those that rest there are the ones to use again. */
int database_statement(struct database *database, const char *sql, sqlite3_stmt **ret)
{
        sqlite3_stmt *statement = NULL;

        while ((statement = sqlite3_next_stmt(database->sqlite, statement))) {
                if (strcmp(sqlite3_sql(statement), sql) == 0) {
                        *ret = statement;
                        return SQLITE_OK;
                }
        }
        return sqlite3_prepare_v3(database->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
}

void statement_rest(sqlite3_stmt *statement)
{
        (void)sqlite3_reset(statement);
        (void)sqlite3_clear_bindings(statement);
}

static int run_statement(struct database *database, const char *sql)
{
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        int r = database_statement(database, sql, &statement);

        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* ---- Reading ------------------------------------------------------------------------------------------- */

static int run(struct database *database, const struct database_work *work, struct fault *fault)
{
        int r = work->run(database, work->userdata);

        return r == SQLITE_OK ? 0 : fail(database, r, fault);
}

/* Where nothing can be written, SQLite cannot make its index beside the file either. Without a log that would
 * matter, the file alone is all there is; with one it would be the state of some earlier day. */
static int read_unwritable(struct database *database, const struct database_work *work)
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
        r = r == SQLITE_OK ? run(database, work, &fault) : -EROFS;
        close_file(database);
        return r;
}

int database_read(struct database *database, const struct database_work *work, struct database_news *news,
                  struct fault *fault)
{
        if (!database->sqlite)
                return read_unwritable(database, work);
        int r = run(database, work, fault);
        return r == -EUCLEAN ? start_over(database, news, fault) : r;
}

static int read_existing(struct database *database, const struct database_work *work, struct fault *fault)
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
        return run(database, work, fault);
}

int database_peek(const char *dir, const struct database_work *work, struct fault *fault)
{
        struct database database;
        int r = database_init(&database, dir);

        if (r < 0)
                return fault_set(fault, r, "out of memory");
        if (access(database.path, F_OK) == 0) {
                r = check_regular(&database, fault);
                if (r == 0)
                        r = read_existing(&database, work, fault);
                close_file(&database);
                if (r < 0 && r != -EUCLEAN && r != -ENOTSUP && read_unwritable(&database, work) == 0)
                        r = 0;
        }
        database_done(&database);
        return r;
}

/* ---- Writing ------------------------------------------------------------------------------------------- */

static int run_in_transaction(struct database *database, const struct database_work *work, struct fault *fault)
{
        errno = 0;
        int r = run_statement(database, "BEGIN IMMEDIATE");

        if (r == SQLITE_OK)
                r = work->run(database, work->userdata);
        if (r == SQLITE_OK)
                r = run_statement(database, "COMMIT");
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

int database_write(struct database *database, const struct database_work *work, struct database_news *news,
                   struct fault *fault)
{
        int r = 0;

        if (database->sqlite && !is_still_there(database))
                close_file(database);
        if (!database->sqlite)
                r = database_open(database, news, fault);
        if (r < 0)
                return r;
        r = run_in_transaction(database, work, fault);
        if (r == -EUCLEAN) {
                r = start_over(database, news, fault);
                if (r == 0)
                        r = run_in_transaction(database, work, fault);
        }
        if (r < 0 && r != -EBUSY)
                close_file(database); /* a card that comes back is opened again */
        return r;
}
