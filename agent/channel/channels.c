/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/channels.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct kind kinds[] = {
        [SCONCE_LIGHT] = { "light", SCONCE_VALUE_BOOL, .written = true, .has_state = true },
        [SCONCE_SWITCH] = { "switch", SCONCE_VALUE_BOOL, .written = true, .has_state = true },
        [SCONCE_BINARY_SENSOR] = { "binary_sensor", SCONCE_VALUE_BOOL, .has_state = true },
        [SCONCE_SENSOR] = { "sensor", SCONCE_VALUE_NUMBER, .has_state = true },
        [SCONCE_NUMBER] = { "number", SCONCE_VALUE_NUMBER, .written = true, .has_state = true },
        [SCONCE_COVER] = { "cover", SCONCE_VALUE_TEXT, .written = true, .has_state = true },
        [SCONCE_BUTTON] = { "button", SCONCE_VALUE_BOOL, .written = true },
        [SCONCE_EVENT] = { "event", SCONCE_VALUE_TEXT, .has_choices = true },
        [SCONCE_SELECT] = { "select", SCONCE_VALUE_TEXT, .written = true, .has_state = true, .has_choices = true },
        [SCONCE_TEXT] = { "text", SCONCE_VALUE_TEXT, .has_state = true },
        [SCONCE_TEXT_LIST] = { "text_list", SCONCE_VALUE_TEXT, .has_state = true },
        [SCONCE_DURATION] = { "duration", SCONCE_VALUE_NUMBER, .written = true, .has_state = true },
};

static const uint32_t known_flags = SCONCE_READ_ONLY | SCONCE_WRITABLE | SCONCE_COMMAND_ONLY | SCONCE_DIAGNOSTIC |
                                    SCONCE_TOTAL;

const struct kind *kind_get(enum sconce_kind kind)
{
        if ((size_t)kind >= ARRAY_SIZE(kinds) || !kinds[kind].name)
                return NULL;
        return &kinds[kind];
}

/* ---- Rows ---------------------------------------------------------------------------------------------- */

static bool key_is_valid(const char *key)
{
        if (!key || key[0] < 'a' || key[0] > 'z')
                return false;
        return strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(key) && strlen(key) < 64;
}

static bool key_is_reserved(const char *key)
{
        static const char *const reserved[] = { "time", "seq", "boot", "id", "channel", "expires" };

        for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
                if (strcmp(key, reserved[i]) == 0)
                        return true;
        return false;
}

int channel_check(const struct sconce_channel *row, struct fault *fault)
{
        const struct kind *kind = kind_get(row->kind);

        if (!key_is_valid(row->key))
                return fault_set(fault, -EINVAL, "channel key \"%.40s\" is not one: [a-z][a-z0-9_]*",
                                 row->key ? row->key : "");
        if (key_is_reserved(row->key))
                return fault_set(fault, -EINVAL, "channel key \"%s\" is reserved", row->key);
        if (!kind)
                return fault_set(fault, -EINVAL, "channel \"%s\" has a kind (%d) that this version does not know",
                                 row->key, (int)row->kind);
        if (row->flags & ~known_flags)
                return fault_set(fault, -EINVAL, "channel \"%s\" has flags (0x%x) that this version does not know",
                                 row->key, row->flags & ~known_flags);
        if (kind->has_choices && (!row->choices || !row->choices[0]))
                return fault_set(fault, -EINVAL, "channel \"%s\" has no choices", row->key);
        if (!isfinite(row->min) || !isfinite(row->max) || row->min > row->max)
                return fault_set(fault, -EINVAL, "channel \"%s\" has a minimum above its maximum", row->key);
        return 0;
}

