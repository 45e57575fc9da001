/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that a seed repeats on every machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dice {
        uint64_t state;
};

struct dice dice_of(uint64_t seed);
uint64_t dice_below(struct dice *dice, uint64_t limit); /* 0 to limit - 1 */
uint64_t dice_between(struct dice *dice, uint64_t least, uint64_t most);
bool dice_chance(struct dice *dice, unsigned percent);
