/* SPDX-License-Identifier: Apache-2.0 */
/* The table `trend`, and with it what holds for every job: the order, the end, a store without a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/job.h"
#include "store/store.h"
#include "store/trend_table.h"
#include "util/log.h"

#define SOON_S 20

struct shelf {
        struct loop loop;
        struct store *store;
        char dir[64];
        struct trend_rows rows; /* as they were read last */
        int read_result;
        unsigned n_reads, n_begun_again;
};

static void beside(const struct shelf *shelf, const char *name, char path[static 128])
{
        (void)snprintf(path, 128, "%s/%s", shelf->dir, name);
}

static void remove_file(const struct shelf *shelf)
{
        static const char *const names[] = { "sconce.db", "sconce.db-wal", "sconce.db-shm" };
        char path[128];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                beside(shelf, names[i], path);
                (void)unlink(path);
        }
}

static void drop_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)level;
        (void)about;
        (void)text;
}

static int setup(void **state)
{
        struct shelf *shelf = calloc(1, sizeof(*shelf));

        assert_non_null(shelf);
        *state = shelf;
        log_set_sink(drop_log, NULL);
        (void)snprintf(shelf->dir, sizeof(shelf->dir), "/tmp/sconce-trend.XXXXXX");
        assert_non_null(mkdtemp(shelf->dir));
        assert_int_equal(loop_init_fake(&shelf->loop), 0);
        return 0;
}

static int teardown(void **state)
{
        struct shelf *shelf = *state;

        store_free(shelf->store);
        loop_done(&shelf->loop);
        remove_file(shelf);
        (void)rmdir(shelf->dir);
        trend_rows_done(&shelf->rows);
        log_set_sink(NULL, NULL);
        free(shelf);
        return 0;
}

static void on_begun_again(void *userdata)
{
        ((struct shelf *)userdata)->n_begun_again++;
}

static void open_store(struct shelf *shelf, const char *dir)
{
        const struct store_options options = { .loop = &shelf->loop, .dir = dir, .save_after_us = USEC_PER_SEC };

        assert_int_equal(store_new(&options, &shelf->store), 0);
        store_on_begun_again(shelf->store, on_begun_again, shelf);
}

static void crash(struct shelf *shelf)
{
        store_free(TAKE_PTR(shelf->store));
}

static void close_store(struct shelf *shelf)
{
        store_close(shelf->store);
        crash(shelf);
}

/* `data` NULL: forgets it. */
static void write_one(const struct shelf *shelf, const char *device, const char *channel, const char *data)
{
        struct trend_rows rows = { 0 };

        assert_int_equal(trend_rows_add(&rows, device, channel, data, data ? strlen(data) : 0), 0);
        assert_int_equal(trend_write(shelf->store, &rows), 0);
        assert_int_equal(rows.count, 0); /* theirs */
}

static void on_read(void *userdata, int r, const struct trend_rows *rows)
{
        struct shelf *shelf = userdata;

        shelf->read_result = r;
        trend_rows_done(&shelf->rows);
        for (size_t i = 0; i < rows->count; i++)
                assert_int_equal(trend_rows_add(&shelf->rows, rows->items[i].device, rows->items[i].channel,
                                                rows->items[i].data, rows->items[i].size),
                                 0);
        shelf->n_reads++;
}

static void read_all(struct shelf *shelf)
{
        struct timespec now, start;
        unsigned before = shelf->n_reads;

        assert_int_equal(trend_read(shelf->store, on_read, shelf), 0);
        (void)clock_gettime(CLOCK_MONOTONIC, &start);
        while (shelf->n_reads == before) {
                (void)sd_event_run(shelf->loop.event, 10 * USEC_PER_MSEC);
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                assert_true(now.tv_sec < start.tv_sec + SOON_S);
        }
}

