/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that is kept up for ever.
 *
 *   idle -> look-up -> connecting -> handshake -> connack -> connected
 *             ^ each address of each URL in turn                |
 *             +------ back-off <- the last one failed, or the connection ended
 *
 * Each step starts from the loop, never from inside the one before: an attempt that fails at once cannot
 * recurse.
 */
#include "bus/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bus/backoff.h"
#include "bus/mosquitto.h"
#include "bus/oversize.h"
#include "bus/reason.h"
#include "bus/repeat.h"
#include "bus/resolve.h"
#include "bus/route.h"
#include "bus/takeover.h"
#include "bus/transport.h"
#include "util/log.h"
#include "util/url.h"

#define BACKOFF_FIRST_US (1 * USEC_PER_SEC)
#define BACKOFF_MAX_US   (45 * USEC_PER_SEC)
/* Two nodes of one name disconnect each other: slowly, so that both can be seen and the log can be read. */
#define TAKEN_OVER_US (60 * USEC_PER_SEC)
/* A connection that lasted so long was a good one: the back-off begins again. */
#define STOOD_US (30 * USEC_PER_SEC)

enum state {
        STATE_IDLE,
        STATE_STEP, /* the next attempt starts with the loop's next turn */
        STATE_LOOKUP,
        STATE_CONNECTING,
        STATE_HANDSHAKE,
        STATE_CONNACK,
        STATE_CONNECTED,
        STATE_BACKOFF,
        STATE_STOPPED,
};

struct session {
        struct loop *loop;
        const struct session_options *options;
        const struct session_handlers *handlers;
        void *userdata;

        enum state state;
        sd_event_source *step;
        struct timer *timer;
        struct resolver *resolver;
        struct tls *tls; /* NULL until the files could be read */
        struct transport *transport;
        struct backoff backoff;
        struct repeat reported;

        struct route route;
        bool mqtt5;   /* of this attempt */
        bool proving; /* this one was only to see whether 3.1.1 is accepted */
        int subscribe_id;

        uint64_t connected_us;
        struct takeover takeover;
        struct oversize oversize;
        struct fault fault;
        char peer[URL_TEXT_MAX + RESOLVE_ADDRESS_MAX + 32];

        bool stopping;
        void (*stopped)(void *userdata);
        void *stopped_userdata;
};

/* ---- Where we are -------------------------------------------------------------------------------------- */

static void schedule_step(struct session *s)
{
        s->state = STATE_STEP;
        timer_disarm(s->timer);
        (void)sd_event_source_set_enabled(s->step, SD_EVENT_ONESHOT);
}

static void start_round(struct session *s)
{
        route_restart(&s->route);
        schedule_step(s);
}

static uint64_t random_bits(void)
{
        uint64_t bits = 0;

        /* Without entropy, early at boot, the wait is short: better than none at all. */
        (void)!getrandom(&bits, sizeof(bits), GRND_NONBLOCK);
        return bits;
}

static void back_off(struct session *s, uint64_t wait_us)
{
        s->state = STATE_BACKOFF;
        timer_arm(s->timer, wait_us);
        log_debug("next attempt to reach the broker in %.1f s", (double)wait_us / (double)USEC_PER_SEC);
}

/* ---- What goes wrong ----------------------------------------------------------------------------------- */

static void report(struct session *s, const char *text)
{
        unsigned times;

        if (s->options->is_trial || !repeat_due(&s->reported, text, loop_now_us(s->loop), &times))
                log_debug("%s", text);
        else if (times > 1)
                log_warning("%s (%u attempts so far)", text, times);
        else
                log_warning("%s", text);
}

static void note_failure(struct session *s, const struct fault *fault)
{
        char peer[URL_TEXT_MAX];

        route_peer_text(&s->route, peer);
        /* Not another broker or address of the list. */
        if (strncmp(s->peer, peer, strlen(peer)) == 0 && s->peer[strlen(peer)] == ',')
                takeover_broker_away(&s->takeover);
        (void)fault_set(&s->fault, fault->code, "cannot connect to %s: %s", peer, fault->text);
        report(s, s->fault.text);
        if (s->handlers->attempt_failed)
                s->handlers->attempt_failed(s->userdata, &s->fault);
}

