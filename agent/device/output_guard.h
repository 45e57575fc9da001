/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may keep a device's outputs off for the sake of others: asked at each command and before anything is driven, and told
 * what the outputs do. Its implementation is the interlock of the owner of the devices.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/fault.h"

#include <sconce/plugin.h>

struct device;
struct waiting;

/* What the guard keeps of a device; nobody else writes it. */
struct guarded {
        bool is_wanted;           /* to be on when the guard lets it, at the next start or after a reload */
        uint64_t resume_until_us; /* is_wanted until then; 0: for good */
        struct waiting *waiting;  /* the command that is held back */
};

struct output_guard {
        /* A command for the device: 0 it may have it now, 1 it is kept until it may, or has taken back the one that was;
         * negative errno refused. */
        int (*command)(struct device *device, const struct sconce_command *command);
        /* How long such a command would have to wait at least. */
        uint64_t (*wait_us)(const struct device *device, const struct sconce_command *command);
        /* Before an output of the device goes on: -EBUSY while it may not. */
        int (*permit)(struct device *device, struct fault *fault);
        /* After its outputs have gone on (one of them) or off (all). */
        void (*turned)(struct device *device);
        /* Whether an output whose first value its plugin leaves open is to begin off. */
        bool (*begins_off)(const struct device *device);
        /* What output_first() answers: one that is to be on may be off at first, and on later. */
        void (*first)(struct device *device, struct sconce_value *first);
        void (*started)(struct device *device);
        /* It is not running any more: what it waited for is wanted again at its next start. */
        void (*stopped)(struct device *device);
        /* It takes the place of `old`. */
        void (*inherit)(struct device *device, const struct device *old);
        void (*forget)(struct device *device); /* what waits */
};
