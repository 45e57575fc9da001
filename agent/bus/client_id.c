/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* key_der() */
#include "bus/client_id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "bus/tls.h"
#include "util/text.h"

DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

/* So that no other use of the key's hash gives the same bytes. */
static const char purpose[] = "sconce client id 1";

static bool has(const EVP_PKEY *key, const char *parameter, const char *wanted)
{
        char value[32];

        return EVP_PKEY_get_utf8_string_param(key, parameter, value, sizeof(value), NULL) == 1 &&
               strcmp(value, wanted) == 0;
}

/* Encoded as nearly all EC keys are. */
static bool is_plain_ec(const EVP_PKEY *key)
{
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
               has(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                   OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) &&
               has(key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP);
}

/* The same bytes either way. What i2d_PrivateKey() encodes with is found at its first use and never let go: 64 kB, which
 * the keys that Sconce makes do without. */
static int key_der(const EVP_PKEY *key, unsigned char **ret)
{
        const EC_KEY *ec = is_plain_ec(key) ? EVP_PKEY_get0_EC_KEY(key) : NULL;

        return ec ? i2d_ECPrivateKey(ec, ret) : i2d_PrivateKey(key, ret);
}

static int digest_key(const EVP_PKEY *key, unsigned char digest[static EVP_MAX_MD_SIZE])
{
        CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        unsigned char *der = NULL;
        int size = key_der(key, &der);
        bool done = context && size > 0 && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                    EVP_DigestUpdate(context, purpose, sizeof(purpose)) == 1 &&
                    EVP_DigestUpdate(context, der, (size_t)size) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1;

        OPENSSL_clear_free(der, size > 0 ? (size_t)size : 0);
        ERR_clear_error();
        return done ? 0 : -ENOTSUP;
}

int client_id_from_key(const char *key, char ret_secret[static CLIENT_ID_SECRET_MAX])
{
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *loaded = NULL;
        unsigned char digest[EVP_MAX_MD_SIZE];
        struct fault fault = { 0 };

        if (tls_key_is_uri(key))
                return -ENOTSUP;
        int r = tls_key_load(key, &loaded, &fault);
        if (r == 0)
                r = digest_key(loaded, digest);
        if (r < 0)
                return r;
        text_hex(digest, (CLIENT_ID_SECRET_MAX - 1) / 2, ret_secret);
        OPENSSL_cleanse(digest, sizeof(digest));
        return 0;
}

int client_id_random(char ret_secret[static CLIENT_ID_SECRET_MAX])
{
        unsigned char bytes[(CLIENT_ID_SECRET_MAX - 1) / 2];

        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
                return -errno;
        text_hex(bytes, (CLIENT_ID_SECRET_MAX - 1) / 2, ret_secret);
        return 0;
}
