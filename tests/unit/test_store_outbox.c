/* SPDX-License-Identifier: Apache-2.0 */
/* outbox: what waits for the broker, on disk and in memory, and what its bounds take away. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "fakes/idle_job.h"
#include "store/outbox.h"
#include "util/log.h"

#define FLUSH_US (5 * USEC_PER_SEC)
#define SOON_S   20
#define BOOT     "11111111-2222-3333-4444-555555555555"

struct shelf {
        struct loop loop;
        struct clock *clock;
        struct store *store;
        struct outbox *outbox;
        struct outbox_limits limits;
        char dir[64];
        unsigned n_ready;
};

/* So often there is no memory for a job. */
static unsigned n_failing;

struct outbox_job *__real_outbox_job_new(bool writes);
struct outbox_job *__wrap_outbox_job_new(bool writes);

struct outbox_job *__wrap_outbox_job_new(bool writes)
{
        if (n_failing == 0)
                return __real_outbox_job_new(writes);
        n_failing--;
        return NULL;
}

/* ---- The shelf ----------------------------------------------------------------------------------------- */

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
        n_failing = 0;
        log_set_sink(drop_log, NULL);
        (void)snprintf(shelf->dir, sizeof(shelf->dir), "/tmp/sconce-outbox.XXXXXX");
        assert_non_null(mkdtemp(shelf->dir));
        assert_int_equal(loop_init_fake(&shelf->loop), 0);
        assert_int_equal(clock_new(&shelf->loop, CLOCK_MODE_TRUSTED, &shelf->clock), 0);
        loop_advance(&shelf->loop, 1000 * USEC_PER_SEC);
        shelf->limits = (struct outbox_limits){ 100000, 32 * 1024 * 1024, 30 * 86400 * USEC_PER_SEC };
        return 0;
}

static void remove_file(const struct shelf *shelf)
{
        static const char *const names[] = { "sconce.db", "sconce.db-wal", "sconce.db-shm", "sconce.db.damaged",
                                             "sconce.db.damaged-wal" };
        char path[128];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", shelf->dir, names[i]);
                (void)unlink(path);
        }
}

static void crash(struct shelf *shelf)
{
        store_free(TAKE_PTR(shelf->store));
        outbox_free(TAKE_PTR(shelf->outbox));
}

static int teardown(void **state)
{
        struct shelf *shelf = *state;

        crash(shelf);
        clock_free(shelf->clock);
        loop_done(&shelf->loop);
        remove_file(shelf);
        (void)rmdir(shelf->dir);
        log_set_sink(NULL, NULL);
        free(shelf);
        return 0;
}

static void on_ready(void *userdata)
{
        ((struct shelf *)userdata)->n_ready++;
}

static void open_with(struct shelf *shelf, const char *dir, const char *boot)
{
        const struct store_options store = { .loop = &shelf->loop, .dir = dir, .save_after_us = USEC_PER_SEC };
        struct outbox_options options = { .loop = &shelf->loop,
                                          .clock = shelf->clock,
                                          .boot = boot,
                                          .flush_us = FLUSH_US,
                                          .limits = shelf->limits,
                                          .ready = on_ready,
                                          .userdata = shelf };

        assert_int_equal(store_new(&store, &shelf->store), 0);
        options.store = shelf->store;
        assert_int_equal(outbox_new(&options, &shelf->outbox), 0);
}

static void open_outbox(struct shelf *shelf)
{
        open_with(shelf, shelf->dir, BOOT);
}

static void close_outbox(struct shelf *shelf)
{
        outbox_close(shelf->outbox);
        store_close(shelf->store);
        crash(shelf);
}

/* Without the clock of the file's world: the disk's jobs alone. */
static void wait_ready(struct shelf *shelf, unsigned before)
{
        struct timespec now, start;

        (void)clock_gettime(CLOCK_MONOTONIC, &start);
        while (shelf->n_ready == before) {
                (void)sd_event_run(shelf->loop.event, 10 * USEC_PER_MSEC);
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                assert_true(now.tv_sec < start.tv_sec + SOON_S);
        }
}

