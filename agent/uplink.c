/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bus/envelope.h"
#include "bus/reason.h"
#include "channel/result.h"
#include "channel/trend_request.h"
#include "retained.h"
#include "util/log.h"

/* Retained and newest-only messages wait while this many are unacknowledged, and are published again when the broker
 * has caught up: a slow link costs no memory and carries no old state. Well below every broker's default window. */
enum { IN_FLIGHT_MAX = 256 };

/* What is published in bulk leaves half of that to what happens meanwhile, and goes on when most of it is through. */
enum { BULK_MAX = IN_FLIGHT_MAX / 2, BULK_AGAIN = BULK_MAX / 2 };

/* Anyone who may publish can invent topics: remember, and log, only so many. */
enum { RETAINED_LOGGED_MAX = 64 };

/* Somebody who keeps writing our status is answered as often as this: a fight over it must not be one at full speed. */
#define STATUS_AGAIN_US (1 * USEC_PER_SEC)

/* Home Assistant takes some time to remove a device. An empty state meanwhile would be one that it cannot read. */
#define CLEAR_STATES_AFTER_US (2 * USEC_PER_SEC)

enum { STOP_WITHIN_US = 2 * 1000 * 1000 };

struct uplink {
        struct loop *loop;
        struct clock *clock;
        struct home *home;
        struct uplink_handlers handlers;
        bool envelope;
        char *base, *node;
        char *reply_prefix;
        char *subscriptions[5];
        const char *status_topic;               /* one of them */
        struct session_options session_options; /* borrowed by the session */
        struct session *session;
        json_t *retained_seen; /* topics whose retained command was logged */
        struct retained retained;
        uint64_t retained_count;
        uint64_t dropped;
        uint64_t seq;
        bool stopping;
        bool has_reported_refused, has_reported_foreign_status, has_reported_unpublished; /* in this connection */
        bool has_reported_oversize;                                                       /* since the start */
        struct timer *status_again;   /* `online` once more, at most once in STATUS_AGAIN_US */
        uint64_t status_published_us; /* when that was last; 0: not in this connection */
        bool behind;                  /* something was held back because of IN_FLIGHT_MAX */
        bool is_awaited;              /* uplink_has_room() has refused */
        struct announcements announcements;
        struct timer *clear_states; /* what stale announcements spoke of is cleared after them */
};

static const struct {
        const char *word;
        bool retain;
        bool is_json;
        bool newest_only; /* published later when it cannot go out now */
} device_topics[] = {
        [DEVICE_STATUS] = { "status", true, false, true },  [DEVICE_ERROR] = { "error", true, true, true },
        [DEVICE_STATE] = { "state", true, true, true },     [DEVICE_EVENT] = { "event", false, true, false },
        [DEVICE_RESULT] = { "result", false, true, false },
};

/* ---- Out ----------------------------------------------------------------------------------------------------- */

static void report_unsent(struct uplink *uplink, const struct session_message *message, int r)
{
        if (r == -EMSGSIZE) {
                if (!uplink->has_reported_oversize)
                        log_topic(LOG_WARNING, message->topic,
                                  "%s: its %zu bytes are more than the broker takes: left out, and so are others that "
                                  "are as large, which are only counted (dropped)",
                                  message->topic, message->size);
                uplink->has_reported_oversize = true;
                return;
        }
        if (!uplink->has_reported_unpublished)
                log_topic(LOG_WARNING, message->topic, "%s: not published: %s; what follows is only counted (dropped)",
                          message->topic, strerror(-r));
        uplink->has_reported_unpublished = true;
}

/* The message's id, or a negative errno: it is not on its way. */
static int send(struct uplink *uplink, const struct session_message *message)
{
        int id = 0;
        int r = session_publish(uplink->session, message, &id);

        if (r == 0 && message->retain && message->size == 0)
                retained_clearing(&uplink->retained, message->topic, id);
        if (r == 0)
                return id;
        if (r != -ENOTCONN) {
                uplink->dropped++;
                report_unsent(uplink, message, r);
        }
        return r;
}

/* Wraps JSON where [broker] envelope asks for it; the message then points into *ret_wrapped. */
static int send_json(struct uplink *uplink, const char *device, struct session_message *message)
{
        CLEANUP_FREE char *wrapped = NULL;

        message->content_type = "application/json";
        if (uplink->envelope && message->size > 0) {
                char time[CLOCK_TEXT_MAX];
                const struct envelope header = {
                        .node = uplink->node,
                        .device = device,
                        .time = clock_format(uplink->clock, loop_now_us(uplink->loop), time) ? time : NULL,
                        .seq = ++uplink->seq,
                };
                int r = envelope_wrap(&header, message->payload, message->size, &wrapped);
                if (r < 0) {
                        uplink->dropped++;
                        return r;
                }
                message->payload = wrapped;
                message->size = strlen(wrapped);
        }
        return send(uplink, message);
}

