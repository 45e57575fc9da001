/* SPDX-License-Identifier: Apache-2.0 */
/* late: knows its channel only once it has started, as what finds its hardware does. */
#include <stdio.h>
#include <stdlib.h>

#include <sconce/plugin.h>

struct late {
        const char *dir;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_PATH(struct late, dir, "dir", SCONCE_REQUIRED, "Where its file `value` is"),
        { .key = NULL },
};

static int late_read(struct sconce_device *dev, void *instance)
{
        const struct late *late = instance;
        char path[512], text[32] = "0";

        (void)snprintf(path, sizeof(path), "%s/value", late->dir);
        FILE *file = fopen(path, "re");
        if (file) {
                if (!fgets(text, sizeof(text), file))
                        text[0] = '\0';
                (void)fclose(file);
        }
        return sconce_report_number(dev, "found", strtod(text, NULL));
}

static int late_start(struct sconce_device *dev, void *instance)
{
        const struct sconce_channel found = { .key = "found", .kind = SCONCE_SENSOR };

        int r = sconce_channel_add(dev, &found);
        return r < 0 ? r : late_read(dev, instance);
}

static const struct sconce_plugin late = {
        .name = "late",
        .summary = "Finds its channel when it starts",
        .instance_size = sizeof(struct late),
        .options = options,
        .start = late_start,
        .read = late_read,
};
SCONCE_PLUGIN(late)
