/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmosquitto on the event loop. What shapes this file (2.0.11, 2.0.21 and 2.1.2):
 *
 * - libmosquitto closes its socket at any time, so the loop watches a duplicate, whose number stays ours.
 * - Over TLS it neither reports a refused connection nor stops asking for the CPU: until the handshake is done the loop
 *   waits for what the SSL object wants, and an error on the socket ends the attempt here.
 * - Its socket being gone and any code but success mean the end; which code it is differs between versions.
 * - What is published inside a callback is only queued, so each turn ends with writing.
 * - It reads on for as long as SSL has packets decrypted, but stops when errno is EAGAIN. That ends a turn of the loop;
 *   the next one takes what is left. 2.1 goes by that between two reads of 4 KiB: all packets in one are handed over, and
 *   the messages among them that are too many for a turn wait in the backlog. Of what is read ahead (tls_socket.c) it
 *   knows nothing.
 */
#include "bus/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bus/assertion.h"
#include "bus/backlog.h"
#include "bus/client_options.h"
#include "bus/in_flight.h"
#include "bus/mosquitto.h"
#include "bus/properties.h"
#include "bus/reach.h"
#include "bus/tls_socket.h"
#include "util/log.h"

/* What one turn of the loop takes from the network, at most: what is more urgent waits for no more than this. */
#define TURN_WORK         16
#define TURN_WORK_ACK     1 /* they cost little, and nobody but the broker can send them */
#define TURN_WORK_MESSAGE 4 /* a short one: carrying it out is the most of it */
#define TURN_WORK_KB      4 /* more for each KiB of a longer one */
#define TURN_BYTES        ((size_t)16 * 1024)
/* Without TLS in between, what the kernel has ready. */
#define RECEIVE_BUFFER_BYTES (64 * 1024)

struct transport {
        struct loop *loop;
        struct transport_setup setup;
        struct mosquitto *mosq;
        int fd;
        sd_event_source *io, *deferred;
        struct timer *keepalive;
        enum transport_phase phase;
        uint32_t interest;
        bool busy;        /* inside a turn, which settles everything at its end */
        size_t turn_work; /* done in this turn */
        uint64_t turn_us; /* when it began */
        bool has_read;    /* at its end: the socket does not become readable for it */
        bool is_leaving;  /* nothing is read any more: libmosquitto would close before its DISCONNECT is out */
        bool over;
        struct transport_end end;
        struct tls_handshake handshake;
        struct tls_socket socket; /* over TLS, once the broker has accepted us */
        uint64_t keepalive_us, last_in_us, last_out_us;
        uint64_t pinged_us; /* after last_in_us: nothing has come since */
        unsigned receive_maximum;
        struct in_flight in_flight;
        struct backlog backlog;
        mosquitto_property *usual; /* NULL: not made yet */
};

