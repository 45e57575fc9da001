/* SPDX-License-Identifier: Apache-2.0 */
/* util/pool: tasks that block. Each waits at the semaphore of its own, if it has one to wait at. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "util/pool.h"

enum { SOON_S = 20, HANGING = 40 };

struct work {
        struct pool_task task;
        sem_t begun, gate, ended;
        bool blocks, is_silent;
        unsigned order; /* in which it began; from 1 on */
        unsigned news;
};

static struct loop loop;
static struct pool *pool;
static unsigned n_begun;
static struct work works[HANGING + 1];

static void run(struct pool_task *task)
{
        struct work *work = CONTAINER_OF(task, struct work, task);

        work->order = __atomic_add_fetch(&n_begun, 1, __ATOMIC_SEQ_CST);
        (void)sem_post(&work->begun);
        if (work->blocks)
                (void)sem_wait(&work->gate);
        if (!work->is_silent)
                pool_tell(pool, task);
        (void)sem_post(&work->ended);
}

static void news(struct pool_task *task)
{
        CONTAINER_OF(task, struct work, task)->news++;
}

static int setup(void **state)
{
        (void)state;
        n_begun = 0;
        for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
                works[i] = (struct work){ .task = { .run = run, .news = news } };
                (void)sem_init(&works[i].begun, 0, 0);
                (void)sem_init(&works[i].gate, 0, 0);
                (void)sem_init(&works[i].ended, 0, 0);
        }
        assert_int_equal(loop_init(&loop), 0);
        return pool_new(&loop, "test", &pool);
}

static int teardown(void **state)
{
        (void)state;
        pool_release(TAKE_PTR(pool));
        loop_done(&loop);
        return 0;
}

static void wait_for(sem_t *semaphore)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += SOON_S;
        assert_int_equal(sem_timedwait(semaphore, &until), 0);
}

static void serve_until(sem_t *semaphore)
{
        struct timespec now, until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SOON_S;
        while (sem_trywait(semaphore) < 0) {
                (void)sd_event_run(loop.event, 50 * USEC_PER_MSEC);
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                assert_true(now.tv_sec <= until.tv_sec);
        }
}

static void submit(struct work *work, enum pool_rank rank)
{
        pool_submit(pool, &work->task, rank);
        pool_look(pool);
}

static void task__runs_and_tells__once_for_all_that_was_told(void **state)
{
        (void)state;
        submit(&works[0], POOL_LATER);
        wait_for(&works[0].ended);
        pool_tell(pool, &works[0].task);
        submit(&works[1], POOL_LATER);
        wait_for(&works[1].ended);
        assert_int_equal(works[0].news, 0);
        assert_true(sd_event_run(loop.event, SOON_S * USEC_PER_SEC) >= 0);
        assert_int_equal(works[0].news, 1);
        assert_int_equal(works[1].news, 1);
}

static void forgotten__has_no_news(void **state)
{
        (void)state;
        for (size_t i = 0; i < 3; i++) {
                submit(&works[i], POOL_LATER);
                wait_for(&works[i].ended);
        }
        pool_forget(pool, &works[1].task);
        pool_forget(pool, &works[1].task);
        assert_true(sd_event_run(loop.event, SOON_S * USEC_PER_SEC) >= 0);
        assert_int_equal(works[0].news, 1);
        assert_int_equal(works[1].news, 0);
        assert_int_equal(works[2].news, 1);
}

/* More hang than threads are started for tasks that end. */
static void many_hang__others_are_run(void **state)
{
        struct work *last = &works[HANGING];

        (void)state;
        for (size_t i = 0; i < HANGING; i++) {
                works[i].blocks = true;
                submit(&works[i], POOL_LATER);
        }
        submit(last, POOL_LATER);
        serve_until(&last->ended);
        for (size_t i = 0; i < HANGING; i++) {
                assert_int_equal(sem_trywait(&works[i].ended), -1);
                (void)sem_post(&works[i].gate);
        }
        for (size_t i = 0; i < HANGING; i++)
                serve_until(&works[i].ended);
}

/* The loop does not turn meanwhile, so that no thread is added. */
static void first_rank__is_run_before_what_waits_longer(void **state)
{
        enum { BUSY = 4, LATER = BUSY, FIRST, COUNT };

        (void)state;
        for (size_t i = 0; i < BUSY; i++) {
                works[i].blocks = true;
                submit(&works[i], POOL_LATER);
                wait_for(&works[i].begun);
        }
        submit(&works[LATER], POOL_LATER);
        submit(&works[FIRST], POOL_FIRST);
        assert_int_equal(__atomic_load_n(&n_begun, __ATOMIC_SEQ_CST), BUSY);
        (void)sem_post(&works[0].gate);
        wait_for(&works[LATER].ended);
        assert_int_equal(works[FIRST].order, BUSY + 1);
        assert_int_equal(works[LATER].order, BUSY + 2);
        for (size_t i = 1; i < BUSY; i++) {
                (void)sem_post(&works[i].gate);
                wait_for(&works[i].ended);
        }
}

static void released__what_waits_is_still_run(void **state)
{
        (void)state;
        for (size_t i = 0; i < 8; i++) {
                works[i].blocks = works[i].is_silent = true;
                submit(&works[i], POOL_LATER);
        }
        pool_release(TAKE_PTR(pool));
        for (size_t i = 0; i < 8; i++) {
                (void)sem_post(&works[i].gate);
                wait_for(&works[i].ended);
        }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(task__runs_and_tells__once_for_all_that_was_told),
                TEST(forgotten__has_no_news),
                TEST(many_hang__others_are_run),
                TEST(first_rank__is_run_before_what_waits_longer),
                TEST(released__what_waits_is_still_run),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
