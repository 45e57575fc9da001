/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin, or a library that it uses, may call exit(0). Nobody has stopped the devices then, so that must not look like an
 * end in order: systemd would not start the agent again, and `--outputs-safe` would leave the outputs as they are. */
#pragma once

/* From here on exit() ends this process as a failure, whatever status it is given. What fork() makes of it is not meant. */
void ending_guard(void);
/* What comes now is an end in order. */
void ending_in_order(void);
