/* SPDX-License-Identifier: Apache-2.0 */
/* What is saved, as rows in memory, sorted and found by (what, device, key): a few hundred at the most. A row without a
 * value is to be deleted from the file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"
#include "util/macro.h"

enum store_what {
        STORE_VALUE, /* the last value of a device's written channel */
        STORE_SAVED, /* what its plugin keeps: sconce_save() */
        STORE_MARK,  /* what the agent notes about it */
        STORE_TOPIC, /* a retained topic that was published; no device, the key is the topic */
        STORE_PARTS, /* what an announcement on such a topic has made known: its components */
        STORE_WHATS,
};

struct row {
        enum store_what what;
        char *device, *key;
        char *value; /* NULL: to be deleted */
        bool dirty;  /* differs from what was handed to the writer */
};

struct rows {
        struct row **items;
        size_t count;
};

/* As the file names it, and back; -EINVAL for a word of a later version. */
const char *store_what_name(enum store_what what);
int store_what_from_name(const char *name, enum store_what *ret) MUST_CHECK;

/* Where the row is, or where it would stand: the first that is not before it. */
size_t rows_place(const struct rows *rows, enum store_what what, const char *device, const char *key);
struct row *rows_find(const struct rows *rows, enum store_what what, const char *device, const char *key);
/* Changes or adds a row: 1 when it is dirty by that, 0 when it had that value before. `value` NULL: to be deleted. */
int rows_set(struct rows *rows, enum store_what what, const char *device, const char *key, const char *value)
        MUST_CHECK;

bool rows_have_dirty(const struct rows *rows);
/* Copies the dirty rows into an empty set and calls them clean. */
int rows_copy_dirty(struct rows *rows, struct rows *ret) MUST_CHECK;
/* Rows that were handed over and are not in the file after all. */
void rows_dirty_again(struct rows *rows, const struct rows *copies);
void rows_dirty_all(struct rows *rows);
void rows_sweep(struct rows *rows);  /* rows that were to be deleted and are */
void rows_settle(struct rows *rows); /* there is no file: nothing is dirty, what was to be deleted is */
void rows_done(struct rows *rows);
