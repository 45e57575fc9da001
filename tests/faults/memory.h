/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon under tests/preload/memory.c, seen and meddled with from its test. */
#pragma once

#include <stddef.h>

#include "faults/memory_page.h"
#include "system/client.h"
#include "system/daemon.h"

/* Its page, for one daemon at a time; and what it has to have in its environment. Kept until the end of the program. */
struct memory_page *memory_page_new(const char *const **ret_env);

struct holdings {
        size_t bytes, fds, threads;
};

/* What the running daemon holds. `client` wakes it up with a `get` of its node. */
struct holdings memory_holdings(struct memory_page *page, const struct daemon *daemon, struct client *client);
