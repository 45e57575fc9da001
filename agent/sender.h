/* SPDX-License-Identifier: Apache-2.0 */
/* Sends an uplink's messages over its session: remembers what is retained, counts what is lost, and keeps the number of messages
 * in flight within a limit. */
#pragma once

#include "bus/session.h"
#include "retained.h"
#include "util/clock.h"

struct sender {
        struct loop *loop;   /* borrowed, like the next two */
        struct clock *clock; /* dates envelopes */
        const char *node;
        struct session *session; /* the uplink's, which makes and frees it */
        bool envelope;
        bool is_stopping;
        struct retained retained;
        uint64_t quiet_at_us;          /* the history makes way until then */
        uint64_t dropped;              /* messages that did not go out, or were refused */
        uint64_t seq;                  /* of the last envelope */
        bool is_behind;                /* a message was held back because too many are in flight */
        bool is_awaited;               /* sender_has_room() has refused */
        bool has_reported_unpublished; /* in this connection */
        bool has_reported_oversize;    /* since the start */
};

/* A connection begins: nothing is in flight, and nothing claimed. */
void sender_begin(struct sender *sender);
void sender_done(struct sender *sender);

/* Connected, and going to stay so. */
bool sender_is_up(const struct sender *sender);
/* So many messages are unacknowledged that no more are sent for now. */
bool sender_is_full(const struct sender *sender);
/* Full, and a message is not sent: it is published again when sender_has_caught_up(), or with `newest_only` false lost and
 * counted. */
bool sender_holds_back(struct sender *sender, bool newest_only);

/* The message's id, or a negative errno: it is not on its way. */
int sender_send(struct sender *sender, const struct session_message *message);
/* Wraps JSON where [broker] envelope asks for it. */
int sender_send_json(struct sender *sender, const char *device, const struct session_message *message);

/* For what is sent in bulk: as much stays free for what happens meanwhile. After a `false`, sender_takes_bulk_again() is true
 * once. */
bool sender_has_room(struct sender *sender);
bool sender_takes_bulk_again(struct sender *sender);
/* A message is sent of what happens now: the history makes way for a while. And: it need not, what was sent was no more than the
 * beginning of a connection. */
void sender_note_live(struct sender *sender);
void sender_note_quiet(struct sender *sender);
bool sender_history_makes_way(const struct sender *sender);
/* For what waited while the broker was away, of which `n_sent` are unacknowledged: it leaves room in the broker's window and the
 * most of ours to what happens now. */
bool sender_has_history_room(const struct sender *sender, size_t n_sent);
/* True once after something was held back: the broker has acknowledged enough to publish all again. */
bool sender_has_caught_up(struct sender *sender);
