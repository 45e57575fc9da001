/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that come twice. A sender that repeats a command gives it the same id or the same correlation
 * data: within 60 s it is not carried out again, and is told what became of the first. Bounded in memory: the
 * oldest are forgotten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/results.h"

#define DOUBLES_WINDOW_US (60 * USEC_PER_SEC)
#define DOUBLES_MAX_BYTES (1024U * 1024U)

struct double_key {
        const char *device;
        char kind; /* 'i' an id, 'c' correlation data */
        const void *data;
        size_t size;
};

struct doubles;

struct doubles *doubles_new(void); /* NULL without memory */
void doubles_free(struct doubles *doubles);

/* Has this been here within the window? RESULT_DUPLICATE in `ret`: it is still being carried out. */
bool doubles_find(struct doubles *doubles, const struct double_key *key, uint64_t now_us, struct result *ret);
/* It is being carried out. Without memory it is not remembered. */
void doubles_begin(struct doubles *doubles, const struct double_key *key, uint64_t now_us);
/* What became of it; a command that was not carried out (busy, offline, expired) is forgotten. */
void doubles_end(struct doubles *doubles, const struct double_key *key, const struct result *result);
