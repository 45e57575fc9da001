/* SPDX-License-Identifier: Apache-2.0 */
/* The chips of one struct gpio: found in /dev, opened when needed, dropped when they are unplugged. */
#pragma once

#include "gpio/chip_ops.h"
#include "gpio/gpio.h"

struct gpio {
        struct loop *loop;
        const struct chip_ops *ops; /* of the chips in dev_dir */
        char *dev_dir;
        char *default_chip;
        char *sim_dir;
        char *consumer;
        const struct fd_store *fd_store; /* NULL: there is none */
        char *sysfs;                     /* "/sys", or the simulated chip's directory */
        bool sim_only; /* the default chip is the simulated one: real hardware is not touched at all */

        struct chip *chips;            /* open ones */
        struct sconce_line *lines;     /* open ones */
        struct sconce_dimmer *dimmers; /* open ones */

        /* kept.c: */
        struct kept *kept;    /* requests of lines that are not open */
        bool is_store_behind; /* it has been asked to let go of some, and may not have yet */
        bool is_old_kernel;   /* it gives no fd, and that has been logged */

        bool dev_watch_tried;
        int dev_watch_fd;
        sd_event_source *dev_watch;
};

/* A test's chips: another table, for the files named gpiochipN of another directory. */
int gpio_new_on(struct loop *loop, const struct gpio_options *options, const struct chip_ops *ops, const char *dev_dir,
                struct gpio **ret) MUST_CHECK;

/* A chip by number, name, label, path or "sim"; NULL: the default chip. */
int chips_get(struct gpio *gpio, const char *text, struct chip **ret, struct fault *fault) MUST_CHECK;
/* Opens all that there are into gpio->chips. Returns the error of one that could not be opened, with its sentence. */
int chips_open_all(struct gpio *gpio, struct fault *fault) MUST_CHECK;
/* Closes those that no open line uses. */
void chips_trim(struct gpio *gpio);

/* resolve.c */
struct line_place {
        struct chip *chip;
        unsigned offset;
};
int line_resolve(struct gpio *gpio, const struct sconce_line *line, struct line_place *ret, struct fault *fault)
        MUST_CHECK;

/* line.c: the chip under an open line is gone: closes it and informs its owner. */
void line_gone(struct sconce_line *line);
