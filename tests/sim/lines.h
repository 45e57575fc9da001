/* SPDX-License-Identifier: Apache-2.0 */
/* The one chip of the house, in the place of the agent's simulated one. Of a line that nobody holds it keeps the level, as
 * a Raspberry Pi does, or lets it fall to its pull, as others do: each house has one kind. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gpio/chip_ops.h"

struct house_line {
        bool high;
        bool is_held, is_output;
        bool pull, hand; /* the level that it has by itself: of its resistor, of the outside */
};

struct lines {
        bool are_kept; /* at a release */
        struct house_line items[SIM_LINES];
};

void lines_power_up(void);                   /* nobody holds any; all have their pulls */
void lines_let_go(void);                     /* the process that held them is gone */
void lines_left(unsigned offset);            /* one who has held it is gone */
void lines_hand(unsigned offset, bool high); /* an input changes now */
