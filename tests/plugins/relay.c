/* SPDX-License-Identifier: Apache-2.0 */
/* relay: an output that may be on for a limited time, by an option (`pulse`) or by a command (`for`). */
#include <sconce/plugin.h>

struct relay {
        struct sconce_line *line, *feedback;
        uint64_t pulse_us;
        bool is_lazy, as_found, is_tested;
        struct sconce_timer *timer;
        bool on;
};

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct relay, line, "line", SCONCE_REQUIRED | SCONCE_OUTPUT, "GPIO line to switch"),
        SCONCE_OPTION_DURATION(struct relay, pulse_us, "pulse", SCONCE_TIMES_OUTPUT, "How long it stays on"),
        SCONCE_OPTION_BOOL(struct relay, is_lazy, "lazy", 0, "Whether it lets a line alone that is what it is to be",
                           .def = "no"),
        SCONCE_OPTION_BOOL(struct relay, as_found, "as_found", 0, "Whether it opens its line as it finds it",
                           .def = "no"),
        SCONCE_OPTION_BOOL(struct relay, is_tested, "tested", 0, "Whether it sets its line once more at its start",
                           .def = "no"),
        SCONCE_OPTION_LINE(struct relay, feedback, "feedback", 0, "GPIO line that shows what it switches"),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_SWITCH },
        { .key = "for", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY },
        { .key = NULL },
};

static int set(struct sconce_device *dev, struct relay *relay, bool on)
{
        int r = relay->is_lazy && on == relay->on ? 0 : sconce_line_set(dev, relay->line, on);

        if (r < 0)
                return r;
        relay->on = on;
        return sconce_report_bool(dev, "state", on);
}

static void over(struct sconce_device *dev, void *instance, void *userdata)
{
        (void)userdata;
        if (set(dev, instance, false) == 0)
                sconce_timed(dev, false);
}

static int relay_start(struct sconce_device *dev, void *instance)
{
        struct relay *relay = instance;
        int first = sconce_first_level(dev, "state");

        int r = sconce_timer_new(dev, over, NULL, &relay->timer);
        if (r == 0)
                r = sconce_line_output(dev, relay->line, relay->as_found ? -1 : first);
        if (r == 0 && relay->is_tested)
                (void)sconce_line_set(dev, relay->line, first == 1); /* it does not look what became of it */
        relay->on = first == 1;
        return r < 0 ? r : sconce_report_bool(dev, "state", relay->on);
}

static int relay_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct relay *relay = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");
        const struct sconce_value *limit = sconce_command_find(command, "for");

        if (!state)
                return 0;
        uint64_t limit_us = limit ? (uint64_t)(limit->number * 1e6) : relay->pulse_us;
        sconce_timer_disarm(dev, relay->timer);
        sconce_timed(dev, state->on && limit_us > 0);
        if (state->on && limit_us > 0)
                sconce_timer_arm(dev, relay->timer, limit_us);
        return set(dev, relay, state->on);
}

static const struct sconce_plugin relay = {
        .name = "relay",
        .summary = "An output for a while",
        .instance_size = sizeof(struct relay),
        .options = options,
        .channels = channels,
        .start = relay_start,
        .command = relay_command,
};
SCONCE_PLUGIN(relay)
