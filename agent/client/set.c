/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce set DEVICE VALUE…`: sends a command and waits for its result. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/errand.h"
#include "client/payload.h"
#include "client/shown.h"
#include "client/table.h"

static int set_check(const struct arguments *arguments, struct fault *fault)
{
        int r = errand_check(arguments, fault);
        return r < 0 ? r : payload_check(arguments->words + 1, arguments->count - 1, fault);
}

/* ---- The result ---------------------------------------------------------------------------------------------- */

static void show_done(struct client *client, json_t *result)
{
        const struct view_name *name = &client->errand.name;
        int r = 0;

        if (client->arguments->json) {
                (void)json_object_set_new(result, "node", json_string(name->node));
                (void)json_object_set_new(result, "device", json_string(name->device));
                r = table_json(client->out, result, false);
        } else if (json_is_true(json_object_get(result, "ok"))) {
                r = fprintf(client->out, "%s/%s: done\n", name->node, name->device) < 0 ? -EIO : 0;
        }
        if (r < 0)
                shown_say("cannot write: %s", strerror(-r));
}

/* The client is still waiting: the command cannot be late. */
static const char *hint_of(const struct client *client, const json_t *result, const char *code)
{
        if (result == client->errand.refusal)
                return "; it carries no mark, so it may be the answer to another's command";
        return code && strcmp(code, "expired") == 0 ? "; do this machine's clock and the node's differ?" : "";
}

static void take_result(struct client *client, json_t *result)
{
        const struct view_name *name = &client->errand.name;
        const char *message = json_string_value(json_object_get(result, "message"));
        const char *code = json_string_value(json_object_get(result, "code"));
        const char *id = json_string_value(json_object_get(result, "id"));

        if (id && strcmp(id, client->settings.token) == 0)
                (void)json_object_del(result, "id"); /* our own */
        show_done(client, result);
        if (json_is_true(json_object_get(result, "ok")))
                client_end(client, 0);
        else
                client_fail(client, EXIT_REFUSED, "%s/%s: %s (%s)%s", name->node, name->device,
                            message ? message : "refused", code ? code : "no code", hint_of(client, result, code));
}

static bool has_token(const struct client *client, const struct session_message *message)
{
        const char *token = client->settings.token;

        return message->correlation_size == strlen(token) && memcmp(message->correlation, token, strlen(token)) == 0;
}

/* Something has repeated our command, whose own answer is still to come. With an id from the command line this run may
 * be the repeat. */
static bool is_of_a_repeat(const struct client *client, const json_t *result)
{
        const char *code = json_string_value(json_object_get(result, "code"));
        const char *id = json_string_value(client->errand.id);

        return code && strcmp(code, "duplicate") == 0 &&
               (!client->errand.id || (id && strcmp(id, client->settings.token) == 0));
}

static bool speaks_mqtt5(const struct client *client)
{
        return session_version(client->session) == SESSION_VERSION_5;
}

static bool is_from_shared_topic(const struct client *client, const struct session_message *message)
{
        char suffix[ERRAND_SUFFIX_MAX];

        return client_is_topic(client, message->topic, errand_suffix(client, "result", suffix));
}

/* Of a command without an id: ours, or anybody's. */
static bool is_any_refusal(const struct client *client, const struct session_message *message, const json_t *result)
{
        const json_t *id = json_object_get(result, "id");

        return !client->errand.id && is_from_shared_topic(client, message) &&
               !json_is_true(json_object_get(result, "ok")) && (!id || json_is_null(id));
}

/* The result comes to a topic of this run alone, with this command's token. Where the node or something on the way does
 * not speak MQTT 5, all results come to one topic, and the id decides; without an id only a refusal comes. */
static bool is_our_result(const struct client *client, const struct session_message *message, const json_t *result)
{
        if (is_of_a_repeat(client, result))
                return false;
        if (strcmp(message->topic, client->reply_topic) == 0)
                return has_token(client, message);
        if (client->errand.id)
                return is_from_shared_topic(client, message) &&
                       json_equal(json_object_get(result, "id"), client->errand.id);
        return !speaks_mqtt5(client) && is_any_refusal(client, message, result);
}

/* With MQTT 3.1.1 the new state is the answer to a command without an id. */
static bool is_answering_state(const struct client *client, const struct session_message *message)
{
        char suffix[ERRAND_SUFFIX_MAX];

        return !client->errand.id && !speaks_mqtt5(client) &&
               client_is_topic(client, message->topic, errand_suffix(client, "state", suffix));
}

static void on_message(struct client *client, const struct session_message *message)
{
        CLEANUP_JSON json_t *result = NULL;

        if (message->retain)
                return;
        bool is_state = is_answering_state(client, message);
        result = is_state ? json_pack("{s:b}", "ok", true) : view_json(message->payload, message->size);
        if (result && (is_state || is_our_result(client, message, result)))
                take_result(client, result);
        else if (!client->errand.refusal && result && is_any_refusal(client, message, result))
                client->errand.refusal = json_incref(result); /* unless our own comes, as from a node of MQTT 5 */
}

/* ---- Without a result ---------------------------------------------------------------------------------------- */

static void on_acknowledged(struct client *client, int id, int reason)
{
        const char *node = client->errand.name.node;

        if (id != client->errand.publish_id)
                return;
        client->errand.acknowledged = true;
        session_keep_unsent(client->session, true);
        if (reason == REASON_NOT_AUTHORIZED)
                client_fail(client, EXIT_REFUSED,
                            "the broker does not let %s switch %s/%s: its certificate is read-only, "
                            "or for another node",
                            client->settings.name, node, client->errand.name.device);
        else if (reason >= REASON_REFUSED)
                client_fail(client, EXIT_REFUSED, "the broker refused the command (MQTT reason %d)", reason);
        else if (reason == REASON_NOBODY_LISTENS)
                client_fail(client, EXIT_NO_ANSWER, "no one received the command: node %s is not subscribed to it",
                            node);
}

/* For how long the command counts, in seconds: at least as long as the client waits for it. */
static uint32_t expiry_s(const struct client *client)
{
        return (uint32_t)((client->arguments->timeout_us + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

static const char *until_when(const struct client *client, char text[static 96])
{
        if (client->errand.expires)
                (void)snprintf(text, 96, "until it expires, %u s after it was sent", (unsigned)expiry_s(client));
        else
                (void)snprintf(text, 96, "however late: it carries no time at which it expires");
        return text;
}

static void on_late(struct client *client)
{
        const struct view_name *name = &client->errand.name;
        const char *timeout = client->arguments->timeout ? client->arguments->timeout : "5s";
        char until[96];

        client->abandons = !client->errand.acknowledged;
        if (client->errand.acknowledged && client->errand.refusal)
                take_result(client, client->errand.refusal);
        else if (!client->errand.acknowledged)
                client_fail(client, EXIT_NO_ANSWER,
                            "the broker has not taken the command within %.20s; it is withdrawn here, but if it is on "
                            "its way already it may yet be carried out, %s",
                            timeout, until_when(client, until));
        else if (errand_node_is_offline(client))
                client_fail(client, EXIT_NO_ANSWER, "node %s has gone offline; the command may have been carried out",
                            name->node);
        else
                client_fail(client, EXIT_NO_ANSWER,
                            "no answer from %s/%s within %.20s, though the node counts as online; the command may have "
                            "been carried out, or yet be, %s",
                            name->node, name->device, timeout, until_when(client, until));
}

/* ---- The command --------------------------------------------------------------------------------------------- */

/* When the client stops waiting, by this machine's clock. "" where that clock has evidently not been set: the command
 * would be refused. */
#define TIME_MAX 32
static void expires_text(const struct client *client, char text[static TIME_MAX])
{
        struct timespec now;
        struct tm utc;
        char seconds[24];

        text[0] = '\0';
        (void)clock_gettime(CLOCK_REALTIME, &now);
        if (now.tv_sec < SCONCE_BUILD_EPOCH)
                return;
        uint64_t end_us = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000 +
                          client->arguments->timeout_us;
        time_t end_s = (time_t)(end_us / USEC_PER_SEC);
        (void)gmtime_r(&end_s, &utc);
        (void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
        (void)snprintf(text, TIME_MAX, "%s.%03uZ", seconds, (unsigned)(end_us / USEC_PER_MSEC % 1000));
}

/* Our own random id, unless the words have one; the object is kept for comparing. */
static void keep_id(struct client *client, const char *payload)
{
        CLEANUP_JSON json_t *object = json_loads(payload, 0, NULL);

        client->errand.id = json_incref(json_object_get(object, "id"));
}

/* Where answers come other than to our own topic. Those of a node that speaks MQTT 5 come there: then the broker may
 * refuse this one. */
static void listen(struct client *client)
{
        char suffix[ERRAND_SUFFIX_MAX];
        bool mqtt5 = speaks_mqtt5(client);

        client_subscribe(client, errand_suffix(client, "result", suffix), 1, mqtt5 ? &client->optional_id : NULL);
        if (!mqtt5 && !client->errand.id)
                client_subscribe(client, errand_suffix(client, "state", suffix), 1, NULL);
}

static void send_payload(struct client *client, const char *payload, const char *expires)
{
        bool mqtt5 = speaks_mqtt5(client);
        const char *token = client->settings.token;
        char suffix[ERRAND_SUFFIX_MAX];
        struct session_message message = {
                .payload = payload,
                .size = strlen(payload),
                .qos = 1,
                .response_topic = mqtt5 ? client->reply_topic : NULL,
                .correlation = mqtt5 ? token : NULL,
                .correlation_size = mqtt5 ? strlen(token) : 0,
                /* After the wait a command is not wanted any more. */
                .expiry_s = mqtt5 ? expiry_s(client) : 0,
                .expires = mqtt5 ? expires : NULL,
        };

        client->errand.expires = mqtt5 || (expires && client->errand.id);
        client->on_message = on_message;
        client->on_acknowledged = on_acknowledged;
        /* Nor is one that has waited in the kernel for a network that was away. */
        session_keep_unsent(client->session, false);
        client_publish(client, &message, errand_suffix(client, "set", suffix), &client->errand.publish_id);
        client_wait(client, on_late);
}

static void send(struct client *client)
{
        const struct arguments *arguments = client->arguments;
        const struct view_name *name = &client->errand.name;
        json_t *channels = errand_channels(client);
        CLEANUP_FREE char *payload = NULL;
        char expires[TIME_MAX];
        struct fault fault = { 0 };

        if (errand_node_is_offline(client)) {
                client_fail(client, EXIT_NO_ANSWER, "node %s is offline, so the command was not sent", name->node);
                return;
        }
        expires_text(client, expires);
        const struct payload_marks marks = { .id = client->settings.token, .expires = *expires ? expires : NULL };
        if (payload_make(arguments->words + 1, arguments->count - 1, channels, &marks, &payload, &fault) < 0) {
                client_fail(client, EXIT_USAGE, "%s", fault.text);
                return;
        }
        keep_id(client, payload);
        listen(client);
        send_payload(client, payload, marks.expires);
}

static void set_connected(struct client *client)
{
        errand_find(client, send);
}

const struct client_command command_set = {
        .name = "set",
        .words = "DEVICE VALUE...",
        .summary = "Switches a device, and waits for its answer",
        .text = "DEVICE is its id, or NODE/DEVICE where several nodes have one of that id. VALUE is one plain value\n"
                "(on off toggle open close stop press, a number, the name of a button), or KEY=VALUE words that make\n"
                "one command. A command that is refused is reported with its reason; the exit code is 1.\n\n"
                "Examples:\n"
                "  sconce set kitchen on\n"
                "  sconce set hall/kitchen toggle\n"
                "  sconce set kitchen 40\n"
                "  sconce set kitchen state=on brightness=64 transition=2\n"
                "  sconce set hall/node restart\n",
        .min = 2,
        .max = 64,
        .check = set_check,
        .connected = set_connected,
};
