/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that come twice. A sender that repeats a command gives it the same id or the same correlation
 * data: within 60 s it is not carried out again, and its result is sent again. It is the same command only
 * where all of it is the same: two senders may count alike, and one may use a number again for something else.
 * Bounded in memory: the oldest are forgotten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel/result.h"

#define DUPLICATES_WINDOW_US (60 * USEC_PER_SEC)
#define DUPLICATES_MAX_BYTES (1024U * 1024U)

enum duplicate_part_name {
        DUPLICATE_DEVICE,
        DUPLICATE_CHANNEL, /* that the topic ends with */
        DUPLICATE_ASKER,
        DUPLICATE_MARK, /* the id or the correlation data */
        DUPLICATE_PAYLOAD,
        DUPLICATE_PARTS,
};

struct duplicate_part {
        const void *data; /* NULL when empty */
        size_t size;
};

struct duplicate_key {
        char kind; /* 'i' an id, 'c' correlation data */
        struct duplicate_part parts[DUPLICATE_PARTS];
};

/* What is remembered of a command while it is being carried out. Zeroed: nothing. */
struct duplicate_mark {
        uint64_t hash, serial;
};

struct duplicates;

struct duplicates *duplicates_new(void); /* NULL without memory */
void duplicates_free(struct duplicates *duplicates);

/* Has this been here within the window? RESULT_DUPLICATE in `ret`: it is still being carried out. */
bool duplicates_find(struct duplicates *duplicates, const struct duplicate_key *key, uint64_t now_us,
                     struct result *ret);
/* It is being carried out. Without memory it is not remembered. */
struct duplicate_mark duplicates_begin(struct duplicates *duplicates, const struct duplicate_key *key, uint64_t now_us);
/* What became of it; a command that was not carried out (busy, offline, expired) is forgotten. */
void duplicates_end(struct duplicates *duplicates, const struct duplicate_mark *mark, const struct result *result);
