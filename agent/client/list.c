/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce list [NODE...]`: the devices of every node that this certificate may read, from what is retained. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/rows.h"
#include "client/shown.h"
#include "client/table.h"
#include "util/text.h"

#define NODES_MAX 64

static const struct table_column columns[] = {
        { "NODE", "node", .cut = false },  { "DEVICE", "device", .cut = false }, { "NAME", "name", .cut = true },
        { "AREA", "area", .cut = true },   { "PLUGIN", "plugin", .cut = false }, { "STATUS", "status", .cut = false },
        { "STATE", "state", .cut = true }, { NULL, NULL, .cut = false },
};

static bool is_whole(const struct client *client)
{
        return view_is_whole(&client->home, true);
}

/* ---- Showing ------------------------------------------------------------------------------------------------- */

/* "offline: attic/fan, hall/cellar" on stderr; true where there is one. */
static bool say_those(json_t *rows, const char *status, const char *hint)
{
        CLEANUP_JSON json_t *those = json_array();
        const char *node, *device, *is;
        size_t index;
        json_t *row;

        json_array_foreach(rows, index, row)
        {
                int r = json_unpack(row, "{s:s, s:s, s:s}", "node", &node, "device", &device, "status", &is);
                if (r == 0 && strcmp(is, status) == 0)
                        (void)json_array_append_new(those, json_sprintf("%s/%s", node, device));
        }
        CLEANUP_FREE char *text = view_join(those, ", ");
        if (json_array_size(those) > 0)
                shown_say("%s: %s%s", status, text ? text : "?", hint);
        return json_array_size(those) > 0;
}

static void show(struct client *client)
{
        bool as_json = client->arguments->json;
        CLEANUP_JSON json_t *rows = rows_of_devices(&client->home, as_json);
        struct fault fault = { 0 };

        if (!rows || table_print(client->out, rows, columns, as_json) < 0) {
                client_cannot_write(client, EIO);
                return;
        }
        if (view_check_known(&client->home, &fault) < 0) {
                client_fail(client, EXIT_REFUSED, "%s", fault.text);
                return;
        }
        (void)fflush(client->out);
        (void)say_those(rows, "stale", "; no node has them any more: see sconce forget --help");
        client_end(client, say_those(rows, "offline", "") ? EXIT_NO_ANSWER : 0);
}

/* ---- Looking ------------------------------------------------------------------------------------------------- */

/* By its own topic what no wildcard has brought. */
static void look_closer(struct client *client)
{
        json_t *missing = json_array(), *place, *about;
        const char *node, *device;

        json_object_foreach(client->home.nodes, node, place)
        {
                json_object_foreach(json_object_get(view_info(&client->home, node), "devices"), device, about)
                {
                        if (view_status(&client->home, node, device))
                                continue;
                        (void)json_array_append_new(missing, json_sprintf("%s/%s/state", node, device));
                        (void)json_array_append_new(missing, json_sprintf("%s/%s/status", node, device));
                }
        }
        if (json_array_size(missing) > 0) {
                client_look(client, missing, is_whole, show);
                return;
        }
        json_decref(missing);
        show(client);
}

static void check_nodes(struct client *client)
{
        const struct arguments *arguments = client->arguments;
        struct fault fault = { 0 };

        for (size_t i = 0; i < arguments->count; i++) {
                if (view_status(&client->home, arguments->words[i], NULL) ||
                    view_info(&client->home, arguments->words[i]))
                        continue;
                (void)!view_unknown_node(&client->home, arguments->words[i], &fault);
                client_fail(client, EXIT_REFUSED, "%s", fault.text);
                return;
        }
        look_closer(client);
}

static void list_connected(struct client *client)
{
        const struct arguments *arguments = client->arguments;
        static const char *const words[] = { "status", "info", "+/state", "+/status" };
        json_t *suffixes = json_array();

        for (size_t i = 0; i < MAX(arguments->count, 1); i++)
                for (size_t k = 0; k < ARRAY_SIZE(words); k++)
                        (void)json_array_append_new(
                                suffixes,
                                json_sprintf("%s/%s", arguments->count ? arguments->words[i] : "+", words[k]));
        client_look(client, suffixes, is_whole, check_nodes);
}

static int list_check(const struct arguments *arguments, struct fault *fault)
{
        for (size_t i = 0; i < arguments->count; i++)
                if (!text_is_id(arguments->words[i]))
                        return fault_set(fault, -EINVAL, "\"%.80s\" is not a node's name: sconce nodes shows them",
                                         arguments->words[i]);
        return 0;
}

const struct client_command command_list = {
        .name = "list",
        .words = "[NODE...]",
        .summary = "Lists the devices with their last states",
        .text = "Only what the certificate may read is listed. A node's own device, called node, is left out: see\n"
                "`sconce nodes`. Where a device is offline, a line on stderr names it, and the exit code is 3. `stale` "
                "is what\n"
                "a node left at the broker that does not know it any more: see `sconce forget`.\n\n"
                "Examples:\n"
                "  sconce list\n"
                "  sconce list hall attic\n"
                "  sconce list --json | jq -r '.[] | select(.status == \"offline\") | .device'\n",
        .max = NODES_MAX,
        .check = list_check,
        .connected = list_connected,
};
