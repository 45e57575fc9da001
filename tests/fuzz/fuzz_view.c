/* SPDX-License-Identifier: Apache-2.0 */
/* What the client gets from a house: a line each, TOPIC and PAYLOAD with a blank between them. What it keeps of
 * that, and what a terminal gets to see. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/shown.h"
#include "client/view.h"
#include "fuzz/fuzz.h"
#include "util/json.h"
#include "util/text.h"

static void check_fit(const char *text)
{
        for (size_t left = strlen(text), length; left > 0; text += length, left -= length) {
                uint32_t code;
                length = text_decode(text, left, &code);
                must(length > 0 && text_is_fit(code));
        }
}

/* No text of theirs steers a terminal. */
static void check_shown(const char *text)
{
        char shown[TEXT_SHOWN_MAX], *line = shown_text(text, strlen(text)), *copy = strdup(text);
        size_t size;

        check_fit(text_show(text, shown));
        must(line && copy);
        check_fit(line);
        text_defang(copy);
        check_fit(copy);
        must(strlen(copy) <= strlen(text));
        free(line);
        free(copy);
        char *utf8 = shown_utf8(text, strlen(text), &size);
        must(utf8 && utf8_is_valid(utf8, size));
        free(utf8);
}

/* What we write as JSON is JSON, and what we know of JSON without parsing it is right. */
static void check_json(const char *text)
{
        struct json_text out = { 0 };
        double number, same;

        json_put_string(&out, text);
        json_t *string = json_loadb(out.data, out.size, JSON_DECODE_ANY, NULL);
        must(json_is_string(string));
        must(!utf8_is_valid(text, strlen(text)) || same_text(json_string_value(string), text));
        json_decref(string);
        json_text_done(&out);

        json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        bool is_number = json_parse_number(text, strlen(text), &number);
        must(!is_number || json_is_number(json) || !json);
        if (json && json_is_number(json) && is_number)
                must(json_number_value(json) == number);
        if (is_number) {
                char written[JSON_NUMBER_MAX];
                json_number_text(number, written);
                must(json_parse_number(written, strlen(written), &same) && same == number);
        }
        if (json_is_object(json) || json_is_array(json)) {
                /* It shows what jansson has written, never a text as it came. */
                CLEANUP_FREE char *dump = json_dumps(json, JSON_COMPACT);
                CLEANUP_FREE char *shown = dump ? shown_json(dump) : NULL;
                json_t *again = shown ? json_loads(shown, JSON_REJECT_DUPLICATES, NULL) : NULL;
                must(shown);
                check_fit(shown);
                must(json_equal(json, again));
                json_decref(again);
                must(json_shape(text, strlen(text)).depth >= 1);
        }
        json_decref(json);
}

static void check_node(const struct view *view, const char *node)
{
        json_t *devices = view_devices(view, node);
        const char *id;
        json_t *about;

        must(text_is_id(node) && devices);
        json_object_foreach(devices, id, about)
        {
                struct view_name name = { 0 }, found;
                struct fault fault = { 0 };
                const char *key;
                json_t *channel;

                must(text_is_id(id) && json_is_object(about));
                (void)strcpy(name.device, id);
                int r = view_find(view, &name, &fault);
                must(r == 0 || r == -ENOENT || r == -ENOTUNIQ);
                must(r == 0 ? text_is_id(name.node) : is_sentence(fault.text, sizeof(fault.text)));
                must(view_name_read(id, &found, &fault) == 0 && same_text(found.device, id));
                json_object_foreach(json_object_get(view_about(view, node, id), "channels"), key, channel)
                        must(text_is_key(key) && json_is_object(channel));
                must(!view_state(view, node, id) || json_is_object(view_state(view, node, id)));
                must(!view_error(view, node, id) || json_is_object(view_error(view, node, id)));
                (void)view_is_stale(view, node, id);
        }
        json_decref(devices);
}

static void check_view(const struct view *view)
{
        const char *node;
        json_t *about;

        json_object_foreach(view->nodes, node, about) check_node(view, node);
        must(!view_is_whole(view, true) || view_is_whole(view, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = input_of(data, size);
        struct view view;
        char *line;

        must(view_init(&view, "sconce") == 0);
        while ((line = input_line(&input))) {
                char *payload = line;
                const char *topic = strsep(&payload, " ");
                struct view_name name;
                (void)!view_place_read(line, &name, NULL);
                view_take(&view, topic, payload ? payload : "", payload ? strlen(payload) : 0);
                check_shown(payload ? payload : topic);
                check_json(payload ? payload : topic);
                free(line);
        }
        check_view(&view);
        view_done(&view);
        return 0;
}
