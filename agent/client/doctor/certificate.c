/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/certificate.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "util/identity.h"
#include "util/url.h"

/* A node renews from two thirds of its two years on: who comes down to this does not renew. */
#define DAYS_ENOUGH 14

DEFINE_CLEANUP(X509_CRL, X509_CRL_free);

/* ---- Ours ---------------------------------------------------------------------------------------------------- */

static bool uses_tls(const struct checkup *checkup)
{
        const struct sconce_list *urls = &checkup->settings.config.broker.urls;
        return url_any_is_tls(urls->items, urls->count);
}

/* Root or the service's user may read it, but not the person who asks. */
static bool is_hidden_from_us(const char *path)
{
        return path && !tls_key_is_uri(path) && access(path, R_OK) < 0 && errno == EACCES;
}

static void mend_files(const struct checkup *checkup, const struct fault *fault, struct verdict *verdict)
{
        const struct tls_options *options = &checkup->settings.config.tls;

        if (fault->code == -EACCES && options->key)
                verdict_mend(verdict, "sudo chmod o= %s", options->key);
        else if (checkup->afar)
                verdict_mend(verdict, "sudo sconce-pki client NAME");
        else
                verdict_mend(verdict, "sudo sconce-pki install NODE.tar");
}

static void judge_days(struct checkup *checkup, struct verdict *verdict)
{
        const char *name = tls_certificate_name(checkup->tls);
        char named[IDENTITY_NAME_MAX];
        long days = 0;

        if (!tls_certificate_days(checkup->tls, &days)) {
                verdict_skip(verdict, "the config names none: a password stands in");
                return;
        }
        if (days >= DAYS_ENOUGH) {
                verdict_ok(verdict, "%s, for another %ld days", name ? name : "without a name", days);
                return;
        }
        if (days < 0)
                verdict_wrong(verdict, "our certificate %s has expired", name ? name : "");
        else
                verdict_wrong(verdict, "our certificate %s ends in %ld days", name ? name : "", days);
        verdict->blocks = days < 0;
        verdict_mend(verdict, "sudo sconce-pki renew %s", name ? identity_name(name, named) : "NAME");
}

/* The list has a check of its own. */
void doctor_certificate(struct checkup *checkup, struct verdict *verdict)
{
        struct tls_options options = checkup->settings.config.tls;
        struct fault fault = { 0 };

        if (!uses_tls(checkup)) {
                verdict_skip(verdict, "the broker's address is without TLS");
                return;
        }
        if (is_hidden_from_us(options.key) || is_hidden_from_us(options.cert) || is_hidden_from_us(options.ca)) {
                verdict_skip(verdict, "you may not read its files: run sudo sconce doctor");
                verdict->blocks = true;
                return;
        }
        options.crl = NULL;
        if (tls_new(&options, &checkup->tls, &fault) < 0) {
                verdict_wrong(verdict, "%s", fault.text);
                mend_files(checkup, &fault, verdict);
                return;
        }
        judge_days(checkup, verdict);
}

/* ---- The list ------------------------------------------------------------------------------------------------ */

static X509_CRL *read_list(const char *path)
{
        CLEANUP_FILE FILE *file = fopen(path, "re");
        X509_CRL *list = file ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : NULL;

        ERR_clear_error();
        return list;
}

static void mend_list(const struct checkup *checkup, struct verdict *verdict)
{
        char named[IDENTITY_NAME_MAX];
        const char *name = checkup->tls ? identity_name(tls_certificate_name(checkup->tls), named) : NULL;

        verdict_mend(verdict, "sudo sconce-pki install %s.tar", name ? name : "NODE");
}

/* One that is out of date still revokes what it names, and nobody is locked out. */
void doctor_crl(struct checkup *checkup, struct verdict *verdict)
{
        const char *path = checkup->settings.config.tls.crl;

        if (!path || !uses_tls(checkup)) {
                verdict_skip(verdict, "the config names no revocation list");
                return;
        }
        CLEANUP(X509_CRL_freep) X509_CRL *list = read_list(path);
        if (!list) {
                verdict_wrong(verdict, "%s cannot be read, or holds no revocation list", path);
                mend_list(checkup, verdict);
                return;
        }
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);
        if (next && X509_cmp_current_time(next) < 0) {
                verdict_wrong(verdict, "the revocation list %s is out of date", path);
                verdict->blocks = false;
                mend_list(checkup, verdict);
                return;
        }
        verdict_ok(verdict, "the revocation list %s is in force", path);
}
