/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/rpi_gpio.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/import/classes.h"
#include "util/text.h"

#define LOST_ID "Home Assistant knows the device by its node and id"

/* One platform: what its devices have in common. */
struct platform {
        struct import *import;
        const struct tree_node *map;
        bool remote; /* remote_rpi_gpio: its inputs are active at the level that the pull resistor does not give */
};

static const struct import_key platform_keys[] = {
        { .name = "platform" },
        { .name = "ports" },
        { .name = "switches" },
        { .name = "sensors" },
        { .name = "covers" },
        { .name = "host" },
        { .name = "invert_logic" },
        { .name = "pull_mode" },
        { .name = "bouncetime" },
        { .name = "relay_time" },
        { .name = "invert_relay" },
        { .name = "state_pull_mode" },
        { .name = "invert_state" },
        { .name = "port", .lost = "no daemon of pigpio is needed" },
        { .name = "scan_interval" },
        { .name = "entity_namespace", .lost = LOST_ID },
        { 0 },
};

static const struct import_key item_keys[] = {
        { .name = "port" },
        { .name = "name" },
        { .name = "invert_logic" },
        { .name = "active_low" },
        { .name = "pull_mode" },
        { .name = "bias" },
        { .name = "bouncetime" },
        { .name = "debounce" },
        { .name = "persistent" },
        { .name = "device_class" },
        { .name = "relay_pin" },
        { .name = "state_pin" },
        { .name = "relay_time" },
        { .name = "invert_relay" },
        { .name = "state_pull_mode" },
        { .name = "invert_state" },
        { .name = "unique_id", .lost = LOST_ID },
        { .name = "drive", .lost = "write `drive` of the plugin switch" },
        { 0 },
};

/* A device's own value, or else its platform's. */
static const struct tree_node *holder(const struct platform *platform, const struct tree_node *item, const char *key)
{
        return tree_get(item, key) ? item : platform->map;
}

/* ---- Values -------------------------------------------------------------------------------------------------- */

static void put_port(struct draft *draft, const char *text, unsigned at)
{
        char line[IMPORT_LINE_MAX], shown[TEXT_SHOWN_MAX], *end = NULL;

        if (!text) {
                draft_refuse(draft, at, "%s: has no GPIO number; left out", draft->id);
                return;
        }
        errno = 0;
        unsigned long port = strtoul(text, &end, 10);
        if (errno || *end || end == text || *text == '-' || port > 53) {
                draft_refuse(draft, at, "%s: %s is not a GPIO number from 0 to 53 (not the header's pin); left out",
                             draft->id, text_show(text, shown));
                return;
        }
        (void)snprintf(line, sizeof(line), "GPIO%lu", port);
        draft_put_line(draft, "line", at, line);
}

static const struct {
        const char *word, *bias;
} pull_modes[] = {
        { "UP", "pull-up" },      { "DOWN", "pull-down" },      { "OFF", "disabled" }, { "DISABLED", "disabled" },
        { "PULL_UP", "pull-up" }, { "PULL_DOWN", "pull-down" }, { "AS_IS", "as-is" },  { "FLOATING", "disabled" },
};

/* The bias is pull-up unless another is written. */
static const char *put_bias(struct draft *draft, const struct tree_node *map, const char *key)
{
        const char *word = draft_text(draft, map, key), *bias = word ? NULL : "pull-up";
        char shown[TEXT_SHOWN_MAX];

        for (size_t i = 0; word && i < ARRAY_SIZE(pull_modes); i++)
                if (strcasecmp(word, pull_modes[i].word) == 0)
                        bias = pull_modes[i].bias;
        if (bias)
                draft_put(draft, "bias", "%s", bias);
        else
                draft_refuse(draft, tree_get(map, key)->line, "%s: %s is not UP or DOWN; left out", key,
                             text_show(word, shown));
        return bias;
}

static void put_debounce(struct draft *draft, const struct tree_node *map, const char *key)
{
        double ms;

        if (draft_number(draft, map, key, 10000, &ms))
                draft_put(draft, "debounce", "%.0fms", ms);
}

static bool is_inverted(struct draft *draft, const struct platform *platform, const struct tree_node *item)
{
        return draft_bool(draft, tree_get(item, "active_low") ? item : holder(platform, item, "invert_logic"),
                          tree_get(item, "active_low") ? "active_low" : "invert_logic", false);
}

