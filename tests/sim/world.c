/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/machine.h"
#include "sim/moves.h"
#include "util/text.h"

struct world *world;
bool world_shows;
void (*world_hears)(const struct message *message);

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static size_t class_of(size_t size)
{
        size_t class = 0;

        while (((size_t)32 << class) < size)
                class ++;
        return class;
}

void *world_alloc(size_t size)
{
        size_t class = class_of(size), bytes = (size_t)32 << class;
        void **memory = world->arena_free[class];

        if (memory) {
                world->arena_free[class] = *memory;
        } else {
                if (world->arena_used + bytes > ARENA_SIZE)
                        violated("simulator", "the world's memory is used up");
                memory = (void *)(world->arena + world->arena_used);
                world->arena_used += bytes;
        }
        memset(memory, 0, bytes);
        return memory;
}

void world_release(void *memory, size_t size)
{
        void **first = memory;

        if (!memory)
                return;
        *first = world->arena_free[class_of(size)];
        world->arena_free[class_of(size)] = first;
}

/* ---- Chance ------------------------------------------------------------------------------------------------------ */

uint64_t noise_between(uint64_t least, uint64_t most)
{
        return dice_between(&world->noise, least, most);
}

bool noise_chance(unsigned percent)
{
        return dice_chance(&world->noise, percent);
}

/* ---- What waits: a heap by time and order ------------------------------------------------------------------------ */

static bool is_before(const struct event *a, const struct event *b)
{
        return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(size_t a, size_t b)
{
        struct event kept = world->events[a];

        world->events[a] = world->events[b];
        world->events[b] = kept;
}

static size_t sift_up(size_t at)
{
        while (at > 0 && is_before(&world->events[at], &world->events[(at - 1) / 2])) {
                swap(at, (at - 1) / 2);
                at = (at - 1) / 2;
        }
        return at;
}

static void sift_down(size_t at)
{
        for (;;) {
                size_t least = at;
                for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < world->n_events; child++)
                        if (is_before(&world->events[child], &world->events[least]))
                                least = child;
                if (least == at)
                        return;
                swap(at, least);
                at = least;
        }
}

/* The rest of the event is filled in by the caller: the heap goes by time and order alone. */
struct event *world_later(enum event_kind kind, uint64_t after_us)
{
        if (world->n_events == EVENTS_MAX)
                violated("simulator", "too much waits to happen");
        world->events[world->n_events] = (struct event){ .kind = kind,
                                                         .at_us = world->now_us + after_us,
                                                         .order = world->order++ };
        return &world->events[sift_up(world->n_events++)];
}

uint64_t world_next_us(void)
{
        return world->n_events > 0 ? world->events[0].at_us : UINT64_MAX;
}

static void remove_at(size_t at)
{
        world->events[at] = world->events[--world->n_events];
        if (at < world->n_events) {
                sift_down(at);
                (void)sift_up(at);
        }
}

bool world_take(struct event *ret)
{
        if (world_next_us() > world->now_us)
                return false;
        *ret = world->events[0];
        remove_at(0);
        return true;
}

void world_drop(unsigned connection)
{
        for (size_t i = world->n_events; i > 0; i--) {
                const struct event *event = &world->events[i - 1];
                bool is_inbound = event->kind == EVENT_ACK || event->kind == EVENT_DOWN || event->kind == EVENT_LOST;
                if (!is_inbound || event->connection != connection)
                        continue;
                message_free(event->message);
                remove_at(i - 1);
                i = world->n_events + 1; /* the heap has been shaken */
        }
}

void world_happen(const struct event *event)
{
        switch (event->kind) {
        case EVENT_MOVE:
                moves_next();
                break;
        case EVENT_HAND:
                lines_hand((unsigned)event->number >> 1, event->number & 1);
                break;
        case EVENT_STORE:
                fd_store_drop((unsigned)event->number);
                break;
        case EVENT_TIME:
                machine_synchronise();
                break;
        default:
                broker_event(event);
        }
}

void world_pass_until(uint64_t until_us)
{
        struct event event;

        while (world_next_us() <= until_us) {
                world->now_us = MAX(world->now_us, world_next_us());
                if (world_take(&event))
                        world_happen(&event);
        }
        world->now_us = MAX(world->now_us, until_us);
}

/* ---- The trace --------------------------------------------------------------------------------------------------- */

static size_t stamp(char *text, size_t size)
{
        uint64_t s = world->now_us / USEC_PER_SEC;

        return (size_t)snprintf(text, size, "day %" PRIu64 " %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%06" PRIu64,
                                s / 86400 + 1, s / 3600 % 24, s / 60 % 60, s % 60,
                                (uint64_t)(world->now_us % USEC_PER_SEC));
}

void trace(const char *format, ...)
{
        char text[1024];
        va_list arguments;
        size_t at = stamp(text, sizeof(text));

        text[at++] = ' ';
        va_start(arguments, format);
        (void)vsnprintf(text + at, sizeof(text) - at, format, arguments);
        va_end(arguments);
        world->hash = text_hash(world->hash, text);
        if (world_shows) {
                (void)puts(text);
                (void)fflush(stdout);
        }
}

_Noreturn void violated(const char *law, const char *format, ...)
{
        char when[64], text[512];
        va_list arguments;

        (void)stamp(when, sizeof(when));
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        (void)printf("seed %" PRIu64 ", step %u, %s: %s: %s\n    again: make sim SEED=%" PRIu64
                     " DAYS=%u DEVICES=%u SHOW=1\n",
                     world->seed, world->step, when, law, text, world->seed, world->days, world->n_devices);
        (void)fflush(stdout);
        _exit(LIFE_VIOLATED);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

void world_boot(void)
{
        world->boot_us = world->now_us - noise_between(5, 20) * USEC_PER_SEC;
        (void)snprintf(world->boot_id, sizeof(world->boot_id), "%08x-0000-4000-8000-%012x",
                       (unsigned)noise_between(0, UINT32_MAX), (unsigned)noise_between(0, UINT32_MAX));
        trace("the machine starts");
}

struct world *world_new(uint64_t seed, unsigned days, unsigned n_devices)
{
        struct world *made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (made == MAP_FAILED)
                return NULL;
        world = made;
        made->seed = seed;
        made->days = days;
        made->n_devices = n_devices;
        made->dice = dice_of(seed);
        made->noise = dice_of(seed ^ 0x5eed);
        made->hash = HASH_BEGIN;
        made->now_us = 60 * USEC_PER_SEC;
        made->wall_us = WORLD_BEGAN_US;
        made->is_synchronised = true;
        made->end_us = days * DAY_US;
        return made;
}

void world_free(struct world *made)
{
        (void)munmap(made, sizeof(*made));
}
