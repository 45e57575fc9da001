/* SPDX-License-Identifier: Apache-2.0 */
#include "config/problems.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/cleanup.h"

static void write_place(FILE *out, const char *file, unsigned line)
{
        if (file && line > 0)
                (void)fprintf(out, "%s:%u: ", file, line);
        else if (file)
                (void)fprintf(out, "%s: ", file);
}

void problems_vadd(struct problems *problems, const char *file, unsigned line, const char *prefix, const char *format,
                   va_list arguments)
{
        CLEANUP_FREE char *item = NULL;
        size_t size;
        FILE *out = open_memstream(&item, &size);
        char **grown = realloc(problems->items, (problems->count + 1) * sizeof(*grown));

        problems->lost |= !out || !grown;
        if (grown)
                problems->items = grown;
        if (!out)
                return;
        write_place(out, file, line);
        (void)fputs(prefix, out);
        (void)vfprintf(out, format, arguments);
        problems->lost |= fclose(out) != 0 || !item;
        if (grown && item)
                problems->items[problems->count++] = TAKE_PTR(item);
}

void problems_add(struct problems *problems, const char *file, unsigned line, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        problems_vadd(problems, file, line, "", format, arguments);
        va_end(arguments);
}

void problems_done(struct problems *problems)
{
        for (size_t i = 0; i < problems->count; i++)
                free(problems->items[i]);
        free(problems->items);
        *problems = (struct problems){ 0 };
}