/* `next` is route_next_address(), or route_next_broker() where no address of this broker can work. */
static void attempt_failed(struct session *s, const struct fault *fault, void (*next)(struct route *route))
{
        note_failure(s, fault);
        if (s->stopping)
                return;
        next(&s->route);
        schedule_step(s);
}

/* ---- The transport's handlers -------------------------------------------------------------------------- */

static void on_phase(void *userdata, enum transport_phase phase)
{
        struct session *s = userdata;

        /* TLS and CONNACK share one limit: it begins with the TCP connection. */
        if (s->state == STATE_CONNECTING)
                timer_arm(s->timer, s->options->handshake_timeout_us);
        s->state = phase == TRANSPORT_HANDSHAKE ? STATE_HANDSHAKE : STATE_CONNACK;
}

static void on_up(void *userdata)
{
        struct session *s = userdata;
        char peer[URL_TEXT_MAX];
        int r = 0;

        if (!s->mqtt5 && route_wants_proof(&s->route)) {
                s->proving = true;
                transport_disconnect(s->transport);
                return;
        }
        timer_disarm(s->timer);
        oversize_begin(&s->oversize);
        s->state = STATE_CONNECTED;
        s->connected_us = loop_now_us(s->loop);
        s->fault = (struct fault){ 0 };
        repeat_reset(&s->reported);
        route_peer_text(&s->route, peer);
        (void)snprintf(s->peer, sizeof(s->peer), "%s, MQTT %s, %s", peer, s->mqtt5 ? "5" : "3.1.1",
                       transport_security(s->transport));
        log_write(s->options->is_trial ? LOG_DEBUG : LOG_NOTICE, NULL, "connected to %s", s->peer);

        if (s->options->n_subscriptions > 0)
                r = transport_subscribe(s->transport, s->options->subscriptions, s->options->n_subscriptions, 1,
                                        &s->subscribe_id);
        if (r < 0)
                log_error("cannot subscribe: %s", strerror(-r));
        s->handlers->connected(s->userdata);
}

static void on_message(void *userdata, const struct session_message *message)
{
        struct session *s = userdata;

        s->handlers->message(s->userdata, message);
}

static void disconnect_when_flushed(struct session *s)
{
        if (s->stopping && s->state == STATE_CONNECTED && transport_in_flight(s->transport) == 0)
                transport_disconnect(s->transport);
}

static void on_acknowledged(void *userdata, int id, int reason)
{
        struct session *s = userdata;

        oversize_acknowledged(&s->oversize, id);
        if (s->handlers->acknowledged)
                s->handlers->acknowledged(s->userdata, id, reason);
        disconnect_when_flushed(s);
}

void session_report_refused(const struct session *s, const char *topic, const char *what, int reason)
{
        const char *name = s->tls ? tls_certificate_name(s->tls) : NULL;
        char who[TLS_NAMES_MAX + 32] = "";
        const char *advice = reason_code_advice(reason);

        if (name && !advice)
                (void)snprintf(who, sizeof(who), "; our certificate is for \"%s\"", name);
        log_topic(LOG_ERR, topic, "the broker refuses %s (%s)%s: %s", what, reason_code_text(reason), who,
                  advice ? advice : "see the broker's access list");
}

static void on_subscribed(void *userdata, int id, const int *reasons, size_t count)
{
        struct session *s = userdata;

        if (id != s->subscribe_id) {
                if (s->handlers->subscribed && count > 0)
                        s->handlers->subscribed(s->userdata, id, reasons[0]);
                return;
        }
        for (size_t i = 0; i < count && i < s->options->n_subscriptions; i++) {
                const char *filter = s->options->subscriptions[i];
                char what[512];
                (void)snprintf(what, sizeof(what), "the subscription to %s", filter);
                if (reasons[i] >= REASON_REFUSED)
                        session_report_refused(s, filter, what, reasons[i]);
        }
}

static void finish_stop(struct session *s)
{
        s->state = STATE_STOPPED;
        timer_disarm(s->timer);
        if (s->stopped)
                TAKE_PTR(s->stopped)(s->stopped_userdata);
}

