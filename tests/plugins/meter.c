/* SPDX-License-Identifier: Apache-2.0 */
/* meter: a sensor that costs nothing to read: the next number. One that is the `trigger` has no number but a switch: a
 * command of it has all the others read themselves at once. They are on the loop, so the list needs no lock. With `burst` it
 * reads itself so often after its start. */
#include <errno.h>

#include <sconce/plugin.h>

#define MAX_METERS 2000
/* The writer of the database keeps up with that. */
#define BURST_PAUSE_US 200

struct meter {
        bool is_trigger;
        int64_t burst;
        double number;
        struct sconce_timer *timer;
};

static struct {
        struct sconce_device *dev;
        struct sconce_timer *timer;
} meters[MAX_METERS];
static size_t n_meters;

static const struct sconce_option options[] = {
        SCONCE_OPTION_BOOL(struct meter, is_trigger, "trigger", 0, "Whether it has the others read themselves",
                           .def = "no"),
        SCONCE_OPTION_INT(struct meter, burst, "burst", 0, "How many readings there are after the start", .def = "0"),
        { .key = NULL },
};

static int meter_configure(struct sconce_device *dev, void *instance)
{
        static const struct sconce_channel state = { .key = "state", .kind = SCONCE_SWITCH };
        static const struct sconce_channel number = { .key = "number", .kind = SCONCE_SENSOR };
        const struct meter *meter = instance;

        return sconce_channel_add(dev, meter->is_trigger ? &state : &number);
}

static int meter_read(struct sconce_device *dev, void *instance)
{
        struct meter *meter = instance;

        return meter->is_trigger ? 0 : sconce_report_number(dev, "number", meter->number += 1);
}

static void due(struct sconce_device *dev, void *instance, void *userdata)
{
        struct meter *meter = instance;

        (void)userdata;
        (void)meter_read(dev, instance);
        if (meter->burst > 0 && --meter->burst > 0)
                (void)sconce_timer_arm(dev, meter->timer, BURST_PAUSE_US);
}

static int meter_start(struct sconce_device *dev, void *instance)
{
        struct meter *meter = instance;

        if (meter->is_trigger)
                return sconce_report_bool(dev, "state", false);
        if (n_meters == MAX_METERS)
                return -ENOSPC;
        int r = sconce_timer_new(dev, due, NULL, &meter->timer);
        if (r < 0)
                return r;
        meters[n_meters].dev = dev;
        meters[n_meters++].timer = meter->timer;
        return meter->burst > 0 ? sconce_timer_arm(dev, meter->timer, 0) : 0;
}

static int meter_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct sconce_value *state = sconce_command_find(command, "state");

        (void)instance;
        for (size_t i = 0; i < n_meters; i++)
                (void)sconce_timer_arm(meters[i].dev, meters[i].timer, 0);
        return state ? sconce_report_bool(dev, "state", state->on) : 0;
}

static const struct sconce_plugin meter = {
        .name = "meter",
        .summary = "Counts how often it is read",
        .instance_size = sizeof(struct meter),
        .options = options,
        .every = "1h",
        .configure = meter_configure,
        .start = meter_start,
        .read = meter_read,
        .command = meter_command,
};
SCONCE_PLUGIN(meter)
