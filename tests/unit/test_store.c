/* SPDX-License-Identifier: Apache-2.0 */
/* store: what outlives the process, and what becomes of it when the file is of no use. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"
#include "util/clock.h"
#include "util/log.h"

#define SAVE_AFTER_US (2 * USEC_PER_SEC)
#define SOON_S        20

struct shelf {
        struct loop loop;
        struct loop parents; /* in a child: not its own to free */
        struct store *store;
        char dir[64], path[96];
        bool is_mounted;
        struct rlimit limit_before;
        char unusable[400], set_aside[400]; /* "": no such trouble */
        char *log;
        size_t log_size;
};

/* ---- The shelf ----------------------------------------------------------------------------------------- */

static void on_trouble(void *userdata, enum store_fault trouble, const char *text)
{
        struct shelf *shelf = userdata;
        char *to = trouble == STORE_UNUSABLE ? shelf->unusable : shelf->set_aside;

        (void)snprintf(to, sizeof(shelf->unusable), "%s", text ? text : "");
}

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        struct shelf *shelf = userdata;
        char *log = realloc(shelf->log, shelf->log_size + strlen(text) + 2);

        (void)about;
        (void)level;
        assert_non_null(log);
        shelf->log = log;
        shelf->log_size += (size_t)sprintf(log + shelf->log_size, "%s\n", text);
}

static size_t count_logged(const struct shelf *shelf, const char *text)
{
        size_t count = 0;

        for (const char *at = shelf->log; at && (at = strstr(at, text)); at++)
                count++;
        return count;
}

static int setup(void **state)
{
        struct shelf *shelf = calloc(1, sizeof(*shelf));

        assert_non_null(shelf);
        *state = shelf;
        log_set_sink(on_log, shelf);
        (void)snprintf(shelf->dir, sizeof(shelf->dir), "/tmp/sconce-store.XXXXXX");
        assert_non_null(mkdtemp(shelf->dir));
        (void)snprintf(shelf->path, sizeof(shelf->path), "%s/sconce.db", shelf->dir);
        assert_int_equal(loop_init_fake(&shelf->loop), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &shelf->limit_before), 0);
        return 0;
}

static void beside(const struct shelf *shelf, const char *name, char path[static 128])
{
        (void)snprintf(path, 128, "%s/%s", shelf->dir, name);
}

static int teardown(void **state)
{
        static const char *const names[] = { "sconce.db",         "sconce.db-wal",         "sconce.db-shm",
                                             "sconce.db.damaged", "sconce.db.damaged-wal", "filler" };
        struct shelf *shelf = *state;
        char path[128];

        (void)setrlimit(RLIMIT_FSIZE, &shelf->limit_before);
        store_free(shelf->store);
        loop_done(&shelf->loop);
        if (shelf->is_mounted)
                (void)umount2(shelf->dir, MNT_DETACH);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                beside(shelf, names[i], path);
                (void)unlink(path);
        }
        (void)rmdir(shelf->dir);
        log_set_sink(NULL, NULL);
        free(shelf->log);
        free(shelf);
        return 0;
}

static void open_in(struct shelf *shelf, const char *dir)
{
        const struct store_options options = { .loop = &shelf->loop,
                                               .dir = dir,
                                               .save_after_us = SAVE_AFTER_US,
                                               .run = "this",
                                               .fault = on_trouble,
                                               .userdata = shelf };

        assert_int_equal(store_new(&options, &shelf->store), 0);
}

static void open_store(struct shelf *shelf)
{
        open_in(shelf, shelf->dir);
}

static void crash(struct shelf *shelf)
{
        store_free(TAKE_PTR(shelf->store));
}

static bool close_store(struct shelf *shelf)
{
        bool is_saved = store_close(shelf->store);

        store_free(TAKE_PTR(shelf->store));
        return is_saved;
}

static void put(struct shelf *shelf, const char *key, const char *value)
{
        assert_int_equal(store_put(shelf->store, STORE_SAVED, "meter", key, value), 0);
}

static void assert_is(const struct shelf *shelf, const char *key, const char *value)
{
        const char *is = store_get(shelf->store, STORE_SAVED, "meter", key);

        if (value && !is)
                fail_msg("%s is gone; it was to be %s", key, value);
        if (value)
                assert_string_equal(is, value);
        else
                assert_null(is);
}

