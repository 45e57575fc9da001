/* SPDX-License-Identifier: Apache-2.0 */
/* One process of the agent after the other, from the first boot to the end of the last day. */
#pragma once

/* In the current directory, which is empty: 0, or 1 when a law was broken (and printed). */
int life_run(const char *plugin_dir);
