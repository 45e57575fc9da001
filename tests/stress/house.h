/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random house: what kinds of outputs there are is always the same, so that every law has something to look at; their
 * times, groups, pulls and on_exit, on_offline are the dice's. house_write() makes a config of it, the judge goes by
 * it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "stress/dice.h"

#define HOUSE_OUTPUTS_MAX 24
#define OFFLINE_AFTER_US  (1000 * 1000ULL)

enum wish { WISH_KEEP, WISH_OFF, WISH_ON };

enum part {
        PART_STILL, /* is on, and nobody commands it; the last in the config, so that its line shows that all are there */
        PART_PLAIN,  /* a lamp or switch without times of its own */
        PART_PULSE,  /* goes off by itself, commanded by messages */
        PART_PUMP,   /* commanded with `for`; one of them as the alarm is */
        PART_FRIDGE, /* min_on, min_off */
        PART_HEATER, /* max_on, flashed */
        PART_MEMBER, /* of an interlock group */
        PART_COVER,  /* one direction; two outputs have the same id */
        PART_ALARM,  /* on when nobody holds its line: that --outputs-safe drives it leaves a trace */
        PART_VICTIM, /* of floods; under no law but that its state is its line */
        PART_GUEST,  /* comes and goes by reloads */
};

struct output {
        const char *id;
        enum part part;
        bool is_lamp, active_low, pulled_on;
        unsigned line;
        enum wish on_exit, on_offline;
        uint64_t pulse_us, max_on_us, min_on_us, min_off_us;
        unsigned group;   /* of those that exclude each other, a cover's directions too; 0: none */
        uint64_t dead_us; /* of the group */
        uint64_t run_us;  /* longest drive of a cover's direction */
        unsigned
                /* input whose rule toggles it (a member, a plain one) or switches it on (a pulse); 0: none */
                touch_line;
        const char *touch_id;
};

struct house {
        struct output outputs[HOUSE_OUTPUTS_MAX];
        size_t count;
        /* What reloads change. */
        bool has_guest, guest_is_broken;
        bool has_moved;         /* the file names other lines for what is pulled on */
        unsigned names;         /* counts the changes of a reloadable option, of one device */
        unsigned drives;        /* counts the changes of an option that restarts a device */
        unsigned extra_dead_ms; /* of the group: restarts all of it */
};

struct house house_build(struct dice *dice);
void house_write(const struct house *house, FILE *out);

/* The first output with this id, or of this part; NULL: there is none. */
const struct output *house_find(const struct house *house, const char *id);
const struct output *house_part(const struct house *house, enum part part);
size_t house_index(const struct house *house, const struct output *output);
bool house_is_timed(const struct output *output);               /* by its config: --outputs-safe switches it off */
uint64_t house_mask(const struct house *house, const char *id); /* a bit for each of its outputs */
uint64_t house_group_mask(const struct house *house, unsigned group);
