/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outbox_table.h"

#include <stdlib.h>
#include <string.h>

/* What a row costs beside its texts, about. */
#define ROW_BYTES 64

/* A window is as large as this at the most, whatever its number of entries. */
#define WINDOW_BYTES ((uint64_t)256 * 1024)

/* max_age is days. */
#define LOOK_EVERY_US (60 * USEC_PER_SEC)

/* Of a file: there is room for what is given after it. */
#define SEQ_MAX (INT64_MAX / 2)

static const char *const kinds[] = { [OUTBOX_STATE] = "state", [OUTBOX_EVENT] = "event" };

static const char *const losses[] = {
        [OUTBOX_LOSS_COUNT] = "count",       [OUTBOX_LOSS_BYTES] = "bytes", [OUTBOX_LOSS_AGE] = "age",
        [OUTBOX_LOSS_MEMORY] = "memory",     [OUTBOX_LOSS_STORE] = "store", [OUTBOX_LOSS_REFUSED] = "refused",
        [OUTBOX_LOSS_OVERSIZE] = "oversize",
};

const char *outbox_loss_name(enum outbox_loss loss)
{
        return losses[loss];
}

/* ---- Entries ------------------------------------------------------------------------------------------- */

static const char *put_text(char **at, const char *text, size_t size)
{
        char *put = *at;

        memcpy(put, text, size);
        put[size] = '\0';
        *at += size + 1;
        return put;
}

struct outbox_entry *outbox_entry_new(enum outbox_kind kind, const char *boot, const char *device, const char *content,
                                      size_t size)
{
        size_t texts = strlen(boot) + strlen(device) + size + 3;
        struct outbox_entry *entry = malloc(sizeof(*entry) + texts);

        if (!entry)
                return NULL;
        char *at = entry->texts;
        *entry = (struct outbox_entry){ .kind = kind, .bytes = texts + ROW_BYTES };
        entry->boot = put_text(&at, boot, strlen(boot));
        entry->device = put_text(&at, device, strlen(device));
        entry->content = put_text(&at, content, size);
        return entry;
}

void outbox_list_add(struct outbox_list *list, struct outbox_entry *entry)
{
        entry->next = NULL;
        if (list->last)
                list->last->next = entry;
        else
                list->first = entry;
        list->last = entry;
        list->count++;
        list->bytes += entry->bytes;
}

static struct outbox_entry *take_after(struct outbox_list *list, struct outbox_entry *before)
{
        struct outbox_entry *entry = before ? before->next : list->first;

        if (before)
                before->next = entry->next;
        else
                list->first = entry->next;
        if (list->last == entry)
                list->last = before;
        list->count--;
        list->bytes -= entry->bytes;
        entry->next = NULL;
        return entry;
}

struct outbox_entry *outbox_list_take(struct outbox_list *list)
{
        return list->first ? take_after(list, NULL) : NULL;
}

struct outbox_entry *outbox_list_find(struct outbox_list *list,
                                      bool (*is_it)(const struct outbox_entry *entry, int64_t number), int64_t number)
{
        struct outbox_entry *before = NULL;

        for (struct outbox_entry *entry = list->first; entry; before = entry, entry = entry->next)
                if (is_it(entry, number))
                        return take_after(list, before);
        return NULL;
}

void outbox_list_prepend(struct outbox_list *list, struct outbox_list *others)
{
        struct outbox_entry *entry;

        while ((entry = outbox_list_take(list)))
                outbox_list_add(others, entry);
        *list = *others;
        *others = (struct outbox_list){ 0 };
}

void outbox_list_done(struct outbox_list *list)
{
        struct outbox_entry *entry;

        while ((entry = outbox_list_take(list)))
                free(entry);
}

/* ---- The steps of a job, on the thread ----------------------------------------------------------------- */

