/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices are starting just now, so that the next run knows which of them the agent died of. A small file of the
 * runtime directory, mapped into memory: a mark is a store, which outlives the process however it ends and costs no
 * system call. A handler of fatal signals adds on which thread the agent died, since blocking devices start at the same
 * time. Where nothing is known of that (SIGKILL), it was the device that started on the loop, else each of them.
 *
 * A device of which the agent has died STARTS_DEATHS_MAX times in a row is left out, until its section is another one
 * or the agent has ended in order: then one more death is enough. Another boot's file counts for nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/macro.h"

#define STARTS_DEATHS_MAX 3

struct starts;
struct start_mark;

/* Takes over what an earlier run of this boot has left at `path`, and watches for fatal signals. One at a time. */
int starts_new(const char *path, struct starts **ret) MUST_CHECK;
/* The agent ends in order: what was starting has done no harm, and what is left out gets another try. */
void starts_free(struct starts *starts);

/* `section`: a hash of it. */
bool starts_leaves_out(const struct starts *starts, const char *device, uint64_t section);

/* Before the plugin's code runs. NULL: not marked, which every function here takes: `starts` is NULL, the device is
 * marked already, or very many are. Loop only. */
struct start_mark *starts_begin(struct starts *starts, const char *device, uint64_t section, bool is_on_loop);
/* It is over, and the agent lives. `has_started`: so earlier deaths count no more. Any thread. */
void start_mark_end(struct start_mark *mark, bool has_started);
/* It takes too long to be what the agent will die of, unless it is seen to be. Any thread. */
void start_mark_excuse(struct start_mark *mark);

/* Whose code this thread runs from now on; returns whose it was before. */
struct start_mark *start_mark_enter(struct start_mark *mark);

DEFINE_CLEANUP(struct starts, starts_free);
