/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of a blocking device. The loop gives it jobs (callbacks to run), it sends back what they
 * reported and how they ended, through an eventfd. One job at a time, in order; neither side ever waits for
 * the other. A job that overstays its deadline is reported once; a thread that hangs when its device goes is
 * left to itself: it touches nothing but its own instances, and frees everything when its call returns.
 */
#pragma once

#include "device/instance.h"
#include "util/loop.h"

/* What plugins may call on such a thread. */
extern const struct sconce_host worker_host;

int worker_new(struct device *device, struct loop *loop, struct worker **ret) MUST_CHECK;
/* Appends a job; a instance has one at a time, and its JOB_STOP, with which the worker takes it over. */
void worker_submit(struct worker *worker, struct instance *instance, enum job job, struct request *request);
void worker_set_device(struct worker *worker, struct device *device);
bool worker_is_idle(const struct worker *worker);
void worker_set_deadline(struct worker *worker, uint64_t deadline_us);
/* Waits for all jobs to end, until a moment of CLOCK_MONOTONIC at most. */
void worker_wait(struct worker *worker, const struct timespec *until);
/* No word from it any more: it finishes its jobs alone, then frees itself. */
void worker_release(struct worker *worker);
