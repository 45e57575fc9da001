/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Home Assistant's device classes: on which platform it knows each, with which units, and what it counts. It refuses an
 * entity whose class or unit it does not know, so that what a plugin or a config says goes through here first.
 */
#pragma once

#include <stdbool.h>

#include "channel/kinds.h"

/* The class, where that platform knows it with that unit (NULL: none); else NULL: the entity has no class. */
const char *class_for(enum platform platform, const char *name, const char *unit);

/* A numeric sensor's state class, by which it has statistics; NULL: it has none. `name` is what class_for() gave. */
const char *class_of_state(const char *name, bool is_total);
