/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and dimmers that two options of a config name. */
#include <errno.h>
#include <stdlib.h>

#include "home/inside.h"

static const struct config_section *section_of(const struct config *config, const struct device *device)
{
        return device->section ? config_find(config, device->section->kind, device->id) : NULL;
}

/* A line or a dimmer, and who names it. */
struct used {
        const struct device *device;
        const struct sconce_option *row;
        const struct sconce_line *line;
        const struct sconce_dimmer *dimmer;
};

static void complain_used(const struct config *config, const struct used *used, const struct used *first,
                          struct problems *problems)
{
        const struct config_section *section = section_of(config, used->device);
        const struct config_section *other = section_of(config, first->device);
        const struct config_entry *entry = config_entry_find(section, used->row->key);
        const struct config_entry *theirs = config_entry_find(other, first->row->key);
        char label[CONFIG_LABEL_MAX], other_label[CONFIG_LABEL_MAX];

        problems_add(problems, entry ? entry->file : section->file, entry ? entry->line : section->line,
                     "%s %s: %s is used by %s %s already (%s:%u)", config_label(section, label), used->row->key,
                     used->line ? line_text(used->line) : dimmer_text(used->dimmer), config_label(other, other_label),
                     first->row->key, theirs ? theirs->file : other->file, theirs ? theirs->line : other->line);
}

static size_t list_used(const struct device *device, struct used *ret)
{
        const struct device_config *config = device->instance ? device->instance->config : NULL;
        size_t n = 0;

        for (size_t i = 0; config && i < config->n_lines; i++)
                ret[n++] = (struct used){ .device = device,
                                          .row = config->lines[i].of->row,
                                          .line = config->lines[i].line };
        for (size_t i = 0; config && i < config->n_dimmers; i++)
                ret[n++] = (struct used){ .device = device,
                                          .row = config->dimmers[i].row,
                                          .dimmer = config->dimmers[i].dimmer };
        return n;
}

static bool is_same(const struct used *a, const struct used *b, const char *default_chip)
{
        if (a->line && b->line)
                return line_same(a->line, b->line, default_chip);
        return a->dimmer && b->dimmer && dimmer_same(a->dimmer, b->dimmer);
}

int conflicts_check(const struct home *home, const struct config *config, struct problems *problems)
{
        size_t count = 0, n = 0;

        for (size_t i = 0; i < home->count; i++)
                if (home->items[i]->instance)
                        count += home->items[i]->instance->config->n_lines +
                                 home->items[i]->instance->config->n_dimmers;
        CLEANUP_FREE struct used *used = calloc(count + 1, sizeof(*used));
        if (!used)
                return -ENOMEM;
        for (size_t i = 0; i < home->count; i++)
                n += list_used(home->items[i], &used[n]);
        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k < i; k++) {
                        if (!is_same(&used[i], &used[k], home->context.default_chip))
                                continue;
                        complain_used(config, &used[i], &used[k], problems);
                        break;
                }
        }
        return 0;
}
