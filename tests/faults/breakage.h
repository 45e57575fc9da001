/* SPDX-License-Identifier: Apache-2.0 */
/* What may break between an agent and its broker, and how it is mended: one table. */
#pragma once

#include "faults/proxy.h"
#include "system/broker.h"

struct way {
        struct broker *broker;
        struct proxy *proxy;
};

enum {
        BREAKAGE_KILLS = 1,   /* the agent is killed meanwhile */
        BREAKAGE_HANGS = 2,   /* nothing ends, and nobody answers, or late */
        BREAKAGE_NOTICED = 4, /* it lasts until the agent connects again by itself */
        BREAKAGE_SHORT = 8,   /* what is in flight is not overdue yet */
        BREAKAGE_VETH = 16,   /* it needs a link that goes down (veth.h) */
};

struct breakage {
        const char *name; /* rows of one name stand together */
        void (*begin)(const struct way *way), (*end)(const struct way *way);
        unsigned flags;
};

enum { BREAKAGES = 19 };
extern const struct breakage breakages[BREAKAGES];
