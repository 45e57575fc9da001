/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws of min_on and min_off, on the pump: it runs and rests for as long as it must, and a command that comes too early
 * is carried out when that time is over, unless a newer one, the broker's loss or the agent's end comes before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;

struct wait_law {
        bool is_there, on; /* a command waits, for this */
        bool is_unsure;    /* or not: a repeat that may have been carried out */
        uint64_t due_us;   /* the end of its waiting, at the latest */
        uint64_t since_us; /* it waits */
        bool was_off;      /* an OFF waited when the agent died, for long enough to be in the file */
};

void waits_law_command(size_t output, const struct command *command, bool is_sure, bool on);
bool waits_law_is_cause(size_t output, bool on);
void waits_law_edge(size_t output, bool on); /* before it is noted */
void waits_law_turn(size_t output);
bool waits_law_goes_off(size_t output);   /* at a stop */
bool waits_law_may_go_off(size_t output); /* what it waits for is not known */
void waits_law_started(size_t output, bool was_disk_bad);
void waits_law_end(size_t output, bool is_clean);
