/* SPDX-License-Identifier: Apache-2.0 */
/* One MQTT session that is kept up for ever: look-up, connect, TLS, CONNACK, subscriptions, keepalive, back-off. Topics
 * are strings and payloads bytes here; devices are not known. Everything runs on the event loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/session_types.h"
#include "util/fault.h"
#include "util/loop.h"

struct session;

/* Reason codes of acknowledgements, MQTT 5. */
enum {
        REASON_NOBODY_LISTENS = 0x10,
        REASON_REFUSED = 0x80, /* this and all above */
        REASON_NOT_AUTHORIZED = 0x87,
        REASON_QUOTA = 0x97, /* "quota exceeded": it may be taken later */
};

/* Handlers may call anything here but session_free(). */
struct session_handlers {
        void (*connected)(void *userdata);                     /* subscriptions are sent */
        void (*disconnected)(void *userdata, const char *why); /* after connected; every time */
        void (*message)(void *userdata, const struct session_message *message);
        /* A QoS 1 publish was acknowledged (reason 0, 0x10) or refused (>= 0x80, MQTT 5). May be NULL. */
        void (*acknowledged)(void *userdata, int id, int reason);
        void (*attempt_failed)(void *userdata, const struct fault *fault); /* already logged; may be NULL */
        /* The answer to session_subscribe(): the granted QoS, or >= 0x80 refused. May be NULL. */
        void (*subscribed)(void *userdata, int id, int reason);
};

/* -EINVAL: a URL that url_parse() does not take; logged. */
int session_new(struct loop *loop, const struct session_options *options, const struct session_handlers *handlers,
                void *userdata, struct session **ret) MUST_CHECK;
int session_start(struct session *session) MUST_CHECK; /* begins connecting; returns at once */
/* Sends what is pending and DISCONNECT, for at most `within_us`, then calls `done` once. */
void session_stop(struct session *session, uint64_t within_us, void (*done)(void *userdata), void *userdata);
void session_free(struct session *session);

bool session_is_connected(const struct session *session);
/* Tries at once instead of after the back-off: the clock jumped, certificates changed. Keeps a live connection. */
void session_retry_now(struct session *session);
unsigned session_receive_maximum(const struct session *session); /* the broker's; 65535 by default */
const char *session_peer(const struct session *session); /* "broker.lan (192.0.2.1:8883), MQTT 5, TLSv1.3" for people */
const struct fault *session_last_fault(const struct session *session); /* code 0 while connected */

/* Of its options, the one in use: while connected. */
const char *session_url(const struct session *session);
const struct session_options *session_options_of(const struct session *session);
/* The certificates in use, re-read when they change; NULL over plain connections, and until they could be read. */
const struct tls *session_tls(const struct session *session);
/* Looks whether their files have changed: true when they have, and are used from the next connect on. */
bool session_certificates_changed(struct session *session);

/* Bytes that the kernel still holds when this connection ends, by our exit or death too, are sent for minutes (the
 * default), or dropped with `keep` false: for what must not arrive late. */
void session_keep_unsent(struct session *session, bool keep);

/* QoS 1 messages that the broker has not acknowledged yet. More than session_receive_maximum() wait in memory and are
 * gone with the connection. */
unsigned session_in_flight(const struct session *session);

/* -ENOTCONN while not connected (nothing is queued), -EMSGSIZE over the broker's maximum packet size, -EAGAIN with
 * 1,024 unacknowledged messages, -EINVAL. ret_id may be NULL. Within a handler it leaves when that returns. */
int session_publish(struct session *session, const struct session_message *message, int *ret_id) MUST_CHECK;

/* One more subscription, for this connection only. Errors as for session_publish(). */
int session_subscribe(struct session *session, const char *filter, int qos, int *ret_id) MUST_CHECK;

/* Without waiting for the answer. Errors as for session_publish(). */
int session_unsubscribe(struct session *session, const char *filter) MUST_CHECK;

/* Logs that the broker refuses `what`, and our certificate's name. `topic` is for the log's field and may be NULL. */
void session_report_refused(const struct session *session, const char *topic, const char *what, int reason);

/* What the broker speaks, while connected: SESSION_VERSION_5 or SESSION_VERSION_311. */
int session_version(const struct session *session);

DEFINE_CLEANUP(struct session, session_free);
