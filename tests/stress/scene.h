/* SPDX-License-Identifier: Apache-2.0 */
/* One round: a house, its node on the stage's broker, and what moves are made of. Whatever is done is in the record. */
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
        char run_dir[600]; /* RUNTIME_DIRECTORY=… */
        const char *env[2];
        unsigned made;    /* a bit for each kind of move */
        uint64_t lost_us; /* 0: the broker is there */
        bool is_long;     /* there is time for slow moves */
};

/* Starts the node; the dice of this seed decide everything. */
void scene_open(struct scene *scene, uint64_t seed, bool is_long);
void scene_end(struct scene *scene); /* broker back, everything settled and compared, node stopped, edges read */
void scene_close(struct scene *scene);

void scene_pass(unsigned time_ms);
void scene_note(struct scene *scene, enum row_kind kind, uint64_t from_us); /* a row that ends now */

void scene_start(struct scene *scene);
void scene_stop(struct scene *scene);
void scene_kill(struct scene *scene); /* SIGKILL, and --outputs-safe */
void scene_write_config(const struct scene *scene);

/* The last device drives its line: from outside that is the sign that all have started. What a dead process drove may
 * still show, so the edge counts, not the level. */
struct arrival {
        const char *lines;
        unsigned line;
        size_t before;
};

struct arrival scene_before_arrival(const struct scene *scene);
void scene_wait_arrival(struct arrival *arrival);

const char *scene_topic(const char *device, const char *rest); /* valid until the next call */
/* `values` are members of a JSON object; waits for the result. */
void scene_command(struct scene *scene, const char *device, struct row row, const char *values);
void scene_send_state(struct scene *scene, const char *device, enum word word); /* JSON or a plain word */
void scene_send_length(struct scene *scene, const char *device, enum word word, uint64_t length_ms);

void scene_lose_broker(struct scene *scene);
void scene_bring_broker(struct scene *scene);
void scene_new_tester(void);
void scene_wait_online(void);
