/* SPDX-License-Identifier: Apache-2.0 */
#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/cleanup.h"

static int sentence(char **ret, const char *file, unsigned line, const char *text)
{
        if (!file)
                return asprintf(ret, "%s", text);
        if (line == 0)
                return asprintf(ret, "%s: %s", file, text);
        return asprintf(ret, "%s:%u: %s", file, line, text);
}

void problems_add(struct problems *problems, const char *file, unsigned line, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        CLEANUP_FREE char *text = NULL;
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);

        char **grown = realloc(problems->items, (problems->count + 1) * sizeof(*grown));
        if (grown)
                problems->items = grown;
        char *item = NULL;
        if (!text || !grown || sentence(&item, file, line, text) < 0) {
                problems->lost = true;
                return;
        }
        problems->items[problems->count++] = item;
}

void problems_done(struct problems *problems)
{
        for (size_t i = 0; i < problems->count; i++)
                free(problems->items[i]);
        free(problems->items);
        *problems = (struct problems){ 0 };
}
