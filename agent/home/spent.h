/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits of rules that are over, in a file of the runtime directory. The database forgets such a wait a moment later, on
 * a thread; an agent that dies in what the rule does then would find the wait again and do it once more. The file is in
 * memory: what is written there survives the process, and no disk is waited for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/macro.h"

struct spent;

/* `path` is made where it is not there. Negative errno: there can be no such file. */
int spent_new(const char *path, struct spent **ret) MUST_CHECK;
void spent_free(struct spent *spent); /* NULL too; the file stays */

/* A wait by its key; before what it waited for is done. The newest 64 are known. Negative errno: it could not be written,
 * and is known to this process alone. */
int spent_add(struct spent *spent, uint64_t key) MUST_CHECK;
bool spent_has(const struct spent *spent, uint64_t key);
