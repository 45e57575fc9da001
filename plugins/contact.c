/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contact: a door, a window, a motion detector: whatever opens or closes a circuit at a GPIO line.
 *
 * ON means active. A contact to ground wants `bias = pull-up` and, where closed is to be ON, `active_low =
 * yes`. Contacts bounce: a level counts when it has been stable for `debounce`, and the last level is always
 * told.
 */
#include <sconce/plugin.h>

struct contact {
        struct sconce_line *line;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct contact, line, "line", SCONCE_REQUIRED, "GPIO line that the contact is at",
                           .debounce = "20ms"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_BINARY_SENSOR, .help = "Whether the contact is active" },
        { .key = NULL },
};

static void contact_changed(struct sconce_device *dev, void *instance, const struct sconce_edge *edge)
{
        (void)instance;
        sconce_report_at(dev, edge->time_us, &SCONCE_BOOL("state", edge->active), 1);
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int contact_read(struct sconce_device *dev, void *instance)
{
        const struct contact *contact = instance;
        bool active;

        int r = sconce_line_get(dev, contact->line, &active);
        if (r < 0)
                return r;
        return sconce_report_bool(dev, "state", active);
}

static int contact_start(struct sconce_device *dev, void *instance)
{
        const struct contact *contact = instance;

        int r = sconce_line_input(dev, contact->line, contact_changed);
        if (r < 0)
                return r;
        return contact_read(dev, instance);
}

static const struct sconce_plugin contact = {
        .name = "contact",
        .summary = "A contact or detector on a GPIO line",
        .instance_size = sizeof(struct contact),
        .options = options,
        .channels = channels,
        .start = contact_start,
        .read = contact_read,
};
SCONCE_PLUGIN(contact)
