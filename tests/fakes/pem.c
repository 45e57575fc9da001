/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes/pem.h"

#include <dirent.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

int pem_dir_make(struct pem_dir *dir)
{
        (void)snprintf(dir->path, sizeof(dir->path), "%s/sconce-pem-XXXXXX",
                       getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        return mkdtemp(dir->path) ? 0 : -1;
}

void pem_dir_remove(struct pem_dir *dir)
{
        DIR *list = opendir(dir->path);
        struct dirent *entry;

        while (list && (entry = readdir(list)))
                if (entry->d_name[0] != '.')
                        (void)unlink(pem_path(dir, entry->d_name));
        if (list)
                (void)closedir(list);
        (void)rmdir(dir->path);
}

const char *pem_path(const struct pem_dir *dir, const char *name)
{
        static char paths[8][PATH_MAX];
        static unsigned at;
        char *path = paths[at++ % 8];

        (void)snprintf(path, PATH_MAX, "%s/%s", dir->path, name);
        return path;
}

static FILE *create(const struct pem_dir *dir, const char *name, const char *suffix)
{
        char file[NAME_MAX];

        (void)snprintf(file, sizeof(file), "%s%s", name, suffix);
        FILE *out = fopen(pem_path(dir, file), "we");
        assert_non_null(out);
        assert_int_equal(fchmod(fileno(out), 0600), 0);
        return out;
}

void pem_pair(const struct pem_dir *dir, const char *name, int days)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *x509 = X509_new();
        X509_NAME *subject = X509_get_subject_name(x509);

        assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
        assert_int_equal(
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0), 1);
        assert_int_equal(X509_set_issuer_name(x509, subject), 1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 7), 1);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), -10 * 86400L));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), days * 86400L + 60));
        assert_int_equal(X509_set_pubkey(x509, key), 1);
        assert_true(X509_sign(x509, key, EVP_sha256()) > 0);

        FILE *out = create(dir, name, ".crt");
        assert_int_equal(PEM_write_X509(out, x509), 1);
        (void)fclose(out);
        out = create(dir, name, ".key");
        assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
        (void)fclose(out);
        X509_free(x509);
        EVP_PKEY_free(key);
}

static EVP_PKEY *read_key(const struct pem_dir *dir, const char *name)
{
        char file[NAME_MAX];

        (void)snprintf(file, sizeof(file), "%s.key", name);
        FILE *in = fopen(pem_path(dir, file), "re");
        assert_non_null(in);
        EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
        (void)fclose(in);
        assert_non_null(key);
        return key;
}

void pem_crl(const struct pem_dir *dir, const char *name, const char *file)
{
        EVP_PKEY *key = read_key(dir, name);
        X509_CRL *crl = X509_CRL_new();
        X509_NAME *issuer = X509_NAME_new();
        ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

        assert_int_equal(
                X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0), 1);
        assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
        assert_int_equal(X509_CRL_set_issuer_name(crl, issuer), 1);
        assert_int_equal(X509_CRL_set1_lastUpdate(crl, now), 1);
        assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
        FILE *out = create(dir, file, "");
        assert_int_equal(PEM_write_X509_CRL(out, crl), 1);
        (void)fclose(out);
        ASN1_TIME_free(now);
        X509_NAME_free(issuer);
        X509_CRL_free(crl);
        EVP_PKEY_free(key);
}

void pem_encrypt(const struct pem_dir *dir, const char *name, const char *file)
{
        EVP_PKEY *key = read_key(dir, name);
        unsigned char passphrase[] = "secret";
        FILE *out = create(dir, file, "");

        assert_int_equal(PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), passphrase, 6, NULL, NULL), 1);
        (void)fclose(out);
        EVP_PKEY_free(key);
}

void pem_write(const struct pem_dir *dir, const char *file, const char *text, mode_t mode)
{
        FILE *out = create(dir, file, "");

        (void)fputs(text, out);
        assert_int_equal(fchmod(fileno(out), mode), 0);
        (void)fclose(out);
}
