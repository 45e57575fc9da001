/* SPDX-License-Identifier: Apache-2.0 */
/* A directory in memory, where there is one: a simulated disk must not wait for a real one. */
#pragma once

#include <stdbool.h>

#define SCRATCH_MAX 64

/* Makes "sconce-NAME.XXXXXX" and writes its path into `ret`. */
bool scratch_make(const char *name, char ret[SCRATCH_MAX]);
bool scratch_enter(const char *name, char ret[SCRATCH_MAX]); /* and goes there */
bool scratch_remove(const char *dir);                        /* with all that is in it; from outside of it */
bool scratch_leave(const char *dir);                         /* goes out of it first */
