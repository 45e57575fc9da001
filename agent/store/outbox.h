/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of what waits for the broker, bounded by count, bytes and age: the oldest go first, and are counted. What is
 * new waits in memory for up to `flush` and goes to the file in one transaction; the rest is in the file alone, and is
 * read in windows when it is handed out. Without a file, or while it fails, a bounded number is kept in memory.
 *
 * Entries have numbers (seq) that grow over restarts: a number that outbox_next() has shown for an entry of the file is
 * never another one's. All functions belong to the loop's thread.
 */
#pragma once

#include "store/outbox_table.h"
#include "store/store.h"
#include "util/clock.h"

struct outbox;

struct outbox_options {
        struct loop *loop;
        struct clock *clock;
        struct store *store; /* freed before the outbox */
        const char *boot;    /* this boot's id */
        uint64_t flush_us;
        struct outbox_limits limits;
        void (*ready)(void *userdata); /* outbox_next() may have another one */
        void *userdata;
};

int outbox_new(const struct outbox_options *options, struct outbox **ret) MUST_CHECK;
/* The clean end: all that is known goes to the file with store_close(), which is called next. */
void outbox_close(struct outbox *outbox);
void outbox_free(struct outbox *outbox);

void outbox_set_limits(struct outbox *outbox, uint64_t flush_us, const struct outbox_limits *limits);

/* Appends an entry, takes it over, and gives it its number, which outbox_remove() takes. */
int64_t outbox_add(struct outbox *outbox, struct outbox_entry *entry);
/* It is delivered, or not to be. */
void outbox_remove(struct outbox *outbox, int64_t number);
/* To the file as soon as may be, not after `flush`. */
void outbox_commit(struct outbox *outbox);
/* The clock is right by now: entries of this boot get their wall time. */
void outbox_time_is_known(struct outbox *outbox);

/* The next in the order of the numbers, as a copy for the caller to free(); `*ret_number` is for outbox_remove(). NULL:
 * none, or one is being read: `ready` is called then. */
struct outbox_entry *outbox_next(struct outbox *outbox, int64_t *ret_number);
void outbox_rewind(struct outbox *outbox); /* from the oldest again */
/* True: entries of memory were handed out while the file failed, and it works again. What is in it is older and comes with
 * outbox_rewind(), which is for a moment at which nothing is on its way. */
bool outbox_is_ahead(const struct outbox *outbox);
/* The wall time of an entry of any boot in microseconds since 1970; false: nobody knows. */
bool outbox_time(const struct outbox *outbox, const struct outbox_entry *entry, uint64_t *ret_us);

uint64_t outbox_count(const struct outbox *outbox); /* entries that wait, on the way or not */
void outbox_lose(struct outbox *outbox, enum outbox_loss loss, uint64_t count);
uint64_t outbox_lost(const struct outbox *outbox, enum outbox_loss loss);
/* How old the oldest entry is; false: there is none, or nobody knows. */
bool outbox_oldest_us(const struct outbox *outbox, uint64_t *ret_us);

DEFINE_CLEANUP(struct outbox, outbox_free);
