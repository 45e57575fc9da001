/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store, its outbox and its trend on the simulator's card (tests/sim/disk.h), whose power is cut at a random access or
 * between two. All that the store is asked for is noted in memory that outlives the process; the next start must find what
 * was asked for up to one moment, whole transactions, and that moment no older than the store's window.
 *
 * The agent's threads, its loop and its time are the simulator's: a seed is the same run again. SEED, POWER_CUTS.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sim/life.h"
#include "sim/scratch.h"
#include "sim/world.h"
#include "store/outbox.h"
#include "store/trend_table.h"
#include "util/log.h"

#define KEYS         12
#define CHANNELS     4
#define VALUES_MAX   8192 /* of a table: more entries than a home adds to its outbox */
#define OPS_MAX      8192
#define TEXT_MAX     1200
#define CUTS_OF_HOME 12

/* tests/sim/strands.c: the longest time that the card keeps the thread waiting. Who asks while one job waits for it is
 * written by the next. */
#define CARD_US (1540 * USEC_PER_MSEC)

/* ---- What outlives the process ----------------------------------------------------------------------------------- */

/* One value is asked for; those of a group are to be on the card together. */
struct op {
        uint64_t at_us, due_us; /* the card has it from then on */
        unsigned group, key, value;
};

enum table_name { TABLE_ROWS, TABLE_OUTBOX, TABLE_TREND, TABLES };

static const char *const table_names[] = { "saved", "outbox", "trend" };

struct table {
        unsigned kept[VALUES_MAX]; /* found at the last start that got so far */
        unsigned seen[VALUES_MAX]; /* by this one; 0: nothing */
        struct op ops[OPS_MAX];    /* since then */
        size_t n_ops;
        unsigned last_group;
};

struct counts {
        uint64_t cuts, at_start, of_version_1, whole, opened, lost, late, clean;
        uint64_t longest_us,
                beyond_us; /* the oldest that was lost, and how far beyond its window the card held one up */
};

static struct record {
        struct table tables[TABLES];
        uint64_t window_us;
        uint64_t ended_us; /* the end of the last life that was judged; UINT64_MAX: in order */
        unsigned n_entries, n_generations, n_values;
        int64_t last_seq;
        bool is_judged;       /* this life has seen what the one before left */
        uint64_t marked_from; /* the first run whose mark may be in the file */
        bool is_marked;       /* one of them is */
        int version;          /* of the file, after a cut */
        struct counts counts;
} * record;

static void note(enum table_name name, unsigned key, unsigned value, uint64_t within_us)
{
        struct table *table = &record->tables[name];

        if (table->n_ops == OPS_MAX || key >= VALUES_MAX)
                violated("test", "the record is full");
        table->ops[table->n_ops++] = (struct op){ .at_us = world->now_us,
                                                  .due_us = world->now_us + within_us,
                                                  .group = table->last_group,
                                                  .key = key,
                                                  .value = value };
}

/* ---- The law ----------------------------------------------------------------------------------------------------- */

/* What the table holds after so many of what was asked for. */
static void play(const struct table *table, size_t n_ops, unsigned values[static VALUES_MAX])
{
        memcpy(values, table->kept, sizeof(table->kept));
        for (size_t i = 0; i < n_ops; i++)
                values[table->ops[i].key] = table->ops[i].value;
}

static bool is_as_of(const struct table *table, size_t n_ops)
{
        static unsigned values[VALUES_MAX];

        play(table, n_ops, values);
        return memcmp(values, table->seen, sizeof(values)) == 0;
}

static size_t without_last_group(const struct table *table, size_t n_ops)
{
        unsigned group = table->ops[n_ops - 1].group;

        while (n_ops > 0 && table->ops[n_ops - 1].group == group)
                n_ops--;
        return n_ops;
}

