/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one section makes of a device, before anything is opened: its plugin, the instance that the plugin's
 * options fill, the agent's own settings, its lines and dimmers.
 */
#pragma once

#include "config/options.h"
#include "device/plugin.h"
#include "gpio/dimmer.h"

struct blueprint_line {
        struct sconce_line *line;
        const struct plugin_line *of; /* the row it comes from, with companions */
};

struct blueprint_dimmer {
        struct sconce_dimmer *dimmer;
        const struct sconce_option *row;
};

struct blueprint {
        const struct plugin *plugin;
        void *instance;
        struct device_settings settings;
        struct blueprint_line *lines;
        size_t n_lines;
        struct blueprint_dimmer *dimmers;
        size_t n_dimmers;
        bool timed; /* by plugin, by an option, or by max_on */
        bool timed_by_plugin;
        struct option_store store;
};

/* All tables of a plugin's sections in the order to show them: its own, its lines' companions, the agent's. */
#define TARGETS_MAX (5 + PLUGIN_ROWS_MAX + READING_OVERRIDES_MAX)
size_t plugin_targets(const struct plugin *plugin, struct option_target targets[static TARGETS_MAX]);
/* The same for one section, which may say something of single readings: those tables live in `store`. */
int section_targets(const struct plugin *plugin, const struct config_section *section,
                    struct option_store *store, struct option_target targets[static TARGETS_MAX],
                    struct reading_overrides *ret_overrides) MUST_CHECK;

/* Problems are appended and make it -EINVAL. `section` NULL: defaults alone. */
int blueprint_new(const struct plugin *plugin, const struct config_section *section,
                  struct problems *problems, struct blueprint **ret) MUST_CHECK;
void blueprint_free(struct blueprint *blueprint); /* closes its lines */
/* "FILE:LINE: [section] key: what is wrong" */
void PRINTF_LIKE(4, 5) blueprint_complain(const struct config_section *section, const char *key,
                                          struct problems *problems, const char *format, ...);

bool blueprint_line_is_output(const struct blueprint_line *line);
unsigned blueprint_outputs(const struct blueprint *blueprint); /* all dimmers are */
/* What becomes of the outputs at exit. */
enum on_event blueprint_on_exit(const struct blueprint *blueprint, const struct device_settings *settings);

/* True when two readings of a device's section differ in nothing, or (ret_in_place) only in what can be
 * changed while it runs. */
bool blueprint_same_section(const struct plugin *plugin, const struct config_section *a,
                            const struct config_section *b, bool *ret_in_place);

DEFINE_CLEANUP(struct blueprint, blueprint_free);
#define CLEANUP_BLUEPRINT CLEANUP(blueprint_freep)
