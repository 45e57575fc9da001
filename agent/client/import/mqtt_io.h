/* SPDX-License-Identifier: Apache-2.0 */
/* The config of MQTT IO (mqtt-io, and pi-mqtt-gpio before it): one map with lists of modules, inputs, outputs. */
#pragma once

#include "client/import/draft.h"

/* Is it one? */
bool mqtt_io_is(const struct tree_node *root);
void mqtt_io_import(struct import *import, const struct tree_node *root);