static int64_t add_of(struct shelf *shelf, const char *device, int number, uint64_t stamp_us)
{
        char content[64];

        int size = snprintf(content, sizeof(content), "{\"n\":%d}", number);
        struct outbox_entry *entry = outbox_entry_new(OUTBOX_STATE, BOOT, device, content, (size_t)size);
        assert_non_null(entry);
        entry->stamp_us = stamp_us;
        return outbox_add(shelf->outbox, entry);
}

static int64_t add(struct shelf *shelf, const char *device, int number)
{
        return add_of(shelf, device, number, loop_now_us(&shelf->loop));
}

static void commit(struct shelf *shelf)
{
        unsigned before = shelf->n_ready;

        outbox_commit(shelf->outbox);
        wait_ready(shelf, before);
}

/* Waits until the file has been read. */
static void begin(struct shelf *shelf)
{
        unsigned before = shelf->n_ready;

        open_outbox(shelf);
        wait_ready(shelf, before);
}

static struct outbox_entry *next(struct shelf *shelf, int64_t *ret_number)
{
        struct outbox_entry *entry;
        unsigned before = shelf->n_ready;

        while (!(entry = outbox_next(shelf->outbox, ret_number))) {
                wait_ready(shelf, before);
                before = shelf->n_ready;
        }
        return entry;
}

static void assert_next(struct shelf *shelf, int number)
{
        char expected[64];
        int64_t id;
        struct outbox_entry *entry = next(shelf, &id);

        (void)snprintf(expected, sizeof(expected), "{\"n\":%d}", number);
        assert_string_equal(entry->content, expected);
        free(entry);
}

/* What has no number of its own must not be waited for: an entry comes first that is put there for it. */
static void assert_at_end(struct shelf *shelf)
{
        (void)add(shelf, "end", -1);
        assert_next(shelf, -1);
}

/* ---- Order and restarts -------------------------------------------------------------------------------- */

static void outbox_next__many__oldest_first_in_windows(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        for (int i = 0; i < 1000; i++)
                (void)add(shelf, i % 2 ? "a" : "b", i);
        for (int i = 0; i < 1000; i++)
                assert_next(shelf, i);
        assert_at_end(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 1001);
}

static void outbox_close__then_new__all_there_and_seq_goes_on(void **state)
{
        struct shelf *shelf = *state;
        int64_t number, seq;

        open_outbox(shelf); /* numbers are given before the file is read */
        (void)add(shelf, "a", 1);
        int64_t second = add(shelf, "a", 2);
        outbox_remove(shelf->outbox, second);
        close_outbox(shelf);
        open_outbox(shelf);
        (void)add(shelf, "a", 3);
        struct outbox_entry *entry = next(shelf, &number);
        assert_string_equal(entry->content, "{\"n\":1}");
        assert_string_equal(entry->boot, BOOT);
        assert_int_equal(entry->seq, 1);
        free(entry);
        outbox_remove(shelf->outbox, number);
        entry = next(shelf, &number);
        assert_string_equal(entry->content, "{\"n\":3}");
        seq = entry->seq;
        assert_true(seq > 1);
        free(entry);
        outbox_remove(shelf->outbox, number);
        close_outbox(shelf); /* nothing is left, and its numbers are not given again */
        open_outbox(shelf);
        (void)add(shelf, "a", 4);
        entry = next(shelf, &number);
        assert_string_equal(entry->content, "{\"n\":4}");
        assert_true(entry->seq > seq);
        free(entry);
}

static void outbox_free__like_a_crash__only_younger_than_flush_is_lost(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        (void)add(shelf, "a", 1);
        unsigned before = shelf->n_ready;
        loop_advance(&shelf->loop, FLUSH_US);
        wait_ready(shelf, before);
        (void)add(shelf, "a", 2);
        crash(shelf);
        begin(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 1);
        assert_next(shelf, 1);
        assert_at_end(shelf);
}

