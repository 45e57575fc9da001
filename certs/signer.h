/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers those who join and renew. What comes in is from anyone that the broker let write to the topic, and by way of a broker
 * that may change it: what is not authenticated is not answered. Each answer is one transaction of the registry; an answer
 * that got lost is given again for the same key, and no second certificate is made.
 */
#pragma once

#include <stdint.h>

#include "transaction.h"

#define SIGNER_NOTE_MAX       512
#define SIGNER_RENEWALS_A_DAY 10 /* of a name: who tries again has fewer, and more would be for no good */

struct signer_reply {
        char *payload;              /* to be published; NULL: nothing is answered. The caller frees it */
        char note[SIGNER_NOTE_MAX]; /* for the log: what was done or why not; "": nothing worth a line */
        bool is_refused;            /* the note is a warning */
};

/* Whether anybody has this identity, or had it: a code or a name, of any generation so far. Of DIR, where we are, it opens the registry
 * alone. Where that cannot be read, it is true: signer_answer() says why. */
bool signer_knows(const char *identity);

/* `identity` is the level of the topic that says whose request it is. Begins and ends the transaction. */
void signer_answer(struct transaction *transaction, const char *identity, const void *payload, size_t size,
                   int64_t now_s, struct signer_reply *ret);
