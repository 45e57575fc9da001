/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bus/reason.h"
#include "channel/cause.h"
#include "channel/result.h"
#include "channel/trend_request.h"
#include "other_nodes.h"
#include "own_status.h"
#include "sender.h"
#include "stale_topics.h"
#include "util/identity.h"
#include "util/log.h"

/* Anyone who may publish can invent topics: remember, and log, only so many. */
enum { RETAINED_LOGGED_MAX = 64 };

enum { STOP_WITHIN_US = 2 * 1000 * 1000 };

struct uplink {
        struct home *home;
        struct uplink_handlers handlers;
        char *base, *node;
        char *reply_prefix;
        char *subscriptions[5];
        struct session_options session_options; /* borrowed by the session */
        struct sender sender;
        struct own_status status;
        struct other_nodes others;
        struct announcements announcements;
        struct stale_topics stale;
        json_t *retained_seen; /* topics whose retained command was logged */
        uint64_t retained_count;
        bool has_reported_refused; /* in this connection */
};

static const struct {
        bool retain;
        bool is_json;
        bool newest_only; /* published later when it cannot go out now */
} device_topics[] = {
        [DEVICE_STATUS] = { true, false, true },  [DEVICE_ERROR] = { true, true, true },
        [DEVICE_STATE] = { true, true, true },    [DEVICE_EVENT] = { false, true, false },
        [DEVICE_RESULT] = { false, true, false },
};

/* ---- Out ----------------------------------------------------------------------------------------------------- */

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
        if (text.failed)
                log_warning("%s is not answered: out of memory", device);
        else
                (void)sender_send_json(&uplink->sender, device, message);
}

/* A device is gone. Home Assistant hears of that first. */
static bool clears_later(struct uplink *uplink, enum device_topic topic, size_t size)
{
        return size == 0 && uplink->announcements.prefix && (topic == DEVICE_STATUS || topic == DEVICE_STATE);
}

/* As sender_send(); 0: it waits. */
static int publish(struct uplink *uplink, const char *device, enum device_topic topic, struct session_message *message,
                   bool is_kept)
{
        sender_note_live(&uplink->sender);
        message->qos = 1;
        message->retain = device_topics[topic].retain;
        if (message->retain && clears_later(uplink, topic, message->size)) {
                stale_topics_clear_later(&uplink->stale, message->topic);
                return 0;
        }
        /* Also what has to wait: it is published again later. */
        if (message->retain && message->size > 0)
                retained_claim(&uplink->sender.retained, message->topic);
        if (sender_holds_back(&uplink->sender, is_kept || device_topics[topic].newest_only))
                return 0;
        if (device_topics[topic].is_json)
                return sender_send_json(&uplink->sender, device, message);
        return sender_send(&uplink->sender, message);
}

void uplink_publish(struct uplink *uplink, const char *device, enum device_topic topic, const char *payload,
                    size_t size, const struct command_meta *meta)
{
        char name[TOPIC_MAX];
        struct session_message message = { .topic = name, .payload = payload, .size = size };

        if (!session_is_connected(uplink->sender.session))
                return;
        if (topic == DEVICE_RESULT && meta && meta->reply_to) {
                message.topic = meta->reply_to;
                message.correlation = meta->correlation;
                message.correlation_size = meta->correlation_size;
        } else if (topic_build(name, uplink->base, uplink->node, device, device_topic_word(topic)) < 0) {
                return;
        }
        int r = publish(uplink, device, topic, &message, false);
        if (r == -EMSGSIZE && topic == DEVICE_RESULT && meta && meta->reply_to)
                answer_too_large(uplink, device, &message);
}

int uplink_publish_kept(struct uplink *uplink, const char *device, enum device_topic topic, const char *payload,
                        size_t size)
{
        char name[TOPIC_MAX];
        struct session_message message = { .topic = name, .payload = payload, .size = size };

        if (!session_is_connected(uplink->sender.session) ||
            topic_build(name, uplink->base, uplink->node, device, device_topic_word(topic)) < 0)
                return 0;
        return publish(uplink, device, topic, &message, true);
}

int uplink_history(struct uplink *uplink, const char *device, const char *json, size_t size)
{
        char name[TOPIC_MAX];
        const struct session_message message = { .topic = name, .payload = json, .size = size, .qos = 1 };

        if (topic_build(name, uplink->base, uplink->node, device, "history") < 0)
                return 0;
        return sender_send_json(&uplink->sender, device, &message);
}

bool uplink_history_makes_way(const struct uplink *uplink)
{
        return sender_history_makes_way(&uplink->sender);
}

bool uplink_has_history_room(const struct uplink *uplink, size_t n_sent)
{
        return sender_has_history_room(&uplink->sender, n_sent);
}

