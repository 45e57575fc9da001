/* SPDX-License-Identifier: Apache-2.0 */
/* Options as the agent would have read them from a section. */
#include "sdk/mock/host.h"

#include <stdio.h>

static struct sconce_line *add_line(struct mock_host *host, const struct sconce_option *row, const char *name)
{
        struct sconce_line *line = calloc(1, sizeof(*line));

        assert_non_null(line);
        (void)snprintf(line->name, sizeof(line->name), "%s", name);
        line->declared_output = row->flags & SCONCE_OUTPUT;
        line->next = host->lines;
        host->lines = line;
        return line;
}

static struct sconce_dimmer *add_dimmer(struct mock_host *host, const char *name)
{
        struct sconce_dimmer *dimmer = calloc(1, sizeof(*dimmer));

        assert_non_null(dimmer);
        (void)snprintf(dimmer->name, sizeof(dimmer->name), "%s", name);
        dimmer->next = host->dimmers;
        host->dimmers = dimmer;
        return dimmer;
}

/* "1.5h" in microseconds. */
static uint64_t duration_us(const char *text)
{
        static const struct {
                const char *unit;
                double us;
        } units[] = { { "ms", 1e3 }, { "s", 1e6 }, { "m", 60e6 }, { "h", 3600e6 }, { "d", 86400e6 } };
        char *unit;
        double number = strtod(text, &unit);

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
                if (strcmp(units[i].unit, unit) == 0)
                        return (uint64_t)(number * units[i].us);
        fail_msg("\"%s\" is not a duration", text);
        return 0;
}

/* "32M" in bytes. */
static uint64_t size_bytes(const char *text)
{
        static const char units[] = "KMG";
        char *unit;
        uint64_t number = strtoull(text, &unit, 10);
        const char *at = *unit ? strchr(units, *unit) : NULL;

        if (*unit && !at)
                fail_msg("\"%s\" is not a size", text);
        return at ? number << (10 * (at - units + 1)) : number;
}

static int choice(const struct sconce_option *row, const char *text)
{
        for (int i = 0; row->choices[i]; i++)
                if (strcmp(row->choices[i], text) == 0)
                        return i;
        fail_msg("\"%s\" is not a choice of %s", text, row->key);
        return -1;
}

static bool truth(const char *text)
{
        return strcmp(text, "yes") == 0 || strcmp(text, "on") == 0 || strcmp(text, "true") == 0;
}

/* Puts one value into a field, or into the item of a list. */
static void fill(struct mock_host *host, const struct sconce_option *row, const char *text, void *field)
{
        switch (row->type) {
        case SCONCE_TYPE_BOOL:
                *(bool *)field = truth(text);
                break;
        case SCONCE_TYPE_INT:
                *(int64_t *)field = strtoll(text, NULL, 10);
                break;
        case SCONCE_TYPE_FLOAT:
        case SCONCE_TYPE_PERCENT:
                *(double *)field = strtod(text, NULL);
                break;
        case SCONCE_TYPE_STRING:
        case SCONCE_TYPE_PATH:
                *(const char **)field = mock_keep_text(host, text);
                break;
        case SCONCE_TYPE_ENUM:
                *(int *)field = choice(row, text);
                break;
        case SCONCE_TYPE_DURATION:
                *(uint64_t *)field = duration_us(text);
                break;
        case SCONCE_TYPE_SIZE:
                *(uint64_t *)field = size_bytes(text);
                break;
        case SCONCE_TYPE_LINE:
                *(struct sconce_line **)field = add_line(host, row, text);
                break;
        case SCONCE_TYPE_PWM:
        case SCONCE_TYPE_LED:
                *(struct sconce_dimmer **)field = add_dimmer(host, text);
                break;
        }
}

static void fill_row(struct mock_host *host, const struct sconce_option *row, const char *text)
{
        void *field = (char *)host->instance + row->offset;

        if (row->flags & SCONCE_LIST) {
                /* Room for one item of any type. */
                void *item = (void *)(uintptr_t)mock_keep_text(host, "                ");
                fill(host, row, text, item);
                *(struct sconce_list *)field = (struct sconce_list){ .count = 1, .items = item };
        } else {
                fill(host, row, text, field);
        }
}

static const struct sconce_option *row_at(const struct mock_host *host, size_t index)
{
        return (const void *)((const char *)host->plugin->options + index * host->module->option_size);
}

static const struct sconce_option *find_row(const struct mock_host *host, const char *key)
{
        for (size_t i = 0; host->plugin->options && row_at(host, i)->key; i++)
                if (strcmp(row_at(host, i)->key, key) == 0)
                        return row_at(host, i);
        fail_msg("unknown option %s", key);
        abort();
}

void mock_option(struct mock_host *host, const char *key, const char *text)
{
        fill_row(host, find_row(host, key), text);
}

void mock_option_list(struct mock_host *host, const char *key, const char *const *texts)
{
        const struct sconce_option *row = find_row(host, key);
        size_t count = 0;

        assert_true((row->flags & SCONCE_LIST) && row->type == SCONCE_TYPE_STRING);
        while (texts[count])
                count++;
        *(struct sconce_list *)(void *)((char *)host->instance + row->offset) = (struct sconce_list){ .count = count,
                                                                                                      .items = texts };
}

void mock_fill_defaults(struct mock_host *host)
{
        for (size_t i = 0; host->plugin->options && row_at(host, i)->key; i++) {
                const struct sconce_option *row = row_at(host, i);
                if (row->def)
                        fill_row(host, row, row->def);
                else if (row->type == SCONCE_TYPE_ENUM)
                        *(int *)(void *)((char *)host->instance + row->offset) = -1;
        }
}
