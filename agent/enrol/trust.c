/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/trust.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrol/message.h"
#include "enrol/pair.h"
#include "util/file.h"

#define VERSION   1
#define LISTS_MAX (2 * REQUEST_AUTHORITIES_MAX)
#define FILE_MAX  ((size_t)1024 * 1024)

DEFINE_CLEANUP(BIO, BIO_free_all);
#define CLEANUP_BIO         CLEANUP(BIO_free_allp)
#define CLEANUP_JSON        CLEANUP(json_decrefp)
#define CLEANUP_AUTHORITIES CLEANUP(authorities_done)

/* ---- The authorities --------------------------------------------------------------------------------------------- */

static int read_text(const char *path, char **ret, struct fault *fault)
{
        struct file file = { 0 };
        struct fault why = { 0 };
        int r = file_read(path, FILE_MAX, &file, &why);

        if (r < 0)
                return fault_set(fault, r, "%s %s", path, why.text);
        *ret = file.data;
        return 0;
}

int authorities_read_pem(const char *pem, struct authorities *ret, struct fault *fault)
{
        struct authorities authorities = { 0 };
        int r = certificates_read(pem, authorities.certificates, REQUEST_AUTHORITIES_MAX, &authorities.count, fault);

        if (r < 0)
                return r;
        for (size_t i = 0; i < authorities.count; i++)
                authorities.keys[i] = X509_get0_pubkey(authorities.certificates[i]);
        *ret = authorities;
        return 0;
}

int authorities_read(const char *ca, struct authorities *ret, struct fault *fault)
{
        CLEANUP_FREE char *pem = NULL;

        if (!ca || strcmp(ca, "system") == 0)
                return fault_set(fault, -ENOTSUP, "[tls] ca names no authority of this house");
        int r = read_text(ca, &pem, fault);
        return r < 0 ? r : authorities_read_pem(pem, ret, fault);
}

void authorities_done(struct authorities *authorities)
{
        for (size_t i = 0; i < authorities->count; i++)
                X509_free(authorities->certificates[i]);
        *authorities = (struct authorities){ 0 };
}

static bool is_by(X509 *certificate, EVP_PKEY *key)
{
        bool is_good = key && X509_verify(certificate, key) == 1;

        ERR_clear_error();
        return is_good;
}

static bool is_same_key(const EVP_PKEY *a, const EVP_PKEY *b)
{
        bool is_same = a && b && EVP_PKEY_eq(a, b) == 1;

        ERR_clear_error();
        return is_same;
}

bool authorities_have_successor(const struct authorities *authorities, X509 *certificate)
{
        X509 *youngest = NULL;
        int days, seconds;

        for (size_t i = 0; i < authorities->count; i++) {
                X509 *one = authorities->certificates[i];
                if (!youngest ||
                    (ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(youngest), X509_get0_notBefore(one)) == 1 &&
                     (days > 0 || seconds > 0)))
                        youngest = one;
        }
        return youngest && !is_by(certificate, X509_get0_pubkey(youngest));
}

bool trust_has_successor(const char *ca, X509 *certificate)
{
        CLEANUP_AUTHORITIES struct authorities authorities = { 0 };

        return authorities_read(ca, &authorities, NULL) == 0 && authorities_have_successor(&authorities, certificate);
}

/* One of ours is among them, or has signed one of them. */
static bool is_onward(const struct authorities *ours, const struct authorities *theirs)
{
        for (size_t i = 0; i < ours->count; i++)
                for (size_t k = 0; k < theirs->count; k++)
                        if (is_same_key(ours->keys[i], theirs->keys[k]) ||
                            is_by(theirs->certificates[k], ours->keys[i]))
                                return true;
        return false;
}

/* ---- The lists --------------------------------------------------------------------------------------------------- */

struct lists {
        X509_CRL *crls[LISTS_MAX];
        size_t count;
};

static void lists_done(struct lists *lists)
{
        for (size_t i = 0; i < lists->count; i++)
                X509_CRL_free(lists->crls[i]);
        lists->count = 0;
}
#define CLEANUP_LISTS CLEANUP(lists_done)

static void lists_read(const char *pem, struct lists *ret)
{
        CLEANUP_BIO BIO *in = BIO_new_mem_buf(pem, -1);

        while (in && ret->count < LISTS_MAX && (ret->crls[ret->count] = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL)))
                ret->count++;
        ERR_clear_error();
}

/* Its highest number; 0: none has one. */
static int64_t lists_number(const struct lists *lists)
{
        int64_t highest = 0, number;

        for (size_t i = 0; i < lists->count; i++) {
                ASN1_INTEGER *value = X509_CRL_get_ext_d2i(lists->crls[i], NID_crl_number, NULL, NULL);
                if (value && ASN1_INTEGER_get_int64(&number, value) == 1)
                        highest = MAX(highest, number);
                ASN1_INTEGER_free(value);
        }
        ERR_clear_error();
        return highest;
}

static bool list_is_by_one_of(X509_CRL *list, const struct authorities *authorities)
{
        for (size_t i = 0; i < authorities->count; i++)
                if (X509_CRL_verify(list, authorities->keys[i]) == 1)
                        return true;
        ERR_clear_error();
        return false;
}

int64_t lists_number_of(const char *crl_pem)
{
        CLEANUP_LISTS struct lists lists = { 0 };

        lists_read(crl_pem, &lists);
        return lists_number(&lists);
}

