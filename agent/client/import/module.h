/* SPDX-License-Identifier: Apache-2.0 */
/* The modules of MQTT IO: what gpio_modules and sensor_modules have in common. */
#pragma once

#include "client/import/draft.h"

/* The module of that name in a list of modules; NULL: there is none. */
const struct tree_node *module_find(const struct tree_node *modules, const char *name);

/* Bus and address of a module on I²C; false where they are wrong, and the draft is refused. */
bool module_address(struct draft *draft, const struct tree_node *module, unsigned usual, unsigned *ret_bus,
                    unsigned *ret_address);
