/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/entity.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "discovery/classes.h"
#include "discovery/words.h"

/* What Home Assistant sends is worth nothing any more after this: a lamp must not come on minutes late. */
enum { COMMAND_EXPIRES_S = 10 };

/* The longest state that Home Assistant takes. */
#define STATE_MAX "255"

/* Its number has bounds in any case, and no finer steps. */
#define NUMBER_BOUND 1e9
#define STEP_MIN     1e-3

/* ---- Keys -------------------------------------------------------------------------------------------------------- */

static void PRINTF_LIKE(3, 4) put(const struct entity *entity, const char *key, const char *format, ...)
{
        char text[1024];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        json_put_key(entity->out, key);
        json_put_string(entity->out, text);
}

static void put_number(const struct entity *entity, const char *key, double number)
{
        json_put_key(entity->out, key);
        json_put_number(entity->out, number);
}

static void put_bool(const struct entity *entity, const char *key, bool is)
{
        json_put_key(entity->out, key);
        if (is)
                json_put_literal(entity->out, "true");
        else
                json_put_literal(entity->out, "false");
}

static void put_words(const struct entity *entity, const char *key, const char *const *words)
{
        json_put_key(entity->out, key);
        json_put_open(entity->out, '[');
        for (; *words; words++) {
                json_put_item(entity->out);
                json_put_string(entity->out, *words);
        }
        json_put_literal(entity->out, "]");
}

static const struct sconce_channel *row_of(const struct entity *entity)
{
        return &entity->component->channel->row;
}

/* null comes out as "None", which each platform that is given this takes for unknown. */
static void put_value(const struct entity *entity, const char *key)
{
        put(entity, key, "{{ value_json.%s }}", row_of(entity)->key);
}

static void put_topic(const struct entity *entity, const char *key, const char *word)
{
        const struct discovery_device *device = entity->device;

        put(entity, key, "%s/%s/%s/%s", device->base, device->node, device->id, word);
}

/* One channel's commands; without it the device's own topic takes them, as its message says. */
static void put_set_topic(const struct entity *entity, const char *key, const char *channel)
{
        const struct discovery_device *device = entity->device;

        put(entity, key, "%s/%s/%s/set/%s", device->base, device->node, device->id, channel);
}

static void put_command_topic(const struct entity *entity)
{
        put_set_topic(entity, "cmd_t", row_of(entity)->key);
}

/* ---- Platforms --------------------------------------------------------------------------------------------------- */

static void write_json_light(const struct entity *entity)
{
        const struct channels *channels = entity->device->channels;
        const struct channel *brightness = component_brightness(channels), *effect = component_effect(channels);
        const char *const modes[] = { brightness ? "brightness" : "onoff", NULL };

        put(entity, "schema", "json");
        put_words(entity, "supported_color_modes", modes);
        put_bool(entity, "brightness", brightness);
        if (brightness)
                put_number(entity, "brightness_scale", brightness->row.max);
        put_bool(entity, "transition", channels_find(channels, "transition"));
        put_bool(entity, "flash", channels_find(channels, "flash"));
        put_bool(entity, "effect", effect);
        if (effect)
                put_words(entity, "effect_list", effect->row.choices);
}

static void write_light(const struct entity *entity)
{
        if (component_is_json_light(entity->component)) {
                write_json_light(entity);
                return;
        }
        put_command_topic(entity);
        put_value(entity, "state_value_template");
}

static void write_fan(const struct entity *entity)
{
        put_command_topic(entity);
        put_value(entity, "state_value_template");
}

static void write_switch(const struct entity *entity)
{
        put_command_topic(entity);
        put_value(entity, "val_tpl");
}

static void write_binary_sensor(const struct entity *entity)
{
        put_value(entity, "val_tpl");
}

/* The decimals that it has: of `round`, or of its steps. */
static int decimals(const struct channel *channel)
{
        double step = channel->row.step;
        int n = 0;

        if (channel->reading.config.round >= 0)
                return (int)channel->reading.config.round;
        if (step <= 0)
                return -1;
        while (n < 6 && fabs(step - round(step)) > 1e-6) {
                step *= 10;
                n++;
        }
        return n;
}

static void put_unit(const struct entity *entity)
{
        const struct sconce_channel *row = row_of(entity);
        const char *unit = row->kind == SCONCE_DURATION && !row->unit ? "s" : row->unit;

        if (unit && *unit)
                put(entity, "unit_of_meas", "%s", unit);
}

static const char *class_of(const struct entity *entity)
{
        const struct channel *channel = entity->component->channel;
        const char *unit = channel->row.unit, *name = channel->row.device_class;

        if (channel->row.kind == SCONCE_DURATION && !name) {
                name = "duration";
                unit = unit ? unit : "s";
        }
        name = class_for(entity->component->platform, name, unit);
        /* A time is a text, all other classes of a sensor are numbers. */
        if (name && entity->component->platform == PLATFORM_SENSOR &&
            (strcmp(name, "timestamp") == 0) != (channel->kind->type == SCONCE_VALUE_TEXT))
                return NULL;
        return name;
}

