/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/session_probe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/log.h"

static void on_connected(void *userdata)
{
        struct probe *probe = userdata;

        probe->n_connected++;
        if (probe->on_connected)
                probe->on_connected(probe);
}

static void on_disconnected(void *userdata, const char *why)
{
        struct probe *probe = userdata;

        probe->n_disconnected++;
        (void)snprintf(probe->why, sizeof(probe->why), "%s", why);
}

static void on_message(void *userdata, const struct session_message *message)
{
        struct probe *probe = userdata;

        probe->n_messages++;
        (void)snprintf(probe->topic, sizeof(probe->topic), "%s", message->topic);
        (void)snprintf(probe->payload, sizeof(probe->payload), "%.*s", (int)message->size,
                       message->payload ? (const char *)message->payload : "");
        (void)snprintf(probe->response_topic, sizeof(probe->response_topic), "%s",
                       message->response_topic ? message->response_topic : "");
        (void)snprintf(probe->correlation, sizeof(probe->correlation), "%.*s", (int)message->correlation_size,
                       message->correlation ? (const char *)message->correlation : "");
        probe->retain = message->retain;
        (void)snprintf(probe->expires, sizeof(probe->expires), "%s", message->expires ? message->expires : "");
        (void)snprintf(probe->chain, sizeof(probe->chain), "%s", message->chain ? message->chain : "");
        probe->expiry_s = message->expiry_s;
        if (probe->on_message)
                probe->on_message(probe, message);
}

static void on_acknowledged(void *userdata, int id, int reason)
{
        struct probe *probe = userdata;

        probe->n_acknowledged++;
        probe->ack_id = id;
        probe->ack_reason = reason;
}

static void on_failed(void *userdata, const struct fault *fault)
{
        struct probe *probe = userdata;

        probe->failures[MIN(probe->n_failed, ARRAY_SIZE(probe->failures) - 1)] = *fault;
        probe->n_failed++;
}

static void on_subscribed(void *userdata, int id, int reason)
{
        struct probe *probe = userdata;

        probe->n_subscribed++;
        probe->sub_id = id;
        probe->sub_reason = reason;
}

static const struct session_handlers handlers = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .message = on_message,
        .acknowledged = on_acknowledged,
        .attempt_failed = on_failed,
        .subscribed = on_subscribed,
};

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        struct probe *probe = userdata;
        size_t used = strlen(probe->log);

        (void)about;
        (void)snprintf(probe->log + used, sizeof(probe->log) - used, "%d %s\n", level, text);
}

static void init(struct probe *probe, const char *url)
{
        memset(probe, 0, sizeof(*probe));
        probe->urls[0] = url;
        probe->options = (struct session_options){
                .urls = probe->urls,
                .client_id = "sconce-hall",
                .keepalive_us = 60 * USEC_PER_SEC,
                .connect_timeout_us = 10 * USEC_PER_SEC,
                .handshake_timeout_us = 10 * USEC_PER_SEC,
                .subscriptions = probe->subscriptions,
        };
        log_set_sink(on_log, probe);
}

void probe_init(struct probe *probe, const char *url)
{
        init(probe, url);
        probe->options.backoff_first_us = 20 * USEC_PER_MSEC;
        probe->options.backoff_max_us = 100 * USEC_PER_MSEC;
        (void)!loop_init(&probe->loop);
}

void probe_init_fake(struct probe *probe, const char *url)
{
        init(probe, url);
        (void)!loop_init_fake(&probe->loop);
}

void probe_pass(struct probe *probe, uint64_t us)
{
        loop_advance(&probe->loop, us);
}

const char *probe_url(struct probe *probe, size_t at, const char *scheme, const char *host, uint16_t port)
{
        (void)snprintf(probe->url_texts[at], sizeof(probe->url_texts[at]), "%s://%s:%u", scheme, host, port);
        probe->urls[at] = probe->url_texts[at];
        return probe->urls[at];
}

void probe_start(struct probe *probe)
{
        while (probe->options.n_subscriptions < ARRAY_SIZE(probe->subscriptions) &&
               probe->subscriptions[probe->options.n_subscriptions])
                probe->options.n_subscriptions++;
        while (probe->options.n_urls < ARRAY_SIZE(probe->urls) && probe->urls[probe->options.n_urls])
                probe->options.n_urls++;
        if (session_new(&probe->loop, &probe->options, &handlers, probe, &probe->session) == 0)
                (void)!session_start(probe->session);
}

void probe_done(struct probe *probe)
{
        session_free(probe->session);
        loop_done(&probe->loop);
        log_set_sink(NULL, NULL);
}

static uint64_t now_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

bool probe_until(struct probe *probe, probe_condition_fn condition, unsigned n)
{
        uint64_t deadline_ms = now_ms() + PROBE_SOON_MS;

        while (!condition(probe, n)) {
                if (now_ms() >= deadline_ms) {
                        (void)fprintf(stderr, "%s", probe->log);
                        return false;
                }
                probe->turns += sd_event_run(probe->loop.event, 100 * USEC_PER_MSEC) > 0;
                if (probe->meanwhile)
                        probe->meanwhile();
        }
        return true;
}

bool probe_connected(const struct probe *probe, unsigned n)
{
        return probe->n_connected >= n;
}

bool probe_disconnected(const struct probe *probe, unsigned n)
{
        return probe->n_disconnected >= n;
}

bool probe_failed(const struct probe *probe, unsigned n)
{
        return probe->n_failed >= n;
}

bool probe_messages(const struct probe *probe, unsigned n)
{
        return probe->n_messages >= n;
}

bool probe_acknowledged(const struct probe *probe, unsigned n)
{
        return probe->n_acknowledged >= n;
}

bool probe_subscribed(const struct probe *probe, unsigned n)
{
        return probe->n_subscribed >= n;
}

bool probe_stopped(const struct probe *probe, unsigned n)
{
        (void)n;
        return probe->stopped;
}

const char *probe_failure(const struct probe *probe, unsigned n)
{
        return n < probe->n_failed ? probe->failures[n].text : "";
}

unsigned probe_logged(const struct probe *probe, const char *text)
{
        unsigned count = 0;

        for (const char *at = probe->log; (at = strstr(at, text)); at += strlen(text))
                count++;
        return count;
}

int probe_publish(struct probe *probe, const char *topic, const char *payload, int qos)
{
        const struct session_message message = {
                .topic = topic, .payload = payload, .size = strlen(payload), .qos = qos
        };

        return session_publish(probe->session, &message, NULL);
}

static void on_stopped(void *userdata)
{
        struct probe *probe = userdata;

        probe->stopped = true;
}

void probe_stop_within(struct probe *probe, uint64_t within_us)
{
        session_stop(probe->session, within_us, on_stopped, probe);
}

void probe_stop(struct probe *probe)
{
        probe_stop_within(probe, 5 * USEC_PER_SEC);
}
