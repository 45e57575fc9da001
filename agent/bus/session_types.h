/* SPDX-License-Identifier: Apache-2.0 */
/* What a session is given, and what it carries. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/tls.h"

enum session_version { SESSION_VERSION_AUTO, SESSION_VERSION_5, SESSION_VERSION_311 };

/* Borrowed for the life of the session. Times in microseconds. */
struct session_options {
        const char *const *urls; /* mqtts://HOST[:PORT], mqtt://HOST[:PORT], unix:///PATH; tried in order */
        size_t n_urls;
        const char *client_id;
        bool client_id_is_secret;    /* is not to be in any message */
        const char *user, *password; /* NULL: none */
        int version;                 /* enum session_version */
        uint64_t keepalive_us, connect_timeout_us, handshake_timeout_us;
        uint64_t backoff_first_us, backoff_max_us; /* full jitter between 0 and the doubled bound; 0: 1 s and 45 s */
        uint64_t pause_max_us;   /* the longest wait after a connection that stood has ended; 0: by the back-off */
        size_t max_packet_bytes; /* larger incoming packets are refused at the protocol level; 0: none */
        const struct tls_options *tls;         /* NULL where every URL is plain */
        const char *will_topic, *will_payload; /* QoS 1, retained; NULL: none */
        bool is_trial;                         /* only to see whether it is let in: its log is for debugging */
        const char *const *subscriptions;      /* QoS 1, at every CONNACK before on_connected */
        size_t n_subscriptions;
};

struct session_message {
        const char *topic;
        const void *payload; /* not NUL-terminated */
        size_t size;
        bool retain; /* in: a replay at subscription */
        int qos;
        /* MQTT 5; NULL and 0 otherwise */
        const char *response_topic;
        const void *correlation;
        size_t correlation_size;
        uint32_t expiry_s; /* in: 0 none; out: 0 none */
        const char *content_type;
        /* User properties: see docs/topics.md. */
        const char *expires; /* "expires" */
        const char *chain;   /* "sconce-chain" */
};
