/* SPDX-License-Identifier: Apache-2.0 */
#include "system/certs.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/process.h"
#include "system/workdir.h"
#include "util/cleanup.h"

/* Every step of libcrypto here either works or is a broken test set-up. */
static void must(bool ok, const char *what)
{
        if (!ok)
                give_up("cannot make a certificate: %s", what);
}

static void extend(X509 *x509, X509V3_CTX *context, int nid, const char *value)
{
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);

        must(extension != NULL, value);
        must(X509_add_ext(x509, extension, -1) == 1, value);
        X509_EXTENSION_free(extension);
}

static void number(X509 *x509)
{
        unsigned char random[8];

        must(RAND_bytes(random, sizeof(random)) == 1, "random numbers");
        random[0] &= 0x7f;
        BIGNUM *serial = BN_bin2bn(random, sizeof(random), NULL);
        must(serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)), "serial number");
        BN_free(serial);
}

static FILE *open_pair(const char *base, const char *suffix, const char *mode)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s%s", base, suffix);
        FILE *file = fopen(path, mode);
        must(file && (mode[0] == 'r' || chmod(path, 0600) == 0), path);
        return file;
}

static void write_pair(const char *base, X509 *x509, EVP_PKEY *key)
{
        CLEANUP_FILE FILE *crt = open_pair(base, ".crt", "we");
        CLEANUP_FILE FILE *out = open_pair(base, ".key", "we");

        must(PEM_write_X509(crt, x509) == 1, base);
        must(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1, base);
}

static void read_pair(const char *base, X509 **ret_x509, EVP_PKEY **ret_key)
{
        CLEANUP_FILE FILE *crt = open_pair(base, ".crt", "re");
        CLEANUP_FILE FILE *in = open_pair(base, ".key", "re");

        *ret_x509 = PEM_read_X509(crt, NULL, NULL, NULL);
        *ret_key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
        must(*ret_x509 && *ret_key, base);
}

static void describe(X509 *x509, const struct cert *cert, X509 *issuer)
{
        X509_NAME *name = X509_get_subject_name(x509);
        const unsigned char *cn = (const unsigned char *)cert->cn;
        X509V3_CTX context;

        must(X509_set_version(x509, X509_VERSION_3) == 1, "version");
        number(x509);
        must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, cn, -1, -1, 0) == 1, cert->cn);
        must(X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1, "issuer");
        bool dated = cert->from_s || cert->until_s;
        must(X509_gmtime_adj(X509_getm_notBefore(x509), dated ? cert->from_s : -DAY_S) != NULL, "start");
        must(X509_gmtime_adj(X509_getm_notAfter(x509), dated ? cert->until_s : DAY_S) != NULL, "end");
        X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
        extend(x509, &context, NID_basic_constraints, cert->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        extend(x509, &context, NID_key_usage,
               cert->is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
        if (cert->sans)
                extend(x509, &context, NID_subject_alt_name, cert->sans);
}

void cert_make(const struct cert *cert)
{
        EVP_PKEY *key = EVP_EC_gen("P-256"), *issuer_key = key;
        X509 *x509 = X509_new(), *issuer = x509;

        must(key && x509, cert->base);
        if (cert->issuer)
                read_pair(cert->issuer, &issuer, &issuer_key);
        must(X509_set_pubkey(x509, key) == 1, "public key");
        describe(x509, cert, issuer);
        must(X509_sign(x509, issuer_key, EVP_sha256()) > 0, "signature");
        write_pair(cert->base, x509, key);
        if (cert->issuer) {
                X509_free(issuer);
                EVP_PKEY_free(issuer_key);
        }
        X509_free(x509);
        EVP_PKEY_free(key);
}

/* ---- The shipped tool -------------------------------------------------------------------------------------------- */

void pki_run(const char *pki, const char *const words[])
{
        const char *argv[16] = { build_path("sconce-pki"), "-d", pki };
        size_t n = 3;
        int status;

        for (size_t i = 0; words[i] && n < ARRAY_SIZE(argv) - 1; i++)
                argv[n++] = words[i];
        struct process *process = process_run(argv, &(struct process_options){ .name = "sconce-pki" }, &status);
        if (status != 0)
                give_up("sconce-pki %s %s failed", words[0], words[1] ? words[1] : "");
        process_free(process);
}

const char *pki_make(const char *name)
{
        const char *pki = work_path("%s", name);

        PKI_RUN(pki, "init");
        PKI_RUN(pki, "broker", "localhost", "127.0.0.1", "::1");
        return pki;
}

/* ---- The stage's
 * ------------------------------------------------------------------------------------------------- */

static const char *copy_from, *copy_to;

static void copy_content(const char *from, const char *to, mode_t mode)
{
        CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
        CLEANUP_CLOSE int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
        char buffer[16384];
        ssize_t n;

        must(in >= 0 && out >= 0, to);
        while ((n = read(in, buffer, sizeof(buffer))) > 0)
                must(write(out, buffer, (size_t)n) == n, to);
        must(n == 0, from);
}

static int copy_one(const char *from, const struct stat *st, int type, struct FTW *at)
{
        char to[PATH_MAX];

        (void)at;
        (void)snprintf(to, sizeof(to), "%s%s", copy_to, from + strlen(copy_from));
        if (type == FTW_D)
                make_dir(to);
        else
                copy_content(from, to, st->st_mode);
        return 0;
}

const char *pki_of_stage(void)
{
        const char *made = getenv("SCONCE_TEST_PKI"), *pki = work_path("pki");
        int status;

        if (made) {
                copy_from = made;
                copy_to = pki;
                must(nftw(made, copy_one, 16, FTW_PHYS) == 0, made);
                return pki;
        }
        struct process *process = process_run((const char *const[]){ source_path("tests/system/make-pki"), pki, NULL },
                                              &(struct process_options){ .name = "make-pki" }, &status);
        if (status != 0)
                give_up("make-pki ended with %d", status);
        process_free(process);
        return pki;
}

/* ---- What is in it
 * ------------------------------------------------------------------------------------------------ */

static const char *below(const char *pki, const char *folder, const char *name)
{
        char *path = NULL;
        if (asprintf(&path, "%s%s%s", pki, folder, name) < 0)
                path = NULL;
        return keep_text(path);
}

const char *pki_ca(const char *pki)
{
        return below(pki, "/", "ca");
}

const char *pki_file(const char *pki, const char *name)
{
        return below(pki, "/", name);
}

const char *pki_issued(const char *pki, const char *name)
{
        return below(pki, "/issued/", name);
}

void sha256_hex(const void *bytes, size_t size, char hex[static 65])
{
        unsigned char digest[32];

        must(EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) == 1, "digest");
        for (size_t i = 0; i < sizeof(digest); i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}
