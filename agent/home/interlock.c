/* SPDX-License-Identifier: Apache-2.0 */
#include "home/interlock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"
#include "util/suggest.h"

struct interlock {
        struct interlock *next;
        struct home *home;
        char *name;
        char last[DEVICE_ID_MAX + 1]; /* who was on last; "": nobody knows */
        uint64_t since_us;            /* when nobody is on: since then */
        struct timer *timer;          /* of the command that waits */
};

/* A copy of a command: at most one a group waits. */
struct waiting {
        struct sconce_value values[COMMAND_VALUES_MAX];
        char *texts[COMMAND_VALUES_MAX];
        struct sconce_command command;
        uint64_t until_us; /* it is not wanted any more; 0: it is for good */
};

/* ---- Groups -------------------------------------------------------------------------------------------- */

static const char *group_of(const struct device *device)
{
        return device->settings.output.interlock;
}

bool interlock_is_member(const struct device *device)
{
        return group_of(device);
}

static bool is_in(const struct device *device, const char *group)
{
        return group_of(device) && strcmp(group_of(device), group) == 0;
}

static void on_due(void *userdata);

static int new_interlock(struct home *home, const char *name, struct interlock **ret)
{
        struct interlock *interlock = calloc(1, sizeof(*interlock));

        if (!interlock)
                return -ENOMEM;
        interlock->name = strdup(name);
        if (!interlock->name ||
            timer_new(home->context.loop, TIMER_EXACT_US, on_due, interlock, &interlock->timer) < 0) {
                free(interlock->name);
                free(interlock);
                return -ENOMEM;
        }
        interlock->home = home;
        interlock->since_us = loop_now_us(home->context.loop);
        interlock->next = home->interlocks;
        home->interlocks = interlock;
        *ret = interlock;
        return 0;
}

/* NULL: no memory for it, and then nobody of the group goes on. */
static struct interlock *find(const struct device *device)
{
        struct home *home = home_of(device);
        struct interlock *interlock = home->interlocks;

        while (interlock && strcmp(interlock->name, group_of(device)) != 0)
                interlock = interlock->next;
        if (!interlock && new_interlock(home, group_of(device), &interlock) < 0)
                device_log(device, LOG_ERR, "out of memory: its interlock keeps it off");
        return interlock;
}

void interlocks_free(struct home *home)
{
        while (home->interlocks) {
                struct interlock *interlock = home->interlocks;
                home->interlocks = interlock->next;
                timer_free(interlock->timer);
                free(interlock->name);
                free(interlock);
        }
}

/* The next member after `from` (NULL: the first) other than `self`. */
static struct device *next_other(const struct home *home, const char *group, const struct device *from,
                                 const struct device *self)
{
        bool is_past = !from;

        for (size_t i = 0; i < home->count; i++) {
                struct device *device = home->items[i];
                if (is_past && device != self && is_in(device, group))
                        return device;
                is_past |= device == from;
        }
        return NULL;
}

#define FOR_EACH_OTHER(other, self)                                                                                    \
        for (struct device *other = next_other(home_of(self), group_of(self), NULL, self); other;                      \
             other = next_other(home_of(self), group_of(self), other, self))

/* The longest of the members' own. */
static uint64_t dead_time_us(const struct device *device)
{
        uint64_t dead_us = device->settings.output.dead_time_us;

        FOR_EACH_OTHER(other, device)
        dead_us = MAX(dead_us, other->settings.output.dead_time_us);
        return dead_us;
}

static const struct device *other_that_is_live(const struct device *device)
{
        FOR_EACH_OTHER(other, device)
        if (other->is_live)
                return other;
        return NULL;
}

/* When it may go on, while no other is. */
static uint64_t ready_us(const struct interlock *interlock, const struct device *device)
{
        if (strcmp(interlock->last, device->id) == 0)
                return 0;
        return interlock->since_us + dead_time_us(device);
}

int interlock_permit(struct device *device, struct fault *fault)
{
        if (!group_of(device))
                return 0;
        const struct device *other = other_that_is_live(device);
        const struct interlock *interlock = find(device);
        if (other)
                return fault_set(fault, -EBUSY, "its interlock %s keeps it off: %s is on", group_of(device), other->id);
        if (!interlock || device_now_us(device) < ready_us(interlock, device))
                return fault_set(fault, -EBUSY, "its interlock %s keeps it off until the dead time is over",
                                 group_of(device));
        return 0;
}

/* ---- What waits ---------------------------------------------------------------------------------------- */

static void free_waiting(struct waiting *waiting)
{
        for (size_t i = 0; waiting && i < waiting->command.count; i++)
                free(waiting->texts[i]);
        free(waiting);
}

void interlock_forget(struct device *device)
{
        free_waiting(TAKE_PTR(device->waiting));
}

static struct device *waiting_member(const struct interlock *interlock)
{
        for (size_t i = 0; i < interlock->home->count; i++) {
                struct device *device = interlock->home->items[i];
                if (device->waiting && is_in(device, interlock->name))
                        return device;
        }
        return NULL;
}

