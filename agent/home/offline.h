/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a broker has been away for so long that outputs are held at their on_offline: one state for all
 * devices, which find it in their context. Inside agent/home/ only.
 *
 * The moment of the loss is kept in the store, and that there was a broker in this boot: an agent that is
 * killed and comes back goes on counting, and one that finds the broker gone begins where it starts.
 */
#pragma once

#include <stdint.h>

#include "util/macro.h"

struct home;
struct timer;

struct offline {
        uint64_t after_us;
        uint64_t since_us; /* no broker since then; 0: there is one, or nobody has counted yet */
        struct timer *timer;
};

int offline_init(struct home *home, uint64_t after_us) MUST_CHECK;
void offline_done(struct home *home);
