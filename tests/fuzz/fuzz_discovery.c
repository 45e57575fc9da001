/* SPDX-License-Identifier: Apache-2.0 */
/* A device as it is announced: a line of what it had before, its name, its area, then a channel a line: KIND FLAGS KEY UNIT CLASS NAME
 * CHOICE… */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/discovery.h"
#include "fakes/json_taken.h"
#include "fuzz/fuzz.h"

enum { CHANNELS_MAX = 12, CHOICES_MAX = 6 };

struct row {
        char *line;
        const char *choices[CHOICES_MAX + 1];
};

/* "-" stands for none. */
static const char *word(char **rest)
{
        const char *text = strsep(rest, " ");

        return text && strcmp(text, "-") != 0 ? text : NULL;
}

static void add(struct channels *channels, struct row *at)
{
        struct fault fault;
        char *rest = at->line;
        const char *kind = word(&rest), *flags = word(&rest);
        struct sconce_channel row = { .kind = kind ? (enum sconce_kind)atoi(kind) : 0,
                                      .flags = flags ? (uint32_t)atoi(flags) : 0,
                                      .choices = at->choices };

        row.key = word(&rest);
        row.unit = word(&rest);
        row.device_class = word(&rest);
        row.name = word(&rest);
        for (size_t i = 0; rest && i < CHOICES_MAX; i++)
                at->choices[i] = strsep(&rest, " ");
        if (channel_check(&row, &fault) == 0 && !channels_find(channels, row.key))
                must(channels_append(channels, &row) == 0);
}

static char *keys_of(const struct channels *channels, const char *before)
{
        struct json_text text = { 0 };

        discovery_keys(channels, before, &text);
        char *keys = json_text_take(&text);
        must(keys);
        return keys;
}

/* Components with nothing but a platform are those of before that are gone. */
static void check_message(const struct json_text *text, enum discovery what)
{
        json_t *message = json_loadb(text->data, text->size, JSON_REJECT_DUPLICATES, NULL), *component;
        const char *name;
        size_t n_gone = 0;

        must(message);
        json_object_foreach(json_object_get(message, "cmps"), name, component)
        {
                must(!strchr(name, ' ') && json_string_value(json_object_get(component, "p")));
                n_gone += json_object_size(component) == 1;
        }
        must((n_gone > 0) == (what == DISCOVERY_REMOVES));
        must((json_object_size(json_object_get(message, "cmps")) == 0) == (what == DISCOVERY_EMPTY));
        json_decref(message);
}

static void check(const struct discovery_device *device, const char *before)
{
        char *now = keys_of(device->channels, NULL), *both = keys_of(device->channels, before);
        char *again = keys_of(device->channels, both);
        struct json_text text = { 0 };

        must(same_text(both, again));
        must(strncmp(both, now, strlen(now)) == 0);
        enum discovery what = discovery_write(device, both, &text);
        must(!text.failed && (what == DISCOVERY_REMOVES) == !same_text(now, both));
        check_message(&text, what);
        json_text_done(&text);
        free(again);
        free(both);
        free(now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = input_of(data, size);
        char *before = input_line(&input), *name = input_line(&input), *area = input_line(&input);
        struct row rows[CHANNELS_MAX] = { 0 };
        struct channels channels = { 0 };

        for (size_t i = 0; i < CHANNELS_MAX && (rows[i].line = input_line(&input)); i++)
                add(&channels, &rows[i]);
        const struct discovery_device device = { .base = "sconce",
                                                 .node = "hall",
                                                 .id = "lamp",
                                                 .plugin = "lamp",
                                                 .name = name,
                                                 .area = area,
                                                 .channels = &channels };
        check(&device, before);
        channels_done(&channels);
        for (size_t i = 0; i < CHANNELS_MAX; i++)
                free(rows[i].line);
        free(before);
        free(name);
        free(area);
        return 0;
}
