/* SPDX-License-Identifier: Apache-2.0 */
#include "system/asker.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enrol/topics.h"
#include "system/pki.h"
#include "system/process.h"
#include "system/stage.h"

static void must(bool ok, const char *what)
{
        if (!ok)
                give_up("the asker cannot go on: %s", what);
}

static const char *text_of(BIO *bio)
{
        char *data = NULL;
        long size = BIO_get_mem_data(bio, &data);
        const char *text = keep_text(strndup(data, (size_t)size));

        BIO_free(bio);
        return text;
}

/* ---- Who asks ---------------------------------------------------------------------------------------------------- */

static struct asker *asker_new(const char *identity)
{
        struct asker *asker = calloc(1, sizeof(*asker));

        must(asker != NULL, "memory");
        (void)keep_text((char *)asker);
        asker->request = format_text("sconce-pki/%s/request", identity);
        asker->answer = format_text("sconce-pki/%s/answer", identity);
        return asker;
}

struct asker *asker_of_code(const char *text)
{
        struct code code;
        struct code_keys keys;

        must(code_parse(text, &code, NULL) == 0 && code_derive(code.secret, &keys, NULL) == 0, text);
        struct asker *asker = asker_new(keys.identity);
        asker->keys = keys;
        return asker;
}

static const char *serial_of(X509 *certificate)
{
        BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
        char *hex = number ? BN_bn2hex(number) : NULL;
        const char *kept = format_text("%s", hex ? hex : "");

        OPENSSL_free(hex);
        BN_free(number);
        return kept;
}

struct asker *asker_of_cert(const char *identity, EVP_PKEY *own, X509 *certificate)
{
        struct asker *asker = asker_new(identity);

        asker->own = own;
        asker->serial = serial_of(certificate);
        return asker;
}

struct asker *asker_of_file(const char *identity, const char *base)
{
        return asker_of_cert(identity, key_load(format_text("%s.key", base)), cert_load(format_text("%s.crt", base)));
}

struct client *asker_at_door(const struct asker *asker, unsigned port)
{
        static unsigned n;

        return client_new(&(struct client_options){ .id = format_text("door%u", n++),
                                                    .port = port,
                                                    .psk_identity = asker->keys.identity,
                                                    .psk = asker->keys.psk });
}

void asker_use(struct asker *asker, struct client *client)
{
        asker->client = client;
        client_subscribe(client, asker->answer);
}

EVP_PKEY *asker_key(void)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        must(key != NULL, "key");
        return key;
}

/* ---- What it asks ------------------------------------------------------------------------------------------------ */

static void add_extensions(X509_REQ *request, const struct csr *csr)
{
        const struct {
                int nid;
                const char *value;
        } wishes[] = {
                { NID_subject_alt_name, csr->sans },
                { NID_basic_constraints, csr->wants_all ? "critical,CA:TRUE" : NULL },
                { NID_key_usage, csr->wants_all ? "critical,keyCertSign,cRLSign,digitalSignature" : NULL },
                { NID_ext_key_usage, csr->wants_all ? "serverAuth,clientAuth,OCSPSigning" : NULL },
        };
        STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();

        for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
                if (!wishes[i].value)
                        continue;
                X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, wishes[i].nid, wishes[i].value);
                must(extension && sk_X509_EXTENSION_push(extensions, extension) > 0, wishes[i].value);
        }
        must(sk_X509_EXTENSION_num(extensions) == 0 || X509_REQ_add_extensions(request, extensions) == 1, "extensions");
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

const char *csr_text(const struct csr *csr)
{
        X509_REQ *request = X509_REQ_new();
        BIO *out = BIO_new(BIO_s_mem());

        must(request && out && X509_REQ_set_pubkey(request, csr->key) == 1, "memory");
        if (csr->cn)
                must(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)csr->cn, -1, -1, 0) == 1,
                     csr->cn);
        add_extensions(request, csr);
        must(X509_REQ_sign(request, csr->by ? csr->by : csr->key, EVP_sha256()) > 0, "signature");
        must(PEM_write_bio_X509_REQ(out, request) == 1, "PEM");
        X509_REQ_free(request);
        return text_of(out);
}

static const char *member_of(const char *json, const char *key)
{
        json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
        const char *text = json_string_value(json_object_get(object, key));
        const char *kept = text ? format_text("%s", text) : NULL;

        json_decref(object);
        return kept;
}

const char *csr_heard(const char *payload, size_t size)
{
        char *body = NULL;

        must(message_peek(payload, size, &body, NULL) == 0, payload);
        return member_of(keep_text(body), "csr");
}

const char *asker_body(const char *csr, const char *serial)
{
        json_t *object = json_pack("{s:i, s:s, s:s*, s:[], s:I, s:s}", "v", 1, "csr", csr, "serial", serial,
                                   "authorities", "time", (json_int_t)time(NULL), "nonce",
                                   "000102030405060708090a0b0c0d0e0f");
        char *text = json_dumps(object, JSON_COMPACT);

        must(text != NULL, "memory");
        json_decref(object);
        return keep_text(text);
}

const char *asker_sealed(const struct asker *asker, const char *body)
{
        EVP_PKEY *const own[] = { asker->own };
        char *text = NULL;
        int r = asker->own ? message_sign(LABEL_RENEW_REQUEST, body, own, 1, &text, NULL)
                           : message_seal(LABEL_JOIN_REQUEST, body, asker->keys.mac, &text, NULL);

        must(r == 0, body);
        return keep_text(text);
}

/* ---- What it hears ----------------------------------------------------------------------------------------------- */

const json_t *asker_opened(const struct asker *asker, const struct message *answer)
{
        X509 *authority = cert_load(format_text("%s.crt", pki_ca(stage.pki)));
        EVP_PKEY *const keys[] = { X509_get0_pubkey(authority) };
        char *body = NULL;

        int r = asker->own
                        ? message_open_signed(LABEL_RENEW_ANSWER, answer->payload, answer->size, keys, 1, &body, NULL)
                        : message_open_sealed(LABEL_JOIN_ANSWER, answer->payload, answer->size, asker->keys.mac, &body,
                                              NULL);
        X509_free(authority);
        return r == 0 ? json_loads(keep_text(body), 0, NULL) : NULL;
}

const json_t *asker_answer(struct asker *asker)
{
        const json_t *answer = asker_opened(asker, client_wait(asker->client, asker->answer, NULL, NULL));

        must(answer != NULL, "the answer is not by the signer");
        return answer;
}

const json_t *asker_ask(struct asker *asker, const char *payload)
{
        client_send(asker->client, asker->request, payload);
        return asker_answer(asker);
}

const char *said(const json_t *answer, const char *what)
{
        const char *text = json_string_value(json_object_get(answer, what));

        return text ? text : "";
}

X509 *said_certificate(const json_t *answer)
{
        BIO *in = BIO_new_mem_buf(said(answer, "certificate"), -1);
        X509 *certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);

        BIO_free(in);
        must(certificate != NULL, said(answer, "error"));
        return certificate;
}
