/* SPDX-License-Identifier: Apache-2.0 */
/* `sconce import FILE.yml`: a sconce.conf from the config of another program. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "util/macro.h"

/* Writes the config to `out` and what is lost to `notes`, each line "PATH:LINE: what: why". -ENOENT where nothing of it is
 * usable, -EINVAL where it cannot be read (both with the reason in `notes`, and nothing in `out`), -ENOMEM. */
int import_text(const char *path, const char *text, size_t size, FILE *out, FILE *notes) MUST_CHECK;
