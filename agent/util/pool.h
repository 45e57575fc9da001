/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for tasks that may block: few as long as tasks end soon, one more for each that does not. What waits longer than
 * a moment gets further threads, and a thread that has run one task for half a second is no longer counted among them,
 * so that what hangs holds nothing else up. Idle threads end but for one.
 */
#pragma once

#include "util/loop.h"

struct pool;

/* Part of what is to be run, which outlives it. */
struct pool_task {
        /* On a thread. The task may be submitted again before it returns, and may be gone when it does. */
        void (*run)(struct pool_task *task);
        /* On the loop, after pool_tell(). */
        void (*news)(struct pool_task *task);

        /* The pool's. */
        struct pool_task *next, *next_told;
        uint64_t since_ns;
        bool is_told;
};

/* How soon a task is run beside others that wait. */
enum pool_rank { POOL_FIRST, POOL_LATER, POOL_RANKS };

/* With one thread, which is called `name`. On the loop, like what follows unless it says otherwise. */
int pool_new(struct loop *loop, const char *name, struct pool **ret) MUST_CHECK;
/* Nothing comes from it any more. Its threads run what was submitted and then end; the last one frees it. */
void pool_release(struct pool *pool);

/* A task that does not wait already. From any thread; after it, on the loop, pool_look(). */
void pool_submit(struct pool *pool, struct pool_task *task, enum pool_rank rank);
/* Starts threads for what waits, as many as it may. Called by itself while something waits and the loop runs. */
void pool_look(struct pool *pool);

/* From any thread: news() follows on the loop, once for several calls. */
void pool_tell(struct pool *pool, struct pool_task *task);
/* No news of it will come. */
void pool_forget(struct pool *pool, struct pool_task *task);
