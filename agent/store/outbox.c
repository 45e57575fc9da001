/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

/* As many are read from the file at once. */
#define WINDOW_COUNT 128

/* So many new ones do not wait for `flush`, and so many are kept in memory while nothing can be written. */
#define COMMIT_COUNT 512
#define COMMIT_BYTES (MEMORY_BYTES / 2)
#define MEMORY_COUNT 4096
#define MEMORY_BYTES ((uint64_t)1024 * 1024)

/* Memory may be there again. */
#define NO_MEMORY_US USEC_PER_SEC

/* As in store.c: a full disk does not get better by being asked. */
#define RETRY_FIRST_US (60 * USEC_PER_SEC)
#define RETRY_MAX_US   (3600 * USEC_PER_SEC)

struct outbox {
        struct outbox_options options;
        char boot[40];
        struct timer *flush;
        uint64_t retry_us;   /* 0: the last job went well */
        uint64_t changed_us; /* since when a change waits that is in no job; 0: there is none */

        /* An entry's number is its seq less `base`, which is known when the file has been read: numbers can be given
         * before. Those of earlier runs are 0 and less. Where one is handed out before, the base is a guess that grows from
         * run to run of a boot, and stays unless the file has come further. */
        int64_t base, next_number;
        int64_t given; /* the highest number that was handed out of memory */
        bool is_known; /* totals and base are */
        bool is_without_file;

        struct outbox_list added; /* not in the file yet; seq is the number until they go there */
        int64_t *removed;         /* numbers that are not to be in the file any more */
        size_t n_removed, removed_capacity;
        int64_t no_room_until;       /* memory had no room for those up to this number that are not in the file */
        struct outbox_totals totals; /* of the file */
        uint64_t n_posted;           /* entries that are on their way to it */
        bool is_busy;                /* with a job */
        bool is_hurried;             /* another one is to follow at once */
        bool sets_times;
        bool is_recounting; /* the totals are of a file that is not there any more */

        struct outbox_list window; /* read, not handed out; seq is the file's */
        int64_t shown;             /* the last number that was handed out */
        bool is_read;              /* nothing in the file is behind it */
        bool is_rewound;           /* the window that is being read is of no use */
        bool is_ahead;             /* entries of memory were handed out before those of a file that failed */

        uint64_t lost[OUTBOX_LOSSES];
        bool has_reported[OUTBOX_LOSSES];
};

/* ---- Losses -------------------------------------------------------------------------------------------- */

void outbox_lose(struct outbox *outbox, enum outbox_loss loss, uint64_t count)
{
        outbox->lost[loss] += count;
        if (count == 0 || outbox->has_reported[loss])
                return;
        outbox->has_reported[loss] = true;
        log_warning("history: readings or events are dropped (%s); from now on they are only counted, see the node's "
                    "dropped_by",
                    outbox_loss_name(loss));
}

uint64_t outbox_lost(const struct outbox *outbox, enum outbox_loss loss)
{
        return outbox->lost[loss];
}

static void bound_memory(struct outbox *outbox)
{
        while (outbox->added.count > MEMORY_COUNT || outbox->added.bytes > MEMORY_BYTES) {
                struct outbox_entry *oldest = outbox_list_take(&outbox->added);
                outbox->no_room_until = oldest->seq;
                free(oldest);
                outbox_lose(outbox, OUTBOX_LOSS_MEMORY, 1);
        }
}

/* ---- Jobs ---------------------------------------------------------------------------------------------- */

static void on_job_done(void *userdata, struct outbox_job *job);

static bool has_changes(const struct outbox *outbox)
{
        return outbox->added.first || outbox->n_removed > 0 || outbox->sets_times || outbox->is_recounting ||
               !outbox->is_known;
}

/* A quarter of `flush` is left to the disk. */
static void arm(struct outbox *outbox)
{
        uint64_t flush_us = outbox->options.flush_us, now_us = loop_now_us(outbox->options.loop);
        uint64_t due_us = outbox->changed_us + flush_us - flush_us / 4;

        if (outbox->is_busy || outbox->is_without_file)
                return;
        if (!outbox->retry_us)
                timer_arm(outbox->flush, due_us - MIN(due_us, now_us));
        else if (!timer_armed(outbox->flush))
                timer_arm(outbox->flush, outbox->retry_us);
}

/* A change of that time is to be in the file `flush` later: also one that was on its way to the broker until now, or that is
 * made while the disk is busy. */
static void note_change(struct outbox *outbox, uint64_t at_us)
{
        bool is_earliest = outbox->changed_us == 0 || at_us < outbox->changed_us;

        if (is_earliest)
                outbox->changed_us = at_us;
        if (is_earliest || !timer_armed(outbox->flush))
                arm(outbox);
}