static int copy_choices(const char *const *choices, struct option_store *store, const char *const **ret)
{
        size_t count = 0;

        while (choices[count])
                count++;
        const char **copy = option_store_alloc(store, (count + 1) * sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                if (!(copy[i] = option_store_strdup(store, choices[i])))
                        return -ENOMEM;
        *ret = copy;
        return 0;
}

int channel_copy_row(const struct sconce_channel *row, struct option_store *store, struct sconce_channel *ret)
{
        struct sconce_channel copy = *row;
        const char **const texts[] = { &copy.key, &copy.unit, &copy.device_class, &copy.help, &copy.name };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (*texts[i] && !(*texts[i] = option_store_strdup(store, *texts[i])))
                        return -ENOMEM;
        if (copy.choices) {
                int r = copy_choices(copy.choices, store, &copy.choices);
                if (r < 0)
                        return r;
        }
        *ret = copy;
        return 0;
}

int channels_append(struct channels *channels, const struct sconce_channel *row)
{
        struct channel *items = realloc(channels->items, (channels->count + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        channels->items = items;
        items[channels->count++] = (struct channel){ .row = *row,
                                                     .kind = kind_get(row->kind),
                                                     .reading.settings = READING_SETTINGS_INIT };
        return 0;
}

void channels_done(struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++) {
                free(channels->items[i].now.text);
                free(channels->items[i].kept.text);
                reading_done(&channels->items[i].reading);
        }
        free(channels->items);
        *channels = (struct channels){ 0 };
}

/* ---- Finding ------------------------------------------------------------------------------------------- */

struct channel *channels_find(const struct channels *channels, const char *key)
{
        for (size_t i = 0; i < channels->count; i++)
                if (strcmp(channels->items[i].row.key, key) == 0)
                        return &channels->items[i];
        return NULL;
}

bool channel_is_writable(const struct channel *channel)
{
        if (channel->row.flags & (SCONCE_WRITABLE | SCONCE_COMMAND_ONLY))
                return true;
        return channel->kind->written && !(channel->row.flags & SCONCE_READ_ONLY);
}

bool channel_has_state(const struct channel *channel)
{
        return channel->kind->has_state && !(channel->row.flags & SCONCE_COMMAND_ONLY);
}

bool channels_have_state(const struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++)
                if (channel_has_state(&channels->items[i]))
                        return true;
        return false;
}

const char *choice_find(const char *const *choices, const char *text)
{
        const char *alike = NULL;

        for (const char *const *choice = choices; *choice; choice++) {
                if (strcmp(*choice, text) == 0)
                        return *choice;
                if (!alike && strcasecmp(*choice, text) == 0)
                        alike = *choice;
        }
        return alike;
}

bool channel_is_on_off(const struct channel *channel)
{
        return (channel->row.kind == SCONCE_LIGHT || channel->row.kind == SCONCE_SWITCH) &&
               channel_is_writable(channel);
}

struct channel *channels_first_on_off(const struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++)
                if (channel_is_on_off(&channels->items[i]))
                        return &channels->items[i];
        return NULL;
}

struct channel *channels_first_number(const struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++) {
                struct channel *channel = &channels->items[i];
                if (channel->kind->type == SCONCE_VALUE_NUMBER && channel_is_writable(channel) &&
                    channel_has_state(channel))
                        return channel;
        }
        return NULL;
}

struct channel *channels_first_of(const struct channels *channels, enum sconce_kind kind)
{
        for (size_t i = 0; i < channels->count; i++)
                if (channels->items[i].row.kind == kind && channel_is_writable(&channels->items[i]))
                        return &channels->items[i];
        return NULL;
}

bool channels_are_light(const struct channels *channels)
{
        return channels_first_of(channels, SCONCE_LIGHT) != NULL;
}

/* ---- Values -------------------------------------------------------------------------------------------- */

