/* SPDX-License-Identifier: Apache-2.0 */
#include "client/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/suggest.h"
#include "util/text.h"

/* ---- Taking messages in -------------------------------------------------------------------------------------- */

static json_t *text_of(const void *payload, size_t size)
{
        return json_stringn(payload, size);
}

/* Takes away the members whose names are not what names must be: they end up in topics, shells and scripts. */
static void drop_misnamed(json_t *object, bool (*is_name)(const char *text))
{
        const char *key;
        void *next;
        json_t *member;

        json_object_foreach_safe(object, next, key, member) if (!is_name(key) || !json_is_object(member))(void)
                json_object_del(object, key);
}

static json_t *info_of(const void *payload, size_t size)
{
        json_t *info = view_json(payload, size), *devices = json_object_get(info, "devices");
        const char *id;
        json_t *about;

        drop_misnamed(devices, text_is_id);
        json_object_foreach(devices, id, about) drop_misnamed(json_object_get(about, "channels"), text_is_key);
        return info;
}

/* What each last word of a topic holds, at a node and at a device. */
static const struct {
        const char *word;
        bool at_node, at_device;
        json_t *(*read)(const void *payload, size_t size);
} kept[] = {
        { "status", true, true, text_of },
        { "info", true, false, info_of },
        { "error", false, true, view_json },
        { "state", false, true, view_json },
};

json_t *view_json(const void *payload, size_t size)
{
        CLEANUP_JSON json_t *json = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(json))
                return NULL;
        json_t *content = json_object_get(json, "content");
        if (json_is_object(content) && json_object_get(json, "header") && json_object_get(json, "footer"))
                return json_incref(content);
        return TAKE_PTR(json);
}

/* The object under the key, made where it is missing. NULL without memory. */
static json_t *grow(json_t *object, const char *key)
{
        json_t *member = json_object_get(object, key);
        if (member)
                return member;
        return json_object_set_new(object, key, json_object()) < 0 ? NULL : json_object_get(object, key);
}

static void keep(struct view *home, const struct view_name *name, const char *word, json_t *value)
{
        json_t *place = grow(home->nodes, name->node);

        if (place && name->device[0]) {
                json_t *devices = grow(place, "devices");
                place = devices ? grow(devices, name->device) : NULL;
        }
        (void)json_object_set_new(place, word, value);
}

/* Where a name's words are kept; NULL: nothing is known of it. `device` NULL: the node itself. */
static json_t *place_of(const struct view *home, const char *node, const char *device)
{
        json_t *place = json_object_get(home->nodes, node);
        return device ? json_object_get(json_object_get(place, "devices"), device) : place;
}

static void take_word(struct view *home, const struct view_name *name, size_t row, const void *payload, size_t size)
{
        const char *device = name->device[0] ? name->device : NULL;
        json_t *value = size > 0 ? kept[row].read(payload, size) : NULL;

        if (value)
                keep(home, name, kept[row].word, value);
        else if (size == 0)
                (void)json_object_del(place_of(home, name->node, device), kept[row].word);
}

/* Copies the id up to the next slash, and moves on behind it. */
static bool next_id(const char **at, char id[static NAME_MAX_BYTES])
{
        const char *slash = strchr(*at, '/');
        if (!slash || slash - *at >= NAME_MAX_BYTES)
                return false;
        size_t length = (size_t)(slash - *at);
        memcpy(id, *at, length);
        id[length] = '\0';
        *at = slash + 1;
        return text_is_id(id);
}

void view_take(struct view *home, const char *topic, const void *payload, size_t size)
{
        struct view_name name = { 0 };
        size_t base = strlen(home->base);

        if (strncmp(topic, home->base, base) != 0 || topic[base] != '/')
                return;
        topic += base + 1;
        if (strncmp(topic, "reply/", strlen("reply/")) == 0)
                return; /* where clients get their answers: no node */
        if (!next_id(&topic, name.node) || (strchr(topic, '/') && !next_id(&topic, name.device)))
                return;
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                if (strcmp(kept[i].word, topic) == 0 && (name.device[0] ? kept[i].at_device : kept[i].at_node))
                        take_word(home, &name, i, payload, size);
}