/* ---- Switches and sensors ------------------------------------------------------------------------------------ */

/* A device of `ports` has a number and a name, and `item` is NULL; one of a list has a map. */
struct device {
        const struct tree_node *item;
        const char *port, *name;
        unsigned line;
};

static void import_switch(const struct platform *platform, const struct device *device)
{
        const struct tree_node *item = device->item;
        struct draft draft;

        draft_begin(&draft, platform->import, device->line, device->name, "switch");
        put_port(&draft, device->port, device->line);
        draft_put_flag(&draft, "active_low", is_inverted(&draft, platform, item));
        if (!draft_bool(&draft, item, "persistent", false))
                draft_put(&draft, "power_on", "off");
        draft_end(&draft, "switch");
}

static void import_sensor(const struct platform *platform, const struct device *device)
{
        const struct tree_node *item = device->item;
        struct draft draft;

        draft_begin(&draft, platform->import, device->line, device->name, "contact");
        put_port(&draft, device->port, device->line);
        bool inverted = is_inverted(&draft, platform, item);
        const char *bias = put_bias(&draft, tree_get(item, "bias") ? item : holder(platform, item, "pull_mode"),
                                    tree_get(item, "bias") ? "bias" : "pull_mode");
        bool low = platform->remote && bias && strcmp(bias, "pull-up") == 0;
        draft_put_flag(&draft, "active_low", low != inverted);
        put_debounce(&draft, tree_get(item, "debounce") ? item : holder(platform, item, "bouncetime"),
                     tree_get(item, "debounce") ? "debounce" : "bouncetime");
        classes_put_contact(&draft, item);
        draft_end(&draft, "contact");
}

typedef void device_import(const struct platform *platform, const struct device *device);

static const char *text_of(const struct tree_node *node)
{
        return node && node->kind == TREE_TEXT && !node->tag && *node->text ? node->text : NULL;
}

static void import_ports(const struct platform *platform, device_import *one)
{
        const struct tree_node *ports = tree_get(platform->map, "ports");

        if (tree_is_null(ports))
                return;
        if (ports->kind != TREE_MAP) {
                import_note(platform->import, ports->line, "ports: must be a map, as in `17: Kitchen`; left out");
                return;
        }
        for (size_t i = 0; i < ports->count; i++)
                if (strcmp(ports->items[i].key, "<<") != 0)
                        one(platform, &(struct device){ NULL, ports->items[i].key, text_of(ports->items[i].node),
                                                        ports->items[i].line });
}

static void import_list(const struct platform *platform, const char *key, const char *port, device_import *one)
{
        size_t count;
        const struct tree_item *items = import_items(platform->import, tree_get(platform->map, key), key, &count);

        for (size_t i = 0; i < count; i++) {
                const struct tree_node *item = items[i].node;
                import_keys(platform->import, item, item_keys);
                one(platform, &(struct device){ item, text_of(tree_get(item, port)), text_of(tree_get(item, "name")),
                                                item->line });
        }
}

static void import_switches(const struct platform *platform)
{
        import_ports(platform, import_switch);
        import_list(platform, "switches", "port", import_switch);
}

static void import_sensors(const struct platform *platform)
{
        import_ports(platform, import_sensor);
        import_list(platform, "sensors", "port", import_sensor);
}

/* ---- Covers -------------------------------------------------------------------------------------------------- */

/* A garage door: one relay that is pressed, at a low level unless it is inverted. It is no cover here, which has an output
 * for each direction. */
static void import_relay(const struct platform *platform, const struct device *device)
{
        const struct tree_node *item = device->item;
        double seconds = 0.2;
        struct draft draft;

        draft_begin(&draft, platform->import, device->line, device->name, "door");
        bool high = draft_bool(&draft, holder(platform, item, "invert_relay"), "invert_relay", false);
        draft_comment(&draft,
                      "The button of a door with one relay. rpi_gpio pressed it at a %s level: try it with the motor",
                      high ? "high" : "low");
        draft_comment(&draft, "disconnected.");
        put_port(&draft, device->port, device->line);
        draft_put_flag(&draft, "active_low", !high);
        (void)draft_number(&draft, holder(platform, item, "relay_time"), "relay_time", 60, &seconds);
        draft_put(&draft, "pulse", "%.0fms", MAX(seconds * 1000, 10.0));
        if (!draft.bad)
                import_note(platform->import, device->line,
                            "%s: a door with one relay becomes a switch that is on for a moment, and a contact",
                            draft.id);
        draft_end(&draft, "switch");
}

