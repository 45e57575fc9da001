/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own copy of what a plugin declares. A plugin may have been built with an older or a newer
 * header, whose structs are shorter or longer: so its tables are walked by the strides that its module
 * records, and copied into zeroed structs of ours. From then on nobody looks at the original. Texts and
 * functions stay the plugin's, whose code is never unloaded.
 */
#pragma once

#include "plugin/shared.h"
#include "util/fault.h"

#define PLUGIN_ROWS_MAX 256 /* in a table */

struct plugin_line {
        const struct sconce_option *row; /* of type LINE */
        struct line_companions companions;
};

struct plugin {
        struct sconce_plugin table; /* options and channels point to the copies */
        size_t n_options, n_channels;
        struct shared_tables shared;
        struct plugin_line *lines;
        size_t n_lines;
        bool has_output;
        const char *version; /* as info shows it */
        char *file;          /* NULL: built into the agent */
};

/* -EINVAL with the reason when the module is not one that this agent can run. */
int plugin_new(const struct sconce_module *module, struct fault *fault, struct plugin **ret) MUST_CHECK;
void plugin_free(struct plugin *plugin);

/* A channel that is switched on and off. */
bool plugin_has_on_off(const struct plugin *plugin);

static inline bool plugin_is_blocking(const struct plugin *plugin)
{
        return plugin->table.flags & SCONCE_BLOCKING;
}

static inline bool plugin_row_is_dimmer(const struct sconce_option *row)
{
        return row->type == SCONCE_TYPE_PWM || row->type == SCONCE_TYPE_LED;
}

/* LINE, PWM, LED: used on the event loop only, since nobody else could switch them off in time. */
static inline bool plugin_row_is_hardware(const struct sconce_option *row)
{
        return row->type == SCONCE_TYPE_LINE || plugin_row_is_dimmer(row);
}

DEFINE_CLEANUP(struct plugin, plugin_free);
#define CLEANUP_PLUGIN CLEANUP(plugin_freep)