static void assert_two_after_a_crash(struct shelf *shelf)
{
        crash(shelf);
        begin(shelf);
        assert_next(shelf, 1);
        assert_next(shelf, 2);
        assert_at_end(shelf);
}

/* The whole time that it waits counts, with the broker and here. */
static void outbox_add__made_half_of_flush_ago__in_the_file_within_the_other_half(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        (void)add(shelf, "a", 1);
        (void)add_of(shelf, "a", 2, loop_now_us(&shelf->loop) - FLUSH_US / 2);
        unsigned before = shelf->n_ready;
        loop_advance(&shelf->loop, FLUSH_US / 4);
        wait_ready(shelf, before);
        assert_two_after_a_crash(shelf);
}

static void outbox_add__while_the_disk_is_busy__has_waited_since_then(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        (void)add(shelf, "a", 1);
        unsigned before = shelf->n_ready;
        outbox_commit(shelf->outbox);
        (void)add(shelf, "a", 2);
        loop_advance(&shelf->loop, FLUSH_US);
        wait_ready(shelf, before); /* the disk is done with the first */
        before = shelf->n_ready;
        loop_advance(&shelf->loop, 1);
        wait_ready(shelf, before);
        assert_two_after_a_crash(shelf);
}

static void outbox_rewind__some_removed__the_others_again(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        for (int i = 0; i < 4; i++)
                (void)add(shelf, "a", i);
        free(next(shelf, &number));
        free(next(shelf, &number));
        outbox_remove(shelf->outbox, number);
        outbox_rewind(shelf->outbox);
        assert_next(shelf, 0);
        assert_next(shelf, 2);
        assert_next(shelf, 3);
        assert_int_equal(outbox_count(shelf->outbox), 3);
}

/* ---- Bounds -------------------------------------------------------------------------------------------- */

static void outbox_add__over_max_count__oldest_go_and_are_counted(void **state)
{
        struct shelf *shelf = *state;

        shelf->limits.max_count = 10;
        begin(shelf);
        for (int i = 0; i < 25; i++)
                (void)add(shelf, "a", i);
        commit(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 10);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_COUNT), 15);
        assert_next(shelf, 15);
}

/* More than memory may hold, and the disk works. */
static void outbox_add__large_ones_at_once__none_is_lost(void **state)
{
        struct shelf *shelf = *state;
        char *content = calloc(1, 20001);

        assert_non_null(content);
        memset(content, 'x', 20000);
        begin(shelf);
        for (int i = 0; i < 70; i++) {
                struct outbox_entry *entry = outbox_entry_new(OUTBOX_STATE, BOOT, "a", content, 20000);
                assert_non_null(entry);
                entry->stamp_us = loop_now_us(&shelf->loop);
                (void)outbox_add(shelf->outbox, entry);
        }
        free(content);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_MEMORY), 0);
        close_outbox(shelf);
        begin(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 70);
}

static void outbox_add__over_max_bytes__oldest_go_and_are_counted(void **state)
{
        struct shelf *shelf = *state;

        shelf->limits.max_bytes = 4096;
        begin(shelf);
        for (int i = 0; i < 100; i++)
                (void)add(shelf, "a", i);
        commit(shelf);
        uint64_t kept = outbox_count(shelf->outbox);
        assert_true(kept > 10 && kept < 60);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_BYTES), 100 - kept);
        assert_next(shelf, (int)(100 - kept));
}

static void outbox_commit__over_max_age__oldest_go_and_are_counted(void **state)
{
        struct shelf *shelf = *state;
        uint64_t age_us;

        shelf->limits.max_age_us = 60 * USEC_PER_SEC;
        begin(shelf);
        (void)add(shelf, "a", 1);
        commit(shelf);
        loop_advance(&shelf->loop, 50 * USEC_PER_SEC);
        assert_true(outbox_oldest_us(shelf->outbox, &age_us));
        assert_true(age_us >= 49 * USEC_PER_SEC);
        (void)add(shelf, "a", 2);
        loop_advance(&shelf->loop, USEC_PER_SEC);
        commit(shelf);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_AGE), 0);
        loop_advance(&shelf->loop, 30 * USEC_PER_SEC);
        (void)add(shelf, "a", 3);
        commit(shelf);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_AGE), 1);
        assert_next(shelf, 2);
}

