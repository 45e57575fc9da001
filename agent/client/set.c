/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce set DEVICE VALUE…`: sends a command and waits for its result. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
        const struct home_name *name = &client->errand.name;
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

static void take_result(struct client *client, json_t *result)
{
        const struct home_name *name = &client->errand.name;
        const char *message = json_string_value(json_object_get(result, "message"));
        const char *code = json_string_value(json_object_get(result, "code"));

        show_done(client, result);
        if (json_is_true(json_object_get(result, "ok")))
                client_end(client, 0);
        else
                client_fail(client, EXIT_REFUSED, "%s/%s: %s (%s)", name->node, name->device,
                            message ? message : "refused", code ? code : "no code");
}

/* MQTT 5 brings the result to a topic of this run alone; before, everybody's results share a topic, and the
 * id tells. */
static void on_message(struct client *client, const struct session_message *message)
{
        char suffix[ERRAND_SUFFIX_MAX];
        bool is_reply = strcmp(message->topic, client->reply_topic) == 0;

        if (message->retain ||
            (!is_reply && !client_is_topic(client, message->topic, errand_suffix(client, "result", suffix))))
                return;
        CLEANUP_JSON json_t *result = home_json(message->payload, message->size);
        if (!result)
                return;
        if (is_reply || json_equal(json_object_get(result, "id"), client->errand.id))
                take_result(client, result);
}

/* ---- Without a result ---------------------------------------------------------------------------------------- */

static void on_acknowledged(struct client *client, int id, int reason)
{
        const char *node = client->errand.name.node;

        if (id != client->errand.publish_id)
                return;
        client->errand.acknowledged = true;
        if (reason == REASON_NOT_AUTHORIZED)
                client_fail(client, EXIT_REFUSED,
                            "the broker does not let %s switch %s/%s: its certificate is for reading, "
                            "or for another node",
                            client->settings.name, node, client->errand.name.device);
        else if (reason >= REASON_REFUSED)
                client_fail(client, EXIT_REFUSED, "the broker refused the command (MQTT reason %d)", reason);
        else if (reason == REASON_NOBODY_LISTENS)
                client_fail(client, EXIT_NO_ANSWER,
                            "nobody took the command: node %s is not subscribed to it", node);
}

static void on_late(struct client *client)
{
        const struct home_name *name = &client->errand.name;
        bool mqtt5 = session_version(client->session) == SESSION_VERSION_5;

        if (!client->errand.acknowledged)
                client_fail(client, EXIT_NO_ANSWER, "the broker did not take the command in time");
        else if (errand_node_is_offline(client))
                client_fail(client, EXIT_NO_ANSWER,
                            "node %s has gone offline; the command may have been carried out", name->node);
        else
                client_fail(client, EXIT_NO_ANSWER,
                            "no answer from %s/%s in time, though the node counts as online; the command may "
                            "yet have been carried out%s",
                            name->node, name->device,
                            mqtt5 ? ""
                                  : ", or the broker has dropped it: with MQTT 3.1.1 it does not say so");
}

/* ---- The command --------------------------------------------------------------------------------------------- */

/* Our own random id, unless the words have one; the object is kept for comparing. */
static void keep_id(struct client *client, const char *payload)
{
        CLEANUP_JSON json_t *object = json_loads(payload, 0, NULL);

        client->errand.id = json_incref(json_object_get(object, "id"));
}

static void send(struct client *client)
{
        const struct arguments *arguments = client->arguments;
        const struct home_name *name = &client->errand.name;
        bool mqtt5 = session_version(client->session) == SESSION_VERSION_5;
        const char *id = client->settings.run;
        json_t *channels = json_object_get(home_about(&client->home, name->node, name->device), "channels");
        char suffix[ERRAND_SUFFIX_MAX];
        CLEANUP_FREE char *payload = NULL;
        struct fault fault = { 0 };

        if (errand_node_is_offline(client)) {
                client_fail(client, EXIT_NO_ANSWER, "node %s is offline, so the command was not sent",
                            name->node);
                return;
        }
        if (payload_make(arguments->words + 1, arguments->count - 1, channels, mqtt5 ? NULL : id, &payload,
                         &fault) < 0) {
                client_fail(client, EXIT_USAGE, "%s", fault.text);
                return;
        }
        if (!mqtt5) {
                keep_id(client, payload);
                client_subscribe(client, errand_suffix(client, "result", suffix), 1);
        }
        struct session_message message = {
                .payload = payload,
                .size = strlen(payload),
                .qos = 1,
                .response_topic = mqtt5 ? client->reply_topic : NULL,
                .correlation = mqtt5 ? id : NULL,
                .correlation_size = mqtt5 ? strlen(id) : 0,
                /* Who waited in vain has gone: a command that comes later is not wanted any more. */
                .expiry_s = mqtt5 ? (uint32_t)((arguments->timeout_us + USEC_PER_SEC - 1) / USEC_PER_SEC) : 0,
        };
        client->on_message = on_message;
        client->on_acknowledged = on_acknowledged;
        client_publish(client, &message, errand_suffix(client, "set", suffix), &client->errand.publish_id);
        client_wait(client, on_late);
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
                "(on off toggle open close stop press, a number), or KEY=VALUE words that make one command. A command\n"
                "that is refused is told with its reason, and ends with 1.\n\n"
                "Examples:\n"
                "  sconce set kitchen on\n"
                "  sconce set hall/kitchen toggle\n"
                "  sconce set kitchen 40\n"
                "  sconce set kitchen state=on brightness=64 transition=2\n",
        .min = 2,
        .max = 64,
        .check = set_check,
        .connected = set_connected,
};
