/* SPDX-License-Identifier: Apache-2.0 */
/* Words that have a meaning of their own, and what they may not name: the one list of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum reserved_use {
        RESERVED_CHANNEL = 1U << 0, /* keys of payloads: no channel's */
        RESERVED_NODE = 1U << 1,    /* levels of topics: no node's name, whatever it comes from */
        RESERVED_DEVICE = 1U << 2,  /* the agent's own device: no id of another */
        RESERVED_SECTION = 1U << 3, /* sections of the agent's own: no plugin's name */
        RESERVED_SINGLE = 1U << 4,  /* of these: those that stand alone, [tls] */
        RESERVED_CLIENT = 1U << 5,  /* and those that the client knows */
};

bool word_is_reserved(const char *word, unsigned use);
/* The next word that has the use, from *at (first 0) on; NULL: there is none. */
const char *reserved_next(size_t *at, unsigned use);