/* In the place of an answer that the broker does not take: some trends are large. */
static void answer_too_large(struct uplink *uplink, const char *device, struct session_message *message)
{
        CLEANUP_JSON_TEXT struct json_text text = { 0 };
        struct result result;

        (void)refuse(&result, RESULT_TOO_LARGE, "the answer's %zu bytes are more than the broker takes: ask for less",
                     message->size);
        result_write(&result, "", &text);
        message->payload = text.data;
        message->size = text.size;
        if (!text.failed)
                (void)send_json(uplink, device, message);
}

/* A device is gone. Home Assistant hears of that first. */
static bool clears_later(struct uplink *uplink, enum device_topic topic, size_t size)
{
        return size == 0 && uplink->announcements.prefix && (topic == DEVICE_STATUS || topic == DEVICE_STATE);
}

static void clear_later(struct uplink *uplink, const char *topic)
{
        retained_release(&uplink->retained, topic);
        timer_arm(uplink->clear_states, CLEAR_STATES_AFTER_US);
}

void uplink_publish(struct uplink *uplink, const char *device, enum device_topic topic, const char *payload,
                    size_t size, const struct command_meta *meta)
{
        char name[TOPIC_MAX];
        struct session_message message = {
                .topic = name, .payload = payload, .size = size, .qos = 1, .retain = device_topics[topic].retain
        };

        if (!session_is_connected(uplink->session))
                return;
        if (topic == DEVICE_RESULT && meta && meta->reply_to) {
                message.topic = meta->reply_to;
                message.correlation = meta->correlation;
                message.correlation_size = meta->correlation_size;
        } else if (topic_build(name, uplink->base, uplink->node, device, device_topics[topic].word) < 0) {
                return;
        }
        if (message.retain && clears_later(uplink, topic, size)) {
                clear_later(uplink, message.topic);
                return;
        }
        /* Also what has to wait: it is published again later. */
        if (message.retain && size > 0)
                retained_claim(&uplink->retained, message.topic);
        if (session_in_flight(uplink->session) >= IN_FLIGHT_MAX) {
                uplink->behind = true;
                uplink->dropped += !device_topics[topic].newest_only;
                return;
        }
        int r = device_topics[topic].is_json ? send_json(uplink, device, &message) : send(uplink, &message);
        if (r == -EMSGSIZE && topic == DEVICE_RESULT && meta && meta->reply_to)
                answer_too_large(uplink, device, &message);
}

void uplink_info(struct uplink *uplink, const char *json, size_t size)
{
        char name[TOPIC_MAX];
        struct session_message message = { .topic = name, .payload = json, .size = size, .qos = 1, .retain = true };

        if (topic_build(name, uplink->base, uplink->node, NULL, "info") < 0)
                return;
        retained_claim(&uplink->retained, name);
        (void)send_json(uplink, "node", &message);
}

static void publish_status(struct uplink *uplink, const char *word)
{
        const struct session_message message = {
                .topic = uplink->status_topic,
                .payload = word,
                .size = strlen(word),
                .qos = 1,
                .retain = true,
        };
        retained_claim(&uplink->retained, message.topic);
        (void)send(uplink, &message);
}

/* False: it was not sent, and will be at the next connection. */
static bool clear(struct uplink *uplink, const char *topic)
{
        const struct session_message message = { .topic = topic, .payload = "", .qos = 1, .retain = true };

        log_topic(LOG_INFO, topic, "%s: is not ours any more, and cleared", topic);
        return send(uplink, &message) > 0;
}

/* As many as fit in; the next ones when these are acknowledged. While something waits to be published, not all that is ours
 * has been claimed. */
static void clear_stale(struct uplink *uplink)
{
        const char *topic;

        if (uplink->is_awaited)
                return;
        while (session_in_flight(uplink->session) < IN_FLIGHT_MAX &&
               (topic = retained_stale_announcement(&uplink->retained))) {
                timer_arm(uplink->clear_states, CLEAR_STATES_AFTER_US);
                if (!clear(uplink, topic))
                        return;
        }
        while (!timer_armed(uplink->clear_states) && session_in_flight(uplink->session) < IN_FLIGHT_MAX &&
               (topic = retained_stale(&uplink->retained)))
                if (!clear(uplink, topic))
                        return;
}