/* ---- Time and the file --------------------------------------------------------------------------------- */

static bool file_holds(const struct shelf *shelf, const char *key, const char *value)
{
        struct store *file = NULL;
        struct fault fault;

        if (store_peek(shelf->dir, &file, &fault) < 0)
                return false;
        const char *is = store_get(file, STORE_SAVED, "meter", key);
        bool same = is && value ? strcmp(is, value) == 0 : is == value;
        store_free(file);
        return same;
}

struct moment {
        struct timespec until;
};

static struct moment soon(void)
{
        struct moment moment;

        (void)clock_gettime(CLOCK_MONOTONIC, &moment.until);
        moment.until.tv_sec += SOON_S;
        return moment;
}

static bool is_over(const struct moment *moment)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec > moment->until.tv_sec;
}

/* The result of an earlier write may be still to come: until then the next one waits. */
static void turn(struct shelf *shelf)
{
        (void)sd_event_run(shelf->loop.event, 10 * USEC_PER_MSEC);
        loop_advance(&shelf->loop, SAVE_AFTER_US);
}

static void wait_file(struct shelf *shelf, const char *key, const char *value)
{
        const struct moment moment = soon();

        while (!file_holds(shelf, key, value)) {
                turn(shelf);
                if (is_over(&moment))
                        fail_msg("the file does not hold %s = %s", key, value ? value : "nothing");
        }
}

static void wait_trouble(struct shelf *shelf, const char *at, bool expected)
{
        const struct moment moment = soon();

        while ((at[0] != '\0') != expected) {
                turn(shelf);
                if (is_over(&moment))
                        fail_msg("no word of trouble, or of its end");
        }
}

/* ---- A file that works --------------------------------------------------------------------------------- */

static void store_close__then_new__all_is_there(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        put(shelf, "total", "12.5");
        put(shelf, "gone", "1");
        put(shelf, "gone", NULL);
        assert_int_equal(store_put(shelf->store, STORE_MARK, "meter", "total", "a mark"), 0);
        assert_true(close_store(shelf));
        open_store(shelf);
        assert_is(shelf, "total", "12.5");
        assert_is(shelf, "gone", NULL);
        assert_string_equal(store_get(shelf->store, STORE_MARK, "meter", "total"), "a mark");
        assert_string_equal(shelf->unusable, "");
}

static void store_put__save_after_has_passed__on_disk_as_one(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        for (unsigned i = 0; i < 1000; i++) {
                char text[16];
                (void)snprintf(text, sizeof(text), "%u", i);
                put(shelf, "total", text);
        }
        put(shelf, "other", "x");
        loop_advance(&shelf->loop, SAVE_AFTER_US / 2);
        assert_true(file_holds(shelf, "total", NULL));
        loop_advance(&shelf->loop, SAVE_AFTER_US / 2);
        wait_file(shelf, "total", "999");
        assert_true(file_holds(shelf, "other", "x"));
        crash(shelf);
        open_store(shelf);
        assert_is(shelf, "total", "999");
}

static void store_put__while_the_disk_is_busy__has_waited_since_then(void **state)
{
        struct shelf *shelf = *state;
        const struct moment moment = soon();

        open_store(shelf);
        put(shelf, "total", "1");
        loop_advance(&shelf->loop, SAVE_AFTER_US); /* the writer has it, and nobody has heard of its end */
        put(shelf, "total", "2");
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        while (!file_holds(shelf, "total", "2")) {
                (void)sd_event_run(shelf->loop.event, 10 * USEC_PER_MSEC);
                loop_advance(&shelf->loop, 1);
                if (is_over(&moment))
                        fail_msg("it begins to wait when the disk is done");
        }
}

static void store_free__like_a_crash__value_before(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        put(shelf, "total", "1");
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        wait_file(shelf, "total", "1");
        put(shelf, "total", "2");
        crash(shelf);
        open_store(shelf);
        assert_is(shelf, "total", "1");
}

static void store_hurry__called__does_not_wait(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        put(shelf, "timed", "yes");
        store_flush(shelf->store);
        loop_advance(&shelf->loop, 0);
        wait_file(shelf, "timed", "yes");
}

