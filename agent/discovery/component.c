/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/component.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const platform_words[] = {
        [PLATFORM_BINARY_SENSOR] = "binary_sensor",
        [PLATFORM_BUTTON] = "button",
        [PLATFORM_COVER] = "cover",
        [PLATFORM_EVENT] = "event",
        [PLATFORM_FAN] = "fan",
        [PLATFORM_LIGHT] = "light",
        [PLATFORM_NUMBER] = "number",
        [PLATFORM_SELECT] = "select",
        [PLATFORM_SENSOR] = "sensor",
        [PLATFORM_SWITCH] = "switch",
        [PLATFORM_TEXT] = "text",
        [PLATFORM_TRIGGER] = "device_automation",
        [PLATFORM_VALVE] = "valve",
};

const char *platform_word(enum platform platform)
{
        return platform_words[platform];
}

/* ---- What belongs together --------------------------------------------------------------------------------------- */

/* The channel whose commands are the device's own topic's: Home Assistant's JSON goes there as it is. */
static bool is_main(const struct channel *channel, enum sconce_kind kind)
{
        return channel->row.kind == kind && strcmp(channel->row.key, "state") == 0 && channel_is_writable(channel) &&
               channel_has_state(channel);
}

static bool has_main(const struct channels *channels, enum sconce_kind kind)
{
        const struct channel *channel = channels_find(channels, "state");

        return channel && is_main(channel, kind);
}

/* What it takes along. */
static const struct part {
        enum sconce_kind whole;
        const char *key;
        enum sconce_kind kind;
} parts[] = {
        { SCONCE_LIGHT, "brightness", SCONCE_NUMBER },
        { SCONCE_LIGHT, "effect", SCONCE_SELECT },
        { SCONCE_COVER, "position", SCONCE_NUMBER },
};

enum { BRIGHTNESS, EFFECT, POSITION };

static const struct channel *find_part(const struct channels *channels, const struct part *part)
{
        const struct channel *channel = has_main(channels, part->whole) ? channels_find(channels, part->key) : NULL;

        return channel && channel->row.kind == part->kind && channel_is_writable(channel) ? channel : NULL;
}

const struct channel *component_brightness(const struct channels *channels)
{
        const struct channel *channel = find_part(channels, &parts[BRIGHTNESS]);

        return channel && channel->row.max >= 1 ? channel : NULL;
}

const struct channel *component_effect(const struct channels *channels)
{
        return find_part(channels, &parts[EFFECT]);
}

const struct channel *component_position(const struct channels *channels)
{
        return find_part(channels, &parts[POSITION]);
}

static bool is_part(const struct channels *channels, const struct channel *channel)
{
        return channel == component_brightness(channels) || channel == component_effect(channels) ||
               channel == component_position(channels);
}

bool component_is_json_light(const struct component *component)
{
        return component->platform == PLATFORM_LIGHT && is_main(component->channel, SCONCE_LIGHT);
}

bool component_is_main_cover(const struct component *component)
{
        return is_main(component->channel, SCONCE_COVER);
}

/* ---- Which there are ---------------------------------------------------------------------------------------------- */

/* What is no light, switch or cover to people, though it works like one. */
static const struct {
        enum sconce_kind kind;
        const char *device_class;
        enum platform platform;
} by_class[] = {
        { SCONCE_SWITCH, "fan", PLATFORM_FAN },    { SCONCE_SWITCH, "valve", PLATFORM_VALVE },
        { SCONCE_SWITCH, "gas", PLATFORM_VALVE },  { SCONCE_SWITCH, "water", PLATFORM_VALVE },
        { SCONCE_COVER, "valve", PLATFORM_VALVE }, { SCONCE_COVER, "gas", PLATFORM_VALVE },
        { SCONCE_COVER, "water", PLATFORM_VALVE },
};

static enum platform platform_of(const struct channel *channel)
{
        const struct sconce_channel *row = &channel->row;

        if (!channel_is_writable(channel))
                return channel->kind->platform_shown;
        for (size_t i = 0; row->device_class && i < ARRAY_SIZE(by_class); i++)
                if (by_class[i].kind == row->kind && strcmp(by_class[i].device_class, row->device_class) == 0)
                        return by_class[i].platform;
        return channel->kind->platform;
}

/* A plugin may name a type twice. */
static bool is_repeated(const char *const *choices, const char *const *choice)
{
        for (; choices < choice; choices++)
                if (strcmp(*choices, *choice) == 0)
                        return true;
        return false;
}

static void each_trigger(const struct channel *channel,
                         void (*visit)(void *userdata, const struct component *component), void *userdata)
{
        for (const char *const *choice = channel->row.choices; *choice; choice++)
                if (!is_repeated(channel->row.choices, choice))
                        visit(userdata, &(struct component){ PLATFORM_TRIGGER, channel, *choice });
}

void components_each(const struct channels *channels, void (*visit)(void *userdata, const struct component *component),
                     void *userdata)
{
        for (size_t i = 0; i < channels->count; i++) {
                const struct channel *channel = &channels->items[i];
                enum platform platform = platform_of(channel);

                /* A parameter of commands alone is nothing to look at. */
                if ((channel->row.flags & SCONCE_COMMAND_ONLY && channel->kind->has_state) ||
                    is_part(channels, channel))
                        continue;
                visit(userdata, &(struct component){ platform, channel, NULL });
                /* A meter's total, which can be set to what the meter shows. */
                if (platform == PLATFORM_SENSOR && channel_is_writable(channel))
                        visit(userdata, &(struct component){ PLATFORM_NUMBER, channel, NULL });
                if (platform == PLATFORM_EVENT)
                        each_trigger(channel, visit, userdata);
        }
}

static void count(void *userdata, const struct component *component)
{
        size_t *n = userdata;

        *n += component->platform != PLATFORM_TRIGGER;
}

bool components_are_one(const struct channels *channels)
{
        size_t n = 0;

        components_each(channels, count, &n);
        return n == 1;
}

/* Event types are any text; keys stand in lists with blanks between. */
static void put_choice(const char *choice, struct json_text *out)
{
        for (; *choice; choice++) {
                char form[8];
                bool is_plain = isalnum((unsigned char)*choice) || *choice == '_' || *choice == '-';
                int length = is_plain ? 1 : snprintf(form, sizeof(form), "%%%02x", (unsigned char)*choice);
                json_put_raw(out, is_plain ? choice : form, (size_t)length);
        }
}

void component_put_key(const struct component *component, struct json_text *out)
{
        const char *word = platform_word(component->platform), *key = component->channel->row.key;

        json_put_raw(out, word, strlen(word));
        json_put_literal(out, ".");
        json_put_raw(out, key, strlen(key));
        if (!component->choice)
                return;
        json_put_literal(out, ".");
        put_choice(component->choice, out);
}
