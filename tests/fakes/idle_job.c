/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/idle_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/job.h"

static unsigned n_done;

static void work(struct store_job *job, struct database *database)
{
        (void)job;
        (void)database;
}

static void on_done(struct store_job *job)
{
        (void)job;
        n_done++;
}

static void free_job(struct store_job *job)
{
        free(job);
}

void idle_job_post(struct store *store)
{
        static const struct store_job_ops ops = { .work = work, .done = on_done, .free = free_job };
        struct store_job *job = calloc(1, sizeof(*job));

        assert_non_null(job);
        job->ops = &ops;
        assert_int_equal(store_post(store, job), 0);
}

unsigned idle_jobs_done(void)
{
        return n_done;
}
