/* SPDX-License-Identifier: Apache-2.0 */
/* The node's topic `status`: says that it is online, and again when somebody else has written there. */
#pragma once

#include "sender.h"

struct own_status {
        struct sender *sender; /* borrowed */
        const char *topic;     /* borrowed */
        struct timer *again;   /* `online` once more */
        uint64_t published_us; /* when that was last; 0: not in this connection */
        int again_id;          /* of that; 0: not in this connection */
        bool has_reported;     /* in this connection */
};

int own_status_init(struct own_status *status, struct sender *sender, const char *topic) MUST_CHECK;
void own_status_done(struct own_status *status);

/* A connection begins: publishes `online`. */
void own_status_begin(struct own_status *status);
void own_status_publish(struct own_status *status, const char *word);
void own_status_acknowledged(struct own_status *status, int id);
/* A message on this topic. */
void own_status_received(struct own_status *status, const struct session_message *message);
