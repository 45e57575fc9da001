/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of a blocking device: callbacks to run, on a thread of the pool, which sends back what they reported and how
 * they ended. One job at a time, in order; neither side waits for the other. A job that overstays its deadline is
 * reported once. A thread that hangs when its device goes touches nothing but that device's instances, and frees all
 * when its call returns.
 */
#pragma once

#include "config/options.h"
#include "device/instance.h"
#include "util/pool.h"

/* What plugins may call in a job. */
extern const struct sconce_host worker_host;

/* The pool is borrowed, and released after the worker. */
int worker_new(struct device *device, struct loop *loop, struct pool *pool, struct worker **ret) MUST_CHECK;
/* Appends a job; an instance has one at a time, and its JOB_STOP, with which the worker takes it over. */
void worker_submit(struct worker *worker, struct instance *instance, enum job job, struct request *request);
void worker_set_device(struct worker *worker, struct device *device);
bool worker_is_idle(const struct worker *worker);
void worker_set_deadline(struct worker *worker, uint64_t deadline_us);
/* Waits for all jobs to end, until a moment of CLOCK_MONOTONIC at most. */
void worker_wait(struct worker *worker, const struct timespec *until);
/* Nothing is taken from it any more: it finishes its jobs alone, then frees itself. */
void worker_release(struct worker *worker);

/* ---- worker.c, for worker_host.c: what plugins report, on its way to the loop -------------------------- */
enum post_kind { POST_REPORT, POST_EVENT, POST_HEALTH, POST_PROBLEM, POST_CHANNEL };

/* A report of the thread, with all texts that it refers to. */
struct post {
        struct post *next;
        enum post_kind kind;
        uint64_t serial; /* of the instance that it is about: an old one's reports are dropped */
        uint64_t time_us;
        struct sconce_value *values;
        size_t count;
        const char *channel, *text; /* event, and the reason of health or problem */
        int error;
        struct option_store store; /* of the texts */
        bool is_short;             /* there was no memory for all of it */
        struct sconce_channel row;
};

void post_free(struct post *post);
/* Takes the post over; once the worker is released, it is dropped. */
void worker_send(struct worker *worker, struct instance *instance, struct post *post);
uint64_t worker_clock_us(struct worker *worker); /* 0 once it is released */
uint64_t worker_deadline_us(struct worker *worker);
struct job_item *worker_current(struct worker *worker);