static uint64_t real_now_us(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/* ---- Turns --------------------------------------------------------------------------------------------- */

static void finish(struct transport *t, int os_error)
{
        if (t->over)
                return;
        t->over = true;
        t->end.unacknowledged = t->in_flight.count;
        t->end.os_error = os_error ? os_error : t->handshake.io_error;
}

/* Any code but success, and a socket that is gone, mean the same. */
static void check(struct transport *t, int result)
{
        if (result != MOSQ_ERR_SUCCESS || mosquitto_socket(t->mosq) < 0)
                finish(t, 0);
}

static uint32_t wanted_interest(const struct transport *t)
{
        if (t->phase == TRANSPORT_CONNECTING)
                return EPOLLOUT;
        if (t->phase == TRANSPORT_HANDSHAKE)
                return t->handshake.ssl && SSL_want(t->handshake.ssl) == SSL_WRITING ? EPOLLOUT : EPOLLIN;
        bool has_unsent = tls_socket_has_unsent(&t->socket) || mosquitto_want_write(t->mosq);
        return (t->is_leaving ? 0U : (uint32_t)EPOLLIN) | (has_unsent ? (uint32_t)EPOLLOUT : 0U);
}

static void update_interest(struct transport *t)
{
        uint32_t interest = wanted_interest(t);

        if (interest == t->interest)
                return;
        t->interest = interest;
        (void)sd_event_source_set_io_events(t->io, interest);
}

static bool has_read(const struct transport *t)
{
        return !t->over && t->handshake.done && (tls_socket_has_read(&t->socket) || SSL_pending(t->handshake.ssl) > 0);
}

static void begin_turn(struct transport *t)
{
        t->busy = true;
        t->turn_us = real_now_us();
        tls_socket_begin_turn(&t->socket, TURN_BYTES);
}

/* The socket does not become readable for it. */
static bool has_more(const struct transport *t)
{
        return !t->over && !t->is_leaving && (t->has_read || !backlog_is_empty(&t->backlog));
}

static void hand_up(struct transport *t, const struct session_message *message)
{
        t->setup.handlers->message(t->setup.userdata, message);
        t->turn_work += TURN_WORK_MESSAGE + TURN_WORK_KB * (message->size / 1024);
}

static void hand_up_backlog(struct transport *t, size_t turn_work)
{
        while (t->turn_work < turn_work && !backlog_is_empty(&t->backlog)) {
                CLEANUP_BACKLOG_MESSAGE struct backlog_message *oldest = backlog_take(&t->backlog);
                hand_up(t, &oldest->message);
        }
}

/* The end of every turn. Nothing of `t` may be touched after it: `ended` frees it. */
static void settle(struct transport *t)
{
        int r = tls_socket_end_turn(&t->socket);
        if (r < 0 && r != -EAGAIN)
                finish(t, 0);
        if (t->over)
                hand_up_backlog(t, SIZE_MAX);
        t->busy = false;
        if (!t->over) {
                update_interest(t);
                if (has_more(t))
                        (void)sd_event_source_set_enabled(t->deferred, SD_EVENT_ONESHOT);
                return;
        }
        (void)sd_event_source_set_enabled(t->io, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(t->deferred, SD_EVENT_OFF);
        timer_disarm(t->keepalive);
        t->setup.handlers->ended(t->setup.userdata, &t->end);
}

/* Outside a turn: what has to be reported is reported from the loop. */
static void settle_later(struct transport *t)
{
        if (!t->busy)
                (void)sd_event_source_set_enabled(t->deferred, SD_EVENT_ONESHOT);
}

static void enter(struct transport *t, enum transport_phase phase)
{
        t->phase = phase;
        t->setup.handlers->phase(t->setup.userdata, phase);
}

/* ---- Reading and writing ------------------------------------------------------------------------------- */

static int read_packets(void *mosq)
{
        return mosquitto_loop_read(mosq, 1);
}

static void do_read(struct transport *t)
{
        int result = MOSQ_ERR_SUCCESS;

        t->turn_work = 0;
        hand_up_backlog(t, TURN_WORK);
        if (!backlog_is_empty(&t->backlog))
                return;
        do {
                if (assertion_survived(read_packets, t->mosq, &result))
                        check(t, result);
                else
                        finish(t, EPROTO);
                t->has_read = has_read(t);
        } while (t->has_read && t->turn_work < TURN_WORK && !t->is_leaving);
        t->last_in_us = t->turn_us;
}

/* At the end of a callback of libmosquitto's: it reads on to the next packet unless errno is EAGAIN. */
static void end_when_enough(const struct transport *t)
{
        if (t->turn_work >= TURN_WORK || t->is_leaving)
                errno = EAGAIN;
}

static void do_write(struct transport *t)
{
        if (t->over || !mosquitto_want_write(t->mosq))
                return;
        check(t, mosquitto_loop_write(t->mosq, 1));
        t->last_out_us = t->turn_us;
}

static int socket_error(const struct transport *t)
{
        int error = 0;
        socklen_t size = sizeof(error);

        if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                return errno;
        return error;
}

static void talking_turn(struct transport *t, uint32_t events)
{
        /* The peer's last words before the hang-up: an alert, a DISCONNECT. */
        if (events & (EPOLLERR | EPOLLHUP))
                hand_up_backlog(t, SIZE_MAX);
        if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && !t->is_leaving)
                do_read(t);
        do_write(t);
        if (events & (EPOLLERR | EPOLLHUP))
                finish(t, socket_error(t));
}

/* Reading is what carries the handshake on, whichever way it wants to go: 2.0.11 does nothing in writing. */
static void handshake_turn(struct transport *t, uint32_t events)
{
        do_read(t);
        if (t->over)
                return;
        if (t->handshake.done) {
                /* The CONNACK may have come with it. */
                if (t->phase == TRANSPORT_HANDSHAKE)
                        enter(t, TRANSPORT_CONNACK);
                talking_turn(t, events);
        } else if (t->handshake.io_error || (events & (EPOLLERR | EPOLLHUP))) {
                finish(t, socket_error(t));
        }
}

/* What came before the connection stood; a peer that has hung up since is known by what it left to read. */
static int connect_error(const struct transport *t)
{
        int error = t->handshake.io_error ? t->handshake.io_error : socket_error(t);

        return error == ECONNRESET || error == EPIPE ? 0 : error;
}

static void connecting_turn(struct transport *t, uint32_t events)
{
        /* On loopback the handshake may be over before the first event. */
        int error = (events & (EPOLLERR | EPOLLHUP)) && !t->handshake.done ? connect_error(t) : 0;
        if (error) {
                finish(t, error);
                return;
        }
        t->end.connected = true;
        if (t->setup.tls) {
                enter(t, TRANSPORT_HANDSHAKE);
                handshake_turn(t, events);
        } else {
                enter(t, TRANSPORT_CONNACK);
                do_write(t);
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct transport *t = userdata;

        (void)source;
        (void)fd;
        begin_turn(t);
        if (t->phase == TRANSPORT_CONNECTING)
                connecting_turn(t, events);
        else if (t->phase == TRANSPORT_HANDSHAKE)
                handshake_turn(t, events);
        else
                talking_turn(t, events);
        settle(t);
        return 0;
}

static int on_deferred(sd_event_source *source, void *userdata)
{
        struct transport *t = userdata;

        (void)source;
        begin_turn(t);
        if (has_more(t))
                talking_turn(t, EPOLLIN);
        settle(t);
        return 0;
}

/* ---- The keepalive ------------------------------------------------------------------------------------- */

/* A dead link is noticed within the keepalive of the last byte that came: half of it until a ping, half for its answer.
 * The pings are ours, because libmosquitto goes by the Server Keep Alive: 0 or 65535 there would let a dead link stand,
 * and outputs would never go to their on_offline. The clock is the real one: brokers do not answer in a test's time. */
static bool is_pinged(const struct transport *t)
{
        return t->pinged_us > t->last_in_us;
}

static uint64_t next_look_us(const struct transport *t)
{
        uint64_t since_us = is_pinged(t) ? t->pinged_us : MIN(t->last_in_us, t->last_out_us);

        return since_us + t->keepalive_us / 2;
}

static void arm_keepalive(struct transport *t)
{
        uint64_t due_us = next_look_us(t), now_us = real_now_us();

        if (t->keepalive_us > 0)
                timer_arm(t->keepalive, due_us > now_us ? due_us - now_us : 0);
}

static bool socket_is(const struct transport *t, short events)
{
        struct pollfd poll_fd = { .fd = t->fd, .events = events };

        return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & events);
}

/* libmosquitto has no call for it. With nothing to write and room for two bytes, they cannot get into the middle of a
 * packet. Otherwise what is on its way does the same: the broker has to answer. */
static void ping(struct transport *t)
{
        static const unsigned char pingreq[] = { 0xc0, 0x00 };
        bool room = !mosquitto_want_write(t->mosq) && socket_is(t, POLLOUT);

        if (room && t->setup.tls)
                (void)SSL_write(t->handshake.ssl, pingreq, sizeof(pingreq));
        else if (room)
                (void)!send(t->fd, pingreq, sizeof(pingreq), MSG_NOSIGNAL);
        ERR_clear_error();
        t->pinged_us = t->last_out_us = real_now_us();
}

static COLD void on_keepalive(void *userdata)
{
        struct transport *t = userdata;

        begin_turn(t);
        if (socket_is(t, POLLIN))
                t->last_in_us = real_now_us(); /* only that we have not looked yet */
        if (real_now_us() < next_look_us(t)) {
                /* Something has come or gone since. */
        } else if (is_pinged(t)) {
                t->end.silent = true;
                finish(t, 0);
        } else {
                ping(t);
        }
        if (!t->over)
                arm_keepalive(t);
        settle(t);
}

/* ---- libmosquitto's callbacks -------------------------------------------------------------------------- */

static COLD void on_connect(struct mosquitto *mosq, void *userdata, int reason, int flags,
                            const mosquitto_property *properties)
{
        struct transport *t = userdata;
        uint16_t receive_maximum, keepalive_s;

        (void)flags;
        if (t->phase == TRANSPORT_UP) /* one too many: it is not about the connection that stands */
                return;
        t->end.connack = reason;
        if (reason != 0)
                return;
        if (mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &receive_maximum, false))
                t->receive_maximum = receive_maximum;
        /* The broker may want to hear from us more often, never less. */
        if (mosquitto_property_read_int16(properties, MQTT_PROP_SERVER_KEEP_ALIVE, &keepalive_s, false) &&
            keepalive_s > 0 && (t->keepalive_us == 0 || keepalive_s * USEC_PER_SEC < t->keepalive_us))
                t->keepalive_us = keepalive_s * USEC_PER_SEC;
        t->phase = TRANSPORT_UP;
        /* From here on the log costs an allocation for each packet and is of no use. */
        mosquitto_log_callback_set(mosq, NULL);
        tls_settled(&t->handshake);
        if (t->handshake.ssl && tls_socket_take(&t->socket, t->handshake.ssl, t->fd) < 0) {
                finish(t, ENOMEM);
                return;
        }
        arm_keepalive(t);
        t->setup.handlers->up(t->setup.userdata);
}

