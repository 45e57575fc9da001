/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's threads (the database's writer, blocking devices) as strands of the one real thread: a strand runs when the
 * world's time has come for it, until it waits. So there are no races but those that the seed makes. */
#pragma once

#include <stdint.h>

uint64_t strands_next_us(void); /* when the next one goes on; UINT64_MAX: all wait */
void strands_run(void);         /* the one that is due */
