/* SPDX-License-Identifier: Apache-2.0 */
/* What people write for a GPIO line and no chip calls so: a guess, without a look at any chip. */
#pragma once

#include <stdbool.h>

#include "gpio/gpio.h"

/* True, with a sentence, when the line will hardly be found. `default_chip` is [gpio] chip. */
bool line_hint(const struct sconce_line *line, const char *default_chip, char hint[static 160]);
