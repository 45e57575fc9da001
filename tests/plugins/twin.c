/* SPDX-License-Identifier: Apache-2.0 */
/* twin: two outputs in one device, each with a switch of its own; without its second line that switch is a mere
 * setting. */
#include <sconce/plugin.h>

struct twin {
        struct sconce_line *lines[2];
};

static const char *const keys[] = { "one", "two" };

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct twin, lines[0], "one", SCONCE_REQUIRED | SCONCE_OUTPUT, "The first line"),
        SCONCE_OPTION_LINE(struct twin, lines[1], "two", SCONCE_OUTPUT, "The second line"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "one", .kind = SCONCE_SWITCH },
        { .key = "two", .kind = SCONCE_SWITCH },
        { .key = NULL },
};

static int twin_start(struct sconce_device *dev, void *instance)
{
        struct twin *twin = instance;

        for (unsigned i = 0; i < 2; i++) {
                int first = sconce_first_level(dev, keys[i]);
                int r = twin->lines[i] ? sconce_line_output(dev, twin->lines[i], first) : 0;
                if (r == 0)
                        r = sconce_report_bool(dev, keys[i], first == 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int twin_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct twin *twin = instance;

        for (unsigned i = 0; i < 2; i++) {
                const struct sconce_value *value = sconce_command_find(command, keys[i]);
                int r = value && twin->lines[i] ? sconce_line_set(dev, twin->lines[i], value->on) : 0;
                if (value && r == 0)
                        r = sconce_report_bool(dev, keys[i], value->on);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const struct sconce_plugin twin = {
        .name = "twin",
        .summary = "Two outputs",
        .instance_size = sizeof(struct twin),
        .options = options,
        .channels = channels,
        .start = twin_start,
        .command = twin_command,
};
SCONCE_PLUGIN(twin)
