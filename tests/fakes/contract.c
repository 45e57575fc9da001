/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/macro.h"

enum type { TEXT, TEXT_OR_NULL, NUMBER, COUNT, BOOL, TEXTS, TOPIC, TEMPLATE };

struct key {
        const char *name;
        enum type type;
        bool is_required;
};

#define END                                                                                                            \
        {                                                                                                              \
                NULL, TEXT, false                                                                                      \
        }

static const struct key root_keys[] = {
        { "avty_mode", TEXT, true }, { "stat_t", TOPIC, true }, { "cmd_t", TOPIC, true }, { "qos", COUNT, true }, END
};
static const struct key device_keys[] = { { "ids", TEXTS, true },        { "name", TEXT, true },
                                          { "mf", TEXT, true },          { "mdl", TEXT, true },
                                          { "sw", TEXT, false },         { "sa", TEXT, false },
                                          { "via_device", TEXT, false }, END };
static const struct key origin_keys[] = { { "name", TEXT, true }, { "sw", TEXT, false }, END };

/* Of every entity, and of none that is no entity. */
static const struct key entity_keys[] = { { "p", TEXT, true },
                                          { "uniq_id", TEXT, true },
                                          { "name", TEXT_OR_NULL, false },
                                          { "default_entity_id", TEXT, true },
                                          { "ent_cat", TEXT, false },
                                          { "message_expiry_interval", COUNT, false },
                                          END };

static const struct platform_keys {
        const char *platform;
        struct key keys[16];
} platforms[] = {
        { "binary_sensor", { { "dev_cla", TEXT, false }, { "val_tpl", TEMPLATE, true }, END } },
        { "button", { { "dev_cla", TEXT, false }, { "cmd_t", TOPIC, true }, END } },
        { "cover",
          { { "dev_cla", TEXT, false },
            { "cmd_t", TOPIC, true },
            { "val_tpl", TEMPLATE, true },
            { "pos_t", TOPIC, false },
            { "pos_tpl", TEMPLATE, false },
            { "set_pos_t", TOPIC, false },
            END } },
        { "event",
          { { "dev_cla", TEXT, false },
            { "stat_t", TOPIC, true },
            { "evt_typ", TEXTS, true },
            { "val_tpl", TEMPLATE, true },
            END } },
        { "fan", { { "cmd_t", TOPIC, true }, { "state_value_template", TEMPLATE, true }, END } },
        { "light",
          { { "schema", TEXT, false },
            { "cmd_t", TOPIC, false },
            { "state_value_template", TEMPLATE, false },
            { "supported_color_modes", TEXTS, false },
            { "brightness", BOOL, false },
            { "brightness_scale", COUNT, false },
            { "transition", BOOL, false },
            { "flash", BOOL, false },
            { "effect", BOOL, false },
            { "effect_list", TEXTS, false },
            END } },
        { "number",
          { { "dev_cla", TEXT, false },
            { "cmd_t", TOPIC, true },
            { "unit_of_meas", TEXT, false },
            { "min", NUMBER, true },
            { "max", NUMBER, true },
            { "step", NUMBER, true },
            { "val_tpl", TEMPLATE, true },
            END } },
        { "select", { { "cmd_t", TOPIC, true }, { "ops", TEXTS, true }, { "val_tpl", TEMPLATE, true }, END } },
        { "sensor",
          { { "dev_cla", TEXT, false },
            { "unit_of_meas", TEXT, false },
            { "stat_cla", TEXT, false },
            { "suggested_display_precision", COUNT, false },
            { "ops", TEXTS, false },
            { "json_attr_t", TOPIC, false },
            { "json_attr_tpl", TEMPLATE, false },
            { "val_tpl", TEMPLATE, true },
            END } },
        { "switch", { { "dev_cla", TEXT, false }, { "cmd_t", TOPIC, true }, { "val_tpl", TEMPLATE, true }, END } },
        { "text", { { "cmd_t", TOPIC, true }, { "val_tpl", TEMPLATE, true }, END } },
        { "valve",
          { { "dev_cla", TEXT, false },
            { "cmd_t", TOPIC, true },
            { "pl_open", TEXT, false },
            { "pl_cls", TEXT, false },
            { "pl_stop", TEXT, false },
            { "stat_open", TEXT, false },
            { "stat_clsd", TEXT, false },
            { "reports_position", BOOL, false },
            { "val_tpl", TEMPLATE, true },
            END } },
};

static const struct key trigger_keys[] = { { "p", TEXT, true },    { "atype", TEXT, true },
                                           { "type", TEXT, true }, { "stype", TEXT, true },
                                           { "t", TOPIC, true },   { "val_tpl", TEMPLATE, true },
                                           { "pl", TEXT, true },   END };

static bool is_filled(const json_t *value)
{
        return json_string_length(value) > 0;
}

static bool are_texts(const json_t *value)
{
        const json_t *item;
        size_t i;

        json_array_foreach(value, i, item) if (!is_filled(item)) return false;
        return json_array_size(value) > 0;
}

static bool is_template(const json_t *value)
{
        const char *text = json_string_value(value);

        return text && (strncmp(text, "{{ ", 3) == 0 || strncmp(text, "{% if ", 6) == 0);
}

