/* SPDX-License-Identifier: Apache-2.0 */
/* signals: what the agent makes of those that it is started with. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "signals.h"

/* Some who start programs do not want to hear of their end, and what they ignore is inherited. */
static void signals_hold__child_ended_was_ignored__can_be_waited_for(void **state)
{
        int status = 0;

        (void)state;
        (void)signal(SIGCHLD, SIG_IGN);
        signals_hold();
        pid_t pid = fork();
        if (pid == 0)
                _exit(3);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signals_hold__child_ended_was_ignored__can_be_waited_for),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
