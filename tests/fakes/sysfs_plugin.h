/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of plugins that read a tree of the kernel's begin with: an empty directory, which the
 * plugin's option `root` names, and the mock host.
 */
#pragma once

#include <sconce/mock.h>

#include "fakes/tree.h"

extern struct mock_host *host;
extern char root[4096]; /* also the working directory */

int sysfs_plugin_setup(void **state, const char *plugin, const struct tree_entry *entries);
/* The same where no option, or those of the test's own, name the directory. */
int sysfs_plugin_setup_bare(void **state, const char *plugin, const struct tree_entry *entries);
int sysfs_plugin_teardown(void **state);

/* The channel's value; fails the test where there is none, or of another type. */
double number_of(const char *channel);
bool is_null(const char *channel);

/* Reads, and fails the test unless it is refused with this errno and this sentence ("ROOT" in it is the
 * root). */
void assert_read_fails(int error, const char *sentence);
void assert_start_fails(int error, const char *sentence);

#define SYSFS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, sysfs_plugin_teardown)
