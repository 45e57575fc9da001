/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that are asked to be read now. So many a second are read at once; the others wait their turn, each once
 * however often it is asked for: a flood of `get`s is answered, and holds up nobody. */
#include <errno.h>
#include <string.h>

#include "home/inside.h"

#define GETS_PER_SECOND 50
#define GETS_WAIT_US    (USEC_PER_SEC / GETS_PER_SECOND)

static void get(struct device *device)
{
        device->is_asked = false;
        device_enter(device);
        device_state_due(device); /* asked for: published whether it is new or not */
        device_read(device);
        device_leave(device);
}

/* The next one in turn, NULL when nobody waits. */
static struct device *next_asked(struct home *home)
{
        for (size_t n = 0; n < home->count; n++) {
                struct device *device = home->items[home->gets.at++ % home->count];
                if (device->is_asked)
                        return device;
        }
        return NULL;
}

static void on_turn(void *userdata)
{
        struct home *home = userdata;
        struct device *device = next_asked(home);

        if (!device)
                return;
        timer_arm(home->gets.timer, GETS_WAIT_US);
        if (rate_take(&home->gets.rate, loop_now_us(home->context.loop)))
                get(device);
        else
                home->gets.at--;
}

static void wait_its_turn(struct home *home, struct device *device)
{
        struct gets *gets = &home->gets;

        if (!gets->timer) {
                if (timer_new(home->context.loop, TIMER_EXACT_US, on_turn, home, &gets->timer) < 0)
                        return;
                timer_set_priority(gets->timer, LOOP_NETWORK);
        }
        device->is_asked = true;
        if (!timer_armed(gets->timer))
                timer_arm(gets->timer, GETS_WAIT_US);
}

static void ask(struct home *home, struct device *device)
{
        if (device->is_asked)
                return;
        if (rate_take(&home->gets.rate, loop_now_us(home->context.loop)))
                get(device);
        else
                wait_its_turn(home, device);
}

void home_get(struct home *home, const char *id)
{
        for (size_t i = 0; i < home->count; i++)
                if (!id || strcmp(home->items[i]->id, id) == 0)
                        ask(home, home->items[i]);
}

void gets_init(struct home *home)
{
        rate_init(&home->gets.rate, GETS_PER_SECOND, home->started_us);
}
