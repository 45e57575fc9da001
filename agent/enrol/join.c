/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "bus/tls.h"

DEFINE_CLEANUP(BIO, BIO_free_all);

/* ---- The code ---------------------------------------------------------------------------------------------------- */

int join_code(const char *word, struct code *ret, struct fault *fault)
{
        char line[2 * CODE_TEXT_MAX];

        if (strcmp(word, "-") != 0)
                return code_parse(word, ret, fault);
        if (!fgets(line, sizeof(line), stdin))
                return fault_set(fault, -EINVAL, "there is no code on standard input: it is one line");
        int r = code_parse(line, ret, fault);
        explicit_bzero(line, sizeof(line));
        return r;
}

/* ---- The key ----------------------------------------------------------------------------------------------------- */

#define TPM_DEVICE "/dev/tpmrm0"

/* Another way to a TPM, such as a simulated one, has no device. */
static int find_tpm(struct fault *fault)
{
        if (!getenv("TPM2OPENSSL_TCTI") && access(TPM_DEVICE, F_OK) < 0)
                return fault_set(fault, -ENODEV,
                                 "this machine has no TPM 2.0 that the kernel knows of: there is no " TPM_DEVICE
                                 "; without --tpm the key is a file");
        if (tls_tpm_load(NULL) < 0)
                return fault_set(fault, -ENOENT,
                                 "OpenSSL cannot use the TPM: install its provider (sudo apt install tpm2-openssl), "
                                 "then run this again");
        return 0;
}

/* In memory that is wiped when it is freed. */
static int write_pem(struct join_key *key, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *out = BIO_new(BIO_s_secmem());
        char *data = NULL;

        if (!out || PEM_write_bio_PrivateKey(out, key->key, NULL, NULL, 0, NULL, NULL) != 1) {
                ERR_clear_error();
                return fault_set(fault, -EIO, "the key cannot be written as text");
        }
        long size = BIO_get_mem_data(out, &data);
        key->pem = size > 0 ? strndup(data, (size_t)size) : NULL;
        return key->pem ? 0 : fault_set(fault, -ENOMEM, "out of memory");
}

int join_key_new(bool is_in_tpm, struct join_key *ret, struct fault *fault)
{
        struct join_key key = { 0 };
        int r = is_in_tpm ? find_tpm(fault) : 0;

        if (r == 0)
                r = enrol_key_new(is_in_tpm ? TLS_TPM_PROPERTIES : NULL, &key.key, fault);
        if (r == 0)
                r = write_pem(&key, fault);
        if (r < 0)
                join_key_done(&key);
        else
                *ret = key;
        return r;
}

void join_key_done(struct join_key *key)
{
        if (key->pem)
                explicit_bzero(key->pem, strlen(key->pem));
        free(key->pem);
        EVP_PKEY_free(key->key);
        *key = (struct join_key){ 0 };
}

/* ---- The answer -------------------------------------------------------------------------------------------------- */

struct place_material join_material(const struct code *code, const struct answer *answer, char url[static URL_TEXT_MAX])
{
        bool is_ipv6 = strchr(code->host, ':') != NULL;
        struct url parsed;

        (void)snprintf(url, URL_TEXT_MAX, is_ipv6 ? "mqtts://[%s]" : "mqtts://%s", code->host);
        return (struct place_material){
                .name = answer->name,
                .url = answer->url && url_parse(answer->url, &parsed, NULL) == 0 ? answer->url : url,
                .certificate_pem = answer->certificate_pem,
                .ca_pem = answer->ca_pem,
                .crl_pem = answer->crl_pem,
        };
}
