/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backend does: one table each for libgpiod (1 or 2, by what the build found) and for the simulated chip. Levels
 * are physical here: active_low, debounce by timer and messages are line.c's, so that all backends behave alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/loop.h"
#include "util/macro.h"

#define GPIO_NAME_SIZE 64 /* the kernel's names, labels and consumers have at most 31 characters */

/* `from` NULL: there is none. */
static inline void gpio_name_copy(char to[static GPIO_NAME_SIZE], const char *from)
{
        (void)snprintf(to, GPIO_NAME_SIZE, "%s", from ? from : "");
}

struct chip_ops;

/* An opened chip; a backend's own struct begins with it. */
struct chip {
        const struct chip_ops *ops;
        char name[GPIO_NAME_SIZE];  /* "gpiochip0" */
        char label[GPIO_NAME_SIZE]; /* "pinctrl-bcm2835" */
        unsigned n_lines;

        /* gpio.c's: */
        struct chip *next;
        unsigned users; /* open lines, and look-ups under way */
        bool gone;      /* unplugged: freed with its last user, never handed out again */
};

struct line_info {
        char name[GPIO_NAME_SIZE];     /* "" where the line has none */
        char consumer[GPIO_NAME_SIZE]; /* "" where unknown */
        bool used;
        bool output;
        bool active_low;
};

enum request_mode { REQUEST_AS_IS, REQUEST_INPUT, REQUEST_OUTPUT };

struct request_spec {
        unsigned offset;
        const char *consumer;
        enum request_mode mode;
        bool high;            /* REQUEST_OUTPUT: the first level, carried by the request itself */
        int bias;             /* enum line_bias */
        int drive;            /* enum line_drive */
        uint32_t debounce_us; /* REQUEST_INPUT: by the kernel; -ENOTSUP where it cannot */

        /* For a backend without an event_fd: there are edges to read. Never called from a function of the table. */
        void (*ready)(void *userdata);
        void *userdata;
};

/* A requested line; a backend's own struct begins with it. */
struct line_request {
        const struct chip_ops *ops;
};

struct raw_edge {
        bool high;
        uint32_t lost; /* edges dropped before this one, where the backend knows */
        uint64_t monotonic_ns;
};

struct chip_place {
        struct loop *loop;
        const char *path;
        /* For a backend that notices by itself: the chip is gone. Never called from a function of the table. */
        void (*gone)(void *userdata, struct chip *chip);
        void *userdata;
};

/* All functions return 0 or a negative errno, unless noted. */
struct chip_ops {
        int (*open)(const struct chip_place *place, struct chip **ret);
        void (*close)(struct chip *chip);
        int (*line_info)(struct chip *chip, unsigned offset, struct line_info *ret);

        int (*request)(struct chip *chip, const struct request_spec *spec, struct line_request **ret);
        /* Turns a line that was requested as it is into an output, without letting go of it. */
        int (*reconfigure)(struct line_request *request, const struct request_spec *spec);
        int (*set)(struct line_request *request, bool high);
        int (*get)(struct line_request *request); /* 0, 1, or negative errno */
        /* Readable when there are edges. NULL in the table: `ready` is called. */
        int (*event_fd)(struct line_request *request);
        /* Takes edges out of the queue, oldest first, without waiting: their number, 0 when there are no more. */
        int (*read_edges)(struct line_request *request, struct raw_edge *edges, size_t max);
        void (*release)(struct line_request *request);

        /* The fd that holds an output, the request's; NULL in the table of one that has none. */
        int (*output_fd)(struct line_request *request);
        /* A request that an earlier process has left as this fd, which belongs to it then. NULL: there are none. */
        int (*adopt)(int fd, struct line_request **ret);
};

extern const struct chip_ops gpiod_ops;
extern const struct chip_ops sim_ops;

/* How many edges the kernel keeps for a line at least; more may have been lost. */
#define EDGE_QUEUE 16

#define SIM_CHIP_NAME  "gpiochip0"
#define SIM_CHIP_LABEL "sconce-sim"
#define SIM_LINES      54
