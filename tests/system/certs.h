/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for the tests. The good ones come from the shipped sconce-pki; the bad ones (expired, foreign, nameless
 * …) are made here, since no honest tool makes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/macro.h"

#define DAY_S 86400L

/* One certificate, BASE.crt with BASE.key. */
struct cert {
        const char *base; /* path without suffix */
        const char *cn;
        const char *sans;   /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
        const char *issuer; /* path without suffix; NULL: signs itself */
        bool is_ca;
        long from_s, until_s; /* relative to now; both 0: yesterday to tomorrow */
};

void cert_make(const struct cert *cert);

/* A directory kept by sconce-pki, with a broker's certificate for localhost, 127.0.0.1 and ::1. */
const char *pki_make(const char *name); /* its path, below the temporary directory */
/* Runs `sconce-pki -d DIR` with these words; fails the test when it fails. */
void pki_run(const char *pki, const char *const words[]);
#define PKI_RUN(pki, ...) pki_run(pki, (const char *const[]){ __VA_ARGS__, NULL })

/* The stage's own, with the nodes hall and attic and the client tester: made by make-pki, or a copy of the
 * one that SCONCE_TEST_PKI names. */
const char *pki_of_stage(void);

const char *pki_ca(const char *pki);                       /* certificate and key, path without suffix */
const char *pki_file(const char *pki, const char *name);   /* "ca.crt", "crl.pem", "sconce.acl" */
const char *pki_issued(const char *pki, const char *name); /* path without suffix */

void sha256_hex(const void *bytes, size_t size, char hex[static 65]);
