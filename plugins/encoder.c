/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encoder: a rotary knob with two contacts that open and close in turn (quadrature).
 *
 * Without `max` each step is an event, `clockwise` or `counterclockwise`. With it the knob sets a number of its own,
 * from `min` to `max` by `step`, which commands can set too. The push button that many knobs have is a [button …] of
 * its own.
 *
 * The direction is in the order of the two lines' edges, and two lines are two descriptors: a busy loop reads all of
 * one and then all of the other. So edges are kept for a moment and sorted by their timestamps. Bouncing needs no
 * debounce: it goes forth and back and adds up to nothing.
 */
#include <math.h>
#include <stdlib.h>

#include <sconce/plugin.h>

/* Long enough for the other line's edges to have been delivered: one more round of the loop. */
#define HOLD_US   (2 * 1000ULL)
#define EDGES_MAX 128

enum { A = 1, B = 2 }; /* bits of the position */

struct turn {
        uint64_t time_us;
        unsigned line; /* A or B */
        bool active;
};

struct encoder {
        struct sconce_line *a, *b;
        int edges_per_step; /* index of the choices */
        double min, max, step;

        struct sconce_timer *timer;
        struct turn turns[EDGES_MAX];
        size_t n_turns;
        unsigned at;
        int way;   /* of the last movement: 1 clockwise, -1 counterclockwise */
        int moved; /* edges since the last step */
        double value;
};

static const char *const edges_choices[] = { "1", "2", "4", NULL };
static const int edges_per_step[] = { 1, 2, 4 };

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct encoder, a, "a", SCONCE_REQUIRED, "GPIO line of the first contact"),
        SCONCE_OPTION_LINE(struct encoder, b, "b", SCONCE_REQUIRED,
                           "GPIO line of the second contact; the other way round it turns the other way"),
        SCONCE_OPTION_ENUM(struct encoder, edges_per_step, "edges_per_step", 0,
                           "How many edges of both lines make a step; 4 from notch to notch for most knobs", .def = "4",
                           .choices = edges_choices),
        SCONCE_OPTION_FLOAT(struct encoder, min, "min", 0, "The number's minimum", .def = "0", .needs = "max"),
        SCONCE_OPTION_FLOAT(struct encoder, max, "max", 0,
                            "The number's maximum; without it steps are events and there is no number", .def = "0"),
        SCONCE_OPTION_FLOAT(struct encoder, step, "step", 0, "What a step adds to the number", .def = "1",
                            .min = "0.000001", .needs = "max"),
        { .key = NULL },
};

static const char *const types[] = { "clockwise", "counterclockwise", NULL };

static bool has_number(const struct encoder *encoder)
{
        return encoder->max > encoder->min;
}

/* ---- Steps --------------------------------------------------------------------------------------------- */

static void step_number(struct sconce_device *dev, struct encoder *encoder, uint64_t time_us, int steps)
{
        double value = encoder->value + steps * encoder->step;

        value = fmin(fmax(value, encoder->min), encoder->max);
        encoder->value = round(value * 1e6) / 1e6; /* 0.3, not 0.30000000000000004 */
        (void)sconce_report_at(dev, time_us, &SCONCE_NUM("value", encoder->value), 1);
}

static void step(struct sconce_device *dev, struct encoder *encoder, uint64_t time_us, int way)
{
        if (has_number(encoder))
                step_number(dev, encoder, time_us, way);
        else
                (void)sconce_event_at(dev, time_us, "turn", types[way > 0 ? 0 : 1]);
}

/* Edges that lead from one position of the two contacts to another: clockwise A is the first to close. */
static int edges_between(const struct encoder *encoder, unsigned from, unsigned to)
{
        static const int order[] = { [0] = 0, [A] = 1, [A | B] = 2, [B] = 3 };
        int edges = (order[to] - order[from] + 4) % 4;

        if (edges == 2) /* both at once, or one was lost: most likely it went on */
                return 2 * encoder->way;
        return edges == 3 ? -1 : edges;
}

static void move(struct sconce_device *dev, struct encoder *encoder, uint64_t time_us, unsigned to)
{
        int per_step = edges_per_step[encoder->edges_per_step];
        int edges = edges_between(encoder, encoder->at, to);

        encoder->at = to;
        if (edges == 0)
                return;
        encoder->way = edges > 0 ? 1 : -1;
        for (encoder->moved += edges; abs(encoder->moved) >= per_step; encoder->moved -= per_step * encoder->way)
                step(dev, encoder, time_us, encoder->way);
}

