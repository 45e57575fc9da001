/* SPDX-License-Identifier: Apache-2.0 */
/* --dump-config: each effective value, in the config's own grammar, with where it came from. */
#pragma once

#include <stdio.h>

#include "config/options.h"

/* "[HEADER]" and a line for each row: "key = value  # file:line" or "# default". A secret stands in a comment, masked,
 * so that what is printed can be read back without turning asterisks into a password. `section` NULL: defaults alone.
 * Without any target (the plugin is not there) every value is masked, because nobody knows which are secrets. */
void options_dump(FILE *out, const char *header, const struct config_section *section,
                  const struct option_target *targets, size_t n_targets);
