/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one engine for option tables: the daemon's sections and the plugins' alike. It converts each entry's
 * text to the type of its row, checks ranges and choices, fills defaults, and reports in one sentence what is
 * wrong, where, what is allowed, and what was probably meant.
 */
#pragma once

#include <sconce/plugin.h>

#include "config/config.h"

/* A table and the struct that its rows fill. A device has several: the host's rows, the plugin's, the lines'. */
struct option_target {
        const struct sconce_option *rows; /* ends with an empty row */
        void *base;
};

/* Strings and lists that option values point to; freed with the struct they belong to. Lines and dimmers are the hooks'
 * business: the holder of the struct frees them, also those that a failed options_read() has left in it. */
struct option_store {
        void **blocks;
        size_t count;
};
void *option_store_alloc(struct option_store *store, size_t size); /* zeroed; NULL without memory */
char *option_store_strdup(struct option_store *store, const char *text);
void option_store_done(struct option_store *store);

/* How a LINE's text becomes a struct sconce_line, that of a PWM or LED a struct sconce_dimmer: gpio's business, so they
 * come in as functions. They open nothing. On -EINVAL `reason` has what is wrong ("a line is NAME, OFFSET, …"). */
struct option_hooks {
        int (*line)(const char *text, char reason[static 160], struct sconce_line **ret);
        int (*pwm)(const char *text, char reason[static 160], struct sconce_dimmer **ret);
        int (*led)(const char *text, char reason[static 160], struct sconce_dimmer **ret);
};

/* Fills all targets from one section (NULL: defaults alone; missing required keys are problems then too).
 * Unknown keys are problems, with the nearest known one. -EINVAL when anything was added to `problems`, or
 * when the section has an entry that config_load() has reported; -ENOMEM. The structs come zeroed; a
 * field without value or default stays so, but for an ENUM, which becomes -1. */
int options_read(const struct config_section *section, const struct option_target *targets, size_t n_targets,
                 const struct option_hooks *hooks, struct option_store *store, struct problems *problems) MUST_CHECK;

/* The row of a key; NULL where the table (which may be NULL itself) has none. */
const struct sconce_option *option_row_find(const struct sconce_option *rows, const char *key);

/* The row's type as users know it: "duration", "list of lines", … */
const char *option_type_name(const struct sconce_option *row, char text[static 40]);

/* Checks a table that comes from a plugin: keys' grammar, known types, defaults and bounds that are values of
 * their type. -EINVAL with the first fault in `reason`; -ENOMEM, which is stated there, too. */
int option_rows_check(const struct sconce_option *rows, char reason[static 160]) MUST_CHECK;
