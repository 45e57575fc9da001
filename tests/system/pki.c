/* SPDX-License-Identifier: Apache-2.0 */
#include "system/pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "system/workdir.h"
#include "util/cleanup.h"

/* ---- Running it ---------------------------------------------------------------------------------------------- */

struct process *pki_try(const char *pki, int *ret_status, const char *const words[])
{
        const char *argv[16] = { build_path("sconce-pki"), "-d", pki };
        size_t n = 3;

        for (size_t i = 0; words[i] && n < ARRAY_SIZE(argv) - 1; i++)
                argv[n++] = words[i];
        return process_run(argv, &(struct process_options){ .name = "sconce-pki" }, ret_status);
}

const char *pki_output(const char *pki, const char *const words[])
{
        int status;

        struct process *process = pki_try(pki, &status, words);
        if (status != 0)
                give_up("sconce-pki %s ended with %d", words[0], status);
        const char *text = keep_text(strdup(process->out.text ? process->out.text : ""));
        process_free(process);
        return text;
}

void assert_pki_fails(const char *pki, int status, const char *const words[], const char *format, ...)
{
        char wanted[2048] = "sconce-pki: ";
        int ended;
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), format, arguments);
        va_end(arguments);
        strncat(wanted, status == 2 ? "\nsconce-pki --help lists the commands\n" : "\n",
                sizeof(wanted) - strlen(wanted) - 1);
        struct process *process = pki_try(pki, &ended, words);
        assert_string_equal(process->err.text ? process->err.text : "", wanted);
        assert_int_equal(ended, status);
        process_free(process);
}

/* ---- What it has made ---------------------------------------------------------------------------------------- */

X509 *cert_load(const char *path)
{
        CLEANUP_FILE FILE *file = fopen(path, "re");
        X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

        if (!cert)
                give_up("%s is not a certificate", path);
        return cert;
}

EVP_PKEY *key_load(const char *path)
{
        CLEANUP_FILE FILE *file = fopen(path, "re");
        EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

        if (!key)
                give_up("%s is not a key", path);
        return key;
}

X509 *pki_cert(const char *pki, const char *name)
{
        char file[300];

        (void)snprintf(file, sizeof(file), "%s.crt", name);
        return cert_load(pki_issued(pki, file));
}

X509_CRL *pki_crl(const char *pki)
{
        CLEANUP_FILE FILE *file = fopen(pki_file(pki, "crl.pem"), "re");
        X509_CRL *crl = file ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : NULL;

        if (!crl)
                give_up("%s has no revocation list", pki);
        return crl;
}

bool pki_revoked(const char *pki, X509 *cert)
{
        X509_REVOKED *entry = NULL;

        X509_CRL *crl = pki_crl(pki);
        bool revoked = X509_CRL_get0_by_cert(crl, &entry, cert) == 1;
        X509_CRL_free(crl);
        return revoked;
}

const char *cert_subject(X509 *cert)
{
        return keep_text(X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0));
}

const char *cert_extension(X509 *cert, int nid)
{
        char *data = NULL, *text = NULL;

        int at = X509_get_ext_by_NID(cert, nid, -1);
        if (at < 0)
                return "none";
        X509_EXTENSION *found = X509_get_ext(cert, at);
        BIO *out = BIO_new(BIO_s_mem());
        if (!out || X509V3_EXT_print(out, found, 0, 0) != 1)
                give_up("cannot print a certificate's extension");
        long size = BIO_get_mem_data(out, &data);
        if (asprintf(&text, "%s%.*s", X509_EXTENSION_get_critical(found) ? "critical " : "", (int)size, data) < 0)
                text = NULL;
        BIO_free(out);
        return keep_text(text);
}

int days_until(const ASN1_TIME *end)
{
        int days = 0, seconds = 0;

        if (ASN1_TIME_diff(&days, &seconds, NULL, end) != 1)
                give_up("a date cannot be read");
        return days + (seconds > DAY_S / 2);
}

void assert_mode(const char *path, unsigned mode)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                give_up("%s is not there", path);
        if ((st.st_mode & 07777) != mode)
                give_up("%s has mode %o, not %o", path, st.st_mode & 07777, mode);
}

bool file_has(const char *path, const char *text)
{
        CLEANUP_FREE char *content = read_file(path);
        return content && strstr(content, text);
}

/* ---- A program's authority ----------------------------------------------------------------------------------- */

const char *pki_open(void)
{
        workdir_make();
        return pki_make("pki");
}

int pki_close(void **state)
{
        (void)state;
        process_free_all();
        workdir_remove();
        return 0;
}
