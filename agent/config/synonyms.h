/* SPDX-License-Identifier: Apache-2.0 */
/* What people call plugins and keys who know other systems: for "did you mean". */
#pragma once

#include "util/suggest.h"

extern const struct synonym plugin_synonyms[];
extern const struct synonym key_synonyms[];