/* While another one is on, its going off arms it again. */
static void arm(struct interlock *interlock)
{
        const struct device *device = waiting_member(interlock);

        if (!device || other_that_is_live(device)) {
                timer_disarm(interlock->timer);
                return;
        }
        uint64_t due_us = ready_us(interlock, device), now_us = device_now_us(device);
        timer_arm(interlock->timer, due_us > now_us ? due_us - now_us : 0);
}

static int keep(struct interlock *interlock, struct device *device, const struct sconce_command *command,
                uint64_t until_us)
{
        struct waiting *waiting = calloc(1, sizeof(*waiting));

        if (!waiting)
                return -ENOMEM;
        waiting->command = (struct sconce_command){ .values = waiting->values, .flags = command->flags };
        waiting->until_us = until_us;
        for (size_t i = 0; i < command->count && i < COMMAND_VALUES_MAX; i++) {
                waiting->values[i] = command->values[i];
                waiting->command.count++;
                if (command->values[i].type != SCONCE_VALUE_TEXT)
                        continue;
                waiting->values[i].text = waiting->texts[i] = strdup(command->values[i].text);
                if (!waiting->texts[i]) {
                        free_waiting(waiting);
                        return -ENOMEM;
                }
        }
        interlock_forget(device);
        device->waiting = waiting;
        arm(interlock);
        return 0;
}

/* Whether what waits is still wanted after a restart. What is for a limited time, or a flash, was meant for
 * now: nobody would end it then. */
static bool waits_for_good(const struct device *device)
{
        const struct waiting *waiting = device->waiting;

        if (!waiting || output_is_timed(device))
                return false;
        for (size_t i = 0; i < waiting->command.count; i++) {
                const struct channel *channel = channels_find(&device->channels, waiting->values[i].channel);
                if (channel && channel->row.flags & SCONCE_COMMAND_ONLY)
                        return false;
        }
        return true;
}

/* It may go on after a stop, but no longer than it is wanted. */
static void resume_what_waits(struct device *device)
{
        if (!waits_for_good(device))
                return;
        device->is_wanted = true;
        device->resume_until_us = device->waiting->until_us;
}

static void carry_out(struct device *device, struct waiting *waiting)
{
        if (waiting->until_us > 0 && device_now_us(device) >= waiting->until_us) {
                device_log(device, LOG_NOTICE,
                           "is not switched: the command that its interlock %s held back has expired meanwhile",
                           group_of(device));
                free_waiting(waiting);
                return;
        }
        device_enter(device);
        device->said[0] = '\0';
        int r = instance_run(device->instance, JOB_COMMAND, &waiting->command);
        if (r < 0)
                device_log(device, LOG_ERR, "could not be switched after its interlock's dead time: %s",
                           device->said[0] ? device->said : strerror(-r));
        device_leave(device);
        free_waiting(waiting);
}

