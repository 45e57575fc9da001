/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks share: the set-up on loopback over mutual TLS, and what /proc knows of a process. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "system/broker.h"
#include "system/daemon.h"

struct bench {
        const char *pki;
        struct broker *broker;
};

void bench_open(struct bench *bench); /* temporary directory, certificates for hall, floor and tester, broker */
void bench_close(void);
struct daemon *bench_daemon(const struct bench *bench, const char *devices); /* started and online */

void bench_pin(pid_t pid, unsigned cpu); /* where there are as many; 0: ourselves */

uint64_t cpu_ns(pid_t pid);                /* that all its threads have used */
uint64_t context_switches(pid_t pid);      /* of all its threads, voluntary or not */
long smaps_kb(pid_t pid, const char *row); /* of /proc/PID/smaps_rollup: "Private_Dirty:" */
