/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/own.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/file.h"

#define FILE_MAX ((size_t)256 * 1024)
#define DAY_S    86400

static int read_first(const char *path, X509 **ret, struct fault *fault)
{
        struct file file = { 0 };
        struct fault why = { 0 };
        size_t count = 0;

        int r = file_read(path, FILE_MAX, &file, &why);
        if (r < 0)
                return fault_set(fault, r, "the certificate %s %s", path, why.text);
        r = certificates_read(file.data, ret, 1, &count, NULL);
        file_done(&file);
        return r < 0 ? fault_set(fault, r, "the file %s holds no certificate (PEM)", path) : 0;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
        struct tm tm;

        return ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : 0;
}

static void read_name(const X509 *certificate, char name[static OWN_NAME_MAX])
{
        X509_NAME *subject = X509_get_subject_name(certificate);
        int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
        unsigned char *text = NULL;

        name[0] = '\0';
        if (at < 0)
                return;
        int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (length > 0 && length < OWN_NAME_MAX && !memchr(text, '\0', (size_t)length)) {
                memcpy(name, text, (size_t)length);
                name[length] = '\0';
        }
        OPENSSL_free(text);
}

static void read_serial(const X509 *certificate, char serial[static REQUEST_SERIAL_MAX])
{
        BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
        char *digits = number ? BN_bn2hex(number) : NULL;

        (void)snprintf(serial, REQUEST_SERIAL_MAX, "%s", digits ? digits : "");
        OPENSSL_free(digits);
        BN_free(number);
}

int own_read(const char *path, struct own *ret, struct fault *fault)
{
        struct own own = { 0 };
        int r = read_first(path, &own.certificate, fault);

        if (r < 0)
                return r;
        own.from_s = seconds_of(X509_get0_notBefore(own.certificate));
        own.until_s = seconds_of(X509_get0_notAfter(own.certificate));
        read_name(own.certificate, own.name);
        read_serial(own.certificate, own.serial);
        ERR_clear_error();
        *ret = own;
        return 0;
}

void own_done(struct own *own)
{
        X509_free(own->certificate);
        *own = (struct own){ 0 };
}

int64_t own_due_s(int64_t from_s, int64_t until_s)
{
        return until_s - (until_s - from_s) / 3;
}

int64_t own_renew_at_s(const struct own *own)
{
        return own_due_s(own->from_s, own->until_s);
}

long own_days_left(const struct own *own, int64_t now_s)
{
        int64_t left_s = own->until_s - now_s;

        return (long)(left_s / DAY_S) - (left_s < 0 ? 1 : 0);
}

void own_problem(const struct own *own, int64_t now_s, const char *reason, char ret[static OWN_PROBLEM_MAX])
{
        long days = own_days_left(own, now_s);
        char when[48] = "has ended";

        if (days > 0)
                (void)snprintf(when, sizeof(when), "ends in %ld day%s", days, days == 1 ? "" : "s");
        else if (days == 0)
                (void)snprintf(when, sizeof(when), "ends within a day");
        (void)snprintf(ret, OWN_PROBLEM_MAX, "the certificate %s, and renewing it does not work: %s", when, reason);
}
