/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the simulated chip, as people, tests and other processes of ours see them:
 *
 *   SIM_DIR/gpiochip0/sim_gpioN/value   "0" or "1": the physical level
 *   SIM_DIR/gpiochip0/sim_gpioN/pull    "pull-up" or "pull-down": what drives the line from outside
 *   SIM_DIR/gpiochip0/names             one name a line, in offset order
 *   SIM_DIR/gpiochip0/edges             "CLOCK_MONOTONIC-ns OFFSET 0|1", appended at each change of a level
 *   SIM_DIR/gpiochip0/consumers         who holds which line: one record a line, locked by its holder
 *
 * Everything is written in place, so that no reader ever sees a file empty. A line is held by a lock on its
 * record, so a process that crashes holds nothing any more.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpio/chip_ops.h"

struct sim_dir {
        char path[PATH_MAX]; /* of gpiochip0 */
        int fd;
        int edges_fd;
        int consumers_fd;
};

/* Makes what is missing and mends what is broken. What others hold is left alone. */
int sim_dir_open(const char *path, struct sim_dir *ret) MUST_CHECK;
void sim_dir_done(struct sim_dir *dir);

/* Between the two, no other process requests, releases or re-evaluates a line. Short, and never nested. */
void sim_lock(struct sim_dir *dir);
void sim_unlock(struct sim_dir *dir);

int sim_hold(struct sim_dir *dir, unsigned offset, bool output, const char *consumer) MUST_CHECK; /* -EBUSY */
void sim_let_go(struct sim_dir *dir, unsigned offset);
/* Whether another holder has the line, and who it is. Its own lines a holder knows by itself. */
bool sim_held_elsewhere(struct sim_dir *dir, unsigned offset, bool *ret_output, char consumer[static GPIO_NAME_SIZE]);

int sim_read_value(struct sim_dir *dir, unsigned offset); /* 0, 1; -EINVAL: neither */
int sim_read_pull(struct sim_dir *dir, unsigned offset);  /* 0, 1; -EINVAL: half written */
int sim_write_pull(struct sim_dir *dir, unsigned offset, bool up) MUST_CHECK;
int sim_open_value(struct sim_dir *dir, unsigned offset) MUST_CHECK; /* a descriptor for sim_write_level() */
int sim_write_level(int value_fd, bool high) MUST_CHECK;
/* Appends to `edges`; returns the time that it wrote. */
uint64_t sim_log_edge(struct sim_dir *dir, unsigned offset, bool high);
