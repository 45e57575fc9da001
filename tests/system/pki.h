/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki as its own tests see it: run for its words, and its files looked into. certs.h is for all other tests. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

#include "system/certs.h"
#include "system/process.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Runs `sconce-pki -d PKI` with these words, whatever comes of it. */
struct process *pki_try(const char *pki, int *ret_status, const char *const words[]);
/* What it prints when all is well; kept. */
const char *pki_output(const char *pki, const char *const words[]);
/* It must end with `status`, and its only words on stderr be "sconce-pki: " and these, with a hint after misuse (2). */
void assert_pki_fails(const char *pki, int status, const char *const words[], const char *format, ...)
        PRINTF_LIKE(4, 5);

X509 *pki_cert(const char *pki, const char *name); /* the one in issued/ */
X509 *cert_load(const char *path);
EVP_PKEY *key_load(const char *path);
X509_CRL *pki_crl(const char *pki);
bool pki_revoked(const char *pki, X509 *cert);

const char *cert_subject(X509 *cert); /* "/CN=hall"; kept */
/* An extension in the words of `openssl x509 -text`, "none" where it is not there; kept. */
const char *cert_extension(X509 *cert, int nid);
int days_until(const ASN1_TIME *end); /* from now, to the nearest */

void assert_mode(const char *path, unsigned mode);
bool file_has(const char *path, const char *text);

/* For a program whose tests share one authority, and issue names of their own: the authority; and the group's
 * teardown. */
const char *pki_open(void);
int pki_close(void **state);