static bool fits(const json_t *value, enum type type)
{
        switch (type) {
        case TEXT:
                return is_filled(value);
        case TEXT_OR_NULL:
                return json_is_null(value) || is_filled(value);
        case NUMBER:
                return json_is_number(value);
        case COUNT:
                return json_is_integer(value) && json_integer_value(value) >= 0;
        case BOOL:
                return json_is_boolean(value);
        case TEXTS:
                return are_texts(value);
        case TOPIC:
                return is_filled(value) && !strpbrk(json_string_value(value), "+# ");
        case TEMPLATE:
                return is_template(value);
        }
        return false;
}

static const struct key *find(const struct key *keys, const char *name)
{
        for (; keys && keys->name; keys++)
                if (strcmp(keys->name, name) == 0)
                        return keys;
        return NULL;
}

/* Every key is known to one of both lists, and fits; what is required is there. */
static void check_keys(const char *where, const json_t *object, const struct key *keys, const struct key *more)
{
        const struct key *const lists[] = { keys, more };
        const char *name;
        json_t *value;

        json_object_foreach((json_t *)(uintptr_t)object, name, value)
        {
                const struct key *key = find(keys, name) ? find(keys, name) : find(more, name);
                if (!key)
                        fail_msg("%s: %s is no key of it", where, name);
                else if (!fits(value, key->type))
                        fail_msg("%s: %s is of the wrong type", where, name);
        }
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                for (const struct key *key = lists[i]; key && key->name; key++)
                        if (key->is_required && !json_object_get(object, key->name))
                                fail_msg("%s: %s is missing", where, key->name);
}

/* DOMAIN.SLUG, without two "_" side by side or one at an end. */
static void check_entity_id(const char *where, const char *platform, const char *id)
{
        size_t length = strlen(platform);
        const char *slug = id + length + 1;

        if (strncmp(id, platform, length) != 0 || id[length] != '.' || *slug == '\0' || *slug == '_' ||
            slug[strlen(slug) - 1] == '_' || strstr(slug, "__") ||
            strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(slug))
                fail_msg("%s: %s is no entity id", where, id);
}

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* What it says between the keys. */
static void check_sense(const char *where, const char *platform, const json_t *entity)
{
        const char *category = text_of(entity, "ent_cat");
        bool is_commanded = json_object_get(entity, "message_expiry_interval") != NULL;

        check_entity_id(where, platform, text_of(entity, "default_entity_id"));
        if (*category && strcmp(category, is_commanded ? "config" : "diagnostic") != 0)
                fail_msg("%s: is of the category %s", where, category);
        if (json_object_get(entity, "ops") && strcmp(platform, "sensor") == 0 &&
            strcmp(text_of(entity, "dev_cla"), "enum") != 0)
                fail_msg("%s: has options and is no enum", where);
        if (json_object_get(entity, "set_pos_t") && !json_object_get(entity, "pos_t"))
                fail_msg("%s: takes positions and shows none", where);
        if (json_object_get(entity, "min") &&
            json_number_value(json_object_get(entity, "min")) > json_number_value(json_object_get(entity, "max")))
                fail_msg("%s: its least is more than its most", where);
        if (json_object_get(entity, "step") && json_number_value(json_object_get(entity, "step")) < 1e-3)
                fail_msg("%s: its steps are too small", where);
}

static void check_component(const char *where, const json_t *component)
{
        const char *platform = text_of(component, "p");

        if (strcmp(platform, "device_automation") == 0) {
                check_keys(where, component, trigger_keys, NULL);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
                if (strcmp(platforms[i].platform, platform) != 0)
                        continue;
                if (json_object_size(component) == 1) /* to be removed */
                        return;
                check_keys(where, component, entity_keys, platforms[i].keys);
                check_sense(where, platform, component);
                return;
        }
        fail_msg("%s: \"%s\" is no platform", where, platform);
}

static void check_availability(const json_t *list)
{
        static const struct key keys[] = { { "t", TOPIC, true }, END };
        json_t *item;
        size_t i;

        assert_int_equal(json_array_size(list), 2);
        json_array_foreach(list, i, item) check_keys("avty", item, keys, NULL);
}

void contract_check(const json_t *message)
{
        json_t *root = json_copy((json_t *)(uintptr_t)message), *component;
        const char *name;

        assert_true(json_object_size(json_object_get(root, "cmps")) > 0);
        json_object_foreach(json_object_get(root, "cmps"), name, component)
        {
                if (strchr(name, ' '))
                        fail_msg("%s: a component's name is one word", name);
                check_component(name, component);
        }
        check_keys("dev", json_object_get(root, "dev"), device_keys, NULL);
        check_keys("o", json_object_get(root, "o"), origin_keys, NULL);
        check_availability(json_object_get(root, "avty"));
        assert_int_equal(json_object_del(root, "cmps") + json_object_del(root, "dev") + json_object_del(root, "o") +
                                 json_object_del(root, "avty"),
                         0);
        check_keys("message", root, root_keys, NULL);
        json_decref(root);
}
