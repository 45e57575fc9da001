/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/request.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus/tls_error.h"
#include "util/identity.h"
#include "util/text.h"

#define VERSION 1

DEFINE_CLEANUP(BIO, BIO_free_all);
DEFINE_CLEANUP(X509_REQ, X509_REQ_free);
DEFINE_CLEANUP(X509_STORE, X509_STORE_free);
DEFINE_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free);
DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);
DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
#define CLEANUP_BIO  CLEANUP(BIO_free_allp)
#define CLEANUP_JSON CLEANUP(json_decrefp)

static int no_memory(struct fault *fault)
{
        ERR_clear_error();
        return fault_set(fault, -ENOMEM, "out of memory");
}

static char *text_of(BIO *bio)
{
        char *data = NULL;
        long size = BIO_get_mem_data(bio, &data);

        return size >= 0 ? strndup(data, (size_t)size) : NULL;
}

static json_t *read_body(const char *body)
{
        json_t *object = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

        if (json_is_object(object) && json_integer_value(json_object_get(object, "v")) == VERSION)
                return object;
        json_decref(object);
        return NULL;
}

static int digest_of(const char *body, char ret[static KEY_ID_MAX], struct fault *fault)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (EVP_Digest(body, strlen(body), digest, &size, EVP_sha256(), NULL) != 1)
                return no_memory(fault);
        text_hex(digest, size, ret);
        return 0;
}

/* ---- Keys -------------------------------------------------------------------------------------------------------- */

int enrol_key_new(const char *properties, EVP_PKEY **ret, struct fault *fault)
{
        CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", properties);
        EVP_PKEY *key = NULL;
        char reason[TLS_ERROR_MAX];

        if (context && EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_group_name(context, "P-256") == 1 &&
            EVP_PKEY_generate(context, &key) == 1) {
                *ret = key;
                return 0;
        }
        (void)tls_error_text(ERR_peek_error(), reason);
        ERR_clear_error();
        return fault_set(fault, -EIO, "no key can be made: %s", reason);
}

