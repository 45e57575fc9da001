/* SPDX-License-Identifier: Apache-2.0 */
/* One MQTT connection to the running broker with a certificate that stands in no record: what it lets through. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/fault.h"

struct probe {
        const char *host;
        uint16_t port;
        const char *client_id;
        const char *ca_path, *cert_path, *key_path; /* cert and key NULL: without a certificate */
        const char *username;                       /* NULL: none */
};

enum probe_outcome {
        PROBE_ACCEPTED,
        PROBE_REFUSED, /* by the access list */
        PROBE_OUT,     /* not even connected; the fault has why */
};

/* Publishes something to the topic with QoS 1, and waits for what becomes of it, ten seconds at most. */
enum probe_outcome probe_publish(const struct probe *probe, const char *topic, const char *payload, bool retain,
                                 struct fault *fault);

/* Calls back for each retained topic below the filter, for two seconds or until the broker has sent all. */
int probe_retained(const struct probe *probe, const char *filter, int (*each)(void *userdata, const char *topic),
                   void *userdata, struct fault *fault) MUST_CHECK;
