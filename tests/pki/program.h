/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki in a child of this program: its own main() with its words, and what its `serve` does with a request and by the hour.
 * Forked, not executed: a run takes milliseconds, and the clock is ours.
 */
#pragma once

#include <stddef.h>

struct ran {
        int status; /* as a shell has it */
        char *out, *err;
};

void ran_done(struct ran *ran);
/* `sconce-pki -d DIR WORDS…`, ended by NULL. */
void program_run(const char *dir, const char *const words[], struct ran *ret);
/* What the signer answers on this identity's topic: `out`, "" where it does not; `err` is its line for the log. */
void program_ask(const char *dir, const char *identity, const char *payload, struct ran *ret);
/* What the signer does each hour. Status 1: it says that it has failed. */
void program_upkeep(const char *dir, struct ran *ret);

/* DIR, which is root's, as the package has it from now on: the signer is another user, who may write nothing but private/. */
void program_give_to_signer(const char *dir);
