/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where system tests wait. A test program is one thread: MQTT clients, the logs of child processes and
 * the little servers of wire.h are all sources here, and they are served whenever a test waits for something.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/macro.h"

/* Ample on a busy machine; a wait ends as soon as its condition holds. */
#define SOON_MS 15000U

struct pump_source {
        int fd;       /* -1: only `prepare` is called */
        short events; /* as in poll(2); `prepare` may change it before each wait */
        void (*prepare)(struct pump_source *source);
        void (*ready)(struct pump_source *source, short revents);
        struct pump_source *next;
};

void pump_add(struct pump_source *source);
void pump_remove(struct pump_source *source); /* allowed inside callbacks; no harm if it is not there */

/* Serves the sources until done(userdata) holds, and states whether it came to hold within the time. */
bool pump_until(bool (*done)(void *userdata), void *userdata, unsigned within_ms) MUST_CHECK;
void pump_once(unsigned at_most_ms); /* one round: what is ready now, or the first thing within the time */

/* How many times longer than on an idle machine a wait may take: SCONCE_TEST_PATIENCE, for emulators and the like. */
unsigned pump_patience(void);

uint64_t now_us(void); /* CLOCK_MONOTONIC */
