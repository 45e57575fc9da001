/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "config/types.h"
#include "channel/channels.h"

/* The least that makes sense, and sizes that no later version will reach. */
#define PLUGIN_SIZE_MIN  (offsetof(struct sconce_plugin, start) + sizeof(((struct sconce_plugin *)0)->start))
#define OPTION_SIZE_MIN  (offsetof(struct sconce_option, unit) + sizeof(((struct sconce_option *)0)->unit))
#define CHANNEL_SIZE_MIN (offsetof(struct sconce_channel, help) + sizeof(((struct sconce_channel *)0)->help))
#define SIZE_SANE        4096
#define INSTANCE_MAX     (1024U * 1024U)

static const uint32_t known_plugin_flags = SCONCE_BLOCKING | SCONCE_TIMED;
static const uint32_t known_option_flags = SCONCE_REQUIRED | SCONCE_SECRET | SCONCE_RELOADABLE | SCONCE_LIST |
                                           SCONCE_OUTPUT | SCONCE_TIMES_OUTPUT;

/* ---- Copying ------------------------------------------------------------------------------------------- */

static int check_size(const char *what, size_t size, size_t least, struct fault *fault)
{
        if (size >= least && size <= SIZE_SANE)
                return 0;
        return fault_set(fault, -EINVAL, "its %s struct has %zu bytes, which no version of the header has", what, size);
}

static int check_module(const struct sconce_module *module, struct fault *fault)
{
        int r;

        if (module->abi != SCONCE_ABI)
                return fault_set(fault, -EINVAL, "it is built for plugin ABI %u, and this agent has ABI %d",
                                 module->abi, SCONCE_ABI);
        if (module->size < sizeof(*module) || module->size > SIZE_SANE)
                return fault_set(fault, -EINVAL, "its module struct has %u bytes, which no version of the header has",
                                 module->size);
        if (!module->plugin)
                return fault_set(fault, -EINVAL, "its module names no plugin");
        if ((r = check_size("plugin", module->plugin_size, PLUGIN_SIZE_MIN, fault)) < 0 ||
            (r = check_size("option", module->option_size, OPTION_SIZE_MIN, fault)) < 0 ||
            (r = check_size("channel", module->channel_size, CHANNEL_SIZE_MIN, fault)) < 0)
                return r;
        return 0;
}

/* Both kinds of row begin with their key, and a table ends where the key is NULL. */
static int copy_rows(const void *rows, size_t stride, size_t row_size, void **ret, size_t *ret_count)
{
        const char *from = rows;
        size_t count = 0;

        for (const char *row = from; row && *(const char *const *)(const void *)row; row += stride)
                if (++count > PLUGIN_ROWS_MAX)
                        return -E2BIG;
        char *copy = calloc(count + 1, row_size);
        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                memcpy(copy + i * row_size, from + i * stride, MIN(stride, row_size));
        *ret = copy;
        *ret_count = count;
        return 0;
}

static int copy_table(const struct sconce_module *module, struct plugin *plugin, struct fault *fault)
{
        _Static_assert(offsetof(struct sconce_option, key) == 0 && offsetof(struct sconce_channel, key) == 0,
                       "tables are walked by their keys");
        void *options = NULL, *channels = NULL;

        memcpy(&plugin->table, module->plugin, MIN(module->plugin_size, sizeof(plugin->table)));
        int r = copy_rows(plugin->table.options, module->option_size, sizeof(struct sconce_option), &options,
                          &plugin->n_options);
        plugin->table.options = options;
        int q = copy_rows(plugin->table.channels, module->channel_size, sizeof(struct sconce_channel), &channels,
                          &plugin->n_channels);
        plugin->table.channels = channels;
        if (r == -E2BIG || q == -E2BIG)
                return fault_set(fault, -EINVAL, "its table of %s has no end", r < 0 ? "options" : "channels");
        return r < 0 || q < 0 ? fault_set(fault, -ENOMEM, "out of memory") : 0;
}

/* ---- Checking ------------------------------------------------------------------------------------------ */

static int check_name(const struct plugin *plugin, struct fault *fault)
{
        const char *name = plugin->table.name;

        if (!name || name[0] < 'a' || name[0] > 'z' || strlen(name) > 63 ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name))
                return fault_set(fault, -EINVAL, "its name \"%.40s\" is not one: [a-z][a-z0-9_-]*", name ? name : "");
        return 0;
}

