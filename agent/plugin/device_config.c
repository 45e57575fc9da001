/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/device_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

/* ---- Reading the options ------------------------------------------------------------------------------- */

size_t plugin_targets(const struct plugin *plugin, struct option_target targets[static TARGETS_MAX])
{
        size_t count = 0;

        targets[count++] = (struct option_target){ .rows = plugin->table.options };
        for (size_t i = 0; i < plugin->n_lines; i++)
                targets[count++] = (struct option_target){ .rows = plugin->lines[i].companions.rows };
        if (plugin->shared.output)
                targets[count++] = (struct option_target){ .rows = plugin->shared.output };
        if (plugin->shared.interlock)
                targets[count++] = (struct option_target){ .rows = plugin->shared.interlock };
        if (plugin->shared.readings)
                targets[count++] = (struct option_target){ .rows = plugin->shared.readings };
        targets[count++] = (struct option_target){ .rows = plugin->shared.common };
        return count;
}

int section_targets(const struct plugin *plugin, const struct config_section *section, struct option_store *store,
                    struct option_target targets[static TARGETS_MAX], struct reading_overrides *ret_overrides)
{
        size_t count = plugin_targets(plugin, targets);

        *ret_overrides = (struct reading_overrides){ 0 };
        if (!plugin->shared.readings)
                return (int)count;
        return reading_overrides_find(section, store, targets, count, ret_overrides);
}

/* The same tables, with the structs that they fill. */
static int make_targets(struct device_config *config, const struct config_section *section,
                        struct line_settings *line_settings, struct option_target targets[static TARGETS_MAX])
{
        const struct plugin *plugin = config->plugin;
        int count = section_targets(plugin, section, &config->store, targets, &config->shared.overrides);

        targets[0].base = config->data;
        for (size_t i = 0; i < plugin->n_lines; i++)
                targets[1 + i].base = &line_settings[i];
        for (int i = 1 + (int)plugin->n_lines; i < count; i++)
                if (targets[i].rows == plugin->shared.readings)
                        targets[i].base = &config->shared.readings;
                else if (!targets[i].base)
                        targets[i].base = &config->shared;
        return count;
}

static void *field_of(const struct device_config *config, const struct sconce_option *row)
{
        return (char *)config->data + row->offset;
}

/* The lines or dimmers that a row has filled in, also where others of its list failed. */
static size_t handle_count(const struct device_config *config, const struct sconce_option *row)
{
        return row->flags & SCONCE_LIST ? ((const struct sconce_list *)field_of(config, row))->count : 1;
}

static void *handle_at(const struct device_config *config, const struct sconce_option *row, size_t index)
{
        const char *items = field_of(config, row);
        void *handle;

        if (row->flags & SCONCE_LIST)
                items = ((const struct sconce_list *)field_of(config, row))->items;
        memcpy(&handle, items + index * sizeof(handle), sizeof(handle));
        return handle;
}

/* `active_low` of "line" holds for the PWM channel that takes its place. */
static bool is_inverted(const struct plugin *plugin, const struct sconce_option *row,
                        const struct line_settings *settings)
{
        for (size_t i = 0; row->type == SCONCE_TYPE_PWM && i < plugin->n_lines; i++)
                if (strcmp(plugin->lines[i].row->key, "line") == 0)
                        return settings[i].active_low;
        return false;
}

static void add_line(struct device_config *config, struct sconce_line *line, const struct plugin_line *of,
                     const struct line_settings *settings)
{
        line_set_settings(line, settings);
        config->lines[config->n_lines++] = (struct device_config_line){ .line = line, .of = of };
}

static void add_dimmer(struct device_config *config, struct sconce_dimmer *dimmer, const struct sconce_option *row,
                       const struct line_settings *settings)
{
        dimmer_set_inverted(dimmer, is_inverted(config->plugin, row, settings));
        config->dimmers[config->n_dimmers++] = (struct device_config_dimmer){ .dimmer = dimmer, .row = row };
}

