/* SPDX-License-Identifier: Apache-2.0 */
/* shutter: two outputs and a cover channel; timed for its kind. Moves until it is asked to stop. */
#include <string.h>

#include <sconce/plugin.h>

struct shutter {
        struct sconce_line *up, *down;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct shutter, up, "up", SCONCE_REQUIRED | SCONCE_OUTPUT, "GPIO line that opens it"),
        SCONCE_OPTION_LINE(struct shutter, down, "down", SCONCE_REQUIRED | SCONCE_OUTPUT, "GPIO line that closes it"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_COVER },
        { .key = NULL },
};

static int shutter_start(struct sconce_device *dev, void *instance)
{
        struct shutter *shutter = instance;

        int r = sconce_line_output(dev, shutter->up, 0);
        if (r == 0)
                r = sconce_line_output(dev, shutter->down, 0);
        return r < 0 ? r : sconce_report_text(dev, "state", "stopped");
}

static int shutter_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct shutter *shutter = instance;
        bool up = strcmp(command->values[0].text, "OPEN") == 0;
        bool down = strcmp(command->values[0].text, "CLOSE") == 0;

        int r = sconce_line_set(dev, up ? shutter->down : shutter->up, false);
        if (r == 0)
                r = sconce_line_set(dev, shutter->up, up);
        if (r == 0)
                r = sconce_line_set(dev, shutter->down, down);
        return r < 0 ? r : sconce_report_text(dev, "state", up ? "opening" : down ? "closing" : "stopped");
}

static const struct sconce_plugin shutter = {
        .name = "shutter",
        .summary = "A shutter with two relays",
        .flags = SCONCE_TIMED,
        .instance_size = sizeof(struct shutter),
        .options = options,
        .channels = channels,
        .start = shutter_start,
        .command = shutter_command,
};
SCONCE_PLUGIN(shutter)
