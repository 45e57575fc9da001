/* SPDX-License-Identifier: Apache-2.0 */
#include "ending.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/log.h"

static pid_t guarded; /* 0: none */

/* Not exit() again: that is undefined in here. Nor does a handler of the plugin's matter any more. */
static void on_exit_called(void)
{
        if (guarded == 0 || guarded != getpid())
                return;
        log_error("ended by exit() in the midst of its work, which a plugin or a library has called");
        _exit(EXIT_FAILURE);
}

void ending_guard(void)
{
        static bool is_there;

        if (!is_there)
                is_there = atexit(on_exit_called) == 0;
        guarded = getpid();
}

void ending_in_order(void)
{
        guarded = 0;
}
