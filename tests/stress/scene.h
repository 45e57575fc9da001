/* SPDX-License-Identifier: Apache-2.0 */
/* One round: a house, its node on the stage's broker, and the moves that are made with it. */
#pragma once

#include "stress/dice.h"
#include "stress/house.h"
#include "stress/noise.h"
#include "stress/record.h"
#include "system/stage.h"

struct scene {
        struct dice dice;
        struct house house;
        struct record record;
        struct noise noise;
        struct pump_source sampler;
        struct daemon *node;
        unsigned made;    /* a bit for each kind of move */
        uint64_t lost_us; /* 0: the broker is there */
        bool is_long;     /* there is time for slow moves */
};

/* Starts the node; the caller's dice decide everything. */
void scene_open(struct scene *scene, uint64_t seed, bool is_long);
void scene_close(struct scene *scene);

void scene_move(struct scene *scene); /* one random move, and a random pause */
void scene_end(struct scene *scene);  /* broker back, everything settled and compared, node stopped, edges read */
