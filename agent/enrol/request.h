/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine asks the signer, and what it gets: the bodies of messages (message.h).
 *   request {"v":1,"csr":PEM,"kind":"node"|"client"?,"serial":HEX?,"authorities":[HEX…],"time":S,"nonce":HEX}
 *   answer  {"v":1,"request":HEX,"name":…,"kind":"node"|"client","url":…?,"certificate":PEM,"ca":PEM,"crl":PEM}
 *           {"v":1,"request":HEX,"error":…}
 * `serial` is of the certificate in use, in a renewal. `authorities` are the key ids (message.h) that the machine trusts.
 * `request` is the SHA-256 of the request's body: an answer to another request is none. Of the signing request (PKCS #10)
 * the public key alone counts: names, rights and extensions come from the registry.
 */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "enrol/message.h"
#include "util/cleanup.h"

#define REQUEST_SERIAL_MAX      41 /* hexadecimal digits of 20 bytes, and a NUL */
#define REQUEST_AUTHORITIES_MAX 8

struct request {
        EVP_PKEY *key;                   /* public, EC P-256: the sender has shown that it has the private half */
        char kind[8];                    /* "node", "client", or "": of the certificate that is asked for */
        char serial[REQUEST_SERIAL_MAX]; /* ""; upper case */
        char authorities[REQUEST_AUTHORITIES_MAX][KEY_ID_MAX];
        size_t authority_count;
        int64_t time_s;
        char nonce[33];
};

/* The body of a request for `key`; `kind` NULL: it follows from `serial`, which is NULL in a join. The caller frees it. */
int request_body(EVP_PKEY *key, const char *kind, const char *serial, X509 *const authorities[], size_t count,
                 char **ret, struct fault *fault) MUST_CHECK;
/* -EBADMSG: it is none; -EKEYREJECTED: its key is of another kind, or it is not signed with it. */
int request_read(const char *body, struct request *ret, struct fault *fault) MUST_CHECK;
void request_done(struct request *request);

struct answer {
        char *error;                              /* the signer's sentence, and nothing else; NULL: it has signed */
        char *name, *kind, *url;                  /* url NULL: none is known */
        char *certificate_pem, *ca_pem, *crl_pem; /* as to be written to files; the ca and the crl may hold several */
        X509 *certificate;
};

/* The caller frees it. `error` alone, or all but it. */
int answer_body(const char *request_body, const struct answer *answer, char **ret, struct fault *fault) MUST_CHECK;
/* Reads the answer to our request, and checks what can be: its certificate is for this key, one of its authorities issued it,
 * its lists let it pass. -EBADMSG: it is none, or one to another request. */
int answer_read(const char *body, const char *request_body, EVP_PKEY *key, struct answer *ret, struct fault *fault)
        MUST_CHECK;
void answer_done(struct answer *answer);

/* A new EC P-256 key. `properties` is a provider query ("?provider=tpm2"), NULL: OpenSSL's own. */
int enrol_key_new(const char *properties, EVP_PKEY **ret, struct fault *fault) MUST_CHECK;
/* All certificates of a PEM text, MAX at most; the caller frees each. -EBADMSG: there is none. */
int certificates_read(const char *pem, X509 *ret[], size_t max, size_t *ret_count, struct fault *fault) MUST_CHECK;
