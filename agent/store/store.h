/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives the process: small texts by device and key, in memory and in a file for the next start. Without a file
 * the store still works, for this run alone.
 *
 * Changes wait up to save_after and go to the file together, by a thread of its own: nobody ever waits for the disk but
 * store_new() (it reads, five seconds at the most) and store_close(). All functions belong to the loop's thread.
 */
#pragma once

#include "store/rows.h"
#include "util/fault.h"
#include "util/loop.h"

struct store_job;
struct store;

enum store_fault {
        STORE_UNUSABLE,  /* nothing can be written just now */
        STORE_SET_ASIDE, /* the file was damaged and has been created again: for the rest of this run */
};

struct store_options {
        struct loop *loop; /* NULL: in memory alone, and so without a dir */
        const char *dir;   /* where sconce.db is; NULL: in memory alone */
        uint64_t save_after_us;
        const char *run; /* names this run: any text */
        /* In words for people; NULL: it is over. Logged already. Called from the loop and from store_report(). */
        void (*fault)(void *userdata, enum store_fault kind, const char *text);
        void *userdata;
};

int store_new(const struct store_options *options, struct store **ret) MUST_CHECK;
/* What a file holds, to be read only: nothing is written. */
int store_peek(const char *dir, struct store **ret, struct fault *fault) MUST_CHECK;
/* The clean end of a run: what is to be written is written, jobs of others too, if that takes less than two seconds. False:
 * not all of it is. */
bool store_close(struct store *store);
void store_free(struct store *store); /* after a store_close(), or as in a crash */

/* store_options.run of the run before, when that did not end with store_close(): a crash, a power cut; else NULL. */
const char *store_cut_off(const struct store *store);

/* NULL: there is none. Valid until the next store_put() or turn of the loop. */
const char *store_get(const struct store *store, enum store_what what, const char *device, const char *key);
/* `value` NULL forgets it. */
int store_put(struct store *store, enum store_what what, const char *device, const char *key, const char *value);
/* The keys in their order: the one after that (NULL: the first), NULL at the end. */
const char *store_next(const struct store *store, enum store_what what, const char *device, const char *after);
size_t store_count(const struct store *store, enum store_what what, const char *device);
/* What waits is written as soon as the loop comes round: for what would be dangerous to forget. */
void store_flush(struct store *store);

/* Forgets all rows of that kind for which `is_gone` is true. */
void store_forget(struct store *store, enum store_what what,
                  bool (*is_gone)(void *userdata, const char *device, const char *key), void *userdata);

/* Hands a job (store/job.h) to the thread that has the file, and takes it over. -ENOTSUP: there is no file, and never will be;
 * the job is freed. What goes wrong with the file is reported by the store, and is in the job when it is done. */
int store_post(struct store *store, struct store_job *job) MUST_CHECK;
/* Something may be written: the last job has not failed. */
bool store_is_usable(const struct store *store);
/* There is a file, and nothing can be written to it just now: what it holds is old. */
bool store_is_failing(const struct store *store);
/* Called when a file was begun again while the store was in use (removed, or damaged): what others have put into it is not
 * there any more. From the loop, before the job that has found it is done. NULL: nobody. */
void store_on_begun_again(struct store *store, void (*begun_again)(void *userdata), void *userdata);

/* Reports again what is wrong. */
void store_report(struct store *store);

DEFINE_CLEANUP(struct store, store_free);
