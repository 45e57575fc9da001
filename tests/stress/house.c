/* SPDX-License-Identifier: Apache-2.0 */
#include "stress/house.h"

#include <string.h>

#include "util/macro.h"

#define MS USEC_PER_MSEC

enum { GROUP_NONE, GROUP_MOTOR, GROUP_SHUTTER, GROUP_GATE };

static const char *const wishes[] = { [WISH_KEEP] = "keep", [WISH_OFF] = "off", [WISH_ON] = "on" };

static struct output *add(struct house *house, const char *id, enum part part)
{
        struct output *output = &house->outputs[house->count];

        /* Lines 2 to 25 are outputs, 30 and above inputs. */
        *output = (struct output){ .id = id, .part = part, .line = 2 + (unsigned)house->count };
        house->count++;
        return output;
}

static enum wish any_wish(struct dice *dice)
{
        return (enum wish)dice_below(dice, 3);
}

/* ---- The parts --------------------------------------------------------------------------------------------------- */

static void add_plain(struct house *house, struct dice *dice)
{
        static const struct {
                const char *id;
                bool is_lamp;
                enum wish on_offline;
                const char *touch_id;
        } rows[] = {
                { "kitchen", true, WISH_OFF, "wall" },
                { "hall", true, WISH_KEEP, "door" },
                { "porch", true, WISH_ON, NULL },
                { "socket", false, WISH_OFF, NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct output *output = add(house, rows[i].id, PART_PLAIN);
                output->is_lamp = rows[i].is_lamp;
                output->on_offline = rows[i].on_offline;
                output->on_exit = any_wish(dice);
                output->active_low = dice_chance(dice, 40);
                output->touch_id = rows[i].touch_id;
                output->touch_line = rows[i].touch_id ? 30 + (unsigned)i : 0;
        }
}

static void add_timed(struct house *house, struct dice *dice)
{
        struct output *bell = add(house, "bell", PART_PULSE);
        bell->pulse_us = dice_between(dice, 80, 500) * MS;
        bell->active_low = dice_chance(dice, 40);

        struct output *opener = add(house, "opener", PART_PULSE);
        opener->pulse_us = dice_between(dice, 80, 500) * MS;
        opener->on_offline = dice_chance(dice, 50) ? WISH_OFF : WISH_KEEP;
        opener->touch_id = "push";
        opener->touch_line = 36;

        struct output *pump = add(house, "pump", PART_PUMP);
        pump->on_offline = dice_chance(dice, 70) ? WISH_OFF : WISH_KEEP;
        pump->max_on_us = dice_chance(dice, 50) ? dice_between(dice, 1500, 3000) * MS : 0;

        struct output *heater = add(house, "heater", PART_HEATER);
        heater->is_lamp = true;
        heater->max_on_us = dice_between(dice, 700, 1500) * MS;
        heater->on_offline = dice_chance(dice, 50) ? WISH_OFF : WISH_KEEP;

        struct output *alarm = add(house, "alarm", PART_ALARM);
        alarm->active_low = alarm->pulled_on = true;
        alarm->max_on_us = dice_between(dice, 2000, 4000) * MS;

        struct output *siren = add(house, "siren", PART_PUMP);
        siren->active_low = siren->pulled_on = true;
}

static void add_fridge(struct house *house, struct dice *dice)
{
        struct output *fridge = add(house, "fridge", PART_FRIDGE);

        fridge->min_on_us = dice_between(dice, 200, 900) * MS;
        fridge->min_off_us = dice_between(dice, 300, 1500) * MS;
        fridge->on_offline = dice_chance(dice, 70) ? WISH_OFF : WISH_KEEP;
        fridge->on_exit = dice_chance(dice, 50) ? WISH_OFF : WISH_KEEP;
}

static void add_motor(struct house *house, struct dice *dice)
{
        static const char *const ids[] = { "left", "right", "brake" };
        size_t n = dice_chance(dice, 50) ? 2 : 3;
        uint64_t dead_us = dice_between(dice, 100, 600) * MS;

        for (size_t i = 0; i < n; i++) {
                struct output *member = add(house, ids[i], PART_MEMBER);
                member->group = GROUP_MOTOR;
                member->dead_us = dead_us;
                member->active_low = dice_chance(dice, 40);
                member->min_on_us = dice_chance(dice, 30) ? dice_between(dice, 100, 400) * MS : 0;
                member->max_on_us = dice_chance(dice, 30) ? dice_between(dice, 500, 1500) * MS : 0;
                member->on_offline = dice_chance(dice, 60) ? WISH_OFF : WISH_KEEP;
                if (i == 0) {
                        member->touch_id = "lever";
                        member->touch_line = 37;
                }
        }
}

/* An end stop of the gate is a line that nobody moves: what arrives there is found by time, or not at all. */
static void add_cover(struct house *house, struct dice *dice, const char *id, unsigned group)
{
        uint64_t travel_us = dice_between(dice, 300, 1500) * MS, dead_us = dice_between(dice, 60, 400) * MS;

        for (unsigned i = 0; i < 2; i++) {
                struct output *side = add(house, id, PART_COVER);
                side->group = group;
                side->dead_us = dead_us;
                side->run_us = travel_us * 110 / 100;
        }
}

struct house house_build(struct dice *dice)
{
        struct house house = { 0 };

        add_plain(&house, dice);
        add_timed(&house, dice);
        add_fridge(&house, dice);
        add_motor(&house, dice);
        add_cover(&house, dice, "shutter", GROUP_SHUTTER);
        add_cover(&house, dice, "gate", GROUP_GATE);
        add(&house, "victim", PART_VICTIM)->is_lamp = true;
        add(&house, "guest", PART_GUEST)->is_lamp = true;
        add(&house, "still", PART_STILL)->is_lamp = true;
        return house;
}

/* ---- The config -------------------------------------------------------------------------------------------------- */

static void write_time(FILE *out, const char *key, uint64_t time_us)
{
        if (time_us > 0)
                (void)fprintf(out, "%s = %llums\n", key, time_us / MS);
}

static void write_line(const struct house *house, const struct output *output, FILE *out)
{
        (void)fprintf(out, "line = GPIO%u\n", output->line + (house->has_moved && output->pulled_on ? 32 : 0));
        if (output->active_low)
                (void)fprintf(out, "active_low = yes\n");
        /* As the hardware has to be: off when nobody holds the line. */
        if (output->active_low && !output->pulled_on)
                (void)fprintf(out, "bias = pull-up\n");
}

static void write_output(const struct house *house, const struct output *output, FILE *out)
{
        (void)fprintf(out, "[%s %s]\n", output->is_lamp ? "lamp" : "switch", output->id);
        write_line(house, output, out);
        (void)fprintf(out, "on_offline = %s\n", wishes[output->on_offline]);
        if (!house_is_timed(output) && output->part != PART_PUMP)
                (void)fprintf(out, "on_exit = %s\n", wishes[output->on_exit]);
        write_time(out, "pulse", output->pulse_us);
        write_time(out, "max_on", output->max_on_us);
        write_time(out, "min_on", output->min_on_us);
        write_time(out, "min_off", output->min_off_us);
        if (output->part == PART_MEMBER) {
                (void)fprintf(out, "interlock = motor\n");
                write_time(out, "dead_time", output->dead_us + house->extra_dead_ms * MS);
        }
        if (output->part == PART_STILL)
                (void)fprintf(out, "power_on = on\n");
        if (strcmp(output->id, "hall") == 0)
                (void)fprintf(out, "name = The hall, %u\n", house->names);
        if (strcmp(output->id, "porch") == 0 && house->drives % 2)
                (void)fprintf(out, "drive = push-pull\n");
}

static void write_cover(const struct output *up, FILE *out)
{
        (void)fprintf(out, "[cover %s]\nup = GPIO%u\ndown = GPIO%u\n", up->id, up->line, up[1].line);
        write_time(out, "up_time", up->run_us * 100 / 110);
        write_time(out, "dead_time", up->dead_us);
        if (up->group == GROUP_GATE)
                (void)fprintf(out, "up_stop = GPIO40\ndown_stop = GPIO41\n");
}

static void write_touch(const struct output *output, FILE *out)
{
        (void)fprintf(out, "[contact %s]\nline = GPIO%u\nbias = pull-down\n", output->touch_id, output->touch_line);
        (void)fprintf(out, "[rule %s]\nwhen = %s.state = ON\nthen = %s %s\n", output->touch_id, output->touch_id,
                      output->id, output->pulse_us ? "ON" : "TOGGLE");
}

static bool is_written(const struct house *house, const struct output *output)
{
        return output->part != PART_GUEST || house->has_guest;
}

void house_write(const struct house *house, FILE *out)
{
        for (size_t i = 0; i < house->count; i++)
                if (house->outputs[i].touch_id)
                        write_touch(&house->outputs[i], out);
        for (size_t i = 0; i < house->count; i++) {
                const struct output *output = &house->outputs[i];
                if (output->part == PART_COVER) {
                        write_cover(output, out);
                        i++;
                } else if (is_written(house, output)) {
                        write_output(house, output, out);
                }
        }
        if (house->guest_is_broken)
                (void)fprintf(out, "[lamp broken]\nlien = GPIO50\n");
}

/* ---- Looking things up ------------------------------------------------------------------------------------------- */

const struct output *house_find(const struct house *house, const char *id)
{
        for (size_t i = 0; i < house->count; i++)
                if (strcmp(house->outputs[i].id, id) == 0)
                        return &house->outputs[i];
        return NULL;
}

const struct output *house_part(const struct house *house, enum part part)
{
        for (size_t i = 0; i < house->count; i++)
                if (house->outputs[i].part == part)
                        return &house->outputs[i];
        return NULL;
}

size_t house_index(const struct house *house, const struct output *output)
{
        return (size_t)(output - house->outputs);
}

bool house_is_timed(const struct output *output)
{
        return output->pulse_us > 0 || output->max_on_us > 0 || output->part == PART_COVER;
}

uint64_t house_mask(const struct house *house, const char *id)
{
        uint64_t mask = 0;

        for (size_t i = 0; i < house->count; i++)
                if (strcmp(house->outputs[i].id, id) == 0)
                        mask |= 1ULL << i;
        return mask;
}

uint64_t house_group_mask(const struct house *house, unsigned group)
{
        uint64_t mask = 0;

        for (size_t i = 0; i < house->count; i++)
                if (group && house->outputs[i].group == group)
                        mask |= 1ULL << i;
        return mask;
}
