/* SPDX-License-Identifier: Apache-2.0 */
/* A session under test on a loop of its own, and everything that it reported. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bus/session.h"

#define PROBE_SOON_MS 15000U

struct probe {
        struct loop loop;
        const char *urls[4];
        char url_texts[4][64];
        const char *subscriptions[4];
        struct tls_options tls;
        struct session_options options; /* filled by probe_init(), to be changed before probe_start() */
        struct session *session;
        unsigned turns; /* of the loop in which something happened */
        unsigned n_connected, n_disconnected, n_messages, n_acknowledged, n_failed, n_subscribed;
        struct fault failures[64]; /* of attempts, in order; the last slot is used over and over */
        char why[320];             /* of the last disconnect */
        char log[65536];           /* everything reported, a line each: "4 text" */
        char topic[256], payload[256], response_topic[256], correlation[64], expires[64], chain[16];
        bool retain;
        uint32_t expiry_s;
        int ack_id, ack_reason, sub_id, sub_reason;
        bool stopped;
        void (*meanwhile)(void); /* in each turn of probe_until(): other things to serve; NULL: none */
        void (*on_connected)(struct probe *probe); /* inside the handler; NULL: nothing */
        void (*on_message)(struct probe *probe, const struct session_message *message);
};

/* Quick back-off, time-outs of 10 s, no TLS, one URL (NULL: to be set). The strings are borrowed. */
void probe_init(struct probe *probe, const char *url);
/* The same on the fake clock: back-off and time-outs as the daemon has them, and time passes by probe_pass().
 */
void probe_init_fake(struct probe *probe, const char *url);
void probe_pass(struct probe *probe, uint64_t us);
/* The address of a port on 127.0.0.1, kept in the probe: to be called after probe_init(). */
const char *probe_url(struct probe *probe, size_t at, const char *scheme, const char *host, uint16_t port);
void probe_start(struct probe *probe);
void probe_done(struct probe *probe);

/* Runs the loop until the condition holds; false when it does not within PROBE_SOON_MS. */
typedef bool (*probe_condition_fn)(const struct probe *probe, unsigned n);
bool probe_until(struct probe *probe, probe_condition_fn condition, unsigned n);
bool probe_connected(const struct probe *probe, unsigned n); /* at least n times */
bool probe_disconnected(const struct probe *probe, unsigned n);
bool probe_failed(const struct probe *probe, unsigned n);
bool probe_messages(const struct probe *probe, unsigned n);
bool probe_acknowledged(const struct probe *probe, unsigned n);
bool probe_subscribed(const struct probe *probe, unsigned n);
bool probe_stopped(const struct probe *probe, unsigned n);

/* The text of the nth attempt that failed, from 0. */
const char *probe_failure(const struct probe *probe, unsigned n);
/* How many log lines contain the text. */
unsigned probe_logged(const struct probe *probe, const char *text);
int probe_publish(struct probe *probe, const char *topic, const char *payload, int qos);
void probe_stop(struct probe *probe); /* within 5 s */
void probe_stop_within(struct probe *probe, uint64_t within_us);