void uplink_note_quiet(struct uplink *uplink)
{
        sender_note_quiet(&uplink->sender);
}

void uplink_info(struct uplink *uplink, const char *json, size_t size)
{
        char name[TOPIC_MAX];
        struct session_message message = { .topic = name, .payload = json, .size = size, .qos = 1, .retain = true };

        if (topic_build(name, uplink->base, uplink->node, NULL, "info") < 0)
                return;
        retained_claim(&uplink->sender.retained, name);
        (void)sender_send_json(&uplink->sender, "node", &message);
}

bool uplink_reaches_others(const struct uplink *uplink)
{
        return other_nodes_are_reached(&uplink->others);
}

int uplink_command_other(struct uplink *uplink, const struct distant_command *command, struct result *result)
{
        return other_nodes_command(&uplink->others, command, result);
}

/* ---- Announcements --------------------------------------------------------------------------------------------- */

bool uplink_has_room(struct uplink *uplink)
{
        return sender_has_room(&uplink->sender);
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
        retained_claim(&uplink->sender.retained, topic);
}

void uplink_release(struct uplink *uplink, const char *topic)
{
        retained_release(&uplink->sender.retained, topic);
        stale_topics_clear(&uplink->stale);
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
        int id = sender_send(&uplink->sender, &message);

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
                .expires_us = message->expiry_s ? loop_now_us(uplink->sender.loop) + message->expiry_s * USEC_PER_SEC
                                                : 0,
                .expires = message->expires,
                .depth = cause_depth(message->chain),
        };

        set_reply(uplink, message->response_topic, &meta);
        home_command(uplink->home, topic->device, topic->channel, message->payload, message->size, &meta);
}

static void on_foreign(struct uplink *uplink, const struct session_message *message)
{
        if (uplink->handlers.message && uplink->handlers.message(uplink->handlers.userdata, message))
                return;
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
                own_status_received(&uplink->status, message);
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

        uplink->has_reported_refused = false;
        uplink->handlers.refused(uplink->handlers.userdata, NULL);
        sender_begin(&uplink->sender);
        stale_topics_begin(&uplink->stale);
        const char *birth = announcements_begin(&uplink->announcements);
        if (birth)
                (void)!session_subscribe(uplink->sender.session, birth, 1, NULL);
        own_status_begin(&uplink->status);
        if (uplink->handlers.begun)
                uplink->handlers.begun(uplink->handlers.userdata);
        uplink->handlers.up(uplink->handlers.userdata);
        stale_topics_clear(&uplink->stale);
}

static void on_subscribed(void *userdata, int id, int reason)
{
        struct uplink *uplink = userdata;
        char what[TOPIC_MAX];

        if (uplink->handlers.subscribed && uplink->handlers.subscribed(uplink->handlers.userdata, id, reason))
                return;
        if (reason < REASON_REFUSED)
                return;
        (void)snprintf(what, sizeof(what), "the subscription to %s", uplink->announcements.birth_topic);
        session_report_refused(uplink->sender.session, uplink->announcements.birth_topic, what, reason);
}

static void on_disconnected(void *userdata, const char *why)
{
        struct uplink *uplink = userdata;

        announcements_end(&uplink->announcements);
        other_nodes_lost(&uplink->others);
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
        const struct tls *tls = session_tls(uplink->sender.session);
        const char *name = tls ? tls_certificate_name(tls) : NULL;
        char named[IDENTITY_NAME_MAX], why[320];
        bool is_other = name && strcmp(identity_name(name, named), uplink->node) != 0;

        (void)snprintf(why, sizeof(why), "the broker refuses what node %s publishes (%s)%s%.80s%s", uplink->node,
                       reason_code_text(reason), is_other ? ": its certificate is for \"" : "", is_other ? name : "",
                       is_other ? "\", see [node] name" : "");
        uplink->handlers.refused(uplink->handlers.userdata, why);
}

/* Reported once a connection: what is refused once is refused each time. A topic of another name or base may be someone
 * else's by now. */
static void on_refused(struct uplink *uplink, bool was_clearing, int reason)
{
        uplink->sender.dropped++;
        if (was_clearing || uplink->has_reported_refused)
                return;
        uplink->has_reported_refused = true;
        session_report_refused(uplink->sender.session, NULL, "what we publish", reason);
        report_refused(uplink, reason);
}

