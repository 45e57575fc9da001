/* SPDX-License-Identifier: Apache-2.0 */
/* Between a device's thread and its worker: what plugins report, on its way to the loop. */
#pragma once

#include <sconce/plugin.h>

#include "config/options.h"
#include "device/instance.h"

enum post_kind { POST_REPORT, POST_EVENT, POST_HEALTH, POST_PROBLEM, POST_CHANNEL };

/* A word from the thread, with all texts that it refers to. */
struct post {
        struct post *next;
        enum post_kind kind;
        uint64_t serial; /* of the instance that it is about: an old one's words are not heard */
        uint64_t time_us;
        struct sconce_value *values;
        size_t count;
        const char *channel, *text; /* event, and the reason of health or problem */
        int error;
        struct option_store store;
        struct sconce_channel row;
};

void post_free(struct post *post);
/* Takes the post over; nobody hears it once the worker is released. */
void worker_send(struct worker *worker, struct instance *instance, struct post *post);
uint64_t worker_clock_us(struct worker *worker); /* 0 once it is released */
uint64_t worker_deadline_us(struct worker *worker);
struct job_item *worker_current(struct worker *worker);
