/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of files, as they are: without a process for each copy. Their paths have less than 500 bytes. */
#pragma once

#include <stdbool.h>

/* With modes, owners and links; false: it could not be done. */
bool copy_tree(const char *from, const char *to);
void copy_remove(const char *path); /* where it is there */
/* Whether both are there and the same, mode and owner too; links by where they lead to. */
bool copy_is_same(const char *one, const char *other);
