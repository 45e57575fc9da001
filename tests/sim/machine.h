/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's own doings. */
#pragma once

#include <stdint.h>

/* Somebody sets the wall clock; the agent hears of it. */
void machine_set_clock(int64_t by_us);
/* It has asked a server, and knows that its clock is right. */
void machine_synchronise(void);
