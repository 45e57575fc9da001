/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/house.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/world.h"

#define MS USEC_PER_MSEC

enum { GROUP_NONE, GROUP_MOTOR, GROUP_SHUTTER };

static const char *const wishes[] = { [WISH_KEEP] = "keep", [WISH_OFF] = "off", [WISH_ON] = "on" };
static const char *const powers[] = { "last", "on", "off", "keep" };

static struct dice *dice(void)
{
        return &world->dice;
}

static bool chance(unsigned percent)
{
        return dice_chance(dice(), percent);
}

/* Short times are as likely as long ones. */
static uint64_t any_time(uint64_t least_us, uint64_t most_us)
{
        uint64_t most = least_us;

        while (most < most_us && chance(75))
                most *= 4;
        return dice_between(dice(), least_us, MIN(most, most_us)) / MS * MS;
}

static struct output *add(struct house *house, const char *id, enum part part)
{
        struct output *output = &house->outputs[house->count];
        struct house_line *line = &world->lines.items[2 + house->count];

        (void)snprintf(output->id, sizeof(output->id), "%s", id);
        output->part = part;
        output->line = 2 + (unsigned)house->count;
        output->active_low = chance(40);
        /* As the hardware has to be: off when nobody holds the line. */
        line->pull = output->active_low;
        house->count++;
        return output;
}

static void add_plain(struct house *house)
{
        static const char *const ids[] = { "kitchen", "porch", "socket" };

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                if (house->is_counted && i == 1)
                        continue;
                struct output *output = add(house, ids[i], PART_PLAIN);
                output->is_lamp = i < 2;
                output->takes_for = !output->is_lamp;
                output->on_exit = (enum wish)dice_below(dice(), 3);
                output->on_offline = (enum wish)dice_below(dice(), 3);
                output->power_on = (enum power_on)dice_below(dice(), 4);
        }
        house->outputs[0].touch_line = 40;
}

static void add_timed(struct house *house)
{
        struct output *heater = add(house, "heater", PART_PLAIN);
        heater->is_lamp = chance(50);
        house_set_max_on(heater, any_time(500 * MS, 8 * HOUR_US));
        heater->on_offline = chance(50) ? WISH_OFF : WISH_KEEP;
        heater->on_exit = (enum wish)dice_below(dice(), 3);

        struct output *bell = add(house, "bell", PART_PULSE);
        bell->pulse_us = any_time(50 * MS, HOUR_US);
        bell->on_offline = chance(50) ? WISH_OFF : WISH_KEEP;
        bell->touch_line = chance(70) && !house->is_counted ? 41 : 0;
}

static void add_pump(struct house *house)
{
        struct output *pump = add(house, "pump", PART_PUMP);

        pump->min_on_us = any_time(200 * MS, HOUR_US);
        pump->min_off_us = any_time(200 * MS, HOUR_US);
        pump->on_offline = (enum wish)dice_below(dice(), 3);
        pump->on_exit = chance(50) ? WISH_OFF : WISH_KEEP;
}

static void add_motor(struct house *house)
{
        static const char *const ids[] = { "left", "right", "brake" };
        size_t n = chance(50) || house->is_counted ? 2 : 3;

        house->dead_us = any_time(20 * MS, 20 * USEC_PER_SEC);
        for (size_t i = 0; i < n; i++) {
                struct output *member = add(house, ids[i], PART_MEMBER);
                member->group = GROUP_MOTOR;
                house_set_max_on(member, chance(40) ? any_time(500 * MS, HOUR_US) : 0);
                member->on_offline = chance(50) ? WISH_OFF : WISH_KEEP;
        }
}

static void add_cover(struct house *house)
{
        uint64_t travel_us = any_time(300 * MS, 2 * MINUTE_US), dead_us = any_time(60 * MS, 5 * USEC_PER_SEC);

        for (unsigned i = 0; i < 2; i++) {
                struct output *side = add(house, "shutter", i == 0 ? PART_UP : PART_DOWN);
                side->group = GROUP_SHUTTER;
                side->travel_us = travel_us;
                side->dead_us = dead_us;
        }
}

static void add_sensors(struct house *house, size_t count)
{
        static const unsigned flushes_s[] = { 1, 2, 5, 5, 10, 30 };

        house->flush_us = flushes_s[dice_below(dice(), ARRAY_SIZE(flushes_s))] * USEC_PER_SEC;
        house->n_sensors = count;
        house->has_cellar = !house->is_counted;
        for (size_t i = 0; i < house->n_sensors; i++) {
                struct sensor *sensor = &house->sensors[i];
                (void)snprintf(sensor->id, sizeof(sensor->id), "meter%zu", i);
                sensor->every_us = any_time(MINUTE_US, HOUR_US);
                sensor->has_history = i < 2 || chance(50);
        }
}

void house_build(struct house *house, unsigned n_devices)
{
        house->is_counted = n_devices > 0;
        add_plain(house);
        add_timed(house);
        add_pump(house);
        add_motor(house);
        add_cover(house);
        add_sensors(house, n_devices > 0 ? n_devices - DEVICES_LEAST + 1 : dice_between(dice(), 2, 4));
        house->offline_after_us = any_time(2 * USEC_PER_SEC, HOUR_US);
        house->save_after_us = dice_between(dice(), 1, 4) * 500 * MS;
}

unsigned house_devices(const struct house *house)
{
        size_t count = house->n_sensors + house->has_cellar + house->has_guest;

        for (size_t i = 0; i < house->count; i++)
                count += (house->outputs[i].part != PART_DOWN) + (house->outputs[i].touch_line > 0);
        return (unsigned)count;
}

