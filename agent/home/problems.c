/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the node, in one line for people. */
#include <stdio.h>
#include <string.h>

#include "home/inside.h"

/* A line is for reading at a glance: more are only counted. */
#define DEVICES_SHOWN 3

struct line {
        char *text;
        size_t size, used;
};

static void PRINTF_LIKE(2, 3) add(struct line *line, const char *format, ...)
{
        va_list arguments;

        if (line->used > 0 && line->used < line->size)
                line->used += (size_t)snprintf(line->text + line->used, line->size - line->used, "; ");
        if (line->used >= line->size)
                return;
        va_start(arguments, format);
        line->used += (size_t)vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
        va_end(arguments);
}

/* A device's problem is among the node's already. */
static bool is_faulty(const struct device *device)
{
        return *device->health.published_error &&
               strcmp(device->health.published_error, device->health.problem.text) != 0;
}

void home_summary(const struct home *home, char *text, size_t size)
{
        struct line line = { text, size, 0 };
        size_t n_faulty = 0;

        text[0] = '\0';
        for (size_t i = 0; i < home->n_problems; i++)
                add(&line, "%s: %s", home->problems[i].key, home->problems[i].text);
        for (size_t i = 0; i < home->count; i++)
                if (is_faulty(home->items[i]) && n_faulty++ < DEVICES_SHOWN)
                        add(&line, "%s: %s", home->items[i]->id, home->items[i]->health.published_error);
        if (n_faulty > DEVICES_SHOWN)
                add(&line, "%zu more devices are offline", n_faulty - DEVICES_SHOWN);
}
