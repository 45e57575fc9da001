/* SPDX-License-Identifier: Apache-2.0 */
#include "system/renewal_signer.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "enrol/request.h"
#include "system/pki.h"
#include "system/process.h"
#include "system/workdir.h"
#include "util/identity.h"

static void must(bool ok, const char *what)
{
        if (!ok)
                give_up("the signer cannot go on: %s", what);
}

static const char *text_of(const char *path)
{
        char *text = read_file(path);

        must(text != NULL, path);
        return keep_text(text);
}

static X509 *certificate_of(const char *base)
{
        return cert_load(format_text("%s.crt", base));
}

static EVP_PKEY *key_of(const char *base)
{
        return key_load(format_text("%s.key", base));
}

static const char *signed_text(const char *label, const char *body, const char *by)
{
        EVP_PKEY *key = key_of(by);
        char *text = NULL;

        must(message_sign(label, body, &key, 1, &text, NULL) == 0, label);
        EVP_PKEY_free(key);
        return keep_text(text);
}

/* ---- The certificate --------------------------------------------------------------------------------------------- */

static void describe(X509 *x509, const struct signing *signing, X509 *issuer)
{
        const unsigned char *cn = (const unsigned char *)signing->name;
        unsigned char random[8];

        must(RAND_bytes(random, sizeof(random)) == 1, "random numbers");
        random[0] &= 0x7f;
        BIGNUM *serial = BN_bin2bn(random, sizeof(random), NULL);
        must(serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)), "serial number");
        BN_free(serial);
        must(X509_set_version(x509, X509_VERSION_3) == 1 &&
                     X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8, cn, -1, -1, 0) == 1 &&
                     X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1 &&
                     X509_gmtime_adj(X509_getm_notBefore(x509), -60 - signing->age_days * 86400L) &&
                     X509_gmtime_adj(X509_getm_notAfter(x509), signing->days * 86400L + 3600),
             "certificate");
}

static const char *issue(EVP_PKEY *asked, const struct signing *signing)
{
        X509 *issuer = certificate_of(signing->authority), *x509 = X509_new();
        EVP_PKEY *key = key_of(signing->authority);
        BIO *out = BIO_new(BIO_s_mem());
        char *data = NULL;

        must(x509 && out, "memory");
        describe(x509, signing, issuer);
        must(X509_set_pubkey(x509, asked) == 1 && X509_sign(x509, key, EVP_sha256()) > 0, "signature");
        must(PEM_write_bio_X509(out, x509) == 1, "PEM");
        long size = BIO_get_mem_data(out, &data);
        const char *pem = keep_text(strndup(data, (size_t)size));
        BIO_free(out);
        X509_free(x509);
        X509_free(issuer);
        EVP_PKEY_free(key);
        return pem;
}

void renewal_signer_certify(const char *csr, const struct signing *signing, const char *cert)
{
        FILE *file = fopen(csr, "re");
        must(file != NULL, csr);
        X509_REQ *request = PEM_read_X509_REQ(file, NULL, NULL, NULL);
        (void)fclose(file);
        must(request != NULL, csr);
        write_file(cert, "%s", issue(X509_REQ_get0_pubkey(request), signing));
        X509_REQ_free(request);
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static const char *open_request(const char *payload, size_t size, const struct signing *signing)
{
        X509 *asker = certificate_of(signing->asker);
        EVP_PKEY *key = X509_get0_pubkey(asker);
        char *body = NULL;

        must(message_open_signed(LABEL_RENEW_REQUEST, payload, size, &key, 1, &body, NULL) == 0,
             "the request is not signed with the present key");
        X509_free(asker);
        return keep_text(body);
}

const char *renewal_signer_answer(const char *payload, size_t size, const struct signing *signing)
{
        const char *body = open_request(payload, size, signing);
        char named[IDENTITY_NAME_MAX];
        struct answer answer = { .error = (char *)(uintptr_t)signing->error };
        struct request request;
        char *text = NULL;

        must(request_read(body, &request, NULL) == 0, "this is no request");
        if (!signing->error) {
                answer.name = (char *)(uintptr_t)identity_name(signing->name, named);
                answer.kind = (char *)(uintptr_t) "node";
                answer.certificate_pem = (char *)(uintptr_t)issue(request.key, signing);
                answer.ca_pem = (char *)(uintptr_t)text_of(signing->ca);
                answer.crl_pem = (char *)(uintptr_t)text_of(signing->crl);
        }
        must(answer_body(body, &answer, &text, NULL) == 0, "the answer");
        request_done(&request);
        return signed_text(LABEL_RENEW_ANSWER, keep_text(text),
                           signing->signed_by ? signing->signed_by : signing->authority);
}

const char *renewal_signer_trust(const char *signed_by, long number, const char *ca, const char *crl)
{
        json_t *body = json_pack("{s:i, s:I, s:s, s:s}", "v", 1, "number", (json_int_t)number, "ca", text_of(ca), "crl",
                                 text_of(crl));
        char *text = json_dumps(body, JSON_COMPACT);

        must(text != NULL, "memory");
        json_decref(body);
        return signed_text(LABEL_TRUST, keep_text(text), signed_by);
}
