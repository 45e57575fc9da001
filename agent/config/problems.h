/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is wrong with a config, reported at once: a list of "file:line: [section] key: …" sentences. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/macro.h"

struct problems {
        char **items;
        size_t count;
        bool lost; /* there was no memory for one: the list is not the whole truth */
};

/* `file` NULL and `line` 0 are left out. */
void problems_add(struct problems *problems, const char *file, unsigned line, const char *format, ...)
        PRINTF_LIKE(4, 5);
/* The same behind a prefix: "[section] key: ". */
void problems_vadd(struct problems *problems, const char *file, unsigned line, const char *prefix, const char *format,
                   va_list arguments) PRINTF_LIKE(5, 0);
void problems_done(struct problems *problems);

/* Nothing wrong, as far as is known. */
static inline bool problems_none(const struct problems *problems)
{
        return problems->count == 0 && !problems->lost;
}
