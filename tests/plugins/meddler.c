/* SPDX-License-Identifier: Apache-2.0 */
/* meddler: a blocking plugin that wants what only plugins on the event loop have; its rows lack their help.
 */
#include <sconce/plugin.h>

struct meddler {
        int64_t first, second;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_INT(struct meddler, first, "first", 0, "The first."),
        SCONCE_OPTION_INT(struct meddler, first, "second", SCONCE_REQUIRED, "The second", .def = "2"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SENSOR },
        { .key = NULL },
};

static int meddler_start(struct sconce_device *dev, void *instance)
{
        (void)instance;
        (void)sconce_save(dev, "seen", "yes");
        return 0;
}

static const struct sconce_plugin meddler = {
        .name = "meddler",
        .summary = "Wants what it cannot have",
        .flags = SCONCE_BLOCKING,
        .instance_size = sizeof(struct meddler),
        .options = options,
        .channels = channels,
        .start = meddler_start,
};
SCONCE_PLUGIN(meddler)