/* ---- Times --------------------------------------------------------------------------------------------- */

static void run_sql(const struct shelf *shelf, const char *sql)
{
        sqlite3 *sqlite = NULL;
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/sconce.db", shelf->dir);
        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

/* Numbers are added to these: the file is set aside before one runs over. */
static void outbox_new__rows_that_no_agent_writes__begun_again(void **state)
{
        static const char *const rows[] = {
                "(9223372036854775807, 'b', 1, NULL, 'cellar', 'state', '{}', 100)",
                "(-5, 'b', 1, NULL, 'cellar', 'state', '{}', 100)",
                "(7, 'b', 1, NULL, 'cellar', 'state', '{}', -1)",
        };
        struct shelf *shelf = *state;
        char sql[128];
        int64_t number;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin(shelf);
                close_outbox(shelf);
                (void)snprintf(sql, sizeof(sql), "INSERT INTO outbox VALUES %s", rows[i]);
                run_sql(shelf, sql);
                begin(shelf);
                assert_int_equal(outbox_count(shelf->outbox), 0);
                (void)add(shelf, "cellar", 1);
                commit(shelf);
                struct outbox_entry *entry = next(shelf, &number);
                assert_int_equal(entry->seq, 1);
                free(entry);
                close_outbox(shelf);
                remove_file(shelf);
        }
}

/* Of a boot whose time nobody knew. */
static void begin_behind_one_of_no_age(struct shelf *shelf)
{
        shelf->limits.max_age_us = 100 * USEC_PER_SEC;
        begin(shelf);
        close_outbox(shelf);
        run_sql(shelf, "INSERT INTO outbox VALUES (1, 'b', 1, NULL, 'a', 'state', '{\"n\":0}', 100)");
        begin(shelf);
        (void)add(shelf, "a", 1);
        commit(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 2);
}

static void outbox_commit__over_max_age_behind_one_of_no_age__both_go(void **state)
{
        struct shelf *shelf = *state;

        begin_behind_one_of_no_age(shelf);
        loop_advance(&shelf->loop, 101 * USEC_PER_SEC);
        (void)add(shelf, "a", 2);
        commit(shelf);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_AGE), 2);
        assert_int_equal(outbox_count(shelf->outbox), 1);
        assert_next(shelf, 2);
}

static void outbox_commit__young_behind_one_of_no_age__both_stay(void **state)
{
        struct shelf *shelf = *state;
        uint64_t age_us;

        begin_behind_one_of_no_age(shelf);
        loop_advance(&shelf->loop, 99 * USEC_PER_SEC);
        (void)add(shelf, "a", 2);
        commit(shelf);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_AGE), 0);
        assert_int_equal(outbox_count(shelf->outbox), 3);
        assert_false(outbox_oldest_us(shelf->outbox, &age_us)); /* nobody knows */
        for (int i = 0; i < 3; i++)
                assert_next(shelf, i);
}

static void outbox_time__another_boot__only_where_it_was_known(void **state)
{
        struct shelf *shelf = *state;
        struct clock *trusted = shelf->clock;
        uint64_t wall_us;
        int64_t number;

        begin(shelf);
        (void)add(shelf, "a", 1);
        close_outbox(shelf);
        shelf->clock = NULL; /* nobody knows the time */
        begin(shelf);
        (void)add(shelf, "a", 2);
        close_outbox(shelf);
        shelf->clock = trusted;
        open_with(shelf, shelf->dir, "another boot");
        struct outbox_entry *entry = next(shelf, &number);
        assert_true(outbox_time(shelf->outbox, entry, &wall_us));
        assert_true(wall_us > 1700000000 * USEC_PER_SEC);
        free(entry);
        entry = next(shelf, &number);
        assert_string_equal(entry->content, "{\"n\":2}");
        assert_false(outbox_time(shelf->outbox, entry, &wall_us));
        free(entry);
}

