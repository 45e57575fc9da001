/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/duel.h"

void duel_open(struct duel *duel, const char *party, const char *devices, unsigned readings)
{
        duel->n_turns = 0;
        bench_open(&duel->bench);
        probe_open(&duel->probe, &duel->bench);
        party_new(&duel->floor, &duel->bench, "floor", NULL, readings);
        party_new(&duel->party, &duel->bench, party, devices, 0);
        (void)probe_start(&duel->probe, &duel->floor, &duel->bench);
        (void)probe_start(&duel->probe, &duel->party, &duel->bench);
}

void duel_close(struct duel *duel)
{
        probe_end(&duel->probe, &duel->party);
        probe_end(&duel->probe, &duel->floor);
        probe_close(&duel->probe);
        bench_close();
}

void duel_turns(struct duel *duel, size_t turns, duel_turn_t turn, void *party_sum, void *floor_sum)
{
        const struct {
                const struct running *running;
                void *sum;
        } sides[] = { { &duel->floor, floor_sum }, { &duel->party, party_sum } };

        for (size_t i = 0; i < 2 * turns; i++) {
                size_t side = (i + duel->n_turns) % 2;
                probe_watch(&duel->probe, sides[side].running);
                turn(&duel->probe, sides[side].running, sides[side].sum);
                duel->n_turns += i % 2;
        }
}
