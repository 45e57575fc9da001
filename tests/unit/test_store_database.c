/* SPDX-License-Identifier: Apache-2.0 */
/* store/database: statements that are compiled once, and the memory that it keeps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/database.h"

#define PUT "INSERT INTO saved (what, device, key, value) VALUES ('value', ?1, 'state', 'ON')"

struct card {
        char dir[64];
        struct database database;
        struct database_news news;
        struct fault fault;
        sqlite3_stmt *used; /* the statement of the last write */
};

static int setup(void **state)
{
        struct card *card = calloc(1, sizeof(*card));

        assert_non_null(card);
        *state = card;
        (void)snprintf(card->dir, sizeof(card->dir), "/tmp/sconce-database.XXXXXX");
        assert_non_null(mkdtemp(card->dir));
        assert_int_equal(database_init(&card->database, card->dir), 0);
        return 0;
}

static int teardown(void **state)
{
        struct card *card = *state;
        char command[96];

        database_done(&card->database);
        (void)snprintf(command, sizeof(command), "rm -rf %s", card->dir);
        assert_int_equal(system(command), 0);
        free(card);
        return 0;
}

static int put_lamp(struct database *database, void *userdata)
{
        struct card *card = userdata;
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        int r = database_statement(database, PUT, &statement);

        card->used = statement;
        if (r == SQLITE_OK)
                r = sqlite3_bind_text(statement, 1, "lamp", -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int put_nobody(struct database *database, void *userdata)
{
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        int r = database_statement(database, PUT, &statement);

        (void)userdata;
        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int do_write(struct card *card, int (*run)(struct database *database, void *userdata))
{
        return database_write(&card->database, &(struct database_work){ run, card }, &card->news, &card->fault);
}

static void as_another_program(const struct card *card, const char *sql)
{
        char path[96];
        sqlite3 *sqlite = NULL;

        (void)snprintf(path, sizeof(path), "%s/sconce.db", card->dir);
        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

static int count_statements(const struct card *card)
{
        int count = 0;

        for (sqlite3_stmt *at = NULL; (at = sqlite3_next_stmt(card->database.sqlite, at));)
                count++;
        return count;
}

/* BEGIN, COMMIT and the work's own, however often it is done. */
static void database_statement__asked_for_again__is_the_same(void **state)
{
        struct card *card = *state;

        assert_int_equal(do_write(card, put_lamp), 0);
        const sqlite3_stmt *first = card->used;
        for (int i = 0; i < 3; i++) {
                as_another_program(card, "DELETE FROM saved");
                assert_int_equal(do_write(card, put_lamp), 0);
                assert_ptr_equal(card->used, first);
        }
        assert_int_equal(count_statements(card), 3);
}

static void database_statement__rested__has_no_values_left(void **state)
{
        struct card *card = *state;

        assert_int_equal(do_write(card, put_lamp), 0);
        assert_int_equal(do_write(card, put_nobody), -EIO); /* NOT NULL */
}

/* In a transaction that nobody has ended, or in a read that holds the log, it would wait. */
static void database_write__is_over__others_may_write_and_tidy_up(void **state)
{
        struct card *card = *state;

        assert_int_equal(do_write(card, put_lamp), 0);
        as_another_program(card, "BEGIN EXCLUSIVE; DELETE FROM saved; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}

static void database_write__another_program_changed_the_schema__goes_on(void **state)
{
        struct card *card = *state;

        assert_int_equal(do_write(card, put_lamp), 0);
        as_another_program(card, "DELETE FROM saved; CREATE INDEX mine ON saved (value); VACUUM");
        assert_int_equal(do_write(card, put_lamp), 0);
}

/* A statement of the old connection would keep it open, or be used on the new file. */
static void database_write__file_replaced__on_the_new_file(void **state)
{
        struct card *card = *state;
        char path[96];

        assert_int_equal(do_write(card, put_lamp), 0);
        (void)snprintf(path, sizeof(path), "%s/sconce.db", card->dir);
        assert_int_equal(unlink(path), 0);
        (void)memset(&card->news, 0, sizeof(card->news));
        assert_int_equal(do_write(card, put_lamp), 0);
        assert_true(card->news.is_new);
        as_another_program(card, "INSERT INTO saved SELECT what, device, 'copy', value FROM saved");
        assert_int_equal(sqlite3_changes(card->database.sqlite), 1);
}

static int cached_bytes(const struct card *card)
{
        int bytes = 0, highest = 0;

        assert_int_equal(sqlite3_db_status(card->database.sqlite, SQLITE_DBSTATUS_CACHE_USED, &bytes, &highest, false),
                         SQLITE_OK);
        return bytes;
}

static void database_rest__has_written__lets_go_of_the_pages(void **state)
{
        struct card *card = *state;

        database_rest(&card->database); /* not open yet */
        assert_int_equal(do_write(card, put_lamp), 0);
        int before = cached_bytes(card);
        database_rest(&card->database);
        assert_true(cached_bytes(card) < before);
        as_another_program(card, "DELETE FROM saved");
        assert_int_equal(do_write(card, put_lamp), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
                TEST(database_statement__asked_for_again__is_the_same),
                TEST(database_statement__rested__has_no_values_left),
                TEST(database_write__is_over__others_may_write_and_tidy_up),
                TEST(database_write__another_program_changed_the_schema__goes_on),
                TEST(database_write__file_replaced__on_the_new_file),
                TEST(database_rest__has_written__lets_go_of_the_pages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
