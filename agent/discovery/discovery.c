/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/discovery.h"

#include <stdio.h>
#include <string.h>

#include "discovery/entity.h"
#include "discovery/words.h"
#include "util/cleanup.h"

/* The node's own device, which all others are reached through. */
#define NODE_DEVICE "node"

static void put(struct json_text *out, const char *key, const char *text)
{
        json_put_key(out, key);
        json_put_string(out, text);
}

/* ---- Which components -------------------------------------------------------------------------------------------- */

static void put_key_and_blank(void *userdata, const struct component *component)
{
        struct json_text *out = userdata;

        if (out->size == 0)
                json_put_literal(out, " ");
        component_put_key(component, out);
        json_put_literal(out, " ");
}

/* What a file gives back may be anything; one wrong key would cost the whole message. */
static bool is_key(const char *text, size_t length)
{
        static const char signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.%";

        return strspn(text, signs) == length && strcspn(text, ".") > 0 && strcspn(text, ".") < length;
}

/* The next of `before` that is not among `now`, with its blanks; NULL at the end. */
static const char *next_gone(const char *before, const struct json_text *now, size_t *ret_length)
{
        for (; before && before[0] == ' ' && before[1]; before += *ret_length - 1) {
                *ret_length = 2 + strcspn(before + 1, " ");
                if (before[*ret_length - 1] != ' ') /* cut off */
                        return NULL;
                if (is_key(before + 1, *ret_length - 2) &&
                    (now->size == 0 || !memmem(now->data, now->size, before, *ret_length)))
                        return before;
        }
        return NULL;
}

void discovery_keys(const struct channels *channels, const char *before, struct json_text *out)
{
        size_t length = 0;

        components_each(channels, put_key_and_blank, out);
        for (const char *gone = before; (gone = next_gone(gone, out, &length)); gone += length - 1)
                json_put_raw(out, out->size > 0 ? gone + 1 : gone, out->size > 0 ? length - 1 : length);
}

/* ---- The message ------------------------------------------------------------------------------------------------- */

static bool is_node(const struct discovery_device *device)
{
        return strcmp(device->id, NODE_DEVICE) == 0;
}

static void put_id(struct json_text *out, const struct discovery_device *device, const char *id)
{
        char text[160];

        (void)snprintf(text, sizeof(text), "sconce.%s.%s", device->node, id);
        json_put_string(out, text);
}

static void write_device(const struct discovery_device *device, struct json_text *out)
{
        char name[80];

        word_for_people(is_node(device) ? device->node : device->id, name, sizeof(name));
        json_put_key(out, "dev");
        json_put_open(out, '{');
        json_put_key(out, "ids");
        json_put_open(out, '[');
        put_id(out, device, device->id);
        json_put_literal(out, "]");
        put(out, "name", device->name ? device->name : name);
        put(out, "mf", "Sconce");
        put(out, "mdl", device->plugin);
        if (device->version)
                put(out, "sw", device->version);
        if (device->area)
                put(out, "sa", device->area);
        if (!is_node(device)) {
                json_put_key(out, "via_device");
                put_id(out, device, NODE_DEVICE);
        }
        json_put_literal(out, "}");
}

static void write_origin(struct json_text *out)
{
        json_put_key(out, "o");
        json_put_open(out, '{');
        put(out, "name", "Sconce");
        put(out, "sw", SCONCE_VERSION);
        json_put_literal(out, "}");
}

static void put_topic(struct json_text *out, const char *key, const struct discovery_device *device, const char *id,
                      const char *word)
{
        char topic[512];

        (void)snprintf(topic, sizeof(topic), "%s/%s/%s%s%s", device->base, device->node, id ? id : "", id ? "/" : "",
                       word);
        put(out, key, topic);
}

/* What the components have in common: the node has to be there and the device too. */
static void write_shared(const struct discovery_device *device, struct json_text *out)
{
        json_put_key(out, "avty");
        json_put_open(out, '[');
        json_put_open(out, '{');
        put_topic(out, "t", device, NULL, "status");
        json_put_literal(out, "}");
        json_put_open(out, '{');
        put_topic(out, "t", device, device->id, "status");
        json_put_literal(out, "}]");
        put(out, "avty_mode", "all");
        put_topic(out, "stat_t", device, device->id, "state");
        put_topic(out, "cmd_t", device, device->id, "set");
        json_put_key(out, "qos");
        json_put_integer(out, 1);
}

struct writing {
        const struct discovery_device *device;
        struct json_text *out;
        bool is_alone;
};

static void write_component(void *userdata, const struct component *component)
{
        const struct writing *writing = userdata;
        CLEANUP_JSON_TEXT struct json_text key = { 0 };

        component_put_key(component, &key);
        json_put_literal(&key, "\0");
        writing->out->failed |= key.failed;
        if (key.failed)
                return;
        json_put_key(writing->out, key.data);
        entity_write(&(struct entity){ writing->device, component, writing->is_alone, writing->out });
}

/* A component that has nothing but its platform is removed. */
static void write_removed(const char *key, size_t length, struct json_text *out)
{
        CLEANUP_FREE char *text = strndup(key, length);
        CLEANUP_FREE char *platform = text ? strndup(text, strcspn(text, ".")) : NULL;

        if (!platform) {
                out->failed = true;
                return;
        }
        json_put_key(out, text);
        json_put_open(out, '{');
        put(out, "p", platform);
        json_put_literal(out, "}");
}

static bool write_gone(const char *before, const struct json_text *now, struct json_text *out)
{
        size_t length = 0;
        bool has_gone = false;

        for (const char *gone = before; (gone = next_gone(gone, now, &length)); gone += length - 1) {
                write_removed(gone + 1, length - 2, out);
                has_gone = true;
        }
        return has_gone;
}

enum discovery discovery_write(const struct discovery_device *device, const char *before, struct json_text *out)
{
        struct writing writing = { device, out, components_are_one(device->channels) };
        CLEANUP_JSON_TEXT struct json_text keys = { 0 };

        discovery_keys(device->channels, NULL, &keys);
        json_put_open(out, '{');
        write_device(device, out);
        write_origin(out);
        json_put_key(out, "cmps");
        json_put_open(out, '{');
        components_each(device->channels, write_component, &writing);
        bool has_gone = write_gone(before, &keys, out);
        json_put_literal(out, "}");
        write_shared(device, out);
        json_put_literal(out, "}");
        out->failed |= keys.failed;
        if (has_gone)
                return DISCOVERY_REMOVES;
        return keys.size > 0 ? DISCOVERY_WHOLE : DISCOVERY_EMPTY;
}
