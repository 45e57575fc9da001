/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home/interlock.c over device/: no line of a group goes on while another is on, or before the dead time since another
 * went off is over.
 *
 * By induction, so that it holds for sequences of any length: `is_sound()` holds when all have started, and where it holds
 * and one event happens (EVENT, of device ACTOR) the law is kept and it holds again. Times are any times, lines may fail,
 * memory may run out, timers may be late.
 */
#include <stdio.h>

/* The file itself, so that the memory for what waits has its type. */
#include "home/interlock.c"
#include "house.h"

#define EVENT_BEGIN   0 /* all start, none of them on */
#define EVENT_COMMAND 1 /* for good, for a while, a toggle; the plugin obeys, refuses, or waits with it */
#define EVENT_PLUGIN  2 /* it drives its line by itself */
#define EVENT_TIMER   3 /* the group's is due, or was some time ago */
#define EVENT_STOP    4 /* a device that is dark */
#define EVENT_START   5 /* one that was stopped */
#define EVENT_DARK    6 /* one that does not run was on until now, whatever the others were */
#ifndef EVENT
#define EVENT EVENT_COMMAND
#endif
#ifndef ACTOR
#define ACTOR 0
#endif
#ifndef WAITER /* whose command waits; DEVICES: nobody's */
#define WAITER DEVICES
#endif

static uint64_t dark_since_us[DEVICES], dead_us;
static struct interlock the_interlock;
static struct timer group_timer;

/* At most one command of a group waits, and the next one is made before it is freed. */
#define WAITING_MAX 2
static struct waiting slots[WAITING_MAX];
static bool is_used[WAITING_MAX];

/* ---- The C library ------------------------------------------------------------------------------------- */

void *calloc(size_t count, size_t size)
{
        PROVE(count == 1 && size == sizeof(struct waiting), "only what waits is allocated");
        for (unsigned i = 0; i < WAITING_MAX; i++) {
                if (is_used[i])
                        continue;
                if (nondet_bool())
                        return NULL;
                is_used[i] = true;
                slots[i] = (struct waiting){ 0 };
                return &slots[i];
        }
        PROVE(false, "at most one command of a group waits");
        return NULL;
}

void free(void *memory)
{
        for (unsigned i = 0; i < WAITING_MAX; i++)
                if (memory == &slots[i])
                        is_used[i] = false;
}

/* What the interlock writes with it: an id. */
int snprintf(char *text, size_t size, const char *format, ...)
{
        __builtin_va_list arguments;

        (void)size;
        __builtin_va_start(arguments, format);
        const char *id = __builtin_va_arg(arguments, const char *);
        text[0] = id[0];
        text[1] = '\0';
        __builtin_va_end(arguments);
        return 1;
}

/* ---- The law ------------------------------------------------------------------------------------------- */

void line_seen(unsigned at, bool was_on)
{
        if (!lines[at].is_on) {
                if (was_on)
                        dark_since_us[at] = now_us;
                return;
        }
        for (unsigned i = 0; i < DEVICES; i++) {
                if (i == at)
                        continue;
                PROVE(!lines[i].is_on, "never two of a group are on");
                PROVE(was_on || now_us - dark_since_us[i] >= dead_us, "the dead time is kept");
        }
}

/* ---- Where it may be between two events ----------------------------------------------------------------- */

static bool is_last(unsigned at)
{
        return the_interlock.last[0] == devices[at].id[0];
}

/* What is on is known to be. Since when the others of what was on last are dark is known, too. */
static bool is_sound_at(unsigned at)
{
        const struct device *device = &devices[at];

        if (lines[at].is_on && !device->output.is_live)
                return false;
        if (device->output.is_live != device->pins[0].is_driven)
                return false;
        if (device->output.is_live &&
            ((the_interlock.last[0] != '\0' && !is_last(at)) || device->life.phase != DEVICE_RUNNING))
                return false;
        if (device->guarded.waiting && device->life.phase != DEVICE_RUNNING)
                return false;
        if (!device->output.is_live && dark_since_us[at] > the_interlock.since_us)
                return false;
        for (unsigned i = 0; i < DEVICES; i++)
                if (i != at && is_last(at) && (lines[i].is_on || dark_since_us[i] > the_interlock.others_since_us))
                        return false;
        return true;
}

