/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Stable for N" by timer, for chips whose kernel driver or library cannot debounce. Every edge restarts the wait; when
 * it ends the line is looked at once more, so the final level is always reported, and a level that came back is not.
 *
 * The first level is settled like every other: at its request a line may show anything (a capacitor that charges, a
 * contact that bounces).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/loop.h"

struct debounce;

struct debounce_ops {
        int (*look)(void *userdata); /* the level now: 0, 1; negative: unknown, then the last edge counts */
        void (*first)(void *userdata, bool high); /* once, before all others */
        void (*settled)(void *userdata, bool high, uint64_t time_us);
};

int debounce_new(struct loop *loop, uint64_t stable_us, const struct debounce_ops *ops, void *userdata,
                 struct debounce **ret) MUST_CHECK;
void debounce_free(struct debounce *debounce);
void debounce_start(struct debounce *debounce, bool high); /* what the line shows now */
void debounce_edge(struct debounce *debounce, bool high, uint64_t time_us);
bool debounce_level(const struct debounce *debounce); /* the last settled one; before the first, that of the start */

DEFINE_CLEANUP(struct debounce, debounce_free);
#define CLEANUP_DEBOUNCE CLEANUP(debounce_freep)
