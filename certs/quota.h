/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests of each identity are looked at: no one who may write here at all shall keep the signer from others. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/loop.h"

#define QUOTA_REQUESTS     10
#define QUOTA_US           (60 * USEC_PER_SEC)
#define QUOTA_IDENTITY_MAX 96 /* with its NUL; a longer one is nobody's */
#define QUOTA_SLOTS        256

struct quota_slot {
        char identity[QUOTA_IDENTITY_MAX];
        uint64_t since_us;
        unsigned count;
        bool is_told; /* it was logged that there are more */
};

struct quota {
        struct quota_slot slots[QUOTA_SLOTS];
};

/* Of one who has asked within the time; NULL: none. */
struct quota_slot *quota_find(struct quota *quota, const char *identity, uint64_t now_us);
/* For one who has not. Where there are more of them than slots, the one who came first loses its own. */
struct quota_slot *quota_begin(struct quota *quota, const char *identity, uint64_t now_us);
