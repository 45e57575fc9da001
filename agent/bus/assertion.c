/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/assertion.h"

#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local jmp_buf *back;

bool assertion_survived(int (*fn)(void *userdata), void *userdata, int *ret)
{
        jmp_buf here;

        back = &here;
        bool has_failed = setjmp(here) != 0;
        if (!has_failed)
                *ret = fn(userdata);
        back = NULL;
        return !has_failed;
}

/* The C library's, as the standard base wants it: libraries find this one first. */
__attribute__((visibility("default"))) void __assert_fail(const char *assertion, const char *file, unsigned line,
                                                          const char *function)
{
        if (back && strcmp(assertion, "mosq") == 0 && function && strcmp(function, "log__printf") == 0)
                longjmp(*back, 1);
        (void)dprintf(STDERR_FILENO, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function ? function : "?",
                      assertion);
        abort();
}
