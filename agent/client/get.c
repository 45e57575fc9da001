/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce get DEVICE [CHANNEL]`: asks for a fresh state, and shows the last one known where none comes. */
#include <errno.h>
#include <string.h>

#include "client/errand.h"
#include "client/shown.h"
#include "client/table.h"
#include "util/suggest.h"

static const struct table_column columns[] = {
        { "CHANNEL", "channel", .right = false },
        { "VALUE", "value", .cut = true },
        { "UNIT", "unit", .right = false },
        { NULL, NULL, .right = false },
};

static json_t *state_of(const struct client *client)
{
        return view_state(&client->home, client->errand.name.node, client->errand.name.device);
}

/* ---- Showing ------------------------------------------------------------------------------------------------- */

static json_t *rows_of(const struct client *client, json_t *state)
{
        json_t *channels = errand_channels(client), *rows = json_array(), *value;
        const char *key;

        json_object_foreach(state, key, value)
        {
                const char *unit = json_string_value(json_object_get(json_object_get(channels, key), "unit"));
                (void)json_array_append_new(
                        rows, json_pack("{s:s, s:O, s:s*}", "channel", key, "value", value, "unit", unit));
        }
        return rows;
}

/* The channel's `value`, or with NULL all of the state. */
static int write_state(struct client *client, json_t *state, json_t *value)
{
        if (client->arguments->json)
                return table_json(client->out, value ? value : state, false);
        if (value) {
                CLEANUP_FREE char *text = table_text(value);
                return text && fprintf(client->out, "%s\n", text) >= 0 ? 0 : -EIO;
        }
        CLEANUP_JSON json_t *rows = rows_of(client, state);
        return table_print(client->out, rows, columns, false);
}

static void fail_unknown_channel(struct client *client, json_t *state, const char *word)
{
        struct suggestion suggestion = { .wanted = word };
        char hint[SUGGESTION_MAX];
        const char *key;
        json_t *value;

        json_object_foreach(state, key, value) suggestion_offer(&suggestion, key);
        client_fail(client, EXIT_REFUSED, "the state of %s/%s has no channel %s%s", client->errand.name.node,
                    client->errand.name.device, word, suggestion_text(&suggestion, hint));
}

/* Shows what is known and ends the run. */
static void show(struct client *client, int exit_code)
{
        json_t *state = state_of(client);
        const char *channel = client->arguments->count > 1 ? client->arguments->words[1] : NULL;
        json_t *value = channel ? json_object_get(state, channel) : NULL;

        if (!state) {
                client_fail(client, exit_code ? exit_code : EXIT_REFUSED, "nothing is known about %s/%s",
                            client->errand.name.node, client->errand.name.device);
                return;
        }
        if (channel && !value) {
                fail_unknown_channel(client, state, channel);
                return;
        }
        if (write_state(client, state, value) < 0) {
                client_cannot_write(client, EIO);
                return;
        }
        client_end(client, exit_code);
}

/* The device's own error, where there is one. */
static void say_error(const struct client *client)
{
        const struct view_name *name = &client->errand.name;
        const char *message = json_string_value(
                json_object_get(view_error(&client->home, name->node, name->device), "message"));

        if (message)
                shown_say("%s/%s is failing: %s", name->node, name->device, message);
}

static void show_old(struct client *client, const char *why)
{
        const struct view_name *name = &client->errand.name;
        const char *time = json_string_value(json_object_get(state_of(client), "time"));

        if (client->ending)
                return;
        say_error(client);
        shown_say("%s/%s: %s; this is its last known state%s%s", name->node, name->device, why, time ? ", of " : "",
                  time ? time : "");
}

/* ---- Asking -------------------------------------------------------------------------------------------------- */

static bool is_offline(const struct client *client)
{
        const char *status = view_status(&client->home, client->errand.name.node, client->errand.name.device);
        return status && strcmp(status, "offline") == 0;
}

static void show_offline(struct client *client, const char *why)
{
        show_old(client, why);
        show(client, EXIT_NO_ANSWER);
}

/* A device that cannot be read answers too: with the values that it had, or with its status alone. */
static void on_message(struct client *client, const struct session_message *message)
{
        char state[ERRAND_SUFFIX_MAX], status[ERRAND_SUFFIX_MAX];
        bool is_state = client_is_topic(client, message->topic, errand_suffix(client, "state", state));

        if (message->retain ||
            (!is_state && !client_is_topic(client, message->topic, errand_suffix(client, "status", status))))
                return;
        if (is_offline(client))
                show_offline(client, "it is offline");
        else if (is_state)
                show(client, 0);
}

static void on_late(struct client *client)
{
        show_offline(client, errand_node_is_offline(client) ? "its node is offline"
                             : is_offline(client)           ? "it is offline"
                                                            : "it did not answer in time");
}

/* A read-only certificate may read what is retained, which has come before: see look(). */
static void on_acknowledged(struct client *client, int id, int reason)
{
        if (id != client->errand.publish_id)
                return;
        if (reason >= REASON_REFUSED) {
                show_old(client, "the broker does not let this certificate ask it");
                show(client, is_offline(client) ? EXIT_NO_ANSWER : 0);
        } else if (reason == REASON_NOBODY_LISTENS) {
                show_offline(client, "its node is not subscribed");
        }
}

static void ask(struct client *client)
{
        struct session_message message = { .payload = "", .qos = 1 };
        char suffix[ERRAND_SUFFIX_MAX];

        client->on_message = on_message;
        client->on_acknowledged = on_acknowledged;
        client_publish(client, &message, errand_suffix(client, "get", suffix), &client->errand.publish_id);
        client_wait(client, on_late);
}

static bool is_known(const struct client *client)
{
        return state_of(client) && view_status(&client->home, client->errand.name.node, client->errand.name.device);
}

/* A button has no state: nothing would come. */
static bool reports_events_alone(const struct client *client)
{
        json_t *channels = errand_channels(client), *channel;
        const char *key;

        json_object_foreach(channels, key, channel)
        {
                const char *kind = json_string_value(json_object_get(channel, "kind"));

                if (!kind || strcmp(kind, "event") != 0)
                        return false;
        }
        return json_object_size(channels) > 0;
}

static void on_looked(struct client *client)
{
        const struct view_name *name = &client->errand.name;

        if (reports_events_alone(client))
                client_fail(client, EXIT_REFUSED,
                            "%s/%s has nothing to read, it only publishes events: sconce watch %s/%s", name->node,
                            name->device, name->node, name->device);
        else if (errand_node_is_offline(client))
                on_late(client);
        else
                ask(client);
}

static void look(struct client *client)
{
        char status[ERRAND_SUFFIX_MAX], error[ERRAND_SUFFIX_MAX], state[ERRAND_SUFFIX_MAX];

        /* No wildcard: some brokers have no retained messages for one. */
        client_look(client,
                    json_pack("[s, s, s]", errand_suffix(client, "status", status),
                              errand_suffix(client, "error", error), errand_suffix(client, "state", state)),
                    is_known, on_looked);
}

static void get_connected(struct client *client)
{
        errand_find(client, look);
}

const struct client_command command_get = {
        .name = "get",
        .words = "DEVICE [CHANNEL]",
        .summary = "Reads a device now",
        .text = "With CHANNEL it prints that one value and nothing else. A device that does not answer in time is "
                "shown as it\n"
                "was last known, with a note on stderr and the exit code 3.\n\n"
                "Examples:\n"
                "  sconce get kitchen\n"
                "  sconce get hall/cellar temperature\n"
                "  sconce get kitchen --json\n",
        .min = 1,
        .max = 2,
        .check = errand_check,
        .connected = get_connected,
};
