/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that would set each other off for ever. Rule A sets off B when an action of A can make a condition of
 * B's `when` true. That alone is no harm: two lamps that follow each other come to rest, since what is on
 * already does not come on. A circle is endless when each of its rules waits for something that the circle
 * itself can also make untrue again. A delay breaks it: that is a blinker, and wanted. `if` is not looked at.
 */
#pragma once

#include "rule/rule.h"

/* What an action can make of a channel. */
struct rule_outcome {
        const char *device, *channel;
        struct sconce_value values[2];
        size_t count;
};

/* One rule as the search sees it: all borrowed. */
struct rule_node {
        const struct rule *rule; /* its conditions are bound, or left out */
        const struct rule_outcome *outcomes;
        size_t count;
};

/* In ret_circles[i] stands the number, from 1, of the endless circle that nodes[i] is in; 0: none. */
int rule_circles(const struct rule_node *nodes, size_t count, size_t *ret_circles) MUST_CHECK;