static int step(sqlite3_stmt *statement)
{
        int r = sqlite3_step(statement);

        (void)sqlite3_reset(statement);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* What a run does once or twice. */
static int prepare(struct database *database, const char *sql, sqlite3_stmt **ret)
{
        return sqlite3_prepare_v2(database->sqlite, sql, -1, ret, NULL);
}

/* One row of numbers; none is none. */
static int read_numbers(sqlite3_stmt *statement, size_t count, int64_t *numbers)
{
        int r = sqlite3_step(statement);

        for (size_t i = 0; r == SQLITE_ROW && i < count; i++)
                numbers[i] = sqlite3_column_int64(statement, (int)i);
        return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

enum { COUNT, BYTES, LEAST_BYTES, FIRST, LAST, N_COUNTED };

/* Else the file is damaged, or somebody has been at it: no agent gets that far, and numbers are added to these. */
static bool is_sane(const int64_t counted[static N_COUNTED])
{
        return counted[BYTES] >= 0 && counted[LEAST_BYTES] >= 0 && counted[LAST] <= SEQ_MAX &&
               (counted[COUNT] == 0 || counted[FIRST] > 0);
}

static int count_all(struct database *database, struct outbox_totals *totals)
{
        CLEANUP_STATEMENT sqlite3_stmt *statement = NULL, *last = NULL;
        int64_t counted[N_COUNTED] = { 0 }, seq = 0;
        int r = prepare(database, "SELECT count(*), total(bytes), min(bytes), min(seq), max(seq) FROM outbox",
                        &statement);

        if (r == SQLITE_OK)
                r = read_numbers(statement, N_COUNTED, counted);
        if (r == SQLITE_OK)
                r = prepare(database, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", &last);
        if (r == SQLITE_OK)
                r = read_numbers(last, 1, &seq);
        counted[LAST] = MAX(counted[LAST], seq);
        if (r == SQLITE_OK && !is_sane(counted))
                r = SQLITE_CORRUPT;
        *totals = (struct outbox_totals){ .count = (uint64_t)counted[COUNT],
                                          .bytes = (uint64_t)counted[BYTES],
                                          .last_seq = MAX(totals->last_seq, counted[LAST]),
                                          .n_opened = database->n_opened };
        return r;
}

/* Another job may have found the file gone, or damaged, and begun it again. */
static int count_what_is_there(struct database *database, struct outbox_job *job)
{
        uint64_t before = job->totals.count;

        if (job->totals.n_opened == database->n_opened)
                return SQLITE_OK;
        int r = count_all(database, &job->totals);
        if (before > job->totals.count)
                job->lost[OUTBOX_LOSS_STORE] += before - job->totals.count;
        return r;
}

static int set_times(struct database *database, const struct outbox_job *job)
{
        CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
        int r = prepare(database, "UPDATE outbox SET time_us = stamp_us + ?1 WHERE boot = ?2 AND time_us IS NULL",
                        &statement);

        if (r != SQLITE_OK)
                return r;
        (void)sqlite3_bind_int64(statement, 1, (int64_t)job->wall_us - (int64_t)job->now_us);
        (void)sqlite3_bind_text(statement, 2, job->boot, -1, SQLITE_STATIC);
        return step(statement);
}

static int remove_delivered(struct database *database, struct outbox_job *job)
{
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        int r = database_statement(database, "DELETE FROM outbox WHERE seq = ?1 RETURNING bytes", &statement);

        for (size_t i = 0; r == SQLITE_OK && i < job->n_removed; i++) {
                (void)sqlite3_bind_int64(statement, 1, job->removed[i]);
                r = sqlite3_step(statement);
                if (r == SQLITE_ROW) {
                        job->totals.count--;
                        job->totals.bytes -= (uint64_t)sqlite3_column_int64(statement, 0);
                }
                r = r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
                int reset = sqlite3_reset(statement);
                if (r == SQLITE_OK)
                        r = reset;
        }
        return r;
}

/* The wall time of what is stamped in this boot; 0: not known. */
static uint64_t wall_time(const struct outbox_job *job, const struct outbox_entry *entry)
{
        if (entry->time_us || !job->wall_us)
                return entry->time_us;
        return job->wall_us - (job->now_us - entry->stamp_us);
}

static int append(struct database *database, struct outbox_job *job)
{
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        int r = database_statement(database,
                                   "INSERT INTO outbox (seq, boot, stamp_us, time_us, device, kind, content, bytes)"
                                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                                   &statement);

        for (const struct outbox_entry *entry = job->added.first; r == SQLITE_OK && entry; entry = entry->next) {
                uint64_t time_us = wall_time(job, entry);
                (void)sqlite3_bind_int64(statement, 1, entry->seq);
                (void)sqlite3_bind_text(statement, 2, entry->boot, -1, SQLITE_STATIC);
                (void)sqlite3_bind_int64(statement, 3, (int64_t)entry->stamp_us);
                if (time_us)
                        (void)sqlite3_bind_int64(statement, 4, (int64_t)time_us);
                else
                        (void)sqlite3_bind_null(statement, 4);
                (void)sqlite3_bind_text(statement, 5, entry->device, -1, SQLITE_STATIC);
                (void)sqlite3_bind_text(statement, 6, kinds[entry->kind], -1, SQLITE_STATIC);
                (void)sqlite3_bind_text(statement, 7, entry->content, -1, SQLITE_STATIC);
                (void)sqlite3_bind_int64(statement, 8, (int64_t)entry->bytes);
                r = step(statement);
                job->totals.count += r == SQLITE_OK;
                job->totals.bytes += r == SQLITE_OK ? entry->bytes : 0;
                job->totals.last_seq = MAX(job->totals.last_seq, entry->seq);
        }
        return r;
}

/* What was delivered while the file failed has never been in it. */
static int raise_last_seq(struct database *database, struct outbox_job *job)
{
        static const char *const texts[] = { "DELETE FROM sqlite_sequence WHERE name = 'outbox'",
                                             "INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?1)" };
        int r = SQLITE_OK;

        for (size_t i = 0; r == SQLITE_OK && i < ARRAY_SIZE(texts); i++) {
                CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
                r = prepare(database, texts[i], &statement);
                (void)sqlite3_bind_int64(statement, 1, job->last_given);
                if (r == SQLITE_OK)
                        r = step(statement);
        }
        job->totals.last_seq = job->last_given;
        return r;
}

static bool is_of_boot(const struct outbox_job *job, sqlite3_stmt *row)
{
        const char *boot = (const char *)sqlite3_column_text(row, 2);

        return boot && strcmp(boot, job->boot) == 0;
}

/* How old a row is. False: of another boot whose time nobody knew, or while nobody knows it now. */
static bool has_age(const struct outbox_job *job, sqlite3_stmt *row, uint64_t *ret_us)
{
        uint64_t stamp_us = (uint64_t)sqlite3_column_int64(row, 3), time_us = (uint64_t)sqlite3_column_int64(row, 4);
        bool is_ours = is_of_boot(job, row);
        uint64_t from_us = is_ours ? stamp_us : time_us, to_us = is_ours ? job->now_us : job->wall_us;

        if (!is_ours && (!from_us || !to_us))
                return false;
        *ret_us = to_us - MIN(from_us, to_us);
        return true;
}

/* What is found of the oldest rows, in their order. */
enum finding {
        TOO_MANY = OUTBOX_LOSS_COUNT,
        TOO_LARGE = OUTBOX_LOSS_BYTES,
        TOO_OLD = OUTBOX_LOSS_AGE,
        NO_AGE, /* the first one behind it that has an age decides: it is younger */
        MAY_STAY,
};

static enum finding find(const struct outbox_job *job, sqlite3_stmt *row)
{
        uint64_t age_us;

        if (job->totals.count > job->limits.max_count)
                return TOO_MANY;
        if (job->totals.bytes > job->limits.max_bytes)
                return TOO_LARGE;
        if (!has_age(job, row, &age_us))
                return NO_AGE;
        return age_us > job->limits.max_age_us ? TOO_OLD : MAY_STAY;
}

static int delete_until(struct database *database, int64_t seq)
{
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        int r = database_statement(database, "DELETE FROM outbox WHERE seq <= ?1", &statement);

        if (r != SQLITE_OK)
                return r;
        (void)sqlite3_bind_int64(statement, 1, seq);
        return step(statement);
}

/* The oldest row that may stay so far. */
struct oldest {
        bool is_there;
        uint64_t n_before, bytes_before; /* it, and others of no age, before the row that is looked at */
        uint64_t stamp_us, time_us;
};

static void keep_row(const struct outbox_job *job, sqlite3_stmt *row, struct oldest *oldest)
{
        if (!oldest->is_there) {
                oldest->is_there = true;
                oldest->stamp_us = is_of_boot(job, row) ? (uint64_t)sqlite3_column_int64(row, 3) : 0;
                oldest->time_us = (uint64_t)sqlite3_column_int64(row, 4);
        }
        oldest->n_before++;
        oldest->bytes_before += (uint64_t)sqlite3_column_int64(row, 1);
}

/* And all before it. */
static void drop_row(struct outbox_job *job, sqlite3_stmt *row, enum finding finding, struct oldest *oldest)
{
        job->lost[finding] += oldest->n_before + 1;
        job->totals.count -= oldest->n_before + 1;
        job->totals.bytes -= oldest->bytes_before + (uint64_t)sqlite3_column_int64(row, 1);
        *oldest = (struct oldest){ 0 };
}

/* There may be as many of no age as there is room for: they are not passed each time. */
static int walk(struct outbox_job *job, sqlite3_stmt *rows, struct oldest *oldest, int64_t *until)
{
        bool looks_behind = job->now_us >= job->totals.look_us;
        int r;

        while ((r = sqlite3_step(rows)) == SQLITE_ROW) {
                enum finding finding = find(job, rows);
                if (finding < NO_AGE) {
                        drop_row(job, rows, finding, oldest);
                        *until = sqlite3_column_int64(rows, 0);
                        continue;
                }
                keep_row(job, rows, oldest);
                if (finding == MAY_STAY || !looks_behind)
                        break;
                job->totals.look_us = job->now_us + LOOK_EVERY_US;
        }
        return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static int trim(struct database *database, struct outbox_job *job)
{
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        struct oldest oldest = { 0 };
        int64_t until = 0;
        int r = database_statement(database, "SELECT seq, bytes, boot, stamp_us, time_us FROM outbox ORDER BY seq",
                                   &statement);

        if (r == SQLITE_OK)
                r = walk(job, statement, &oldest, &until);
        if (r != SQLITE_OK)
                return r;
        job->totals.oldest_stamp_us = oldest.stamp_us;
        job->totals.oldest_time_us = oldest.time_us;
        (void)sqlite3_reset(statement);
        return until ? delete_until(database, until) : SQLITE_OK;
}

static struct outbox_entry *take_entry(sqlite3_stmt *row)
{
        const char *boot = (const char *)sqlite3_column_text(row, 1);
        const char *device = (const char *)sqlite3_column_text(row, 4);
        const char *kind = (const char *)sqlite3_column_text(row, 5);
        const char *content = (const char *)sqlite3_column_text(row, 6);

        if (!boot || !device || !kind || !content) /* out of memory: the columns are NOT NULL */
                return NULL;
        struct outbox_entry *entry = outbox_entry_new(strcmp(kind, kinds[OUTBOX_EVENT]) == 0 ? OUTBOX_EVENT
                                                                                             : OUTBOX_STATE,
                                                      boot, device, content, (size_t)sqlite3_column_bytes(row, 6));
        if (!entry)
                return NULL;
        entry->seq = sqlite3_column_int64(row, 0);
        entry->stamp_us = (uint64_t)sqlite3_column_int64(row, 2);
        entry->time_us = (uint64_t)sqlite3_column_int64(row, 3);
        return entry;
}

static int read_window(struct database *database, struct outbox_job *job)
{
        CLEANUP_BORROWED_STATEMENT sqlite3_stmt *statement = NULL;
        int r = database_statement(
                database,
                "SELECT seq, boot, stamp_us, time_us, device, kind, content FROM outbox WHERE seq > ?1"
                " ORDER BY seq LIMIT ?2",
                &statement);

        if (r != SQLITE_OK)
                return r;
        (void)sqlite3_bind_int64(statement, 1, job->read_after);
        (void)sqlite3_bind_int64(statement, 2, (int64_t)job->read_count);
        while (job->window.bytes < WINDOW_BYTES && (r = sqlite3_step(statement)) == SQLITE_ROW) {
                struct outbox_entry *entry = take_entry(statement);
                if (!entry)
                        return SQLITE_NOMEM;
                outbox_list_add(&job->window, entry);
        }
        return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

struct run {
        struct outbox_job *job;
        struct outbox_totals before;
};

static int run(struct database *database, void *userdata)
{
        const struct run *run = userdata;
        struct outbox_job *job = run->job;

        outbox_list_done(&job->window);
        memset(job->lost, 0, sizeof(job->lost));
        job->totals = run->before;
        int r = count_what_is_there(database, job);
        if (r == SQLITE_OK && job->sets_times)
                r = set_times(database, job);
        if (r == SQLITE_OK && job->n_removed > 0)
                r = remove_delivered(database, job);
        if (r == SQLITE_OK && job->added.first)
                r = append(database, job);
        if (r == SQLITE_OK && job->last_given > job->totals.last_seq)
                r = raise_last_seq(database, job);
        if (r == SQLITE_OK)
                r = trim(database, job);
        return r == SQLITE_OK && job->read_count > 0 ? read_window(database, job) : r;
}

/* ---- The job ------------------------------------------------------------------------------------------- */

static struct outbox_job *outbox_job_of(struct store_job *job)
{
        return CONTAINER_OF(job, struct outbox_job, job);
}

static void work(struct store_job *job, struct database *database)
{
        struct run all = { .job = outbox_job_of(job), .before = outbox_job_of(job)->totals };
        const struct database_work database_work = { run, &all };

        (void)!database_write(database, &database_work, &job->news, &job->fault);
}

static void done(struct store_job *job)
{
        outbox_job_of(job)->done(outbox_job_of(job)->userdata, outbox_job_of(job));
}

static void free_job(struct store_job *job)
{
        struct outbox_job *outbox_job = outbox_job_of(job);

        outbox_list_done(&outbox_job->added);
        outbox_list_done(&outbox_job->window);
        free(outbox_job->removed);
        free(outbox_job);
}

static const struct store_job_ops write_ops = { .work = work, .done = done, .free = free_job };
static const struct store_job_ops read_ops = { .work = work, .done = done, .free = free_job, .only_reads = true };

struct outbox_job *outbox_job_new(bool writes)
{
        struct outbox_job *job = calloc(1, sizeof(*job));

        if (job)
                job->job.ops = writes ? &write_ops : &read_ops;
        return job;
}
