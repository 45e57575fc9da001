/* SPDX-License-Identifier: Apache-2.0 */
/* Process 1 of a container inherits the orphans of `exec`'s programs. So process 1 only waits for processes, hands
 * signals on, and ends as the agent ends. */
#pragma once

/* Returns in the process that is to be the agent: this one or, where this one is process 1, its child. Before there are
 * threads. */
void init_if_first(void);