/* A job that is under way has counted, or will: it is behind the one that has found out. */
static void on_begun_again(void *userdata)
{
        struct outbox *outbox = userdata;

        if (outbox->is_busy || outbox->is_recounting)
                return;
        outbox->is_recounting = true;
        note_change(outbox, loop_now_us(outbox->options.loop));
}

static void fill_removed(struct outbox *outbox, struct outbox_job *job)
{
        job->removed = outbox->removed;
        job->n_removed = outbox->n_removed;
        for (size_t i = 0; i < job->n_removed; i++)
                job->removed[i] += outbox->base;
        outbox->removed = NULL;
        outbox->n_removed = outbox->removed_capacity = 0;
}

/* Before the base is known nothing is written: the first job reads it. */
static void fill_changes(struct outbox *outbox, struct outbox_job *job)
{
        if (!outbox->is_known)
                return;
        job->sets_times = outbox->sets_times && job->wall_us > 0;
        outbox->sets_times = false;
        job->last_given = outbox->given ? outbox->base + outbox->given : 0;
        fill_removed(outbox, job);
        job->added = outbox->added;
        outbox->added = (struct outbox_list){ 0 };
        for (struct outbox_entry *entry = job->added.first; entry; entry = entry->next)
                entry->seq += outbox->base;
        outbox->n_posted = job->added.count;
}

static void post(struct outbox *outbox, bool reads)
{
        struct outbox_job *job = outbox_job_new(has_changes(outbox));
        const struct outbox_options *options = &outbox->options;

        timer_disarm(outbox->flush);
        outbox->is_hurried = false;
        if (!job) {
                timer_arm(outbox->flush, NO_MEMORY_US);
                return;
        }
        outbox->changed_us = outbox->is_known ? 0 : outbox->changed_us;
        outbox->is_recounting = false;
        job->now_us = loop_now_us(options->loop);
        if (!options->clock || !clock_wall_us(options->clock, job->now_us, &job->wall_us))
                job->wall_us = 0;
        (void)snprintf(job->boot, sizeof(job->boot), "%s", outbox->boot);
        job->limits = options->limits;
        job->totals = outbox->totals;
        job->done = on_job_done;
        job->userdata = outbox;
        if (reads && outbox->is_known) {
                job->read_after = outbox->shown + outbox->base;
                job->read_count = WINDOW_COUNT;
        }
        job->sets_times = !outbox->is_known && job->wall_us > 0;
        fill_changes(outbox, job);
        outbox->is_rewound = false;
        outbox->is_busy = store_post(options->store, &job->job) == 0;
        outbox->is_without_file = !outbox->is_busy;
}

/* What was removed while the job had it is back in memory, and goes from there. */
static void remove_again(struct outbox *outbox)
{
        CLEANUP_FREE int64_t *removed = TAKE_PTR(outbox->removed);
        size_t count = outbox->n_removed;

        outbox->n_removed = outbox->removed_capacity = 0;
        for (size_t i = 0; i < count; i++)
                outbox_remove(outbox, removed[i]);
}

/* What did not get there waits again, before what came meanwhile. */
static void take_failed(struct outbox *outbox, struct outbox_job *job)
{
        for (struct outbox_entry *entry = job->added.first; entry; entry = entry->next)
                entry->seq -= outbox->base;
        outbox_list_prepend(&outbox->added, &job->added);
        remove_again(outbox);
        for (size_t i = 0; i < job->n_removed; i++)
                outbox_remove(outbox, job->removed[i] - outbox->base);
        outbox->sets_times |= job->sets_times;
        outbox->retry_us = outbox->retry_us ? MIN(outbox->retry_us * 2, RETRY_MAX_US) : RETRY_FIRST_US;
        bound_memory(outbox);
}

static bool has_seq(const struct outbox_entry *entry, int64_t seq)
{
        return entry->seq == seq;
}

/* Of what is read and not handed out. */
static void forget_read(struct outbox *outbox, int64_t number)
{
        if (outbox->window.first && number > outbox->shown)
                free(outbox_list_find(&outbox->window, has_seq, number + outbox->base));
}

/* What was handed out of memory before is on its way, or delivered. */
static void take_base(struct outbox *outbox, const struct outbox_totals *totals)
{
        outbox->is_known = true;
        outbox->base = MAX(outbox->base, totals->last_seq);
        if (outbox->given)
                outbox->is_ahead |= totals->count > 0;
        else
                outbox->shown = -outbox->base;
}

