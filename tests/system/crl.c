/* SPDX-License-Identifier: Apache-2.0 */
#include "system/crl.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>

#include "system/process.h"
#include "util/cleanup.h"

static void must(bool ok, const char *what)
{
        if (!ok)
                give_up("cannot make a revocation list: %s", what);
}

static FILE *open_file(const char *base, const char *suffix)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s%s", base, suffix);
        FILE *file = fopen(path, "re");
        must(file != NULL, path);
        return file;
}

static X509 *read_certificate(const char *base)
{
        CLEANUP_FILE FILE *file = open_file(base, ".crt");
        X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);

        must(x509 != NULL, base);
        return x509;
}

static EVP_PKEY *read_key(const char *base)
{
        CLEANUP_FILE FILE *file = open_file(base, ".key");
        EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

        must(key != NULL, base);
        return key;
}

static void add_revoked(X509_CRL *crl, const char *base, ASN1_TIME *when)
{
        X509 *x509 = read_certificate(base);
        X509_REVOKED *entry = X509_REVOKED_new();

        must(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(x509)) == 1, "serial number");
        must(X509_REVOKED_set_revocationDate(entry, when) == 1, "date");
        must(X509_CRL_add0_revoked(crl, entry) == 1, base);
        X509_free(x509);
}

static void add_number(X509_CRL *crl, long value)
{
        ASN1_INTEGER *number = ASN1_INTEGER_new();

        must(number && ASN1_INTEGER_set(number, value) == 1 &&
                     X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1,
             "number");
        ASN1_INTEGER_free(number);
}

static void make(const char *path, const char *issuer, const char *revoked, long until_s, long number)
{
        X509 *ca = read_certificate(issuer);
        EVP_PKEY *key = read_key(issuer);
        X509_CRL *crl = X509_CRL_new();
        ASN1_TIME *start = X509_gmtime_adj(NULL, MIN(until_s, 0L) - 86400L);
        ASN1_TIME *end = X509_gmtime_adj(NULL, until_s);

        must(crl && start && end && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1, "version");
        must(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) == 1, "issuer");
        must(X509_CRL_set1_lastUpdate(crl, start) == 1 && X509_CRL_set1_nextUpdate(crl, end) == 1, "dates");
        if (revoked)
                add_revoked(crl, revoked, start);
        if (number)
                add_number(crl, number);
        must(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, key, EVP_sha256()) > 0, "signature");

        CLEANUP_FILE FILE *file = fopen(path, "we");
        must(file && PEM_write_X509_CRL(file, crl) == 1, path);
        ASN1_TIME_free(start);
        ASN1_TIME_free(end);
        X509_CRL_free(crl);
        EVP_PKEY_free(key);
        X509_free(ca);
}

void crl_make(const char *path, const char *issuer, const char *revoked, long until_s)
{
        make(path, issuer, revoked, until_s, 0);
}

void crl_make_numbered(const char *path, const char *issuer, const char *revoked, long number)
{
        make(path, issuer, revoked, 86400L, number);
}
