/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt to connect to one address, and the connection that comes of it: one libmosquitto client on its external
 * loop. libmosquitto sends unacknowledged messages again after a reconnect by itself, so a client is never used twice.
 *
 * Handlers are called from the loop; `message`, `acknowledged`, `subscribed` and `up` from within libmosquitto, where a
 * transport must not be freed. `ended` is called once, from the loop alone, and is the place to free it.
 */
#pragma once

#include "bus/reason.h"
#include "bus/session_types.h"
#include "util/loop.h"
#include "util/url.h"

enum transport_phase {
        TRANSPORT_CONNECTING, /* TCP */
        TRANSPORT_HANDSHAKE,  /* TLS */
        TRANSPORT_CONNACK,    /* the CONNECT packet is on its way */
        TRANSPORT_UP,
};

struct transport;

struct transport_handlers {
        void (*phase)(void *userdata, enum transport_phase phase); /* not for TRANSPORT_UP */
        void (*up)(void *userdata);
        void (*message)(void *userdata, const struct session_message *message);
        void (*acknowledged)(void *userdata, int id, int reason);
        void (*subscribed)(void *userdata, int id, const int *reasons, size_t count);
        void (*ended)(void *userdata, const struct transport_end *end);
};

/* Borrowed for the transport's life. */
struct transport_setup {
        const struct session_options *options;
        const struct url *url;
        const char *address; /* numeric, or the path of a unix socket */
        bool mqtt5;
        struct tls *tls; /* NULL: plain */
        const struct transport_handlers *handlers;
        void *userdata;
};

int transport_new(struct loop *loop, const struct transport_setup *setup, struct fault *fault, struct transport **ret)
        MUST_CHECK;
void transport_free(struct transport *transport);

/* As session_publish() and session_subscribe(). */
int transport_publish(struct transport *transport, const struct session_message *message, int *ret_id) MUST_CHECK;
int transport_subscribe(struct transport *transport, const char *const *filters, size_t count, int qos, int *ret_id)
        MUST_CHECK;
int transport_unsubscribe(struct transport *transport, const char *filter) MUST_CHECK;
/* Sends DISCONNECT after what is queued; `ended` follows. */
void transport_disconnect(struct transport *transport);

/* As session_keep_unsent(). */
void transport_keep_unsent(struct transport *transport, bool keep);

unsigned transport_in_flight(const struct transport *transport);
unsigned transport_receive_maximum(const struct transport *transport);
/* "TLSv1.3", or "no TLS". */
const char *transport_security(const struct transport *transport);

DEFINE_CLEANUP(struct transport, transport_free);
#define CLEANUP_TRANSPORT CLEANUP(transport_freep)
