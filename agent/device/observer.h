/* SPDX-License-Identifier: Apache-2.0 */
/* What a device hands to those above it that follow what happens to it: rules. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct command_cause;
struct device;
struct result;
struct sconce_value;

/*
 * Called while the device is at work: what follows is to be done later, from the loop. The first four are called for a
 * device that is watched (device->watched) alone: one that nobody looks at costs nothing.
 */
struct device_observer {
        void (*started)(void *userdata, const struct device *device); /* it starts */
        /* What its plugin has reported; `time_us` 0: now. */
        void (*reported)(void *userdata, const struct device *device, uint64_t time_us,
                         const struct sconce_value *values, size_t count);
        void (*event)(void *userdata, const struct device *device, uint64_t time_us, const char *channel,
                      const char *event_type);
        void (*status)(void *userdata, const struct device *device); /* online, offline, a fault that comes or goes */
        void (*moment_over)(void *userdata);                         /* no device is at work any more */
        /* What became of a command that device_act() was given. */
        void (*result)(void *userdata, const struct command_cause *cause, const struct result *result);
        void *userdata;
};
