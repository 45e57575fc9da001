/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate authority: keys, certificates, and the list of revoked ones, by libcrypto. Everything is made in memory;
 * nothing here touches the disk but the reading of ca.key.
 *
 * EC P-256, SHA-256, serials of 128 random bits. As no two clocks agree, what is signed is valid from an hour ago on.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "registry.h"
#include "util/cleanup.h"

DEFINE_CLEANUP(X509, X509_free);
DEFINE_CLEANUP(X509_CRL, X509_CRL_free);
DEFINE_CLEANUP(X509_REQ, X509_REQ_free);
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);

#define DAY_S          86400
#define AUTHORITY_DAYS 3650
#define LONG_DAYS      730
#define CLIENT_DAYS    90

struct authority {
        X509 *certificate;
        EVP_PKEY *key;
};

/* A block of bytes that the caller frees. */
struct bytes {
        unsigned char *data;
        size_t size;
};

void bytes_done(struct bytes *bytes);
int bytes_append(struct bytes *bytes, const struct bytes *more, struct fault *fault) MUST_CHECK;

/* A new one, with a name that no other home has. */
int authority_new(struct authority *ret, struct fault *fault) MUST_CHECK;
/* From PEM. -EKEYREJECTED: the key is not that of the certificate. */
int authority_read(const char *certificate_path, const char *key_path, struct authority *ret, struct fault *fault)
        MUST_CHECK;
void authority_done(struct authority *authority);

/* For OpenSSL's readers of keys: a passphrase that is asked for is refused. */
int no_password(char *buffer, int size, int is_writing, void *userdata);
int key_to_pem(EVP_PKEY *key, struct bytes *ret, struct fault *fault) MUST_CHECK;
int certificate_to_pem(X509 *certificate, struct bytes *ret, struct fault *fault) MUST_CHECK;
int certificate_to_der(X509 *certificate, struct bytes *ret, struct fault *fault) MUST_CHECK;
/* An authority's name by which certificates have it as their issuer. */
#define ISSUER_MAX 65
void authority_name(const X509 *certificate, char ret[static ISSUER_MAX]);
int64_t time_of(const ASN1_TIME *time); /* Unix time */
/* "2028-11-29 22:31:05Z" */
#define TIME_TEXT_MAX 32
void time_text(int64_t time_s, char ret[static TIME_TEXT_MAX]);

struct leaf {
        const char *common_name;
        EVP_PKEY *key;            /* its public half goes in */
        bool is_server;           /* it serves; else it is a client */
        const char *const *hosts; /* alternative names, ended by NULL; NULL: the common name alone, as DNS */
        int64_t lifetime_s;       /* from now */
};

/* Signs a leaf; its serial goes to ret_serial. */
int authority_sign(const struct authority *authority, const struct leaf *leaf, X509 **ret,
                   char ret_serial[static SERIAL_MAX], struct fault *fault) MUST_CHECK;
/* A key and a certificate for a client of our own, as PEM, of which nothing is recorded. */
int authority_make_pair(const struct authority *authority, const char *common_name, int64_t lifetime_s,
                        struct bytes *ret_key, struct bytes *ret_certificate, struct fault *fault) MUST_CHECK;
/* The list of all certificates that the registry has as revoked, with that number, as PEM. */
int authority_list_revoked(const struct authority *authority, struct registry *registry, int64_t number,
                           struct bytes *ret, struct fault *fault) MUST_CHECK;
/* A client's key and certificate for phones and browsers, under a password. */
int authority_pack_p12(const struct authority *authority, const char *name, EVP_PKEY *key, X509 *certificate,
                       const char *password, struct bytes *ret, struct fault *fault) MUST_CHECK;
