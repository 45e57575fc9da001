/* SPDX-License-Identifier: Apache-2.0 */
/* What sconced does once and then exits: --check, --describe, --dump-config, --lines, --outputs-safe. */
#pragma once

#include "util/macro.h"

struct mode_options {
        const char *config_path;
        const char *plugin_dir;
        const char *argument; /* of --describe; NULL without one */
};

/* Each returns 0, MODE_BAD_CONFIG (problems are printed already), or a negative errno. */
enum { MODE_BAD_CONFIG = 1 };
int mode_check(const struct mode_options *options) MUST_CHECK;
int mode_describe(const struct mode_options *options) MUST_CHECK;
int mode_dump_config(const struct mode_options *options) MUST_CHECK;
int mode_lines(const struct mode_options *options) MUST_CHECK;
int mode_outputs_safe(const struct mode_options *options) MUST_CHECK;
