/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As process 1 of a container the agent would inherit whatever orphans the programs of `exec` leave, and nobody waits for
 * them. So process 1 does nothing but that: it waits, hands signals on, and ends as the agent ends.
 */
#pragma once

/* Returns in the process that is to be the agent: this one, or, where this one is process 1, its child. Process 1 itself does
 * not return. Before there are threads. */
void init_if_first(void);
