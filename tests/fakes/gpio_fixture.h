/* SPDX-License-Identifier: Apache-2.0 */
/* A loop, an empty directory and, in it, the simulated chip: what the tests of gpio/ begin with. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "gpio/gpio.h"

struct gpio_fixture {
        struct loop loop;
        char dir[PATH_MAX - 64]; /* removed with all that is in it */
        struct gpio *gpio;
};

/* `gpio_new` as a test wants it; the clock is the fake one where `fake` reports it. */
void gpio_fixture_init(struct gpio_fixture *fixture, bool fake);
void gpio_fixture_open_sim(struct gpio_fixture *fixture);
void gpio_fixture_done(struct gpio_fixture *fixture);

struct sconce_line *fixture_line(const char *text); /* parsed; free it */

/* Files of the simulated chip. */
void sim_path(const struct gpio_fixture *fixture, char path[static PATH_MAX], const char *file);
char *sim_read(const struct gpio_fixture *fixture, const char *file); /* free() it */
void sim_write(const struct gpio_fixture *fixture, const char *file, const char *text);
int sim_value(const struct gpio_fixture *fixture, unsigned offset);
void sim_pull(const struct gpio_fixture *fixture, unsigned offset, const char *text);
size_t sim_edge_count(const struct gpio_fixture *fixture, unsigned offset);

/* Runs the loop while there is something to do. inotify reports at once, so what a test wrote is done
 * afterwards. */
void fixture_settle(struct gpio_fixture *fixture);

/* What a line's callback was given. */
struct seen {
        unsigned edges, gone;
        bool levels[256];
        struct line_edge last;
        struct fault fault;
};
void record_edge(void *seen, const struct line_edge *edge, const struct fault *fault);
