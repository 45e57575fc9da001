/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT IO's sensors: each module with the inputs that read it becomes one device of w1, iio or hwmon. */
#pragma once

#include "client/import/draft.h"

void sensors_import(struct import *import, const struct tree_node *root);
