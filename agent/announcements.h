/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is announced to Home Assistant over one link: where, whether the broker takes it, and when Home Assistant has started. A
 * broker that does not permit it says so in its acknowledgement, or closes the connection; then the node works without.
 */
#pragma once

#include "bus/in_flight.h"
#include "bus/session_types.h"
#include "bus/topics.h"

struct announcements_options {
        const char *prefix; /* of Home Assistant's discovery topics; NULL: nothing is announced */
        const char *birth_topic, *birth_payload;
};

/* Zeroed announces nothing. */
struct announcements {
        char *prefix, *birth_topic, *birth_payload;
        const char *node;      /* borrowed */
        struct in_flight sent; /* in this connection */
        bool is_refused;       /* in this connection, or for good */
        bool was_taken;        /* some announcement, since the start */
        bool has_reported;
        unsigned n_ended; /* connections one after the other that were closed before any was taken */
};

int announcements_init(struct announcements *announcements, const struct announcements_options *options,
                       const char *node) MUST_CHECK;
void announcements_done(struct announcements *announcements);

/* A connection begins. The topic to subscribe to, on which Home Assistant says that it has started; NULL: none. */
const char *announcements_begin(struct announcements *announcements);
/* It has ended. */
void announcements_end(struct announcements *announcements);

bool announcements_may_send(const struct announcements *announcements);
/* PREFIX/device/NODE/DEVICE/config. -ENOTSUP: nothing is announced. */
int announcements_topic(const struct announcements *announcements, const char *device, char topic[static TOPIC_MAX])
        MUST_CHECK;
void announcements_sent(struct announcements *announcements, int id);
/* True when it was an announcement; one that was refused is logged, once. */
bool announcements_acknowledged(struct announcements *announcements, int id, int reason);

/* Home Assistant has started. What is replayed at the subscription is older than what was published then. */
bool announcements_is_birth(const struct announcements *announcements, const struct session_message *message);
