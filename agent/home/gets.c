/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that are asked to be read now. So many a second are read at once; the others wait their turn, each once however
 * often it is asked for: a flood of `get`s is answered, and holds up nobody.
 */
#include <errno.h>
#include <string.h>

#include "device/device.h"

#define GETS_PER_SECOND 50
#define GETS_WAIT_US    (USEC_PER_SEC / GETS_PER_SECOND)

static void get(struct device *device)
{
        device->is_asked = false;
        device_enter(device);
        device->changed = true; /* asked for: told whether it is new or not */
        device_read(device);
        device_leave(device);
}

/* The next one in turn, NULL when nobody waits. */
static struct device *next_asked(struct home *set)
{
        for (size_t n = 0; n < set->count; n++) {
                struct device *device = set->items[set->gets.at++ % set->count];
                if (device->is_asked)
                        return device;
        }
        return NULL;
}

static void on_turn(void *userdata)
{
        struct home *set = userdata;
        struct device *device = next_asked(set);

        if (!device)
                return;
        timer_arm(set->gets.timer, GETS_WAIT_US);
        if (rate_take(&set->gets.rate, loop_now_us(set->options.loop)))
                get(device);
        else
                set->gets.at--;
}

static void wait_its_turn(struct home *set, struct device *device)
{
        struct gets *gets = &set->gets;

        if (!gets->timer) {
                if (timer_new(set->options.loop, TIMER_EXACT_US, on_turn, set, &gets->timer) < 0)
                        return;
                timer_set_priority(gets->timer, LOOP_NETWORK);
        }
        device->is_asked = true;
        if (!timer_armed(gets->timer))
                timer_arm(gets->timer, GETS_WAIT_US);
}

static void ask(struct home *set, struct device *device)
{
        if (device->is_asked)
                return;
        if (rate_take(&set->gets.rate, loop_now_us(set->options.loop)))
                get(device);
        else
                wait_its_turn(set, device);
}

void home_get(struct home *set, const char *id)
{
        for (size_t i = 0; i < set->count; i++)
                if (!id || strcmp(set->items[i]->id, id) == 0)
                        ask(set, set->items[i]);
}

void gets_init(struct home *set)
{
        rate_init(&set->gets.rate, GETS_PER_SECOND, set->started_us);
}

void gets_done(struct home *set)
{
        timer_free(set->gets.timer);
}
