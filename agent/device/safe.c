/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sconced --outputs-safe`: after a crash nobody has carried out on_exit. The config alone says which lines
 * those are; no plugin code runs, for it may be what crashed. A plugin file is only loaded for its tables.
 */
#include <errno.h>

#include "device/device.h"

/* A command with `for` is not in the config: the agent has noted it. */
static enum on_event safe_state(const struct store *store, const struct blueprint *blueprint, const char *id)
{
        if (store && saved_was_timed(store, id))
                return ON_EVENT_OFF;
        return blueprint_on_exit(blueprint, &blueprint->settings);
}

static unsigned make_safe(struct gpio *gpio, const struct blueprint *blueprint, enum on_event on_exit,
                          const char *id)
{
        unsigned failed = 0;

        if (on_exit == ON_EVENT_KEEP)
                return 0;
        for (size_t i = 0; i < blueprint->n_lines; i++) {
                struct sconce_line *line = blueprint->lines[i].line;
                struct fault fault = { 0 };
                if (!blueprint_line_is_output(&blueprint->lines[i]))
                        continue;
                int r = line_open_output(gpio, line, on_exit == ON_EVENT_ON, NULL, NULL, &fault);
                if (r < 0) {
                        log_device(LOG_ERR, id, "cannot be made safe: %s", fault.text);
                        failed++;
                        continue;
                }
                log_device(LOG_NOTICE, id, "%s is %s", line_text(line),
                           on_exit == ON_EVENT_ON ? "on" : "off");
                line_close(line);
        }
        return failed;
}

static unsigned section_safe(struct loader *loader, const struct devices_options *options,
                             const struct config_section *section)
{
        CLEANUP_BLUEPRINT struct blueprint *blueprint = NULL;
        CLEANUP(problems_done) struct problems problems = { 0 };
        const struct plugin *plugin;
        struct fault fault;

        if (loader_get(loader, section->kind, &fault, &plugin) < 0) {
                log_device(LOG_ERR, section->id, "is not made safe: %s", fault.text);
                return 1;
        }
        if (!plugin->has_output)
                return 0;
        if (blueprint_new(plugin, section, &problems, &blueprint) < 0) {
                log_device(LOG_ERR, section->id, "is not made safe: %s",
                           problems.count ? problems.items[0] : "bad section");
                return 1;
        }
        return make_safe(options->gpio, blueprint, safe_state(options->store, blueprint, section->id),
                         section->id);
}

int devices_outputs_safe(const struct devices_options *options, const struct config *config,
                         unsigned *ret_failed)
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