static int check_callbacks(const struct plugin *plugin, struct fault *fault)
{
        const struct sconce_plugin *table = &plugin->table;

        if (table->flags & ~known_plugin_flags)
                return fault_set(fault, -EINVAL, "it has flags (0x%x) that this version does not know",
                                 table->flags & ~known_plugin_flags);
        if (!table->summary)
                return fault_set(fault, -EINVAL, "it has no summary");
        if (!table->start)
                return fault_set(fault, -EINVAL, "it has no start function");
        if (table->every && !table->read)
                return fault_set(fault, -EINVAL, "it wants to be read every %s and has no read function", table->every);
        if (table->instance_size > INSTANCE_MAX)
                return fault_set(fault, -EINVAL, "its instance has %zu bytes; at most %u are allowed",
                                 table->instance_size, INSTANCE_MAX);
        return 0;
}

static int check_field(const struct plugin *plugin, const struct sconce_option *row, struct fault *fault)
{
        bool list = row->flags & SCONCE_LIST;
        size_t size = list ? sizeof(struct sconce_list) : option_type(row->type)->size;
        size_t alignment = list ? _Alignof(struct sconce_list) : option_type(row->type)->alignment;

        if (row->offset % alignment != 0 || row->offset > plugin->table.instance_size ||
            size > plugin->table.instance_size - row->offset)
                return fault_set(fault, -EINVAL, "option \"%s\" has a field outside of the instance", row->key);
        return 0;
}

static int check_option(const struct plugin *plugin, const struct sconce_option *row, struct fault *fault)
{
        if (!option_type(row->type))
                return fault_set(fault, -EINVAL, "option \"%s\" has a type (%d) that this version does not know",
                                 row->key, (int)row->type);
        if (row->flags & ~known_option_flags)
                return fault_set(fault, -EINVAL, "option \"%s\" has flags (0x%x) that this version does not know",
                                 row->key, row->flags & ~known_option_flags);
        if (shared_key_is_taken(row->key))
                return fault_set(fault, -EINVAL, "option \"%s\" is one of the agent's own", row->key);
        if (!row->help)
                return fault_set(fault, -EINVAL, "option \"%s\" has no help", row->key);
        if (plugin_row_is_hardware(row) && plugin_is_blocking(plugin))
                return fault_set(fault, -EINVAL, "option \"%s\" is a %s, which a blocking plugin cannot have", row->key,
                                 row->type == SCONCE_TYPE_LINE ? "line" : "dimmer");
        if ((row->flags & SCONCE_OUTPUT) && !plugin_row_is_hardware(row))
                return fault_set(fault, -EINVAL, "option \"%s\" is no line or dimmer and cannot be an output",
                                 row->key);
        if (plugin_row_is_dimmer(row) && !(row->flags & SCONCE_OUTPUT))
                return fault_set(fault, -EINVAL, "option \"%s\" is a dimmer and not marked as an output", row->key);
        return check_field(plugin, row, fault);
}

static int check_options(const struct plugin *plugin, struct fault *fault)
{
        const struct sconce_option *rows = plugin->table.options;
        char reason[160];
        int r;

        for (size_t i = 0; i < plugin->n_options; i++) {
                r = check_option(plugin, &rows[i], fault);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < i; k++)
                        if (strcmp(rows[i].key, rows[k].key) == 0)
                                return fault_set(fault, -EINVAL, "option \"%s\" is there twice", rows[i].key);
        }
        r = option_rows_check(rows, reason);
        return r < 0 ? fault_set(fault, r, "%s", reason) : 0;
}

/* A default that the plugin gave for one of our rows is as wrong as one of its own. */
static int check_our_rows(const struct plugin *plugin, struct fault *fault)
{
        char reason[160];
        int r = option_rows_check(plugin->shared.common, reason);

        for (size_t i = 0; r == 0 && i < plugin->n_lines; i++)
                r = option_rows_check(plugin->lines[i].companions.rows, reason);
        return r < 0 ? fault_set(fault, r, "%s", reason) : 0;
}

/* A plugin may not have an option of its own called as a companion of one of its lines. */
static int check_companions(const struct plugin *plugin, struct fault *fault)
{
        for (size_t i = 0; i < plugin->n_lines; i++)
                for (const struct sconce_option *row = plugin->lines[i].companions.rows; row->key; row++)
                        if (option_row_find(plugin->table.options, row->key))
                                return fault_set(fault, -EINVAL, "option \"%s\" is one of the agent's own", row->key);
        return 0;
}

