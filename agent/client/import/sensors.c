/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/sensors.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "client/import/module.h"
#include "util/text.h"

static const struct import_key input_keys[] = {
        { .name = "name" },
        { .name = "module" },
        { .name = "type" },
        { .name = "pin" },
        { .name = "interval" },
        { .name = "digits" },
        { .name = "ha_discovery" }, /* units and classes are the plugin's own */
        { .name = "retain", .usual = "yes", .lost = "the state is always retained" },
        { 0 },
};

/* How a module's device is found: by its place on a bus, its pin, its id. */
enum sensor_place { PLACE_I2C, PLACE_SPI, PLACE_DHT, PLACE_W1 };

struct sensor_channel {
        const char *type; /* as a sensor input has it; NULL: the only one */
        const char *key;  /* as the plugin has it */
};

static const struct sensor_kind {
        const char *module, *plugin;
        enum sensor_place place;
        unsigned address; /* its usual one */
        const char *overlay;
        struct sensor_channel channels[4]; /* none: one for each pin, voltageN */
} sensor_kinds[] = {
        { "ds18b", "w1", PLACE_W1, 0, "w1-gpio", { { NULL, NULL } } },
        { "dht22", "iio", PLACE_DHT, 0, "dht11", { { "temperature", "temp" }, { "humidity", "humidityrelative" } } },
        { "bme280",
          "iio",
          PLACE_I2C,
          0x76,
          "i2c-sensor,bme280",
          { { "temperature", "temp" }, { "humidity", "humidityrelative" }, { "pressure", "pressure" } } },
        { "bme680",
          "iio",
          PLACE_I2C,
          0x77,
          "i2c-sensor,bme680",
          { { "temperature", "temp" },
            { "humidity", "humidityrelative" },
            { "pressure", "pressure" },
            { "gas", "resistance" } } },
        { "bmp085",
          "iio",
          PLACE_I2C,
          0x77,
          "i2c-sensor,bmp085",
          { { "temperature", "temp" }, { "pressure", "pressure" } } },
        { "bh1750", "iio", PLACE_I2C, 0x23, "i2c-sensor,bh1750", { { NULL, "illuminance" } } },
        { "ads1x15", "iio", PLACE_I2C, 0x48, "ads1115", { { NULL, NULL } } },
        { "mcp3008", "iio", PLACE_SPI, 0, "mcp3008,spi0-0-present", { { NULL, NULL } } },
        { "lm75", "hwmon", PLACE_I2C, 0x48, "i2c-sensor,lm75", { { NULL, "temp1" } } },
        { "sht4x",
          "hwmon",
          PLACE_I2C,
          0x44,
          "i2c-sensor,sht4x",
          { { "temperature", "temp1" }, { "humidity", "humidity1" } } },
        { "ina219",
          "hwmon",
          PLACE_I2C,
          0x40,
          "i2c-sensor,ina219",
          { { "power", "power1" }, { "current", "curr1" }, { "bus_voltage", "in1" }, { "shunt_voltage", "in0" } } },
};

static const struct {
        const char *type;
        unsigned family;
} w1_families[] = {
        { "DS18S20", 0x10 }, { "DS1822", 0x22 },   { "DS18B20", 0x28 },
        { "DS1825", 0x3b },  { "DS28EA00", 0x42 }, { "MAX31850K", 0x3b },
};

/* What reads a module that is not among them. */
static const struct {
        const char *module, *hint;
} hints[] = {
        { "yfs201", "its pulses are counted by [counter ...] with the line it is at" },
        { "flowsensor", "its pulses are counted by [counter ...] with the line it is at" },
        { "frequencycounter", "its pulses are counted by [counter ...] with the line it is at" },
};

/* ---- Where it is --------------------------------------------------------------------------------------------- */

static void put_i2c(struct draft *draft, const struct sensor_kind *kind, const struct tree_node *module)
{
        unsigned bus, address;

        if (!module_address(draft, module, kind->address, &bus, &address))
                return;
        draft_comment(draft, "config.txt: dtoverlay=%s%s0x%02x", kind->overlay, ",addr=", address);
        draft_put(draft, strcmp(kind->plugin, "hwmon") == 0 ? "chip" : "device", "%u-%04x", bus, address);
}