/* In the same boot the stamp is enough, and the file has the time from then on. */
static void outbox_new__same_boot_and_time_known__earlier_entries_get_it(void **state)
{
        struct shelf *shelf = *state;
        struct clock *trusted = shelf->clock;
        uint64_t wall_us;
        int64_t number;

        shelf->clock = NULL;
        begin(shelf);
        (void)add(shelf, "a", 1);
        close_outbox(shelf);
        shelf->clock = trusted;
        begin(shelf);
        close_outbox(shelf);
        open_with(shelf, shelf->dir, "another boot");
        struct outbox_entry *entry = next(shelf, &number);
        assert_true(outbox_time(shelf->outbox, entry, &wall_us));
        free(entry);
}

/* ---- What comes and goes while a window is read ---------------------------------------------------------- */

static void outbox_remove__read_and_not_handed_out__not_handed_out(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        (void)add(shelf, "a", 1);
        int64_t second = add(shelf, "a", 2);
        (void)add(shelf, "a", 3);
        assert_next(shelf, 1);
        outbox_remove(shelf->outbox, second);
        assert_next(shelf, 3);
}

static void outbox_remove__while_it_is_read__not_handed_out(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        int64_t first = add(shelf, "a", 1);
        (void)add(shelf, "a", 2);
        unsigned before = shelf->n_ready;
        assert_null(outbox_next(shelf->outbox, &number)); /* it is being read */
        outbox_remove(shelf->outbox, first);
        wait_ready(shelf, before);
        assert_next(shelf, 2);
}

static void outbox_add__while_an_empty_window_is_read__handed_out(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        unsigned before = shelf->n_ready;
        assert_null(outbox_next(shelf->outbox, &number));
        (void)add(shelf, "a", 1);
        wait_ready(shelf, before);
        assert_next(shelf, 1);
}

/* ---- No memory ------------------------------------------------------------------------------------------ */

static void outbox_commit__no_memory__in_the_file_a_second_later(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        (void)add(shelf, "a", 1);
        n_failing = 1;
        outbox_commit(shelf->outbox);
        assert_int_equal(n_failing, 0);
        unsigned before = shelf->n_ready;
        loop_advance(&shelf->loop, USEC_PER_SEC);
        wait_ready(shelf, before);
        crash(shelf);
        begin(shelf);
        assert_next(shelf, 1);
}

static void outbox_next__no_memory__ready_a_second_later(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        (void)add(shelf, "a", 1);
        commit(shelf);
        n_failing = 1;
        assert_null(outbox_next(shelf->outbox, &number));
        assert_int_equal(n_failing, 0);
        unsigned before = shelf->n_ready;
        loop_advance(&shelf->loop, USEC_PER_SEC);
        wait_ready(shelf, before);
        assert_next(shelf, 1);
}

/* ---- A file that does not work ------------------------------------------------------------------------- */

static void outbox_add__no_file__bounded_in_memory(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        open_with(shelf, NULL, BOOT);
        for (int i = 0; i < 5000; i++)
                (void)add(shelf, "a", i);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_MEMORY), 5000 - 4096);
        struct outbox_entry *entry = outbox_next(shelf->outbox, &number);
        assert_non_null(entry);
        assert_string_equal(entry->content, "{\"n\":904}");
        free(entry);
        outbox_remove(shelf->outbox, number);
        assert_int_equal(outbox_count(shelf->outbox), 4095);
}