static int check_report(const struct channels *channels, const struct sconce_value *value, struct fault *fault)
{
        const struct channel *channel = value->channel ? channels_find(channels, value->channel) : NULL;

        if (!channel || !channel_has_state(channel))
                return fault_set(fault, -EINVAL, "the plugin reported \"%.60s\", which is no channel with a state",
                                 value->channel ? value->channel : "");
        if (value->type == SCONCE_VALUE_NONE)
                return 0;
        if (value->type != channel->kind->type)
                return fault_set(fault, -EINVAL, "the plugin reported \"%s\" with the wrong type for a %s",
                                 value->channel, channel->kind->name);
        if (value->type == SCONCE_VALUE_NUMBER && !isfinite(value->number))
                return fault_set(fault, -EINVAL, "the plugin reported \"%s\" as a number that is not finite",
                                 value->channel);
        if (value->type == SCONCE_VALUE_TEXT && (!value->text || !utf8_is_valid(value->text, strlen(value->text))))
                return fault_set(fault, -EILSEQ, "the plugin reported \"%s\" as text that is not UTF-8",
                                 value->channel);
        return 0;
}

static bool value_differs(const struct value *value, const struct sconce_value *from)
{
        if (value->type != from->type)
                return true;
        switch (from->type) {
        case SCONCE_VALUE_BOOL:
                return value->on != from->on;
        case SCONCE_VALUE_NUMBER:
                return value->number != from->number;
        case SCONCE_VALUE_TEXT:
                return strcmp(value->text, from->text) != 0;
        case SCONCE_VALUE_NONE:
                break;
        }
        return false;
}

static int value_set(struct value *value, const struct sconce_value *from)
{
        if (from->type == SCONCE_VALUE_TEXT) {
                size_t size = strlen(from->text) + 1;
                if (size > value->capacity) {
                        char *text = realloc(value->text, size);
                        if (!text)
                                return -ENOMEM;
                        value->text = text;
                        value->capacity = size;
                }
                memcpy(value->text, from->text, size);
        }
        value->type = from->type;
        value->on = from->on;
        value->number = from->number;
        return 0;
}

static struct sconce_value value_view(const char *key, const struct value *value)
{
        return (struct sconce_value){
                .channel = key, .type = value->type, .on = value->on, .number = value->number, .text = value->text
        };
}

/* What has been measured, as it is to be told. What can be set too is told as it was set. */
static struct sconce_value refine(struct channel *channel, const struct sconce_value *from)
{
        struct sconce_value value = *from;

        if (channel->row.kind != SCONCE_SENSOR || channel_is_writable(channel))
                return value;
        if (value.type != SCONCE_VALUE_NUMBER) {
                reading_gap(&channel->reading);
                return value;
        }
        value.number = reading_refine(&channel->reading, value.number);
        if (!isfinite(value.number))
                value.type = SCONCE_VALUE_NONE;
        return value;
}

static bool is_news(const struct channel *channel, const struct sconce_value *value, bool differs)
{
        if (channel->row.kind != SCONCE_SENSOR)
                return differs;
        return reading_is_news(&channel->reading, value->type == SCONCE_VALUE_NUMBER, value->number);
}

void channels_published(struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++) {
                struct channel *channel = &channels->items[i];
                reading_published(&channel->reading, channel->now.type == SCONCE_VALUE_NUMBER, channel->now.number);
        }
}

int channels_report(struct channels *channels, uint64_t time_us, const struct sconce_value *values, size_t count,
                    bool *ret_changed, struct fault *fault)
{
        bool changed = false;

        for (size_t i = 0; i < count; i++) {
                int r = check_report(channels, &values[i], fault);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < count; i++) {
                struct channel *channel = channels_find(channels, values[i].channel);
                if (!channel) /* it has been checked */
                        continue;
                const struct sconce_value value = refine(channel, &values[i]);
                bool differs = value_differs(&channel->now, &value);
                changed |= is_news(channel, &value, differs);
                if (differs && value_set(&channel->now, &value) < 0)
                        return fault_set(fault, -ENOMEM, "out of memory");
        }
        channels->time_us = time_us;
        *ret_changed = changed;
        return 0;
}

bool channel_keep(struct channel *channel)
{
        if (!channel_is_writable(channel) || channel->now.type == SCONCE_VALUE_NONE)
                return false;
        const struct sconce_value now = value_view(channel->row.key, &channel->now);
        return value_differs(&channel->kept, &now) && value_set(&channel->kept, &now) == 0;
}

