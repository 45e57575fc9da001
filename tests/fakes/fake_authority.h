/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority in memory: for what asks for certificates. */
#pragma once

#include <openssl/types.h>

struct fake_authority {
        EVP_PKEY *key;
        X509 *certificate;
        char *ca_pem, *crl_pem; /* the list names nobody */
};

void fake_authority_make(struct fake_authority *authority, const char *cn);
/* One that is kept in files: its key and certificate are CA.key and CA.crt. */
void fake_authority_load(struct fake_authority *authority, const char *ca, const char *crl_file);
void fake_authority_done(struct fake_authority *authority);

/* PEM; free() it. The serial number is for a list that names it. */
char *fake_authority_issue(const struct fake_authority *authority, EVP_PKEY *key, const char *cn, long serial);
char *fake_authority_revoke(const struct fake_authority *authority, long serial); /* a list with it */
char *fake_authority_list(const struct fake_authority *authority, long number);   /* one with a CRL number */
