/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs that outlive the process (gpio/kept.h): from this run to the next, through systemd's store of fds, or, when the
 * program is executed again by itself, as fds that it inherits.
 */
#pragma once

#include "gpio/gpio.h"

/* systemd's; NULL where it does not run us. */
const struct fd_store *service_fd_store(void);
/* What the run before has left, from systemd or from ourselves. Its names leave the environment. */
void service_take_fds(struct gpio *gpio);
/* For the program that is executed in our place. All lines are closed. */
void service_hand_over_fds(struct gpio *gpio);
