/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that came in one piece, kept until there is a turn for them, in their order. */
#pragma once

#include <stdbool.h>

#include "bus/mosquitto.h"
#include "bus/properties.h"

struct backlog_message {
        struct backlog_message *next;
        struct session_message message; /* its texts are in these two */
        struct mosquitto_message in;
        struct properties_owned owned;
};

/* Zeroed is empty. */
struct backlog {
        struct backlog_message *first, *last;
};

static inline bool backlog_is_empty(const struct backlog *backlog)
{
        return !backlog->first;
}

/* Copies `message`, which is `in` with its properties read, and takes over what `owned` has. -ENOMEM. */
int backlog_add(struct backlog *backlog, const struct session_message *message, const struct mosquitto_message *in,
                struct properties_owned *owned) MUST_CHECK;
/* The oldest one, which is the caller's now; NULL: there is none. */
struct backlog_message *backlog_take(struct backlog *backlog);
void backlog_message_free(struct backlog_message *message);
void backlog_done(struct backlog *backlog);

DEFINE_CLEANUP(struct backlog_message, backlog_message_free);
#define CLEANUP_BACKLOG_MESSAGE CLEANUP(backlog_message_freep)
