/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of work for the thread that owns the database. Embedded in what the work is about, on the heap, and handed over
 * with it: the loop does not touch it until it is done. */
#pragma once

#include "store/database.h"

struct store_job;

struct store_job_ops {
        /* On the writer's thread, once. What went wrong goes to job->fault and job->news. */
        void (*work)(struct store_job *job, struct database *database);
        /* On the loop's thread, once, before it is freed; not for a job that the end of the store has overtaken. NULL: none */
        void (*done)(struct store_job *job);
        void (*free)(struct store_job *job); /* on either thread */
        bool only_reads;                     /* that it went well does not mean that something can be written */
};

struct store_job {
        const struct store_job_ops *ops;
        struct store_job *next;
        struct fault fault; /* code 0: it is done */
        struct database_news news;
};

/* In the order in which they came. */
struct store_job_queue {
        struct store_job *first, *last;
};

static inline void store_job_queue_add(struct store_job_queue *queue, struct store_job *job)
{
        job->next = NULL;
        if (queue->last)
                queue->last->next = job;
        else
                queue->first = job;
        queue->last = job;
}

/* NULL: there is none. */
static inline struct store_job *store_job_queue_take(struct store_job_queue *queue)
{
        struct store_job *job = queue->first;

        if (!job)
                return NULL;
        queue->first = job->next;
        if (!queue->first)
                queue->last = NULL;
        job->next = NULL;
        return job;
}

static inline void store_job_free(struct store_job *job)
{
        if (job)
                job->ops->free(job);
}

DEFINE_CLEANUP(struct store_job, store_job_free);