static void connection_lost(struct session *s, const struct fault *fault, bool taken_over)
{
        route_forget_guess(&s->route);
        s->state = STATE_IDLE;
        (void)fault_set(&s->fault, s->stopping ? -ESHUTDOWN : fault->code, "%s",
                        s->stopping ? "the session was stopped" : fault->text);
        if (!s->stopping)
                log_warning("lost the connection to %s: %s", s->peer, fault->text);
        s->handlers->disconnected(s->userdata, s->fault.text);
        if (s->stopping) {
                finish_stop(s);
                return;
        }
        if (loop_now_us(s->loop) - s->connected_us >= STOOD_US)
                backoff_reset(&s->backoff);
        route_restart(&s->route);
        uint64_t wait_us = taken_over ? TAKEN_OVER_US : backoff_next(&s->backoff, random_bits());
        back_off(s, s->options->pause_max_us ? MIN(wait_us, s->options->pause_max_us) : wait_us);
}

/* A connection that stood was closed for a message's size, as far as we can see. */
static bool closed_for_size(struct session *s, const struct transport_end *end, uint64_t lived_us, struct fault *fault)
{
        bool certain = end->disconnect == MQTT_RC_PACKET_TOO_LARGE;

        if (!certain && (!reason_is_hang_up(end) || end->mqtt5 || lived_us >= TAKEOVER_SHORT_US))
                return false;
        if (!oversize_closed(&s->oversize, certain, loop_now_us(s->loop)))
                return false;
        (void)fault_set(fault, -EMSGSIZE,
                        "the broker closed the connection on a message of %zu bytes: messages of that size are dropped "
                        "from now on (its maximum packet size?)",
                        s->oversize.limit);
        return true;
}

static void on_ended(void *userdata, const struct transport_end *end)
{
        struct session *s = userdata;
        bool was_connected = s->state == STATE_CONNECTED;
        bool again = !was_connected && route_falls_back(&s->route, end, loop_now_us(s->loop));
        struct fault fault = { 0 };

        reason_describe(end, &fault);
        uint64_t lived_us = loop_now_us(s->loop) - s->connected_us;
        bool taken_over = false, stood = was_connected && !s->stopping;
        if (stood && closed_for_size(s, end, lived_us, &fault))
                takeover_broker_away(&s->takeover);
        else if (stood)
                taken_over = takeover_ended(&s->takeover, end, lived_us, &fault);
        timer_disarm(s->timer);
        transport_free(TAKE_PTR(s->transport)); /* `end` is gone with it */
        if (s->proving && !s->stopping) {
                s->proving = false;
                schedule_step(s);
        } else if (was_connected)
                connection_lost(s, &fault, taken_over);
        else if (s->stopping)
                finish_stop(s);
        else if (again)
                schedule_step(s);
        else
                attempt_failed(s, &fault, route_next_address);
}

static const struct transport_handlers transport_handlers = {
        .phase = on_phase,
        .up = on_up,
        .message = on_message,
        .acknowledged = on_acknowledged,
        .subscribed = on_subscribed,
        .ended = on_ended,
};

/* ---- Steps --------------------------------------------------------------------------------------------- */

/* A node without any certificate may not need one. */
static void advise_password(const struct session *s, struct fault *fault)
{
        const char *cert = s->options->tls->cert;
        struct fault before = *fault;

        if (s->options->password || !cert || access(cert, F_OK) == 0 || !strstr(fault->text, cert))
                return;
        (void)fault_set(fault, before.code,
                        "%s; where the broker wants a password instead of a certificate, set [broker] user and "
                        "password (\"\" where the user name is a token)",
                        before.text);
}

/* What is wrong with a broker before anything goes over the network. */
static int prepare(struct session *s, struct fault *fault)
{
        const struct url *url = route_url(&s->route);

        if (s->options->password && !url_is_private(url))
                return fault_set(fault, -EACCES,
                                 "a password is not sent over mqtt://, where everybody can read it: write mqtts://");
        if (url->scheme != URL_MQTTS || s->tls)
                return 0;
        if (!s->options->tls)
                return fault_set(fault, -EINVAL, "mqtts:// needs [tls] ca = FILE or ca = system");
        int r = tls_new(s->options->tls, &s->tls, fault);
        if (r == -ENOENT)
                advise_password(s, fault);
        return r;
}

