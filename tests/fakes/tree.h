/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of small files, such as the kernel shows in /sys and /proc, written from a table. */
#pragma once

#include <stdbool.h>

enum tree_kind {
        TREE_FILE, /* `text` is what it holds */
        TREE_LINK, /* `text` is where it points */
        TREE_DIR,
        TREE_FIFO, /* anyone who opens it waits */
};

struct tree_entry {
        const char *path; /* below the root; its directories are made */
        const char *text;
        enum tree_kind kind;
};

/* The table ends with an empty row. Files that are there already get the new text. Fails the test where it
 * cannot. */
void tree_make(const char *root, const struct tree_entry *entries);
void tree_put(const char *root, const char *path, const char *text);
void tree_remove(const char *root, const char *path); /* with all that is in it */