static void write_measured(const struct entity *entity)
{
        const struct channel *channel = entity->component->channel;
        const char *state_class = class_of_state(class_of(entity), channel->row.flags & SCONCE_TOTAL);
        int precision = decimals(channel);

        put_unit(entity);
        if (state_class)
                put(entity, "stat_cla", "%s", state_class);
        if (precision >= 0)
                put_number(entity, "suggested_display_precision", precision);
        put_value(entity, "val_tpl");
}

/* How many there are; which, in its attributes. */
static void write_list(const struct entity *entity)
{
        const char *key = row_of(entity)->key;

        put(entity, "val_tpl", "{{ value_json.%s if value_json.%s is none else value_json.%s | count }}", key, key,
            key);
        put_topic(entity, "json_attr_t", "state");
        put(entity, "json_attr_tpl", "{{ {'%s': value_json.%s} | tojson }}", key, key);
}

static void write_sensor(const struct entity *entity)
{
        const struct channel *channel = entity->component->channel;
        const char *key = channel->row.key;

        if (channel->kind->type == SCONCE_VALUE_NUMBER) {
                write_measured(entity);
        } else if (channel->row.kind == SCONCE_TEXT_LIST) {
                write_list(entity);
        } else if (channel->row.kind == SCONCE_SELECT) {
                put(entity, "dev_cla", "enum");
                put_words(entity, "ops", channel->row.choices);
                put_value(entity, "val_tpl");
        } else {
                put(entity, "val_tpl", "{{ (value_json.%s | string)[:" STATE_MAX "] }}", key);
        }
}

static void write_number(const struct entity *entity)
{
        const struct sconce_channel *row = row_of(entity);
        bool is_bounded = row->min != 0 || row->max != 0;

        put_command_topic(entity);
        put_unit(entity);
        put_number(entity, "min", is_bounded ? row->min : row->kind == SCONCE_DURATION ? 0 : -NUMBER_BOUND);
        put_number(entity, "max", is_bounded ? row->max : NUMBER_BOUND);
        put_number(entity, "step", fmax(row->step, STEP_MIN));
        put_value(entity, "val_tpl");
}

static void write_select(const struct entity *entity)
{
        put_command_topic(entity);
        put_words(entity, "ops", row_of(entity)->choices);
        put_value(entity, "val_tpl");
}

/* The one platform that has no word for unknown: an empty text it is. */
static void write_text(const struct entity *entity)
{
        const char *key = row_of(entity)->key;

        put_command_topic(entity);
        put(entity, "val_tpl", "{{ '' if value_json.%s is none else (value_json.%s | string)[:" STATE_MAX "] }}", key,
            key);
}

static void write_cover(const struct entity *entity)
{
        const struct channel *position = component_is_main_cover(entity->component)
                                                 ? component_position(entity->device->channels)
                                                 : NULL;

        put_command_topic(entity);
        put_value(entity, "val_tpl");
        if (!position)
                return;
        put_topic(entity, "pos_t", "state");
        /* An unknown position is no number, and left out. */
        put(entity, "pos_tpl", "{{ '' if value_json.%s is none else value_json.%s }}", position->row.key,
            position->row.key);
        put_set_topic(entity, "set_pos_t", position->row.key);
}

/* It takes positions where it is opened and closed, and knows no `stopped`. */
static void write_moving_valve(const struct entity *entity)
{
        const char *key = row_of(entity)->key;
        const struct channel *position = component_is_main_cover(entity->component)
                                                 ? component_position(entity->device->channels)
                                                 : NULL;

        put(entity, "pl_stop", "STOP");
        if (!position) {
                put_command_topic(entity);
                put(entity, "pl_open", "OPEN");
                put(entity, "pl_cls", "CLOSE");
                put(entity, "val_tpl", "{{ 'open' if value_json.%s == 'stopped' else value_json.%s }}", key, key);
                return;
        }
        put_topic(entity, "cmd_t", "set");
        put_bool(entity, "reports_position", true);
        put(entity, "val_tpl",
            "{%% if value_json.%s is none %%}{{ value_json.%s if value_json.%s in ['opening', 'closing'] else 'None' }}"
            "{%% else %%}{{ {'state': value_json.%s, 'position': value_json.%s} | tojson }}{%% endif %%}",
            position->row.key, key, key, key, position->row.key);
}

static void write_valve(const struct entity *entity)
{
        if (row_of(entity)->kind == SCONCE_COVER) {
                write_moving_valve(entity);
                return;
        }
        put_command_topic(entity);
        put(entity, "pl_open", "ON");
        put(entity, "pl_cls", "OFF");
        put(entity, "stat_open", "ON");
        put(entity, "stat_clsd", "OFF");
        put_value(entity, "val_tpl");
}

