/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which retained topics are ours. What was published with the retain flag is remembered in the store; what
 * nobody claims any more once a connection stands (a device is gone from the config, the node has another
 * name) is a stale, to be cleared at the broker, and is forgotten when the broker has acknowledged that.
 */
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

void retained_done(struct retained *retained);

/* A connection begins: all claims are made anew, and what was under way on the one before is not known. */
void retained_begin(struct retained *retained);
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
