/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is wrong with a config, told at once: a list of "file:line: [section] key: …" sentences. */
#pragma once

#include <stddef.h>

#include "util/macro.h"

struct problems {
        char **items;
        size_t count;
};

void problems_add(struct problems *problems, const char *file, unsigned line, const char *format, ...)
        PRINTF_LIKE(4, 5);
void problems_done(struct problems *problems);