static void on_disconnect(struct mosquitto *mosq, void *userdata, int reason, const mosquitto_property *properties)
{
        struct transport *t = userdata;

        (void)mosq;
        (void)properties;
        if (t->over) /* 2.0.11 calls twice after the broker's DISCONNECT */
                return;
        /* One number for two things: below 0x80 it is libmosquitto's own code. */
        if (reason >= 0x80)
                t->end.disconnect = reason;
        finish(t, 0);
}

static void on_message(struct mosquitto *mosq, void *userdata, const struct mosquitto_message *in,
                       const mosquitto_property *properties)
{
        struct transport *t = userdata;
        struct properties_owned owned = { 0 };
        struct session_message message = {
                .topic = in->topic,
                .payload = in->payload ? in->payload : "",
                .size = (size_t)in->payloadlen,
                .retain = in->retain,
                .qos = in->qos,
        };

        (void)mosq;
        if (t->phase != TRANSPORT_UP) /* no broker may command before it has accepted us */
                return;
        int r = properties_read(properties, &message, &owned);
        bool waits = t->turn_work >= TURN_WORK || !backlog_is_empty(&t->backlog);
        if (r == 0 && waits)
                r = backlog_add(&t->backlog, &message, in, &owned);
        else if (r == 0)
                hand_up(t, &message);
        if (r < 0)
                log_warning("out of memory: a message on %s is dropped", message.topic);
        properties_done(&owned);
        end_when_enough(t);
}

