/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discovery: the messages for Home Assistant, compared to those in tests/unit/discovery, which have been tried with the
 * program; SCONCE_TEST_WRITE=1 writes them again. And what holds of all of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discovery/discovery.h"
#include "fakes/contract.h"
#include "fakes/json_taken.h"

#define DIRECTORY "tests/unit/discovery/"

enum { CHANNELS_MAX = 8 };

static const char *const words[] = { "none", "blink", "breathe", NULL };
static const char *const presses[] = { "single", "double", "long", "release", "turned left", NULL };

static const struct sample {
        const char *name; /* of its file, and the device's plugin */
        struct sconce_channel rows[CHANNELS_MAX];
        int64_t round; /* of its first channel; 0: none */
} samples[] = {
        { "lamp",
          { { .key = "state", .kind = SCONCE_LIGHT },
            { .key = "effect", .kind = SCONCE_SELECT, .flags = SCONCE_COMMAND_ONLY, .choices = words },
            { .key = "flash", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY, .unit = "s", .max = 10 } },
          0 },
        { "dimmed-lamp",
          { { .key = "state", .kind = SCONCE_LIGHT },
            { .key = "effect", .kind = SCONCE_SELECT, .choices = words },
            { .key = "flash", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY, .unit = "s", .max = 10 },
            { .key = "brightness", .kind = SCONCE_NUMBER, .min = 1, .max = 255, .step = 1 },
            { .key = "transition", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY, .unit = "s", .max = 60 } },
          0 },
        { "two-lamps",
          { { .key = "left", .kind = SCONCE_LIGHT },
            { .key = "right", .kind = SCONCE_LIGHT, .name = "On the right" },
            { .key = "brightness", .kind = SCONCE_NUMBER, .min = 1, .max = 255, .step = 1 },
            { .key = "lit", .kind = SCONCE_LIGHT, .flags = SCONCE_READ_ONLY } },
          0 },
        { "switch",
          { { .key = "state", .kind = SCONCE_SWITCH, .device_class = "outlet" },
            { .key = "for", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY, .unit = "s" },
            { .key = "locked", .kind = SCONCE_SWITCH, .flags = SCONCE_READ_ONLY, .device_class = "lock" },
            { .key = "child_lock", .kind = SCONCE_SWITCH, .flags = SCONCE_DIAGNOSTIC } },
          0 },
        { "fan", { { .key = "state", .kind = SCONCE_SWITCH, .device_class = "fan" } }, 0 },
        { "valve", { { .key = "state", .kind = SCONCE_SWITCH, .device_class = "water" } }, 0 },
        { "contact",
          { { .key = "state", .kind = SCONCE_BINARY_SENSOR, .device_class = "door" },
            { .key = "tamper", .kind = SCONCE_BINARY_SENSOR, .device_class = "tamper", .flags = SCONCE_DIAGNOSTIC } },
          0 },
        { "thermometer",
          { { .key = "temperature", .kind = SCONCE_SENSOR, .unit = "°C", .device_class = "temperature" } },
          1 },
        { "sensors",
          { { .key = "energy", .kind = SCONCE_SENSOR, .unit = "kWh", .device_class = "energy", .flags = SCONCE_TOTAL },
            { .key = "stock", .kind = SCONCE_SENSOR, .unit = "kWh", .device_class = "energy" },
            { .key = "co2", .kind = SCONCE_SENSOR, .unit = "ppm", .device_class = "carbon_dioxide", .name = "CO₂" },
            { .key = "odd_unit", .kind = SCONCE_SENSOR, .unit = "furlong", .device_class = "distance" },
            { .key = "odd_class", .kind = SCONCE_SENSOR, .unit = "°C", .device_class = "cosiness" },
            { .key = "wind", .kind = SCONCE_SENSOR, .unit = "°", .device_class = "wind_direction", .step = 22.5 },
            { .key = "load", .kind = SCONCE_SENSOR, .flags = SCONCE_DIAGNOSTIC, .step = 0.01 } },
          0 },
        { "counter",
          { { .key = "total",
              .kind = SCONCE_SENSOR,
              .flags = SCONCE_TOTAL | SCONCE_WRITABLE,
              .unit = "m³",
              .device_class = "water",
              .max = 1e12 },
            { .key = "rate",
              .kind = SCONCE_SENSOR,
              .unit = "L/min",
              .device_class = "volume_flow_rate",
              .name = "Flow" } },
          0 },
        { "number", { { .key = "value", .kind = SCONCE_NUMBER, .unit = "%", .max = 100, .step = 0.5 } }, 0 },
        { "numbers",
          { { .key = "set_point",
              .kind = SCONCE_NUMBER,
              .unit = "°C",
              .device_class = "temperature",
              .min = -5,
              .max = 30,
              .step = 0.1 },
            { .key = "anything", .kind = SCONCE_NUMBER, .step = 1e-6 },
            { .key = "pause", .kind = SCONCE_DURATION, .min = 0.5, .max = 3600 },
            { .key = "hold", .kind = SCONCE_DURATION, .unit = "s" },
            { .key = "shown",
              .kind = SCONCE_NUMBER,
              .flags = SCONCE_READ_ONLY,
              .unit = "lx",
              .device_class = "illuminance" },
            { .key = "left", .kind = SCONCE_DURATION, .flags = SCONCE_READ_ONLY } },
          0 },
        { "cover",
          { { .key = "state", .kind = SCONCE_COVER, .device_class = "blind" },
            { .key = "position", .kind = SCONCE_NUMBER, .unit = "%", .max = 100, .step = 1 } },
          0 },
        { "gate",
          { { .key = "gate", .kind = SCONCE_COVER, .device_class = "gate" },
            { .key = "way", .kind = SCONCE_COVER, .flags = SCONCE_READ_ONLY } },
          0 },
        { "moving-valve",
          { { .key = "state", .kind = SCONCE_COVER, .device_class = "valve" },
            { .key = "position", .kind = SCONCE_NUMBER, .unit = "%", .max = 100, .step = 1 } },
          0 },
        { "plain-valve", { { .key = "state", .kind = SCONCE_COVER, .device_class = "gas" } }, 0 },
        { "buttons",
          { { .key = "restart", .kind = SCONCE_BUTTON, .device_class = "restart", .flags = SCONCE_DIAGNOSTIC },
            { .key = "ring_bell", .kind = SCONCE_BUTTON } },
          0 },
        { "event", { { .key = "press", .kind = SCONCE_EVENT, .device_class = "button", .choices = presses } }, 0 },
        { "select",
          { { .key = "mode", .kind = SCONCE_SELECT, .choices = words },
            { .key = "phase", .kind = SCONCE_SELECT, .flags = SCONCE_READ_ONLY, .choices = words } },
          0 },
        { "texts",
          { { .key = "message", .kind = SCONCE_TEXT },
            { .key = "display", .kind = SCONCE_TEXT, .flags = SCONCE_WRITABLE },
            { .key = "since", .kind = SCONCE_TEXT, .device_class = "timestamp" },
            { .key = "problems", .kind = SCONCE_TEXT_LIST, .flags = SCONCE_DIAGNOSTIC } },
          0 },
};

