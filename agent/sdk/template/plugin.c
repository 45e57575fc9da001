/*
 * @name@: something that is switched on and off by a GPIO line, and how long it has been on.
 *
 * From top to bottom: what a device knows, its options, its channels, what it does, and the table of all that for
 * the agent. <sconce/plugin.h> explains every word.
 */
#include <sconce/plugin.h>

/* One device: one section [@name@ ID]. The agent fills the fields that options name, the rest is 0. */
struct @name@ {
        struct sconce_line *line;
        uint64_t on_since_us; /* 0: off */
};

/* `line = GPIO17`. The agent adds active_low, power_on, on_exit, max_on and more by itself. */
static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct @name@, line, "line", SCONCE_REQUIRED | SCONCE_OUTPUT,
                           "GPIO line that switches it"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH, .help = "Whether it is on" },
        { .key = "on_for",
          .kind = SCONCE_SENSOR,
          .unit = "s",
          .device_class = "duration",
          .help = "How long it has been on" },
        { .key = NULL },
};

/* Reports the present state. */
static int report(struct sconce_device *dev, struct @name@ *self, bool on)
{
        uint64_t now_us = sconce_now_us(dev);

        if (!on)
                self->on_since_us = 0;
        else if (self->on_since_us == 0)
                self->on_since_us = now_us;
        const double seconds = on ? (double)(now_us - self->on_since_us) / 1e6 : 0;
        const struct sconce_value values[] = {
                SCONCE_BOOL("state", on),
                SCONCE_NUM("on_for", seconds),
        };
        return sconce_report(dev, values, 2);
}

/* Every 30 s, as in the table below, and on request. */
static int @name@_read(struct sconce_device *dev, void *instance)
{
        struct @name@ *self = instance;
        bool on;

        /* Where a host service fails, the sentence for people is set already: just hand the error on. */
        int r = sconce_line_get(dev, self->line, &on);
        return r < 0 ? r : report(dev, self, on);
}

/* The hardware may be touched from here on. The first value is in the request itself: nothing flickers. */
static int @name@_start(struct sconce_device *dev, void *instance)
{
        struct @name@ *self = instance;

        int r = sconce_line_output(dev, self->line, sconce_first_level(dev, "state"));
        return r < 0 ? r : @name@_read(dev, instance);
}

/* A command has passed every check: what it names can be written, and is of the right type and in range. */
static int @name@_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct @name@ *self = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");

        if (!state)
                return 0;
        int r = sconce_line_set(dev, self->line, state->on);
        return r < 0 ? r : report(dev, self, state->on);
}

static const struct sconce_plugin @name@_plugin = {
        .name = "@name@", /* as the file: @name@.so */
        .summary = "Something that a GPIO line switches on and off",
        .version = "0.1",
        .instance_size = sizeof(struct @name@),
        .options = options,
        .channels = channels,
        .every = "30s",
        .start = @name@_start,
        .command = @name@_command,
        .read = @name@_read,
};
SCONCE_PLUGIN(@name@_plugin)
