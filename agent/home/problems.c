/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the node: kept by key, listed for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"

/* A line is for reading at a glance: more are only counted. */
#define DEVICES_SHOWN 3

#define NO_CLOCK "clock: not synchronised yet, so times are null until it is ([node] clock)"

/* ---- Setting them -------------------------------------------------------------------------------------- */

/* True when the list has changed. */
static bool set_problem(struct home *home, const char *key, const char *text)
{
        struct problem_text *at = NULL;

        for (size_t i = 0; i < home->n_problems; i++)
                if (strcmp(home->problems[i].key, key) == 0)
                        at = &home->problems[i];
        if (at && text && strcmp(at->text, text) == 0)
                return false;
        if (at) {
                free(at->key);
                free(at->text);
                *at = home->problems[--home->n_problems];
        }
        if (!text)
                return at;
        struct problem_text *items = realloc(home->problems, (home->n_problems + 1) * sizeof(*items));
        if (!items)
                return at;
        home->problems = items;
        const struct problem_text item = { strdup(key), strdup(text) };
        if (!item.key || !item.text) {
                free(item.key);
                free(item.text);
                return at;
        }
        items[home->n_problems++] = item;
        return true;
}

void home_problem(struct home *home, const char *key, const char *text)
{
        if (set_problem(home, key, text))
                node_publish_problems(home_find(home, NODE_ID));
}

/* ---- Listing them -------------------------------------------------------------------------------------- */

struct list {
        char *text;
        size_t size;
        const char *separator;
        size_t used;
};

static void PRINTF_LIKE(2, 3) add(struct list *list, const char *format, ...)
{
        va_list arguments;

        if (list->used > 0 && list->used < list->size)
                list->used += (size_t)snprintf(list->text + list->used, list->size - list->used, "%s", list->separator);
        if (list->used >= list->size)
                return;
        va_start(arguments, format);
        list->used += (size_t)vsnprintf(list->text + list->used, list->size - list->used, format, arguments);
        va_end(arguments);
}

static void add_problems(const struct home *home, struct list *list)
{
        for (size_t i = 0; i < home->n_problems; i++)
                add(list, "%s: %s", home->problems[i].key, home->problems[i].text);
}

void home_list_problems(const struct home *home, char text[static PROBLEMS_MAX])
{
        struct list list = { .text = text, .size = PROBLEMS_MAX, .separator = "\n" };

        text[0] = '\0';
        if (home->context.clock && !clock_trusted(home->context.clock))
                add(&list, NO_CLOCK);
        add_problems(home, &list);
}

/* A device's problem is among the node's already. */
static bool is_faulty(const struct device *device)
{
        const struct device_health *health = &device->health;

        return health->published.code != 0 &&
               strcmp(kept_fault_text(&health->published), kept_fault_text(&health->problem)) != 0;
}

void home_summary(const struct home *home, char *text, size_t size)
{
        struct list list = { .text = text, .size = size, .separator = "; " };
        size_t n_faulty = 0;

        text[0] = '\0';
        add_problems(home, &list);
        for (size_t i = 0; i < home->count; i++)
                if (is_faulty(home->items[i]) && n_faulty++ < DEVICES_SHOWN)
                        add(&list, "%s: %s", home->items[i]->id, kept_fault_text(&home->items[i]->health.published));
        if (n_faulty > DEVICES_SHOWN)
                add(&list, "%zu more devices are offline", n_faulty - DEVICES_SHOWN);
}
