/* SPDX-License-Identifier: Apache-2.0 */
/* ending: exit() in the midst of work is no end in order. Each run is a child of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ending.h"
#include "util/log.h"

static int status_of(void (*end)(void))
{
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0) {
                log_set_level(LOG_EMERG);
                ending_guard();
                end();
                _exit(99);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void says_all_is_well(void)
{
        exit(EXIT_SUCCESS); // NOLINT
}

/* So does sconced with a wrong config, after which nothing is made safe. */
static void says_the_config_is_wrong(void)
{
        exit(78); // NOLINT
}

static void ends_in_order(void)
{
        ending_in_order();
        exit(EXIT_SUCCESS); // NOLINT
}

static void begins_again_and_exits(void)
{
        ending_in_order();
        ending_guard();
        exit(EXIT_SUCCESS); // NOLINT
}

static void makes_a_process_that_exits(void)
{
        int status = 99;
        pid_t child = fork();

        if (child == 0)
                exit(7); // NOLINT
        (void)waitpid(child, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

static void exit__in_the_midst__is_a_failure(void **state)
{
        (void)state;
        assert_int_equal(status_of(says_all_is_well), EXIT_FAILURE);
        assert_int_equal(status_of(says_the_config_is_wrong), EXIT_FAILURE);
        assert_int_equal(status_of(begins_again_and_exits), EXIT_FAILURE);
}

static void exit__in_order__is_what_it_says(void **state)
{
        (void)state;
        assert_int_equal(status_of(ends_in_order), EXIT_SUCCESS);
}

static void exit__of_another_process__is_what_it_says(void **state)
{
        (void)state;
        assert_int_equal(status_of(makes_a_process_that_exits), 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exit__in_the_midst__is_a_failure),
                cmocka_unit_test(exit__in_order__is_what_it_says),
                cmocka_unit_test(exit__of_another_process__is_what_it_says),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
