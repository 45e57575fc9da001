/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cover: a shutter, blind, awning, gate: a motor with one output for each direction.
 *
 * The position is computed from how long it has moved, 0 closed to 100 open. It is known after an end has been
 * reached, and after a clean stop of the agent; else it is unknown (null), nothing moves by itself, and the next
 * command first drives to an end. On the way to an end the motor runs for `margin` longer than computed, or until the
 * end stop: that removes accumulated errors.
 *
 * The two outputs are never on together, and between one direction and the other both are off for `dead_time`, counted
 * from the start too, since what moved before is unknown. Meanwhile a command waits; STOP drops it.
 *
 * End stops count both ways: an active one means that the cover is there, a released one that it is not there any more
 * (a gate that was pushed open). Both at once are an error. While the cover stands, a stop that is active for less
 * than STANDING_US is noise.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sconce/plugin.h>

#define TICK_US  (1000 * 1000ULL) /* between reports of a moving cover */
#define RETRY_US (1000 * 1000ULL) /* of an output that could not be switched off */
#define NEAR     0.5              /* per cent: too little to move for */
/* A stop that is active for so long means that a cover which stood elsewhere was moved there by hand. */
#define STANDING_US (1000 * 1000ULL)
/* Per cent from an end within which its stop may still be active. */
#define STOP_WIDTH 10

enum way { UP, DOWN, STILL };

struct side {
        struct sconce_line *line, *stop;
        uint64_t travel_us; /* from end to end */
        bool is_at_stop;
        uint64_t at_stop_us; /* since then */
};

struct cover {
        struct side side[2];
        uint64_t dead_time_us, start_delay_us;
        double margin_pct;
        bool repeat;
        int device_class;

        struct sconce_timer *timer;
        struct sconce_timer *standing; /* for STANDING_US */
        enum way moving, last;         /* last: before the standstill; STILL: unknown */
        uint64_t since_us, end_us;     /* of the movement */
        uint64_t lead_us;              /* of start_delay, from since_us on */
        bool is_stuck;                 /* an output could not be switched off */
        uint64_t ready_us;             /* when the dead time is over */
        bool is_known;
        double position; /* at since_us, or where it stands */
        bool has_target;
        double target;
};

static const double end_of[] = { [UP] = 100, [DOWN] = 0 };

static const char *const way_names[] = { [UP] = "up", [DOWN] = "down" };

static const char *const classes[] = { "awning", "blind", "curtain", "damper", "door", "garage",
                                       "gate",   "shade", "shutter", "window", NULL };

static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct cover, side[UP].line, "up", SCONCE_REQUIRED | SCONCE_OUTPUT,
                           "GPIO line that opens it"),
        SCONCE_OPTION_LINE(struct cover, side[DOWN].line, "down", SCONCE_REQUIRED | SCONCE_OUTPUT,
                           "GPIO line that closes it"),
        SCONCE_OPTION_DURATION(struct cover, side[UP].travel_us, "up_time", SCONCE_REQUIRED,
                               "How long it takes from closed to open", .min = "100ms", .max = "1h"),
        SCONCE_OPTION_DURATION(struct cover, side[DOWN].travel_us, "down_time", 0,
                               "How long it takes from open to closed; by default as long as up", .min = "100ms",
                               .max = "1h"),
        SCONCE_OPTION_DURATION(struct cover, dead_time_us, "dead_time", 0,
                               "How long both outputs are off between the directions", .def = "500ms", .min = "50ms",
                               .max = "1m"),
        SCONCE_OPTION_PERCENT(struct cover, margin_pct, "margin", 0,
                              "How much longer than computed it runs towards an end", .def = "10"),
        SCONCE_OPTION_LINE(struct cover, side[UP].stop, "up_stop", 0, "GPIO line that is active when it is open",
                           .debounce = "20ms"),
        SCONCE_OPTION_LINE(struct cover, side[DOWN].stop, "down_stop", 0, "GPIO line that is active when it is closed",
                           .debounce = "20ms"),
        SCONCE_OPTION_DURATION(struct cover, start_delay_us, "start_delay", 0,
                               "How long the motor is on before it moves", .def = "0ms", .max = "10s"),
        SCONCE_OPTION_BOOL(struct cover, repeat, "repeat", 0,
                           "Whether OPEN and CLOSE drive though it is believed to be there already", .def = "no"),
        SCONCE_OPTION_ENUM(struct cover, device_class, "device_class", 0,
                           "What it is; a home-automation system chooses text and icons by it", .choices = classes),
        { .key = NULL },
};

