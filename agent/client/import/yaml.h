/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML file as a tree, over libyaml. Aliases and `<<` share what they name, so a node may have several parents; what it all
 * comes to when it is walked is bounded, as are depth and size. Each node knows its line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"
#include "util/fault.h"

enum {
        TREE_BYTES_MAX = 1024 * 1024,
        TREE_TEXT_MAX = 1024, /* a longer one, or one with a NUL, counts as "" */
        TREE_DEPTH_MAX = 32,
        TREE_NODES_MAX = 20000, /* with every alias counted as often as it is used */
};

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAP };

struct tree_node;

struct tree_item {
        const char *key; /* NULL in a list */
        unsigned line;   /* the key's */
        const struct tree_node *node;
};

struct tree_node {
        enum tree_kind kind;
        unsigned line;
        bool plain;   /* a text without quotes */
        char *text;   /* TREE_TEXT */
        char *tag;    /* one of the program's own, such as !secret; NULL: none */
        char *anchor; /* NULL: none */
        size_t weight;
        struct tree_item *items;
        size_t count;
};

struct tree {
        struct tree_node **nodes; /* all of them, in the order in which they began */
        size_t count;
        const struct tree_node *root; /* NULL: an empty file */
};

/* -EINVAL with "LINE: sentence", -ENOMEM. What it made of it so far is to be freed in each case. */
int tree_read(const char *text, size_t size, struct tree *tree, struct fault *fault) MUST_CHECK;
void tree_done(struct tree *tree);

/* The value of a key; NULL: there is none, or `map` is no map. */
const struct tree_node *tree_get(const struct tree_node *map, const char *key);
/* Nothing, `null` or `~`; also for NULL. */
bool tree_is_null(const struct tree_node *node);
