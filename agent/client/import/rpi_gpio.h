/* SPDX-License-Identifier: Apache-2.0 */
/* Home Assistant's `rpi_gpio` and `remote_rpi_gpio`: platforms below switch, binary_sensor and cover. */
#pragma once

#include "client/import/draft.h"

/* Is there a section that can have such a platform? */
bool rpi_gpio_is(const struct tree_node *root);
void rpi_gpio_import(struct import *import, const struct tree_node *root);
