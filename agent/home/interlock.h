/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs that are never on together: devices of one `interlock` group. Inside agent/home/ and agent/device/ only.
 *
 * The plugins know nothing of it. A command that may switch a member on first switches the others off, and
 * waits until they are dark and the dead time is over: it is kept here, and given to the plugin then. And
 * whatever a plugin does by itself, no output of a member goes on before it may (interlock_permit()).
 *
 * Nobody knows what was on before the agent started. So every member starts off, and the dead time counts
 * from the newest such start; the one that is to be on comes after it.
 */
#pragma once

#include "config/config.h"
#include "util/fault.h"

#include <sconce/plugin.h>

struct device;
struct home;
struct interlock;
struct waiting;

/* A command for the device: 0 it may have it now, 1 it is kept until it may, or has taken back the one that was;
 * negative errno refused. */
int interlock_command(struct device *device, const struct sconce_command *command) MUST_CHECK;
/* How long such a command would have to wait at least. */
uint64_t interlock_wait_us(const struct device *device, const struct sconce_command *command);
/* Before an output of the device goes on: -EBUSY while it may not. */
int interlock_permit(struct device *device, struct fault *fault) MUST_CHECK;
/* After its outputs have gone on (one of them) or off (all). */
void interlock_turned(struct device *device);
/* A command that switches off and does nothing else. */
bool interlock_is_off(const struct device *device, const struct sconce_command *command);

/* What output_first() answers: a member that is to be on is off at first, and on later. */
void interlock_first(struct device *device, struct sconce_value *first);
void interlock_started(struct device *device);
/* It is not running any more: what it waited for is wanted again at its next start. */
void interlock_stopped(struct device *device);
/* Whether the device is to begin off and knows it: it is a member of a group. */
bool interlock_is_member(const struct device *device);

/* Groups of which a member starts, stops or changes (`restarts` says so of a section) are off before anything
 * else happens; the one that was on is on again after it. */
void interlock_before_reload(struct home *home, const struct config *config,
                             bool (*restarts)(const struct device *device, const struct config_section *section));
void interlock_after_reload(struct home *home);

/* A group of one is most likely misspelt. */
void interlock_check(const struct config *config, struct problems *problems);

void interlock_forget(struct device *device); /* what waits */
void interlocks_free(struct home *home);