/* ---- Help ---------------------------------------------------------------------------------------------------------- */

static void fill(struct channels *channels, const struct sconce_channel *rows)
{
        for (; rows->key; rows++)
                assert_int_equal(channels_append(channels, rows), 0);
}

static void take(struct json_text *text, json_t **ret)
{
        json_error_t error;

        assert_false(text->failed);
        *ret = json_loadb(text->data, text->size, JSON_REJECT_DUPLICATES, &error);
        if (!*ret)
                fail_msg("%s: %.*s", error.text, (int)text->size, text->data);
        json_text_done(text);
}

static json_t *message_of(const char *node, const char *id, const char *plugin, const struct channels *channels,
                          const char *before, enum discovery expected)
{
        const struct discovery_device device = { .base = "sconce",
                                                 .node = node,
                                                 .id = id,
                                                 .plugin = plugin,
                                                 .version = "1.2",
                                                 .area = "Hall",
                                                 .channels = channels };
        struct json_text text = { 0 };
        json_t *message;

        assert_int_equal(discovery_write(&device, before, &text), expected);
        take(&text, &message);
        return message;
}

/* The version is the build's. */
static void compare(const char *name, json_t *message)
{
        char path[128];

        (void)snprintf(path, sizeof(path), DIRECTORY "%s.json", name);
        assert_int_equal(json_object_set_new(json_object_get(message, "o"), "sw", json_string("VERSION")), 0);
        char *text = json_dumps(message, JSON_INDENT(2));
        if (getenv("SCONCE_TEST_WRITE")) {
                FILE *file = fopen(path, "we");
                assert_non_null(file);
                assert_true(fprintf(file, "%s\n", text) > 0);
                assert_int_equal(fclose(file), 0);
        }
        /* Not by their texts: Jansson 2.15 writes 0.1 where 2.14 writes 0.10000000000000001. */
        json_t *golden = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
        if (!json_equal(golden, message))
                fail_msg("%s: is not as expected any more: %s", path, text);
        json_decref(golden);
        free(text);
}

/* ---- The messages --------------------------------------------------------------------------------------------------- */