/* No file grows beyond that. */
static void limit_files(rlim_t bytes)
{
        const struct rlimit limit = { bytes, RLIM_INFINITY };

        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* They were on their way to the broker as well, which has them now. */
static void outbox_remove__those_that_memory_had_no_room_for__the_others_count(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        limit_files(1);
        (void)add(shelf, "a", 0);
        commit(shelf);
        int64_t first = add(shelf, "a", 1);
        for (int i = 2; i < 4200; i++)
                (void)add(shelf, "a", i);
        limit_files(RLIM_INFINITY);
        assert_int_equal(outbox_count(shelf->outbox), 4096);
        for (int64_t number = first; number < first + 100; number++)
                outbox_remove(shelf->outbox, number);
        assert_int_equal(outbox_count(shelf->outbox), 4096);
}

static void outbox_remove__on_its_way_to_a_file_that_fails__not_handed_out(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        limit_files(1);
        int64_t delivered = add(shelf, "a", 1);
        (void)add(shelf, "a", 2);
        unsigned before = shelf->n_ready;
        outbox_commit(shelf->outbox);
        outbox_remove(shelf->outbox, delivered);
        wait_ready(shelf, before);
        limit_files(RLIM_INFINITY);
        assert_int_equal(outbox_count(shelf->outbox), 1);
        struct outbox_entry *entry = outbox_next(shelf->outbox, &number);
        assert_non_null(entry);
        assert_string_equal(entry->content, "{\"n\":2}");
        free(entry);
}

static void outbox_next__file_works_again__what_is_in_it_comes_after_a_rewind(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        (void)add(shelf, "a", 1);
        commit(shelf);
        limit_files(1);
        (void)add(shelf, "a", 2);
        commit(shelf);
        struct outbox_entry *entry = outbox_next(shelf->outbox, &number);
        assert_non_null(entry);
        assert_string_equal(entry->content, "{\"n\":2}");
        free(entry);
        assert_false(outbox_is_ahead(shelf->outbox));
        outbox_remove(shelf->outbox, number);
        limit_files(RLIM_INFINITY);
        unsigned before = shelf->n_ready;
        loop_advance(&shelf->loop, 60 * USEC_PER_SEC); /* nothing is to be written: it is tried all the same */
        wait_ready(shelf, before);
        assert_true(outbox_is_ahead(shelf->outbox));
        outbox_rewind(shelf->outbox);
        assert_false(outbox_is_ahead(shelf->outbox));
        assert_next(shelf, 1);
}

/* Of the next one that is handed out. */
static int64_t seq_of_next(struct shelf *shelf, const char *content, int64_t *ret_number)
{
        struct outbox_entry *entry = next(shelf, ret_number);
        int64_t seq = entry->seq;

        assert_string_equal(entry->content, content);
        free(entry);
        return seq;
}

static void outbox_next__no_file__seq_goes_on_in_the_next_run(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        open_with(shelf, NULL, BOOT);
        (void)add(shelf, "a", 1);
        (void)add(shelf, "a", 2);
        int64_t seq = seq_of_next(shelf, "{\"n\":1}", &number);
        assert_int_equal(seq, loop_now_us(&shelf->loop) / USEC_PER_MSEC + 1);
        assert_int_equal(seq_of_next(shelf, "{\"n\":2}", &number), seq + 1);
        crash(shelf);
        loop_advance(&shelf->loop, USEC_PER_SEC);
        open_with(shelf, NULL, BOOT);
        (void)add(shelf, "a", 3);
        assert_true(seq_of_next(shelf, "{\"n\":3}", &number) > seq + 1);
}

/* Tried again after a minute. */
static void let_file_work(struct shelf *shelf)
{
        unsigned before = shelf->n_ready;

        limit_files(RLIM_INFINITY);
        loop_advance(&shelf->loop, 60 * USEC_PER_SEC);
        wait_ready(shelf, before);
}

static void outbox_next__file_works_later__the_same_seq(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        limit_files(1);
        begin(shelf);
        (void)add(shelf, "a", 1);
        int64_t seq = seq_of_next(shelf, "{\"n\":1}", &number);
        let_file_work(shelf);
        (void)add(shelf, "a", 2);
        assert_int_equal(seq_of_next(shelf, "{\"n\":2}", &number), seq + 1); /* the first is on its way */
        outbox_rewind(shelf->outbox);
        assert_int_equal(seq_of_next(shelf, "{\"n\":1}", &number), seq);
        close_outbox(shelf);
        begin(shelf);
        assert_int_equal(seq_of_next(shelf, "{\"n\":1}", &number), seq);
}

static void outbox_next__file_that_has_some_works_later__all_of_it_after_a_rewind(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        (void)add(shelf, "a", 1);
        close_outbox(shelf);
        limit_files(1);
        begin(shelf);
        (void)add(shelf, "a", 2);
        int64_t seq = seq_of_next(shelf, "{\"n\":2}", &number);
        let_file_work(shelf);
        assert_true(outbox_is_ahead(shelf->outbox));
        outbox_rewind(shelf->outbox);
        assert_int_equal(seq_of_next(shelf, "{\"n\":1}", &number), 1);
        assert_int_equal(seq_of_next(shelf, "{\"n\":2}", &number), seq);
}

static void outbox_close__delivered_while_the_file_failed__seq_is_not_given_again(void **state)
{
        struct shelf *shelf = *state;
        int64_t number;

        begin(shelf);
        limit_files(1);
        (void)add(shelf, "a", 1);
        commit(shelf);
        int64_t seq = seq_of_next(shelf, "{\"n\":1}", &number);
        outbox_remove(shelf->outbox, number);
        let_file_work(shelf);
        close_outbox(shelf);
        begin(shelf);
        (void)add(shelf, "a", 2);
        assert_true(seq_of_next(shelf, "{\"n\":2}", &number) > seq);
}

static void outbox_commit__file_removed__what_was_in_it_is_counted(void **state)
{
        struct shelf *shelf = *state;

        begin(shelf);
        (void)add(shelf, "a", 1);
        commit(shelf);
        remove_file(shelf);
        (void)add(shelf, "a", 2);
        commit(shelf);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_STORE), 1);
        assert_int_equal(outbox_count(shelf->outbox), 1);
        assert_next(shelf, 2);
}