static void store_cut_off__close_or_crash__distinguishes_them(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        assert_null(store_cut_off(shelf->store)); /* there was none before */
        close_store(shelf);
        open_store(shelf);
        assert_null(store_cut_off(shelf->store));
        crash(shelf);
        open_store(shelf);
        assert_string_equal(store_cut_off(shelf->store), "this");
        close_store(shelf);
        open_store(shelf);
        assert_null(store_cut_off(shelf->store));
}

static bool is_meter(void *userdata, const char *device, const char *key)
{
        (void)key;
        return strcmp(device, userdata) == 0;
}

static void store_forget__some__are_gone_from_the_file_too(void **state)
{
        struct shelf *shelf = *state;
        char meter[] = "meter";

        open_store(shelf);
        put(shelf, "a", "1");
        put(shelf, "b", "2");
        assert_int_equal(store_put(shelf->store, STORE_SAVED, "other", "a", "3"), 0);
        assert_int_equal(store_put(shelf->store, STORE_MARK, "meter", "a", "4"), 0);
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        wait_file(shelf, "a", "1");
        store_forget(shelf->store, STORE_SAVED, is_meter, meter);
        assert_is(shelf, "a", NULL);
        close_store(shelf);
        open_store(shelf);
        assert_is(shelf, "b", NULL);
        assert_string_equal(store_get(shelf->store, STORE_SAVED, "other", "a"), "3");
        assert_string_equal(store_get(shelf->store, STORE_MARK, "meter", "a"), "4");
}

static void store_new__no_directory_given__works_in_memory(void **state)
{
        struct shelf *shelf = *state;

        open_in(shelf, NULL);
        put(shelf, "total", "1");
        assert_is(shelf, "total", "1");
        put(shelf, "total", NULL);
        assert_is(shelf, "total", NULL);
        assert_null(store_cut_off(shelf->store));
        close_store(shelf);
        assert_null(shelf->log);
}