static bool is_sound(void)
{
        unsigned n_waiting = 0, n_on = 0;

        for (unsigned i = 0; i < DEVICES; i++) {
                n_waiting += devices[i].guarded.waiting != NULL;
                n_on += lines[i].is_on || devices[i].output.is_live;
                if (!is_sound_at(i) || dark_since_us[i] > now_us)
                        return false;
        }
        return n_waiting <= 1 && n_on <= 1 && the_interlock.others_since_us <= the_interlock.since_us &&
               the_interlock.since_us <= now_us;
}

static void one_waits(struct device *device)
{
        is_used[0] = true;
        slots[0].values[0] = SCONCE_BOOL("state", nondet_bool());
        slots[0].command = (struct sconce_command){ .count = 1, .values = slots[0].values };
        slots[0].until_us = nondet_us();
        device->guarded.waiting = &slots[0];
}

static void any_device(unsigned at)
{
        struct device *device = &devices[at];

        device->life.phase = nondet_bool() ? DEVICE_RUNNING : DEVICE_STOPPED;
        device->output.is_live = nondet_bool();
        device->pins[0].is_driven = nondet_bool();
        device->guarded.is_wanted = nondet_bool();
        device->guarded.resume_until_us = nondet_us();
        device->channels.items[0].now.type = SCONCE_VALUE_BOOL;
        device->channels.items[0].now.on = nondet_bool();
        lines[at].is_on = nondet_bool();
        dark_since_us[at] = nondet_us();
}

static void any_sound_state(void)
{
        unsigned last = nondet_unsigned();

        for (unsigned i = 0; i < DEVICES; i++)
                any_device(i);
        if (WAITER < DEVICES)
                one_waits(&devices[WAITER]);
        the_interlock.last[0] = last < DEVICES ? devices[last].id[0] : '\0';
        the_interlock.since_us = nondet_us();
        the_interlock.others_since_us = nondet_us();
        group_timer.is_armed = nondet_bool();
        group_timer.due_us = nondet_us();
        ASSUME(is_sound());
}

/* ---- Events -------------------------------------------------------------------------------------------- */

static void begin(void)
{
        for (unsigned i = 0; i < DEVICES; i++) {
                devices[i].guarded.is_wanted = i == WAITER;
                dark_since_us[i] = now_us; /* nobody knows what was on before */
        }
        for (unsigned i = 0; i < DEVICES; i++)
                interlock_guard.started(&devices[i]);
}

static void happen(struct device *device)
{
        bool is_running = device->life.phase == DEVICE_RUNNING;

        if (EVENT == EVENT_COMMAND && is_running) {
                house_command(ACTOR, nondet_bool(), nondet_bool() ? SCONCE_COMMAND_TOGGLE : 0, nondet_us());
        } else if (EVENT == EVENT_PLUGIN && is_running) {
                (void)host_line_set(&device->instance->handle, &lines[ACTOR], nondet_bool());
        } else if (EVENT == EVENT_TIMER && group_timer.is_armed && now_us >= group_timer.due_us) {
                group_timer.is_armed = false;
                on_due(&the_interlock);
        } else if (EVENT == EVENT_STOP && is_running && !device->output.is_live) {
                interlock_guard.stopped(device);
                device->life.phase = DEVICE_STOPPED;
        } else if (EVENT == EVENT_START && !is_running) {
                device->life.phase = DEVICE_RUNNING;
                interlock_guard.started(device);
        } else if (EVENT == EVENT_DARK && !is_running) {
                dark_since_us[ACTOR] = now_us;
                interlock_count_dead_time(&home, "g");
        }
}

int main(void)
{
        house_init();
        lines_may_fail = true;
        the_interlock = (struct interlock){ .home = &home, .name = "g", .timer = &group_timer };
        home.interlocks = &the_interlock;
        for (unsigned i = 0; i < DEVICES; i++) {
                devices[i].shared.output.interlock = "g";
                devices[i].shared.output.dead_time_us = nondet_us() % LONGEST_US;
                dead_us = MAX(dead_us, devices[i].shared.output.dead_time_us);
        }
        now_us += nondet_us() % LONGEST_US;
        if (EVENT == EVENT_BEGIN) {
                begin();
        } else {
                any_sound_state();
                happen(&devices[ACTOR]);
        }
        PROVE(is_sound(), "what holds before an event holds after it");
        return 0;
}