static void judge_lost(const char *name, const struct op *op)
{
        struct counts *counts = &record->counts;
        uint64_t age_us = record->ended_us - op->at_us;

        if (record->ended_us >= op->due_us)
                violated(name, "what was asked for %.3f s before the cut is lost (%u = %u)",
                         (double)age_us / USEC_PER_SEC, op->key, op->value);
        counts->lost++;
        counts->longest_us = MAX(counts->longest_us, age_us);
        if (age_us > record->window_us) {
                counts->late++;
                counts->beyond_us = MAX(counts->beyond_us, age_us - record->window_us);
        }
}

static void judge(enum table_name name)
{
        struct table *table = &record->tables[name];
        size_t n_ops = table->n_ops;

        while (!is_as_of(table, n_ops)) {
                if (n_ops == 0)
                        violated(table_names[name], "it is as of no moment");
                n_ops = without_last_group(table, n_ops);
        }
        for (size_t i = n_ops; i < table->n_ops; i++)
                judge_lost(table_names[name], &table->ops[i]);
        memcpy(table->kept, table->seen, sizeof(table->kept));
        table->n_ops = 0;
}

/* ---- One life of the store --------------------------------------------------------------------------------------- */

static struct home {
        struct loop loop;
        struct clock *clock;
        struct store *store;
        struct outbox *outbox;
        struct timer *next;
        uint64_t end_us;
        bool ends_in_order, has_trend;
        uint64_t n_read;
        int64_t numbers[VALUES_MAX]; /* of the entries, for outbox_remove(); 0 is one too */
} home;

static void name_of(unsigned key, char text[static 16])
{
        (void)snprintf(text, 16, "device%u", key);
}

/* Of different lengths, so that pages split and chain. */
static void text_of(unsigned value, char text[static TEXT_MAX])
{
        (void)snprintf(text, TEXT_MAX, "%u:%0*u", value, (int)(value * 397 % 1100) + 1, value);
}

static unsigned value_of(const char *text, const char *where)
{
        char expected[TEXT_MAX];
        unsigned value = text ? (unsigned)strtoul(text, NULL, 10) : 0;

        text_of(value, expected);
        if (text && strcmp(text, expected) != 0)
                violated(where, "it holds \"%.40s\"", text);
        return value;
}

/* Within which the card has what is asked for now, however busy it is. */
static uint64_t window_us(bool is_urgent)
{
        return is_urgent ? 2 * CARD_US : MAX(record->window_us, record->window_us * 3 / 4 + 2 * CARD_US);
}

static void put_rows(void)
{
        bool is_urgent = dice_chance(&world->dice, 10);
        uint64_t within_us = window_us(is_urgent);
        char device[16], text[TEXT_MAX];

        record->tables[TABLE_ROWS].last_group++;
        for (uint64_t n = dice_between(&world->dice, 1, 4); n > 0; n--) {
                unsigned key = (unsigned)dice_below(&world->dice, KEYS);
                unsigned value = dice_chance(&world->dice, 15) ? 0 : ++record->n_values;
                name_of(key, device);
                text_of(value, text);
                if (store_put(home.store, STORE_SAVED, device, "value", value ? text : NULL) < 0)
                        violated("test", "out of memory");
                note(TABLE_ROWS, key, value, within_us);
        }
        if (is_urgent)
                store_flush(home.store);
}

static void add_entries(uint64_t within_us)
{
        char text[TEXT_MAX];

        for (uint64_t n = dice_between(&world->dice, 1, 6); n > 0; n--) {
                unsigned value = ++record->n_entries;
                text_of(value, text);
                struct outbox_entry *entry = outbox_entry_new(OUTBOX_STATE, world->boot_id, "cellar", text,
                                                              strlen(text));
                if (!entry)
                        violated("test", "out of memory");
                entry->stamp_us = loop_now_us(&home.loop);
                home.numbers[value % VALUES_MAX] = outbox_add(home.outbox, entry);
                note(TABLE_OUTBOX, value, 1, within_us);
        }
}

