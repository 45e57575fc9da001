/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch: whatever a GPIO line switches on and off: a pump, a fan, a socket.
 *
 * The line drives a relay or a transistor; `active_low = yes` for the many relay boards that switch on at a
 * low level. What it is at the start, at exit, without the broker, and how long it may stay on are options
 * that every output has.
 */
#include <sconce/plugin.h>

struct switch_line {
        struct sconce_line *line;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct switch_line, line, "line", SCONCE_REQUIRED | SCONCE_OUTPUT,
                           "GPIO line to switch"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH, .help = "Whether it is on" },
        { .key = NULL },
};

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int switch_read(struct sconce_device *dev, void *instance)
{
        const struct switch_line *self = instance;
        bool on;

        int r = sconce_line_get(dev, self->line, &on);
        if (r < 0)
                return r;
        return sconce_report_bool(dev, "state", on);
}

static int switch_start(struct sconce_device *dev, void *instance)
{
        const struct switch_line *self = instance;

        int r = sconce_line_output(dev, self->line, sconce_first_level(dev, "state"));
        if (r < 0)
                return r;
        return switch_read(dev, instance);
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int switch_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct switch_line *self = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");

        if (!state)
                return 0;
        int r = sconce_line_set(dev, self->line, state->on);
        if (r < 0)
                return r;
        return sconce_report_bool(dev, "state", state->on);
}

static const struct sconce_plugin switch_plugin = {
        .name = "switch",
        .summary = "A switched output on a GPIO line",
        .instance_size = sizeof(struct switch_line),
        .options = options,
        .channels = channels,
        .start = switch_start,
        .command = switch_command,
        .read = switch_read,
};
SCONCE_PLUGIN(switch_plugin)
