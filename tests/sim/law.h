/* SPDX-License-Identifier: Apache-2.0 */
/* What the laws share (laws.c, laws_*.c). */
#pragma once

#include "sim/world.h"

#define MS USEC_PER_MSEC

/* An exact timer is up to a millisecond late, and what else is due comes before it. */
#define SLACK_US (5 * MS)
/* How much longer than save_after it may take until something is on the disk: a slow card, twice. */
#define DISK_US (4 * USEC_PER_SEC)
/* A member's turn: the other one off, the dead time, and some. */
#define TURN_US (500 * MS)

/* A reload is one turn of the loop, but the signal waits its turn. */
#define RELOAD_US (100 * MS)

#define FOR_EACH_OUTPUT(i) for (size_t i = 0; i < world->house.count; i++)

static inline const struct output *output_at(size_t i)
{
        return &world->house.outputs[i];
}

static inline struct output_law *law_at(size_t i)
{
        return &world->laws.outputs[i];
}

static inline double law_seconds(uint64_t us)
{
        return (double)us / (double)USEC_PER_SEC;
}

/* Whether the agent may not have read yet what on_exit and max_on are now. */
bool law_is_unsettled(const struct output *output);
/* Whether on_offline wants it so. */
bool law_is_declared(const struct output *output, bool on);
/* Where it belongs from now on. */
void law_remember(size_t i, bool on);
void law_set_end(size_t i, uint64_t end_us);
void law_begin_pulse(size_t i);
/* Whether it may be so for the broker's loss. */
bool law_is_of_loss(const struct output *output, bool on);
