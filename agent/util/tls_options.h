/* SPDX-License-Identifier: Apache-2.0 */
/* How a TLS connection is set up: what [tls] configures, and what the bus builds its context from. */
#pragma once

enum tls_min_version { TLS_MIN_1_2, TLS_MIN_1_3 };

/* Each text may be NULL. Borrowed. */
struct tls_options {
        const char *ca;         /* file, or "system" */
        const char *cert, *key; /* both NULL: a password stands in; the key may be a provider URI: handle:…, pkcs11:… */
        const char *crl;        /* file */
        int min_version;        /* enum tls_min_version */
        const char *server_name; /* verified and sent as SNI instead of the URL's host */
        const char *alpn;        /* the protocol to ask for */
        const char *pin;         /* sha256//BASE64 of the public key: replaces the name check only */
};
