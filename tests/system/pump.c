/* SPDX-License-Identifier: Apache-2.0 */
#include "system/pump.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* How soon a condition that no descriptor announces (a GPIO line's value in a file) is looked at again. */
#define TICK_MS     2
#define MAX_SOURCES 256

static struct pump_source *sources;

void pump_add(struct pump_source *source)
{
        source->next = sources;
        sources = source;
}

void pump_remove(struct pump_source *source)
{
        for (struct pump_source **at = &sources; *at; at = &(*at)->next) {
                if (*at == source) {
                        *at = source->next;
                        return;
                }
        }
}

uint64_t now_us(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static bool still_there(const struct pump_source *source)
{
        for (const struct pump_source *s = sources; s; s = s->next)
                if (s == source)
                        return true;
        return false;
}

void pump_once(unsigned at_most_ms)
{
        struct pump_source *order[MAX_SOURCES];
        struct pollfd fds[MAX_SOURCES];
        nfds_t count = 0;

        for (struct pump_source *s = sources, *next; s; s = next) {
                next = s->next;
                if (s->prepare)
                        s->prepare(s);
        }
        for (struct pump_source *s = sources; s && count < MAX_SOURCES; s = s->next, count++) {
                order[count] = s;
                fds[count] = (struct pollfd){ .fd = s->fd, .events = s->events };
        }
        if (poll(fds, count, (int)at_most_ms) <= 0)
                return;
        for (nfds_t i = 0; i < count; i++)
                if (fds[i].revents && still_there(order[i]) && order[i]->ready)
                        order[i]->ready(order[i], fds[i].revents);
}

unsigned pump_patience(void)
{
        const char *text = getenv("SCONCE_TEST_PATIENCE");
        int factor = text ? atoi(text) : 1;

        return factor > 1 ? (unsigned)factor : 1;
}

bool pump_until(bool (*done)(void *userdata), void *userdata, unsigned within_ms)
{
        uint64_t deadline_us = now_us() + pump_patience() * within_ms * USEC_PER_MSEC;

        pump_once(0);
        while (!done(userdata)) {
                if (now_us() >= deadline_us)
                        return false;
                pump_once(TICK_MS);
        }
        return true;
}
