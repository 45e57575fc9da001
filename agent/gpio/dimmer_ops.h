/* SPDX-License-Identifier: Apache-2.0 */
/* The two kinds of dimmers behind one table. */
#pragma once

#include "gpio/dimmer.h"

struct dimmer_ops {
        const char *attribute; /* that carries the level */
        /* Finds the attribute that carries the level and what its full value is; brings it to first_level. */
        int (*open)(struct sconce_dimmer *dimmer, uint64_t period_ns, double first_level, struct fault *fault);
        void (*give_back)(struct sconce_dimmer *dimmer); /* when it is dark */
};

struct sconce_dimmer {
        const struct dimmer_ops *ops;
        char *text; /* as written */
        char *name; /* of the PWM chip or the LED */
        unsigned channel;

        bool inverted; /* a driver that is on at a low level: the duty the other way round */
        bool exported; /* by us: outlives a failed open */
        char dir[256]; /* of its attributes */

        /* While open: */
        struct gpio *gpio;
        struct sconce_dimmer *next;
        int level_fd;
        uint64_t full, now; /* in the attribute's own unit */
};

extern const struct dimmer_ops pwm_ops;
extern const struct dimmer_ops led_ops;

uint64_t dimmer_scale(const struct sconce_dimmer *dimmer, double level); /* `full` is known */
int dimmer_denied(const char *dir, const char *attribute, struct fault *fault);
int dimmer_explain(const struct sconce_dimmer *dimmer, int code, const char *attribute, struct fault *fault);
