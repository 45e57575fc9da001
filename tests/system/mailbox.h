/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram socket that keeps what a daemon sends to it: the service manager's, or the journal's. */
#pragma once

#include <stddef.h>

#include "system/pump.h"

struct mailbox {
        struct pump_source source;
        char **items; /* as they came */
        size_t count;
        size_t cursor; /* past what mailbox_wait() has found */
        struct mailbox *next;
};

struct mailbox *mailbox_new(const char *path);
void mailbox_free_all(void);

/* The next message with this text in it, after those that earlier calls found; fails the test when none comes soon. */
const char *mailbox_wait(struct mailbox *box, const char *text);
size_t mailbox_count(const struct mailbox *box, const char *text); /* of all that have come */