static void take_done(struct outbox *outbox, struct outbox_job *job)
{
        outbox->retry_us = 0;
        if (!outbox->is_known)
                take_base(outbox, &job->totals);
        outbox->totals = job->totals;
        for (size_t i = 0; i < ARRAY_SIZE(job->lost); i++)
                outbox_lose(outbox, (enum outbox_loss)i, job->lost[i]);
        if (job->read_count == 0 || outbox->is_rewound)
                return;
        /* What came meanwhile is not in it, what went meanwhile is. */
        outbox->is_read = !job->window.first && !outbox->added.first;
        outbox->window = job->window;
        job->window = (struct outbox_list){ 0 };
        for (size_t i = 0; i < outbox->n_removed; i++)
                forget_read(outbox, outbox->removed[i]);
}

static void on_job_done(void *userdata, struct outbox_job *job)
{
        struct outbox *outbox = userdata;

        outbox->is_busy = false;
        outbox->n_posted = 0;
        if (job->job.fault.code)
                take_failed(outbox, job);
        else
                take_done(outbox, job);
        if (outbox->is_hurried && !outbox->retry_us && has_changes(outbox))
                post(outbox, false);
        else if (has_changes(outbox) || outbox->retry_us)
                arm(outbox); /* what is in the file waits, too */
        outbox->options.ready(outbox->options.userdata);
}

static void on_flush(void *userdata)
{
        struct outbox *outbox = userdata;

        if (outbox->is_busy)
                return;
        if (!outbox->is_without_file && (has_changes(outbox) || outbox->retry_us))
                post(outbox, false);
        else
                outbox->options.ready(outbox->options.userdata); /* there was no memory to read */
}

/* ---- In and out ---------------------------------------------------------------------------------------- */

/* By its own last job alone: a file that cannot be written may be read all the same. */
static bool has_file(const struct outbox *outbox)
{
        return outbox->retry_us == 0 && !outbox->is_without_file;
}

void outbox_commit(struct outbox *outbox)
{
        if (outbox->is_busy)
                outbox->is_hurried = true;
        else if (has_file(outbox) && has_changes(outbox))
                post(outbox, false);
}

int64_t outbox_add(struct outbox *outbox, struct outbox_entry *entry)
{
        int64_t number = ++outbox->next_number;
        uint64_t stamp_us = entry->stamp_us ? entry->stamp_us : loop_now_us(outbox->options.loop);

        entry->seq = number;
        outbox_list_add(&outbox->added, entry);
        outbox->is_read = false;
        note_change(outbox, stamp_us);
        if (outbox->added.count >= COMMIT_COUNT || outbox->added.bytes >= COMMIT_BYTES)
                outbox_commit(outbox);
        bound_memory(outbox); /* what the disk has not taken */
        return number;
}

static int remember_removed(struct outbox *outbox, int64_t number)
{
        if (outbox->n_removed == outbox->removed_capacity) {
                size_t capacity = MAX(outbox->removed_capacity * 2, (size_t)64);
                int64_t *removed = reallocarray(outbox->removed, capacity, sizeof(*removed));
                if (!removed)
                        return -ENOMEM; /* it is delivered twice */
                outbox->removed = removed;
                outbox->removed_capacity = capacity;
        }
        outbox->removed[outbox->n_removed++] = number;
        return 0;
}

/* Of one that is not in memory: nor is it in the file, or on its way there. To remember it would hide others that wait. */
static bool is_nowhere(const struct outbox *outbox, int64_t number)
{
        int64_t last_in_file = outbox->totals.last_seq - outbox->base;

        return outbox->is_without_file ||
               (!outbox->is_busy && number > last_in_file && number <= outbox->no_room_until);
}

void outbox_remove(struct outbox *outbox, int64_t number)
{
        struct outbox_entry *entry = NULL;

        if (outbox->added.first && number >= outbox->added.first->seq)
                entry = outbox_list_find(&outbox->added, has_seq, number);
        if (!entry && !is_nowhere(outbox, number) && remember_removed(outbox, number) == 0)
                note_change(outbox, loop_now_us(outbox->options.loop));
        forget_read(outbox, number);
        free(entry);
}

void outbox_time_is_known(struct outbox *outbox)
{
        outbox->sets_times = true;
        note_change(outbox, loop_now_us(outbox->options.loop));
}

void outbox_rewind(struct outbox *outbox)
{
        outbox_list_done(&outbox->window);
        outbox->shown = -outbox->base;
        outbox->is_read = outbox->is_ahead = false;
        outbox->is_rewound = true;
}

bool outbox_is_ahead(const struct outbox *outbox)
{
        return outbox->is_ahead && has_file(outbox);
}

static struct outbox_entry *copy(const struct outbox_entry *entry)
{
        struct outbox_entry *ret = outbox_entry_new(entry->kind, entry->boot, entry->device, entry->content,
                                                    strlen(entry->content));

