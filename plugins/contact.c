/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contact: a door, a window, a motion detector, a leak: anything that opens or closes a circuit at a GPIO line.
 *
 * ON means active. A contact to ground needs `bias = pull-up` and, where closed is to be ON, `active_low = yes`.
 * Contacts bounce: a level counts when it has been stable for `debounce`, and the last level is always reported.
 * Motion detectors let go after a second or two although somebody is still there: `off_delay` keeps ON until the line
 * has been inactive for so long.
 */
#include <string.h>

#include <sconce/plugin.h>

struct contact {
        struct sconce_line *line;
        int device_class;
        uint64_t off_delay_us;

        struct sconce_timer *off;
        bool on;         /* as reported */
        bool is_waiting; /* for off_delay */
        uint64_t off_us; /* when it will be over */
};

/* Home Assistant's classes of a binary_sensor; "leak", which people look for, is "moisture" there. */
static const char *const classes[] = {
        "battery",
        "battery_charging",
        "carbon_monoxide",
        "cold",
        "connectivity",
        "door",
        "garage_door",
        "gas",
        "heat",
        "leak",
        "light",
        "lock",
        "moisture",
        "motion",
        "moving",
        "occupancy",
        "opening",
        "plug",
        "power",
        "presence",
        "problem",
        "running",
        "safety",
        "smoke",
        "sound",
        "tamper",
        "update",
        "vibration",
        "window",
        NULL,
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct contact, line, "line", SCONCE_REQUIRED, "GPIO line that the contact is at",
                           .debounce = "20ms"),
        SCONCE_OPTION_ENUM(struct contact, device_class, "device_class", 0,
                           "What it watches; a home-automation system chooses text and icons by it",
                           .choices = classes),
        SCONCE_OPTION_DURATION(struct contact, off_delay_us, "off_delay", 0,
                               "How long it must have been inactive before OFF is published", .def = "0ms",
                               .max = "1d"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_BINARY_SENSOR, .help = "Whether the contact is active" },
        { .key = NULL },
};

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static void report(struct sconce_device *dev, struct contact *contact, uint64_t time_us, bool on)
{
        contact->on = on;
        contact->is_waiting = false;
        (void)sconce_report_at(dev, time_us, &SCONCE_BOOL("state", on), 1);
}

static void contact_rests(struct sconce_device *dev, void *instance, void *userdata)
{
        struct contact *contact = instance;

        (void)userdata;
        if (contact->is_waiting)
                report(dev, contact, contact->off_us, false);
}

static void contact_changed(struct sconce_device *dev, void *instance, const struct sconce_edge *edge)
{
        struct contact *contact = instance;

        if (edge->active || contact->off_delay_us == 0 || !contact->on) {
                (void)sconce_timer_disarm(dev, contact->off);
                report(dev, contact, edge->time_us, edge->active);
                return;
        }
        uint64_t now_us = sconce_now_us(dev);
        contact->is_waiting = true;
        contact->off_us = edge->time_us + contact->off_delay_us;
        (void)sconce_timer_arm(dev, contact->off, contact->off_us > now_us ? contact->off_us - now_us : 0);
}

static int contact_read(struct sconce_device *dev, void *instance)
{
        struct contact *contact = instance;
        bool active;

        int r = sconce_line_get(dev, contact->line, &active);
        if (r < 0)
                return r;
        /* What is on stays on until its time is over, which only an edge begins. */
        contact->on = active || (contact->on && contact->off_delay_us > 0);
        return sconce_report_bool(dev, "state", contact->on);
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static const char *class_name(int choice)
{
        if (choice < 0)
                return NULL;
        return strcmp(classes[choice], "leak") == 0 ? "moisture" : classes[choice];
}

static int contact_configure(struct sconce_device *dev, void *instance)
{
        const struct contact *contact = instance;
        struct sconce_channel state = channels[0];

        state.device_class = class_name(contact->device_class);
        return sconce_channel_add(dev, &state);
}

static int contact_start(struct sconce_device *dev, void *instance)
{
        struct contact *contact = instance;

        int r = sconce_timer_new(dev, contact_rests, NULL, &contact->off);
        if (r == 0)
                r = sconce_line_input(dev, contact->line, contact_changed);
        return r < 0 ? r : contact_read(dev, instance);
}

static const struct sconce_plugin contact = {
        .name = "contact",
        .summary = "A contact or detector on a GPIO line",
        .instance_size = sizeof(struct contact),
        .options = options,
        .channels = channels,
        .configure = contact_configure,
        .start = contact_start,
        .read = contact_read,
};
SCONCE_PLUGIN(contact)
