/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one section makes of a device, before anything is opened: its plugin, the instance that the plugin's
 * options fill, what all devices share, its lines and dimmers.
 */
#pragma once

#include "config/options.h"
#include "plugin/plugin.h"
#include "gpio/dimmer.h"

struct device_config_line {
        struct sconce_line *line;
        const struct plugin_line *of; /* the row it comes from, with companions */
};

struct device_config_dimmer {
        struct sconce_dimmer *dimmer;
        const struct sconce_option *row;
};

struct device_config {
        const struct plugin *plugin;
        void *data; /* the instance that the options fill */
        struct shared_config shared;
        struct device_config_line *lines;
        size_t n_lines;
        struct device_config_dimmer *dimmers;
        size_t n_dimmers;
        unsigned n_outputs; /* lines and dimmers: all of these are */
        bool timed;         /* by plugin, by an option, or by max_on */
        bool timed_by_plugin;
        struct option_store store;
};

/* All tables of a plugin's sections in the order to show them: its own, its lines' companions, the agent's. */
#define TARGETS_MAX (5 + PLUGIN_ROWS_MAX + READING_OVERRIDES_MAX)
size_t plugin_targets(const struct plugin *plugin, struct option_target targets[static TARGETS_MAX]);
/* The same for one section, which may set something for single readings: those tables live in `store`. */
int section_targets(const struct plugin *plugin, const struct config_section *section, struct option_store *store,
                    struct option_target targets[static TARGETS_MAX], struct reading_overrides *ret_overrides)
        MUST_CHECK;

/* Problems are appended and make it -EINVAL. `section` NULL: defaults alone. */
int device_config_new(const struct plugin *plugin, const struct config_section *section, struct problems *problems,
                      struct device_config **ret) MUST_CHECK;
void device_config_free(struct device_config *config); /* closes its lines */

bool device_config_line_is_output(const struct device_config_line *line);
/* What becomes of the outputs at exit. */
enum on_event device_config_on_exit(const struct device_config *config, const struct shared_config *shared);

/* True when two readings of a section are the same; ret_in_place: they differ only in what can change while it runs. */
bool device_config_same_section(const struct plugin *plugin, const struct config_section *a,
                                const struct config_section *b, bool *ret_in_place);

DEFINE_CLEANUP(struct device_config, device_config_free);
#define CLEANUP_DEVICE_CONFIG CLEANUP(device_config_freep)
