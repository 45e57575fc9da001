/* SPDX-License-Identifier: Apache-2.0 */
/* Name look-up off the loop. getaddrinfo() can hang for very long, so each look-up runs on a thread of its own that
 * nobody waits for. A late answer goes with the thread's last reference. One thread a host at the most. */
#pragma once

#include <netdb.h>
#include <stddef.h>

#include "util/loop.h"

#define RESOLVE_ADDRESS_MAX 64
/* More than any broker has: the rest would only delay the next URL. */
#define RESOLVE_ADDRESSES_MAX 16

struct resolve_answer {
        int error;  /* EAI_…; 0: found */
        int errno_; /* with EAI_SYSTEM */
        size_t count;
        char addresses[][RESOLVE_ADDRESS_MAX]; /* numeric, in the resolver's order, each once */
};

struct resolver;

/* The answer is the callee's until it returns. */
typedef void (*resolve_done_fn)(void *userdata, const struct resolve_answer *answer);

int resolver_new(struct loop *loop, resolve_done_fn done, void *userdata, struct resolver **ret) MUST_CHECK;
void resolver_free(struct resolver *resolver);

/* Asks for one host; an earlier question is forgotten, and joined again if it is asked again while its thread hangs. */
int resolver_ask(struct resolver *resolver, const char *host) MUST_CHECK;
void resolver_forget(struct resolver *resolver);

/* In a test: `lookup` stands in for getaddrinfo() from now on; NULL restores it. Its list goes to freeaddrinfo(). */
typedef int (*resolve_lookup_fn)(const char *node, const char *service, const struct addrinfo *hints,
                                 struct addrinfo **ret);
void resolve_set_lookup(resolve_lookup_fn lookup);
