/* SPDX-License-Identifier: Apache-2.0 */
/* `sconced --describe` and `--dump-config`: what plugins declare, and what sections make of it. The docs are
 * made from the same rows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/describe.h"
#include "config/dump.h"
#include "device/device.h"

static void print_channel(const struct sconce_channel *row, FILE *out)
{
        const struct channel channel = { .row = *row, .kind = kind_get(row->kind) };
        char min[JSON_NUMBER_MAX], max[JSON_NUMBER_MAX];

        (void)fprintf(out, "  %s: %s", row->key, channel.kind->name);
        if (row->unit)
                (void)fprintf(out, ", %s", row->unit);
        if (row->min != 0 || row->max != 0) {
                json_number_text(row->min, min);
                json_number_text(row->max, max);
                (void)fprintf(out, ", %s to %s", min, max);
        }
        for (size_t i = 0; row->choices && row->choices[i]; i++)
                (void)fprintf(out, "%s%s", i ? " | " : ", ", row->choices[i]);
        (void)fprintf(out, ", %s\n", channel_is_writable(&channel) ? "written" : "read");
        if (row->help)
                (void)fprintf(out, "      %s\n", row->help);
}

static void print_options(const struct plugin *plugin, FILE *out)
{
        struct option_target targets[TARGETS_MAX];
        size_t count = plugin_targets(plugin, targets);

        (void)fprintf(out, "Options of [%s ID]\n", plugin->table.name);
        for (size_t i = 0; i < count; i++)
                options_describe(out, targets[i].rows, DESCRIBE_TEXT);
}

static void print_plugin(const struct plugin *plugin, FILE *out)
{
        (void)fprintf(out, "%s %s: %s\n\n", plugin->table.name, plugin->version, plugin->table.summary);
        print_options(plugin, out);
        (void)fprintf(out, "\nChannels\n");
        for (size_t i = 0; i < plugin->n_channels; i++)
                print_channel(&plugin->table.channels[i], out);
        if (plugin->n_channels == 0)
                (void)fprintf(out, "  none that are known before the device is\n");
}

static int describe_file(const char *path, FILE *out)
{
        CLEANUP_PLUGIN struct plugin *plugin = NULL;
        struct fault fault;

        int r = plugin_load(path, &fault, &plugin);
        if (r < 0) {
                log_error("%s", fault.text);
                return r;
        }
        print_plugin(plugin, out);
        return 0;
}

static int describe_name(const char *dir, const char *name, FILE *out)
{
        struct loader loader;
        const struct plugin *plugin;
        struct fault fault;

        int r = loader_init(&loader, dir);
        if (r < 0)
                return r;
        r = loader_get(&loader, name, &fault, &plugin);
        if (r == 0)
                print_plugin(plugin, out);
        else if (r == -ENOENT) /* a refused one has been named already */
                log_error("%s", fault.text);
        loader_done(&loader);
        return r;
}

static int describe_all(const char *dir, FILE *out)
{
        char **names = NULL;
        size_t count = 0;
        int result = plugin_names(dir, &names, &count);

        if (result < 0)
                log_error("%s: %s", dir, strerror(-result));
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        (void)fputc('\n', out);
                int r = names[i] ? describe_name(dir, names[i], out) : -ENOMEM;
                result = r < 0 ? r : result;
                free(names[i]);
        }
        free(names);
        return result;
}

int devices_describe(const char *plugin_dir, const char *plugin, FILE *out)
{
        size_t length = plugin ? strlen(plugin) : 0;

        if (!plugin)
                return describe_all(plugin_dir, out);
        if (strchr(plugin, '/') || (length > 3 && strcmp(plugin + length - 3, ".so") == 0))
                return describe_file(plugin, out);
        return describe_name(plugin_dir, plugin, out);
}

int devices_dump(const char *plugin_dir, const struct config *config, FILE *out)
{
        struct option_target targets[TARGETS_MAX];
        const struct plugin *plugin;
        struct loader loader;
        struct fault fault;

        int r = loader_init(&loader, plugin_dir);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                char header[CONFIG_LABEL_MAX];
                if (!config_is_device(config, i))
                        continue;
                (void)snprintf(header, sizeof(header), "%s %s", section->kind, section->id);
                struct option_store store = { 0 };
                struct reading_overrides overrides;
                int count = loader_get(&loader, section->kind, &fault, &plugin) < 0
                                    ? 0
                                    : section_targets(plugin, section, &store, targets, &overrides);
                options_dump(out, header, section, targets, (size_t)MAX(count, 0));
                option_store_done(&store);
        }
        loader_done(&loader);
        return 0;
}