static void on_due(void *userdata)
{
        struct interlock *interlock = userdata;
        struct device *device = waiting_member(interlock);
        struct fault fault;

        if (!device)
                return;
        if (interlock_permit(device, &fault) < 0)
                arm(interlock);
        else if (device->phase == DEVICE_RUNNING)
                carry_out(device, TAKE_PTR(device->waiting));
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

/* Whatever else it says may switch on, as a lamp's brightness does. */
bool interlock_is_off(const struct device *device, const struct sconce_command *command)
{
        bool says_off = false;

        for (size_t i = 0; i < command->count; i++) {
                const struct channel *channel = channels_find(&device->channels, command->values[i].channel);
                if (!channel || !channel_is_on_off(channel))
                        continue;
                if (command->values[i].on)
                        return false;
                says_off = true;
        }
        return says_off;
}

/* Not in haste: a pump that has to run for a while may, and the one that is to follow waits. What it might
 * want by itself later is over with that, so it is told so even when it is off. */
static int switch_off(struct device *device)
{
        struct sconce_value values[COMMAND_VALUES_MAX];
        struct sconce_command command = { .values = values };

        for (size_t i = 0; i < device->channels.count && command.count < COMMAND_VALUES_MAX; i++)
                if (channel_is_on_off(&device->channels.items[i]))
                        values[command.count++] = SCONCE_BOOL(device->channels.items[i].row.key, false);
        if (device->phase != DEVICE_RUNNING || command.count == 0)
                return 0;
        return device_run_callback(device, JOB_COMMAND, &command);
}

static int switch_others_off(struct device *device)
{
        FOR_EACH_OTHER(other, device)
        {
                other->is_wanted = false;
                interlock_forget(other);
                if (switch_off(other) < 0 && other->is_live) {
                        (void)snprintf(device->said, sizeof(device->said),
                                       "its interlock %s keeps it off: %s could not be switched off", group_of(device),
                                       other->id);
                        return -EBUSY;
                }
        }
        return 0;
}

uint64_t interlock_wait_us(const struct device *device, const struct sconce_command *command)
{
        if (!group_of(device) || interlock_is_off(device, command))
                return 0;
        if (other_that_is_live(device))
                return dead_time_us(device);
        const struct interlock *interlock = find(device);
        uint64_t now_us = device_now_us(device), at_us = interlock ? ready_us(interlock, device) : 0;
        return at_us > now_us ? at_us - now_us : 0;
}

int interlock_command(struct device *device, const struct sconce_command *command)
{
        struct fault fault;

        if (!group_of(device))
                return 0;
        struct interlock *interlock = find(device);
        bool takes_back = device->waiting && (command->flags & SCONCE_COMMAND_TOGGLE);
        interlock_forget(device);
        device->is_wanted = false;
        if (takes_back)
                return 1;
        if (interlock_is_off(device, command))
                return 0;
        int r = interlock ? switch_others_off(device) : -ENOMEM;
        if (r < 0 || interlock_permit(device, &fault) == 0)
                return r;
        r = keep(interlock, device, command, device->wanted_until_us);
        return r < 0 ? r : 1;
}

/* ---- What the outputs do ------------------------------------------------------------------------------- */

void interlock_turned(struct device *device)
{
        struct interlock *interlock = group_of(device) ? find(device) : NULL;

        if (!interlock)
                return;
        (void)snprintf(interlock->last, sizeof(interlock->last), "%s", device->id);
        interlock->since_us = device_now_us(device);
        arm(interlock);
}

/* ---- Starting and stopping ----------------------------------------------------------------------------- */

/* One output of a device comes back; what else it has stays off. */
void interlock_first(struct device *device, struct sconce_value *first)
{
        const struct channel *channel = channels_first_on_off(&device->channels);
        bool is_first = channel && strcmp(channel->row.key, first->channel) == 0;

        if (device->is_wanted && is_first)
                *first = SCONCE_BOOL(first->channel, true);
        else if (is_first)
                device->resume_until_us = 0;
        if (!group_of(device))
                return;
        if (is_first)
                device->is_wanted = first->type == SCONCE_VALUE_BOOL && first->on;
        *first = SCONCE_BOOL(first->channel, false);
}

/* On again, or at last, once it may: unless another one is or will be. */
static void resume(struct device *device)
{
        const struct channel *channel = channels_first_on_off(&device->channels);
        struct interlock *interlock = group_of(device) ? find(device) : NULL;
        bool wanted = device->is_wanted;

        device->is_wanted = false;
        if (!wanted || !interlock || !channel)
                return;
        if (other_that_is_live(device) || waiting_member(interlock)) {
                device_log(device, LOG_NOTICE, "stays off: another one of its interlock %s is to be on",
                           interlock->name);
                return;
        }
        const struct sconce_value on = SCONCE_BOOL(channel->row.key, true);
        const struct sconce_command command = { .count = 1, .values = &on };
        if (keep(interlock, device, &command, device->resume_until_us) < 0)
                device_log(device, LOG_ERR, "out of memory: stays off");
}

void interlock_started(struct device *device)
{
        struct interlock *interlock = group_of(device) ? find(device) : NULL;

        if (interlock && !other_that_is_live(device)) {
                interlock->last[0] = '\0';
                interlock->since_us = device_now_us(device);
        }
        resume(device);
}

void interlock_stopped(struct device *device)
{
        resume_what_waits(device);
        interlock_forget(device);
}

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
                if (is_in(home->items[i], group) && !home->items[i]->is_marked)
                        return true;
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                const struct device *device = section->id ? home_find(home, section->id) : NULL;
                const char *new_group = group_in(section);
                if (!config_is_device(config, i) || !restarts(device, section))
                        continue;
                if ((device && is_in(device, group)) || (new_group && strcmp(new_group, group) == 0))
                        return true;
        }
        return false;
}

/* What waits is what was commanded last: who is still on has been told to go off. */
static void want_back(struct device *device)
{
        const struct interlock *interlock = find(device);
        const struct channel *channel = channels_first_on_off(&device->channels);

        device->is_wanted = false;
        device->resume_until_us = 0;
        if (!interlock || waiting_member(interlock))
                resume_what_waits(device);
        else
                device->is_wanted = channel->now.on && !output_is_timed(device); /* nobody would count its time */
}

static void begin_again(struct device *device)
{
        bool wanted = device->is_wanted;

        interlock_forget(device);
        if (device->is_live || wanted)
                device_log(device, LOG_NOTICE, "its interlock %s changes: switched off first", group_of(device));
        (void)!hold_bring(device, false);
        device->is_wanted = wanted;
}

void interlock_before_reload(struct home *home, const struct config *config,
                             bool (*restarts)(const struct device *, const struct config_section *))
{
        /* Each is asked before the first one is touched. */
        static void (*const steps[])(struct device *) = { want_back, begin_again };

        for (size_t step = 0; step < ARRAY_SIZE(steps); step++) {
                for (size_t i = 0; i < home->count; i++) {
                        struct device *device = home->items[i];
                        if (group_of(device) && device->phase == DEVICE_RUNNING &&
                            channels_first_on_off(&device->channels) &&
                            is_touched(home, config, group_of(device), restarts))
                                steps[step](device);
                }
        }
}

void interlock_after_reload(struct home *home)
{
        for (size_t i = 0; i < home->count; i++)
                if (home->items[i]->phase == DEVICE_RUNNING)
                        resume(home->items[i]);
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