/* Closed is high unless it is inverted; the contact is on while the door is open. */
static void import_state(const struct platform *platform, const struct device *device)
{
        const struct tree_node *item = device->item;
        CLEANUP_FREE char *name = NULL;
        struct draft draft;

        if (asprintf(&name, "%s state", device->name ? device->name : "Door") < 0) {
                name = NULL;
                platform->import->failed = true;
                return;
        }
        draft_begin(&draft, platform->import, device->line, name, "door-state");
        put_port(&draft, text_of(tree_get(item, "state_pin")), device->line);
        draft_put_flag(&draft, "active_low",
                       !draft_bool(&draft, holder(platform, item, "invert_state"), "invert_state", false));
        (void)put_bias(&draft, holder(platform, item, "state_pull_mode"), "state_pull_mode");
        draft_put(&draft, "device_class", "garage_door");
        draft_end(&draft, "contact");
}

static void import_cover(const struct platform *platform, const struct device *device)
{
        import_relay(platform, device);
        import_state(platform, device);
}

static void import_covers(const struct platform *platform)
{
        import_list(platform, "covers", "relay_pin", import_cover);
}

/* ---- The file ------------------------------------------------------------------------------------------------ */

static const struct domain {
        const char *name;
        void (*import)(const struct platform *platform);
} domains[] = {
        { "switch", import_switches },
        { "binary_sensor", import_sensors },
        { "cover", import_covers },
};

/* `switch`, and `switch garden`, of which there may be several. */
static const struct domain *domain_of(const char *key)
{
        size_t length = strcspn(key, " ");

        for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
                if (strlen(domains[i].name) == length && strncmp(domains[i].name, key, length) == 0)
                        return &domains[i];
        return NULL;
}

bool rpi_gpio_is(const struct tree_node *root)
{
        for (size_t i = 0; root->kind == TREE_MAP && i < root->count; i++)
                if (domain_of(root->items[i].key))
                        return true;
        return false;
}

/* The devices of one Pi make a config; those of the first that appears are it. */
static bool is_of_this_pi(struct import *import, const struct tree_node *map, const char **host)
{
        const char *own = text_of(tree_get(map, "host"));
        char shown[TEXT_SHOWN_MAX], first[TEXT_SHOWN_MAX];

        own = own ? own : "";
        if (!*host) {
                *host = own;
                if (*own)
                        import_note(import, map->line, "host: the config is for the Pi at %s", text_show(own, shown));
                return true;
        }
        if (strcmp(*host, own) == 0)
                return true;
        import_note(import, map->line,
                    "host: these are at %s, not at %s: import them from a file of their own; left out",
                    *own ? text_show(own, shown) : "this machine", **host ? text_show(*host, first) : "this machine");
        return false;
}

static void import_platform(struct import *import, const struct domain *domain, const struct tree_node *map,
                            const char **host)
{
        const char *name = text_of(tree_get(map, "platform"));
        char shown[TEXT_SHOWN_MAX];
        bool remote = name && strcmp(name, "remote_rpi_gpio") == 0;

        if (!name || (!remote && strcmp(name, "rpi_gpio") != 0)) {
                import_note(import, map->line, "%s: platform %s is not rpi_gpio or remote_rpi_gpio: left out",
                            domain->name, text_show(name ? name : "(none)", shown));
                return;
        }
        import_keys(import, map, platform_keys);
        if (is_of_this_pi(import, map, host))
                domain->import(&(struct platform){ import, map, remote });
}

void rpi_gpio_import(struct import *import, const struct tree_node *root)
{
        const char *host = NULL;

        fputs("#\n# The broker's address and certificates: `sudo sconce-pki install NODE.tar` puts them in place.\n",
              import->out);
        for (size_t i = 0; i < root->count; i++) {
                const struct domain *domain = domain_of(root->items[i].key);
                const struct tree_node *node = root->items[i].node;
                size_t count = 0;
                if (!domain)
                        continue;
                if (node->kind == TREE_MAP && tree_get(node, "platform")) {
                        import_platform(import, domain, node, &host);
                        continue;
                }
                const struct tree_item *items = import_items(import, node, domain->name, &count);
                for (size_t k = 0; k < count; k++)
                        import_platform(import, domain, items[k].node, &host);
        }
}
