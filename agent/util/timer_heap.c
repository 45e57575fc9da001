/* SPDX-License-Identifier: Apache-2.0 */
#include "util/timer_heap.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_before(const struct timer_node *a, const struct timer_node *b)
{
        return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

/* Both are roots, or NULL. The later becomes the first child of the other. */
static struct timer_node *meld(struct timer_node *a, struct timer_node *b)
{
        if (!a || !b)
                return a ? a : b;
        struct timer_node *root = is_before(b, a) ? b : a, *child = root == a ? b : a;
        child->previous = root;
        child->next = root->child;
        if (child->next)
                child->next->previous = child;
        root->child = child;
        root->next = root->previous = NULL;
        return root;
}

/* A list of children becomes one heap: by pairs, and those from the last to the first. */
static struct timer_node *meld_all(struct timer_node *list)
{
        struct timer_node *pairs = NULL, *root = NULL;

        while (list) {
                struct timer_node *a = list, *b = a->next;
                list = b ? b->next : NULL;
                a = meld(a, b);
                a->next = pairs;
                pairs = a;
        }
        while (pairs) {
                struct timer_node *pair = pairs;
                pairs = pair->next;
                root = meld(root, pair);
        }
        if (root)
                root->next = root->previous = NULL;
        return root;
}

void timer_heap_add(struct timer_node **first, struct timer_node *node)
{
        node->child = node->next = node->previous = NULL;
        *first = meld(*first, node);
}

void timer_heap_remove(struct timer_node **first, struct timer_node *node)
{
        struct timer_node *children = meld_all(node->child);

        if (node == *first) {
                *first = children;
                return;
        }
        if (node->previous->child == node)
                node->previous->child = node->next;
        else
                node->previous->next = node->next;
        if (node->next)
                node->next->previous = node->previous;
        *first = meld(*first, children);
}
