/* SPDX-License-Identifier: Apache-2.0 */
#include "config/later.h"

#include <stddef.h>
#include <string.h>

#include "util/macro.h"

bool later_section(const char *kind)
{
        static const char *const kinds[] = { "history", "homeassistant" };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strcmp(kinds[i], kind) == 0)
                        return true;
        return false;
}

bool later_key(const char *kind, bool has_id, const char *key)
{
        (void)kind;
        return has_id && strcmp(key, "history") == 0;
}
