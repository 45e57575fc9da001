/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a rule: `wall.press single`, `board.temperature > 60`, `pump offline`, `kitchen TOGGLE`. Here
 * is only how they are written; whether there is such a device, and what its channels take, rule.h knows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"
#include "util/fault.h"

/* In groups: what depends on the status, what on the value alone, comparisons. */
enum rule_op {
        RULE_EVENT,
        RULE_ONLINE,
        RULE_OFFLINE,
        RULE_FAULT,
        RULE_OK,
        RULE_KNOWN,
        RULE_NO_VALUE,
        RULE_EQUAL,
        RULE_UNEQUAL,
        RULE_LESS,
        RULE_MORE,
        RULE_AT_MOST,
        RULE_AT_LEAST,
};

/* One word that a device or a channel is: online, fault, unknown and so on. */
static inline bool rule_op_is_state(enum rule_op op)
{
        return op > RULE_EVENT && op < RULE_EQUAL;
}

/* One condition or action, in one piece of memory: free it with rule_words_done(). */
struct rule_words {
        char *text;          /* as it was written */
        char *names;         /* what the next three point into */
        const char *node;    /* of an action: whose device it is; NULL: this node's */
        const char *device;  /* never NULL */
        const char *channel; /* NULL: the device as a whole */
        const char *value;   /* NULL: online, offline, fault, ok of a device */
        enum rule_op op;     /* of a condition */
};

/* One part of a text with commas. */
struct rule_part {
        const char *text;
        size_t length;
};

/* The next part, up to a comma that stands neither in quotes nor in brackets, without the blanks around it;
 * *rest goes on behind it and is NULL at the end. False when there is none. */
bool rule_part_next(const char **rest, struct rule_part *ret);

/* -EINVAL with one sentence, -ENOMEM. */
int rule_condition_parse(const struct rule_part *part, struct rule_words *ret, struct fault *fault) MUST_CHECK;
int rule_action_parse(const struct rule_part *part, struct rule_words *ret, struct fault *fault) MUST_CHECK;
void rule_words_done(struct rule_words *words);
