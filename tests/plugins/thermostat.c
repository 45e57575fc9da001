/* SPDX-License-Identifier: Apache-2.0 */
/* thermostat: drives a line by its own judgement, four times a second, and has nothing that is switched on and off.
 * What it judges by is a setpoint: over 20 it heats; over 30 it heats every other time; under 7 it refuses.
 * `stubborn` gives it a switch that it does not obey. */
#include <errno.h>

#include <sconce/plugin.h>

#define TICK_US (250 * 1000ULL)

struct thermostat {
        struct sconce_line *line;
        bool is_stubborn, starts_on;
        struct sconce_timer *timer;
        double setpoint;
        unsigned ticks;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct thermostat, line, "line", SCONCE_OUTPUT, "GPIO line of the heater"),
        SCONCE_OPTION_BOOL(struct thermostat, is_stubborn, "stubborn", 0, "Whether it has a switch to ignore",
                           .def = "no"),
        SCONCE_OPTION_BOOL(struct thermostat, starts_on, "starts_on", 0, "Whether it opens its line on", .def = "no"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "setpoint", .kind = SCONCE_NUMBER, .min = 5, .max = 40 },
        { .key = "heating", .kind = SCONCE_BINARY_SENSOR, .help = "Whether it wants to heat" },
        { .key = "last", .kind = SCONCE_EVENT, .choices = (const char *const[]){ "bye", NULL } },
        { .key = NULL },
};

static int regulate(struct sconce_device *dev, struct thermostat *self)
{
        bool on = self->setpoint > 30 ? self->ticks % 2 == 1 : self->setpoint > 20;

        if (!self->line)
                return 0;
        int r = sconce_line_set(dev, self->line, on);
        return r < 0 ? r : sconce_report_bool(dev, "heating", on);
}

static void due(struct sconce_device *dev, void *instance, void *userdata)
{
        struct thermostat *self = instance;

        (void)userdata;
        self->ticks++;
        (void)regulate(dev, self);
        (void)sconce_timer_arm(dev, self->timer, TICK_US);
}

static int thermostat_configure(struct sconce_device *dev, void *instance)
{
        static const struct sconce_channel state = { .key = "state", .kind = SCONCE_SWITCH };
        const struct thermostat *self = instance;

        return self->is_stubborn ? sconce_channel_add(dev, &state) : 0;
}

static int thermostat_start(struct sconce_device *dev, void *instance)
{
        struct thermostat *self = instance;
        struct sconce_value setpoint;

        self->setpoint = 5;
        if (sconce_first(dev, "setpoint", &setpoint) == 0)
                self->setpoint = setpoint.number;
        int r = sconce_timer_new(dev, due, NULL, &self->timer);
        if (r == 0 && self->line)
                r = sconce_line_output(dev, self->line, self->starts_on);
        if (r == 0)
                r = sconce_timer_arm(dev, self->timer, TICK_US);
        if (r == 0 && self->is_stubborn)
                r = sconce_report_bool(dev, "state", false);
        return r < 0 ? r : sconce_report_number(dev, "setpoint", self->setpoint);
}

static int thermostat_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct thermostat *self = instance;
        const struct sconce_value *setpoint = sconce_command_find(command, "setpoint");

        if (!setpoint)
                return 0;
        if (setpoint->number < 7) {
                sconce_error(dev, "the house would freeze");
                return -EINVAL;
        }
        self->setpoint = setpoint->number;
        int r = regulate(dev, self);
        return r < 0 ? r : sconce_report_number(dev, "setpoint", self->setpoint);
}

static void thermostat_stop(struct sconce_device *dev, void *instance)
{
        const struct thermostat *self = instance;

        if (self->line && self->setpoint > 20)
                (void)sconce_line_set(dev, self->line, true); /* a last mistake */
        (void)sconce_report_bool(dev, "heating", false);
        (void)sconce_event(dev, "last", "bye");
}

static const struct sconce_plugin thermostat = {
        .name = "thermostat",
        .summary = "A heater with a mind of its own",
        .instance_size = sizeof(struct thermostat),
        .options = options,
        .channels = channels,
        .configure = thermostat_configure,
        .start = thermostat_start,
        .stop = thermostat_stop,
        .command = thermostat_command,
};
SCONCE_PLUGIN(thermostat)
