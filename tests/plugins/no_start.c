/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that forgot its start function. */
#include <sconce/plugin.h>

static const struct sconce_plugin no_start = { .name = "no_start", .summary = "Never starts" };
SCONCE_PLUGIN(no_start)
