/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chips of the kernel's gpio-sim driver, made through configfs. Works as root on a kernel with gpio-sim, that
 * is, inside the kernel ring.
 *
 * A chip's lines are driven and read in its `lines_dir`, which looks like the directory of the agent's own
 * simulated chip: sim_gpioN/pull takes "pull-up" or "pull-down", sim_gpioN/value shows the level.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/macro.h"

#define GPIOSIM_NAME_MAX 64
#define GPIOSIM_PATH_MAX 192

/* A line that the kernel itself holds from the start. */
struct gpiosim_hog {
        unsigned offset;
        const char *consumer;
        const char *direction; /* "input", "output-high" or "output-low" */
};

struct gpiosim_layout {
        const char *label; /* "pinctrl-bcm2835" on a Raspberry Pi */
        unsigned line_count;
        const char *name_prefix; /* line N is named PREFIXN; NULL: lines without names */
        const struct gpiosim_hog *hogs;
        size_t hog_count;
};

struct gpiosim {
        char name[GPIOSIM_NAME_MAX];      /* of the configfs item */
        char chip[GPIOSIM_NAME_MAX];      /* "gpiochip0"; empty while unplugged */
        char lines_dir[GPIOSIM_PATH_MAX]; /* holds sim_gpioN/; empty while unplugged */
};

/* Makes a chip and plugs it in. -EEXIST when one of that name is there. On failure nothing is left behind. */
int gpiosim_create(const char *name, const struct gpiosim_layout *layout, struct gpiosim *ret) MUST_CHECK;

/* Finds a chip that was made before, plugged in or not. */
int gpiosim_find(const char *name, struct gpiosim *ret) MUST_CHECK;

/* Both update `chip` and `lines_dir`: the number may be another one after a replug. Doing it twice is no
 * error. */
int gpiosim_plug(struct gpiosim *sim) MUST_CHECK;
int gpiosim_unplug(struct gpiosim *sim) MUST_CHECK;

/* Unplugs the chip and forgets it. */
int gpiosim_remove(const char *name) MUST_CHECK;
