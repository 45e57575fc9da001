/* SPDX-License-Identifier: Apache-2.0 */
/* What `list` and `nodes` show, as arrays of JSON objects: one row each. */
#pragma once

#include "client/view.h"

/* With `as_json` for programs (values as they came), else for people (values as texts). NULL without memory. */
json_t *rows_of_devices(const struct view *home, bool as_json);
json_t *rows_of_nodes(const struct view *home, bool as_json);
