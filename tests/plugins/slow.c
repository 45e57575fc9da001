/* SPDX-License-Identifier: Apache-2.0 */
/* slow: a sensor in a thread of its own, as those are that may hang; this one does not. */
#include <sconce/plugin.h>

struct slow {
        double number;
};

static const struct sconce_channel channels[] = {
        { .key = "number", .kind = SCONCE_SENSOR },
        { .key = NULL },
};

static int slow_read(struct sconce_device *dev, void *instance)
{
        struct slow *slow = instance;

        return sconce_report_number(dev, "number", slow->number += 1);
}

static int slow_start(struct sconce_device *dev, void *instance)
{
        (void)dev;
        (void)instance;
        return 0;
}

static const struct sconce_plugin slow = {
        .name = "slow",
        .summary = "Counts how often its thread reads it",
        .flags = SCONCE_BLOCKING,
        .instance_size = sizeof(struct slow),
        .channels = channels,
        .every = "1h",
        .start = slow_start,
        .read = slow_read,
};
SCONCE_PLUGIN(slow)