static void on_publish(struct mosquitto *mosq, void *userdata, int id, int reason, const mosquitto_property *properties)
{
        struct transport *t = userdata;

        (void)mosq;
        (void)properties;
        if (in_flight_remove(&t->in_flight, id))
                t->setup.handlers->acknowledged(t->setup.userdata, id, reason);
        t->turn_work += TURN_WORK_ACK;
        end_when_enough(t);
}

static void on_subscribe(struct mosquitto *mosq, void *userdata, int id, int count, const int *reasons,
                         const mosquitto_property *properties)
{
        struct transport *t = userdata;

        (void)mosq;
        (void)properties;
        if (t->phase != TRANSPORT_UP)
                return;
        t->setup.handlers->subscribed(t->setup.userdata, id, reasons, (size_t)MAX(count, 0));
}

static void on_log(struct mosquitto *mosq, void *userdata, int level, const char *line)
{
        struct transport *t = userdata;

        (void)mosq;
        log_debug("libmosquitto: %s", line);
        if (level == MOSQ_LOG_ERR)
                tls_note_log(&t->handshake, line);
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

static void set_callbacks(struct mosquitto *mosq)
{
        mosquitto_connect_v5_callback_set(mosq, on_connect);
        mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
        mosquitto_message_v5_callback_set(mosq, on_message);
        mosquitto_publish_v5_callback_set(mosq, on_publish);
        mosquitto_subscribe_v5_callback_set(mosq, on_subscribe);
        mosquitto_log_callback_set(mosq, on_log);
}

/* What goes wrong at once is reported like everything else, from the loop. */
static int start_connecting(struct transport *t)
{
        int seconds = client_keepalive_s(t->setup.options);

        t->keepalive_us = t->setup.options->keepalive_us;
        t->last_in_us = t->last_out_us = real_now_us();
        errno = 0;
        int r = mosquitto_connect_bind_async(t->mosq, t->setup.address, t->setup.url->port, seconds, NULL);
        /* 2.0.21 begins the handshake here, and makes its own EPROTO of the socket's error. */
        int os_error = t->handshake.io_error ? t->handshake.io_error : errno;
        if (r != MOSQ_ERR_SUCCESS || mosquitto_socket(t->mosq) < 0) {
                errno = os_error;
                os_error = reach_errno(t->setup.address, t->setup.url->port);
                finish(t, os_error ? os_error : EIO);
                return 0;
        }
        t->fd = fcntl(mosquitto_socket(t->mosq), F_DUPFD_CLOEXEC, 3);
        if (t->fd < 0)
                return -errno;
        t->interest = EPOLLOUT;
        if (!t->setup.tls)
                (void)setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &(int){ RECEIVE_BUFFER_BYTES }, sizeof(int));
        r = loop_add_io(t->loop, t->fd, LOOP_NETWORK, on_io, t, &t->io);
        return r < 0 ? r : sd_event_source_set_io_events(t->io, t->interest);
}

