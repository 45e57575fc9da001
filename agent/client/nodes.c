/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce nodes`: every node with its version and problems. */
#include <errno.h>

#include "client/client.h"
#include "client/rows.h"
#include "client/table.h"

static const struct table_column columns[] = {
        { "NODE", "node", .cut = false },
        { "STATUS", "status", .cut = false },
        { "VERSION", "version", .cut = false },
        { "STARTED", "started", .cut = false },
        { "DEVICES", "devices", .right = true },
        { "PROBLEMS", "problems", .cut = true },
        { NULL, NULL, .cut = false },
};

static bool is_whole(const struct client *client)
{
        return view_is_whole(&client->home, false);
}

static void show(struct client *client)
{
        bool as_json = client->arguments->json;
        CLEANUP_JSON json_t *rows = rows_of_nodes(&client->home, as_json);
        struct fault fault = { 0 };

        if (!rows || table_print(client->out, rows, columns, as_json) < 0)
                client_cannot_write(client, EIO);
        else if (view_check_known(&client->home, &fault) < 0)
                client_fail(client, EXIT_REFUSED, "%s", fault.text);
        else
                client_end(client, 0);
}

static void nodes_connected(struct client *client)
{
        client_look(client, json_pack("[s, s, s]", "+/node/state", "+/status", "+/info"), is_whole, show);
}

const struct client_command command_nodes = {
        .name = "nodes",
        .words = "",
        .summary = "Lists the nodes with their versions and problems",
        .text = "Examples:\n"
                "  sconce nodes\n"
                "  sconce nodes --json | jq -r '.[] | select(.problems != []) | .node'\n",
        .connected = nodes_connected,
};
