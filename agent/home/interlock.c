/* SPDX-License-Identifier: Apache-2.0 */
#include "home/interlock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "home/inside.h"

struct interlock {
        struct interlock *next;
        struct home *home;
        char *name;
        char last[DEVICE_ID_MAX + 1]; /* who was on last; "": nobody knows */
        uint64_t since_us;            /* when nobody is on: since then */
        uint64_t others_since_us;     /* since then nobody but `last` has been on */
        struct timer *timer;          /* of the command that waits */
};

/* A copy of a command, at most one a group: the one that came is gone before it may go on. */
struct waiting {
        struct sconce_value values[COMMAND_VALUES_MAX];
        struct option_store texts;
        struct sconce_command command;
        uint64_t until_us; /* it is not wanted any more; 0: it is for good */
};

/* ---- Groups -------------------------------------------------------------------------------------------- */

const char *interlock_of(const struct device *device)
{
        return device->shared.output.interlock;
}

static bool begins_off(const struct device *device)
{
        return interlock_of(device);
}

bool interlock_has(const struct device *device, const char *group)
{
        return interlock_of(device) && strcmp(interlock_of(device), group) == 0;
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
        interlock->since_us = interlock->others_since_us = loop_now_us(home->context.loop);
        interlock->next = home->interlocks;
        home->interlocks = interlock;
        *ret = interlock;
        return 0;
}

static struct interlock *find(const struct home *home, const char *name)
{
        struct interlock *interlock = home->interlocks;

        while (interlock && strcmp(interlock->name, name) != 0)
                interlock = interlock->next;
        return interlock;
}

struct interlock *interlock_find(const struct device *device)
{
        struct home *home = home_of(device);
        struct interlock *interlock = find(home, interlock_of(device));

        if (!interlock && new_interlock(home, interlock_of(device), &interlock) < 0)
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
                if (is_past && device != self && interlock_has(device, group))
                        return device;
                is_past |= device == from;
        }
        return NULL;
}

#define FOR_EACH_OTHER(other, self)                                                                                    \
        for (struct device *other = next_other(home_of(self), interlock_of(self), NULL, self); other;                  \
             other = next_other(home_of(self), interlock_of(self), other, self))

/* The longest of the members' own. */
static uint64_t dead_time_us(const struct device *device)
{
        uint64_t dead_us = device->shared.output.dead_time_us;

        FOR_EACH_OTHER(other, device)
        dead_us = MAX(dead_us, other->shared.output.dead_time_us);
        return dead_us;
}

static const struct device *other_that_is_live(const struct device *device)
{
        FOR_EACH_OTHER(other, device)
        if (other->output.is_live)
                return other;
        return NULL;
}

/* When it may go on, while no other is. */
static uint64_t ready_us(const struct interlock *interlock, const struct device *device)
{
        bool was_last = strcmp(interlock->last, device->id) == 0;

        return (was_last ? interlock->others_since_us : interlock->since_us) + dead_time_us(device);
}

static int permit(struct device *device, struct fault *fault)
{
        if (!interlock_of(device))
                return 0;
        const struct device *other = other_that_is_live(device);
        const struct interlock *interlock = interlock_find(device);
        if (other)
                return fault_set(fault, -EBUSY, "its interlock %s keeps it off: %s is on", interlock_of(device),
                                 other->id);
        if (!interlock || device_now_us(device) < ready_us(interlock, device))
                return fault_set(fault, -EBUSY, "its interlock %s keeps it off until the dead time is over",
                                 interlock_of(device));
        return 0;
}

/* ---- What waits ---------------------------------------------------------------------------------------- */

static void waiting_free(struct waiting *waiting)
{
        if (waiting)
                option_store_done(&waiting->texts);
        free(waiting);
}

DEFINE_CLEANUP(struct waiting, waiting_free);

