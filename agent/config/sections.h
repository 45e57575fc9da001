/* SPDX-License-Identifier: Apache-2.0 */
/* Building a struct config: sections that several files may open, entries that later files may replace. */
#pragma once

#include "config/config.h"
#include "config/value.h"

/* A house has tens of either; the bounds keep a runaway file from costing minutes. */
#define SECTIONS_MAX 4096
#define ENTRIES_MAX  1024

/* Opens [KIND ID] at a place of a file. 1: this file has opened it before, *ret_before is where; -E2BIG, -ENOMEM. */
int section_open(struct config *config, const char *kind, const char *id, struct config_origin origin,
                 struct config_section **ret, struct config_origin *ret_before) MUST_CHECK;

/* Puts an entry in, with the value's texts handed over (value NULL: a broken one). 1: this file has the key
 * already, *ret_before is where, and nothing changes; -E2BIG, -ENOMEM. */
int section_set(struct config_section *section, const char *key, struct config_origin origin, struct value *value,
                struct config_origin *ret_before) MUST_CHECK;
