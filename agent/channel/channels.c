/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/channels.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/reserved.h"

static const uint32_t known_flags = SCONCE_READ_ONLY | SCONCE_WRITABLE | SCONCE_COMMAND_ONLY | SCONCE_DIAGNOSTIC |
                                    SCONCE_TOTAL;

/* ---- Rows ---------------------------------------------------------------------------------------------- */

static bool key_is_valid(const char *key)
{
        if (!key || key[0] < 'a' || key[0] > 'z')
                return false;
        return strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(key) && strlen(key) < 64;
}

int channel_check(const struct sconce_channel *row, struct fault *fault)
{
        const struct kind *kind = kind_get(row->kind);

        if (!key_is_valid(row->key))
                return fault_set(fault, -EINVAL, "channel key \"%.40s\" is not one: [a-z][a-z0-9_]*",
                                 row->key ? row->key : "");
        if (word_is_reserved(row->key, RESERVED_CHANNEL))
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
                                                     .reading.config = READING_CONFIG_INIT };
        return 0;
}

void channels_done(struct channels *channels)
{
        for (size_t i = 0; i < channels->count; i++) {
                free(channels->items[i].now.text);
                free(channels->items[i].kept.text);
                reading_done(&channels->items[i].reading);
                trend_free(channels->items[i].trend);
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

bool channel_is_on_off(const struct channel *channel)
{
        return channel->kind->is_on_off && channel_is_writable(channel);
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

/* What has been measured, as it is to be published. What can be set too is published as it was set. */
static struct sconce_value refine(struct channel *channel, const struct sconce_value *from)
{
        struct sconce_value value = *from;

        if (!channel->kind->is_measured || channel_is_writable(channel))
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
        if (!channel->kind->is_measured)
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

/* ---- Trends -------------------------------------------------------------------------------------------- */

bool channel_has_trend(const struct channel *channel)
{
        enum sconce_value_type type = channel->kind->type;

        return channel_has_state(channel) && (type == SCONCE_VALUE_NUMBER || type == SCONCE_VALUE_BOOL);
}

/* The first value takes the memory; without it there is no trend. */
static bool needs_trend(struct channel *channel, const struct sconce_value *value)
{
        if (channel->trend || !channel_has_trend(channel))
                return channel->trend;
        return value->type != SCONCE_VALUE_NONE && trend_new(value->type == SCONCE_VALUE_BOOL, &channel->trend) == 0;
}

static void follow_trend(const struct channels *channels, struct channel *channel, const struct sconce_value *value,
                         uint64_t time_us)
{
        const struct trend_clock *clock = channels->clock;

        if (!clock || !needs_trend(channel, value))
                return;
        channel->is_trend_new |= value->type != SCONCE_VALUE_BOOL || !channel->trend->is_held ||
                                 channel->trend->is_on != value->on;
        if (value->type == SCONCE_VALUE_NUMBER)
                trend_number(channel->trend, clock, MIN(time_us, clock->now_us), value->number);
        else if (value->type == SCONCE_VALUE_BOOL)
                trend_on_off(channel->trend, clock, MIN(time_us, clock->now_us), value->on);
        else
                trend_unknown(channel->trend, clock, MIN(time_us, clock->now_us));
}

void channels_hold_trends(struct channels *channels, bool is_known)
{
        for (size_t i = 0; channels->clock && i < channels->count; i++) {
                struct channel *channel = &channels->items[i];
                if (!channel->trend || !channel->trend->is_share)
                        continue;
                bool is_held = is_known && channel->now.type == SCONCE_VALUE_BOOL;
                channel->is_trend_new |= is_held != channel->trend->is_held;
                if (is_held)
                        trend_on_off(channel->trend, channels->clock, channels->clock->now_us, channel->now.on);
                else
                        trend_unknown(channel->trend, channels->clock, channels->clock->now_us);
        }
}

void channels_catch_up_trends(struct channels *channels)
{
        for (size_t i = 0; channels->clock && i < channels->count; i++)
                if (channels->items[i].trend)
                        trend_catch_up(channels->items[i].trend, channels->clock, channels->clock->now_us);
}

/* ---- Reports ------------------------------------------------------------------------------------------- */

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
                follow_trend(channels, channel, &value, time_us);
                if (differs && value_set(&channel->now, &value) < 0)
                        return fault_set(fault, -ENOMEM, "out of memory");
        }
        channels->time_us = time_us;
        *ret_changed = changed;
        return 0;
}

bool channel_keep_as(struct channel *channel, const struct sconce_value *value)
{
        return value_differs(&channel->kept, value) && value_set(&channel->kept, value) == 0;
}

bool channel_keep(struct channel *channel)
{
        if (!channel_is_writable(channel) || channel->now.type == SCONCE_VALUE_NONE)
                return false;
        const struct sconce_value now = value_view(channel->row.key, &channel->now);
        return channel_keep_as(channel, &now);
}

int channel_kept(const struct channel *channel, struct sconce_value *ret)
{
        if (channel->kept.type == SCONCE_VALUE_NONE)
                return -ENODATA;
        *ret = value_view(channel->row.key, &channel->kept);
        return 0;
}

/* ---- Kept ---------------------------------------------------------------------------------------------- */

/* The kind goes along: what another one has saved is not taken. */
char *channel_kept_text(const struct channel *channel)
{
        return value_to_text(channel->kind->name, &channel->kept);
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

void channel_restore(struct channel *channel, const char *text)
{
        size_t length = strlen(channel->kind->name);
        struct sconce_value value;

        if (!channel_is_writable(channel) || strncmp(text, channel->kind->name, length) != 0 || text[length] != ' ')
                return;
        if (value_parse(channel->kind->type, text + length + 1, &value) == 0 && is_allowed(&channel->row, &value))
                (void)!value_set(&channel->kept, &value);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

void channel_write_value(const struct channel *channel, struct json_text *out)
{
        if (channel->now.type == SCONCE_VALUE_NONE)
                json_put_literal(out, "null");
        else
                channel->kind->write(&channel->now, out);
}