static void on_acknowledged(void *userdata, int id, int reason)
{
        struct uplink *uplink = userdata;

        own_status_acknowledged(&uplink->status, id);
        bool was_clearing = retained_acknowledged(&uplink->sender.retained, id);
        bool is_kept = uplink->handlers.acknowledged &&
                       uplink->handlers.acknowledged(uplink->handlers.userdata, id, reason);
        if (other_nodes_acknowledged(&uplink->others, id, reason))
                is_kept = true;
        if (!is_kept && !announcements_acknowledged(&uplink->announcements, id, reason) && reason >= REASON_REFUSED)
                on_refused(uplink, was_clearing, reason);
        if (was_clearing)
                stale_topics_clear(&uplink->stale);
        if (sender_takes_bulk_again(&uplink->sender)) {
                if (uplink->handlers.room)
                        uplink->handlers.room(uplink->handlers.userdata);
                stale_topics_clear(&uplink->stale);
        }
        if (sender_has_caught_up(&uplink->sender))
                uplink->handlers.up(uplink->handlers.userdata);
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

/* The last subscription is to the node's own status. */
static const char *status_topic(const struct uplink *uplink)
{
        return uplink->subscriptions[ARRAY_SIZE(uplink->subscriptions) - 1];
}

static int name_subscriptions(struct uplink *uplink)
{
        static const char *const ends[] = { "+/set", "+/set/+", "+/get", "get", "status" };

        _Static_assert(ARRAY_SIZE(ends) == ARRAY_SIZE(((struct uplink *)0)->subscriptions), "one each");
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (asprintf(&uplink->subscriptions[i], "%s/%s/%s", uplink->base, uplink->node, ends[i]) < 0)
                        return -ENOMEM;
        return 0;
}

static int make_names(struct uplink *uplink, const struct uplink_options *options)
{
        uplink->base = strdup(options->base);
        uplink->node = strdup(options->node);
        if (!uplink->base || !uplink->node || asprintf(&uplink->reply_prefix, "%s/reply/", options->base) < 0)
                return -ENOMEM;
        return name_subscriptions(uplink);
}

static int make_parts(struct uplink *uplink, const struct uplink_options *options)
{
        uplink->sender = (struct sender){
                .loop = options->loop,
                .clock = options->clock,
                .node = uplink->node,
                .envelope = options->envelope,
                .retained.store = options->store,
        };
        uplink->others = (struct other_nodes){ .sender = &uplink->sender, .home = uplink->home, .base = uplink->base };
        int r = announcements_init(&uplink->announcements, &options->announcements, uplink->node);
        if (r == 0)
                r = own_status_init(&uplink->status, &uplink->sender, status_topic(uplink));
        return r < 0 ? r : stale_topics_init(&uplink->stale, &uplink->sender);
}

static int make_session(struct uplink *uplink, const struct uplink_options *options)
{
        struct session_options *session = &uplink->session_options;

        *session = options->session;
        session->will_topic = status_topic(uplink);
        session->will_payload = "offline";
        session->subscriptions = (const char *const *)uplink->subscriptions;
        session->n_subscriptions = ARRAY_SIZE(uplink->subscriptions);
        return session_new(options->loop, session, &session_handlers, uplink, &uplink->sender.session);
}

COLD int uplink_new(const struct uplink_options *options, const struct uplink_handlers *handlers, struct uplink **ret)
{
        CLEANUP(uplink_freep) struct uplink *uplink = calloc(1, sizeof(*uplink));

        if (!uplink)
                return -ENOMEM;
        uplink->home = options->home;
        uplink->handlers = *handlers;
        uplink->retained_seen = json_object();
        int r = make_names(uplink, options);
        if (r == 0)
                r = make_parts(uplink, options);
        if (r == 0)
                r = make_session(uplink, options);
        if (r == 0)
                *ret = TAKE_PTR(uplink);
        return r;
}

void uplink_stop(struct uplink *uplink, void (*done)(void *userdata), void *userdata)
{
        uplink->sender.is_stopping = true;
        if (session_is_connected(uplink->sender.session))
                own_status_publish(&uplink->status, "offline");
        session_stop(uplink->sender.session, STOP_WITHIN_US, done, userdata);
}

void uplink_free(struct uplink *uplink)
{
        if (!uplink)
                return;
        session_free(uplink->sender.session);
        stale_topics_done(&uplink->stale);
        own_status_done(&uplink->status);
        announcements_done(&uplink->announcements);
        other_nodes_done(&uplink->others);
        for (size_t i = 0; i < ARRAY_SIZE(uplink->subscriptions); i++)
                free(uplink->subscriptions[i]);
        json_decref(uplink->retained_seen);
        sender_done(&uplink->sender);
        free(uplink->reply_prefix);
        free(uplink->node);
        free(uplink->base);
        free(uplink);
}

uint64_t uplink_dropped(const struct uplink *uplink)
{
        return uplink->sender.dropped;
}

struct session *uplink_session(struct uplink *uplink)
{
        return uplink->sender.session;
}
