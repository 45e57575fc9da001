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
        struct pin pin;
};

static void complain_used(const struct config *config, const struct used *used, const struct used *first,
                          struct problems *problems)
{
        const struct config_section *section = section_of(config, used->device);
        const struct config_section *other = section_of(config, first->device);
        const struct config_entry *entry = config_entry_find(section, used->pin.row->key);
        const struct config_entry *theirs = config_entry_find(other, first->pin.row->key);
        char label[CONFIG_LABEL_MAX], other_label[CONFIG_LABEL_MAX];

        problems_add(problems, entry ? entry->file : section->file, entry ? entry->line : section->line,
                     "%s %s: %s is used by %s %s already (%s:%u)", config_label(section, label), used->pin.row->key,
                     pin_text(&used->pin), config_label(other, other_label), first->pin.row->key,
                     theirs ? theirs->file : other->file, theirs ? theirs->line : other->line);
}

static const struct device_config *config_of(const struct device *device)
{
        return device->instance ? device->instance->config : NULL;
}

int conflicts_check(const struct home *home, const struct config *config, struct problems *problems)
{
        size_t count = 0, n = 0;

        for (size_t i = 0; i < home->count; i++)
                count += pins_count(config_of(home->items[i]));
        CLEANUP_FREE struct used *used = calloc(count + 1, sizeof(*used));
        if (!used)
                return -ENOMEM;
        for (size_t i = 0; i < home->count; i++)
                for (size_t k = 0; k < pins_count(config_of(home->items[i])); k++)
                        used[n++] = (struct used){ home->items[i], pin_at(config_of(home->items[i]), k) };
        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k < i; k++) {
                        if (!pin_same(&used[i].pin, &used[k].pin, home->context.default_chip))
                                continue;
                        complain_used(config, &used[i], &used[k], problems);
                        break;
                }
        }
        return 0;
}