/* The context is whole: libmosquitto must add nothing of its own. */
static int set_tls(struct transport *t, struct fault *fault)
{
        SSL_CTX *context = NULL;

        if (!t->setup.tls)
                return 0;
        int r = tls_begin(t->setup.tls, t->setup.url->host, &t->handshake, &context, fault);
        if (r < 0)
                return r;
        t->end.tls = &t->handshake;
        if (mosquitto_void_option(t->mosq, MOSQ_OPT_SSL_CTX, context) != MOSQ_ERR_SUCCESS ||
            mosquitto_int_option(t->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) != MOSQ_ERR_SUCCESS)
                return fault_set(fault, -EOPNOTSUPP, "libmosquitto was built without TLS");
        return 0;
}

static COLD int set_up(struct transport *t, struct fault *fault)
{
        int r = sd_event_add_defer(t->loop->event, &t->deferred, on_deferred, t);
        if (r < 0)
                return r;
        (void)sd_event_source_set_enabled(t->deferred, SD_EVENT_OFF);
        (void)sd_event_source_set_priority(t->deferred, LOOP_NETWORK);
        r = timer_new(t->loop, TIMER_EXACT_US, on_keepalive, t, &t->keepalive);
        if (r < 0)
                return r;
        timer_set_priority(t->keepalive, LOOP_NETWORK);
        t->mosq = mosquitto_new(t->setup.options->client_id, true, t);
        if (!t->mosq)
                return errno == EINVAL ? -EINVAL : -ENOMEM;
        set_callbacks(t->mosq);
        r = client_options_apply(t->mosq, t->setup.options, t->setup.mqtt5);
        if (r == 0)
                r = set_tls(t, fault);
        if (r == 0)
                r = start_connecting(t);
        if (r == 0 && t->over)
                settle_later(t);
        return r;
}

COLD int transport_new(struct loop *loop, const struct transport_setup *setup, struct fault *fault,
                       struct transport **ret)
{
        CLEANUP_TRANSPORT struct transport *t = calloc(1, sizeof(*t));
        if (!t)
                return fault_set(fault, -ENOMEM, "out of memory");
        t->loop = loop;
        t->setup = *setup;
        t->fd = -1;
        t->socket = TLS_SOCKET_INIT;
        t->receive_maximum = UINT16_MAX;
        t->handshake.alert_received = -1;
        t->end = (struct transport_end){
                .connack = -1,
                .disconnect = -1,
                .mqtt5 = setup->mqtt5,
                .client_id = setup->options->client_id_is_secret ? NULL : setup->options->client_id,
        };

