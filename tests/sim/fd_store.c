/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/fd_store.h"

#include <stdio.h>
#include <string.h>

#include "service_fds.h"
#include "sim/world.h"

/* Beyond all that a process opens. */
#define FIRST_FD 100000

static struct stored_line *item(unsigned offset)
{
        return &world->stored.items[offset];
}

int fd_store_fd(unsigned offset)
{
        return FIRST_FD + (int)offset;
}

unsigned fd_store_offset(int fd)
{
        return (unsigned)(fd - FIRST_FD);
}

bool fd_store_holds(unsigned offset)
{
        return item(offset)->is_stored || item(offset)->is_inherited;
}

bool fd_store_has(unsigned offset)
{
        return item(offset)->is_stored && !item(offset)->is_leaving;
}

void fd_store_drop(unsigned offset)
{
        if (!item(offset)->is_leaving)
                return;
        item(offset)->is_stored = item(offset)->is_leaving = false;
        lines_left(offset);
}

void fd_store_forget_inherited(void)
{
        world->stored.is_executed = false;
        for (unsigned i = 0; i < LINES_MAX; i++) {
                if (!item(i)->is_inherited)
                        continue;
                item(i)->is_inherited = false;
                lines_left(i);
        }
}

void fd_store_clear(bool with_power)
{
        for (unsigned i = 0; i < LINES_MAX; i++) {
                bool was_held = fd_store_holds(i);
                *item(i) = (struct stored_line){ 0 };
                if (was_held && !with_power)
                        lines_left(i);
        }
        world->stored.is_executed = false;
}

/* ---- gpio/gpio.h: struct fd_store -------------------------------------------------------------------------------- */

static int put(void *userdata, const char *name, int fd)
{
        struct stored_line *stored = item(fd_store_offset(fd));

        (void)userdata;
        stored->is_stored = true;
        stored->is_leaving = false;
        (void)snprintf(stored->name, sizeof(stored->name), "%s", name);
        trace("stored: %s", name);
        return 0;
}

static int take_out(void *userdata, const char *name)
{
        (void)userdata;
        for (unsigned i = 0; i < LINES_MAX; i++) {
                if (!fd_store_has(i) || strcmp(item(i)->name, name) != 0)
                        continue;
                item(i)->is_leaving = true;
                world_later(EVENT_STORE, noise_between(100, 5000))->number = (int)i;
                trace("not stored any more: %s", name);
        }
        return 0;
}

static int sync_store(void *userdata)
{
        (void)userdata;
        for (unsigned i = 0; i < LINES_MAX; i++)
                fd_store_drop(i);
        return 0;
}

const struct fd_store *service_fd_store(void)
{
        static const struct fd_store store = { .put = put, .remove = take_out, .sync = sync_store };

        return world->stored.is_there ? &store : NULL;
}

/* ---- From run to run --------------------------------------------------------------------------------------------- */

void service_take_fds(struct gpio *gpio)
{
        bool is_executed = world->stored.is_executed;

        world->stored.is_executed = false;
        for (unsigned i = 0; i < LINES_MAX; i++) {
                struct stored_line *stored = item(i);
                bool is_ours = is_executed ? stored->is_inherited : fd_store_has(i);
                stored->is_inherited = false;
                if (is_ours)
                        gpio_adopt(gpio, stored->name, fd_store_fd(i));
        }
}

static void hand_over(void *userdata, const char *name, int fd)
{
        struct stored_line *stored = item(fd_store_offset(fd));

        (void)userdata;
        stored->is_inherited = true;
        (void)snprintf(stored->name, sizeof(stored->name), "%s", name);
}

void service_hand_over_fds(struct gpio *gpio)
{
        world->stored.is_executed = true;
        gpio_hand_over(gpio, hand_over, NULL);
}
