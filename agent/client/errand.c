/* SPDX-License-Identifier: Apache-2.0 */
#include "client/errand.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int errand_check(const struct arguments *arguments, struct fault *fault)
{
        struct view_name name;
        return view_name_read(arguments->words[0], &name, fault);
}

/* Found, and its node is known with all that is needed; or there are several, which more messages do not change. */
static bool is_found(const struct client *client)
{
        struct view_name name = client->errand.name;
        int r = view_find(&client->home, &name, NULL);

        if (r == 0)
                return view_status(&client->home, name.node, NULL) && view_info(&client->home, name.node);
        return r != -ENOENT;
}

static void finish_look(struct client *client)
{
        struct fault fault = { 0 };

        if (view_find(&client->home, &client->errand.name, &fault) < 0)
                client_fail(client, EXIT_REFUSED, "%s", fault.text);
        else
                client->errand.then(client);
}

static void look_at(struct client *client, const char *node, client_step then)
{
        client_look(client, json_pack("[o, o]", json_sprintf("%s/status", node), json_sprintf("%s/info", node)),
                    is_found, then);
}

/* A node that is not there: the others are asked for, because one of them may have been meant. */
static void look_wider(struct client *client)
{
        struct view_name name = client->errand.name;

        if (view_find(&client->home, &name, NULL) == -ENOENT)
                look_at(client, "+", finish_look);
        else
                finish_look(client);
}

void errand_find(struct client *client, client_step then)
{
        struct view_name *name = &client->errand.name;
        struct fault fault = { 0 };

        client->errand.then = then;
        if (view_name_read(client->arguments->words[0], name, &fault) < 0)
                client_fail(client, EXIT_USAGE, "%s", fault.text);
        else if (name->node[0])
                look_at(client, name->node, look_wider);
        else
                look_at(client, "+", finish_look);
}

const char *errand_suffix(const struct client *client, const char *word, char suffix[static ERRAND_SUFFIX_MAX])
{
        (void)snprintf(suffix, ERRAND_SUFFIX_MAX, "%s/%s/%s", client->errand.name.node, client->errand.name.device,
                       word);
        return suffix;
}

json_t *errand_channels(const struct client *client)
{
        const struct view_name *name = &client->errand.name;
        return json_object_get(view_about(&client->home, name->node, name->device), "channels");
}

bool errand_node_is_offline(const struct client *client)
{
        const char *status = view_status(&client->home, client->errand.name.node, NULL);
        return status && strcmp(status, "offline") == 0;
}

int errand_refusal(const struct client *client, int reason, struct fault *ret)
{
        const struct view_name *name = &client->errand.name;
        int exit_code = 0;

        if (reason == REASON_NOT_AUTHORIZED) {
                (void)fault_set(ret, -EACCES,
                                "the broker does not let %s ask %s/%s: its certificate is read-only, "
                                "or for another node",
                                client->settings.name, name->node, name->device);
                exit_code = EXIT_REFUSED;
        } else if (reason >= REASON_REFUSED) {
                (void)fault_set(ret, -EIO, "the broker refused the request (MQTT reason %d)", reason);
                exit_code = EXIT_REFUSED;
        } else if (reason == REASON_NOBODY_LISTENS) {
                (void)fault_set(ret, -ENOENT, "no one received the request: node %s is not subscribed to it",
                                name->node);
                exit_code = EXIT_NO_ANSWER;
        }
        return exit_code;
}
