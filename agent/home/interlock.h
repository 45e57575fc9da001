/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs that are never on together: devices of one `interlock` group. Inside agent/home/ only.
 *
 * The plugins know nothing of it. A command that may switch a member on first switches the others off, and is kept here
 * until they are dark and the dead time is over. What a plugin does by itself has to ask permit(), too.
 *
 * Nobody knows what was on before the agent started. So every member starts off, and the dead time counts from the
 * newest such start; the one that is to be on comes after it.
 */
#pragma once

#include "config/config.h"
#include "device/context.h"

struct home;
struct interlock;

extern const struct output_guard interlock_guard;
void interlocks_free(struct home *home);

/* ---- interlock_config.c -------------------------------------------------------------------------------- */

/* Groups of which a member starts, stops or changes (`restarts`: by its section) are off before anything else
 * happens; the one that was on is on again after it. */
void interlock_before_reload(struct home *home, const struct config *config,
                             bool (*restarts)(const struct device *device, const struct config_section *section));
void interlock_after_reload(struct home *home);
/* Before devices start: what an earlier run has left on, or a device that was no member yet, is off. A member that will
 * not start at all is, too. */
void interlock_before_starts(struct home *home);

/* A group of one is most likely misspelt. */
void interlock_check(const struct config *config, struct problems *problems);

/* ---- interlock.c, for interlock_config.c --------------------------------------------------------------- */

const char *interlock_of(const struct device *device); /* its group; NULL: none */
bool interlock_has(const struct device *device, const char *group);
struct interlock *interlock_find(const struct device *device); /* NULL: no memory, and then nobody of it goes on */
struct device *interlock_waiting(const struct interlock *interlock);
/* At a stop: what waits is wanted again at the next start, no longer than it is wanted now. */
void interlock_keep_waiting(struct device *device);
/* One that is no running member has been on until now. */
void interlock_count_dead_time(struct home *home, const char *group);
/* On again, or at last, once it may: unless another one is or will be. */
void interlock_resume(struct device *device);
