/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libconfig in a process of its own. Without memory it ends the process that called it: version 1.5 writes through NULL or
 * calls exit(), and later ones let their fatal function return at the cost of the process. So an agent has a child do it,
 * from the first value of a config until helper_end(): when the child ends, that is -ENOMEM. One thread, the loop's.
 */
#pragma once

#include "config/parsed.h"

/* From now on libconfig runs in children of this process. Without it, in this process: the client, tests. */
void helper_enable(void);

/* As parsed_read(). Where no child can be had for another reason than memory (the limit of processes or files), libconfig
 * runs here. */
int helper_parse(const char *text, unsigned line, struct value *ret, struct value_fault *fault) MUST_CHECK;

/* All is read: ends the child, where there is one. */
void helper_end(void);
