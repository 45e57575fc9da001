/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule a command comes from. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct command_cause {
        char *rule; /* its name; NULL: it comes from elsewhere */
        size_t action;
        unsigned depth;  /* so many rules have set each other off in a row, this one included */
        uint64_t due_us; /* it was due then, before this process was there; 0: now */
};