static void on_clear_states(void *userdata)
{
        struct uplink *uplink = userdata;

        if (!uplink->stopping && session_is_connected(uplink->session))
                clear_stale(uplink);
}

/* ---- Announcements --------------------------------------------------------------------------------------------- */

bool uplink_has_room(struct uplink *uplink)
{
        uplink->is_awaited |= session_in_flight(uplink->session) >= BULK_MAX;
        return !uplink->is_awaited;
}

bool uplink_may_announce(const struct uplink *uplink)
{
        return announcements_may_send(&uplink->announcements);
}

int uplink_announcement_topic(const struct uplink *uplink, const char *device, char topic[static TOPIC_MAX])
{
        return announcements_topic(&uplink->announcements, device, topic);
}

void uplink_claim(struct uplink *uplink, const char *topic)
{
        retained_claim(&uplink->retained, topic);
}

void uplink_release(struct uplink *uplink, const char *topic)
{
        retained_release(&uplink->retained, topic);
        clear_stale(uplink);
}

void uplink_announce(struct uplink *uplink, const char *topic, const char *json, size_t size)
{
        const struct session_message message = {
                .topic = topic,
                .payload = json,
                .size = size,
                .qos = 1,
                .retain = true,
                .content_type = "application/json",
        };
        int id = send(uplink, &message);

        if (id > 0)
                announcements_sent(&uplink->announcements, id);
}

const char *uplink_base(const struct uplink *uplink)
{
        return uplink->base;
}

const char *uplink_node(const struct uplink *uplink)
{
        return uplink->node;
}

/* ---- In ------------------------------------------------------------------------------------------------------ */

/* A retained command is a replay from an unknown time ago: a garage door must not open because of it. */
static void refuse_retained(struct uplink *uplink, const char *topic)
{
        uplink->retained_count++;
        if (json_object_get(uplink->retained_seen, topic) ||
            json_object_size(uplink->retained_seen) >= RETAINED_LOGGED_MAX)
                return;
        (void)json_object_set_new(uplink->retained_seen, topic, json_true());
        log_topic(LOG_WARNING, topic,
                  "%s: a retained command is never acted on; clear it by publishing an empty retained message there",
                  topic);
}

static bool may_answer_on(const struct uplink *uplink, const char *response_topic)
{
        return response_topic && strncmp(response_topic, uplink->reply_prefix, strlen(uplink->reply_prefix)) == 0 &&
               !strpbrk(response_topic, "+#");
}

/* The node cannot see who has published a command. Whose the replies are is what it can go by. */
static void set_reply(const struct uplink *uplink, const char *response_topic, struct command_meta *meta)
{
        if (!may_answer_on(uplink, response_topic))
                return;
        meta->reply_to = response_topic;
        meta->asker = response_topic + strlen(uplink->reply_prefix);
        meta->asker_size = strcspn(meta->asker, "/");
}

static void on_get(struct uplink *uplink, const struct topic *topic, const struct session_message *message)
{
        struct command_meta meta = { .correlation = message->correlation,
                                     .correlation_size = message->correlation_size };

        if (!trend_is_request(message->payload, message->size)) {
                home_get(uplink->home, topic->device);
                return;
        }
        set_reply(uplink, message->response_topic, &meta);
        home_trend(uplink->home, topic->device, message->payload, message->size, &meta);
}

static void on_command(struct uplink *uplink, const struct topic *topic, const struct session_message *message)
{
        struct command_meta meta = {
                .correlation = message->correlation,
                .correlation_size = message->correlation_size,
                .expires_us = message->expiry_s ? loop_now_us(uplink->loop) + message->expiry_s * USEC_PER_SEC : 0,
                .expires = message->expires,
        };

        set_reply(uplink, message->response_topic, &meta);
        home_command(uplink->home, topic->device, topic->channel, message->payload, message->size, &meta);
}

static void on_status_again(void *userdata)
{
        struct uplink *uplink = userdata;

        if (uplink->stopping || !session_is_connected(uplink->session))
                return;
        uplink->status_published_us = loop_now_us(uplink->loop);
        publish_status(uplink, "online");
}

/* Someone's `offline` while we are here: an old will, or a mistake. A replay at the subscription is older than our
 * `online`, and our own last `offline` comes back to us too. */
