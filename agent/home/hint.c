/* SPDX-License-Identifier: Apache-2.0 */
/* What looks like a mistake in a device's section though it is a possible config. */
#include "home/inside.h"
#include "gpio/line_hint.h"

static void hint_at_lines(const struct device_config *config, const struct config_section *section,
                          const char *default_chip, struct problems *warnings)
{
        char hint[160], label[CONFIG_LABEL_MAX];

        for (size_t i = 0; i < config->n_lines; i++) {
                const struct sconce_line *line = config->lines[i].line;
                const char *key = config->lines[i].of->row->key;
                const struct config_entry *entry = config_entry_find(section, key);
                if (line_hint(line, default_chip, hint))
                        problems_add(warnings, entry ? entry->file : section->file, entry ? entry->line : section->line,
                                     "%s %s: %s: %s", config_label(section, label), key, line_text(line), hint);
        }
}

void home_hint(const struct home_options *options, const struct config *config, struct problems *warnings)
{
        struct loader loader;

        if (loader_init(&loader, options->plugin_dir) < 0)
                return;
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                CLEANUP_DEVICE_CONFIG struct device_config *of_device = NULL;
                CLEANUP(problems_done) struct problems problems = { 0 };
                const struct plugin *plugin;
                struct fault fault;
                if (config_is_device(config, i) && loader_get(&loader, section->kind, &fault, &plugin) == 0 &&
                    device_config_new(plugin, section, &problems, &of_device) == 0)
                        hint_at_lines(of_device, section, options->default_chip, warnings);
        }
        loader_done(&loader);
}
