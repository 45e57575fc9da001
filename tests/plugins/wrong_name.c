/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose file is called otherwise. */
#include <sconce/plugin.h>

static int start(struct sconce_device *dev, void *instance)
{
        (void)dev;
        (void)instance;
        return 0;
}

static const struct sconce_plugin other = { .name = "other", .summary = "Calls itself otherwise", .start = start };
SCONCE_PLUGIN(other)