/* P-256 is what we make and what every reader knows; a key of another kind is not signed for. */
static bool is_p256(EVP_PKEY *key)
{
        char group[32] = "";

        bool is_ec = EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1;
        ERR_clear_error();
        return is_ec && (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

/* ---- The request ------------------------------------------------------------------------------------------------- */

static char *csr_pem(EVP_PKEY *key)
{
        CLEANUP(X509_REQ_freep) X509_REQ *csr = X509_REQ_new();
        CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        CLEANUP_BIO BIO *out = BIO_new(BIO_s_mem());

        if (!csr || !out || !context || X509_REQ_set_pubkey(csr, key) != 1 ||
            EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, key_properties(key), key, NULL) != 1 ||
            X509_REQ_sign_ctx(csr, context) <= 0 || PEM_write_bio_X509_REQ(out, csr) != 1)
                return NULL;
        return text_of(out);
}

static json_t *ids_of(X509 *const authorities[], size_t count)
{
        json_t *ids = json_array();
        char id[KEY_ID_MAX];

        for (size_t i = 0; i < count && i < REQUEST_AUTHORITIES_MAX; i++)
                if (key_id(X509_get0_pubkey(authorities[i]), id, NULL) < 0 ||
                    json_array_append_new(ids, json_string(id)) != 0) {
                        json_decref(ids);
                        return NULL;
                }
        return ids;
}

int request_body(EVP_PKEY *key, const char *kind, const char *serial, X509 *const authorities[], size_t count,
                 char **ret, struct fault *fault)
{
        CLEANUP_FREE char *csr = csr_pem(key);
        unsigned char random[16];
        char nonce[33];

        ERR_clear_error();
        if (!csr)
                return fault_set(fault, -EKEYREJECTED, "the key does not sign a request");
        if (RAND_bytes(random, sizeof(random)) != 1)
                return fault_set(fault, -EIO, "this machine has no randomness");
        text_hex(random, sizeof(random), nonce);
        json_t *ids = ids_of(authorities, count);
        CLEANUP_JSON json_t *object = ids ? json_pack("{s:i, s:s, s:s*, s:s*, s:o, s:I, s:s}", "v", VERSION, "csr", csr,
                                                      "kind", kind, "serial", serial, "authorities", ids, "time",
                                                      (json_int_t)time(NULL), "nonce", nonce)
                                          : NULL;
        *ret = object ? json_dumps(object, JSON_COMPACT) : NULL;
        return *ret ? 0 : no_memory(fault);
}

static int read_key(const char *pem, EVP_PKEY **ret, struct fault *fault)
{
        CLEANUP_BIO BIO *in = pem ? BIO_new_mem_buf(pem, -1) : NULL;
        CLEANUP(X509_REQ_freep) X509_REQ *csr = in ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
        EVP_PKEY *key = csr ? X509_REQ_get0_pubkey(csr) : NULL;

        ERR_clear_error();
        if (!key)
                return fault_set(fault, -EBADMSG, "there is no signing request in it");
        if (!is_p256(key))
                return fault_set(fault, -EKEYREJECTED, "its key is not an EC key of P-256");
        bool is_signed = X509_REQ_verify(csr, key) == 1;
        ERR_clear_error();
        if (!is_signed || EVP_PKEY_up_ref(key) != 1)
                return fault_set(fault, -EKEYREJECTED, "the signing request is not signed with its own key");
        *ret = key;
        return 0;
}

static bool is_hex(const char *text, size_t max)
{
        size_t length = text ? strlen(text) : 0;

        return length > 0 && length <= max && strspn(text, "0123456789abcdefABCDEF") == length;
}

static bool read_ids(const json_t *ids, struct request *ret)
{
        size_t i;
        json_t *id;

        if (!json_is_array(ids) || json_array_size(ids) > REQUEST_AUTHORITIES_MAX)
                return false;
        json_array_foreach(ids, i, id)
        {
                if (!is_hex(json_string_value(id), KEY_ID_MAX - 1))
                        return false;
                (void)strcpy(ret->authorities[ret->authority_count++], json_string_value(id));
        }
        return true;
}

static bool read_texts(const json_t *object, struct request *ret)
{
        const json_t *serial = json_object_get(object, "serial"), *time_s = json_object_get(object, "time");
        const char *nonce = json_string_value(json_object_get(object, "nonce"));
        const char *kind = json_string_value(json_object_get(object, "kind"));

        if (!is_hex(nonce, sizeof(ret->nonce) - 1) || !json_is_integer(time_s) ||
            (serial && !is_hex(json_string_value(serial), REQUEST_SERIAL_MAX - 1)))
                return false;
        if (kind && strlen(kind) >= sizeof(ret->kind))
                return false;
        (void)strcpy(ret->kind, kind ? kind : "");
        (void)strcpy(ret->nonce, nonce);
        (void)strcpy(ret->serial, serial ? json_string_value(serial) : "");
        for (char *digit = ret->serial; *digit; digit++)
                *digit = (char)toupper((unsigned char)*digit);
        ret->time_s = json_integer_value(time_s);
        return read_ids(json_object_get(object, "authorities"), ret);
}

int request_read(const char *body, struct request *ret, struct fault *fault)
{
        CLEANUP_JSON json_t *object = read_body(body);

        *ret = (struct request){ 0 };
        if (!object || !read_texts(object, ret))
                return fault_set(fault, -EBADMSG, "this is no request");
        return read_key(json_string_value(json_object_get(object, "csr")), &ret->key, fault);
}

void request_done(struct request *request)
{
        EVP_PKEY_free(request->key);
        *request = (struct request){ 0 };
}

/* ---- The answer -------------------------------------------------------------------------------------------------- */

int answer_body(const char *request_body, const struct answer *answer, char **ret, struct fault *fault)
{
        char digest[KEY_ID_MAX];
        int r = digest_of(request_body, digest, fault);

        if (r < 0)
                return r;
        CLEANUP_JSON json_t *object = json_pack("{s:i, s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "v", VERSION,
                                                "request", digest, "error", answer->error, "name", answer->name, "kind",
                                                answer->kind, "url", answer->url, "certificate",
                                                answer->certificate_pem, "ca", answer->ca_pem, "crl", answer->crl_pem);
        *ret = object ? json_dumps(object, JSON_COMPACT) : NULL;
        return *ret ? 0 : no_memory(fault);
}

void answer_done(struct answer *answer)
{
        X509_free(answer->certificate);
        free(answer->error);
        free(answer->name);
        free(answer->kind);
        free(answer->url);
        free(answer->certificate_pem);
        free(answer->ca_pem);
        free(answer->crl_pem);
        *answer = (struct answer){ 0 };
}

int certificates_read(const char *pem, X509 *ret[], size_t max, size_t *ret_count, struct fault *fault)
{
        CLEANUP_BIO BIO *in = BIO_new_mem_buf(pem, -1);
        size_t count = 0;

        while (in && count < max && (ret[count] = PEM_read_bio_X509(in, NULL, NULL, NULL)))
                count++;
        ERR_clear_error();
        *ret_count = count;
        return count > 0 ? 0 : fault_set(fault, -EBADMSG, "there is no certificate in it");
}

static bool add_authorities(X509_STORE *store, const char *pem)
{
        X509 *certificates[REQUEST_AUTHORITIES_MAX];
        size_t count;
        bool is_added = certificates_read(pem, certificates, ARRAY_SIZE(certificates), &count, NULL) == 0;

        for (size_t i = 0; i < count; i++) {
                is_added = is_added && X509_STORE_add_cert(store, certificates[i]) == 1;
                X509_free(certificates[i]);
        }
        return is_added;
}

static bool add_lists(X509_STORE *store, const char *pem)
{
        CLEANUP_BIO BIO *in = BIO_new_mem_buf(pem, -1);
        X509_CRL *crl;
        size_t count = 0;

        while (in && (crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL))) {
                count += X509_STORE_add_crl(store, crl) == 1;
                X509_CRL_free(crl);
        }
        ERR_clear_error();
        return count > 0;
}