/* ---- The config -------------------------------------------------------------------------------------------------- */

static void write_time(FILE *out, const char *key, uint64_t time_us)
{
        if (time_us > 0)
                (void)fprintf(out, "%s = %" PRIu64 "ms\n", key, (uint64_t)(time_us / MS));
}

static void write_line(const struct output *output, const char *key, FILE *out)
{
        (void)fprintf(out, "%sline = gpiochip0:GPIO%u\n%sactive_low = %s\n", key, output->line, key,
                      output->active_low ? "yes" : "no");
}

static void write_output(const struct house *house, const struct output *output, FILE *out)
{
        (void)fprintf(out, "[%s %s]\n", output->is_lamp ? "lamp" : "switch", output->id);
        write_line(output, "", out);
        (void)fprintf(out, "on_offline = %s\n", wishes[output->on_offline]);
        /* For what is timed keep is refused. */
        if (output->part == PART_PUMP && output->on_exit == WISH_OFF)
                (void)fprintf(out, "on_exit = off\n");
        if (output->part == PART_PLAIN && (output->on_exit != WISH_KEEP || !house_is_timed(output)))
                (void)fprintf(out, "on_exit = %s\n", wishes[output->on_exit]);
        if (output->part == PART_PLAIN && !house_is_timed(output))
                (void)fprintf(out, "power_on = %s\n", powers[output->power_on]);
        write_time(out, "pulse", output->pulse_us);
        write_time(out, "max_on", output->max_on_us);
        write_time(out, "min_on", output->min_on_us);
        write_time(out, "min_off", output->min_off_us);
        if (output->part == PART_MEMBER) {
                (void)fprintf(out, "interlock = motor\n");
                write_time(out, "dead_time", house->dead_us + house->extra_dead_ms * MS);
        }
        if (output->part == PART_PLAIN)
                (void)fprintf(out, "name = The %s, %u\n", output->id, house->names);
        if (strcmp(output->id, "porch") == 0 && house->drives % 2)
                (void)fprintf(out, "drive = open-drain\n");
}

static void write_cover(const struct output *up, FILE *out)
{
        const struct output *const sides[] = { up, up + 1 };
        static const char *const keys[] = { "up", "down" };

        (void)fprintf(out, "[cover %s]\n", up->id);
        for (size_t i = 0; i < 2; i++)
                (void)fprintf(out, "%s = gpiochip0:GPIO%u\n%s_active_low = %s\n", keys[i], sides[i]->line, keys[i],
                              sides[i]->active_low ? "yes" : "no");
        write_time(out, "up_time", up->travel_us);
        write_time(out, "dead_time", up->dead_us);
}

static void write_touch(const struct output *output, FILE *out)
{
        (void)fprintf(out, "[contact touch%u]\nline = gpiochip0:GPIO%u\n", output->touch_line, output->touch_line);
        (void)fprintf(out, "[rule touch%u]\nwhen = touch%u.state = ON\nthen = %s %s\n", output->touch_line,
                      output->touch_line, output->id, output->pulse_us ? "ON" : "TOGGLE");
}

static void write_sensor(const struct sensor *sensor, FILE *out)
{
        (void)fprintf(out, "[numbers %s]\nseries = %s\nhistory = %s\n", sensor->id, sensor->id + strlen("meter"),
                      sensor->has_history ? "yes" : "no");
        write_time(out, "every", sensor->every_us);
}

static void write_node(const struct house *house, FILE *out)
{
        (void)fprintf(out, "[node]\nname = " NODE "\n");
        write_time(out, "save_after", house->save_after_us);
        (void)fprintf(out, "[broker]\nurl = mqtt://127.0.0.1:1883\nclient_id = node\n");
        write_time(out, "offline_after", house->offline_after_us);
        (void)fprintf(out, "[homeassistant]\nenabled = no\n[gpio]\nchip = gpiochip0\n"
                           "[history]\n");
        write_time(out, "flush", house->flush_us);
        if (house->has_cellar)
                (void)fprintf(out, "[thermal cellar]\nroot = /proc/self/cwd/thermal\nevery = 5m\n");
}

void house_write(const struct house *house)
{
        FILE *out = fopen("sconce.conf", "we");

        if (!out)
                violated("simulator", "the config cannot be written");
        write_node(house, out);
        for (size_t i = 0; i < house->count; i++) {
                const struct output *output = &house->outputs[i];
                if (output->touch_line)
                        write_touch(output, out);
                if (output->part == PART_UP)
                        write_cover(output, out);
                else if (output->part != PART_DOWN)
                        write_output(house, output, out);
        }
        for (size_t i = 0; i < house->n_sensors; i++)
                write_sensor(&house->sensors[i], out);
        if (house->has_guest)
                (void)fprintf(out, "[lamp guest]\nline = gpiochip0:GPIO30\n");
        if (house->is_broken)
                (void)fprintf(out, "[lamp broken]\nlien = GPIO50\n");
        (void)fclose(out);
}

bool house_is_output(const struct house *house, unsigned line)
{
        return line >= 2 && line < 2 + house->count;
}

void house_set_max_on(struct output *output, uint64_t max_on_us)
{
        output->max_on_us = max_on_us;
        output->had_max_on |= max_on_us > 0;
}

bool house_is_timed(const struct output *output)
{
        return output->pulse_us > 0 || output->max_on_us > 0 || output->travel_us > 0;
}
