/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One join, from the code to the certificate: a connection under the code's key (TLS-PSK), a request, its answer. It blocks,
 * and ends within its time whatever name server, broker and signer do.
 */
#pragma once

#include "enrol/code.h"
#include "enrol/request.h"

#define EXCHANGE_WAIT_S 30

struct exchange {
        const struct code *code;
        const char *kind; /* "node" or "client": what the certificate has to be for */
        EVP_PKEY *key;    /* ours, both halves: the public one goes into the request */
        unsigned wait_s;  /* for all of it; 0: EXCHANGE_WAIT_S */
        /* Is called with a sentence as soon as it takes longer than a person expects. NULL: nobody looks. */
        void (*progress)(void *userdata, const char *sentence);
        void *userdata;
};

/* An answer that has signed, checked: by the signer, to this request, for this name, kind and key; answer_done() it. Else
 * *ret is empty, and the fault says what to do.
 * -EHOSTUNREACH: there is no broker. -EACCES: it does not let the code in. -ETIMEDOUT: nobody answers.
 * -EREMOTEIO: the signer has refused, in its own words. -EKEYREJECTED: the answer is for another name or kind. */
int exchange_join(const struct exchange *exchange, struct answer *ret, struct fault *fault) MUST_CHECK;