/* `settings` has one for each LINE row of the plugin, in order. */
static int collect_handles(struct device_config *config, const struct line_settings *settings)
{
        const struct plugin *plugin = config->plugin;
        size_t most = 0, n_line_rows = 0;

        for (size_t i = 0; i < plugin->n_options; i++)
                if (plugin_row_is_hardware(&plugin->table.options[i]))
                        most += handle_count(config, &plugin->table.options[i]);
        config->lines = calloc(most + 1, sizeof(*config->lines));
        config->dimmers = calloc(most + 1, sizeof(*config->dimmers));
        if (!config->lines || !config->dimmers)
                return -ENOMEM;
        for (size_t i = 0; i < plugin->n_options; i++) {
                const struct sconce_option *row = &plugin->table.options[i];
                bool is_line = row->type == SCONCE_TYPE_LINE;
                for (size_t k = 0; plugin_row_is_hardware(row) && k < handle_count(config, row); k++) {
                        void *handle = handle_at(config, row, k);
                        if (handle && is_line)
                                add_line(config, handle, &plugin->lines[n_line_rows], &settings[n_line_rows]);
                        else if (handle)
                                add_dimmer(config, handle, row, settings);
                }
                n_line_rows += is_line;
        }
        return 0;
}

static bool option_is_given(const struct device_config *config, const struct sconce_option *row)
{
        const void *field = field_of(config, row);

        switch (row->type) {
        case SCONCE_TYPE_BOOL:
                return *(const bool *)field;
        case SCONCE_TYPE_INT:
                return *(const int64_t *)field != 0;
        case SCONCE_TYPE_DURATION:
                return *(const uint64_t *)field != 0;
        default:
                return false;
        }
}

static void find_timed(struct device_config *config)
{
        const struct plugin *plugin = config->plugin;

        config->timed_by_plugin = plugin->has_output && (plugin->table.flags & SCONCE_TIMED);
        for (size_t i = 0; i < plugin->n_options; i++)
                if ((plugin->table.options[i].flags & SCONCE_TIMES_OUTPUT) &&
                    option_is_given(config, &plugin->table.options[i]))
                        config->timed_by_plugin = true;
        config->timed = config->timed_by_plugin || config->shared.output.max_on_us > 0;
}

/* ---- What no single row can see ------------------------------------------------------------------------ */

/* Only the group decides when a member is on. */
static void check_interlock(const struct output_config *output, const struct config_section *section,
                            struct problems *problems)
{
        static const char others[] = "on is not possible in an interlock group: the others may be on";

        if (!output->interlock) {
                if (config_entry_find(section, "dead_time"))
                        config_complain(section, "dead_time", problems, "it goes with an interlock, which is missing");
                return;
        }
        if (!text_is_id(output->interlock))
                config_complain(section, "interlock", problems, "a group is called like a device: [a-z0-9][a-z0-9_-]*");
        if (output->power_on == POWER_ON_KEEP)
                config_complain(section, "power_on", problems,
                                "keep is not possible in an interlock group: all are off at first");
        if (output->on_exit == ON_EVENT_ON)
                config_complain(section, "on_exit", problems, "%s", others);
        if (output->on_offline == ON_EVENT_ON)
                config_complain(section, "on_offline", problems, "%s", others);
}

static void check_output(const struct device_config *config, const struct config_section *section,
                         struct problems *problems)
{
        const struct output_config *output = &config->shared.output;

        if (config->timed && output->on_exit == ON_EVENT_KEEP)
                config_complain(section, "on_exit", problems,
                                "keep is not possible for an output that is on for a limited time: off is allowed, "
                                "and the default");
        if (config->plugin->shared.interlock)
                check_interlock(output, section, problems);
}

/* What nothing in this device would do. */
static void check_useless(const struct device_config *config, const struct config_section *section,
                          struct problems *problems)
{
        const struct output_config *output = &config->shared.output;

        if (!config->plugin->table.read && config_entry_find(section, "every"))
                config_complain(section, "every", problems, "this device is not read: it reports by itself");
        if (!config->plugin->has_output)
                return;
        if (config->timed_by_plugin && output->power_on == POWER_ON_ON && plugin_has_on_off(config->plugin))
                config_complain(section, "power_on", problems,
                                "on is not possible for an output that goes off by itself: it is off at first");
        if (output->offline_at_start && output->on_offline == ON_EVENT_KEEP)
                config_complain(section, "offline_at_start", problems,
                                "it goes with on_offline = off or on, which is keep");
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

static unsigned count_outputs(const struct device_config *config)
{
        unsigned count = (unsigned)config->n_dimmers;

        for (size_t i = 0; i < config->n_lines; i++)
                count += device_config_line_is_output(&config->lines[i]);
        return count;
}

int device_config_new(const struct plugin *plugin, const struct config_section *section, struct problems *problems,
                      struct device_config **ret)
{
        static const struct option_hooks hooks = { line_parse, dimmer_parse_pwm, dimmer_parse_led };
        CLEANUP_DEVICE_CONFIG struct device_config *config = calloc(1, sizeof(*config));
        CLEANUP_FREE struct line_settings *line_settings = calloc(plugin->n_lines + 1, sizeof(*line_settings));
        struct option_target targets[TARGETS_MAX];

