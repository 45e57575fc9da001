/* SPDX-License-Identifier: Apache-2.0 */
/*
 * button: a push button, reported as events: single, double, triple, long, and the release after a long press.
 *
 * Only the kernel's timestamps decide what was pressed. A timer is only the time to look: one that fires late shows
 * that the loop was busy, and then edges may be waiting that happened before it was due; it looks again when they have
 * been delivered. So a double press is a double press however late the agent gets to it.
 */
#include <sconce/plugin.h>

/* A timer that is later than this was delayed. */
#define LATE_US (5 * 1000ULL)
/* What has happened by now has been delivered after one more round of the loop. */
#define SETTLE_US (1 * 1000ULL)

struct button {
        struct sconce_line *line;
        uint64_t double_time_us, long_time_us;
        int64_t presses_max;

        struct sconce_timer *timer;
        uint64_t due_us;
        bool has_settled;
        bool is_pressed;
        bool is_long;    /* this press has been reported as long */
        int64_t presses; /* ended and not yet reported */
        uint64_t pressed_us, released_us;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct button, line, "line", SCONCE_REQUIRED, "GPIO line that the button is at",
                           .debounce = "20ms"),
        SCONCE_OPTION_DURATION(struct button, double_time_us, "double_time", 0,
                               "Longest pause between the presses of a double or triple", .def = "300ms", .min = "50ms",
                               .max = "5s"),
        SCONCE_OPTION_DURATION(struct button, long_time_us, "long_time", 0,
                               "How long it must be held to be a long press", .def = "800ms", .min = "100ms",
                               .max = "1m"),
        SCONCE_OPTION_INT(struct button, presses_max, "presses", 0,
                          "Most presses in a row that are one event; 1: each single is published at its release",
                          .def = "3", .min = "1", .max = "3"),
        { .key = NULL },
};

static const char *const in_a_row[] = { NULL, "single", "double", "triple" };
static const char *const types[] = { "single", "double", "triple", "long", "release", NULL };

static const struct sconce_channel channels[] = {
        { .key = "press",
          .kind = SCONCE_EVENT,
          .device_class = "button",
          .choices = types,
          .help = "How it was pressed" },
        { .key = NULL },
};

/* ---- What was pressed ---------------------------------------------------------------------------------- */

static void wait_until(struct sconce_device *dev, struct button *button, uint64_t due_us)
{
        uint64_t now_us = sconce_now_us(dev);

        button->due_us = due_us;
        button->has_settled = false;
        (void)sconce_timer_arm(dev, button->timer, due_us > now_us ? due_us - now_us : 0);
}

static void raise_presses(struct sconce_device *dev, struct button *button)
{
        if (button->presses > 0)
                (void)sconce_event_at(dev, button->released_us, "press", in_a_row[button->presses]);
        button->presses = 0;
}

static void raise_long(struct sconce_device *dev, struct button *button)
{
        raise_presses(dev, button); /* single, then one that is held */
        button->is_long = true;
        (void)sconce_event_at(dev, button->pressed_us + button->long_time_us, "press", "long");
}

/* Reports what was over by the moment `us`. */
static void catch_up(struct sconce_device *dev, struct button *button, uint64_t us)
{
        if (button->is_pressed) {
                if (!button->is_long && us >= button->pressed_us + button->long_time_us)
                        raise_long(dev, button);
        } else if (us > button->released_us + button->double_time_us) {
                raise_presses(dev, button);
        }
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static void button_pressed(struct sconce_device *dev, struct button *button, uint64_t time_us)
{
        button->is_pressed = true;
        button->is_long = false;
        button->pressed_us = time_us;
        wait_until(dev, button, time_us + button->long_time_us);
}

static void button_released(struct sconce_device *dev, struct button *button, uint64_t time_us)
{
        button->is_pressed = false;
        button->released_us = time_us;
        (void)sconce_timer_disarm(dev, button->timer);
        if (button->is_long) {
                (void)sconce_event_at(dev, time_us, "press", "release");
                return;
        }
        if (++button->presses >= button->presses_max)
                raise_presses(dev, button);
        else
                wait_until(dev, button, time_us + button->double_time_us + 1);
}

static void button_changed(struct sconce_device *dev, void *instance, const struct sconce_edge *edge)
{
        struct button *button = instance;

        if (edge->active == button->is_pressed)
                return; /* held at the start, released now */
        catch_up(dev, button, edge->time_us);
        if (edge->active)
                button_pressed(dev, button, edge->time_us);
        else
                button_released(dev, button, edge->time_us);
}

static void button_due(struct sconce_device *dev, void *instance, void *userdata)
{
        struct button *button = instance;

        (void)userdata;
        if (!button->has_settled && sconce_now_us(dev) > button->due_us + LATE_US) {
                button->has_settled = true;
                (void)sconce_timer_arm(dev, button->timer, SETTLE_US);
        } else {
                catch_up(dev, button, button->due_us);
        }
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int button_start(struct sconce_device *dev, void *instance)
{
        struct button *button = instance;

        int r = sconce_timer_new(dev, button_due, NULL, &button->timer);
        return r < 0 ? r : sconce_line_input(dev, button->line, button_changed);
}

static const struct sconce_plugin button = {
        .name = "button",
        .summary = "A push button on a GPIO line",
        .instance_size = sizeof(struct button),
        .options = options,
        .channels = channels,
        .start = button_start,
};
SCONCE_PLUGIN(button)
