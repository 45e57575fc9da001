/* SPDX-License-Identifier: Apache-2.0 */
/* What the dice do to a house. */
#pragma once

#include "stress/scene.h"

void moves_make(struct scene *scene); /* one, and a random pause */
/* What the dice have left out, so that each law has something to look at; ends with a long loss of the broker. */
void moves_make_the_rest(struct scene *scene);
