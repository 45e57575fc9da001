/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce forget NODE[/DEVICE]`: clears what a node or a device that is gone has left at the broker. */
#include <errno.h>
#include <string.h>

#include "client/errand.h"
#include "client/shown.h"

/* The prefix that Home Assistant has unless someone changed it there. */
#define ANNOUNCEMENTS "homeassistant/device/"

/* How many topics the broker is asked to clear at once. */
#define WINDOW 16

static const struct view_name *name_of(const struct client *client)
{
        return &client->errand.name;
}

static const char *word(const struct client *client)
{
        return client->arguments->words[0];
}

/* ---- What is there ------------------------------------------------------------------------------------------- */

/* Below what is to be forgotten: a device's node has topics of its own. */
static bool is_below(const struct client *client, const char *topic)
{
        size_t base = strlen(client->home.base) + 1, length = strlen(word(client));

        return strlen(topic) > base + length && strncmp(topic + base, word(client), length) == 0 &&
               topic[base + length] == '/';
}

/* Home Assistant's topic for the device of a topic; what is no device's has none. */
static void note_announcement(struct client *client, const char *topic)
{
        const char *node = name_of(client)->node, *device = topic + strlen(client->home.base) + strlen(node) + 2;
        const char *slash = strchr(device, '/');
        char announcement[256];

        if (slash && snprintf(announcement, sizeof(announcement), ANNOUNCEMENTS "%s/%.*s/config", node,
                              (int)(slash - device), device) < (int)sizeof(announcement))
                (void)json_object_set_new(client->forget.announcements, announcement, json_true());
}

static void on_retained(struct client *client, const struct session_message *message)
{
        if (!message->retain || message->size == 0 || !is_below(client, message->topic))
                return;
        (void)json_object_set_new(client->forget.topics, message->topic, json_true());
        note_announcement(client, message->topic);
}

/* It cannot be known whether all has come. */
static bool is_never_sure(const struct client *client)
{
        (void)client;
        return false;
}

static void look_at_all(struct client *client, client_step then)
{
        const char *node = name_of(client)->node;

        json_object_clear(client->forget.topics);
        client_look(client,
                    json_pack("[o, o, o]", json_sprintf("%s/status", node), json_sprintf("%s/info", node),
                              json_sprintf("%s/#", word(client))),
                    is_never_sure, then);
}

/* ---- Clearing ------------------------------------------------------------------------------------------------ */

static void on_late(struct client *client)
{
        client_fail(client, EXIT_NO_ANSWER,
                    "the broker did not answer in time: some of what %s has left may still be there", word(client));
}

/* Takes topics off the list, as many as may be under way. */
static void clear_some(struct client *client)
{
        void *at;

        while (!client->ending && client->forget.under_way < WINDOW && (at = json_object_iter(client->forget.topics))) {
                struct session_message message = { .payload = "", .qos = 1, .retain = true };

                message.topic = json_object_iter_key(at);
                int r = session_publish(client->session, &message, NULL);
                if (r < 0) {
                        client_fail(client, EXIT_NO_ANSWER, "cannot publish to %s: %s", message.topic, strerror(-r));
                        return;
                }
                client->forget.under_way++;
                (void)json_object_del(client->forget.topics, json_object_iter_key(at));
        }
}

static void end_well(struct client *client)
{
        const char *node = name_of(client)->node;

        if (client->forget.is_still_announced)
                shown_say("Home Assistant may list %s still: the broker does not let %s clear " ANNOUNCEMENTS
                          "%s/#; sudo sconce-pki forget %s does",
                          word(client), client->settings.name, node, node);
        if (fprintf(client->out, "%s: forgotten, %zu topics cleared\n", word(client), client->forget.cleared) < 0)
                client_fail(client, EXIT_REFUSED, "cannot write");
        else
                client_end(client, 0);
}

/* It may not be Home Assistant's house at all: that these are refused does not undo the rest. */
static void on_announcement_acknowledged(struct client *client, int id, int reason)
{
        (void)id;
        client->forget.under_way--;
        client->forget.is_still_announced |= reason >= REASON_REFUSED;
        clear_some(client);
        if (client->forget.under_way == 0)
                end_well(client);
        else
                client_wait(client, on_late);
}

static void clear_announcements(struct client *client)
{
        json_t *announcements = client->forget.announcements;

        client->forget.announcements = client->forget.topics;
        client->forget.topics = announcements;
        if (json_object_size(announcements) == 0) {
                end_well(client);
                return;
        }
        client->on_acknowledged = on_announcement_acknowledged;
        client_wait(client, on_late);
        clear_some(client);
}

static void finish(struct client *client)
{
        size_t left = json_object_size(client->forget.topics);
        const char *topic = json_object_iter_key(json_object_iter(client->forget.topics));

        if (left > 0)
                client_fail(client, EXIT_REFUSED,
                            "%zu topics are still there, %s among them: they are published again, or the "
                            "broker does not let %s clear them",
                            left, topic, client->settings.name);
        else
                clear_announcements(client);
}

static void check_again(struct client *client)
{
        client->on_message = on_retained;
        look_at_all(client, finish);
}

static void on_acknowledged(struct client *client, int id, int reason)
{
        (void)id;
        client->forget.under_way--;
        if (reason >= REASON_REFUSED) {
                client_fail(client, EXIT_REFUSED,
                            "the broker does not let %s clear what %s has left: the machine with the certificate "
                            "authority may (sudo sconce-pki forget %s)",
                            client->settings.name, word(client), name_of(client)->node);
                return;
        }
        client->forget.cleared++;
        clear_some(client);
        if (client->forget.under_way == 0)
                check_again(client);
        else
                client_wait(client, on_late);
}

/* ---- May it be cleared? -------------------------------------------------------------------------------------- */

static bool is_in_use(const struct client *client)
{
        const struct view_name *name = name_of(client);
        const char *status = view_status(&client->home, name->node, NULL);

        if (!status || strcmp(status, "online") != 0)
                return false;
        return !name->device[0] || !view_is_stale(&client->home, name->node, name->device);
}

static void on_looked(struct client *client)
{
        const char *node = name_of(client)->node;

        client->on_message = NULL;
        if (is_in_use(client)) {
                client_fail(client, EXIT_REFUSED, "%s is in use: node %s is online, and would publish it again",
                            word(client), node);
                return;
        }
        if (json_object_size(client->forget.topics) == 0) {
                client_fail(client, EXIT_REFUSED, "nothing of %s is at the broker, or this certificate may not read it",
                            word(client));
                return;
        }
        client->on_acknowledged = on_acknowledged;
        client_wait(client, on_late);
        clear_some(client);
}

static int forget_check(const struct arguments *arguments, struct fault *fault)
{
        struct view_name name;
        return view_place_read(arguments->words[0], &name, fault);
}

static void forget_connected(struct client *client)
{
        struct fault fault;

        client->forget.topics = json_object();
        client->forget.announcements = json_object();
        if (!client->forget.topics || !client->forget.announcements ||
            view_place_read(word(client), &client->errand.name, &fault) < 0) {
                client_fail(client, EXIT_REFUSED, "out of memory");
                return;
        }
        client->on_message = on_retained;
        look_at_all(client, on_looked);
}

const struct client_command command_forget = {
        .name = "forget",
        .words = "NODE[/DEVICE]",
        .summary = "Clears what a node or device that is gone has left at the broker",
        .text = "A node that was removed, or has another name now, leaves its retained messages: `sconce list` goes on "
                "showing\n"
                "them. What is online is not cleared. The broker of sconce-broker-setup lets no client write another's "
                "states:\n"
                "there, on the machine with the certificate authority, it is `sudo sconce-pki forget NODE`.\n\n"
                "Examples:\n"
                "  sconce forget attic\n"
                "  sconce forget hall/lamp\n",
        .min = 1,
        .max = 1,
        .unanswered = true,
        .check = forget_check,
        .connected = forget_connected,
};
