/* SPDX-License-Identifier: Apache-2.0 */
/* Whether another client takes our id over. Where the broker only closes (mosquitto 2.0.11), so many short connections
 * in a row mean it. */
#pragma once

#include "bus/reason.h"

#define TAKEOVER_SHORT_LIVES 3
#define TAKEOVER_SHORT_US    (10 * USEC_PER_SEC)

struct takeover {
        unsigned short_lives;    /* in a row */
        unsigned unacknowledged; /* of these, how many ended before what we had sent was acknowledged */
};

/* A connection has ended that stood for `lived_us`. True: it was taken over, as the broker reported, or as the fault
 * then suspects. */
bool takeover_ended(struct takeover *takeover, const struct transport_end *end, uint64_t lived_us, struct fault *fault);
/* The broker itself was away since: it restarts, nobody throws us out. */
static inline void takeover_broker_away(struct takeover *takeover)
{
        takeover->short_lives = takeover->unacknowledged = 0;
}