static int check_channels(const struct plugin *plugin, struct fault *fault)
{
        const struct sconce_channel *rows = plugin->table.channels;

        for (size_t i = 0; i < plugin->n_channels; i++) {
                int r = channel_check(&rows[i], fault);
                if (r < 0)
                        return r;
                const struct channel channel = { .row = rows[i], .kind = kind_get(rows[i].kind) };
                if (channel_is_writable(&channel) && !plugin->table.command)
                        return fault_set(fault, -EINVAL, "channel \"%s\" is written and there is no command function",
                                         rows[i].key);
                for (size_t k = 0; k < i; k++)
                        if (strcmp(rows[i].key, rows[k].key) == 0)
                                return fault_set(fault, -EINVAL, "channel \"%s\" is there twice", rows[i].key);
        }
        return 0;
}

bool plugin_has_on_off(const struct plugin *plugin)
{
        for (size_t i = 0; i < plugin->n_channels; i++) {
                const struct sconce_channel *row = &plugin->table.channels[i];
                const struct channel channel = { .row = *row, .kind = kind_get(row->kind) };
                if (channel_is_on_off(&channel))
                        return true;
        }
        return false;
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

static int add_lines(struct plugin *plugin)
{
        for (size_t i = 0; i < plugin->n_options; i++) {
                const struct sconce_option *row = &plugin->table.options[i];
                if (row->type == SCONCE_TYPE_LINE)
                        plugin->n_lines++;
                if (row->flags & SCONCE_OUTPUT)
                        plugin->has_output = true;
        }
        plugin->lines = calloc(plugin->n_lines + 1, sizeof(*plugin->lines));
        if (!plugin->lines)
                return -ENOMEM;
        size_t n = 0;
        for (size_t i = 0; i < plugin->n_options; i++) {
                if (plugin->table.options[i].type != SCONCE_TYPE_LINE)
                        continue;
                plugin->lines[n].row = &plugin->table.options[i];
                line_companions_init(&plugin->table, plugin->lines[n].row, &plugin->lines[n].companions);
                n++;
        }
        return 0;
}

/* Whether there can be readings: channels that measure, or channels that only the hardware knows. */
static bool measures(const struct plugin *plugin)
{
        for (size_t i = 0; i < plugin->n_channels; i++)
                if (plugin->table.channels[i].kind == SCONCE_SENSOR)
                        return true;
        return plugin->n_channels == 0 && !plugin->has_output && plugin->table.read;
}

static bool can_interlock(const struct plugin *plugin)
{
        for (size_t i = 0; shared_interlock_rows[i].key; i++)
                if (option_row_find(plugin->table.options, shared_interlock_rows[i].key))
                        return false;
        return plugin->has_output && plugin_has_on_off(plugin);
}

static void init_shared(struct plugin *plugin)
{
        shared_common_init(&plugin->table, plugin->shared.common);
        plugin->shared.output = plugin->has_output ? shared_output_rows : NULL;
        plugin->shared.readings = measures(plugin) ? reading_rows : NULL;
        plugin->shared.interlock = can_interlock(plugin) ? shared_interlock_rows : NULL;
}

int plugin_new(const struct sconce_module *module, struct fault *fault, struct plugin **ret)
{
        CLEANUP_PLUGIN struct plugin *plugin = calloc(1, sizeof(*plugin));
        int r;

        if (!plugin)
                return fault_set(fault, -ENOMEM, "out of memory");
        if ((r = check_module(module, fault)) < 0 || (r = copy_table(module, plugin, fault)) < 0 ||
            (r = check_name(plugin, fault)) < 0 || (r = check_callbacks(plugin, fault)) < 0 ||
            (r = check_options(plugin, fault)) < 0 || (r = check_channels(plugin, fault)) < 0)
                return r;
        r = add_lines(plugin);
        if (r < 0)
                return fault_set(fault, r, "out of memory");
        init_shared(plugin);
        if ((r = check_our_rows(plugin, fault)) < 0 || (r = check_companions(plugin, fault)) < 0)
                return r;
        plugin->version = plugin->table.version ? plugin->table.version : SCONCE_VERSION;
        *ret = TAKE_PTR(plugin);
        return 0;
}

void plugin_free(struct plugin *plugin)
{
        if (!plugin)
                return;
        /* Copies of our own since plugin_new(), const for everyone else. */
        free((void *)(uintptr_t)plugin->table.options);
        free((void *)(uintptr_t)plugin->table.channels);
        free(plugin->lines);
        free(plugin->file);
        free(plugin);
}
