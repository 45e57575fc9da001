/* SPDX-License-Identifier: Apache-2.0 */
/* A DIR that the shell script before this program has made: `openssl ca`'s text files become the registry. */
#pragma once

#include <stdbool.h>

#include "util/fault.h"

/* The working directory has such files, and no registry. */
bool takeover_is_due(void);
/* As a whole, or not at all; refused where the files do not agree with each other. */
int takeover(struct fault *fault) MUST_CHECK;
/* Once there is a registry: the old files get another name, so that the script cannot go on with them. */
void takeover_end(void);
