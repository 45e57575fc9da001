/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS side of a session: our own SSL_CTX, with names always verified, and the reason of a failed handshake in
 * words. See docs/tls.md for what is checked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/fault.h"

struct tls;

enum tls_min_version { TLS_MIN_1_2, TLS_MIN_1_3 };

/* Borrowed. */
struct tls_options {
        const char *ca;   /* file, or "system" */
        const char *cert; /* NULL: no client certificate (then a password is needed) */
        const char *key;  /* file, or a provider URI: handle:…, pkcs11:… */
        const char *crl;  /* file; NULL: none */
        int min_version;  /* enum tls_min_version */
        const char *server_name; /* verified and sent as SNI instead of the URL's host; NULL: the host */
        const char *pin;         /* sha256//BASE64 of the public key: replaces the name check only; NULL: none */
};

/* Reads the files and builds the context; the fault names the file and what to do. -EACCES: a key that others can read
 * or that we cannot, -ENOENT, -EINVAL. */
int tls_new(const struct tls_options *options, struct tls **ret, struct fault *fault) MUST_CHECK;
void tls_free(struct tls *tls);

/* Days until our own certificate ends, negative when it has. false without a certificate. */
bool tls_certificate_days(const struct tls *tls, long *ret_days);
/* The CN of our certificate, NULL without one: the default node name. */
const char *tls_certificate_name(const struct tls *tls);