static const struct sconce_channel channels[] = {
        { .key = "state", .kind = SCONCE_COVER, .help = "Whether it is open, closed, or moving" },
        { .key = "position",
          .kind = SCONCE_NUMBER,
          .unit = "%",
          .max = 100,
          .step = 1,
          .help = "0 closed to 100 open; null while it is unknown" },
        { .key = NULL },
};

/* ---- Where it is --------------------------------------------------------------------------------------- */

static double position_at(const struct cover *cover, uint64_t now_us)
{
        if (cover->moving == STILL)
                return cover->position;
        uint64_t on_us = now_us - cover->since_us, moved_us = on_us > cover->lead_us ? on_us - cover->lead_us : 0;
        double moved = 100.0 * (double)moved_us / (double)cover->side[cover->moving].travel_us;
        return cover->moving == UP ? fmin(cover->position + moved, 100) : fmax(cover->position - moved, 0);
}

/* Whole numbers; 0 and 100 at an end alone. */
static double shown(double position)
{
        if (position <= 0 || position >= 100)
                return position;
        return fmin(fmax(round(position), 1), 99);
}

static const char *state_text(const struct cover *cover)
{
        if (cover->moving != STILL)
                return cover->moving == UP ? "opening" : "closing";
        if (cover->is_known && cover->position >= 100)
                return "open";
        return cover->is_known && cover->position <= 0 ? "closed" : "stopped";
}

static int cover_read(struct sconce_device *dev, void *instance)
{
        const struct cover *cover = instance;
        double position = shown(position_at(cover, sconce_now_us(dev)));
        const struct sconce_value values[] = {
                SCONCE_STR("state", state_text(cover)),
                cover->is_known ? SCONCE_NUM("position", position) : SCONCE_NONE("position"),
        };

        return sconce_report(dev, values, 2);
}

static bool is_end(double target)
{
        return target <= 0 || target >= 100;
}

static bool are_both_at_stop(const struct cover *cover)
{
        return cover->side[UP].is_at_stop && cover->side[DOWN].is_at_stop;
}

static bool is_there(const struct cover *cover, double position)
{
        if (!cover->is_known)
                return false;
        return is_end(cover->target) ? position == cover->target : fabs(position - cover->target) < NEAR;
}

/* An unknown position is found at the nearer end. */
static enum way way_to_target(const struct cover *cover, double position)
{
        if (!cover->is_known)
                return cover->target >= 50 ? UP : DOWN;
        return cover->target > position ? UP : DOWN;
}

/* ---- Moving -------------------------------------------------------------------------------------------- */

static void arm_timer(struct sconce_device *dev, struct cover *cover)
{
        uint64_t now_us = sconce_now_us(dev), due_us = cover->moving == STILL ? cover->ready_us : cover->end_us;
        uint64_t left_us = due_us > now_us ? due_us - now_us : 0;

        if (cover->moving != STILL && left_us > TICK_US)
                left_us = TICK_US;
        (void)sconce_timer_arm(dev, cover->timer, left_us);
}

/* From now to the target, or to the end where that is one or has to be found first. */
static void set_end(struct cover *cover, uint64_t now_us)
{
        double travel_us = (double)cover->side[cover->moving].travel_us;
        bool to_end = !cover->is_known || is_end(cover->target);
        double way_pct = cover->is_known ? fabs(cover->target - cover->position) : 100;

        cover->since_us = now_us;
        cover->end_us = now_us + cover->lead_us +
                        (uint64_t)(travel_us * (way_pct + (to_end ? cover->margin_pct : 0)) / 100);
}

static void unstick(struct sconce_device *dev, struct cover *cover)
{
        if (cover->is_stuck)
                (void)sconce_problem(dev, 0, NULL);
        cover->is_stuck = false;
}