        int r = set_up(t, fault);
        if (r < 0 && fault->code == 0)
                (void)fault_set(fault, r, "cannot set up a connection: %s",
                                r == -EINVAL ? "client id, user or will hold something that MQTT cannot carry"
                                             : strerror(-r));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

void transport_free(struct transport *t)
{
        if (!t)
                return;
        sd_event_source_disable_unref(t->io);
        sd_event_source_disable_unref(t->deferred);
        timer_free(t->keepalive);
        mosquitto_destroy(t->mosq);
        mosquitto_property_free_all(&t->usual);
        if (t->end.tls)
                tls_end(t->setup.tls);
        cleanup_closep(&t->fd);
        backlog_done(&t->backlog);
        free(t);
}

/* ---- What the session asks for ------------------------------------------------------------------------- */

static const struct {
        int code;
        int error;
} refusals[] = {
        { MOSQ_ERR_OVERSIZE_PACKET, -EMSGSIZE },
        { MOSQ_ERR_NOMEM, -ENOMEM },
        { MOSQ_ERR_INVAL, -EINVAL },
        { MOSQ_ERR_MALFORMED_UTF8, -EINVAL },
        { MOSQ_ERR_PAYLOAD_SIZE, -EINVAL },
        { MOSQ_ERR_QOS_NOT_SUPPORTED, -EINVAL },
        { MOSQ_ERR_NOT_SUPPORTED, -EINVAL },
        { MOSQ_ERR_DUPLICATE_PROPERTY, -EINVAL },
};

/* What was wrong with the call; anything else is the end of the connection. */
static int call_result(struct transport *t, int result)
{
        if (result == MOSQ_ERR_SUCCESS)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
                if (refusals[i].code == result)
                        return refusals[i].error;
        finish(t, 0);
        settle_later(t);
        return -ENOTCONN;
}

/* Outside a callback libmosquitto has written as much as the socket took. */
static void after_call(struct transport *t)
{
        if (t->busy)
                return;
        t->last_out_us = real_now_us();
        if (!t->over)
                update_interest(t);
}

/* Most messages have these properties and no others: they are made once. libmosquitto copies what it keeps. NULL: it has
 * others, or there is no memory. */
static const mosquitto_property *usual_properties(struct transport *t, const struct session_message *message)
{
        static const char usual[] = "application/json";

        if (!message->content_type || message->response_topic || message->correlation || message->expiry_s ||
            message->expires || message->chain || strcmp(message->content_type, usual) != 0)
                return NULL;
        if (!t->usual)
                (void)mosquitto_property_add_string(&t->usual, MQTT_PROP_CONTENT_TYPE, usual);
        return t->usual;
}

int transport_publish(struct transport *t, const struct session_message *message, int *ret_id)
{
        CLEANUP(mosquitto_property_free_all) mosquitto_property *properties = NULL;
        int id = 0;

        if (t->over || t->phase != TRANSPORT_UP)
                return -ENOTCONN;
        if (message->size > MQTT_MAX_PAYLOAD)
                return -EMSGSIZE;
        if (message->qos > 0 && t->in_flight.count >= IN_FLIGHT_IDS)
                return -EAGAIN;
        const mosquitto_property *usual = t->setup.mqtt5 ? usual_properties(t, message) : NULL;
        int r = t->setup.mqtt5 && !usual ? properties_write(message, &properties) : 0;
        if (r < 0)
                return r;

        r = call_result(t, mosquitto_publish_v5(t->mosq, &id, message->topic, (int)message->size, message->payload,
                                                message->qos, message->retain, usual ? usual : properties));
        if (r < 0)
                return r;
        if (message->qos > 0)
                in_flight_add(&t->in_flight, id);
        after_call(t);
        if (ret_id)
                *ret_id = id;
        return 0;
}

int transport_subscribe(struct transport *t, const char *const *filters, size_t count, int qos, int *ret_id)
{
        int id = 0;

        if (t->over || t->phase != TRANSPORT_UP)
                return -ENOTCONN;
        /* libmosquitto takes `char *const *const` and changes nothing. */
        char *const *list;
        memcpy(&list, &filters, sizeof(list));
        int r = call_result(t, mosquitto_subscribe_multiple(t->mosq, &id, (int)count, list, qos, 0, NULL));
        if (r < 0)
                return r;
        after_call(t);
        if (ret_id)
                *ret_id = id;
        return 0;
}

int transport_unsubscribe(struct transport *t, const char *filter)
{
        if (t->over || t->phase != TRANSPORT_UP)
                return -ENOTCONN;
        int r = call_result(t, mosquitto_unsubscribe(t->mosq, NULL, filter));
        if (r == 0)
                after_call(t);
        return r;
}

void transport_disconnect(struct transport *t)
{
        if (t->over)
                return;
        t->is_leaving = true;
        check(t, mosquitto_disconnect_v5(t->mosq, MQTT_RC_NORMAL_DISCONNECTION, NULL));
        if (t->over)
                settle_later(t);
        after_call(t);
}

void transport_keep_unsent(struct transport *t, bool keep)
{
        const struct linger linger = { .l_onoff = !keep, .l_linger = 0 };

        (void)setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

unsigned transport_in_flight(const struct transport *t)
{
        return t->in_flight.count;
}

unsigned transport_receive_maximum(const struct transport *t)
{
        return t->receive_maximum;
}

const char *transport_security(const struct transport *t)
{
        return t->handshake.version ? t->handshake.version : "no TLS";
}
