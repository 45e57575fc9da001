/* SPDX-License-Identifier: Apache-2.0 */
/* util/thread: what a thread beside the loop is, and how it wakes the loop. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/clock.h"
#include "util/thread.h"

#define SOON_MS 15000

struct seen {
        int fd;
        char name[16];
        sigset_t blocked;
};

static void *look_around(void *userdata)
{
        struct seen *seen = userdata;

        (void)pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
        thread_wake(seen->fd);
        return NULL;
}

static bool is_woken(int fd, int within_ms)
{
        struct pollfd wait = { .fd = fd, .events = POLLIN };

        return poll(&wait, 1, within_ms) == 1;
}

static void thread_start__of_any__signals_are_the_loops(void **state)
{
        struct seen seen = { .fd = thread_wakeup_new() };
        sigset_t before, after;

        (void)state;
        assert_true(seen.fd >= 0);
        (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
        assert_int_equal(thread_start("looker", look_around, &seen), 0);
        assert_true(is_woken(seen.fd, SOON_MS));
        assert_int_equal(sigismember(&seen.blocked, SIGTERM), 1);
        assert_int_equal(sigismember(&seen.blocked, SIGCHLD), 1);
        assert_int_equal(sigismember(&seen.blocked, SIGABRT), 0); /* abort() must reach its handler */
        (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
        assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
        (void)close(seen.fd);
}

/* Stays until it has its name, which comes from the thread that has started it. */
static void *wait_for_name(void *userdata)
{
        struct seen *seen = userdata;
        uint64_t until_ns = clock_monotonic_ns() + SOON_MS * 1000000ULL;

        while (strcmp(seen->name, "looker") != 0 && clock_monotonic_ns() < until_ns)
                (void)pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
        thread_wake(seen->fd);
        return NULL;
}

static void thread_start__with_a_name__carries_it(void **state)
{
        struct seen seen = { .fd = thread_wakeup_new() };

        (void)state;
        assert_int_equal(thread_start("looker", wait_for_name, &seen), 0);
        assert_true(is_woken(seen.fd, 2 * SOON_MS));
        assert_string_equal(seen.name, "looker");
        (void)close(seen.fd);
}

static void thread_wake__twice__is_one_event(void **state)
{
        int fd = thread_wakeup_new();

        (void)state;
        assert_false(is_woken(fd, 0));
        thread_wake(fd);
        thread_wake(fd);
        assert_true(is_woken(fd, 0));
        thread_wakeup_clear(fd);
        assert_false(is_woken(fd, 0));
        thread_wakeup_clear(fd); /* and does not wait for one */
        (void)close(fd);
}

static void thread_cond_init__deadline_is_over__wait_ends(void **state)
{
        pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t condition;

        (void)state;
        thread_cond_init(&condition);
        uint64_t before_ns = clock_monotonic_ns();
        struct timespec until = thread_deadline(20 * USEC_PER_MSEC);
        (void)pthread_mutex_lock(&lock);
        int r = 0;
        while (r == 0)
                r = pthread_cond_timedwait(&condition, &lock, &until);
        (void)pthread_mutex_unlock(&lock);
        assert_int_equal(r, ETIMEDOUT);
        assert_true(clock_monotonic_ns() - before_ns >= 20 * NSEC_PER_SEC / 1000);
        (void)pthread_cond_destroy(&condition);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(thread_start__of_any__signals_are_the_loops),
                cmocka_unit_test(thread_start__with_a_name__carries_it),
                cmocka_unit_test(thread_wake__twice__is_one_event),
                cmocka_unit_test(thread_cond_init__deadline_is_over__wait_ends),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
