/* SPDX-License-Identifier: Apache-2.0 */
/* Between home and session: payloads go to topics, command topics to commands. At each CONNACK everything retained is
 * published again. */
#pragma once

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
};

struct uplink_handlers {
        void (*up)(void *userdata);                    /* connected, `online` is out: publish all */
        void (*down)(void *userdata, const char *why); /* the connection ended, or an attempt failed */
        /* The broker refuses what we publish; NULL: not in this connection. */
        void (*refused)(void *userdata, const char *why);
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
void uplink_info(struct uplink *uplink, const char *json, size_t size);

uint64_t uplink_dropped(const struct uplink *uplink); /* messages that did not go out, or were refused */
struct session *uplink_session(struct uplink *uplink);

DEFINE_CLEANUP(struct uplink, uplink_free);