/* Anyone who looks on (a backup, a person with sqlite3) does not disturb, and others cannot read it. */
static void store_new__file__is_private_and_holds_its_version(void **state)
{
        struct shelf *shelf = *state;
        struct stat status;
        sqlite3 *sqlite = NULL;
        sqlite3_stmt *statement = NULL;

        open_store(shelf);
        assert_int_equal(stat(shelf->path, &status), 0);
        assert_int_equal(status.st_mode & 0007, 0);
        assert_int_equal(sqlite3_open(shelf->path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(sqlite, "PRAGMA user_version", -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(statement, 0), 2);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(sqlite);
}

/* ---- A file that does not ------------------------------------------------------------------------------ */

static void run_sql(const struct shelf *shelf, const char *sql)
{
        sqlite3 *sqlite = NULL;

        assert_int_equal(sqlite3_open(shelf->path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

static void write_file(const char *path, size_t offset, const char *text, size_t times)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_true(lseek(fd, (off_t)offset, SEEK_SET) >= 0);
        for (size_t i = 0; i < times; i++)
                assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        (void)close(fd);
}

static void assert_begun_again(struct shelf *shelf)
{
        char aside[128];

        beside(shelf, "sconce.db.damaged", aside);
        assert_int_equal(access(aside, F_OK), 0);
        assert_non_null(strstr(shelf->set_aside, "was damaged: it is set aside as "));
        assert_non_null(strstr(shelf->set_aside, "sconce.db.damaged, and a new one is created"));
        assert_int_equal(count_logged(shelf, "was damaged"), 1);
        assert_string_equal(shelf->unusable, "");
}

static void store_new__no_database__set_aside_and_begun_again(void **state)
{
        struct shelf *shelf = *state;

        write_file(shelf->path, 0, "this is no database\n", 400);
        open_store(shelf);
        assert_begun_again(shelf);
        assert_null(store_cut_off(shelf->store));
        put(shelf, "total", "1");
        close_store(shelf);
        open_store(shelf);
        assert_is(shelf, "total", "1");
        assert_int_equal(count_logged(shelf, "was damaged"), 1);
}

static void fill(struct shelf *shelf, unsigned rows)
{
        for (unsigned i = 0; i < rows; i++) {
                char key[16];
                (void)snprintf(key, sizeof(key), "key%05u", i);
                put(shelf, key, "some value that takes its room");
        }
}

static void store_new__damaged_page__set_aside_and_begun_again(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        fill(shelf, 1000);
        close_store(shelf);
        write_file(shelf->path, 4096, "scribble", 4096);
        open_store(shelf);
        assert_begun_again(shelf);
        assert_is(shelf, "key00000", NULL);
}

static void store_new__another_table_of_that_name__set_aside(void **state)
{
        struct shelf *shelf = *state;

        run_sql(shelf, "CREATE TABLE saved (other); PRAGMA user_version=1");
        open_store(shelf);
        assert_begun_again(shelf);
}

/* What is written there would fail for ever. */
static void store_new__another_programs_file__set_aside(void **state)
{
        static const char *const files[] = {
                "CREATE TABLE saved (other)",
                "CREATE TABLE outbox (other); PRAGMA user_version=1",
                "ALTER TABLE saved ADD COLUMN more TEXT NOT NULL DEFAULT ''",
                "DROP TABLE saved; CREATE TABLE saved (what TEXT NOT NULL, device TEXT NOT NULL, key TEXT NOT NULL,"
                " value TEXT NOT NULL)",
                "DROP TABLE outbox; CREATE TABLE outbox (seq INTEGER PRIMARY KEY, boot, stamp_us, time_us, device, "
                "kind,"
                " content, bytes)",
                "DROP TABLE trend; CREATE VIEW trend AS SELECT device, key AS channel, value AS data FROM saved",
        };
        struct shelf *shelf = *state;
        char aside[128];

        beside(shelf, "sconce.db.damaged", aside);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                if (i > 1) {
                        open_store(shelf);
                        close_store(shelf);
                }
                run_sql(shelf, files[i]);
                open_store(shelf);
                assert_int_equal(unlink(aside), 0);
                put(shelf, "total", "1");
                close_store(shelf);
                open_store(shelf);
                assert_is(shelf, "total", "1");
                assert_string_equal(shelf->unusable, "");
                close_store(shelf);
                assert_int_equal(unlink(shelf->path), 0);
        }
}

/* As version 0.1 wrote it. */
static void make_version_1(const struct shelf *shelf)
{
        run_sql(shelf,
                "PRAGMA journal_mode=WAL;"
                "CREATE TABLE saved (what TEXT NOT NULL, device TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT "
                "NULL, PRIMARY KEY (what, device, key)) WITHOUT ROWID;"
                "INSERT INTO saved VALUES ('saved', 'meter', 'total', '12.5'), ('mark', '', 'running', 'before');"
                "PRAGMA user_version=1");
}

static void store_new__of_an_earlier_version__taken_along(void **state)
{
        struct shelf *shelf = *state;

        make_version_1(shelf);
        assert_true(file_holds(shelf, "total", "12.5")); /* to look at it changes nothing */
        open_store(shelf);
        assert_is(shelf, "total", "12.5");
        assert_string_equal(store_cut_off(shelf->store), "before");
        assert_string_equal(shelf->unusable, "");
        put(shelf, "total", "13");
        close_store(shelf);
        run_sql(shelf, "SELECT seq, boot, stamp_us, time_us, device, kind, content, bytes FROM outbox;"
                       "SELECT device, channel, data FROM trend");
        open_store(shelf);
        assert_is(shelf, "total", "13");
        assert_null(store_cut_off(shelf->store));
}

/* Of two steps one alone would be a file that no version knows. */
static void store_new__earlier_version_and_a_table_in_the_way__set_aside_as_it_is(void **state)
{
        struct shelf *shelf = *state;
        char aside[128];

        make_version_1(shelf);
        run_sql(shelf, "CREATE TABLE trend (other)");
        open_store(shelf);
        assert_begun_again(shelf);
        close_store(shelf);
        beside(shelf, "sconce.db.damaged", aside);
        assert_int_equal(rename(aside, shelf->path), 0);
        run_sql(shelf, "DROP TABLE trend; CREATE TABLE outbox (free)"); /* it was not made */
        run_sql(shelf, "DROP TABLE outbox");
        open_store(shelf);
        assert_is(shelf, "total", "12.5");
}

static void store_new__of_a_later_version__left_as_it_is(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        put(shelf, "total", "1");
        close_store(shelf);
        run_sql(shelf, "PRAGMA user_version=99");
        open_store(shelf);
        assert_non_null(strstr(shelf->unusable,
                               "a later version of sconced wrote it (99, this one knows 2): it is not changed"));
        assert_is(shelf, "total", NULL);
        put(shelf, "total", "2");
        assert_is(shelf, "total", "2");
        close_store(shelf);
        run_sql(shelf, "PRAGMA user_version=2");
        open_store(shelf);
        assert_is(shelf, "total", "1");
}

static void store_new__no_directory__in_memory_until_there_is_one(void **state)
{
        struct shelf *shelf = *state;

        assert_int_equal(rmdir(shelf->dir), 0);
        open_store(shelf);
        assert_non_null(strstr(shelf->unusable, " does not exist: make it"));
        assert_int_equal(count_logged(shelf, "are lost when sconced ends"), 1);
        put(shelf, "total", "1");
        assert_is(shelf, "total", "1");
        assert_int_equal(mkdir(shelf->dir, 0700), 0);
        wait_file(shelf, "total", "1");
        wait_trouble(shelf, shelf->unusable, false);
        assert_int_equal(count_logged(shelf, "can be saved again"), 1);
}

/* With something else in the file's place. */
static void assert_works_in_memory(struct shelf *shelf)
{
        open_store(shelf);
        assert_non_null(strstr(shelf->unusable, "it is not a regular file"));
        crash(shelf);
        assert_int_equal(remove(shelf->path), 0);
}

static void store_new__directory_in_its_place__in_memory(void **state)
{
        struct shelf *shelf = *state;

        assert_int_equal(mkdir(shelf->path, 0700), 0);
        assert_works_in_memory(shelf);
}

static void store_new__fifo_in_its_place__in_memory(void **state)
{
        struct shelf *shelf = *state;

        assert_int_equal(mkfifo(shelf->path, 0600), 0);
        assert_works_in_memory(shelf);
}

/* A directory has a link for each one in it. */
static nlink_t count_threads(void)
{
        struct stat tasks;

        assert_int_equal(stat("/proc/self/task", &tasks), 0);
        return tasks.st_nlink;
}

/* Before the first store: this one, and those of a sanitizer or an emulator. */
static nlink_t n_threads;

static int count_threads_once(void **state)
{
        (void)state;
        n_threads = count_threads();
        return 0;
}

/* The writer of a store that is closed is still ending, and may hold a lock of the C library's or a sanitizer's: a child
 * that is forked then waits for it for ever. */
static void wait_alone(void)
{
        uint64_t until_ns = clock_monotonic_ns() + 10 * NSEC_PER_SEC;

        while (count_threads() > n_threads) {
                assert_true(clock_monotonic_ns() < until_ns);
                (void)sched_yield();
        }
}

/* Root may write anywhere: another user tries. */
static int as_nobody(struct shelf *shelf, void (*test)(struct shelf *shelf))
{
        int status;

        wait_alone();
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
                        _exit(2);
                /* An event loop is its process's own. */
                shelf->parents = shelf->loop;
                shelf->loop = (struct loop){ .fake = true, .fake_now_us = 1 };
                if (sd_event_new(&shelf->loop.event) < 0)
                        _exit(3);
                test(shelf);
                _exit(shelf->store ? 1 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CHECK(condition)                                                                                               \
        do {                                                                                                           \
                if (!(condition))                                                                                      \
                        _exit(10 + __LINE__ % 100);                                                                    \
        } while (0)

static void use_read_only(struct shelf *shelf)
{
        const struct store_options options = { .loop = &shelf->loop,
                                               .dir = shelf->dir,
                                               .save_after_us = SAVE_AFTER_US,
                                               .fault = on_trouble,
                                               .userdata = shelf };

        CHECK(store_new(&options, &shelf->store) == 0);
        CHECK(strstr(shelf->unusable, ": Permission denied"));
        CHECK(store_get(shelf->store, STORE_SAVED, "meter", "total")); /* it may be read */
        CHECK(store_put(shelf->store, STORE_SAVED, "meter", "total", "2") == 0);
        CHECK(strcmp(store_get(shelf->store, STORE_SAVED, "meter", "total"), "2") == 0);
        close_store(shelf);
}

static void store_new__read_only__read_and_then_in_memory(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf);
        put(shelf, "total", "1");
        close_store(shelf);
        assert_int_equal(chmod(shelf->path, 0444), 0);
        assert_int_equal(chmod(shelf->dir, 0555), 0);
        assert_int_equal(as_nobody(shelf, use_read_only), 0);
        assert_int_equal(chmod(shelf->dir, 0700), 0);
        assert_true(file_holds(shelf, "total", "1"));
}

/* ---- A disk that fills up, and gets room again --------------------------------------------------------- */

/* A tmpfs of its own where that is possible, else a limit to the size of files. */
static void make_small(struct shelf *shelf)
{
        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
                return;
        shelf->is_mounted = mount("tmpfs", shelf->dir, "tmpfs", 0, "size=256k,mode=0700") == 0;
}

static void take_the_room(struct shelf *shelf)
{
        const char page[4096] = "";
        char path[128];

        if (!shelf->is_mounted) {
                (void)signal(SIGXFSZ, SIG_IGN);
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4096, shelf->limit_before.rlim_max }), 0);
                return;
        }
        beside(shelf, "filler", path);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        while (write(fd, page, sizeof(page)) > 0)
                continue;
        assert_int_equal(errno, ENOSPC);
        (void)close(fd);
}

static void give_the_room_back(struct shelf *shelf)
{
        char path[128];

        assert_int_equal(setrlimit(RLIMIT_FSIZE, &shelf->limit_before), 0);
        beside(shelf, "filler", path);
        if (shelf->is_mounted)
                assert_int_equal(unlink(path), 0);
}

static void store_put__full__in_memory_until_there_is_room(void **state)
{
        struct shelf *shelf = *state;

        make_small(shelf);
        open_store(shelf);
        put(shelf, "before", "1");
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        wait_file(shelf, "before", "1");
        take_the_room(shelf);
        fill(shelf, 500);
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        wait_trouble(shelf, shelf->unusable, true);
        if (!strstr(shelf->unusable, "no space left"))
                fail_msg("it is: %s", shelf->unusable);
        assert_is(shelf, "key00499", "some value that takes its room");
        put(shelf, "after", "2");
        give_the_room_back(shelf);
        wait_trouble(shelf, shelf->unusable, false);
        wait_file(shelf, "after", "2");
        assert_true(file_holds(shelf, "before", "1"));
        assert_true(file_holds(shelf, "key00499", "some value that takes its room"));
        assert_int_equal(count_logged(shelf, "no space left"), 1);
}

/* ---- While it runs ------------------------------------------------------------------------------------- */

static void store_put__file_removed__written_again_in_full(void **state)
{
        struct shelf *shelf = *state;
        char path[128];

        open_store(shelf);
        put(shelf, "total", "1");
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        wait_file(shelf, "total", "1");
        assert_int_equal(unlink(shelf->path), 0);
        beside(shelf, "sconce.db-wal", path);
        (void)unlink(path);
        beside(shelf, "sconce.db-shm", path);
        (void)unlink(path);
        put(shelf, "other", "2");
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        wait_file(shelf, "other", "2");
        assert_true(file_holds(shelf, "total", "1"));
        crash(shelf);
        open_store(shelf);
        assert_non_null(store_cut_off(shelf->store)); /* the mark of the run was written again too */
}

static void store_put__damaged_while_it_runs__begun_again_in_full(void **state)
{
        struct shelf *shelf = *state;
        struct stat status;

        /* More than SQLite holds in memory, or it would not look at the file again. */
        open_store(shelf);
        fill(shelf, 5000);
        close_store(shelf);
        open_store(shelf);
        assert_int_equal(stat(shelf->path, &status), 0);
        write_file(shelf->path, 4096, "scribble", ((size_t)status.st_size - 4096) / 8);
        put(shelf, "key00500", "another");
        put(shelf, "zzz", "last");
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        wait_trouble(shelf, shelf->set_aside, true);
        assert_begun_again(shelf);
        wait_file(shelf, "zzz", "last");
        assert_true(file_holds(shelf, "key04999", "some value that takes its room"));
        assert_true(file_holds(shelf, "key00500", "another"));
}

/* The loop's functions return at once whatever the disk does, and memory does not grow with the wait. */
static void store_put__writer_is_stuck__nobody_waits(void **state)
{
        struct shelf *shelf = *state;
        sqlite3 *other = NULL;
        struct timespec before, after;

        open_store(shelf);
        assert_int_equal(sqlite3_open(shelf->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        put(shelf, "total", "0");
        loop_advance(&shelf->loop, SAVE_AFTER_US);
        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        for (unsigned i = 1; i <= 10000; i++) {
                char text[16];
                (void)snprintf(text, sizeof(text), "%u", i);
                put(shelf, "total", text);
                loop_advance(&shelf->loop, 1000);
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        assert_true(after.tv_sec - before.tv_sec <= 1); /* the writer waits for two seconds each time */
        assert_is(shelf, "total", "10000");
        wait_trouble(shelf, shelf->unusable, true);
        assert_non_null(strstr(shelf->unusable, "another program has locked it"));
        assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(other);
        wait_file(shelf, "total", "10000");
}

static void store_close__writer_is_stuck__gives_up_in_time(void **state)
{
        struct shelf *shelf = *state;
        sqlite3 *other = NULL;
        struct timespec before, after;

        open_store(shelf);
        assert_int_equal(sqlite3_open(shelf->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        put(shelf, "total", "1");
        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        assert_false(close_store(shelf));
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        assert_true(after.tv_sec - before.tv_sec <= 6);
        (void)sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
        (void)sqlite3_close(other);
        open_store(shelf);
        assert_non_null(store_cut_off(shelf->store));
        assert_is(shelf, "total", NULL);
}

/* ---- Looking without touching -------------------------------------------------------------------------- */

static void store_peek__nothing_there__makes_nothing(void **state)
{
        struct shelf *shelf = *state;
        struct fault fault;

        assert_int_equal(store_peek(shelf->dir, &shelf->store, &fault), 0);
        assert_is(shelf, "total", NULL);
        assert_int_equal(access(shelf->path, F_OK), -1);
}

static void store_peek__damaged__reported_and_left(void **state)
{
        struct shelf *shelf = *state;
        struct fault fault;

        write_file(shelf->path, 0, "this is no database\n", 400);
        assert_int_equal(store_peek(shelf->dir, &shelf->store, &fault), -EUCLEAN);
        assert_non_null(strstr(fault.text, "it is damaged"));
        assert_int_equal(access(shelf->path, F_OK), 0);
}

/* To open a FIFO waits for its other end for ever, and with it anyone who makes the outputs safe. */
static void store_peek__fifo_in_its_place__reported(void **state)
{
        struct shelf *shelf = *state;
        struct fault fault;

        assert_int_equal(mkfifo(shelf->path, 0600), 0);
        assert_int_equal(store_peek(shelf->dir, &shelf->store, &fault), -EINVAL);
        assert_non_null(strstr(fault.text, "it is not a regular file"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(store_close__then_new__all_is_there),
                TEST(store_put__save_after_has_passed__on_disk_as_one),
                TEST(store_put__while_the_disk_is_busy__has_waited_since_then),
                TEST(store_free__like_a_crash__value_before),
                TEST(store_hurry__called__does_not_wait),
                TEST(store_cut_off__close_or_crash__distinguishes_them),
                TEST(store_forget__some__are_gone_from_the_file_too),
                TEST(store_new__no_directory_given__works_in_memory),
                TEST(store_new__file__is_private_and_holds_its_version),
                TEST(store_new__no_database__set_aside_and_begun_again),
                TEST(store_new__damaged_page__set_aside_and_begun_again),
                TEST(store_new__another_programs_file__set_aside),
                TEST(store_new__another_table_of_that_name__set_aside),
                TEST(store_new__of_an_earlier_version__taken_along),
                TEST(store_new__earlier_version_and_a_table_in_the_way__set_aside_as_it_is),
                TEST(store_new__of_a_later_version__left_as_it_is),
                TEST(store_new__no_directory__in_memory_until_there_is_one),
                TEST(store_new__directory_in_its_place__in_memory),
                TEST(store_new__fifo_in_its_place__in_memory),
                TEST(store_new__read_only__read_and_then_in_memory),
                TEST(store_put__full__in_memory_until_there_is_room),
                TEST(store_put__file_removed__written_again_in_full),
                TEST(store_put__damaged_while_it_runs__begun_again_in_full),
                TEST(store_put__writer_is_stuck__nobody_waits),
                TEST(store_close__writer_is_stuck__gives_up_in_time),
                TEST(store_peek__nothing_there__makes_nothing),
                TEST(store_peek__damaged__reported_and_left),
                TEST(store_peek__fifo_in_its_place__reported),
        };
        return cmocka_run_group_tests(tests, count_threads_once, NULL);
}