static void connect_address(struct session *s)
{
        const struct url *url = route_url(&s->route);
        struct fault fault = { 0 };

        if (prepare(s, &fault) < 0) {
                attempt_failed(s, &fault, route_next_broker);
                return;
        }
        s->proving = false;
        s->mqtt5 = route_wants_mqtt5(&s->route, loop_now_us(s->loop));
        s->state = STATE_CONNECTING;
        struct transport_setup setup = {
                .options = s->options,
                .url = url,
                .address = route_address(&s->route),
                .mqtt5 = s->mqtt5,
                .tls = url->scheme == URL_MQTTS ? s->tls : NULL,
                .handlers = &transport_handlers,
                .userdata = s,
        };
        timer_arm(s->timer, s->options->connect_timeout_us);
        if (transport_new(s->loop, &setup, &fault, &s->transport) < 0)
                attempt_failed(s, &fault, route_next_address);
}

static void on_lookup(void *userdata, const struct resolve_answer *answer)
{
        struct session *s = userdata;
        struct fault fault = { 0 };

        if (s->state != STATE_LOOKUP)
                return;
        if (answer->error != 0) {
                reason_lookup(route_url(&s->route)->host, answer->error, answer->errno_, &fault);
                attempt_failed(s, &fault, route_next_broker);
                return;
        }
        route_set_addresses(&s->route, answer);
        schedule_step(s);
}

static void look_up(struct session *s)
{
        struct fault fault = { 0 };

        s->state = STATE_LOOKUP;
        timer_arm(s->timer, s->options->connect_timeout_us);
        int r = resolver_ask(s->resolver, route_url(&s->route)->host);
        if (r < 0) {
                (void)fault_set(&fault, r, "cannot start a look-up: %s", strerror(-r));
                attempt_failed(s, &fault, route_next_broker);
        }
}

static int on_step(sd_event_source *source, void *userdata)
{
        struct session *s = userdata;

        (void)source;
        if (s->stopping)
                finish_stop(s);
        else if (route_is_at_end(&s->route))
                back_off(s, backoff_next(&s->backoff, random_bits()));
        else if (route_needs_lookup(&s->route))
                look_up(s);
        else
                connect_address(s);
        return 0;
}

static void time_out(struct session *s, const char *what, uint64_t limit_us)
{
        struct fault fault = { 0 };

        transport_free(TAKE_PTR(s->transport));
        (void)fault_set(&fault, -ETIMEDOUT, "%s within %g s", what, (double)limit_us / (double)USEC_PER_SEC);
        attempt_failed(s, &fault, route_next_address);
}

