/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether another client of our id throws us out. A broker may say so; mosquitto 2.0.11 only closes. Then so
 * many connections in a row that it closed so soon, and was there again at once, mean the same.
 */
#pragma once

#include "bus/reason.h"

#define TAKEOVER_SHORT_LIVES 3
#define TAKEOVER_SHORT_US    (10 * USEC_PER_SEC)

struct takeover {
        unsigned short_lives;    /* in a row */
        unsigned unacknowledged; /* of these, how many ended before what we had sent was acknowledged */
};

/* A connection has ended that stood for `lived_us`. True: we were thrown out; where the broker did not say so the
 * fault becomes what is suspected. */
bool takeover_ended(struct takeover *takeover, const struct transport_end *end, uint64_t lived_us, struct fault *fault);
/* The broker itself was away since: it restarts, nobody throws us out. */
static inline void takeover_broker_away(struct takeover *takeover)
{
        takeover->short_lives = takeover->unacknowledged = 0;
}
