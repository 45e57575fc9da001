/* SPDX-License-Identifier: Apache-2.0 */
#include "trust_message.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "directory.h"
#include "enrol/message.h"
#include "util/file.h"

#define FILE_MAX (4U << 20)

DEFINE_CLEANUP(BIO, BIO_free_all);
DEFINE_CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free);
#define CLEANUP_JSON CLEANUP(json_decrefp)

static int read_file(const char *path, struct file *ret, struct fault *fault)
{
        struct fault why = { 0 };

        return file_read(path, FILE_MAX, ret, &why) < 0 ? fault_set(fault, why.code, "%s: %s", path, why.text) : 0;
}

/* The list's number grows with each list; the message has it, so that an old one cannot be played again. */
static int number_of(const char *pem, int64_t *ret, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *in = BIO_new_mem_buf(pem, -1);
        CLEANUP(X509_CRL_freep) X509_CRL *crl = in ? PEM_read_bio_X509_CRL(in, NULL, NULL, NULL) : NULL;
        CLEANUP(ASN1_INTEGER_freep)
        ASN1_INTEGER *number = crl ? X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL) : NULL;
        bool is_read = number && ASN1_INTEGER_get_int64(ret, number) == 1;

        ERR_clear_error();
        return is_read ? 0 : fault_set(fault, -EBADMSG, CRL_FILE ": is not a list that has a number");
}

int trust_message(struct transaction *transaction, char **ret, struct fault *fault)
{
        CLEANUP(file_done) struct file ca = { 0 }, crl = { 0 };
        EVP_PKEY *const keys[] = { transaction->authority.key, transaction->predecessor.key };
        int64_t number = 0;
        int r = read_file(AUTHORITY_CERT, &ca, fault);

        if (r == 0)
                r = read_file(CRL_FILE, &crl, fault);
        if (r == 0)
                r = number_of(crl.data, &number, fault);
        if (r < 0)
                return r;
        CLEANUP_JSON json_t *object = json_pack("{s:i, s:I, s:s, s:s}", "v", 1, "number", (json_int_t)number, "ca",
                                                ca.data, "crl", crl.data);
        CLEANUP_FREE char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
        if (!body)
                return fault_set(fault, -ENOMEM, "out of memory");
        return message_sign(LABEL_TRUST, body, keys, transaction->predecessor.key ? 2 : 1, ret, fault);
}
