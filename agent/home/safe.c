/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sconced --outputs-safe`: after a crash nobody has carried out on_exit. The config alone says which lines
 * and dimmers those are; no plugin code runs, for it may be what crashed. A plugin file is only loaded for
 * its tables.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"

#define log_section(level, section, ...)                                                                               \
        log_write(level, &(const struct log_about){ .device = (section)->id, .plugin = (section)->kind }, __VA_ARGS__)

/* A command with `for` is not in the config: the agent has noted it. */
static enum on_event safe_state(const struct store *store, const struct device_config *config, const char *id)
{
        if (store && saved_was_timed(store, id))
                return ON_EVENT_OFF;
        return device_config_on_exit(config, &config->shared);
}

/* One line or dimmer, which is left as it was brought. */
static unsigned report_safe(const struct config_section *section, const char *what, enum on_event on_exit, int r,
                            const struct fault *fault)
{
        if (r < 0)
                log_section(LOG_ERR, section, "cannot be made safe: %s", fault->text);
        else
                log_section(LOG_NOTICE, section, "%s is %s", what, on_exit == ON_EVENT_ON ? "on" : "off");
        return r < 0;
}

static unsigned lines_safe(struct gpio *gpio, const struct device_config *config, enum on_event on_exit,
                           const struct config_section *section)
{
        unsigned failed = 0;

        for (size_t i = 0; i < config->n_lines; i++) {
                struct sconce_line *line = config->lines[i].line;
                struct fault fault = { 0 };
                if (!device_config_line_is_output(&config->lines[i]))
                        continue;
                int r = line_open_output(gpio, line, on_exit == ON_EVENT_ON, NULL, NULL, &fault);
                failed += report_safe(section, line_text(line), on_exit, r, &fault);
                if (r == 0)
                        line_close(line);
        }
        return failed;
}

/* Its plugin would know how bright: on is full here. */
static unsigned dimmers_safe(struct gpio *gpio, const struct device_config *config, enum on_event on_exit,
                             const struct config_section *section)
{
        unsigned failed = 0;

        for (size_t i = 0; i < config->n_dimmers; i++) {
                struct sconce_dimmer *dimmer = config->dimmers[i].dimmer;
                struct fault fault = { 0 };
                int r = dimmer_open(gpio, dimmer, 0, on_exit == ON_EVENT_ON, &fault);
                failed += report_safe(section, dimmer_text(dimmer), on_exit, r, &fault);
                if (r == 0)
                        dimmer_close(dimmer);
        }
        return failed;
}

static unsigned make_safe(struct gpio *gpio, const struct device_config *config, enum on_event on_exit,
                          const struct config_section *section)
{
        if (on_exit == ON_EVENT_KEEP)
                return 0;
        return lines_safe(gpio, config, on_exit, section) + dimmers_safe(gpio, config, on_exit, section);
}

/* Whether it says which outputs there are, how they are driven, or what becomes of them. */
static bool matters(const struct plugin *plugin, const char *key)
{
        if (strcmp(key, "on_exit") == 0 || strcmp(key, "max_on") == 0 || option_row_find(plugin->table.options, key))
                return true;
        for (size_t i = 0; i < plugin->n_lines; i++)
                if (option_row_find(plugin->lines[i].companions.rows, key))
                        return true;
        return false;
}

/* A mistake in what does not matter here is none: the agent that ran had an earlier config, and what it drove
 * is on. */
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

        if (loader_get(loader, section->kind, &fault, &plugin) < 0) {
                log_section(LOG_ERR, section, "is not made safe: %s", fault.text);
                return 1;
        }
        if (!plugin->has_output)
                return 0;
        if (read_section(plugin, section, &problems, &config) < 0) {
                log_section(LOG_ERR, section, "is not made safe: %s",
                            problems.count ? problems.items[0] : "bad section");
                return 1;
        }
        if (device_config_outputs(config) == 0) { /* a key that is misspelt may have been it */
                log_section(LOG_ERR, section, "is not made safe: it names no output");
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