static int halt(struct sconce_device *dev, struct cover *cover)
{
        int r = sconce_line_set(dev, cover->side[cover->moving].line, false);
        uint64_t now_us = sconce_now_us(dev);

        if (r < 0) {
                cover->is_known = cover->has_target = false;
                cover->end_us = now_us + RETRY_US;
                arm_timer(dev, cover);
                cover->is_stuck = true;
                (void)sconce_problem(dev, r, "cannot be stopped; trying again");
                return r;
        }
        unstick(dev, cover);
        cover->position = position_at(cover, now_us);
        cover->last = cover->moving;
        cover->moving = STILL;
        cover->ready_us = now_us + cover->dead_time_us;
        (void)sconce_timer_disarm(dev, cover->timer);
        return 0;
}

static void arrive(struct cover *cover, enum way way)
{
        cover->is_known = true;
        cover->position = end_of[way];
}

static bool is_at_end(const struct cover *cover, enum way way)
{
        return cover->moving == STILL && cover->is_known && cover->position == end_of[way];
}

/* It stands, and one stop is active: it is there, unless that is noise. */
static void look_at_stops(struct sconce_device *dev, struct cover *cover)
{
        enum way way = cover->side[UP].is_at_stop ? UP : DOWN;
        uint64_t now_us = sconce_now_us(dev), sure_us = cover->side[way].at_stop_us + STANDING_US;

        (void)sconce_timer_disarm(dev, cover->standing);
        if (cover->moving != STILL || are_both_at_stop(cover) || !cover->side[way].is_at_stop || is_at_end(cover, way))
                return;
        if (cover->is_known && now_us < sure_us)
                (void)sconce_timer_arm(dev, cover->standing, sure_us - now_us);
        else
                arrive(cover, way);
}

/* What fails may have come through all the same: it moves until it could be halted. */
static int drive(struct sconce_device *dev, struct cover *cover, enum way way)
{
        uint64_t now_us = sconce_now_us(dev);

        if (cover->moving == STILL && cover->last != way && now_us < cover->ready_us) {
                arm_timer(dev, cover);
                return 0;
        }
        cover->moving = way;
        cover->lead_us = cover->start_delay_us;
        set_end(cover, now_us);
        int r = sconce_line_set(dev, cover->side[way].line, true);
        if (r < 0) {
                cover->has_target = false;
                (void)halt(dev, cover);
                return r;
        }
        unstick(dev, cover);
        arm_timer(dev, cover);
        return 0;
}

static const char both_active[] = "both end stops are active: check their wires, bias and active_low";

/* Standing still: the next step to the target. */
static int set_off(struct sconce_device *dev, struct cover *cover)
{
        if (are_both_at_stop(cover)) {
                cover->is_known = cover->has_target = false;
                sconce_error(dev, "%s", both_active);
                return -EIO;
        }
        enum way way = way_to_target(cover, cover->position);
        if (cover->side[way].is_at_stop && !is_there(cover, cover->position)) {
                arrive(cover, way);
                way = way_to_target(cover, cover->position);
        }
        cover->has_target = !is_there(cover, cover->position);
        return cover->has_target ? drive(dev, cover, way) : 0;
}

/* It may have been moved by other means: drive the whole way then. */
static bool must_repeat(const struct cover *cover, double position)
{
        if (!cover->repeat || !is_end(cover->target) || !is_there(cover, position))
                return false;
        return !cover->side[cover->target > 0 ? UP : DOWN].is_at_stop;
}

static int go_to(struct sconce_device *dev, struct cover *cover, double target)
{
        uint64_t now_us = sconce_now_us(dev);
        double position = position_at(cover, now_us);

        if (cover->has_target && cover->target == target)
                return 0;
        cover->target = target;
        cover->has_target = true;
        if (cover->moving == STILL) {
                if (must_repeat(cover, position))
                        cover->is_known = false;
                return set_off(dev, cover);
        }
        if (is_there(cover, position) || way_to_target(cover, position) != cover->moving) {
                int r = halt(dev, cover);
                return r < 0 ? r : set_off(dev, cover);
        }
        if (cover->is_stuck) /* it may stand */
                return drive(dev, cover, cover->moving);
        if (cover->is_known) { /* else it goes on to the end first */
                uint64_t on_us = now_us - cover->since_us;
                cover->lead_us -= on_us < cover->lead_us ? on_us : cover->lead_us;
                cover->position = position;
                set_end(cover, now_us);
                arm_timer(dev, cover);
        }
        return 0;
}