/* ---- Another one than the outbox finds out ---------------------------------------------------------------- */

/* What was asked of the file before is done by then. */
static void pass_job(struct shelf *shelf)
{
        struct timespec now, start;
        unsigned before = idle_jobs_done();

        idle_job_post(shelf->store);
        (void)clock_gettime(CLOCK_MONOTONIC, &start);
        while (idle_jobs_done() == before) {
                (void)sd_event_run(shelf->loop.event, 10 * USEC_PER_MSEC);
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                assert_true(now.tv_sec < start.tv_sec + SOON_S);
        }
}

/* The file is full, and is gone when the next row is saved. */
static void fill_and_lose(struct shelf *shelf)
{
        shelf->limits.max_count = 10;
        begin(shelf);
        for (int i = 0; i < 10; i++)
                (void)add(shelf, "a", i);
        commit(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 10);
        remove_file(shelf);
        assert_int_equal(store_put(shelf->store, STORE_SAVED, "meter", "total", "1"), 0);
        loop_advance(&shelf->loop, USEC_PER_SEC);
}

static void assert_lost_ten(struct shelf *shelf)
{
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_STORE), 10);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_COUNT), 0);
}

static void outbox_commit__row_found_the_file_removed__what_is_new_stays(void **state)
{
        struct shelf *shelf = *state;

        fill_and_lose(shelf);
        pass_job(shelf);
        for (int i = 10; i < 15; i++) {
                (void)add(shelf, "a", i);
                commit(shelf);
        }
        assert_lost_ten(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 5);
        assert_next(shelf, 10);
}

/* The outbox's job is behind that of the row, and was made before anybody knew. */
static void outbox_commit__row_before_it_finds_the_file_removed__what_is_new_stays(void **state)
{
        struct shelf *shelf = *state;

        fill_and_lose(shelf);
        for (int i = 10; i < 15; i++)
                (void)add(shelf, "a", i);
        commit(shelf);
        assert_lost_ten(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 5);
        assert_next(shelf, 10);
}

static void outbox_count__row_found_the_file_removed__right_within_flush(void **state)
{
        struct shelf *shelf = *state;

        fill_and_lose(shelf);
        pass_job(shelf);
        unsigned before = shelf->n_ready;
        loop_advance(&shelf->loop, FLUSH_US);
        wait_ready(shelf, before);
        assert_lost_ten(shelf);
        assert_int_equal(outbox_count(shelf->outbox), 0);
}

