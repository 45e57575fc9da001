/* SPDX-License-Identifier: Apache-2.0 */
/* Times in order: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan: The pairing heap, Algorithmica 1, 1986) in what is
 * ordered itself. Adding needs no memory and costs the same however many there are; to remove the first costs log n, amortised. */
#pragma once

#include <stdint.h>

struct timer_node {
        uint64_t due_us;
        uint64_t order; /* of those with one time: the lower comes first */
        struct timer_node *child, *next;
        struct timer_node *previous; /* in the list of children; of the first of them the parent */
};

/* `first` is the heap: the one that comes first, NULL where there is none. */
void timer_heap_add(struct timer_node **first, struct timer_node *node);
void timer_heap_remove(struct timer_node **first, struct timer_node *node);