/* ---- Replacing them ---------------------------------------------------------------------------------------------- */

/* What is in use, and what is to be. */
struct change {
        const struct tls_options *tls;
        char *old_ca, *old_crl;
        const char *ca, *crl;
};

static void change_done(struct change *change)
{
        free(change->old_ca);
        free(change->old_crl);
}
#define CLEANUP_CHANGE CLEANUP(change_done)

static int read_old(struct change *change, struct fault *fault)
{
        const struct tls_options *tls = change->tls;

        if (!tls->ca || strcmp(tls->ca, "system") == 0 || !tls->crl)
                return fault_set(fault, -ENOTSUP, "[tls] names no authority and revocation list of this house");
        int r = read_text(tls->ca, &change->old_ca, fault);
        return r < 0 ? r : read_text(tls->crl, &change->old_crl, fault);
}

/* A broken file, or one that has nothing to do with what we trust, would lock us out. */
static int check(const struct change *change, struct fault *fault)
{
        CLEANUP_AUTHORITIES struct authorities ours = { 0 }, theirs = { 0 };
        CLEANUP_LISTS struct lists lists = { 0 };

        int r = authorities_read_pem(change->old_ca, &ours, fault);
        if (r == 0)
                r = authorities_read_pem(change->ca, &theirs, fault);
        if (r < 0)
                return r;
        if (!is_onward(&ours, &theirs))
                return fault_set(fault, -EKEYREJECTED, "the new authorities have nothing to do with those in use");
        lists_read(change->crl, &lists);
        if (lists.count == 0)
                return fault_set(fault, -EBADMSG, "there is no revocation list in it");
        for (size_t i = 0; i < lists.count; i++)
                if (!list_is_by_one_of(lists.crls[i], &theirs) && !list_is_by_one_of(lists.crls[i], &ours))
                        return fault_set(fault, -EKEYREJECTED, "a revocation list in it is by an unknown authority");
        return 0;
}

static int replace(const char *path, const char *text, struct fault *fault)
{
        CLEANUP_FREE char *next = NULL;
        int r = pair_may_replace(path, fault);

        if (r < 0)
                return r;
        if (asprintf(&next, "%s.next", path) < 0) {
                next = NULL;
                return fault_set(fault, -ENOMEM, "out of memory");
        }
        r = file_write(next, path, text, fault);
        if (r == 0)
                r = file_rename(next, path, fault);
        if (r < 0)
                (void)unlink(next);
        return r;
}

/* The lists first: an authority whose list is not there yet would let nobody in. */
static int carry_out(const struct change *change, struct fault *fault)
{
        bool has_crl = strcmp(change->old_crl, change->crl) != 0, has_ca = strcmp(change->old_ca, change->ca) != 0;

        if (!has_crl && !has_ca)
                return 0;
        int r = check(change, fault);
        if (r == 0 && has_crl)
                r = replace(change->tls->crl, change->crl, fault);
        if (r == 0 && has_ca)
                r = replace(change->tls->ca, change->ca, fault);
        return r < 0 ? r : 1;
}

int trust_install(const struct tls_options *tls, const char *ca_pem, const char *crl_pem, struct fault *fault)
{
        CLEANUP_CHANGE struct change change = { .tls = tls, .ca = ca_pem, .crl = crl_pem };
        int r = read_old(&change, fault);

        if (r < 0)
                return r;
        return lists_number_of(crl_pem) < lists_number_of(change.old_crl) ? 0 : carry_out(&change, fault);
}

/* ---- The message ------------------------------------------------------------------------------------------------- */

static int open_message(const char *ca_pem, const void *payload, size_t size, json_t **ret, struct fault *fault)
{
        CLEANUP_AUTHORITIES struct authorities ours = { 0 };
        CLEANUP_FREE char *body = NULL;

        int r = authorities_read_pem(ca_pem, &ours, fault);
        if (r == 0)
                r = message_open_signed(LABEL_TRUST, payload, size, ours.keys, ours.count, &body, fault);
        if (r < 0)
                return r;
        CLEANUP_JSON json_t *object = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
        if (json_integer_value(json_object_get(object, "v")) != VERSION ||
            !json_is_integer(json_object_get(object, "number")) || !json_is_string(json_object_get(object, "ca")) ||
            !json_is_string(json_object_get(object, "crl")))
                return fault_set(fault, -EBADMSG, "this is no message of whom to trust");
        *ret = TAKE_PTR(object);
        return 0;
}

/* The number that is in use already may mean that a crash came between the two files. */
static int take(struct change *change, const json_t *message, int64_t *number, struct fault *fault)
{
        int64_t theirs = json_integer_value(json_object_get(message, "number"));
        int64_t ours = MAX(lists_number_of(change->old_crl), *number);

        change->ca = json_string_value(json_object_get(message, "ca"));
        change->crl = json_string_value(json_object_get(message, "crl"));
        if (theirs < ours)
                return 0;
        int r = carry_out(change, fault);
        if (r >= 0)
                *number = theirs;
        return r;
}

int trust_take(const struct tls_options *tls, const void *payload, size_t size, int64_t *number, struct fault *fault)
{
        CLEANUP_CHANGE struct change change = { .tls = tls };
        CLEANUP_JSON json_t *message = NULL;
        int r = read_old(&change, fault);

        if (r == 0)
                r = open_message(change.old_ca, payload, size, &message, fault);
        return r < 0 ? r : take(&change, message, number, fault);
}
