/* SPDX-License-Identifier: Apache-2.0 */
#include "util/identity.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

/* 2 and above, without zeros before it. */
static bool is_generation(const char *text)
{
        size_t length = strspn(text, "0123456789");
        return length > 0 && length < 10 && !text[length] && text[0] != '0' && strcmp(text, "1") != 0;
}

const char *identity_name(const char *cn, char name[static IDENTITY_NAME_MAX])
{
        const char *dot = cn ? strchr(cn, '.') : NULL;

        if (!dot || !is_generation(dot + 1) || (size_t)(dot - cn) >= IDENTITY_NAME_MAX)
                return cn;
        (void)snprintf(name, IDENTITY_NAME_MAX, "%.*s", (int)(dot - cn), cn);
        return text_is_id(name) ? name : cn;
}