int channel_kept(const struct channel *channel, struct sconce_value *ret)
{
        if (channel->kept.type == SCONCE_VALUE_NONE)
                return -ENODATA;
        *ret = value_view(channel->row.key, &channel->kept);
        return 0;
}

/* ---- Values as saved ----------------------------------------------------------------------------------- */

char *channel_kept_text(const struct channel *channel)
{
        const struct value *value = &channel->kept;
        char *text = NULL;
        int length = -1;

        if (value->type == SCONCE_VALUE_BOOL)
                length = asprintf(&text, "%s %s", channel->kind->name, value->on ? "ON" : "OFF");
        else if (value->type == SCONCE_VALUE_NUMBER)
                length = asprintf(&text, "%s %.17g", channel->kind->name, value->number);
        else if (value->type == SCONCE_VALUE_TEXT)
                length = asprintf(&text, "%s %s", channel->kind->name, value->text);
        return length < 0 ? NULL : text;
}

static bool is_allowed(const struct sconce_channel *row, const struct sconce_value *value)
{
        if (value->type == SCONCE_VALUE_NUMBER && row->max > row->min)
                return value->number >= row->min && value->number <= row->max;
        if (value->type != SCONCE_VALUE_TEXT || !row->choices)
                return true;
        for (const char *const *choice = row->choices; *choice; choice++)
                if (strcmp(*choice, value->text) == 0)
                        return true;
        return false;
}

static int parse_value(const struct channel *channel, const char *text, struct sconce_value *ret)
{
        *ret = (struct sconce_value){ .channel = channel->row.key, .type = channel->kind->type, .text = text };
        if (ret->type == SCONCE_VALUE_BOOL) {
                ret->on = strcmp(text, "ON") == 0;
                return ret->on || strcmp(text, "OFF") == 0 ? 0 : -EINVAL;
        }
        if (ret->type == SCONCE_VALUE_NUMBER) {
                char *end;
                ret->number = strtod(text, &end);
                return end > text && !*end && isfinite(ret->number) ? 0 : -EINVAL;
        }
        return utf8_is_valid(text, strlen(text)) ? 0 : -EINVAL;
}

void channel_restore(struct channel *channel, const char *text)
{
        size_t length = strlen(channel->kind->name);
        struct sconce_value value;

        if (!channel_is_writable(channel) || strncmp(text, channel->kind->name, length) != 0 || text[length] != ' ')
                return;
        if (parse_value(channel, text + length + 1, &value) == 0 && is_allowed(&channel->row, &value))
                (void)value_set(&channel->kept, &value);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void write_list(const char *lines, struct json_text *out)
{
        json_put_open(out, '[');
        while (*lines) {
                char item[512];
                size_t length = strcspn(lines, "\n"), shown = MIN(length, sizeof(item) - 1);
                while (shown < length && shown > 0 && ((unsigned char)lines[shown] & 0xc0) == 0x80)
                        shown--; /* not in the middle of a character */
                memcpy(item, lines, shown);
                item[shown] = '\0';
                json_put_item(out);
                json_put_string(out, item);
                lines += length + (lines[length] == '\n');
        }
        json_put_literal(out, "]");
}

void channel_write_value(const struct channel *channel, struct json_text *out)
{
        switch (channel->now.type) {
        case SCONCE_VALUE_NONE:
                json_put_literal(out, "null");
                break;
        case SCONCE_VALUE_BOOL:
                json_put_string(out, channel->now.on ? "ON" : "OFF");
                break;
        case SCONCE_VALUE_NUMBER:
                json_put_number(out, channel->now.number);
                break;
        case SCONCE_VALUE_TEXT:
                if (channel->row.kind == SCONCE_TEXT_LIST)
                        write_list(channel->now.text, out);
                else
                        json_put_string(out, channel->now.text);
                break;
        }
}
