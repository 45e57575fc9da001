/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered readings: which were made, promised, delivered, and what is wrong with that. A reading goes out once, on `state`
 * while the broker acknowledges, or on `history`, and again where that is explained:
 *
 * - its acknowledgement had not been passed on when the connection ended, or so shortly before it or before the link went down
 *   that the node has not read it;
 * - the agent was killed before it had removed from its database what was acknowledged;
 * - `state` showed it: it does so with the newest one at each connection, and when a broker that hung has caught up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faults/proxy.h"

enum { TALLY_DEVICES = 20, TALLY_READINGS = 500, TALLY_ALL = TALLY_DEVICES * TALLY_READINGS, TALLY_SPANS_MAX = 64 };

enum tally_topic { TALLY_STATE, TALLY_HISTORY, TALLY_TOPICS };

struct reading {
        uint64_t made_us;
        uint64_t sent_on, acked_us; /* the last time: on which connection, 0: never; when acknowledged, 0: not */
        enum tally_topic topic;     /* and over which */
        bool is_promised;           /* it was in the database when the agent was killed */
        bool is_delivered;
};

/* The newest number that went to the broker on that connection. */
struct course {
        uint64_t connection;
        unsigned number;
};

/* While the broker hung, or the way to it. */
struct hang {
        uint64_t from_us, until_us; /* 0: still */
        bool is_down;               /* what was passed on is on its way for as long */
};

struct tally_counts {
        uint64_t made, connections, kills;
        uint64_t promised, kept;                  /* in the database at a kill; of them delivered */
        uint64_t in_flight, unread, unremoved;    /* sent again, and why */
        uint64_t shown;                           /* `state` showed one that was or is delivered otherwise */
        uint64_t lost, oldest_us, oldest_hung_us; /* by kills: how old they were; and where the broker hung */
        uint64_t broken;                          /* lost, though promised or too old */
        uint64_t unordered, inexplicable;         /* deliveries */
        uint64_t left;                            /* in the database after the end */
};

struct tally {
        struct reading readings[TALLY_DEVICES][TALLY_READINGS + 1]; /* from 1 on */
        struct course courses[TALLY_DEVICES][TALLY_TOPICS];
        unsigned delivered[TALLY_DEVICES][TALLY_TOPICS]; /* the highest number, of those delivered for the first time */
        uint64_t ended_us[1024];                         /* of each connection; 0: it stands */
        uint64_t killed_us[TALLY_SPANS_MAX];
        struct hang hangs[TALLY_SPANS_MAX];
        size_t n_hangs;
        uint64_t flush_us;
        struct tally_counts counts;
};

uint64_t tally_now_us(void); /* CLOCK_BOOTTIME, as the plugin has it; of all times here */

void tally_sent(struct proxy_message *message, void *userdata); /* handlers of a proxy */
void tally_acknowledged(const struct proxy_message *message, void *userdata);
void tally_ended(uint64_t connection, void *userdata);

const char *tally_file(unsigned device); /* where the plugin `counted` notes what it makes */
size_t tally_made(void);                 /* by all devices, so far */

void tally_hangs(struct tally *tally, bool is_down);                          /* from now on */
void tally_works(struct tally *tally);                                        /* again */
void tally_killed(struct tally *tally, uint64_t at_us, const char *database); /* what is in its database is promised */
/* All are made, and are delivered or were lost by a kill; the database holds nothing. */
bool tally_is_settled(struct tally *tally, const char *database);
void tally_close(struct tally *tally, const char *database);