/* The clock of a machine that joins may be years slow: dates are not looked at. */
static bool is_let_pass(const struct answer *answer)
{
        CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
        CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
        bool passes = store && context && add_authorities(store, answer->ca_pem) && add_lists(store, answer->crl_pem) &&
                      X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_NO_CHECK_TIME) == 1 &&
                      X509_STORE_CTX_init(context, store, answer->certificate, NULL) == 1 &&
                      X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1 &&
                      X509_verify_cert(context) == 1;

        ERR_clear_error();
        return passes;
}

static char *take(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? strdup(text) : NULL;
}

/* Its common name is the name, or a later generation of it. */
static bool has_its_name(const struct answer *answer)
{
        char identity[IDENTITY_NAME_MAX], named[IDENTITY_NAME_MAX];
        int n = X509_NAME_get_text_by_NID(X509_get_subject_name(answer->certificate), NID_commonName, identity,
                                          sizeof(identity));

        return n > 0 && (size_t)n == strlen(identity) && strcmp(identity_name(identity, named), answer->name) == 0;
}

static int check(EVP_PKEY *key, struct answer *answer, struct fault *fault)
{
        size_t count = 0;

        if (!answer->name || !answer->kind || !answer->certificate_pem || !answer->ca_pem || !answer->crl_pem)
                return fault_set(fault, -EBADMSG, "the answer lacks something");
        int r = certificates_read(answer->certificate_pem, &answer->certificate, 1, &count, fault);
        if (r < 0)
                return r;
        if (EVP_PKEY_eq(X509_get0_pubkey(answer->certificate), key) != 1) {
                ERR_clear_error();
                return fault_set(fault, -EBADMSG, "the certificate in the answer is for another key");
        }
        if (!has_its_name(answer))
                return fault_set(fault, -EBADMSG, "the certificate in the answer is for another name");
        if (!is_let_pass(answer))
                return fault_set(fault, -EBADMSG,
                                 "the certificate in the answer is not one that its authority lets pass");
        return 0;
}

int answer_read(const char *body, const char *request_body, EVP_PKEY *key, struct answer *ret, struct fault *fault)
{
        CLEANUP_JSON json_t *object = read_body(body);
        const char *to = json_string_value(json_object_get(object, "request"));
        char digest[KEY_ID_MAX];

        *ret = (struct answer){ 0 };
        int r = digest_of(request_body, digest, fault);
        if (r < 0)
                return r;
        if (!object || !to || strcmp(to, digest) != 0)
                return fault_set(fault, -EBADMSG, "this is no answer to the request");
        if ((ret->error = take(object, "error")))
                return 0;
        ret->name = take(object, "name");
        ret->kind = take(object, "kind");
        ret->url = take(object, "url");
        ret->certificate_pem = take(object, "certificate");
        ret->ca_pem = take(object, "ca");
        ret->crl_pem = take(object, "crl");
        r = check(key, ret, fault);
        if (r < 0)
                answer_done(ret);
        return r;
}