int view_init(struct view *home, const char *base)
{
        *home = (struct view){ .base = base, .nodes = json_object() };
        return home->nodes ? 0 : -ENOMEM;
}

void view_done(struct view *home)
{
        json_decref(home->nodes);
        home->nodes = NULL;
}

/* ---- What is known ------------------------------------------------------------------------------------------- */

static json_t *known(const struct view *home, const char *node, const char *device, const char *word)
{
        return json_object_get(place_of(home, node, device), word);
}

const char *view_status(const struct view *home, const char *node, const char *device)
{
        return json_string_value(known(home, node, device, "status"));
}

json_t *view_info(const struct view *home, const char *node)
{
        return known(home, node, NULL, "info");
}

json_t *view_about(const struct view *home, const char *node, const char *device)
{
        return json_object_get(json_object_get(view_info(home, node), "devices"), device);
}

json_t *view_state(const struct view *home, const char *node, const char *device)
{
        return known(home, node, device, "state");
}

json_t *view_error(const struct view *home, const char *node, const char *device)
{
        return known(home, node, device, "error");
}

bool view_is_stale(const struct view *home, const char *node, const char *device)
{
        if (!view_status(home, node, NULL))
                return true;
        return device && view_info(home, node) && !view_about(home, node, device);
}

json_t *view_devices(const struct view *home, const char *node)
{
        json_t *devices = json_object(), *left, *place;
        json_t *listed = json_object_get(view_info(home, node), "devices");
        const char *id;

        if (json_is_object(listed))
                (void)json_object_update(devices, listed);
        left = json_object_get(place_of(home, node, NULL), "devices");
        json_object_foreach(left, id, place) if (json_object_size(place) > 0)(void) json_object_set(devices, id, place);
        return devices;
}

static bool node_is_whole(const struct view *home, const char *node, bool with_devices)
{
        const char *device;
        json_t *about;

        if (!view_status(home, node, NULL) || !view_info(home, node))
                return false;
        if (!with_devices)
                return true;
        json_object_foreach(json_object_get(view_info(home, node), "devices"), device,
                            about) if (!view_status(home, node, device)) return false;
        return true;
}

bool view_is_whole(const struct view *home, bool with_devices)
{
        const char *node;
        json_t *about;

        json_object_foreach(home->nodes, node, about) if (!node_is_whole(home, node, with_devices)) return false;
        return json_object_size(home->nodes) > 0;
}

