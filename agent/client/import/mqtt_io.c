/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/mqtt_io.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "client/import/broker.h"
#include "client/import/classes.h"
#include "client/import/module.h"
#include "client/import/sensors.h"
#include "util/text.h"

#define LOST_PAYLOAD "Sconce publishes ON and OFF, and takes them in any case"
#define LOST_TOPIC   "topics are sconce/NODE/DEVICE/...: docs/topics.md"

static const struct import_key root_keys[] = {
        { .name = "mqtt" },
        { .name = "gpio_modules" },
        { .name = "sensor_modules" },
        { .name = "digital_inputs" },
        { .name = "digital_outputs" },
        { .name = "sensor_inputs" },
        { .name = "stream_modules",
          .lost = "there are no serial streams: a program of yours reads one (docs/plugins/exec.md)" },
        { .name = "logging", .lost = "the log goes to the journal: journalctl -u sconced, or sconced --log-level" },
        { .name = "options", .lost = "has no counterpart" },
        { .name = "reporting", .lost = "nothing is reported to anybody" },
        { 0 },
};

static const struct import_key input_keys[] = {
        { .name = "name" },
        { .name = "module" },
        { .name = "pin" },
        { .name = "inverted" },
        { .name = "pullup" },
        { .name = "pulldown" },
        { .name = "bouncetime" },
        { .name = "ha_discovery" },
        { .name = "on_payload", .usual = "ON", .lost = LOST_PAYLOAD },
        { .name = "off_payload", .usual = "OFF", .lost = LOST_PAYLOAD },
        { .name = "retain", .usual = "yes", .lost = "the state is always retained" },
        { .name = "interrupt" }, /* every edge is seen */
        { .name = "poll_interval" },
        { .name = "poll_when_interrupt_for" },
        { .name = "interrupt_for",
          .lost = "an expander's interrupt line belongs to its kernel driver (dtoverlay=...)" },
        { 0 },
};

static const struct import_key output_keys[] = {
        { .name = "name" },
        { .name = "module" },
        { .name = "pin" },
        { .name = "inverted" },
        { .name = "timed_set_ms" },
        { .name = "initial" },
        { .name = "ha_discovery" },
        { .name = "publish_initial" },
        { .name = "on_payload", .usual = "ON", .lost = LOST_PAYLOAD },
        { .name = "off_payload", .usual = "OFF", .lost = LOST_PAYLOAD },
        { .name = "retain", .usual = "yes", .lost = "the state is always retained" },
        { .name = "pullup", .usual = "no", .lost = "an output has no pull-up" },
        { .name = "pulldown", .usual = "no", .lost = "an output has no pull-down" },
        { 0 },
};

static const struct import_key discovery_keys[] = {
        { .name = "component" },
        { .name = "name" },
        { .name = "device_class" },
        { .name = "enabled" },
        { .name = "unique_id", .lost = "Home Assistant knows the device by its node and id" },
        { .name = "expire_after", .lost = "a device that fails is unavailable by itself" },
        { .name = "icon", .lost = "set it in Home Assistant" },
        { 0 },
};

/* ---- Lines --------------------------------------------------------------------------------------------------- */

static const struct gpio_module {
        const char *name;
        const char *bias;    /* what a pin without pullup and pulldown has; NULL: as it is */
        const char *overlay; /* an expander's, for config.txt; its address is to follow. NULL: it is none */
        unsigned pins;       /* 0: named by chip and offset */
} gpio_modules[] = {
        { .name = "raspberrypi", .bias = "disabled", .pins = 54 },
        { .name = "gpiozero", .pins = 54 },
        { .name = "gpiod" },
        { .name = "pcf8574", .overlay = "pcf857x,pcf8574", .pins = 8 },
        { .name = "pcf8575", .overlay = "pcf857x,pcf8575", .pins = 16 },
        { .name = "mcp23017", .overlay = "mcp23017", .pins = 16 },
        { .name = "xl9535", .overlay = "pca953x,pca9535", .pins = 16 },
};

static const struct gpio_module *gpio_module_find(const char *name)
{
        for (size_t i = 0; name && i < ARRAY_SIZE(gpio_modules); i++)
                if (strcmp(gpio_modules[i].name, name) == 0)
                        return &gpio_modules[i];
        return NULL;
}

/* The chip of an expander is its place on the I²C bus, which does not change. */
static void put_expander_line(struct draft *draft, const struct gpio_module *kind, const struct tree_node *module,
                              unsigned pin, unsigned at)
{
        char line[IMPORT_LINE_MAX];
        unsigned bus, address;

        if (!module_address(draft, module, 0x20, &bus, &address))
                return;
        (void)snprintf(line, sizeof(line), "%u-%04x:%u", bus, address, pin);
        draft_comment(draft, "The kernel's driver shows the expander: dtoverlay=%s,addr=0x%02x in config.txt",
                      kind->overlay, address);
        draft_put_line(draft, "line", at, line);
}

