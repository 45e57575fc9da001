/* SPDX-License-Identifier: Apache-2.0 */
/* Whom we trust: the authorities of [tls] ca and the lists of [tls] crl, each of which may hold several, and how the signer
 * replaces them. What it sends is good by the signature of an authority that is trusted already. */
#pragma once

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "enrol/request.h"
#include "util/fault.h"
#include "util/tls_options.h"

struct authorities {
        X509 *certificates[REQUEST_AUTHORITIES_MAX];
        EVP_PKEY *keys[REQUEST_AUTHORITIES_MAX]; /* the certificates' */
        size_t count;
};

/* Of [tls] ca. -ENOTSUP: it is "system", where nobody of ours signs. */
int authorities_read(const char *ca, struct authorities *ret, struct fault *fault) MUST_CHECK;
int authorities_read_pem(const char *pem, struct authorities *ret, struct fault *fault) MUST_CHECK;
void authorities_done(struct authorities *authorities);
/* Whether there is a younger one than the one that signed the certificate. */
bool authorities_have_successor(const struct authorities *authorities, X509 *certificate);
/* The same of [tls] ca; false where that cannot be read. */
bool trust_has_successor(const char *ca, X509 *certificate);

/* The highest number (RFC 5280, CRL number) of the lists in a PEM text; 0: none has one. */
int64_t lists_number_of(const char *crl_pem);

/* A trust message: 1 when the files are new, 0 when there is nothing new in it. One whose number is below that of our lists, or
 * below *number, where what was taken is noted, is old. -EKEYREJECTED: it is by nobody we trust. -EACCES and the like: our
 * files cannot be replaced. */
int trust_take(const struct tls_options *tls, const void *payload, size_t size, int64_t *number, struct fault *fault)
        MUST_CHECK;
/* What an answer brought along: the same, where its lists are not older than ours. */
int trust_install(const struct tls_options *tls, const char *ca_pem, const char *crl_pem, struct fault *fault)
        MUST_CHECK;
