/* SPDX-License-Identifier: Apache-2.0 */
#include "client/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/table.h"

#define BUILT_IN "node" /* the device that every node has */

/* What is missing is null. */
static void put(json_t *row, const char *key, const json_t *value)
{
        (void)json_object_set_new(row, key, value ? json_deep_copy(value) : json_null());
}

static void put_text(json_t *row, const char *key, const char *text)
{
        (void)json_object_set_new(row, key, text ? json_string(text) : json_null());
}

/* ---- States for people --------------------------------------------------------------------------------------- */

/* "brightness 128": the channel `state` needs no name. */
static json_t *channel_text(const char *key, const json_t *value, const char *unit)
{
        CLEANUP_FREE char *text = table_text(value);
        bool is_named = strcmp(key, "state") != 0;

        return json_sprintf("%s%s%s%s%s", is_named ? key : "", is_named ? " " : "",
                            json_is_null(value) || !text ? "?" : text, unit ? " " : "", unit ? unit : "");
}

/* "ON, brightness 128" */
static json_t *state_text(json_t *state, json_t *channels)
{
        CLEANUP_JSON json_t *texts = json_array();
        const char *key;
        json_t *value;

        json_object_foreach(state, key, value)
        {
                const char *unit = json_string_value(json_object_get(json_object_get(channels, key), "unit"));
                if (strcmp(key, "time") != 0)
                        (void)json_array_append_new(texts, channel_text(key, value, unit));
        }
        CLEANUP_FREE char *joined = view_join(texts, ", ");
        return json_string(joined);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

/* The last status of a device is `online` when its node goes. */
static const char *status_of(const struct view *home, const char *node, const char *device)
{
        const char *of_node = view_status(home, node, NULL);

        if (view_is_stale(home, node, device))
                return "stale";
        return of_node && strcmp(of_node, "offline") == 0 ? of_node : view_status(home, node, device);
}

static json_t *row_of_device(const struct view *home, const char *node, const char *device, bool as_json)
{
        json_t *row = json_object();
        json_t *about = view_about(home, node, device), *state = view_state(home, node, device);

        put_text(row, "node", node);
        put_text(row, "device", device);
        put(row, "name", json_object_get(about, "name"));
        put(row, "area", json_object_get(about, "area"));
        put(row, "plugin", json_object_get(about, "plugin"));
        put_text(row, "status", status_of(home, node, device));
        if (as_json)
                put(row, "state", state);
        else
                (void)json_object_set_new(row, "state", state_text(state, json_object_get(about, "channels")));
        return row;
}

static int add_devices(json_t *rows, const struct view *home, const char *node, bool as_json)
{
        size_t count = 0;
        CLEANUP_JSON json_t *all = view_devices(home, node);
        CLEANUP_FREE const char **devices = view_sorted_keys(all, &count);

        if (!devices)
                return -1;
        for (size_t i = 0; i < count; i++)
                if (strcmp(devices[i], BUILT_IN) != 0 &&
                    json_array_append_new(rows, row_of_device(home, node, devices[i], as_json)) < 0)
                        return -1;
        return 0;
}

json_t *rows_of_devices(const struct view *home, bool as_json)
{
        size_t count = 0;
        CLEANUP_FREE const char **nodes = view_sorted_keys(home->nodes, &count);
        CLEANUP_JSON json_t *rows = json_array();

        if (!nodes)
                return NULL;
        for (size_t i = 0; i < count; i++)
                if (add_devices(rows, home, nodes[i], as_json) < 0)
                        return NULL;
        return TAKE_PTR(rows);
}

static json_t *row_of_node(const struct view *home, const char *node, bool as_json)
{
        json_t *row = json_object();
        json_t *info = view_info(home, node), *devices = json_object_get(info, "devices");
        json_t *problems = json_object_get(view_state(home, node, BUILT_IN), "problems");
        size_t count = json_object_size(devices) - (json_object_get(devices, BUILT_IN) != NULL);

        put_text(row, "node", node);
        put_text(row, "status", view_is_stale(home, node, NULL) ? "stale" : view_status(home, node, NULL));
        put(row, "version", json_object_get(info, "version"));
        put(row, "started", json_object_get(info, "started"));
        (void)json_object_set_new(row, "devices", info ? json_integer((json_int_t)count) : json_null());
        CLEANUP_FREE char *joined = view_join(problems, "; ");
        if (as_json)
                put(row, "problems", problems);
        else
                put_text(row, "problems", joined);
        return row;
}

json_t *rows_of_nodes(const struct view *home, bool as_json)
{
        size_t count = 0;
        CLEANUP_FREE const char **nodes = view_sorted_keys(home->nodes, &count);
        CLEANUP_JSON json_t *rows = json_array();

        if (!nodes)
                return NULL;
        for (size_t i = 0; i < count; i++)
                if (json_array_append_new(rows, row_of_node(home, nodes[i], as_json)) < 0)
                        return NULL;
        return TAKE_PTR(rows);
}