        if (!ret)
                return NULL;
        ret->seq = entry->seq;
        ret->stamp_us = entry->stamp_us;
        ret->time_us = entry->time_us;
        return ret;
}

/* In milliseconds since the boot: nobody gives a thousand a second. */
static void guess_base(struct outbox *outbox)
{
        if (!outbox->is_known && !outbox->given)
                outbox->base = (int64_t)(loop_now_us(outbox->options.loop) / USEC_PER_MSEC);
}

/* Of what cannot be written. */
static struct outbox_entry *next_in_memory(struct outbox *outbox, int64_t *ret_number)
{
        for (const struct outbox_entry *entry = outbox->added.first; entry; entry = entry->next) {
                if (entry->seq <= outbox->shown)
                        continue;
                struct outbox_entry *ret = copy(entry);
                if (!ret) {
                        if (!timer_armed(outbox->flush))
                                timer_arm(outbox->flush, NO_MEMORY_US);
                        return NULL;
                }
                guess_base(outbox);
                *ret_number = outbox->shown = entry->seq;
                outbox->given = MAX(outbox->given, entry->seq);
                outbox->is_ahead |= outbox->totals.count > 0;
                ret->seq += outbox->base;
                return ret;
        }
        return NULL;
}

struct outbox_entry *outbox_next(struct outbox *outbox, int64_t *ret_number)
{
        struct outbox_entry *entry = outbox_list_take(&outbox->window);

        if (entry) {
                *ret_number = outbox->shown = entry->seq - outbox->base;
                return entry;
        }
        if (outbox->is_busy)
                return NULL;
        if (!has_file(outbox))
                return next_in_memory(outbox, ret_number);
        if (!outbox->is_read)
                post(outbox, true);
        return NULL;
}

bool outbox_time(const struct outbox *outbox, const struct outbox_entry *entry, uint64_t *ret_us)
{
        struct clock *clock = outbox->options.clock;

        if (entry->time_us) {
                *ret_us = entry->time_us;
                return true;
        }
        return strcmp(entry->boot, outbox->boot) == 0 && clock && clock_wall_us(clock, entry->stamp_us, ret_us);
}

uint64_t outbox_count(const struct outbox *outbox)
{
        uint64_t count = outbox->totals.count + outbox->added.count + outbox->n_posted;

        return count > outbox->n_removed ? count - outbox->n_removed : 0;
}

bool outbox_oldest_us(const struct outbox *outbox, uint64_t *ret_us)
{
        uint64_t now_us = loop_now_us(outbox->options.loop), wall_us;
        const struct outbox_totals *totals = &outbox->totals;
        struct clock *clock = outbox->options.clock;

        uint64_t stamp_us = totals->oldest_stamp_us;

        if (totals->count == 0)
                stamp_us = outbox->added.first ? outbox->added.first->stamp_us : 0;
        if (outbox_count(outbox) == 0)
                return false;
        if (stamp_us) {
                *ret_us = now_us - MIN(stamp_us, now_us);
                return true;
        }
        if (totals->count == 0 || !totals->oldest_time_us || !clock || !clock_wall_us(clock, now_us, &wall_us))
                return false;
        *ret_us = wall_us > totals->oldest_time_us ? wall_us - totals->oldest_time_us : 0;
        return true;
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

void outbox_set_limits(struct outbox *outbox, uint64_t flush_us, const struct outbox_limits *limits)
{
        outbox->options.flush_us = flush_us;
        outbox->options.limits = *limits;
}

int outbox_new(const struct outbox_options *options, struct outbox **ret)
{
        CLEANUP(outbox_freep) struct outbox *outbox = calloc(1, sizeof(*outbox));

        if (!outbox)
                return -ENOMEM;
        outbox->options = *options;
        (void)snprintf(outbox->boot, sizeof(outbox->boot), "%s", options->boot);
        int r = timer_new(options->loop, TIMER_EXACT_US, on_flush, outbox, &outbox->flush);
        if (r < 0)
                return r;
        timer_set_priority(outbox->flush, LOOP_HOUSE);
        store_on_begun_again(options->store, on_begun_again, outbox);
        post(outbox, false);
        *ret = TAKE_PTR(outbox);
        return 0;
}

/* A job that is under way may fail; what comes after it is posted all the same. */
void outbox_close(struct outbox *outbox)
{
        if (outbox->is_busy)
                outbox->is_hurried = true;
        else if (has_changes(outbox))
                post(outbox, false);
}

void outbox_free(struct outbox *outbox)
{
        if (!outbox)
                return;
        timer_free(outbox->flush);
        outbox_list_done(&outbox->added);
        outbox_list_done(&outbox->window);
        free(outbox->removed);
        free(outbox);
}
