/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc knows of all processes of a process group together. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

uint64_t group_wakeups(pid_t group);         /* how often a thread of them has gone to sleep, to be woken */
uint64_t group_cpu_ns(pid_t group);          /* that all threads have used */
long group_kb(pid_t group, const char *row); /* of /proc/PID/smaps_rollup: "Private_Dirty:" */
unsigned group_threads(pid_t group);