static void put_gpiod_line(struct draft *draft, const struct tree_node *module, unsigned pin, unsigned at)
{
        char line[IMPORT_LINE_MAX];
        const char *chip = draft_text(draft, module, "chip");
        const char *slash = chip ? strrchr(chip, '/') : NULL;

        chip = slash ? slash + 1 : chip ? chip : "gpiochip0";
        if (!*chip || strspn(chip, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(chip) || strlen(chip) > 40) {
                draft_refuse(draft, module->line, "chip: is not a chip's name, such as gpiochip0; left out");
                return;
        }
        (void)snprintf(line, sizeof(line), "%s:%u", chip, pin);
        draft_put_line(draft, "line", at, line);
}

static const struct gpio_module *put_line(struct draft *draft, const struct tree_node *modules,
                                          const struct tree_node *io)
{
        const char *name = draft_text(draft, io, "module");
        const struct tree_node *module = name ? module_find(modules, name) : NULL;
        const struct tree_node *type = tree_get(module, "module");
        const struct gpio_module *kind = gpio_module_find(type && type->kind == TREE_TEXT ? type->text : NULL);
        char shown[TEXT_SHOWN_MAX], line[IMPORT_LINE_MAX];
        unsigned pin = UINT_MAX;

        if (draft->bad)
                return NULL;
        if (!module || !kind) {
                draft_refuse(draft, io->line,
                             !module ? "%s: module %s is not among gpio_modules; left out"
                                     : "%s: module %s has no counterpart: `sconced --lines` lists the lines of the "
                                       "kernel's chips; left out",
                             draft->id, text_show(name ? name : "(none)", shown));
                return NULL;
        }
        if (!draft_unsigned(draft, io, "pin", kind->pins ? kind->pins - 1 : 1023, &pin))
                return NULL;
        if (pin == UINT_MAX) {
                draft_refuse(draft, io->line, "%s: has no pin; left out", draft->id);
                return NULL;
        }
        unsigned at = tree_get(io, "pin")->line;
        if (kind->overlay) {
                put_expander_line(draft, kind, module, pin, at);
        } else if (!kind->pins) {
                put_gpiod_line(draft, module, pin, at);
        } else {
                (void)snprintf(line, sizeof(line), "GPIO%u", pin);
                draft_put_line(draft, "line", at, line);
        }
        return kind;
}

/* ---- Inputs -------------------------------------------------------------------------------------------------- */

static void put_bias(struct draft *draft, const struct gpio_module *kind, const struct tree_node *io)
{
        bool up = draft_bool(draft, io, "pullup", false), down = draft_bool(draft, io, "pulldown", false);
        const char *bias = up ? "pull-up" : down ? "pull-down" : kind ? kind->bias : NULL;

        if (up && down)
                draft_refuse(draft, io->line, "%s: pullup and pulldown at once: choose one; left out", draft->id);
        else if (bias)
                draft_put(draft, "bias", "%s", bias);
}

static void put_debounce(struct draft *draft, const struct tree_node *io)
{
        double ms;

        if (draft_number(draft, io, "bouncetime", 10000, &ms))
                draft_put(draft, "debounce", "%.0fms", ms);
}

/* The map of Home Assistant's, or NULL. */
static const struct tree_node *discovery_of(struct import *import, const struct tree_node *io)
{
        const struct tree_node *map = tree_get(io, "ha_discovery");

        if (!map || map->kind != TREE_MAP)
                return NULL;
        import_keys(import, map, discovery_keys);
        return map;
}

/* Begins the device with the name that people see: Home Assistant's, where there is one. */
static const struct tree_node *begin(struct draft *draft, struct import *import, const struct tree_node *io,
                                     const struct import_key *keys, const char *fallback)
{
        const struct tree_node *discovery = discovery_of(import, io);
        const struct tree_node *name = tree_get(io, "name"), *shown = tree_get(discovery, "name");

        name = name && name->kind == TREE_TEXT && !name->tag ? name : NULL;
        draft_begin(draft, import, io->line, name ? name->text : NULL, fallback);
        if (io->kind != TREE_MAP)
                draft_refuse(draft, io->line, "%s: must be a map with name, module and pin; left out", fallback);
        import_keys(import, io, keys);
        if (shown && shown->kind == TREE_TEXT && (!name || strcmp(shown->text, name->text) != 0))
                draft_rename(draft, shown->text);
        return discovery;
}

static void import_input(struct import *import, const struct tree_node *root, const struct tree_node *io)
{
        struct draft draft;
        const struct tree_node *discovery = begin(&draft, import, io, input_keys, "input");
        const struct gpio_module *kind = put_line(&draft, tree_get(root, "gpio_modules"), io);

        draft_put_flag(&draft, "active_low", draft_bool(&draft, io, "inverted", false));
        put_bias(&draft, kind, io);
        put_debounce(&draft, io);
        classes_put_contact(&draft, discovery);
        draft_end(&draft, "contact");
}

/* ---- Outputs ------------------------------------------------------------------------------------------------- */

static const struct output_kind {
        const char *component, *plugin, *device_class;
} output_kinds[] = {
        { "switch", "switch", NULL }, /* also for what is not here */
        { "light", "lamp", NULL },
        { "fan", "switch", "fan" },
        { "valve", "switch", "valve" },
};

static const struct output_kind *output_kind_of(struct draft *draft, const struct tree_node *discovery)
{
        const char *component = draft_text(draft, discovery, "component");
        char shown[TEXT_SHOWN_MAX];

        for (size_t i = 0; component && i < ARRAY_SIZE(output_kinds); i++)
                if (strcmp(output_kinds[i].component, component) == 0)
                        return &output_kinds[i];
        if (component)
                import_note(draft->import, discovery->line, "component: %s becomes a switch",
                            text_show(component, shown));
        return &output_kinds[0];
}

/* `initial` is a level, `power_on` a state. */
static void put_power_on(struct draft *draft, const struct tree_node *io, bool inverted, bool timed)
{
        const char *initial = draft_text(draft, io, "initial");
        char shown[TEXT_SHOWN_MAX];

        if (!initial)
                return;
        bool high = strcasecmp(initial, "high") == 0;
        if (!high && strcasecmp(initial, "low") != 0)
                draft_refuse(draft, tree_get(io, "initial")->line, "initial: %s is neither high nor low; left out",
                             text_show(initial, shown));
        else if (high != inverted && timed)
                import_note(draft->import, tree_get(io, "initial")->line,
                            "initial: an output that goes off by itself is off at the start");
        else
                draft_put(draft, "power_on", high != inverted ? "on" : "off");
}

static void import_output(struct import *import, const struct tree_node *root, const struct tree_node *io)
{
        struct draft draft;
        const struct tree_node *discovery = begin(&draft, import, io, output_keys, "output");
        const struct output_kind *kind = output_kind_of(&draft, discovery);
        const struct tree_node *class = tree_get(discovery, "device_class");
        bool inverted = draft_bool(&draft, io, "inverted", false);
        double ms;

        (void)put_line(&draft, tree_get(root, "gpio_modules"), io);
        draft_put_flag(&draft, "active_low", inverted);
        bool timed = draft_number(&draft, io, "timed_set_ms", 365.0 * 86400000, &ms) && ms > 0;
        if (timed) {
                kind = strcmp(kind->plugin, "lamp") == 0 ? &output_kinds[0] : kind;
                draft_comment(&draft, "Each ON lasts this long; OFF stays OFF.");
                draft_put(&draft, "pulse", "%.0fms", MAX(ms, 10.0)); /* the least that there is */
        }
        put_power_on(&draft, io, inverted, timed);
        if (kind->device_class)
                draft_put(&draft, "device_class", "%s", kind->device_class);
        else if (class && class->kind == TREE_TEXT && strcmp(class->text, "outlet") == 0)
                draft_put(&draft, "device_class", "outlet");
        else if (!tree_is_null(class) && strcmp(class->kind == TREE_TEXT ? class->text : "", "switch") != 0)
                import_note(import, class->line, "device_class: a switch is an outlet, a fan or a valve: left out");
        draft_end(&draft, kind->plugin);
}

/* ---- The file ------------------------------------------------------------------------------------------------ */

bool mqtt_io_is(const struct tree_node *root)
{
        static const char *const words[] = { "gpio_modules", "sensor_modules", "digital_inputs", "digital_outputs",
                                             "sensor_inputs" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (tree_get(root, words[i]))
                        return true;
        return false;
}

static void import_list(struct import *import, const struct tree_node *root, const char *key,
                        void (*one)(struct import *import, const struct tree_node *root, const struct tree_node *io))
{
        size_t count;
        const struct tree_item *items = import_items(import, tree_get(root, key), key, &count);

        for (size_t i = 0; i < count; i++)
                one(import, root, items[i].node);
}

void mqtt_io_import(struct import *import, const struct tree_node *root)
{
        import_keys(import, root, root_keys);
        broker_import(import, tree_get(root, "mqtt"));
        import_list(import, root, "digital_inputs", import_input);
        import_list(import, root, "digital_outputs", import_output);
        sensors_import(import, root);
}