static void on_own_status(struct uplink *uplink, const struct session_message *message)
{
        uint64_t now_us = loop_now_us(uplink->loop);

        if (message->retain || uplink->stopping ||
            (message->size == strlen("online") && memcmp(message->payload, "online", message->size) == 0))
                return;
        if (!uplink->has_reported_foreign_status)
                log_topic(LOG_WARNING, message->topic,
                          "%s: somebody else has written to it; \"online\" is published again, now and whenever it "
                          "happens",
                          message->topic);
        uplink->has_reported_foreign_status = true;
        if (timer_armed(uplink->status_again))
                return;
        uint64_t due_us = uplink->status_published_us ? uplink->status_published_us + STATUS_AGAIN_US : 0;
        if (due_us > now_us)
                timer_arm(uplink->status_again, due_us - now_us);
        else
                on_status_again(uplink);
}

static void on_foreign(struct uplink *uplink, const struct session_message *message)
{
        if (!announcements_is_birth(&uplink->announcements, message))
                log_topic(LOG_DEBUG, message->topic, "%s: not a topic of this node", message->topic);
        else if (uplink->handlers.birth)
                uplink->handlers.birth(uplink->handlers.userdata);
}

static void on_message(void *userdata, const struct session_message *message)
{
        struct uplink *uplink = userdata;
        struct topic topic;

        if (topic_parse(message->topic, uplink->base, uplink->node, &topic) < 0) {
                on_foreign(uplink, message);
                return;
        }
        if (topic.kind == TOPIC_STATUS) {
                on_own_status(uplink, message);
                return;
        }
        if (message->retain) {
                refuse_retained(uplink, message->topic);
                return;
        }
        if (topic.kind == TOPIC_GET)
                on_get(uplink, &topic, message);
        else
                on_command(uplink, &topic, message);
}

/* ---- The connection ------------------------------------------------------------------------------------------- */

static void on_connected(void *userdata)
{
        struct uplink *uplink = userdata;

        uplink->behind = uplink->is_awaited = uplink->has_reported_refused = uplink->has_reported_foreign_status =
                uplink->has_reported_unpublished = false;
        uplink->status_published_us = 0;
        uplink->handlers.refused(uplink->handlers.userdata, NULL);
        retained_reset(&uplink->retained);
        timer_disarm(uplink->clear_states);
        const char *birth = announcements_begin(&uplink->announcements);
        if (birth)
                (void)!session_subscribe(uplink->session, birth, 1, NULL);
        publish_status(uplink, "online");
        if (uplink->handlers.begun)
                uplink->handlers.begun(uplink->handlers.userdata);
        uplink->handlers.up(uplink->handlers.userdata);
        clear_stale(uplink);
}

static void on_subscribed(void *userdata, int id, int reason)
{
        struct uplink *uplink = userdata;
        char what[TOPIC_MAX];

        (void)id;
        if (reason < 0x80)
                return;
        (void)snprintf(what, sizeof(what), "the subscription to %s", uplink->announcements.birth_topic);
        session_report_refused(uplink->session, uplink->announcements.birth_topic, what, reason);
}

static void on_disconnected(void *userdata, const char *why)
{
        struct uplink *uplink = userdata;

        announcements_end(&uplink->announcements);
        uplink->handlers.down(uplink->handlers.userdata, why);
}

static void on_attempt_failed(void *userdata, const struct fault *fault)
{
        struct uplink *uplink = userdata;

        uplink->handlers.down(uplink->handlers.userdata, fault->text);
}

/* Most often the node has another name than its certificate, by which the broker's access list goes. */
static void report_refused(struct uplink *uplink, int reason)
{
        const struct tls *tls = session_tls(uplink->session);
        const char *name = tls ? tls_certificate_name(tls) : NULL;
        bool is_other = name && strcmp(name, uplink->node) != 0;
        char why[320];

        (void)snprintf(why, sizeof(why), "the broker refuses what node %s publishes (%s)%s%.80s%s", uplink->node,
                       reason_code_text(reason), is_other ? ": its certificate is for \"" : "", is_other ? name : "",
                       is_other ? "\", see [node] name" : "");
        uplink->handlers.refused(uplink->handlers.userdata, why);
}

/* Reported once a connection: what is refused once is refused each time. A topic of another name or base may be someone
 * else's by now. */
static void on_refused(struct uplink *uplink, bool was_clearing, int reason)
{
        uplink->dropped++;
        if (was_clearing || uplink->has_reported_refused)
                return;
        uplink->has_reported_refused = true;
        session_report_refused(uplink->session, NULL, "what we publish", reason);
        report_refused(uplink, reason);
}