/* ---- What happens -------------------------------------------------------------------------------------- */

/* The time of a movement is over, and a stop contradicts the computed position. */
static bool is_contradicted(struct sconce_device *dev, struct cover *cover, enum way way, bool to_end)
{
        enum way back = way == UP ? DOWN : UP;
        char text[128];

        if (cover->side[back].is_at_stop && fabs(cover->position - end_of[back]) >= STOP_WIDTH) {
                arrive(cover, back);
                (void)snprintf(text, sizeof(text), "is still at its %s end stop: it does not seem to move",
                               way_names[back]);
        } else if (to_end && cover->side[way].stop) {
                cover->is_known = false;
                (void)snprintf(text, sizeof(text), "has not reached its %s end stop in time: its position is unknown",
                               way_names[way]);
        } else {
                return false;
        }
        cover->has_target = false;
        (void)sconce_problem(dev, -ETIMEDOUT, text);
        return true;
}

static int run_out(struct sconce_device *dev, struct cover *cover)
{
        enum way way = cover->moving;
        bool to_end = !cover->is_known || is_end(cover->target);
        bool wanted = cover->has_target;

        int r = halt(dev, cover);
        if (r < 0 || !wanted || is_contradicted(dev, cover, way, to_end))
                return r;
        if (to_end)
                arrive(cover, way);
        else
                cover->has_target = false;
        (void)sconce_problem(dev, 0, NULL);
        return cover->has_target ? set_off(dev, cover) : 0;
}

static void cover_due(struct sconce_device *dev, void *instance, void *userdata)
{
        struct cover *cover = instance;
        int r = 0;

        (void)userdata;
        if (cover->moving == STILL)
                r = cover->has_target ? set_off(dev, cover) : 0;
        else if (sconce_now_us(dev) >= cover->end_us)
                r = run_out(dev, cover);
        else
                arm_timer(dev, cover);
        if (r < 0 && !cover->is_stuck)
                (void)sconce_problem(dev, r, "cannot be moved");
        look_at_stops(dev, cover);
        (void)cover_read(dev, cover);
}

static void cover_stands(struct sconce_device *dev, void *instance, void *userdata)
{
        (void)userdata;
        look_at_stops(dev, instance);
        (void)cover_read(dev, instance);
}

/* The position is unknown, and no stop can end a movement. */
static void fail_both(struct sconce_device *dev, struct cover *cover)
{
        if (cover->moving != STILL)
                (void)halt(dev, cover);
        cover->is_known = cover->has_target = false;
        (void)sconce_health(dev, -EIO, both_active);
}

/* On its way to the stop. */
static void reach(struct sconce_device *dev, struct cover *cover, enum way way)
{
        if (halt(dev, cover) < 0)
                return;
        arrive(cover, way);
        (void)sconce_problem(dev, 0, NULL);
        if (cover->has_target)
                (void)set_off(dev, cover);
}

static void cover_stop_changed(struct sconce_device *dev, void *instance, const struct sconce_edge *edge)
{
        struct cover *cover = instance;
        enum way way = edge->line == cover->side[UP].stop ? UP : DOWN;
        bool were_both = are_both_at_stop(cover);

        cover->side[way].is_at_stop = edge->active;
        cover->side[way].at_stop_us = edge->time_us;
        if (were_both)
                (void)sconce_health(dev, 0, NULL);
        if (are_both_at_stop(cover))
                fail_both(dev, cover);
        else if (edge->active && cover->moving == way)
                reach(dev, cover, way);
        else if (!edge->active && is_at_end(cover, way))
                cover->is_known = false; /* pushed away from it */
        look_at_stops(dev, cover);
        (void)cover_read(dev, cover);
}

