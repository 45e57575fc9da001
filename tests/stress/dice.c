/* SPDX-License-Identifier: Apache-2.0 */
#include "stress/dice.h"

struct dice dice_of(uint64_t seed)
{
        return (struct dice){ .state = seed };
}

/* splitmix64: each state gives one number, so seeds that follow each other have nothing in common. */
static uint64_t next(struct dice *dice)
{
        uint64_t z = dice->state += 0x9e3779b97f4a7c15ULL;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *dice, uint64_t limit)
{
        return next(dice) % limit;
}

uint64_t dice_between(struct dice *dice, uint64_t least, uint64_t most)
{
        return least + dice_below(dice, most - least + 1);
}

bool dice_chance(struct dice *dice, unsigned percent)
{
        return dice_below(dice, 100) < percent;
}
