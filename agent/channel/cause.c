/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/cause.h"

#include <string.h>

unsigned cause_depth(const char *text)
{
        unsigned depth = 0;

        if (!text)
                return 0;
        if (!*text || text[strspn(text, "0123456789")])
                return CHAIN_MAX;
        for (const char *digit = text; *digit && depth < CHAIN_MAX; digit++)
                depth = depth * 10 + (unsigned)(*digit - '0');
        return depth < CHAIN_MAX ? depth : CHAIN_MAX;
}