/* All edges that were kept. Those of one moment are one movement. */
static void follow(struct sconce_device *dev, struct encoder *encoder)
{
        for (size_t i = 0; i < encoder->n_turns;) {
                uint64_t time_us = encoder->turns[i].time_us;
                unsigned to = encoder->at;
                for (; i < encoder->n_turns && encoder->turns[i].time_us == time_us; i++)
                        to = encoder->turns[i].active ? to | encoder->turns[i].line : to & ~encoder->turns[i].line;
                move(dev, encoder, time_us, to);
        }
        encoder->n_turns = 0;
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static void insert(struct encoder *encoder, const struct turn *turn)
{
        size_t at = encoder->n_turns++;

        for (; at > 0 && encoder->turns[at - 1].time_us > turn->time_us; at--)
                encoder->turns[at] = encoder->turns[at - 1];
        encoder->turns[at] = *turn;
}

static void encoder_edge(struct sconce_device *dev, void *instance, const struct sconce_edge *edge)
{
        struct encoder *encoder = instance;
        const struct turn turn = { .time_us = edge->time_us,
                                   .line = edge->line == encoder->a ? A : B,
                                   .active = edge->active };

        if (encoder->n_turns == EDGES_MAX)
                follow(dev, encoder);
        if (encoder->n_turns == 0)
                (void)sconce_timer_arm(dev, encoder->timer, HOLD_US);
        insert(encoder, &turn);
}

static void encoder_due(struct sconce_device *dev, void *instance, void *userdata)
{
        (void)userdata;
        follow(dev, instance);
}

static int report(struct sconce_device *dev, const struct encoder *encoder)
{
        return has_number(encoder) ? sconce_report_number(dev, "value", encoder->value) : 0;
}

static int encoder_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct encoder *encoder = instance;
        const struct sconce_value *value = sconce_command_find(command, "value");

        follow(dev, encoder); /* what was turned before */
        if (value)
                encoder->value = value->number;
        return report(dev, encoder);
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int encoder_configure(struct sconce_device *dev, void *instance)
{
        const struct encoder *encoder = instance;
        const struct sconce_channel turn = {
                .key = "turn", .kind = SCONCE_EVENT, .choices = types, .help = "Each step that it is turned"
        };
        const struct sconce_channel value = { .key = "value",
                                              .kind = SCONCE_NUMBER,
                                              .min = encoder->min,
                                              .max = encoder->max,
                                              .step = encoder->step,
                                              .help = "What it is turned to" };

        if (encoder->max < encoder->min || (encoder->max == encoder->min && encoder->max != 0)) {
                sconce_error(dev, "max = %g must be above min = %g", encoder->max, encoder->min);
                return -EINVAL;
        }
        return sconce_channel_add(dev, has_number(encoder) ? &value : &turn);
}

/* The value before a restart, within today's limits. */
static void find_value(struct sconce_device *dev, struct encoder *encoder)
{
        struct sconce_value first;

        encoder->value = encoder->min;
        if (has_number(encoder) && sconce_first(dev, "value", &first) == 0 && first.type == SCONCE_VALUE_NUMBER)
                encoder->value = fmin(fmax(first.number, encoder->min), encoder->max);
}

static int open_contact(struct sconce_device *dev, struct encoder *encoder, struct sconce_line *line, unsigned bit)
{
        bool active = false;

        int r = sconce_line_input(dev, line, encoder_edge);
        if (r == 0)
                r = sconce_line_get(dev, line, &active);
        if (active)
                encoder->at |= bit;
        return r;
}

static int encoder_start(struct sconce_device *dev, void *instance)
{
        struct encoder *encoder = instance;

        int r = sconce_timer_new(dev, encoder_due, NULL, &encoder->timer);
        if (r == 0)
                r = open_contact(dev, encoder, encoder->a, A);
        if (r == 0)
                r = open_contact(dev, encoder, encoder->b, B);
        if (r < 0)
                return r;
        encoder->way = 1;
        find_value(dev, encoder);
        return report(dev, encoder);
}

static const struct sconce_plugin encoder = {
        .name = "encoder",
        .summary = "A rotary knob on two GPIO lines",
        .instance_size = sizeof(struct encoder),
        .options = options,
        .configure = encoder_configure,
        .start = encoder_start,
        .command = encoder_command,
};
SCONCE_PLUGIN(encoder)
