/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change from one authority to its successor. While it lasts there are two: the successor signs what nodes and clients get;
 * the predecessor is trusted beside it, and signs the brokers' certificates until every node and client has a certificate by the
 * successor, and with it both authorities. It goes when no certificate of its own is in force any more. Nobody is stranded, in
 * whatever order machines are on and off.
 */
#pragma once

#include "transaction.h"

struct roll_state {
        unsigned waiting; /* names whose newest certificate in force is by the predecessor: brokers wait for them */
        unsigned left;    /* certificates by the predecessor in force, brokers' too */
        char names[512];  /* some of those who are waited for: "hall, phone" */
        int64_t until_s;  /* when the last of the certificates that are left ends; 0: none is left */
};

/* There is a predecessor. */
bool roll_is_on(const struct transaction *transaction);
int roll_look(struct transaction *transaction, int64_t now_s, struct roll_state *ret, struct fault *fault) MUST_CHECK;
/* Who signs for a broker now. */
int roll_broker_authority(struct transaction *transaction, int64_t now_s, const struct authority **ret,
                          struct fault *fault) MUST_CHECK;
/* A broker's certificate is by the predecessor, and nobody is waited for any more. */
bool roll_moves(struct transaction *transaction, const X509 *certificate, int64_t now_s);

/* Each within a transaction that the caller commits. */
int roll_begin(struct transaction *transaction, struct fault *fault) MUST_CHECK;
int roll_end(struct transaction *transaction, struct fault *fault) MUST_CHECK;