static int waiting_new(const struct sconce_command *command, uint64_t until_us, struct waiting **ret)
{
        CLEANUP(waiting_freep) struct waiting *waiting = calloc(1, sizeof(*waiting));

        if (!waiting)
                return -ENOMEM;
        waiting->command = (struct sconce_command){ .values = waiting->values, .flags = command->flags };
        waiting->until_us = until_us;
        for (size_t i = 0; i < command->count && i < COMMAND_VALUES_MAX; i++) {
                waiting->values[i] = command->values[i];
                waiting->command.count++;
                if (command->values[i].type != SCONCE_VALUE_TEXT)
                        continue;
                waiting->values[i].text = option_store_strdup(&waiting->texts, command->values[i].text);
                if (!waiting->values[i].text)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(waiting);
        return 0;
}

static void forget(struct device *device)
{
        waiting_free(TAKE_PTR(device->guarded.waiting));
}

struct device *interlock_waiting(const struct interlock *interlock)
{
        for (size_t i = 0; i < interlock->home->count; i++) {
                struct device *device = interlock->home->items[i];
                if (device->guarded.waiting && interlock_has(device, interlock->name))
                        return device;
        }
        return NULL;
}

/* While another one is on, its going off arms it again. */
static void arm(struct interlock *interlock)
{
        const struct device *device = interlock_waiting(interlock);

        if (!device || other_that_is_live(device)) {
                timer_disarm(interlock->timer);
                return;
        }
        uint64_t due_us = ready_us(interlock, device), now_us = device_now_us(device);
        timer_arm(interlock->timer, due_us > now_us ? due_us - now_us : 0);
}

/* At most one of a group waits. */
static int keep(struct interlock *interlock, struct device *device, const struct sconce_command *command,
                uint64_t until_us)
{
        struct waiting *waiting;

        int r = waiting_new(command, until_us, &waiting);
        if (r < 0)
                return r;
        forget(device);
        device->guarded.waiting = waiting;
        arm(interlock);
        return 0;
}

/* Still wanted after a restart. What is for a limited time, or a flash, was meant for now: nobody would end it then. */
static bool waits_for_good(const struct device *device)
{
        const struct waiting *waiting = device->guarded.waiting;

        if (!waiting || output_is_timed(device))
                return false;
        for (size_t i = 0; i < waiting->command.count; i++) {
                const struct channel *channel = channels_find(&device->channels, waiting->values[i].channel);
                if (channel->row.flags & SCONCE_COMMAND_ONLY)
                        return false;
        }
        return true;
}

void interlock_keep_waiting(struct device *device)
{
        if (!waits_for_good(device))
                return;
        device->guarded.is_wanted = true;
        device->guarded.resume_until_us = device->guarded.waiting->until_us;
}

static void carry_out(struct device *device)
{
        CLEANUP(waiting_freep) struct waiting *waiting = TAKE_PTR(device->guarded.waiting);

        if (waiting->until_us > 0 && device_now_us(device) >= waiting->until_us) {
                device_log(device, LOG_NOTICE,
                           "is not switched: the command that its interlock %s held back has expired meanwhile",
                           interlock_of(device));
                return;
        }
        device_enter(device);
        device_clear_error(device);
        int r = instance_run(device->instance, JOB_COMMAND, &waiting->command);
        if (r < 0)
                device_log(device, LOG_ERR, "could not be switched after its interlock's dead time: %s",
                           device->health.last_error ? device->health.last_error : strerror(-r));
        device_leave(device);
}

static void on_due(void *userdata)
{
        struct interlock *interlock = userdata;
        struct device *device = interlock_waiting(interlock);
        struct fault fault;

        if (!device)
                return;
        if (permit(device, &fault) < 0)
                arm(interlock);
        else if (device->life.phase == DEVICE_RUNNING)
                carry_out(device);
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

/* Not in haste: a pump that has to run for a while may, and the one that is to follow waits. One that is off gets the
 * command too, since it might go on by itself later, and one that does not run has it when it is back. */
static int switch_off(struct device *device)
{
        struct sconce_value values[COMMAND_VALUES_MAX];
        const struct sconce_command command = { .values = values,
                                                .count = output_switch_values(device, false, values) };

        if (device->life.phase == DEVICE_RUNNING)
                return device_run_callback(device, JOB_COMMAND, &command);
        saved_off(device);
        return 0;
}

static int switch_others_off(struct device *device)
{
        FOR_EACH_OTHER(other, device)
        {
                other->guarded.is_wanted = false;
                forget(other);
                if (switch_off(other) < 0 && other->output.is_live) {
                        device_set_error(device, "its interlock %s keeps it off: %s could not be switched off",
                                         interlock_of(device), other->id);
                        return -EBUSY;
                }
        }
        return 0;
}

static uint64_t wait_us(const struct device *device, const struct sconce_command *command)
{
        if (!interlock_of(device) || output_is_switched_off_by(device, command))
                return 0;
        if (other_that_is_live(device))
                return dead_time_us(device);
        const struct interlock *interlock = interlock_find(device);
        uint64_t now_us = device_now_us(device), at_us = interlock ? ready_us(interlock, device) : 0;
        return at_us > now_us ? at_us - now_us : 0;
}

static int guard_command(struct device *device, const struct sconce_command *command)
{
        struct fault fault;

        if (!interlock_of(device))
                return 0;
        struct interlock *interlock = interlock_find(device);
        bool takes_back = device->guarded.waiting && (command->flags & SCONCE_COMMAND_TOGGLE);
        forget(device);
        device->guarded.is_wanted = false;
        if (takes_back)
                return 1;
        if (output_is_switched_off_by(device, command))
                return 0;
        int r = interlock ? switch_others_off(device) : -ENOMEM;
        if (r < 0 || permit(device, &fault) == 0)
                return r;
        r = keep(interlock, device, command, device->requests.wanted_until_us);
        return r < 0 ? r : 1;
}

/* ---- What the outputs do ------------------------------------------------------------------------------- */

/* "": nobody knows who. */
static void count_from_now(struct interlock *interlock, const char *who)
{
        if (strcmp(interlock->last, who) != 0)
                interlock->others_since_us = interlock->since_us;
        (void)snprintf(interlock->last, sizeof(interlock->last), "%s", who);
        interlock->since_us = loop_now_us(interlock->home->context.loop);
        arm(interlock);
}

static void turned(struct device *device)
{
        struct interlock *interlock = interlock_of(device) ? interlock_find(device) : NULL;

        if (interlock)
                count_from_now(interlock, device->id);
}

/* ---- Starting and stopping ----------------------------------------------------------------------------- */

/* One output of a device comes back; what else it has stays off. */
static void guard_first(struct device *device, struct sconce_value *first)
{
        const struct channel *channel = channels_first_on_off(&device->channels);
        bool is_first = strcmp(channel->row.key, first->channel) == 0;

        if (device->guarded.is_wanted && is_first)
                *first = SCONCE_BOOL(first->channel, true);
        else if (is_first)
                device->guarded.resume_until_us = 0;
        if (!interlock_of(device))
                return;
        if (is_first)
                device->guarded.is_wanted = first->on;
        *first = SCONCE_BOOL(first->channel, false);
}

void interlock_resume(struct device *device)
{
        const struct channel *channel = channels_first_on_off(&device->channels);
        struct interlock *interlock = interlock_of(device) ? interlock_find(device) : NULL;
        bool wanted = device->guarded.is_wanted;

        device->guarded.is_wanted = false;
        if (!wanted || !interlock)
                return;
        if (other_that_is_live(device) || interlock_waiting(interlock)) {
                device_log(device, LOG_NOTICE, "stays off: another one of its interlock %s is to be on",
                           interlock->name);
                return;
        }
        const struct sconce_value on = SCONCE_BOOL(channel->row.key, true);
        const struct sconce_command command = { .count = 1, .values = &on };
        if (keep(interlock, device, &command, device->guarded.resume_until_us) < 0)
                device_log(device, LOG_ERR, "out of memory: stays off");
}

/* What was on until now counts as the last one. */
void interlock_count_dead_time(struct home *home, const char *group)
{
        struct interlock *interlock = find(home, group);

        if (interlock) /* else it begins with the dead time */
                count_from_now(interlock, "");
}

static void idle(struct device *device)
{
        struct fault fault;

        if (!interlock_of(device) || device->guarded.is_dark)
                return;
        int r = host_quench(device, &fault);
        if (r < 0 && !device->guarded.is_not_dark)
                device_log(device, LOG_WARNING, "cannot be switched off for its interlock %s while it does not run: %s",
                           interlock_of(device), fault.text);
        device->guarded.is_not_dark = r < 0;
        device->guarded.is_dark = r == 0;
        if (r == 0)
                interlock_count_dead_time(home_of(device), interlock_of(device));
}

static void started(struct device *device)
{
        struct interlock *interlock = interlock_of(device) ? interlock_find(device) : NULL;

        if (interlock)
                count_from_now(interlock, "");
        device->guarded.is_dark = device->guarded.is_not_dark = false;
        device->guarded.is_wanted &= hold_of(device) == HOLD_NONE;
        interlock_resume(device);
}

static void inherit(struct device *device, const struct device *old)
{
        device->guarded.is_wanted = old->guarded.is_wanted;
        device->guarded.resume_until_us = old->guarded.resume_until_us;
}

static void stopped(struct device *device)
{
        interlock_keep_waiting(device);
        forget(device);
}

const struct output_guard interlock_guard = {
        .command = guard_command,
        .wait_us = wait_us,
        .permit = permit,
        .turned = turned,
        .begins_off = begins_off,
        .first = guard_first,
        .idle = idle,
        .started = started,
        .stopped = stopped,
        .inherit = inherit,
        .forget = forget,
};
