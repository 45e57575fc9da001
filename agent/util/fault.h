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

/* One that is kept for as long as it lasts. Its text takes memory only then; without memory it keeps its code alone. All
 * zero: nothing is wrong. */
struct kept_fault {
        int code;
        char *text;
};

void kept_fault_set(struct kept_fault *kept, const struct fault *fault); /* NULL: nothing is wrong any more */
/* "" while nothing is wrong; of a code alone, what it stands for. */
const char *kept_fault_text(const struct kept_fault *kept);
void kept_fault_get(const struct kept_fault *kept, struct fault *ret);

/* The errno's name in lower case, as topics and tests show it: "ebusy"; "error" for one without a name. */
void fault_code_name(int code, char name[static 32]);
