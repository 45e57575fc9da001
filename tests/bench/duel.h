/* SPDX-License-Identifier: Apache-2.0 */
/* A party against the floor: both run, and are measured in turn. */
#pragma once

#include "bench/bench.h"
#include "bench/party.h"
#include "bench/probe.h"

struct duel {
        struct bench bench;
        struct probe probe;
        struct running party, floor;
        size_t n_turns; /* so far */
};

/* Starts both, and the broker. `devices` is the config where the party is sconced, `readings` how many the floor publishes when
 * it is triggered. */
void duel_open(struct duel *duel, const char *party, const char *devices, unsigned readings);
void duel_close(struct duel *duel);

/* Measures `running` once more, which the probe watches, and adds that to its `sum`. */
typedef void (*duel_turn_t)(struct probe *probe, const struct running *running, void *sum);

/* What is measured for one pair: so many turns of each in the order A B B A, so that neither is always the second, and whatever
 * else the machine does falls on both. */
void duel_turns(struct duel *duel, size_t turns, duel_turn_t turn, void *party_sum, void *floor_sum);
