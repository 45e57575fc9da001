/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told: that the agent is ready, reloads, stops, and what is wrong with it. Where there is
 * none, nobody is told. */
#pragma once

#include <stddef.h>

struct service {
        char told[1024]; /* the status */
};

void service_ready(void);
void service_reloading(void); /* service_ready() ends it, in this run or, after a restart, in the next */
void service_stopping(void);
/* One line, for `systemctl status`. Told when it has changed. */
void service_status(struct service *service, const char *peer, const char *wrong);
