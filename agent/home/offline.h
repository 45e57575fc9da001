/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a broker has been away for so long that outputs are held at their on_offline: one state for all
 * devices, asked by hold_of(). Inside agent/home/ and agent/device/ only.
 *
 * The moment of the loss is kept in the store, and that there was a broker in this boot: an agent that is
 * killed and comes back goes on counting, and one that finds the broker gone begins where it starts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/macro.h"

struct home;
struct timer;

struct offline {
        uint64_t after_us;
        uint64_t since_us; /* no broker since then; 0: there is one, or nobody has counted yet */
        bool is_seen;      /* there was one in this boot */
        bool is_over;      /* after_us have passed */
        struct timer *timer;
};

int offline_init(struct home *set) MUST_CHECK;
void offline_done(struct home *set);
