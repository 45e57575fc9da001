/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that read what is issued: mosquitto, and the nginx that serves the page. What came of asking them to read it
 * again is said later (services_report()): a closed pipe on our output must not keep the broker from hearing of a revocation. */
#pragma once

#include <stdbool.h>

#include "util/fault.h"

struct services {
        const char *pid_file;    /* of the broker; NULL: broker.pid in DIR */
        bool is_system;          /* DIR is the default one: the system's mosquitto and nginx are ours, too */
        char broker[256];        /* what it was asked, as a sentence; "": no broker runs here */
        char broker_failed[256]; /* what to do where that failed */
        char page[256], page_failed[256];
};

void services_reload_broker(struct services *services);
void services_reload_page(struct services *services);
/* Prints what came of it; a failure is the fault. `is_new_server`: the broker has a new certificate. */
int services_report(const struct services *services, bool is_new_server, struct fault *fault) MUST_CHECK;
