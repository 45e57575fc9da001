/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd is doing with the service: it alone knows whether a stop is the first half of a restart. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "util/macro.h"

/* Whether systemd stops the service in order to start it again: `systemctl restart`, an upgrade. Asked over the system
 * bus, for 2 s at the most; where there is no answer, it is not. */
bool service_is_restarting(void);

/* The type of the job ("restart", "stop") of the unit that a process belongs to, over this bus: free() it. -ENOENT: the unit
 * has none; -ETIMEDOUT: nobody has answered within 2 s; another negative errno. */
int service_job_type(sd_bus *bus, pid_t pid, char **ret) MUST_CHECK;
