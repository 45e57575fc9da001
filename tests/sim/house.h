/* SPDX-License-Identifier: Apache-2.0 */
/* A random house of ten devices or so, its config, and what reloads change in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUTS_MAX 16
#define SENSORS_MAX 6

/* With one sensor, and with as many as there may be. */
#define DEVICES_LEAST 10
#define DEVICES_MOST  (DEVICES_LEAST + SENSORS_MAX - 1)

#define NODE "hall"

enum wish { WISH_KEEP, WISH_OFF, WISH_ON };
enum power_on { POWER_LAST, POWER_ON, POWER_OFF, POWER_KEEP };

enum part {
        PART_PLAIN,  /* a lamp or switch; may have max_on, may be commanded with `for` */
        PART_PULSE,  /* goes off by itself */
        PART_MEMBER, /* of the interlock group */
        PART_UP,     /* a cover's directions: two outputs of one device */
        PART_DOWN,
        PART_PUMP, /* runs and rests for a while at least */
};

struct output {
        char id[16];
        enum part part;
        unsigned line;
        bool is_lamp, active_low, takes_for;
        enum wish on_exit, on_offline;
        enum power_on power_on;
        bool had_max_on; /* what it has switched off stays off, also without it */
        uint64_t pulse_us, max_on_us, min_on_us, min_off_us, travel_us, dead_us;
        unsigned group;      /* of those of which one at most is on; 0: none */
        unsigned touch_line; /* of the contact whose rule toggles it (switches it on, with a pulse); 0: none */
};

/* It reads and raises numbers (laws_history.h). */
struct sensor {
        char id[16];
        uint64_t every_us;
        bool has_history;
};

struct house {
        struct output outputs[OUTPUTS_MAX];
        size_t count;
        struct sensor sensors[SENSORS_MAX];
        size_t n_sensors;
        bool has_cellar;   /* a thermometer, which is slow */
        uint64_t flush_us; /* of the history */
        uint64_t offline_after_us, save_after_us, dead_us;
        /* What reloads change. */
        bool has_guest, is_broken;
        bool is_counted; /* no guest comes */
        unsigned names, drives, extra_dead_ms;
};

/* n_devices 0: as many as the dice want; else DEVICES_LEAST to DEVICES_MOST, of each part some. */
void house_build(struct house *house, unsigned n_devices);
/* Those of its config, but for the node itself. */
unsigned house_devices(const struct house *house);
/* Writes sconce.conf. */
void house_write(const struct house *house);
bool house_is_output(const struct house *house, unsigned line);
void house_set_max_on(struct output *output, uint64_t max_on_us);
/* By its config: it goes off with the agent. */
bool house_is_timed(const struct output *output);
