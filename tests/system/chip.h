/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GPIO chip from outside, as the lamp or the hand on the button: the simulated one, or the kernel's gpio-sim where
 * the environment names it. SCONCE_TEST_LINES is its directory with sim_gpioN/{value,pull}, SCONCE_TEST_CHIP its name
 * for the config; both kinds have the same layout. `lines` is the daemon's directory of lines, see daemon_lines().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/macro.h"

bool chip_is_kernel(void);
const char *chip_lines(const char *sim_dir);  /* the directory of sim_gpioN */
const char *chip_config(const char *sim_dir); /* the [gpio] section's text */

int chip_value(const char *lines, unsigned offset);            /* 0, 1; -1: not there (yet) */
void chip_wait(const char *lines, unsigned offset, int value); /* fails the test when it does not come */
void chip_pull(const char *lines, unsigned offset, bool up);

/* How often the line has changed, from the simulated chip's record. The kernel's has none: chip_needs_edges() skips
 * there. */
size_t chip_edges(const char *lines, unsigned offset);
void chip_needs_edges(void);
