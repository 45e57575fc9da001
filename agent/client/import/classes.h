/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugins `contact` and `switch` know as device_class: both other programs use Home Assistant's words. */
#pragma once

#include "client/import/draft.h"

/* Writes `device_class` where the plugin `contact` has it, and notes any other. `map` may be NULL. */
void classes_put_contact(struct draft *draft, const struct tree_node *map);