/* The oldest, as they are delivered. */
static void remove_entries(uint64_t within_us)
{
        struct table *table = &record->tables[TABLE_OUTBOX];
        static unsigned waiting[VALUES_MAX];
        uint64_t n = dice_between(&world->dice, 0, 8);

        play(table, table->n_ops, waiting);
        for (unsigned key = 1; key <= record->n_entries && n > 0; key++) {
                if (!waiting[key])
                        continue;
                outbox_remove(home.outbox, home.numbers[key]);
                note(TABLE_OUTBOX, key, 0, within_us);
                n--;
        }
}

static void change_outbox(void)
{
        bool is_urgent = dice_chance(&world->dice, 10);
        uint64_t within_us = window_us(is_urgent);

        record->tables[TABLE_OUTBOX].last_group++;
        if (dice_chance(&world->dice, 70))
                add_entries(within_us);
        if (dice_chance(&world->dice, 50))
                remove_entries(within_us);
        if (is_urgent)
                outbox_commit(home.outbox);
}

static void write_trend(void)
{
        unsigned generation = ++record->n_generations;
        struct trend_rows rows = { 0 };
        unsigned char data[3000];
        char device[16];

        memset(data, (int)(generation & 0xff), sizeof(data));
        memcpy(data, &generation, sizeof(generation));
        record->tables[TABLE_TREND].last_group++;
        for (unsigned i = 0; i < CHANNELS; i++) {
                name_of(i, device);
                if (trend_rows_add(&rows, device, "temperature", data, sizeof(data)) < 0)
                        violated("test", "out of memory");
                note(TABLE_TREND, i, generation, CARD_US);
        }
        if (trend_write(home.store, &rows) < 0)
                violated("test", "no file to write the trend to");
}

static void act(void *userdata)
{
        (void)userdata;
        if (loop_now_us(&home.loop) >= home.end_us - world->boot_us) {
                if (home.ends_in_order) {
                        (void)sd_event_exit(home.loop.event, 0);
                        return;
                }
                _exit(LIFE_CUT);
        }
        if (dice_chance(&world->dice, 50))
                put_rows();
        if (dice_chance(&world->dice, 60))
                change_outbox();
        if (dice_chance(&world->dice, 8))
                write_trend();
        timer_arm(home.next, dice_between(&world->dice, 10, 2500) * USEC_PER_MSEC);
}

/* ---- What the life before has left ------------------------------------------------------------------------------- */

static void see_rows(void)
{
        char device[16];

        for (unsigned i = 0; i < KEYS; i++) {
                name_of(i, device);
                record->tables[TABLE_ROWS].seen[i] = value_of(store_get(home.store, STORE_SAVED, device, "value"),
                                                              "saved");
        }
}

static void see_entry(const struct outbox_entry *entry, int64_t number)
{
        unsigned *seen = record->tables[TABLE_OUTBOX].seen, value = value_of(entry->content, "outbox");
        static unsigned before;

        if (value <= before || value > record->n_entries)
                violated("outbox", "entry %u comes after entry %u, of %u", value, before, record->n_entries);
        if (!record->tables[TABLE_OUTBOX].kept[value] && entry->seq <= record->last_seq)
                violated("outbox", "number %" PRId64 " is given a second time", entry->seq);
        before = value;
        seen[value] = 1;
        home.numbers[value] = number;
        home.n_read++;
}

static void keep_last_seq(int64_t seq)
{
        static int64_t last;

        if (home.n_read > 1 && seq <= last)
                violated("outbox", "number %" PRId64 " comes after %" PRId64, seq, last);
        last = seq;
}

static void go_on(void)
{
        if (record->is_judged || !home.has_trend || home.n_read < outbox_count(home.outbox))
                return;
        for (enum table_name name = TABLE_ROWS; name < TABLES; name++)
                judge(name);
        record->is_judged = true;
        record->counts.opened++;
        timer_arm(home.next, 0);
}

static void on_ready(void *userdata)
{
        struct outbox_entry *entry;
        int64_t number, seq = 0;

        (void)userdata;
        while (!record->is_judged && (entry = outbox_next(home.outbox, &number))) {
                see_entry(entry, number);
                seq = entry->seq;
                keep_last_seq(seq);
                free(entry);
        }
        record->last_seq = MAX(record->last_seq, seq);
        go_on();
}