/* `data` NULL: there is nothing. */
static void assert_is(const struct shelf *shelf, const char *device, const char *channel, const char *data)
{
        for (size_t i = 0; i < shelf->rows.count; i++) {
                const struct trend_row *row = &shelf->rows.items[i];
                if (strcmp(row->device, device) != 0 || strcmp(row->channel, channel) != 0)
                        continue;
                assert_non_null(data);
                assert_int_equal(row->size, strlen(data));
                assert_memory_equal(row->data, data, row->size);
                return;
        }
        assert_null(data);
}

static void trend_write__then_read__in_the_order_of_the_calls(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf, shelf->dir);
        write_one(shelf, "cellar", "temperature", "first");
        write_one(shelf, "cellar", "humidity", "moist");
        write_one(shelf, "cellar", "temperature", "second");
        write_one(shelf, "attic", "temperature", "warm");
        write_one(shelf, "attic", "temperature", NULL);
        read_all(shelf);
        assert_int_equal(shelf->read_result, 0);
        assert_int_equal(shelf->rows.count, 2);
        assert_is(shelf, "cellar", "temperature", "second");
        assert_is(shelf, "cellar", "humidity", "moist");
        assert_is(shelf, "attic", "temperature", NULL);
}

static void store_close__jobs_wait__are_done(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf, shelf->dir);
        for (char c = 'a'; c <= 'z'; c++)
                write_one(shelf, "cellar", "temperature", (char[]){ c, '\0' });
        close_store(shelf);
        open_store(shelf, shelf->dir);
        read_all(shelf);
        assert_int_equal(shelf->rows.count, 1);
        assert_is(shelf, "cellar", "temperature", "z");
}

static void store_free__read_is_under_way__its_asker_hears_nothing(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf, shelf->dir);
        assert_int_equal(trend_read(shelf->store, on_read, shelf), 0);
        crash(shelf);
        assert_int_equal(shelf->n_reads, 0);
}

static void trend_write__no_file__refused(void **state)
{
        struct shelf *shelf = *state;
        struct trend_rows rows = { 0 };

        open_store(shelf, NULL);
        assert_false(store_is_usable(shelf->store));
        assert_int_equal(trend_rows_add(&rows, "cellar", "temperature", "x", 1), 0);
        assert_int_equal(trend_write(shelf->store, &rows), -ENOTSUP);
        assert_int_equal(trend_read(shelf->store, on_read, shelf), -ENOTSUP);
        assert_int_equal(shelf->n_reads, 0);
}

static void trend_write__file_removed__begun_again_with_what_is_saved(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf, shelf->dir);
        assert_int_equal(store_put(shelf->store, STORE_SAVED, "meter", "total", "1"), 0);
        write_one(shelf, "cellar", "temperature", "before");
        loop_advance(&shelf->loop, USEC_PER_SEC);
        read_all(shelf);
        assert_is(shelf, "cellar", "temperature", "before");
        remove_file(shelf);
        write_one(shelf, "cellar", "humidity", "after");
        read_all(shelf);
        assert_int_equal(shelf->n_begun_again, 1);
        assert_int_equal(shelf->rows.count, 1);
        assert_is(shelf, "cellar", "humidity", "after");
        close_store(shelf);
        open_store(shelf, shelf->dir);
        assert_string_equal(store_get(shelf->store, STORE_SAVED, "meter", "total"), "1");
        assert_null(store_cut_off(shelf->store));
}

/* Of a directory that is not there. */
static void trend_read__file_cannot_be_opened__reported(void **state)
{
        struct shelf *shelf = *state;

        open_store(shelf, "/nonexistent/sconce");
        assert_false(store_is_usable(shelf->store));
        read_all(shelf);
        assert_int_equal(shelf->read_result, -ENOENT);
        assert_int_equal(shelf->rows.count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(trend_write__then_read__in_the_order_of_the_calls),
                TEST(store_close__jobs_wait__are_done),
                TEST(store_free__read_is_under_way__its_asker_hears_nothing),
                TEST(trend_write__no_file__refused),
                TEST(trend_write__file_removed__begun_again_with_what_is_saved),
                TEST(trend_read__file_cannot_be_opened__reported),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
