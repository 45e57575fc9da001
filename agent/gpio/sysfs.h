/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of /sys, or of a tree that a test has made in its likeness: one short text a file. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/macro.h"

/* The first line, without its newline. */
int sysfs_read(const char *dir, const char *name, char *text, size_t size) MUST_CHECK;
int sysfs_read_number(const char *dir, const char *name, uint64_t *ret) MUST_CHECK;
int sysfs_write(const char *dir, const char *name, const char *text) MUST_CHECK;
int sysfs_write_number(const char *dir, const char *name, uint64_t number) MUST_CHECK;

/* For an attribute that is written often: open once, then one system call each. */
int sysfs_open(const char *dir, const char *name) MUST_CHECK;
int sysfs_put_number(int fd, uint64_t number) MUST_CHECK;

/* Whether what `path` links to lies in a directory of that name: an address on a bus, "1-0040". */
bool sysfs_is_in(const char *path, const char *part);
/* The name of the directory that `path` is in, behind all links; "" where there is none. */
void sysfs_parent(const char *path, char *text, size_t size);

/* For scandir(): no hidden files. */
int sysfs_is_visible(const struct dirent *entry);
/* The names in a directory, "a, b, c", sorted; "" where there are none. */
void sysfs_list(const char *dir, char *text, size_t size);
