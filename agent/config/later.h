/* SPDX-License-Identifier: Apache-2.0 */
/* What the config is going to know and does not yet: named, so that nobody takes it for a slip of the pen. */
#pragma once

#include <stdbool.h>

/* [KIND] belongs to a later version. */
bool later_section(const char *kind);

/* The key of a daemon's section, or (has_id) of every device, belongs to a later version. */
bool later_key(const char *kind, bool has_id, const char *key);