static void on_trend(void *userdata, int r, const struct trend_rows *rows)
{
        unsigned *seen = record->tables[TABLE_TREND].seen;

        (void)userdata;
        (void)r;
        for (size_t i = 0; i < rows->count; i++) {
                const unsigned char *data = rows->items[i].data;
                unsigned channel = (unsigned)strtoul(rows->items[i].device + strlen("device"), NULL, 10), generation;
                if (rows->items[i].size != 3000 || channel >= CHANNELS)
                        violated("trend", "%s has %zu bytes", rows->items[i].device, rows->items[i].size);
                memcpy(&generation, data, sizeof(generation));
                for (size_t at = sizeof(generation); at < rows->items[i].size; at++)
                        if (data[at] != (generation & 0xff))
                                violated("trend", "byte %zu of %s is not of generation %u", at, rows->items[i].device,
                                         generation);
                seen[channel] = generation;
        }
        home.has_trend = true;
        go_on();
}

static void on_fault(void *userdata, enum store_fault kind, const char *text)
{
        (void)userdata;
        if (text)
                violated(kind == STORE_SET_ASIDE ? "damaged" : "unusable", "%s", text);
}

static void on_overdue(void *userdata)
{
        (void)userdata;
        if (!record->is_judged)
                violated("start", "after a minute %" PRIu64 " of %" PRIu64 " entries are read", home.n_read,
                         outbox_count(home.outbox));
}

/* By this a cut is known from a clean end. A run that was cut before the store was open has left its mark, or not. */
static void judge_mark(void)
{
        const char *left = store_cut_off(home.store);
        uint64_t run = left ? strtoull(left, NULL, 10) : 0;

        if (left ? run < record->marked_from || run >= world->n_lives : record->is_marked)
                violated("cut off", "the store names run \"%s\" of %" PRIu64 " to %" PRIu64, left ? left : "",
                         record->marked_from, world->n_lives - 1);
}

/* ---- Processes --------------------------------------------------------------------------------------------------- */

static void hear_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)level;
        (void)about;
        /* The card has held up the end for longer than the agent waits: what was asked for may be lost. */
        if (strstr(text, "could not be saved"))
                home.ends_in_order = false;
}

static int begin(void)
{
        const struct outbox_limits limits = { 100000, UINT64_C(32) * 1024 * 1024, 30 * DAY_US };
        char run[32];

        (void)snprintf(run, sizeof(run), "%" PRIu64, world->n_lives);
        const struct store_options options = { &home.loop, "state", record->window_us, run, on_fault, NULL };
        int r = loop_init(&home.loop);

        if (r == 0)
                r = clock_new(&home.loop, CLOCK_MODE_TRUSTED, &home.clock);
        if (r == 0)
                r = timer_new(&home.loop, TIMER_EXACT_US, act, NULL, &home.next);
        for (enum table_name name = TABLE_ROWS; name < TABLES; name++)
                memset(record->tables[name].seen, 0, sizeof(record->tables[name].seen));
        if (r == 0)
                r = store_new(&options, &home.store);
        if (r < 0)
                return r;
        judge_mark();
        record->marked_from = world->n_lives;
        record->is_marked = true;
        see_rows();
        r = outbox_new(&(struct outbox_options){ &home.loop, home.clock, home.store, world->boot_id, record->window_us,
                                                 limits, on_ready, NULL },
                       &home.outbox);
        return r == 0 ? trend_read(home.store, on_trend, NULL) : r;
}

static void end(void)
{
        outbox_close(home.outbox);
        store_close(home.store);
        store_free(home.store);
        outbox_free(home.outbox);
        timer_free(home.next);
        clock_free(home.clock);
        loop_done(&home.loop);
}

