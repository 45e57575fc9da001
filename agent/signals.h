/* SPDX-License-Identifier: Apache-2.0 */
/* The signals that the agent takes: SIGTERM, SIGINT, SIGHUP, SIGUSR1. They become events of the loop. */
#pragma once

#include "util/loop.h"

/* Before there are threads, which inherit it, and for good: signals wait for the agent. One that comes before it runs
 * is acted on then; one after its end kills nothing, and a restart hands it on. */
void signals_hold(void);

/* From here on the loop calls `handler` with the signal's number, one signal at a time. */
struct signals {
        void (*handler)(void *userdata, int signal);
        void *userdata;
};
int signals_catch(struct loop *loop, struct signals *signals) MUST_CHECK;
