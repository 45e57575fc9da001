/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/session.h"
#include "sim/world.h"

#define UNACKNOWLEDGED_MAX 1024
#define BACKOFF_MAX_US     (60 * USEC_PER_SEC)

struct arrival {
        struct arrival *next;
        struct event event;
};

struct session {
        struct loop *loop;
        const struct session_options *options;
        const struct session_handlers *handlers;
        void *userdata;
        bool is_connected, is_stopping;
        unsigned connection;
        uint64_t since_us; /* of the connection, in the world's time */
        uint64_t backoff_us;
        struct timer *timer; /* the next attempt, or the end of a stop */
        sd_event_source *inbox;
        struct arrival *arrivals, **end;
        int last_id;
        unsigned in_flight;
        struct fault fault;
        void (*stopped)(void *userdata);
        void *stopped_userdata;
};

static struct session *the_session;

bool session_stands(uint64_t *ret_since_us)
{
        if (!the_session || !the_session->is_connected)
                return false;
        *ret_since_us = the_session->since_us;
        return true;
}

/* ---- Coming and going -------------------------------------------------------------------------------------------- */

static void forget_arrivals(struct session *s)
{
        while (s->arrivals) {
                struct arrival *gone = s->arrivals;
                s->arrivals = gone->next;
                message_free(gone->event.message);
                free(gone);
        }
        s->end = &s->arrivals;
}

static void try_later(struct session *s)
{
        uint64_t wait_us = noise_between(0, s->backoff_us);

        s->backoff_us = MIN(s->backoff_us * 2, BACKOFF_MAX_US);
        timer_arm(s->timer, wait_us);
}

static void finish_stop(struct session *s)
{
        timer_disarm(s->timer);
        if (s->stopped)
                TAKE_PTR(s->stopped)(s->stopped_userdata);
}

static void end_connection(struct session *s, const char *why)
{
        s->is_connected = false;
        s->in_flight = 0;
        forget_arrivals(s);
        (void)fault_set(&s->fault, s->is_stopping ? -ESHUTDOWN : -ECONNRESET, "%s", why);
        laws_lost();
        s->handlers->disconnected(s->userdata, s->fault.text);
        if (s->is_stopping) {
                finish_stop(s);
                return;
        }
        if (world->now_us - s->since_us > 30 * USEC_PER_SEC)
                s->backoff_us = USEC_PER_SEC;
        try_later(s);
}

static void refuse(struct session *s, const char *why)
{
        (void)fault_set(&s->fault, -ECONNREFUSED, "%s", why);
        if (s->handlers->attempt_failed)
                s->handlers->attempt_failed(s->userdata, &s->fault);
        try_later(s);
}

static void attempt(struct session *s)
{
        if (!world->broker.is_up || !world->broker.is_reachable) {
                refuse(s, world->broker.is_up ? "no answer within 10 s" : "connection refused");
                return;
        }
        if (world->broker.refuses) {
                refuse(s, "the broker refuses us");
                return;
        }
        s->is_connected = true;
        s->since_us = world->now_us;
        s->fault = (struct fault){ 0 };
        s->connection = broker_connect(s->options->will_topic, s->options->will_payload);
        laws_connected();
        s->handlers->connected(s->userdata);
}

static void on_timer(void *userdata)
{
        struct session *s = userdata;

        if (!s->is_stopping) {
                attempt(s);
        } else if (s->is_connected) {
                broker_disconnect(s->connection, false);
                end_connection(s, "stopped with messages under way");
        } else {
                finish_stop(s);
        }
}

static void disconnect_when_flushed(struct session *s)
{
        if (!s->is_stopping || !s->is_connected || s->in_flight > 0)
                return;
        broker_disconnect(s->connection, true);
        end_connection(s, "the session was stopped");
}

/* ---- What arrives ------------------------------------------------------------------------------------------------ */

static void hand_over(struct session *s, const struct message *message)
{
        const struct session_message out = {
                .topic = message->topic,
                .payload = message->payload,
                .size = message->size,
                .retain = message->retain,
                .qos = 1,
                .response_topic = message->response_topic[0] ? message->response_topic : NULL,
                .correlation = message->correlation[0] ? message->correlation : NULL,
                .correlation_size = strlen(message->correlation),
                .expires = message->expires[0] ? message->expires : NULL,
        };

        laws_before(message);
        s->handlers->message(s->userdata, &out);
        laws_after(message);
}

static void take(struct session *s, const struct event *event)
{
        switch (event->kind) {
        case EVENT_ACK:
                s->in_flight--;
                history_law_acknowledged(event->number);
                if (s->handlers->acknowledged)
                        s->handlers->acknowledged(s->userdata, event->number, 0);
                disconnect_when_flushed(s);
                break;
        case EVENT_DOWN:
                hand_over(s, event->message);
                break;
        default:
                end_connection(s, "the connection was reset");
        }
}