static int live(void)
{
        struct timer *overdue = NULL;

        home.end_us = world->now_us + dice_between(&world->dice, 5, 120) * USEC_PER_SEC;
        home.ends_in_order = dice_chance(&world->dice, 10);
        int r = begin();
        if (r == 0)
                r = timer_new(&home.loop, TIMER_EXACT_US, on_overdue, NULL, &overdue);
        if (r < 0)
                violated("start", "%s", strerror(-r));
        timer_arm(overdue, MINUTE_US);
        (void)sd_event_loop(home.loop.event);
        timer_free(overdue);
        world->disk.countdown = 0;
        end();
        return home.ends_in_order ? LIFE_STOPPED : LIFE_CUT;
}

/* The file as the first version of the agent left it, in order or by a kill. */
static int make_old(void)
{
        char device[16], text[TEXT_MAX];
        sqlite3 *sqlite = NULL;
        char *sql;
        int r = sqlite3_open("state/sconce.db", &sqlite);

        if (r == SQLITE_OK)
                r = sqlite3_exec(sqlite,
                                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN;"
                                 "CREATE TABLE saved (what TEXT NOT NULL, device TEXT NOT NULL, key TEXT NOT NULL,"
                                 " value TEXT NOT NULL, PRIMARY KEY (what, device, key)) WITHOUT ROWID;"
                                 "PRAGMA user_version=1; COMMIT",
                                 NULL, NULL, NULL);
        for (unsigned i = 0; r == SQLITE_OK && i < KEYS; i++) {
                name_of(i, device);
                text_of(++record->n_values, text);
                sql = sqlite3_mprintf("INSERT INTO saved VALUES ('saved', %Q, 'value', %Q)", device, text);
                r = sqlite3_exec(sqlite, sql, NULL, NULL, NULL);
                sqlite3_free(sql);
                record->tables[TABLE_ROWS].kept[i] = record->n_values;
        }
        if (r == SQLITE_OK && dice_chance(&world->dice, 50))
                r = sqlite3_close(sqlite);
        return r == SQLITE_OK ? LIFE_STOPPED : LIFE_FAILED;
}

static int take_version(void *userdata, int n, char **texts, char **names)
{
        (void)userdata;
        (void)n;
        (void)names;
        record->version = atoi(texts[0]); // NOLINT
        return 0;
}

/* Of a copy, by SQLite alone. */
static int look(void)
{
        sqlite3 *sqlite = NULL;

        if (!disk_is_whole())
                violated("damaged", "SQLite's integrity_check finds something");
        record->counts.whole++;
        (void)sqlite3_open_v2("copy/sconce.db", &sqlite, SQLITE_OPEN_READWRITE, "unix");
        (void)sqlite3_exec(sqlite, "PRAGMA user_version", take_version, NULL, NULL);
        (void)sqlite3_close(sqlite);
        return LIFE_STOPPED;
}

static enum life_end in_process(int (*run)(void))
{
        int status = 0;

        (void)fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                disk_begin_process();
                log_set_sink(hear_log, NULL);
                int end = run();
                (void)fflush(NULL);
                _exit(end);
        }
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) == LIFE_VIOLATED || WEXITSTATUS(status) == LIFE_FAILED)
                fail_msg("again: SEED=%" PRIu64 " POWER_CUTS=1 (status %d)", world->seed, status);
        return (enum life_end)WEXITSTATUS(status);
}

/* ---- A home, cut after cut --------------------------------------------------------------------------------------- */

/* The start and an upgrade are short: they get their share. */
static void choose_moment(void)
{
        bool is_start = record->version == 1 || dice_chance(&world->dice, 30);

        world->disk.countdown = (unsigned)dice_between(&world->dice, 1, is_start ? 25 : 900);
        world->disk.countdown_is_power = true;
}

static void cut(void)
{
        struct counts *counts = &record->counts;

        if (record->is_judged)
                record->ended_us = world->now_us;
        counts->cuts++;
        counts->at_start += !record->is_judged;
        counts->of_version_1 += record->version == 1;
        disk_cut();
        (void)in_process(look);
}