/* The kernel writes the pin in hexadecimal. */
static void put_dht(struct draft *draft, const struct sensor_kind *kind, const struct tree_node *module)
{
        unsigned pin = 0;

        if (!draft_unsigned(draft, module, "pin", 53, &pin))
                return;
        draft_comment(draft, "config.txt: dtoverlay=%s,gpiopin=%u", kind->overlay, pin);
        draft_comment(draft, "Its name, where this is not it: cat /sys/bus/iio/devices/*/name");
        draft_put(draft, "device", "dht11@%x", pin);
}

static void put_w1(struct draft *draft, const struct sensor_kind *kind, const struct tree_node *module)
{
        const char *type = draft_text(draft, module, "type"), *address = draft_text(draft, module, "address");
        unsigned family = 0x28;

        draft_comment(draft, "config.txt: dtoverlay=%s", kind->overlay);
        if (!address)
                return; /* all that are there */
        for (size_t i = 0; type && i < ARRAY_SIZE(w1_families); i++)
                if (strcasecmp(type, w1_families[i].type) == 0)
                        family = w1_families[i].family;
        if (strlen(address) != 12 || strspn(address, "0123456789abcdefABCDEF") != 12) {
                draft_refuse(draft, tree_get(module, "address")->line,
                             "address: is not 12 hexadecimal digits; left out");
                return;
        }
        char id[16];
        (void)snprintf(id, sizeof(id), "%02x-%s", family, address);
        for (char *c = id; *c; c++)
                if (*c >= 'A' && *c <= 'F')
                        *c += 'a' - 'A';
        draft_put(draft, "id", "%s", id);
}

static void put_spi(struct draft *draft, const struct sensor_kind *kind, const struct tree_node *module)
{
        (void)module;
        draft_comment(draft, "config.txt: dtoverlay=%s", kind->overlay);
        draft_put(draft, "device", "%s", kind->module);
}

static void (*const put_place[])(struct draft *draft, const struct sensor_kind *kind,
                                 const struct tree_node *module) = {
        [PLACE_I2C] = put_i2c,
        [PLACE_SPI] = put_spi,
        [PLACE_DHT] = put_dht,
        [PLACE_W1] = put_w1,
};

/* ---- What it measures ---------------------------------------------------------------------------------------- */

/* All the inputs of one module. */
struct sensor {
        struct draft draft;
        const struct sensor_kind *kind;
        char channels[256];
        double every_s;
};

static void add_channel(struct sensor *sensor, const char *key)
{
        char all[sizeof(sensor->channels) + 4], wanted[64];

        (void)snprintf(all, sizeof(all), ", %s,", sensor->channels);
        (void)snprintf(wanted, sizeof(wanted), " %s,", key);
        if (!strstr(all, wanted))
                text_list_add(sensor->channels, sizeof(sensor->channels), key);
}

static void add_voltage(struct sensor *sensor, const struct tree_node *input)
{
        char key[24];
        unsigned pin = UINT_MAX;

        if (!draft_unsigned(&sensor->draft, input, "pin", 7, &pin) || pin == UINT_MAX)
                return; /* all channels, where no input names one */
        (void)snprintf(key, sizeof(key), "voltage%u", pin);
        add_channel(sensor, key);
}

static void add_type(struct sensor *sensor, const struct tree_node *input)
{
        const struct sensor_channel *channels = sensor->kind->channels;
        const char *type = draft_text(&sensor->draft, input, "type");
        char shown[TEXT_SHOWN_MAX];

        if (!channels[0].type) {
                add_channel(sensor, channels[0].key);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(sensor->kind->channels) && channels[i].key; i++) {
                if (!type || strcmp(channels[i].type, type) == 0) {
                        add_channel(sensor, channels[i].key);
                        if (type)
                                return;
                }
        }
        if (type)
                import_note(sensor->draft.import, input->line, "type: %s does not measure %s: left out",
                            sensor->kind->module, text_show(type, shown));
}