static int by_bytes(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **view_sorted_keys(json_t *object, size_t *ret_count)
{
        size_t count = 0;
        const char **keys = calloc(json_object_size(object) + 1, sizeof(*keys));
        const char *key;
        json_t *member;

        if (!keys)
                return NULL;
        json_object_foreach(object, key, member) keys[count++] = key;
        qsort(keys, count, sizeof(*keys), by_bytes);
        *ret_count = count;
        return keys;
}

/* ---- Names --------------------------------------------------------------------------------------------------- */

int view_name_read(const char *text, struct view_name *ret, struct fault *fault)
{
        struct view_name name = { 0 };
        const char *at = text;

        if ((!strchr(text, '/') || next_id(&at, name.node)) && text_is_id(at)) {
                (void)snprintf(name.device, sizeof(name.device), "%s", at);
                *ret = name;
                return 0;
        }
        return fault_set(fault, -EINVAL,
                         "\"%.80s\" is not a device's name: write DEVICE or NODE/DEVICE, as sconce list shows them",
                         text);
}

int view_place_read(const char *text, struct view_name *ret, struct fault *fault)
{
        struct view_name name = { 0 };

        if (!strchr(text, '/') && text_is_id(text))
                (void)snprintf(name.node, sizeof(name.node), "%s", text);
        else if (!strchr(text, '/') || view_name_read(text, &name, NULL) < 0)
                return fault_set(fault, -EINVAL, "\"%.80s\" is not a name: write NODE or NODE/DEVICE", text);
        *ret = name;
        return 0;
}

char *view_join(const json_t *texts, const char *separator)
{
        size_t index, size = 0;
        char *text = NULL;
        FILE *out = open_memstream(&text, &size);
        json_t *item;

        if (!out)
                return NULL;
        json_array_foreach(texts, index, item)
        {
                const char *word = json_string_value(item);
                (void)fprintf(out, "%s%s", index > 0 ? separator : "", word ? word : "?");
        }
        (void)fclose(out);
        return text;
}

/* "attic/lamp, hall/lamp"; free() it. NULL without memory. */
static char *list_places(const struct view *home, const char *device)
{
        size_t count = 0;
        CLEANUP_FREE const char **nodes = view_sorted_keys(home->nodes, &count);
        CLEANUP_JSON json_t *places = json_array();

        for (size_t i = 0; i < count; i++)
                if (view_about(home, nodes[i], device))
                        (void)json_array_append_new(places, json_sprintf("%s/%s", nodes[i], device));
        return view_join(places, ", ");
}

static int unknown_device(const struct view *home, const struct view_name *name, struct fault *fault)
{
        struct suggestion suggestion = { .wanted = name->device };
        char hint[SUGGESTION_MAX];
        const char *node, *device;
        json_t *member, *about;

        json_object_foreach(home->nodes, node, member) if (!name->node[0] || strcmp(node, name->node) == 0)
                json_object_foreach(json_object_get(view_info(home, node), "devices"), device, about)
                        suggestion_offer(&suggestion, device);
        suggestion_text(&suggestion, hint);
        if (name->node[0])
                return fault_set(fault, -ENOENT, "node %s has no device %s%s", name->node, name->device, hint);
        return fault_set(fault, -ENOENT, "no node has a device %s%s", name->device, hint);
}

int view_unknown_node(const struct view *home, const char *node, struct fault *fault)
{
        struct suggestion suggestion = { .wanted = node };
        char hint[SUGGESTION_MAX];
        const char *known_node;
        json_t *about;

        json_object_foreach(home->nodes, known_node, about) suggestion_offer(&suggestion, known_node);
        return fault_set(fault, -ENOENT, "node %s has never been here%s", node, suggestion_text(&suggestion, hint));
}

static int find_anywhere(const struct view *home, struct view_name *name, struct fault *fault)
{
        const char *node, *found = NULL;
        json_t *member;
        size_t count = 0;

        json_object_foreach(home->nodes, node, member)
        {
                if (view_about(home, node, name->device)) {
                        found = node;
                        count++;
                }
        }
        if (count == 0)
                return unknown_device(home, name, fault);
        if (count > 1) {
                CLEANUP_FREE char *places = list_places(home, name->device);
                return fault_set(fault, -ENOTUNIQ, "%s is on several nodes: write one of %s", name->device,
                                 places ? places : "them");
        }
        (void)snprintf(name->node, sizeof(name->node), "%s", found);
        return 0;
}

int view_check_known(const struct view *home, struct fault *fault)
{
        if (json_object_size(home->nodes) > 0)
                return 0;
        return fault_set(
                fault, -ENOENT,
                "the broker shows no node under %s/: has one ever been connected, and may this certificate read it? "
                "RabbitMQ "
                "has no retained messages for wildcards: there name the node, as in NODE/DEVICE or sconce list NODE",
                home->base);
}

int view_find(const struct view *home, struct view_name *name, struct fault *fault)
{
        int r = view_check_known(home, fault);
        if (r < 0)
                return r;
        if (!name->node[0])
                return find_anywhere(home, name, fault);
        if (!json_object_get(home->nodes, name->node))
                return view_unknown_node(home, name->node, fault);
        /* A node whose info cannot be seen may well have the device: it will answer for itself. */
        if (view_info(home, name->node) && !view_about(home, name->node, name->device))
                return unknown_device(home, name, fault);
        return 0;
}
