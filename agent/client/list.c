/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce list`: every device of every node that this certificate may read, from what is retained. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/rows.h"
#include "client/table.h"

static const struct table_column columns[] = {
        { "NODE", "node", .cut = false },     { "DEVICE", "device", .cut = false },
        { "NAME", "name", .cut = true },      { "AREA", "area", .cut = true },
        { "PLUGIN", "plugin", .cut = false }, { "STATUS", "status", .cut = false },
        { "STATE", "state", .cut = true },    { NULL, NULL, .cut = false },
};

static bool is_whole(const struct client *client)
{
        return home_is_whole(&client->home, true);
}

static void show(struct client *client)
{
        bool as_json = client->arguments->json;
        CLEANUP_JSON json_t *rows = rows_of_devices(&client->home, as_json);

        if (!rows || table_print(client->out, rows, columns, as_json) < 0)
                client_fail(client, EXIT_REFUSED, "cannot write the list");
        else
                client_end(client, 0);
}

static void list_connected(struct client *client)
{
        client_look(client, (const char *const[]){ "+/status", "+/info", "+/+/state", "+/+/status", NULL },
                    is_whole, show);
}

const struct client_command command_list = {
        .name = "list",
        .words = "",
        .summary = "Lists the devices with their last states",
        .text = "Only what the certificate may read is listed. A node's own device, called node, is left out: see\n"
                "`sconce nodes`.\n\n"
                "Examples:\n"
                "  sconce list\n"
                "  sconce list --json | jq -r '.[] | select(.status == \"offline\") | .device'\n",
        .connected = list_connected,
};
