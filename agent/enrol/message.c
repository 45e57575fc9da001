/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/message.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/tls.h"
#include "util/cleanup.h"
#include "util/text.h"

#define MAC_BYTES      32
#define SIGNATURES_MAX 4
#define SIGNATURE_MAX  256 /* bytes, and as much as any key of ours makes */

DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);
#define CLEANUP_JSON CLEANUP(json_decrefp)

static int no_memory(struct fault *fault)
{
        return fault_set(fault, -ENOMEM, "out of memory");
}

static int refuse(struct fault *fault)
{
        return fault_set(fault, -EBADMSG, "this is no message of sconce-pki");
}

static int not_theirs(struct fault *fault)
{
        return fault_set(fault, -EKEYREJECTED, "the message was changed on its way, or is by someone else");
}

/* label NUL body */
static unsigned char *join_parts(const char *label, const char *body, size_t *ret_size)
{
        size_t first = strlen(label) + 1, second = strlen(body);
        unsigned char *all = malloc(first + second);

        if (all) {
                memcpy(all, label, first);
                memcpy(all + first, body, second);
        }
        *ret_size = first + second;
        return all;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static json_t *read_object(const void *payload, size_t size)
{
        if (size > MESSAGE_MAX)
                return NULL;
        json_t *message = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(message) && json_is_string(json_object_get(message, "body")))
                return message;
        json_decref(message);
        return NULL;
}

static int take_body(const json_t *message, char **ret, struct fault *fault)
{
        *ret = strdup(json_string_value(json_object_get(message, "body")));
        return *ret ? 0 : no_memory(fault);
}

int message_peek(const void *payload, size_t size, char **ret, struct fault *fault)
{
        CLEANUP_JSON json_t *message = read_object(payload, size);

        return message ? take_body(message, ret, fault) : refuse(fault);
}

/* ---- Under a secret ---------------------------------------------------------------------------------------------- */

static int authenticate(const char *label, const char *body, const unsigned char *key,
                        char ret[static 2 * MAC_BYTES + 1])
{
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned mac_size = 0;
        size_t size;
        CLEANUP_FREE unsigned char *all = join_parts(label, body, &size);

        if (!all || !HMAC(EVP_sha256(), key, MESSAGE_MAC_KEY_BYTES, all, size, mac, &mac_size) || mac_size != MAC_BYTES)
                return -ENOMEM;
        text_hex(mac, MAC_BYTES, ret);
        return 0;
}

int message_seal(const char *label, const char *body, const unsigned char key[static MESSAGE_MAC_KEY_BYTES], char **ret,
                 struct fault *fault)
{
        char mac[2 * MAC_BYTES + 1];

        if (authenticate(label, body, key, mac) < 0)
                return no_memory(fault);
        CLEANUP_JSON json_t *message = json_pack("{s:s, s:s}", "body", body, "mac", mac);
        *ret = message ? json_dumps(message, JSON_COMPACT) : NULL;
        return *ret ? 0 : no_memory(fault);
}

int message_open_sealed(const char *label, const void *payload, size_t size,
                        const unsigned char key[static MESSAGE_MAC_KEY_BYTES], char **ret, struct fault *fault)
{
        CLEANUP_JSON json_t *message = read_object(payload, size);
        const char *mac = json_string_value(json_object_get(message, "mac"));
        char wanted[2 * MAC_BYTES + 1];

        if (!message || !mac)
                return refuse(fault);
        if (authenticate(label, json_string_value(json_object_get(message, "body")), key, wanted) < 0)
                return no_memory(fault);
        if (strlen(mac) != 2 * MAC_BYTES || CRYPTO_memcmp(mac, wanted, 2 * MAC_BYTES) != 0)
                return not_theirs(fault);
        return take_body(message, ret, fault);
}

/* ---- By keys ----------------------------------------------------------------------------------------------------- */

int key_id(EVP_PKEY *key, char ret[static KEY_ID_MAX], struct fault *fault)
{
        unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
        unsigned digest_size = 0;
        int size = i2d_PUBKEY(key, &der);
        bool is_done = size > 0 && EVP_Digest(der, (size_t)size, digest, &digest_size, EVP_sha256(), NULL) == 1;

        OPENSSL_free(der);
        ERR_clear_error();
        if (!is_done)
                return no_memory(fault);
        text_hex(digest, digest_size, ret);
        return 0;
}

