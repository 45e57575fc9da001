/* SPDX-License-Identifier: Apache-2.0 */
/* What a signer says, made by the tests: also what no honest one would. Paths of certificates are without suffix. */
#pragma once

#include <stddef.h>

struct signing {
        const char *asker;     /* the certificate that the request must be signed with */
        const char *authority; /* issues the new one */
        const char *signed_by; /* signs the answer; NULL: the authority */
        const char *name;      /* in the new one */
        const char *ca, *crl;  /* files that come along */
        const char *error;     /* instead of all that; NULL: none */
        long days, age_days;
};

/* A certificate for the key of a signing request; all three are files. */
void renewal_signer_certify(const char *csr, const struct signing *signing, const char *cert);

/* The answer to a request, as a payload; kept. */
const char *renewal_signer_answer(const char *payload, size_t size, const struct signing *signing);
/* Whom to trust; kept. */
const char *renewal_signer_trust(const char *signed_by, long number, const char *ca, const char *crl);
