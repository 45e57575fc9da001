/* SPDX-License-Identifier: Apache-2.0 */
/* The types of options: their names, the sizes of their C types, and how a text becomes one. */
#pragma once

#include <sconce/plugin.h>

#include "util/macro.h"

#define TYPE_REASON_MAX 160

/* One value of any type but a line or dimmer. */
union option_value {
        bool truth;
        int choice;
        int64_t integer;
        uint64_t natural;
        double real;
        const char *text;
};

struct option_type {
        const char *name, *plural;
        size_t size, alignment; /* of its C type */
        const char *min, *max;  /* the bounds of the type itself, as a config has them; NULL: none */
        /* -EINVAL with the reason, -ERANGE without one. NULL: not made from text alone (a line). */
        int (*parse)(const struct sconce_option *row, const char *text, char *reason, void *ret);
        int (*compare)(const void *a, const void *b); /* NULL: has no order */
};

/* Writes the reason and returns -EINVAL. */
int reason_set(char reason[static TYPE_REASON_MAX], const char *format, ...) PRINTF_LIKE(2, 3);

/* NULL for a type that this version does not know. */
const struct option_type *option_type(enum sconce_option_type type);

/* Converts one text as an option of this row would: for a plugin's `every`, `deadline`, a command's "30s".
 * `ret` points to the row type's C type. `reason` gets the sentence on -EINVAL or -ERANGE. */
int option_parse(const struct sconce_option *row, const char *text, char reason[static TYPE_REASON_MAX], void *ret)
        MUST_CHECK;
