/* SPDX-License-Identifier: Apache-2.0 */
/* Whether DIR of sconce-pki is as the model says: each file and each row, not only that they agree with each other. */
#pragma once

#include "pki/model.h"

enum { WHY_MAX = 4096 };

/* "": it is; else what is not, with what there is and what should be. */
void check_all(const struct model *model, const char *dir, int64_t now_s, char why[static WHY_MAX]);
