/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in words for the user: filled where it is known, logged by the one layer that handles it. */
#pragma once

#include "util/macro.h"

struct fault {
        int code;       /* negative errno, 0 while nothing is wrong */
        char text[320]; /* one sentence without a full stop */
};

/* Sets code and text and returns the code, so that a function can fail in one statement. `fault` may be NULL. */
int fault_set(struct fault *fault, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The errno's name in lower case, as topics and tests show it: "ebusy"; "error" for one without a name. */
void fault_code_name(int code, char name[static 32]);
