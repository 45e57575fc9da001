/* SPDX-License-Identifier: Apache-2.0 */
/* Notifies the service manager, if there is one: that the agent is ready, reloads, stops, and what is wrong with it. */
#pragma once

#include <stddef.h>

struct service {
        char status[1024]; /* as sent last */
};

void service_ready(void);
void service_reloading(void); /* service_ready() ends it, in this run or, after a restart, in the next */
void service_stopping(void);
/* One line, for `systemctl status`. Sent when it has changed. */
void service_status(struct service *service, const char *peer, const char *wrong);