static void add_input(struct sensor *sensor, const struct tree_node *input)
{
        double every_s = 60;

        import_keys(sensor->draft.import, input, input_keys);
        if (sensor->kind->channels[0].key)
                add_type(sensor, input);
        else if (sensor->kind->place != PLACE_W1)
                add_voltage(sensor, input);
        if (draft_number(&sensor->draft, input, "interval", 86400, &every_s) && every_s < 1)
                every_s = 1;
        if (sensor->every_s > 0 && every_s != sensor->every_s)
                import_note(sensor->draft.import, input->line,
                            "interval: one for all that a sensor measures: the shortest");
        if (!(sensor->every_s > 0) || every_s < sensor->every_s)
                sensor->every_s = every_s;
}

static bool is_of(const struct tree_node *input, const char *module)
{
        const struct tree_node *name = tree_get(input, "module");
        return name && name->kind == TREE_TEXT && strcmp(name->text, module) == 0;
}

static size_t add_inputs(struct sensor *sensor, const struct tree_node *inputs, const char *module)
{
        size_t found = 0;

        for (size_t i = 0; inputs && inputs->kind == TREE_LIST && i < inputs->count; i++) {
                if (is_of(inputs->items[i].node, module)) {
                        add_input(sensor, inputs->items[i].node);
                        found++;
                }
        }
        return found;
}

/* ---- Modules ------------------------------------------------------------------------------------------------- */

static const struct sensor_kind *kind_of(struct import *import, const struct tree_node *module)
{
        const struct tree_node *type = tree_get(module, "module");
        const char *name = type && type->kind == TREE_TEXT ? type->text : "(none)";
        const char *hint = "no plugin reads it: docs/sensors.md shows what is read";
        char shown[TEXT_SHOWN_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(sensor_kinds); i++)
                if (strcmp(sensor_kinds[i].module, name) == 0)
                        return &sensor_kinds[i];
        for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
                if (strcmp(hints[i].module, name) == 0)
                        hint = hints[i].hint;
        import_note(import, module->line, "%s: %s; left out", text_show(name, shown), hint);
        return NULL;
}

static void import_module(struct import *import, const struct tree_node *inputs, const struct tree_node *module)
{
        const struct tree_node *name = tree_get(module, "name");
        struct sensor sensor = { .kind = kind_of(import, module) };

        if (!sensor.kind)
                return;
        name = name && name->kind == TREE_TEXT ? name : NULL;
        draft_begin(&sensor.draft, import, module->line, name ? name->text : NULL, sensor.kind->module);
        put_place[sensor.kind->place](&sensor.draft, sensor.kind, module);
        if (!add_inputs(&sensor, inputs, name ? name->text : ""))
                draft_refuse(&sensor.draft, module->line, "%s: no sensor input reads it; left out", sensor.draft.id);
        if (*sensor.channels)
                draft_put(&sensor.draft, "channels", "[%s]", sensor.channels);
        draft_put(&sensor.draft, "every", "%.0fs", sensor.every_s);
        draft_end(&sensor.draft, sensor.kind->plugin);
}

void sensors_import(struct import *import, const struct tree_node *root)
{
        const struct tree_node *inputs = tree_get(root, "sensor_inputs");
        size_t count, n_inputs;
        const struct tree_item *modules = import_items(import, tree_get(root, "sensor_modules"), "sensor_modules",
                                                       &count);
        const struct tree_item *items = import_items(import, inputs, "sensor_inputs", &n_inputs);

        for (size_t i = 0; i < count; i++)
                import_module(import, inputs, modules[i].node);
        for (size_t i = 0; i < n_inputs; i++) {
                const struct tree_node *module = tree_get(items[i].node, "module");
                if (!module || module->kind != TREE_TEXT ||
                    !module_find(tree_get(root, "sensor_modules"), module->text))
                        import_note(import, items[i].line,
                                    "sensor_inputs: its module is not among sensor_modules; left out");
        }
}
