/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much the machine itself has held things up: how long the node's process was ready to run and did not (from
 * /proc/PID/schedstat), and how late a thread that does nothing else was woken by its timer (what a virtual machine
 * stands still is in no count of the kernel's). A law's time is allowed to be exceeded by that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sample {
        uint64_t at_us, held_us; /* held up so far, all in all */
};

struct noise {
        struct sample *samples;
        size_t count;
        pid_t pid;
        uint64_t last_delay_us; /* of the process */
        uint64_t last_late_us;  /* of the metronome */
};

void metronome_start(void); /* once a program */

void noise_watch(struct noise *noise, pid_t pid); /* from now on this process; 0: none */
void noise_sample(struct noise *noise);           /* to be called often */
void noise_add(struct noise *noise, uint64_t at_us, uint64_t held_us);
uint64_t noise_between(const struct noise *noise, uint64_t from_us, uint64_t to_us);
uint64_t noise_all(const struct noise *noise);
void noise_done(struct noise *noise);