static void on_timer(void *userdata)
{
        struct session *s = userdata;
        const struct session_options *o = s->options;
        struct fault fault = { 0 };

        if (s->stopping) {
                bool was_connected = s->state == STATE_CONNECTED;
                transport_free(TAKE_PTR(s->transport));
                if (was_connected)
                        connection_lost(s, &fault, false);
                else
                        finish_stop(s);
                return;
        }
        switch (s->state) {
        case STATE_LOOKUP:
                resolver_forget(s->resolver);
                (void)fault_set(&fault, -ETIMEDOUT, "the name was not found within %g s: does a name server answer?",
                                (double)o->connect_timeout_us / (double)USEC_PER_SEC);
                attempt_failed(s, &fault, route_next_broker);
                break;
        case STATE_CONNECTING:
                time_out(s, "no answer", o->connect_timeout_us);
                break;
        case STATE_HANDSHAKE:
                time_out(s, "the TLS handshake was not finished", o->handshake_timeout_us);
                break;
        case STATE_CONNACK:
                time_out(s, "connected, but the broker did not answer CONNECT", o->handshake_timeout_us);
                break;
        case STATE_BACKOFF:
                start_round(s);
                break;
        default:
                break;
        }
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

static int set_up(struct session *s)
{
        int r = route_init(&s->route, s->options);
        if (r < 0)
                return r;
        r = sd_event_add_defer(s->loop->event, &s->step, on_step, s);
        if (r < 0)
                return r;
        (void)sd_event_source_set_enabled(s->step, SD_EVENT_OFF);
        (void)sd_event_source_set_priority(s->step, LOOP_NETWORK);
        r = timer_new(s->loop, TIMER_LAZY_US, on_timer, s, &s->timer);
        if (r < 0)
                return r;
        return resolver_new(s->loop, on_lookup, s, &s->resolver);
}

int session_new(struct loop *loop, const struct session_options *options, const struct session_handlers *handlers,
                void *userdata, struct session **ret)
{
        if (!options->client_id)
                return -EINVAL;
        CLEANUP(session_freep) struct session *s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->loop = loop;
        s->options = options;
        s->handlers = handlers;
        s->userdata = userdata;
        backoff_init(&s->backoff, options->backoff_first_us ? options->backoff_first_us : BACKOFF_FIRST_US,
                     options->backoff_max_us ? options->backoff_max_us : BACKOFF_MAX_US);
        /* Never cleaned up: that would unload OpenSSL's providers under a session that follows. */
        (void)mosquitto_lib_init();

        int r = set_up(s);
        if (r >= 0)
                *ret = TAKE_PTR(s);
        return r < 0 ? r : 0;
}

int session_start(struct session *s)
{
        if (s->state != STATE_IDLE)
                return -EALREADY;
        start_round(s);
        /* Already here, to know how long the certificate is good for; each attempt reports what is wrong. */
        if (route_url(&s->route)->scheme == URL_MQTTS && s->options->tls && tls_new(s->options->tls, &s->tls, NULL) < 0)
                log_debug("the certificates cannot be used yet");
        return 0;
}

void session_stop(struct session *s, uint64_t within_us, void (*done)(void *userdata), void *userdata)
{
        bool connected = s->state == STATE_CONNECTED;

        s->stopping = true;
        s->stopped = done;
        s->stopped_userdata = userdata;
        timer_arm(s->timer, within_us);
        if (connected) {
                disconnect_when_flushed(s);
                return;
        }
        resolver_forget(s->resolver);
        transport_free(TAKE_PTR(s->transport));
        schedule_step(s);
}

void session_free(struct session *s)
{
        if (!s)
                return;
        transport_free(s->transport);
        tls_free(s->tls);
        resolver_free(s->resolver);
        timer_free(s->timer);
        sd_event_source_disable_unref(s->step);
        route_done(&s->route);
        free(s);
}

/* ---- What others ask ----------------------------------------------------------------------------------- */

bool session_is_connected(const struct session *s)
{
        return s->state == STATE_CONNECTED;
}

void session_retry_now(struct session *s)
{
        if (s->state != STATE_BACKOFF || s->stopping)
                return;
        backoff_reset(&s->backoff);
        start_round(s);
}

unsigned session_receive_maximum(const struct session *s)
{
        return s->transport ? transport_receive_maximum(s->transport) : UINT16_MAX;
}

void session_keep_unsent(struct session *s, bool keep)
{
        if (s->transport)
                transport_keep_unsent(s->transport, keep);
}

unsigned session_in_flight(const struct session *s)
{
        return s->transport ? transport_in_flight(s->transport) : 0;
}

const char *session_peer(const struct session *s)
{
        return s->peer;
}

const struct fault *session_last_fault(const struct session *s)
{
        return &s->fault;
}

const char *session_url(const struct session *s)
{
        return s->options->urls[MIN(s->route.broker_at, s->options->n_urls - 1)];
}

const struct session_options *session_options_of(const struct session *s)
{
        return s->options;
}

const struct tls *session_tls(const struct session *s)
{
        return s->tls;
}

bool session_certificates_changed(struct session *s)
{
        return s->tls && tls_refresh(s->tls);
}

int session_version(const struct session *s)
{
        return s->mqtt5 ? SESSION_VERSION_5 : SESSION_VERSION_311;
}

int session_publish(struct session *s, const struct session_message *message, int *ret_id)
{
        if (s->state != STATE_CONNECTED)
                return -ENOTCONN;
        size_t size = message->size + strlen(message->topic);
        int id = 0;
        if (oversize_is_limited(&s->oversize) && oversize_forbids(&s->oversize, size, loop_now_us(s->loop)))
                return -EMSGSIZE;
        int r = transport_publish(s->transport, message, &id);
        if (r == 0 && message->qos > 0)
                oversize_sent(&s->oversize, id, size);
        if (r == 0 && ret_id)
                *ret_id = id;
        return r;
}

int session_subscribe(struct session *s, const char *filter, int qos, int *ret_id)
{
        if (s->state != STATE_CONNECTED)
                return -ENOTCONN;
        return transport_subscribe(s->transport, &filter, 1, qos, ret_id);
}

int session_unsubscribe(struct session *s, const char *filter)
{
        return s->state == STATE_CONNECTED ? transport_unsubscribe(s->transport, filter) : -ENOTCONN;
}
