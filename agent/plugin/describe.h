/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins declare, and what sections make of it, for people: `sconced --describe`, `--dump-config`, the docs. */
#pragma once

#include <stdio.h>

#include "config/config.h"
#include "config/describe.h"
#include "util/macro.h"

/* What a plugin (name or path) declares; NULL: all of the directory. For a man page: all of its page but title and notes. */
int plugins_describe(const char *plugin_dir, const char *plugin, enum describe_form form, FILE *out) MUST_CHECK;
/* One row for each plugin of the directory, with its page; in Markdown or for a man page. */
int plugins_describe_list(const char *plugin_dir, enum describe_form form, FILE *out) MUST_CHECK;
/* Their man pages, as SEE ALSO lists them. */
int plugins_describe_references(const char *plugin_dir, FILE *out) MUST_CHECK;
/* The options that plugins share. */
void shared_describe(enum describe_form form, FILE *out);
/* The kinds of channels. */
void kinds_describe(enum describe_form form, FILE *out);
/* The device sections' effective values. */
int devices_dump(const char *plugin_dir, const struct config *config, FILE *out) MUST_CHECK;
