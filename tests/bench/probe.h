/* SPDX-License-Identifier: Apache-2.0 */
/* The client that measures. It does as little as can be: the tests' client and pump would add their time to both sides. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"
#include "bench/party.h"

struct mosquitto;

struct probe {
        struct mosquitto *mosq;
        const struct running *running; /* whose messages are counted */
        bool is_connected, is_online;
        const struct running *lamp; /* whose lamp's states are counted; NULL: that one's */
        unsigned states, acks;      /* of its lamp, of what was sent */
        unsigned readings;          /* of its devices whose names begin with m */
        unsigned history;           /* messages of that, and when the first and the last of them came */
        uint64_t history_first_us, history_last_us;
        uint64_t online_us; /* when it was seen to be */
};

void probe_open(struct probe *probe, const struct bench *bench); /* broker and ourselves are on one processor then */
void probe_close(struct probe *probe);
void probe_watch(struct probe *probe, const struct running *running);
void probe_turn(struct probe *probe);                /* one round; fails when nothing comes for long */
bool probe_look(struct probe *probe, int within_ms); /* one round of at most so long; false: nothing came */

void probe_send(struct probe *probe, const char *topic, const char *payload);

/* Starts it and waits until it answers a command: it is the one that is watched then. Gives when it was online, in
 * microseconds after the start. */
double probe_start(struct probe *probe, struct running *running, const struct bench *bench);
/* Kills it and waits for its will. */
void probe_end(struct probe *probe, struct running *running);

/* One command, until its state is here: microseconds. */
double probe_command(struct probe *probe, bool on);
/* Commands for so many milliseconds, `window` of them without their state: how many were answered in a second. */
double probe_rate(struct probe *probe, unsigned window, unsigned for_ms);
/* So many commands, `window` of them at once. */
void probe_commands(struct probe *probe, unsigned window, unsigned count);
/* A command of the device `trigger`, until so many readings have come: microseconds. */
double probe_trigger(struct probe *probe, unsigned count);
