/* SPDX-License-Identifier: Apache-2.0 */
/* Which retained topics are ours. The store remembers them; one that nobody claims on a connection (a device is gone
 * from the config, the node has another name) is stale. It is cleared at the broker, and forgotten when that is
 * acknowledged. */
#pragma once

#include "store/store.h"

struct clearing {
        int id;
        char *topic;
};

struct retained {
        struct store *store;       /* borrowed */
        struct rows claimed;       /* on this connection */
        struct clearing *clearing; /* sent, and not acknowledged yet */
        size_t n_clearing;
};

/* A connection begins: all claims are made again, and what was under way is not known. Frees everything, too. */
void retained_reset(struct retained *retained);
/* Something is published there. */
void retained_claim(struct retained *retained, const char *topic);
/* Nothing is to be there any more: as if it had not been claimed. */
void retained_release(struct retained *retained, const char *topic);
/* A message that clears it has been sent under this id; nobody claims it any more. */
void retained_clearing(struct retained *retained, const char *topic, int id);
/* The broker has acknowledged a message: true when it was one that clears. */
bool retained_acknowledged(struct retained *retained, int id);
/* A topic to clear, NULL when there is none. Valid until the next call. */
const char *retained_stale(const struct retained *retained);
/* The same, of announcements (STORE_PARTS) alone: they are to go before what they speak of. */
const char *retained_stale_announcement(const struct retained *retained);
