/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chips that a test invents: a backend behind the same table as libgpiod. A chip is there while a file of its
 * name is in the fixture's directory. What is done to it is written down, and edges come out of a pipe, as
 * from the kernel.
 */
#pragma once

#include <stdint.h>

#include "fakes/gpio_fixture.h"
#include "gpio/chip_ops.h"

#define FAKE_LINES 8

struct fake_line {
        const char *name, *consumer;
        bool used, output, active_low;
        bool high;
        int request_error, use_error; /* negative errno */
        int edges_fd;                 /* write end, while the line is requested as an input; 0: not */
};

struct fake_chip {
        const char *name, *label;
        int open_error;
        bool kernel_debounce;
        bool is_old_kernel; /* its requests give no fd */
        unsigned opens;     /* how many handles there are */
        struct fake_line lines[FAKE_LINES];
};

/* What fd holds an output: a number, behind which there is none. */
#define FAKE_FD(chip, offset) (10000 + 100 * (chip) + (offset))

extern struct fake_chip fake_chips[3];
extern char fake_log[1024]; /* "request 2 output 1; set 0; " */

/* Fresh chips, gpiochip0 to gpiochip2, without names; no file is there yet. */
void fake_chips_reset(void);
void fake_plug(const struct gpio_fixture *fixture, unsigned chip);
void fake_unplug(const struct gpio_fixture *fixture, unsigned chip);
void fake_open(struct gpio_fixture *fixture, const char *default_chip);
void fake_open_with(struct gpio_fixture *fixture, const char *default_chip, const struct fd_store *store);
/* An edge happens; the level changes with it. */
void fake_edge(unsigned chip, unsigned offset, bool high, uint32_t lost);
void fake_edge_at(unsigned chip, unsigned offset, bool high, uint32_t lost, uint64_t monotonic_ns);
