/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lamp: a lamp on a GPIO line, switched on and off.
 *
 * The line drives a relay, a transistor or an LED; `active_low = yes` for the many relay boards that switch
 * on at a low level. What the lamp is at the start, at exit, without the broker, and how long it may stay on
 * are options that every output has.
 */
#include <sconce/plugin.h>

struct lamp {
        struct sconce_line *line;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct lamp, line, "line", SCONCE_REQUIRED | SCONCE_OUTPUT,
                           "GPIO line that switches the lamp"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_LIGHT, .help = "Whether the lamp is on" },
        { .key = NULL },
};

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int lamp_read(struct sconce_device *dev, void *instance)
{
        const struct lamp *lamp = instance;
        bool on;

        int r = sconce_line_get(dev, lamp->line, &on);
        if (r < 0)
                return r;
        return sconce_report_bool(dev, "state", on);
}

static int lamp_start(struct sconce_device *dev, void *instance)
{
        const struct lamp *lamp = instance;

        int r = sconce_line_output(dev, lamp->line, sconce_first_level(dev, "state"));
        if (r < 0)
                return r;
        return lamp_read(dev, instance);
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int lamp_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct lamp *lamp = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");

        if (!state)
                return 0;
        int r = sconce_line_set(dev, lamp->line, state->on);
        if (r < 0)
                return r;
        return sconce_report_bool(dev, "state", state->on);
}

static const struct sconce_plugin lamp = {
        .name = "lamp",
        .summary = "A lamp on a GPIO line",
        .instance_size = sizeof(struct lamp),
        .options = options,
        .channels = channels,
        .start = lamp_start,
        .command = lamp_command,
        .read = lamp_read,
};
SCONCE_PLUGIN(lamp)
