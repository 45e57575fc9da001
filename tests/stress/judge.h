/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States from the record alone whether the laws of the house were kept. Each law counts how often it had something to
 * look at, so that a run in which nothing happened is not taken for one in which all was well.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "stress/house.h"
#include "stress/noise.h"
#include "stress/record.h"

enum law {
        LAW_INTERLOCK, /* never two members on, and the dead time between one and another */
        LAW_COVER,     /* never both directions, the dead time between them, no drive longer than its way */
        LAW_TIME,      /* a pulse, `for`, max_on ends when it is over */
        LAW_SAFE,      /* after SIGKILL --outputs-safe drives what is timed off, and the next start leaves it off */
        LAW_OFFLINE,   /* without a broker an output is where on_offline puts it, whatever happens meanwhile */
        LAW_CAUSE,     /* no edge without a cause: not at a reload of others, not while nothing is done */
        LAW_REST,      /* min_on and min_off */
        LAW_LOCAL,     /* a hand on a button is answered in time, whatever the network does */
        LAW_STATE,     /* once settled the state topic's last word is the line's level */
        LAWS
};

struct violation {
        enum law law;
        uint64_t at_us;
        char text[160];
};

#define VIOLATIONS_MAX 64

struct verdict {
        struct violation violations[VIOLATIONS_MAX];
        size_t count; /* may be more than there is room for */
        size_t by_law[LAWS], looked_at[LAWS];
        uint64_t worst_us[LAWS]; /* furthest beyond its time, what the machine held up taken off */
};

/* What a law's time may be exceeded by, besides what the machine held up. */
#define SLACK_US (20 * 1000ULL)

void judge(const struct house *house, const struct record *record, const struct noise *noise, struct verdict *ret);
const char *law_name(enum law law);