const char *key_properties(EVP_PKEY *key)
{
        const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);

        return provider && strcmp(OSSL_PROVIDER_get0_name(provider), "tpm2") == 0 ? TLS_TPM_PROPERTIES : NULL;
}

/* In base64; NULL where the key cannot. */
static char *sign(const unsigned char *all, size_t size, EVP_PKEY *key)
{
        CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        unsigned char signature[SIGNATURE_MAX];
        size_t length = sizeof(signature);
        bool is_done = context &&
                       EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, key_properties(key), key, NULL) == 1 &&
                       EVP_DigestSign(context, signature, &length, all, size) == 1;
        char *text = is_done ? malloc(4 * ((length + 2) / 3) + 1) : NULL;

        ERR_clear_error();
        if (text)
                (void)EVP_EncodeBlock((unsigned char *)text, signature, (int)length);
        return text;
}

static int add_signature(json_t *signatures, const unsigned char *all, size_t size, EVP_PKEY *key, struct fault *fault)
{
        CLEANUP_FREE char *signature = sign(all, size, key);
        char id[KEY_ID_MAX];

        if (!signature)
                return fault_set(fault, -EKEYREJECTED, "the key does not sign");
        int r = key_id(key, id, fault);
        if (r == 0 &&
            json_array_append_new(signatures, json_pack("{s:s, s:s}", "key", id, "signature", signature)) != 0)
                r = no_memory(fault);
        return r;
}

int message_sign(const char *label, const char *body, EVP_PKEY *const keys[], size_t count, char **ret,
                 struct fault *fault)
{
        size_t size;
        CLEANUP_FREE unsigned char *all = join_parts(label, body, &size);
        CLEANUP_JSON json_t *message = json_pack("{s:s, s:[]}", "body", body, "signatures");
        int r = all && message ? 0 : no_memory(fault);

        for (size_t i = 0; i < count && r == 0; i++)
                r = add_signature(json_object_get(message, "signatures"), all, size, keys[i], fault);
        if (r < 0)
                return r;
        *ret = json_dumps(message, JSON_COMPACT);
        return *ret ? 0 : no_memory(fault);
}

static bool verifies(const unsigned char *all, size_t size, const char *text, EVP_PKEY *key)
{
        CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        unsigned char signature[SIGNATURE_MAX + 3];
        size_t length = strlen(text);

        if (!context || length == 0 || length % 4 != 0 || length / 4 * 3 > sizeof(signature))
                return false;
        int n = EVP_DecodeBlock(signature, (const unsigned char *)text, (int)length);
        n -= (text[length - 1] == '=') + (text[length - 2] == '=');
        bool is_good = n > 0 && EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
                       EVP_DigestVerify(context, signature, (size_t)n, all, size) == 1;
        ERR_clear_error();
        return is_good;
}

static bool is_signed_by(const json_t *signatures, const unsigned char *all, size_t size, EVP_PKEY *key)
{
        char id[KEY_ID_MAX];

        if (key_id(key, id, NULL) < 0)
                return false;
        for (size_t i = 0; i < json_array_size(signatures) && i < SIGNATURES_MAX; i++) {
                const json_t *one = json_array_get(signatures, i);
                const char *whose = json_string_value(json_object_get(one, "key"));
                const char *signature = json_string_value(json_object_get(one, "signature"));
                if (whose && signature && strcmp(whose, id) == 0)
                        return verifies(all, size, signature, key);
        }
        return false;
}

int message_open_signed(const char *label, const void *payload, size_t size, EVP_PKEY *const keys[], size_t count,
                        char **ret, struct fault *fault)
{
        CLEANUP_JSON json_t *message = read_object(payload, size);
        const json_t *signatures = json_object_get(message, "signatures");
        size_t all_size;

        if (!message || !json_is_array(signatures))
                return refuse(fault);
        CLEANUP_FREE unsigned char *all = join_parts(label, json_string_value(json_object_get(message, "body")),
                                                     &all_size);
        if (!all)
                return no_memory(fault);
        for (size_t i = 0; i < count; i++)
                if (is_signed_by(signatures, all, all_size, keys[i]))
                        return take_body(message, ret, fault);
        return not_theirs(fault);
}