static int cover_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        struct cover *cover = instance;
        const struct sconce_value *state = sconce_command_find(command, "state");
        const struct sconce_value *position = sconce_command_find(command, "position");
        int r = 0;

        if (state && position) {
                sconce_error(dev, "a command has either state or position");
                return -EINVAL;
        }
        if (state && strcmp(state->text, "STOP") == 0) {
                cover->has_target = false;
                r = cover->moving == STILL ? sconce_timer_disarm(dev, cover->timer) : halt(dev, cover);
                look_at_stops(dev, cover);
        } else if (state) {
                r = go_to(dev, cover, end_of[strcmp(state->text, "OPEN") == 0 ? UP : DOWN]);
        } else if (position) {
                r = go_to(dev, cover, position->number);
        }
        int q = cover_read(dev, cover);
        return r < 0 ? r : q;
}

/* ---- Life cycle ---------------------------------------------------------------------------------------- */

static int cover_configure(struct sconce_device *dev, void *instance)
{
        struct cover *cover = instance;
        struct sconce_channel state = channels[0];

        if (cover->side[DOWN].travel_us == 0)
                cover->side[DOWN].travel_us = cover->side[UP].travel_us;
        if (cover->device_class >= 0)
                state.device_class = classes[cover->device_class];
        return sconce_channel_add(dev, &state);
}

static int open_side(struct sconce_device *dev, struct side *side)
{
        int r = sconce_line_output(dev, side->line, 0);

        if (r == 0 && side->stop)
                r = sconce_line_input(dev, side->stop, cover_stop_changed);
        if (r == 0 && side->stop)
                r = sconce_line_get(dev, side->stop, &side->is_at_stop);
        return r;
}

/* The text is there after a clean stop alone: it is deleted while the device runs. */
static void find_position(struct sconce_device *dev, struct cover *cover)
{
        char text[32];

        if (sconce_load(dev, "position", text, sizeof(text)) > 0) {
                cover->position = strtod(text, NULL);
                cover->is_known = cover->position >= 0 && cover->position <= 100;
        }
        (void)sconce_save(dev, "position", NULL);
        for (enum way way = UP; way <= DOWN; way++)
                if (cover->side[way].stop && !cover->side[way].is_at_stop && is_at_end(cover, way))
                        cover->is_known = false; /* it was there, and is not any more */
        if (are_both_at_stop(cover))
                fail_both(dev, cover);
        else if (cover->side[UP].is_at_stop || cover->side[DOWN].is_at_stop)
                arrive(cover, cover->side[UP].is_at_stop ? UP : DOWN);
}

static int cover_start(struct sconce_device *dev, void *instance)
{
        struct cover *cover = instance;

        cover->moving = cover->last = STILL;
        cover->ready_us = sconce_now_us(dev) + cover->dead_time_us;
        int r = sconce_timer_new(dev, cover_due, NULL, &cover->timer);
        if (r == 0)
                r = sconce_timer_new(dev, cover_stands, NULL, &cover->standing);
        for (enum way way = UP; r == 0 && way <= DOWN; way++)
                r = open_side(dev, &cover->side[way]);
        if (r < 0)
                return r;
        find_position(dev, cover);
        return cover_read(dev, cover);
}

static void cover_stop(struct sconce_device *dev, void *instance)
{
        struct cover *cover = instance;
        char text[32];

        /* A motor that cannot be stopped (the chip is gone) leaves its position unknown. */
        if (cover->moving != STILL && halt(dev, cover) < 0)
                return;
        if (!cover->is_known)
                return;
        (void)snprintf(text, sizeof(text), "%.2f", cover->position);
        (void)sconce_save(dev, "position", text);
}

static const struct sconce_plugin cover = {
        .name = "cover",
        .summary = "A shutter, blind or gate with one output to open and one to close it",
        .flags = SCONCE_TIMED,
        .instance_size = sizeof(struct cover),
        .options = options,
        .channels = channels,
        .configure = cover_configure,
        .start = cover_start,
        .stop = cover_stop,
        .command = cover_command,
        .read = cover_read,
};
SCONCE_PLUGIN(cover)
