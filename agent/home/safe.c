/* SPDX-License-Identifier: Apache-2.0 */
/* `sconced --outputs-safe`: after a crash nobody has carried out on_exit. The config alone names the lines and
 * dimmers. No plugin code runs, for it may be what crashed: a plugin is loaded for its tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"

#define log_section(level, section, ...)                                                                               \
        log_write(level, &(const struct log_about){ .device = (section)->id, .plugin = (section)->kind }, __VA_ARGS__)

/* What is timed is off, since nobody counts. A command with `for` is not in the config: the agent has noted it. */
static enum on_event safe_state(const struct store *store, const struct device_config *config, const char *id)
{
        if (config->timed || (store && saved_was_timed(store, id)))
                return ON_EVENT_OFF;
        return device_config_on_exit(config, &config->shared);
}

/* It is left as it was brought. */
static bool bring(struct gpio *gpio, const struct pin *pin, bool on, const struct config_section *section)
{
        struct fault fault = { 0 };

        if (pin_drive(gpio, pin, on, &fault) < 0) {
                log_section(LOG_ERR, section, "cannot be made safe: %s", fault.text);
                return false;
        }
        log_section(LOG_NOTICE, section, "%s is %s", pin_text(pin), on ? "on" : "off");
        pin_close(pin);
        return true;
}

static unsigned make_safe(struct gpio *gpio, const struct device_config *config, enum on_event on_exit,
                          const struct config_section *section)
{
        unsigned failed = 0;

        for (size_t i = 0; on_exit != ON_EVENT_KEEP && i < pins_count(config); i++) {
                const struct pin pin = pin_at(config, i);
                failed += pin_is_output(&pin) && !bring(gpio, &pin, on_exit == ON_EVENT_ON, section);
        }
        return failed;
}

/* Whether it is about which outputs there are, how they are driven, or what becomes of them. */
static bool matters(const struct plugin *plugin, const char *key)
{
        if (strcmp(key, "on_exit") == 0 || strcmp(key, "max_on") == 0 || option_row_find(plugin->table.options, key))
                return true;
        for (size_t i = 0; i < plugin->n_lines; i++)
                if (option_row_find(plugin->lines[i].companions.rows, key))
                        return true;
        return false;
}

/* A mistake in other keys does not count: the agent that ran had an earlier config, and what it drove is on. */
static int read_section(const struct plugin *plugin, const struct config_section *section, struct problems *problems,
                        struct device_config **ret)
{
        CLEANUP_FREE struct config_entry *entries = calloc(section->count + 1, sizeof(*entries));
        struct config_section rest = *section;

        if (!entries)
                return -ENOMEM;
        rest.entries = entries;
        rest.count = 0;
        for (size_t i = 0; i < section->count; i++)
                if (matters(plugin, section->entries[i].key))
                        entries[rest.count++] = section->entries[i];
        return device_config_new(plugin, &rest, problems, ret);
}

static unsigned section_safe(struct loader *loader, const struct home_options *options,
                             const struct config_section *section)
{
        CLEANUP_DEVICE_CONFIG struct device_config *config = NULL;
        CLEANUP(problems_done) struct problems problems = { 0 };
        const struct plugin *plugin;
        struct fault fault;
        const char *why = NULL;

        if (loader_get(loader, section->kind, &fault, &plugin) < 0)
                why = fault.text;
        else if (!plugin->has_output)
                return 0;
        else if (read_section(plugin, section, &problems, &config) < 0)
                why = problems.count ? problems.items[0] : "bad section";
        else if (config->n_outputs == 0) /* a key that is misspelt may have been it */
                why = "it names no output";
        if (why) {
                log_section(LOG_ERR, section, "is not made safe: %s", why);
                return 1;
        }
        return make_safe(options->gpio, config, safe_state(options->store, config, section->id), section);
}

int home_outputs_safe(const struct home_options *options, const struct config *config, unsigned *ret_failed)
{
        struct loader loader;
        unsigned failed = 0;

        int r = loader_init(&loader, options->plugin_dir);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->count; i++)
                if (config_is_device(config, i))
                        failed += section_safe(&loader, options, &config->sections[i]);
        loader_done(&loader);
        *ret_failed = failed;
        return 0;
}