static int on_inbox(sd_event_source *source, void *userdata)
{
        struct session *s = userdata;
        struct arrival *arrival = s->arrivals;

        if (!arrival)
                return 0;
        s->arrivals = arrival->next;
        if (!s->arrivals)
                s->end = &s->arrivals;
        else
                (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        take(s, &arrival->event);
        message_free(arrival->event.message);
        free(arrival);
        return 0;
}

void session_event(const struct event *event)
{
        struct session *s = the_session;

        if (!s || !s->is_connected || s->connection != event->connection) {
                message_free(event->message);
                return;
        }
        struct arrival *arrival = calloc(1, sizeof(*arrival));
        if (!arrival)
                violated("simulator", "out of memory");
        arrival->event = *event;
        *s->end = arrival;
        s->end = &arrival->next;
        (void)sd_event_source_set_enabled(s->inbox, SD_EVENT_ONESHOT);
}

/* ---- bus/session.h ----------------------------------------------------------------------------------------------- */

int session_new(struct loop *loop, const struct session_options *options, const struct session_handlers *handlers,
                void *userdata, struct session **ret)
{
        struct session *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (struct session){ .loop = loop, .options = options, .handlers = handlers, .userdata = userdata };
        s->backoff_us = USEC_PER_SEC;
        s->end = &s->arrivals;
        int r = timer_new(loop, TIMER_LAZY_US, on_timer, s, &s->timer);
        if (r >= 0)
                r = sd_event_add_defer(loop->event, &s->inbox, on_inbox, s);
        if (r < 0) {
                session_free(s);
                return r;
        }
        (void)sd_event_source_set_enabled(s->inbox, SD_EVENT_OFF);
        (void)sd_event_source_set_priority(s->inbox, LOOP_NETWORK);
        the_session = s;
        *ret = s;
        return 0;
}

int session_start(struct session *s)
{
        timer_arm(s->timer, noise_between(200, 200000));
        return 0;
}

void session_stop(struct session *s, uint64_t within_us, void (*done)(void *userdata), void *userdata)
{
        s->is_stopping = true;
        s->stopped = done;
        s->stopped_userdata = userdata;
        timer_arm(s->timer, s->is_connected ? within_us : 0);
        disconnect_when_flushed(s);
}

void session_free(struct session *s)
{
        if (!s)
                return;
        if (s->is_connected)
                broker_disconnect(s->connection, false);
        forget_arrivals(s);
        timer_free(s->timer);
        sd_event_source_disable_unref(s->inbox);
        if (the_session == s)
                the_session = NULL;
        free(s);
}

bool session_is_connected(const struct session *s)
{
        return s->is_connected;
}

void session_retry_now(struct session *s)
{
        if (!s->is_connected && !s->is_stopping)
                timer_arm(s->timer, 0);
}

unsigned session_receive_maximum(const struct session *s)
{
        (void)s;
        return UINT16_MAX;
}

const char *session_peer(const struct session *s)
{
        (void)s;
        return "the broker of the simulation";
}

const struct fault *session_last_fault(const struct session *s)
{
        return &s->fault;
}

const struct tls *session_tls(const struct session *s)
{
        (void)s;
        return NULL;
}

const char *session_url(const struct session *s)
{
        return s->options->urls[0];
}

const struct session_options *session_options_of(const struct session *s)
{
        return s->options;
}

bool session_certificates_changed(struct session *s)
{
        (void)s;
        return false;
}

void session_keep_unsent(struct session *s, bool keep)
{
        (void)s;
        (void)keep;
}

unsigned session_in_flight(const struct session *s)
{
        return s->in_flight;
}

int session_publish(struct session *s, const struct session_message *out, int *ret_id)
{
        if (!s->is_connected)
                return -ENOTCONN;
        if (s->in_flight >= UNACKNOWLEDGED_MAX)
                return -EAGAIN;
        struct message *message = message_new(out->topic, out->payload, out->size);
        message->retain = out->retain;
        if (out->correlation)
                (void)snprintf(message->correlation, sizeof(message->correlation), "%.*s", (int)out->correlation_size,
                               (const char *)out->correlation);
        s->last_id = s->last_id % UINT16_MAX + 1;
        s->in_flight += out->qos > 0;
        if (ret_id)
                *ret_id = s->last_id;
        laws_sent(message);
        broker_take(message, out->qos > 0 ? s->last_id : 0);
        return 0;
}

int session_subscribe(struct session *s, const char *filter, int qos, int *ret_id)
{
        (void)filter;
        (void)qos;
        if (!s->is_connected)
                return -ENOTCONN;
        s->last_id = s->last_id % UINT16_MAX + 1;
        if (ret_id)
                *ret_id = s->last_id;
        return 0;
}

int session_unsubscribe(struct session *s, const char *filter)
{
        (void)filter;
        return s->is_connected ? 0 : -ENOTCONN;
}

void session_report_refused(const struct session *s, const char *topic, const char *what, int reason)
{
        (void)s;
        (void)topic;
        (void)what;
        (void)reason;
}

int session_version(const struct session *s)
{
        (void)s;
        return SESSION_VERSION_5;
}
