/* SPDX-License-Identifier: Apache-2.0 */
/* Between home and session: payloads go to topics, command topics to commands. At each CONNACK everything retained is
 * published again. */
#pragma once

#include "announcements.h"
#include "bus/session.h"
#include "publish.h"

struct uplink;

struct uplink_options {
        struct loop *loop;
        struct clock *clock;
        struct store *store; /* remembers what is retained */
        struct home *home;   /* takes the commands */
        const char *base;    /* "sconce" */
        const char *node;
        bool envelope;
        struct session_options session; /* will and subscriptions are filled in here */
        struct announcements_options announcements;
};

struct uplink_handlers {
        void (*begun)(void *userdata);                 /* a connection stands, `online` is out; may be NULL */
        void (*up)(void *userdata);                    /* now, or again: publish all */
        void (*room)(void *userdata);                  /* what uplink_has_room() refused may go on; may be NULL */
        void (*down)(void *userdata, const char *why); /* the connection ended, or an attempt failed */
        /* The broker refuses what we publish; NULL: not in this connection. */
        void (*refused)(void *userdata, const char *why);
        /* A message was acknowledged, or refused (>= 0x80). True: it is somebody else's, who keeps it. May be NULL. */
        bool (*acknowledged)(void *userdata, int id, int reason);
        void (*birth)(void *userdata); /* Home Assistant has started; may be NULL */
        /* On a topic that is not the node's; the answer to a subscription of somebody else. True: it was theirs. May be NULL. */
        bool (*message)(void *userdata, const struct session_message *message);
        bool (*subscribed)(void *userdata, int id, int reason);
        void *userdata;
};

/* Borrows what options->session points to; copies the rest. */
int uplink_new(const struct uplink_options *options, const struct uplink_handlers *handlers, struct uplink **ret)
        MUST_CHECK;
/* Publishes `offline` and disconnects; `done` is called once, within two seconds. */
void uplink_stop(struct uplink *uplink, void (*done)(void *userdata), void *userdata);
void uplink_free(struct uplink *uplink);

/* A payload of struct publisher. Nothing is queued while not connected. */
void uplink_publish(struct uplink *uplink, const char *device, enum device_topic topic, const char *payload,
                    size_t size, const struct command_meta *meta);
/* The same for a state or event that the history keeps until it is acknowledged: its message's id; 0 or negative errno: it is not
 * on its way, with -EMSGSIZE nor ever will be. */
int uplink_publish_kept(struct uplink *uplink, const char *device, enum device_topic topic, const char *payload,
                        size_t size);
/* What waited, as JSON. Returns as uplink_publish_kept(). */
int uplink_history(struct uplink *uplink, const char *device, const char *json, size_t size);
/* All is published that a connection begins with: nothing has happened by that. */
void uplink_note_quiet(struct uplink *uplink);
/* Something happened a moment ago: what waited is to leave gaps. */
bool uplink_history_makes_way(const struct uplink *uplink);
/* Whether more of what waited may go out while `n_sent` of it are unacknowledged. */
bool uplink_has_history_room(const struct uplink *uplink, size_t n_sent);
/* As home_sink has them. */
int uplink_command_other(struct uplink *uplink, const struct distant_command *command, struct result *result);
bool uplink_reaches_others(const struct uplink *uplink);
void uplink_info(struct uplink *uplink, const char *json, size_t size);

/* What is sent in bulk asks first: as much stays free for what happens meanwhile. After a `false` the handler `room` is
 * called once. */
bool uplink_has_room(struct uplink *uplink);

bool uplink_may_announce(const struct uplink *uplink);
/* Where a device is announced to Home Assistant. -ENOTSUP: nothing is announced. */
int uplink_announcement_topic(const struct uplink *uplink, const char *device, char topic[static TOPIC_MAX]) MUST_CHECK;
/* It is ours, whatever is published there and when; and ours no more: cleared, before what it speaks of is. */
void uplink_claim(struct uplink *uplink, const char *topic);
void uplink_release(struct uplink *uplink, const char *topic);
void uplink_announce(struct uplink *uplink, const char *topic, const char *json, size_t size);
const char *uplink_base(const struct uplink *uplink);
const char *uplink_node(const struct uplink *uplink);

uint64_t uplink_dropped(const struct uplink *uplink); /* messages that did not go out, or were refused */
struct session *uplink_session(struct uplink *uplink);

DEFINE_CLEANUP(struct uplink, uplink_free);
