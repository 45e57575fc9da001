/* SPDX-License-Identifier: Apache-2.0 */
/* The types of options: their names, the sizes of their C types, and how a text becomes one. */
#pragma once

#include <sconce/plugin.h>

#include "util/macro.h"

#define TYPE_REASON_MAX 160

struct option_type {
        const char *name, *plural;
        size_t size;
        const char *min, *max; /* what the type itself allows, as a config would say it; NULL: no bound to speak of */
        /* -EINVAL with the reason, -ERANGE without one. NULL: not made from text alone (a line). */
        int (*parse)(const struct sconce_option *row, const char *text, char *reason, void *ret);
        int (*compare)(const void *a, const void *b); /* NULL: has no order */
};

/* NULL for a type that this version does not know. */
const struct option_type *option_type(enum sconce_option_type type);

/* Parses and checks the bounds; the reason is set on -EINVAL and -ERANGE. */
int option_type_parse(const struct sconce_option *row, const char *text, char reason[static TYPE_REASON_MAX], void *ret)
        MUST_CHECK;