static void stop_in_order(void)
{
        record->ended_us = UINT64_MAX;
        record->marked_from = world->n_lives + 1;
        record->is_marked = false;
        record->counts.clean++;
}

static void live_and_die(void)
{
        record->is_judged = false;
        world->n_lives++;
        choose_moment();
        if (in_process(live) == LIFE_CUT)
                cut();
        else
                stop_in_order();
        world->now_us += noise_between(1, 60) * USEC_PER_SEC;
        world_boot();
}

/* Nothing happens to the last one: it must find what the last cut has left. */
static void live_once_more(void)
{
        record->is_judged = false;
        world->n_lives++;
        world->disk.countdown = 0;
        (void)in_process(live);
        assert_true(record->is_judged);
}

static void begin_home(uint64_t seed)
{
        static const uint64_t windows_s[] = { 5, 5, 13, 30 };
        struct counts counts = record->counts;
        struct world *before = world;

        assert_non_null(world_new(seed, 1, 0));
        world_free(before);
        memset(record, 0, sizeof(*record));
        record->counts = counts;
        record->window_us = windows_s[dice_below(&world->dice, ARRAY_SIZE(windows_s))] * USEC_PER_SEC;
        assert_int_equal(system("rm -rf state copy && mkdir state copy"), 0);
        world_boot();
        if (dice_chance(&world->dice, 60)) {
                record->version = 1;
                assert_int_equal(in_process(make_old), LIFE_STOPPED);
        }
}

static void play_home(uint64_t seed, uint64_t most_cuts)
{
        begin_home(seed);
        for (uint64_t until = MIN(record->counts.cuts + CUTS_OF_HOME, most_cuts); record->counts.cuts < until;)
                live_and_die();
        live_once_more();
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void power__is_cut_at_any_moment__the_store_opens_as_of_one_within_its_window(void **state)
{
        uint64_t first = setting("SEED", 1), cuts = setting("POWER_CUTS", 1000), seed = first;
        const struct counts *counts = &record->counts;

        (void)state;
        for (; counts->cuts < cuts; seed++)
                play_home(seed, cuts);
        assert_int_equal(counts->whole, counts->cuts);
        assert_true(counts->opened >= counts->cuts - counts->at_start);
        (void)printf(
                "fact: | Power cut while the store writes rows, outbox and trend: unsynced writes lost, torn by "
                "sector, out of order | %" PRIu64 " cuts (%" PRIu64 " while it was opened, %" PRIu64
                " of them with a file of schema 1), %" PRIu64 " clean stops, %" PRIu64 " homes, seeds %" PRIu64
                " to %" PRIu64 " | %" PRIu64 " of %" PRIu64 " pass integrity_check, %" PRIu64
                " starts find each table as of one moment, in whole transactions; lost: %" PRIu64
                " changes, the oldest %.2f s before its cut; older than the flush window (5, 13 or 30 s), by the time "
                "that the card was busy: %" PRIu64 ", by %.2f s at most |\n",
                counts->cuts, counts->at_start, counts->of_version_1, counts->clean, seed - first, first, seed - 1,
                counts->whole, counts->cuts, counts->opened, counts->lost, (double)counts->longest_us / USEC_PER_SEC,
                counts->late, (double)counts->beyond_us / USEC_PER_SEC);
}

/* ---- Where it runs ----------------------------------------------------------------------------------------------- */

static char dir[SCRATCH_MAX];

static int enter_dir(void **state)
{
        (void)state;
        record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return record != MAP_FAILED && scratch_enter("power", dir) ? 0 : -1;
}

static int leave_dir(void **state)
{
        (void)state;
        (void)munmap(record, sizeof(*record));
        return scratch_leave(dir) ? 0 : -1;
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(power__is_cut_at_any_moment__the_store_opens_as_of_one_within_its_window),
};

/* The world comes first: CMocka asks for the time. */
int main(void)
{
        if (!world_new(1, 1, 0))
                return 1;
        return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
