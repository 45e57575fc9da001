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

#include "device/results.h"

#define DOUBLES_WINDOW_US (60 * USEC_PER_SEC)
#define DOUBLES_MAX_BYTES (1024U * 1024U)

enum double_part_name {
        DOUBLE_DEVICE,
        DOUBLE_CHANNEL, /* that the topic ends with */
        DOUBLE_ASKER,
        DOUBLE_MARK, /* the id or the correlation data */
        DOUBLE_PAYLOAD,
        DOUBLE_PARTS,
};

struct double_part {
        const void *data; /* NULL when empty */
        size_t size;
};

struct double_key {
        char kind; /* 'i' an id, 'c' correlation data */
        struct double_part parts[DOUBLE_PARTS];
};

/* What is remembered of a command while it is being carried out. Zeroed: nothing. */
struct double_mark {
        uint64_t hash, serial;
};

struct doubles;

struct doubles *doubles_new(void); /* NULL without memory */
void doubles_free(struct doubles *doubles);

/* Has this been here within the window? RESULT_DUPLICATE in `ret`: it is still being carried out. */
bool doubles_find(struct doubles *doubles, const struct double_key *key, uint64_t now_us, struct result *ret);
/* It is being carried out. Without memory it is not remembered. */
struct double_mark doubles_begin(struct doubles *doubles, const struct double_key *key, uint64_t now_us);
/* What became of it; a command that was not carried out (busy, offline, expired) is forgotten. */
void doubles_end(struct doubles *doubles, const struct double_mark *mark, const struct result *result);
