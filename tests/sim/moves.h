/* SPDX-License-Identifier: Apache-2.0 */
/* What the dice do to the house: one random action a step. */
#pragma once

void moves_begin(void);
void moves_next(void);