/* By a person: what it has is what counts. */
static void outbox_commit__file_replaced_by_an_earlier_one__counted_again(void **state)
{
        struct shelf *shelf = *state;
        char sql[160];

        begin(shelf);
        for (int i = 0; i < 3; i++)
                (void)add(shelf, "a", i);
        commit(shelf);
        (void)snprintf(sql, sizeof(sql), "VACUUM INTO '%s/copy'", shelf->dir);
        run_sql(shelf, sql);
        for (int i = 3; i < 10; i++)
                (void)add(shelf, "a", i);
        commit(shelf);
        remove_file(shelf);
        char copy[128], path[128];
        (void)snprintf(copy, sizeof(copy), "%s/copy", shelf->dir);
        (void)snprintf(path, sizeof(path), "%s/sconce.db", shelf->dir);
        assert_int_equal(rename(copy, path), 0);
        (void)add(shelf, "a", 10);
        commit(shelf);
        assert_int_equal(outbox_lost(shelf->outbox, OUTBOX_LOSS_STORE), 7);
        assert_int_equal(outbox_count(shelf->outbox), 4);
        for (int i = 0; i < 3; i++)
                assert_next(shelf, i);
        assert_next(shelf, 10);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(outbox_next__many__oldest_first_in_windows),
                TEST(outbox_close__then_new__all_there_and_seq_goes_on),
                TEST(outbox_free__like_a_crash__only_younger_than_flush_is_lost),
                TEST(outbox_add__made_half_of_flush_ago__in_the_file_within_the_other_half),
                TEST(outbox_add__while_the_disk_is_busy__has_waited_since_then),
                TEST(outbox_rewind__some_removed__the_others_again),
                TEST(outbox_add__over_max_count__oldest_go_and_are_counted),
                TEST(outbox_add__large_ones_at_once__none_is_lost),
                TEST(outbox_add__over_max_bytes__oldest_go_and_are_counted),
                TEST(outbox_commit__over_max_age__oldest_go_and_are_counted),
                TEST(outbox_new__rows_that_no_agent_writes__begun_again),
                TEST(outbox_commit__over_max_age_behind_one_of_no_age__both_go),
                TEST(outbox_commit__young_behind_one_of_no_age__both_stay),
                TEST(outbox_time__another_boot__only_where_it_was_known),
                TEST(outbox_new__same_boot_and_time_known__earlier_entries_get_it),
                TEST(outbox_remove__read_and_not_handed_out__not_handed_out),
                TEST(outbox_remove__while_it_is_read__not_handed_out),
                TEST(outbox_add__while_an_empty_window_is_read__handed_out),
                TEST(outbox_commit__no_memory__in_the_file_a_second_later),
                TEST(outbox_next__no_memory__ready_a_second_later),
                TEST(outbox_add__no_file__bounded_in_memory),
                TEST(outbox_remove__those_that_memory_had_no_room_for__the_others_count),
                TEST(outbox_remove__on_its_way_to_a_file_that_fails__not_handed_out),
                TEST(outbox_next__file_works_again__what_is_in_it_comes_after_a_rewind),
                TEST(outbox_next__no_file__seq_goes_on_in_the_next_run),
                TEST(outbox_next__file_works_later__the_same_seq),
                TEST(outbox_next__file_that_has_some_works_later__all_of_it_after_a_rewind),
                TEST(outbox_close__delivered_while_the_file_failed__seq_is_not_given_again),
                TEST(outbox_commit__file_removed__what_was_in_it_is_counted),
                TEST(outbox_commit__row_found_the_file_removed__what_is_new_stays),
                TEST(outbox_commit__row_before_it_finds_the_file_removed__what_is_new_stays),
                TEST(outbox_count__row_found_the_file_removed__right_within_flush),
                TEST(outbox_commit__file_replaced_by_an_earlier_one__counted_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
