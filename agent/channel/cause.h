/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule a command comes from, and what a rule asks of another node. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How many rules may set each other off in a row, over all nodes. */
#define CHAIN_MAX 8

struct command_cause {
        char *rule; /* its name; NULL: it comes from elsewhere */
        size_t action;
        unsigned depth;  /* so many rules have set each other off in a row, this one included; CHAIN_MAX at most */
        uint64_t due_us; /* it was due then, before this process was there; 0: now */
};

/* All borrowed for the call. */
struct distant_command {
        const char *node, *device;
        const char *channel; /* NULL: the device's own topic */
        const char *payload;
        const struct command_cause *cause;
};

/* The depth in a message from another node: decimal digits. What is anything else counts as CHAIN_MAX, NULL as 0. */
unsigned cause_depth(const char *text);