static void discovery_write__each_kind__as_written_down(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct channels channels = { 0 };
                fill(&channels, samples[i].rows);
                if (samples[i].round)
                        channels.items[0].reading.config.round = samples[i].round;
                json_t *message = message_of("hall", "a-b", samples[i].name, &channels, NULL, DISCOVERY_WHOLE);
                contract_check(message);
                compare(samples[i].name, message);
                json_decref(message);
                channels_done(&channels);
        }
}

static void discovery_write__kinds__all_have_a_sample(void **state)
{
        bool has[SCONCE_DURATION + 1] = { false };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                for (const struct sconce_channel *row = samples[i].rows; row->key; row++)
                        has[row->kind] = true;
        for (int kind = SCONCE_LIGHT; kind_get((enum sconce_kind)kind); kind++)
                assert_true(kind < (int)ARRAY_SIZE(has) && has[kind]);
}

/* ---- Ids ------------------------------------------------------------------------------------------------------------ */

static const char *id_of(const json_t *message, const char *component)
{
        const char *id = json_string_value(
                json_object_get(json_object_get(json_object_get(message, "cmps"), component), "uniq_id"));

        assert_non_null(id);
        return id;
}

static void discovery_write__ids_joined_the_same__other_unique_ids(void **state)
{
        static const struct sconce_channel rows[] = { { .key = "c", .kind = SCONCE_SWITCH }, { .key = NULL } };
        static const char *const names[][2] = { { "a-b", "c" }, { "a", "b-c" }, { "a_b", "c" }, { "a", "b_c" } };
        json_t *messages[ARRAY_SIZE(names)];
        struct channels channels = { 0 };

        (void)state;
        fill(&channels, rows);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                messages[i] = message_of(names[i][0], names[i][1], "x", &channels, NULL, DISCOVERY_WHOLE);
                for (size_t k = 0; k < i; k++) {
                        assert_string_not_equal(id_of(messages[i], "switch.c"), id_of(messages[k], "switch.c"));
                        assert_false(json_equal(json_object_get(json_object_get(messages[i], "dev"), "ids"),
                                                json_object_get(json_object_get(messages[k], "dev"), "ids")));
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                json_decref(messages[i]);
        channels_done(&channels);
}

static void discovery_write__renamed_and_in_another_order__same_ids(void **state)
{
        static const struct sconce_channel rows[] = { { .key = "a", .kind = SCONCE_SENSOR },
                                                      { .key = "b", .kind = SCONCE_SWITCH },
                                                      { .key = NULL } };
        static const struct sconce_channel others[] = { { .key = "b", .kind = SCONCE_SWITCH, .name = "Another" },
                                                        { .key = "new", .kind = SCONCE_BUTTON },
                                                        { .key = "a", .kind = SCONCE_SENSOR, .name = "One" },
                                                        { .key = NULL } };
        struct channels before = { 0 }, after = { 0 };

        (void)state;
        fill(&before, rows);
        fill(&after, others);
        json_t *first = message_of("hall", "x", "p", &before, NULL, DISCOVERY_WHOLE);
        json_t *second = message_of("hall", "x", "q", &after, NULL, DISCOVERY_WHOLE);
        assert_string_equal(id_of(first, "sensor.a"), id_of(second, "sensor.a"));
        assert_string_equal(id_of(first, "switch.b"), id_of(second, "switch.b"));
        assert_true(json_equal(json_object_get(json_object_get(first, "dev"), "ids"),
                               json_object_get(json_object_get(second, "dev"), "ids")));
        json_decref(first);
        json_decref(second);
        channels_done(&before);
        channels_done(&after);
}

static void discovery_write__ids_with_signs__entity_id_is_a_slug(void **state)
{
        static const struct sconce_channel rows[] = { { .key = "a__b_", .kind = SCONCE_BUTTON },
                                                      { .key = "c", .kind = SCONCE_BUTTON },
                                                      { .key = NULL } };
        struct channels channels = { 0 };

        (void)state;
        fill(&channels, rows);
        json_t *message = message_of("0-_hall-", "x_-y", "p", &channels, NULL, DISCOVERY_WHOLE);
        contract_check(message);
        assert_string_equal(
                json_string_value(json_object_get(json_object_get(json_object_get(message, "cmps"), "button.a__b_"),
                                                  "default_entity_id")),
                "button.0_hall_x_y_a_b");
        json_decref(message);
        channels_done(&channels);
}

static void discovery_write__the_node_itself__others_are_reached_through_it(void **state)
{
        static const struct sconce_channel rows[] = { { .key = "reload", .kind = SCONCE_BUTTON }, { .key = NULL } };
        struct channels channels = { 0 };

        (void)state;
        fill(&channels, rows);
        json_t *node = message_of("hall", "node", "node", &channels, NULL, DISCOVERY_WHOLE);
        json_t *other = message_of("hall", "lamp", "p", &channels, NULL, DISCOVERY_WHOLE);
        const json_t *dev = json_object_get(node, "dev");
        assert_null(json_object_get(dev, "via_device"));
        assert_string_equal(json_string_value(json_object_get(dev, "name")), "Hall");
        assert_string_equal(json_string_value(json_array_get(json_object_get(dev, "ids"), 0)),
                            json_string_value(json_object_get(json_object_get(other, "dev"), "via_device")));
        json_decref(node);
        json_decref(other);
        channels_done(&channels);
}

/* ---- What comes and goes -------------------------------------------------------------------------------------------- */

static void assert_keys(const struct channels *channels, const char *before, const char *expected)
{
        struct json_text text = { 0 };

        discovery_keys(channels, before, &text);
        char *keys = json_text_take(&text);
        assert_string_equal(keys, expected);
        free(keys);
}

static void discovery_keys__with_earlier_ones__both(void **state)
{
        static const char *const types[] = { "one", "a b%", NULL };
        static const struct sconce_channel rows[] = { { .key = "a", .kind = SCONCE_SENSOR },
                                                      { .key = "b", .kind = SCONCE_EVENT, .choices = types },
                                                      { .key = NULL } };
        struct channels channels = { 0 };

        (void)state;
        assert_keys(&channels, NULL, "");
        assert_keys(&channels, " sensor.x ", " sensor.x ");
        fill(&channels, rows);
#define NOW " sensor.a event.b device_automation.b.one device_automation.b.a%20b%25 "
        assert_keys(&channels, NULL, NOW);
        assert_keys(&channels, "", NOW);
        assert_keys(&channels, NOW, NOW);
        assert_keys(&channels, " switch.a sensor.a sensor.aa ", NOW "switch.a sensor.aa ");
        assert_keys(&channels, "  x .y  \xff.z switch.a switch.a sensor.aa", NOW "switch.a ");
        channels_done(&channels);
}

static void discovery_write__component_has_gone__its_platform_alone(void **state)
{
        static const struct sconce_channel rows[] = { { .key = "state", .kind = SCONCE_LIGHT }, { .key = NULL } };
        struct channels channels = { 0 };

        (void)state;
        fill(&channels, rows);
        json_t *message = message_of("hall", "x", "p", &channels,
                                     " switch.state light.state device_automation.press.a%20b ", DISCOVERY_REMOVES);
        const json_t *components = json_object_get(message, "cmps");
        assert_int_equal(json_object_size(components), 3);
        assert_true(json_object_size(json_object_get(components, "light.state")) > 1);
        json_t *gone = json_pack("{s:s}", "p", "switch"), *trigger = json_pack("{s:s}", "p", "device_automation");
        assert_true(json_equal(json_object_get(components, "switch.state"), gone));
        assert_true(json_equal(json_object_get(components, "device_automation.press.a%20b"), trigger));
        json_decref(gone);
        json_decref(trigger);
        json_decref(message);
        json_decref(message_of("hall", "x", "p", &channels, " light.state ", DISCOVERY_WHOLE));
        channels_done(&channels);
}

static void discovery_write__no_channels__empty(void **state)
{
        static const struct sconce_channel rows[] = {
                { .key = "for", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY }, { .key = NULL }
        };
        struct channels channels = { 0 };

        (void)state;
        json_decref(message_of("hall", "x", "p", &channels, NULL, DISCOVERY_EMPTY));
        fill(&channels, rows);
        json_decref(message_of("hall", "x", "p", &channels, NULL, DISCOVERY_EMPTY));
        json_decref(message_of("hall", "x", "p", &channels, " sensor.a ", DISCOVERY_REMOVES));
        channels_done(&channels);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(discovery_write__each_kind__as_written_down),
                cmocka_unit_test(discovery_write__kinds__all_have_a_sample),
                cmocka_unit_test(discovery_write__ids_joined_the_same__other_unique_ids),
                cmocka_unit_test(discovery_write__renamed_and_in_another_order__same_ids),
                cmocka_unit_test(discovery_write__ids_with_signs__entity_id_is_a_slug),
                cmocka_unit_test(discovery_write__the_node_itself__others_are_reached_through_it),
                cmocka_unit_test(discovery_keys__with_earlier_ones__both),
                cmocka_unit_test(discovery_write__component_has_gone__its_platform_alone),
                cmocka_unit_test(discovery_write__no_channels__empty),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
