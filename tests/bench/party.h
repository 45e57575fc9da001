/* SPDX-License-Identifier: Apache-2.0 */
/* Who is measured: sconced, the floor (echo.c), and what people use instead (peers/). Each is a process group. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "bench/bench.h"
#include "system/daemon.h"

struct party {
        const char *name;    /* as the tables have it */
        const char *node;    /* of its topics and its certificate */
        const char *state;   /* what it publishes the lamp's state on, below its node */
        const char *program; /* of tests/bench/peers; NULL: it is ours */
        bool is_sconced;
};

struct running {
        const struct party *party;
        const char *set, *trigger, *state, *status; /* topics */
        const char *directory;                      /* its certificates; empty for sconced */
        const char *count;                          /* of the floor's devices */
        struct daemon *daemon;                      /* NULL: it is not sconced */
        struct process *process;
        pid_t group;
};

const struct party *party_find(const char *name); /* ends the program with 2: there is none */

/* Where the plugins are that houses have (house.h). */
const char *party_plugins(void);

/* Not started yet. `devices` is sconced's config, `count` how many readings the floor publishes when triggered. */
void party_new(struct running *running, const struct bench *bench, const char *name, const char *devices,
               unsigned count);
void party_start(struct running *running, const struct bench *bench);
void party_kill(struct running *running);
