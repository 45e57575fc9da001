/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of what a machine and the signer say to each other over a broker that neither has to trust:
 *   {"body":"…","mac":"HEX"}                                                  under an invitation's secret, or
 *   {"body":"…","signatures":[{"key":"HEX","signature":"BASE64"},…]}           by private keys.
 * The body is JSON as a string, so that what was authenticated is what is read, byte for byte. MAC and signature (HMAC-SHA256,
 * ECDSA with SHA-256) are over the label, a NUL, and the body: a message of one kind is none of another kind.
 */
#pragma once

#include <openssl/types.h>
#include <stddef.h>

#include "util/fault.h"

#define MESSAGE_MAX (256U * 1024U) /* a longer payload is refused */

#define LABEL_JOIN_REQUEST  "sconce join request 1"
#define LABEL_JOIN_ANSWER   "sconce join answer 1"
#define LABEL_RENEW_REQUEST "sconce renewal request 1"
#define LABEL_RENEW_ANSWER  "sconce renewal answer 1"
#define LABEL_TRUST         "sconce trust 1"

#define MESSAGE_MAC_KEY_BYTES 32
#define KEY_ID_MAX            65 /* SHA-256 of the public key's DER as hexadecimal digits, with its NUL */

/* Each returns a text that the caller frees. */
int message_seal(const char *label, const char *body, const unsigned char key[static MESSAGE_MAC_KEY_BYTES], char **ret,
                 struct fault *fault) MUST_CHECK;
int message_sign(const char *label, const char *body, EVP_PKEY *const keys[], size_t count, char **ret,
                 struct fault *fault) MUST_CHECK;

/* The body, for the caller to free. -EBADMSG: it is no such message. -EKEYREJECTED: it is not by this key. */
int message_open_sealed(const char *label, const void *payload, size_t size,
                        const unsigned char key[static MESSAGE_MAC_KEY_BYTES], char **ret, struct fault *fault)
        MUST_CHECK;
/* One signature by one of the keys is enough. */
int message_open_signed(const char *label, const void *payload, size_t size, EVP_PKEY *const keys[], size_t count,
                        char **ret, struct fault *fault) MUST_CHECK;
/* The body as anyone may have written it: to find out whose key it has to be checked with. */
int message_peek(const void *payload, size_t size, char **ret, struct fault *fault) MUST_CHECK;

/* What OpenSSL has to be asked for when it signs with the key, so that a TPM does it where the key is in one; NULL: nothing. */
const char *key_properties(EVP_PKEY *key);
int key_id(EVP_PKEY *key, char ret[static KEY_ID_MAX], struct fault *fault) MUST_CHECK;
