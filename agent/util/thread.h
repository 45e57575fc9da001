/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the event loop: the database's writer, name look-ups, blocking devices. Each is detached, takes no
 * signals (they are the loop's) but the fatal ones, and reports back by an eventfd that the loop watches. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "util/macro.h"

/* What a thread raises by its own fault, and must not block: the process would end without the handler, and so it would
 * at abort() since glibc 2.41. A SIGABRT of systemd's watchdog goes to the main thread, which the kernel prefers. */
#define THREAD_FATAL_SIGNALS SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT /* of signal.h */

/* Enough for NSS modules, SQLite's own statements and sensors. */
#define THREAD_STACK_BYTES ((size_t)256 * 1024)

/* The name is what `top -H` and a debugger show, 15 characters at most. */
int thread_start(const char *name, void *(*run)(void *userdata), void *userdata) MUST_CHECK;

/* A condition whose deadlines are moments of CLOCK_MONOTONIC: no set clock makes a wait longer. */
void thread_cond_init(pthread_cond_t *condition);
struct timespec thread_deadline(uint64_t after_us);

/* The eventfd by which a thread wakes the loop; negative errno. Several calls of thread_wake() are one event. */
int thread_wakeup_new(void) MUST_CHECK;
void thread_wake(int fd);
void thread_wakeup_clear(int fd);
