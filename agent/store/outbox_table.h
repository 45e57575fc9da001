/* SPDX-License-Identifier: Apache-2.0 */
/* The table `outbox`: readings and events that wait for the broker, oldest first. One job does all that is due at once:
 * what is delivered goes, what is new comes, what is too much goes, and a window of what waits is read. */
#pragma once

#include <stdint.h>

#include "store/job.h"

enum outbox_kind { OUTBOX_STATE, OUTBOX_EVENT };

enum outbox_loss {
        OUTBOX_LOSS_COUNT,    /* over max_count */
        OUTBOX_LOSS_BYTES,    /* over max_bytes */
        OUTBOX_LOSS_AGE,      /* over max_age */
        OUTBOX_LOSS_MEMORY,   /* nothing could be written, and memory is bounded too */
        OUTBOX_LOSS_STORE,    /* the file was damaged or removed */
        OUTBOX_LOSS_REFUSED,  /* by the broker */
        OUTBOX_LOSS_OVERSIZE, /* larger than the broker takes */
        OUTBOX_LOSSES,
};
const char *outbox_loss_name(enum outbox_loss loss);

struct outbox_entry {
        struct outbox_entry *next;
        int64_t seq;
        uint64_t stamp_us; /* CLOCK_BOOTTIME of its boot */
        uint64_t time_us;  /* wall time; 0: not known */
        enum outbox_kind kind;
        size_t bytes;                        /* what counts for max_bytes */
        const char *boot, *device, *content; /* in `texts` */
        int id;                              /* the message by which it is on its way; 0: it is not */
        bool is_kept;                        /* on its way, and in the outbox too */
        char texts[];
};

/* NULL: no memory. `content` is JSON without its time. */
struct outbox_entry *outbox_entry_new(enum outbox_kind kind, const char *boot, const char *device, const char *content,
                                      size_t size);

/* In their order. */
struct outbox_list {
        struct outbox_entry *first, *last;
        size_t count;
        uint64_t bytes;
};
void outbox_list_add(struct outbox_list *list, struct outbox_entry *entry);
struct outbox_entry *outbox_list_take(struct outbox_list *list); /* the first; NULL: none */
/* Takes out the first for which `is_it` is true; NULL: none. */
struct outbox_entry *outbox_list_find(struct outbox_list *list,
                                      bool (*is_it)(const struct outbox_entry *entry, int64_t number), int64_t number);
/* Puts the others before those of the list. */
void outbox_list_prepend(struct outbox_list *list, struct outbox_list *others);
void outbox_list_done(struct outbox_list *list);

struct outbox_limits {
        uint64_t max_count, max_bytes, max_age_us;
};

/* What is in the file. */
struct outbox_totals {
        uint64_t count, bytes;
        int64_t last_seq;                         /* the highest that the file knows of */
        uint64_t oldest_stamp_us, oldest_time_us; /* of the oldest; 0: of another boot, or not known */
        uint64_t look_us;                         /* when to look again behind those of no age */
        unsigned n_opened;                        /* database.n_opened when they were counted; 0: they were not */
};

struct outbox_job {
        struct store_job job;
        /* In. */
        struct outbox_list added; /* given back when it fails */
        int64_t *removed;         /* given back when it fails */
        size_t n_removed;
        char boot[40];            /* this one */
        uint64_t now_us, wall_us; /* CLOCK_BOOTTIME; wall time, 0: not known */
        bool sets_times;          /* entries of this boot get their wall time */
        struct outbox_limits limits;
        int64_t last_given; /* without the file: not to be given again; 0: none */
        int64_t read_after; /* the window begins behind it */
        size_t read_count;  /* 0: none is read */
        /* In and out. */
        struct outbox_totals totals;
        /* Out. */
        struct outbox_list window;
        uint64_t lost[OUTBOX_LOSSES];

        void (*done)(void *userdata, struct outbox_job *job); /* what it does not take is freed */
        void *userdata;
};

struct outbox_job *outbox_job_new(bool writes); /* NULL: no memory */