/* A device's events come on one topic: each entity takes its own channel's. */
static void write_event(const struct entity *entity)
{
        const char *key = row_of(entity)->key;

        put_topic(entity, "stat_t", "event");
        put_words(entity, "evt_typ", row_of(entity)->choices);
        put(entity, "val_tpl", "{%% if value_json.channel == '%s' %%}{{ value }}{%% endif %%}", key);
}

/* Home Assistant's own words, which it shows in the user's language. */
static const char *trigger_type(const char *choice)
{
        static const char *const types[][2] = {
                { "single", "button_short_press" },        { "double", "button_double_press" },
                { "triple", "button_triple_press" },       { "quadruple", "button_quadruple_press" },
                { "quintuple", "button_quintuple_press" }, { "long", "button_long_press" },
                { "release", "button_long_release" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (strcmp(types[i][0], choice) == 0)
                        return types[i][1];
        return choice;
}

static void write_trigger(const struct entity *entity)
{
        const char *key = row_of(entity)->key, *choice = entity->component->choice;

        put(entity, "atype", "trigger");
        put(entity, "type", "%s", trigger_type(choice));
        put(entity, "stype", "%s", key);
        put_topic(entity, "t", "event");
        put(entity, "val_tpl", "{%% if value_json.channel == '%s' %%}{{ value_json.event_type }}{%% endif %%}", key);
        put(entity, "pl", "%s", choice);
}

static const struct {
        void (*write)(const struct entity *entity);
        bool is_commanded;
} platforms[] = {
        [PLATFORM_BINARY_SENSOR] = { write_binary_sensor, false },
        [PLATFORM_BUTTON] = { put_command_topic, true },
        [PLATFORM_COVER] = { write_cover, true },
        [PLATFORM_EVENT] = { write_event, false },
        [PLATFORM_FAN] = { write_fan, true },
        [PLATFORM_LIGHT] = { write_light, true },
        [PLATFORM_NUMBER] = { write_number, true },
        [PLATFORM_SELECT] = { write_select, true },
        [PLATFORM_SENSOR] = { write_sensor, false },
        [PLATFORM_SWITCH] = { write_switch, true },
        [PLATFORM_TEXT] = { write_text, true },
        [PLATFORM_TRIGGER] = { write_trigger, false },
        [PLATFORM_VALVE] = { write_valve, true },
};

/* ---- What all entities have -------------------------------------------------------------------------------------- */

/* It is what the device is about, and called as the device is. */
static bool is_called_as_device(const struct entity *entity)
{
        const struct sconce_channel *row = row_of(entity);

        return !row->name && (strcmp(row->key, "state") == 0 || (entity->is_alone && !class_of(entity)));
}

/* Left out where the class is the name: Home Assistant has that in the user's language. */
static void put_name(const struct entity *entity)
{
        const struct sconce_channel *row = row_of(entity);
        const char *device_class = class_of(entity);
        char name[80];

        if (is_called_as_device(entity)) {
                json_put_key(entity->out, "name");
                json_put_literal(entity->out, "null");
                return;
        }
        if (!row->name && device_class && strcmp(device_class, row->key) == 0)
                return;
        word_for_people(row->key, name, sizeof(name));
        put(entity, "name", "%s", row->name ? row->name : name);
}

static void put_entity_id(const struct entity *entity)
{
        const struct discovery_device *device = entity->device;
        char id[256];

        (void)snprintf(id, sizeof(id), "%s.", platform_word(entity->component->platform));
        slug_add(id, sizeof(id), device->node);
        slug_add(id, sizeof(id), device->id);
        if (!is_called_as_device(entity))
                slug_add(id, sizeof(id), row_of(entity)->key);
        put(entity, "default_entity_id", "%s", id);
}

/* No id of ours has a dot in it, so that a-b and c are not a and b-c. */
static void put_unique_id(const struct entity *entity)
{
        const struct discovery_device *device = entity->device;

        put(entity, "uniq_id", "sconce.%s.%s.%s", device->node, device->id, row_of(entity)->key);
}

static void put_category(const struct entity *entity, bool is_commanded)
{
        const struct component *component = entity->component;
        /* The number beside a meter's total. */
        bool is_setting = component->platform == PLATFORM_NUMBER && component->channel->row.kind == SCONCE_SENSOR;

        if (is_setting || component->channel->row.flags & SCONCE_DIAGNOSTIC)
                put(entity, "ent_cat", is_commanded ? "config" : "diagnostic");
}

void entity_write(const struct entity *entity)
{
        enum platform platform = entity->component->platform;
        const char *device_class = class_of(entity);

        json_put_open(entity->out, '{');
        put(entity, "p", "%s", platform_word(platform));
        if (platform != PLATFORM_TRIGGER) {
                put_unique_id(entity);
                put_name(entity);
                put_entity_id(entity);
                if (device_class)
                        put(entity, "dev_cla", "%s", device_class);
                put_category(entity, platforms[platform].is_commanded);
        }
        platforms[platform].write(entity);
        if (platforms[platform].is_commanded)
                put_number(entity, "message_expiry_interval", COMMAND_EXPIRES_S);
        json_put_literal(entity->out, "}");
}
