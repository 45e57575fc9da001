/* SPDX-License-Identifier: Apache-2.0 */
/* What no single row of a table can check: the names of sections, and keys that depend on each other. */
#pragma once

#include "config/builtin.h"

/* Every section's name: known, not reserved, ids well-formed and used once. True when nothing was wrong. */
bool headers_check(const struct config *config, enum settings_for whom, struct problems *problems);

/* The meaning of the daemon's keys. A field that could not be read is NULL or empty and left out. */
bool settings_check(const struct config *config, struct settings *settings, struct problems *problems);

/* Whether [broker] has a password, which may stand in for a certificate. */
bool settings_uses_password(const struct config *config);
