/* SPDX-License-Identifier: Apache-2.0 */
/* What a config means for the groups: checking it, and changing them at a reload. */
#include <string.h>

#include "home/inside.h"
#include "home/interlock.h"
#include "util/suggest.h"

/* ---- Reload -------------------------------------------------------------------------------------------- */

static const char *group_in(const struct config_section *section)
{
        const struct config_entry *entry = config_entry_find(section, "interlock");
        return entry && entry->count == 1 ? entry->values[0] : NULL;
}

static bool is_touched(const struct home *home, const struct config *config, const char *group,
                       bool (*restarts)(const struct device *, const struct config_section *))
{
        for (size_t i = 0; i < home->count; i++)
                if (interlock_has(home->items[i], group) && !home->items[i]->is_marked)
                        return true;
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                const struct device *device = section->id ? home_find(home, section->id) : NULL;
                const char *new_group = group_in(section);
                if (!config_is_device(config, i) || !restarts(device, section))
                        continue;
                if ((device && interlock_has(device, group)) || (new_group && strcmp(new_group, group) == 0))
                        return true;
        }
        return false;
}

/* What waits was commanded last: the one that is still on has had the command to go off. */
static void want_back(struct device *device)
{
        const struct interlock *interlock = interlock_find(device);
        const struct channel *channel = channels_first_on_off(&device->channels);

        device->guarded.is_wanted = false;
        device->guarded.resume_until_us = 0;
        if (!interlock || interlock_waiting(interlock))
                interlock_keep_waiting(device);
        else
                device->guarded.is_wanted = channel->now.on &&
                                            !output_is_timed(device); /* nobody would count its time */
}

static void begin_again(struct device *device)
{
        bool wanted = device->guarded.is_wanted;

        device->context->guard->forget(device);
        if (device->output.is_live || wanted)
                device_log(device, LOG_NOTICE, "its interlock %s changes: switched off first", interlock_of(device));
        (void)!hold_bring(device, false);
        device->guarded.is_wanted = wanted;
}

void interlock_before_reload(struct home *home, const struct config *config,
                             bool (*restarts)(const struct device *, const struct config_section *))
{
        /* Each is asked before the first one is touched. */
        static void (*const steps[])(struct device *) = { want_back, begin_again };

        for (size_t step = 0; step < ARRAY_SIZE(steps); step++) {
                for (size_t i = 0; i < home->count; i++) {
                        struct device *device = home->items[i];
                        if (interlock_of(device) && device->life.phase == DEVICE_RUNNING &&
                            is_touched(home, config, interlock_of(device), restarts))
                                steps[step](device);
                }
        }
}

void interlock_after_reload(struct home *home)
{
        for (size_t i = 0; i < home->count; i++)
                if (home->items[i]->life.phase == DEVICE_RUNNING)
                        interlock_resume(home->items[i]);
}

/* A device whose plugin is missing, or whose section is wrong, has nothing but the section. */
static const char *group_of(const struct device *device)
{
        bool may_be_one = device->section && (!device->plugin || device->plugin->shared.interlock);

        return device->instance || !may_be_one ? interlock_of(device) : group_in(device->section);
}

void interlock_before_starts(struct home *home)
{
        for (size_t i = 0; i < home->count; i++) {
                struct device *device = home->items[i];
                const char *group = device->life.phase != DEVICE_RUNNING ? group_of(device) : NULL;
                if (!group)
                        continue;
                if (gpio_switch_off(home->context.gpio, device->id) > 0) {
                        device_log(device, LOG_NOTICE, "was left on: its interlock %s has it off first", group);
                        interlock_count_dead_time(home, group);
                }
                if (device->life.phase == DEVICE_BROKEN)
                        home->context.guard->idle(device);
        }
}

/* ---- Checking ------------------------------------------------------------------------------------------ */

void interlock_check(const struct config *config, struct problems *problems)
{
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                const char *group = config_is_device(config, i) ? group_in(section) : NULL;
                struct suggestion near = { .wanted = group };
                bool is_alone = group;
                char label[CONFIG_LABEL_MAX], hint[200] = "";
                for (size_t k = 0; is_alone && k < config->count; k++) {
                        const char *theirs = k != i && config_is_device(config, k) ? group_in(&config->sections[k])
                                                                                   : NULL;
                        is_alone = !theirs || strcmp(theirs, group) != 0;
                        if (theirs)
                                suggestion_offer(&near, theirs);
                }
                if (!is_alone)
                        continue;
                if (near.best)
                        (void)suggestion_text(&near, hint);
                const struct config_entry *entry = config_entry_find(section, "interlock");
                problems_add(problems, entry->file, entry->line, "%s interlock: no other device is in the group %s%s",
                             config_label(section, label), group, hint);
        }
}
