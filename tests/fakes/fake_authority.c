/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/fake_authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "util/file.h"

#define DAY_S 86400L

static char *text_of(BIO *bio)
{
        char *data;
        long size = BIO_get_mem_data(bio, &data);
        char *text = strndup(data, (size_t)size);

        assert_non_null(text);
        assert_int_equal(BIO_free(bio), 1);
        return text;
}

static char *certificate_text(X509 *certificate)
{
        BIO *bio = BIO_new(BIO_s_mem());

        assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
        return text_of(bio);
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        assert_non_null(extension);
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        X509_EXTENSION_free(extension);
}

static X509 *begin(EVP_PKEY *key, const char *cn, long serial)
{
        X509 *certificate = X509_new();

        assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
        assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                                    (const unsigned char *)cn, -1, -1, 0),
                         1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial), 1);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 30 * DAY_S));
        assert_int_equal(X509_set_pubkey(certificate, key), 1);
        return certificate;
}

static char *make_list(const struct fake_authority *authority, long serial, long list_number)
{
        X509_CRL *crl = X509_CRL_new();
        ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *later = X509_gmtime_adj(NULL, 30 * DAY_S);
        BIO *bio = BIO_new(BIO_s_mem());

        assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
        assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->certificate)), 1);
        assert_int_equal(X509_CRL_set1_lastUpdate(crl, now), 1);
        assert_int_equal(X509_CRL_set1_nextUpdate(crl, later), 1);
        if (serial != 0) {
                X509_REVOKED *revoked = X509_REVOKED_new();
                ASN1_INTEGER *number = ASN1_INTEGER_new();
                assert_int_equal(ASN1_INTEGER_set(number, serial), 1);
                assert_int_equal(X509_REVOKED_set_serialNumber(revoked, number), 1);
                assert_int_equal(X509_REVOKED_set_revocationDate(revoked, now), 1);
                assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
                ASN1_INTEGER_free(number);
        }
        if (list_number != 0) {
                ASN1_INTEGER *number = ASN1_INTEGER_new();
                assert_int_equal(ASN1_INTEGER_set(number, list_number), 1);
                assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0), 1);
                ASN1_INTEGER_free(number);
        }
        assert_true(X509_CRL_sign(crl, authority->key, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_bio_X509_CRL(bio, crl), 1);
        ASN1_TIME_free(now);
        ASN1_TIME_free(later);
        X509_CRL_free(crl);
        return text_of(bio);
}

void fake_authority_make(struct fake_authority *authority, const char *cn)
{
        authority->key = EVP_EC_gen("P-256");
        authority->certificate = begin(authority->key, cn, 1);
        assert_int_equal(X509_set_issuer_name(authority->certificate, X509_get_subject_name(authority->certificate)),
                         1);
        add_extension(authority->certificate, authority->certificate, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(authority->certificate, authority->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
        assert_true(X509_sign(authority->certificate, authority->key, EVP_sha256()) > 0);
        authority->ca_pem = certificate_text(authority->certificate);
        authority->crl_pem = make_list(authority, 0, 0);
}

static char *read_text(const char *path)
{
        struct file file;
        struct fault fault = { 0 };

        if (file_read(path, 1U << 20, &file, &fault) < 0)
                fail_msg("%s: %s", path, fault.text);
        return file.data;
}

void fake_authority_load(struct fake_authority *authority, const char *ca, const char *crl_file)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s.crt", ca);
        authority->ca_pem = read_text(path);
        authority->crl_pem = read_text(crl_file);
        (void)snprintf(path, sizeof(path), "%s.key", ca);
        char *key = read_text(path);
        BIO *bio = BIO_new_mem_buf(key, -1);
        authority->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
        free(key);
        bio = BIO_new_mem_buf(authority->ca_pem, -1);
        authority->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
        assert_non_null(authority->key);
        assert_non_null(authority->certificate);
}

void fake_authority_done(struct fake_authority *authority)
{
        EVP_PKEY_free(authority->key);
        X509_free(authority->certificate);
        free(authority->ca_pem);
        free(authority->crl_pem);
        *authority = (struct fake_authority){ 0 };
}

char *fake_authority_issue(const struct fake_authority *authority, EVP_PKEY *key, const char *cn, long serial)
{
        X509 *certificate = begin(key, cn, serial);

        assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate)), 1);
        add_extension(certificate, authority->certificate, NID_basic_constraints, "critical,CA:FALSE");
        add_extension(certificate, authority->certificate, NID_ext_key_usage, "clientAuth");
        assert_true(X509_sign(certificate, authority->key, EVP_sha256()) > 0);
        char *text = certificate_text(certificate);
        X509_free(certificate);
        return text;
}

char *fake_authority_revoke(const struct fake_authority *authority, long serial)
{
        return make_list(authority, serial, 0);
}

char *fake_authority_list(const struct fake_authority *authority, long number)
{
        return make_list(authority, 0, number);
}
