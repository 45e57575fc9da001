/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a device when it is described to Home Assistant. */
#pragma once

#include "channel/channels.h"

/* All borrowed for the call. */
struct discovery_device {
        const char *base, *node, *id; /* its topics begin BASE/NODE/ID/ */
        const char *plugin, *version; /* its plugin's; version NULL: none */
        const char *name, *area;      /* NULL: none */
        const struct channels *channels;
};
