/* SPDX-License-Identifier: Apache-2.0 */
/* Configs from texts, in a directory of their own, and configs and problems back to text to compare. */
#pragma once

#include "config/config.h"

/* A setup and teardown for CMocka: each test runs in an empty directory, which goes with all that is in it.
 */
int config_text_setup(void **state);
int config_text_teardown(void **state);

/* Writes a file, relative to the test's directory; `size` counts NULs in. */
void config_text_file(const char *name, const void *text, size_t size);

/* Writes "a.conf" and loads it. */
struct config *config_text_load(const char *text, struct problems *problems);

/* "[kind id] key = value" a line, lists as (a|b), then the problems a line: free() it. */
char *config_text_render(const struct config *config, const struct problems *problems);