static void on_acknowledged(void *userdata, int id, int reason)
{
        struct uplink *uplink = userdata;

        bool was_clearing = retained_acknowledged(&uplink->retained, id);
        if (!announcements_acknowledged(&uplink->announcements, id, reason) && reason >= 0x80)
                on_refused(uplink, was_clearing, reason);
        if (was_clearing)
                clear_stale(uplink);
        if (uplink->is_awaited && session_in_flight(uplink->session) < BULK_AGAIN) {
                uplink->is_awaited = false;
                if (uplink->handlers.room)
                        uplink->handlers.room(uplink->handlers.userdata);
                clear_stale(uplink);
        }
        if (uplink->behind && session_in_flight(uplink->session) < IN_FLIGHT_MAX / 2) {
                uplink->behind = false;
                uplink->handlers.up(uplink->handlers.userdata);
        }
}

static const struct session_handlers session_handlers = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .message = on_message,
        .acknowledged = on_acknowledged,
        .attempt_failed = on_attempt_failed,
        .subscribed = on_subscribed,
};

/* ---- Life ---------------------------------------------------------------------------------------------------- */

static int subscribe_topics(struct uplink *uplink)
{
        static const char *const ends[] = { "+/set", "+/set/+", "+/get", "get", "status" };

        _Static_assert(ARRAY_SIZE(ends) == ARRAY_SIZE(((struct uplink *)0)->subscriptions), "one each");
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (asprintf(&uplink->subscriptions[i], "%s/%s/%s", uplink->base, uplink->node, ends[i]) < 0)
                        return -ENOMEM;
        uplink->status_topic = uplink->subscriptions[ARRAY_SIZE(ends) - 1];
        return 0;
}

static int make_names(struct uplink *uplink, const struct uplink_options *options)
{
        uplink->base = strdup(options->base);
        uplink->node = strdup(options->node);
        if (!uplink->base || !uplink->node || asprintf(&uplink->reply_prefix, "%s/reply/", options->base) < 0)
                return -ENOMEM;
        return subscribe_topics(uplink);
}

static int make_timers(struct uplink *uplink)
{
        int r = timer_new(uplink->loop, TIMER_LAZY_US, on_status_again, uplink, &uplink->status_again);

        return r < 0 ? r : timer_new(uplink->loop, TIMER_LAZY_US, on_clear_states, uplink, &uplink->clear_states);
}

int uplink_new(const struct uplink_options *options, const struct uplink_handlers *handlers, struct uplink **ret)
{
        CLEANUP(uplink_freep) struct uplink *uplink = calloc(1, sizeof(*uplink));

        if (!uplink)
                return -ENOMEM;
        uplink->loop = options->loop;
        uplink->clock = options->clock;
        uplink->home = options->home;
        uplink->handlers = *handlers;
        uplink->envelope = options->envelope;
        uplink->retained.store = options->store;
        uplink->retained_seen = json_object();
        int r = make_names(uplink, options);
        if (r == 0)
                r = announcements_init(&uplink->announcements, &options->announcements, uplink->node);
        if (r == 0)
                r = make_timers(uplink);
        if (r == 0) {
                struct session_options *session = &uplink->session_options;
                *session = options->session;
                session->will_topic = uplink->status_topic;
                session->will_payload = "offline";
                session->subscriptions = (const char *const *)uplink->subscriptions;
                session->n_subscriptions = ARRAY_SIZE(uplink->subscriptions);
                r = session_new(options->loop, session, &session_handlers, uplink, &uplink->session);
        }
        if (r == 0)
                *ret = TAKE_PTR(uplink);
        return r;
}

void uplink_stop(struct uplink *uplink, void (*done)(void *userdata), void *userdata)
{
        uplink->stopping = true;
        if (session_is_connected(uplink->session))
                publish_status(uplink, "offline");
        session_stop(uplink->session, STOP_WITHIN_US, done, userdata);
}

void uplink_free(struct uplink *uplink)
{
        if (!uplink)
                return;
        session_free(uplink->session);
        timer_free(uplink->clear_states);
        timer_free(uplink->status_again);
        announcements_done(&uplink->announcements);
        for (size_t i = 0; i < ARRAY_SIZE(uplink->subscriptions); i++)
                free(uplink->subscriptions[i]);
        json_decref(uplink->retained_seen);
        retained_reset(&uplink->retained);
        free(uplink->reply_prefix);
        free(uplink->node);
        free(uplink->base);
        free(uplink);
}

uint64_t uplink_dropped(const struct uplink *uplink)
{
        return uplink->dropped;
}

struct session *uplink_session(struct uplink *uplink)
{
        return uplink->session;
}
