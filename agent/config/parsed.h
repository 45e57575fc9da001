/* SPDX-License-Identifier: Apache-2.0 */
/* What libconfig makes of one value: its texts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/macro.h"

struct value {
        char **texts; /* one, or those of a list */
        size_t count;
        bool is_list;
        bool cut; /* a bare value that ended at a comment */
};

struct value_fault {
        unsigned line;
        char text[200]; /* one sentence without a full stop */
};

/* Fills the fault in; -EINVAL. */
int PRINTF_LIKE(3, 4) value_fail(struct value_fault *fault, unsigned line, const char *format, ...);

/* Has libconfig read "v = VALUE;", whose value began in `line`. -EINVAL with the fault, -ENOMEM. Without memory libconfig
 * may end the process: an agent that runs calls it through config/helper.h. */
int parsed_read(const char *text, unsigned line, struct value *ret, struct value_fault *fault) MUST_CHECK;
void value_done(struct value *value);