        if (!config || !line_settings)
                return -ENOMEM;
        config->plugin = plugin;
        config->data = calloc(1, plugin->table.instance_size + 1);
        if (!config->data)
                return -ENOMEM;
        config->shared.readings = (struct reading_config)READING_CONFIG_INIT;
        int count = make_targets(config, section, line_settings, targets);
        if (count == -E2BIG)
                problems_add(problems, section->file, section->line, "%s: keys of more than %d readings", section->kind,
                             READING_OVERRIDES_MAX);
        if (count < 0)
                return count == -E2BIG ? -EINVAL : count;
        int r = options_read(section, targets, (size_t)count, &hooks, &config->store, problems);
        reading_overrides_inherit(section, &config->shared.readings, &config->shared.overrides);
        /* Also after a failure: the lines and dimmers that were made must be freed. */
        int q = collect_handles(config, line_settings);
        if (r < 0 || q < 0)
                return r < 0 ? r : q; /* without memory there are no handles either */
        config->n_outputs = count_outputs(config);
        find_timed(config);
        size_t before = problems->count;
        if (section && plugin->has_output)
                check_output(config, section, problems);
        if (section)
                check_useless(config, section, problems);
        if (problems->count > before)
                return -EINVAL;
        *ret = TAKE_PTR(config);
        return 0;
}

void device_config_free(struct device_config *config)
{
        if (!config)
                return;
        for (size_t i = 0; i < config->n_lines; i++)
                line_free(config->lines[i].line);
        free(config->lines);
        for (size_t i = 0; i < config->n_dimmers; i++)
                dimmer_free(config->dimmers[i].dimmer);
        free(config->dimmers);
        free(config->data);
        option_store_done(&config->store);
        free(config);
}

bool device_config_line_is_output(const struct device_config_line *line)
{
        return line->of->row->flags & SCONCE_OUTPUT;
}

enum on_event device_config_on_exit(const struct device_config *config, const struct shared_config *shared)
{
        if (shared->output.on_exit >= 0)
                return (enum on_event)shared->output.on_exit;
        return config->timed_by_plugin || shared->output.max_on_us > 0 ? ON_EVENT_OFF : ON_EVENT_KEEP;
}

/* ---- Comparing ----------------------------------------------------------------------------------------- */

static bool same_entry(const struct config_entry *a, const struct config_entry *b)
{
        if (!a || !b || a->count != b->count || a->is_list != b->is_list || a->broken || b->broken)
                return false;
        for (size_t i = 0; i < a->count; i++)
                if (strcmp(a->values[i], b->values[i]) != 0)
                        return false;
        return true;
}

static bool row_is_reloadable(const struct sconce_option *rows, const char *key)
{
        const struct sconce_option *row = option_row_find(rows, key);

        return row && (row->flags & SCONCE_RELOADABLE);
}

/* Compares what `a` has with what `b` has of it. */
static void compare(const struct plugin *plugin, const struct config_section *a, const struct config_section *b,
                    bool *same, bool *in_place)
{
        for (size_t i = 0; i < a->count; i++) {
                const char *key = a->entries[i].key;
                if (same_entry(&a->entries[i], config_entry_find(b, key)))
                        continue;
                *same = false;
                if (!row_is_reloadable(plugin->shared.common, key) && !row_is_reloadable(plugin->shared.output, key) &&
                    !row_is_reloadable(plugin->shared.readings, key))
                        *in_place = false;
        }
}

bool device_config_same_section(const struct plugin *plugin, const struct config_section *a,
                                const struct config_section *b, bool *ret_in_place)
{
        bool same = true, in_place = true;

        compare(plugin, a, b, &same, &in_place);
        compare(plugin, b, a, &same, &in_place);
        *ret_in_place = in_place;
        return same;
}
