/* SPDX-License-Identifier: Apache-2.0 */
/* What is below and beside the devices whose outputs are proven: a loop's time, lines that may fail, a plugin that obeys or
 * not. The agent's own files from home/interlock.c down to device/host_line.c are as they are. */
#pragma once

#include "home/inside.h"
#include "home/interlock.h"
#include "prove.h"

#ifndef DEVICES
#define DEVICES 2
#endif

/* Times are short, so that the solver has fewer bits to try: the code knows no unit but the microsecond. */
#define LONGEST_US 4096
#define BEGIN_US   1000000

struct sconce_line {
        bool is_on;
};

struct timer {
        timer_fn fn;
        void *userdata;
        bool is_armed;
        uint64_t due_us;
};

extern struct home home;
extern struct device devices[DEVICES];
extern struct sconce_line lines[DEVICES];
extern uint64_t now_us;
extern bool lines_may_fail;

/* All lines off, all devices running, the time BEGIN_US. */
void house_init(void);

/* A command from outside: ON or OFF, perhaps as a TOGGLE, perhaps wanted for a while only. */
void house_command(unsigned at, bool on, uint32_t flags, uint64_t wanted_until_us);

/* The proof's own: a line has just been driven. */
void line_seen(unsigned at, bool was_on);
