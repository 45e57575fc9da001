/* SPDX-License-Identifier: Apache-2.0 */
#include "issue.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "directory.h"
#include "enrol/request.h"
#include "host.h"
#include "roll.h"
#include "tar.h"
#include "util/file.h"
#include "util/text.h"

#define PASSWORD_BYTES 10

/* ---- The first broker -------------------------------------------------------------------------------------------- */

static int take_broker(void *userdata, const struct name *name)
{
        if (name->kind != NAME_BROKER || name->is_revoked)
                return 0;
        (void)strcpy(userdata, name->name);
        return 1;
}

int first_broker(struct registry *registry, char ret[static NAME_MAX_BYTES], struct fault *fault)
{
        int r = registry_each(registry, take_broker, ret, fault);
        return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int link_broker(struct transaction *transaction, struct fault *fault)
{
        static const char *const ends[] = { "crt", "key" };
        char broker[NAME_MAX_BYTES];
        int r = first_broker(transaction->registry, broker, fault);

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ends); i++) {
                char target[NAME_MAX_BYTES + 16];
                (void)snprintf(target, sizeof(target), "issued/%s.%s", broker, ends[i]);
                const struct bytes bytes = { (unsigned char *)target, strlen(target) };
                r = transaction_put(transaction, FILE_LINK, &bytes, fault, "broker.%s", ends[i]);
        }
        return r == -ENOENT ? 0 : r;
}

/* ---- What is packed ---------------------------------------------------------------------------------------------- */

struct made {
        EVP_PKEY *key;
        X509 *certificate;
        struct bytes key_pem, certificate_pem;
        char serial[SERIAL_MAX];
};

static void made_done(struct made *made)
{
        EVP_PKEY_free(made->key);
        X509_free(made->certificate);
        bytes_done(&made->key_pem);
        bytes_done(&made->certificate_pem);
}

static int choose_url(struct transaction *transaction, const struct name *name, struct issued *ret, struct fault *fault)
{
        char broker[NAME_MAX_BYTES];

        if (name->words) {
                (void)snprintf(ret->url, sizeof(ret->url), "%s", name->words[0]);
                return 0;
        }
        int r = first_broker(transaction->registry, broker, fault);
        if (r == 0)
                broker_url_of(broker, ret->url);
        return r == -ENOENT ? 0 : r;
}

static int pack_tar(struct transaction *transaction, const struct name *name, const struct made *made,
                    struct issued *ret, struct fault *fault)
{
        CLEANUP(file_done) struct file ca = { 0 }, crl = { 0 };
        CLEANUP_FREE void *data = NULL;
        char url[sizeof(ret->url) + 1];
        size_t size = 0;
        int r = choose_url(transaction, name, ret, fault);

        if (r == 0)
                r = directory_read(AUTHORITY_CERT, &ca, fault);
        if (r == 0)
                r = directory_read(CRL_FILE, &crl, fault);
        if (r < 0)
                return r;
        (void)snprintf(url, sizeof(url), "%s\n", ret->url);
        const struct tar_member members[] = {
                { "ca.crt", ca.data, ca.size },
                { "crl.pem", crl.data, crl.size },
                { "node.crt", made->certificate_pem.data, made->certificate_pem.size },
                { "node.key", made->key_pem.data, made->key_pem.size },
                { "broker.url", url, strlen(url) },
        };
        r = tar_pack(members, ARRAY_SIZE(members), &data, &size, fault);
        if (r < 0)
                return r;
        const struct bytes bytes = { data, size };
        r = transaction_put(transaction, FILE_SECRET, &bytes, fault, "issued/%s.tar", name->name);
        OPENSSL_cleanse(data, size);
        return r;
}

/* 80 random bits, never on a command line. */
static int make_password(char ret[static PASSWORD_MAX], struct fault *fault)
{
        unsigned char random[PASSWORD_BYTES];

        if (RAND_bytes(random, sizeof(random)) != 1)
                return fault_set(fault, -EIO, "no random numbers");
        text_hex(random, sizeof(random), ret);
        return 0;
}

static int pack_p12(struct transaction *transaction, const struct name *name, const struct made *made,
                    struct issued *ret, struct fault *fault)
{
        CLEANUP(bytes_done) struct bytes p12 = { 0 };
        int r = make_password(ret->password, fault);

        if (r == 0)
                r = authority_pack_p12(&transaction->authority, name->name, made->key, made->certificate, ret->password,
                                       &p12, fault);
        return r < 0 ? r : transaction_put(transaction, FILE_SECRET, &p12, fault, "issued/%s.p12", name->name);
}

/* ---- Issuing ----------------------------------------------------------------------------------------------------- */

/* Home Assistant runs where nobody looks, as a node does. */
static int64_t lifetime_of(const struct name *name)
{
        bool is_short = name->kind == NAME_CLIENT && name->rights != RIGHTS_HOME_ASSISTANT;
        return (int64_t)(is_short ? CLIENT_DAYS : LONG_DAYS) * DAY_S;
}

/* Signs for ret->key. */
static int sign(struct transaction *transaction, const struct name *name, int64_t lifetime_s, struct made *ret,
                struct fault *fault)
{
        char identity[IDENTITY_MAX];

        name_identity(name, identity);
        const struct leaf leaf = { .common_name = identity,
                                   .key = ret->key,
                                   .is_server = name->kind == NAME_BROKER,
                                   .hosts = name->kind == NAME_BROKER ? (const char *const *)name->words : NULL,
                                   .lifetime_s = lifetime_s };
        const struct authority *authority = &transaction->authority;
        int r = name->kind == NAME_BROKER ? roll_broker_authority(transaction, (int64_t)time(NULL), &authority, fault)
                                          : 0;

        if (r == 0)
                r = authority_sign(authority, &leaf, &ret->certificate, ret->serial, fault);
        return r < 0 ? r : certificate_to_pem(ret->certificate, &ret->certificate_pem, fault);
}

static int make(struct transaction *transaction, const struct name *name, struct made *ret, struct fault *fault)
{
        int r = enrol_key_new(NULL, &ret->key, fault);

        if (r == 0)
                r = sign(transaction, name, lifetime_of(name), ret, fault);
        return r < 0 ? r : key_to_pem(ret->key, &ret->key_pem, fault);
}

static int record(struct transaction *transaction, const struct name *name, const struct made *made, struct issued *ret,
                  struct fault *fault)
{
        struct certificate row = { .generation = name->generation,
                                   .not_after_s = time_of(X509_get0_notAfter(made->certificate)) };
        CLEANUP(bytes_done) struct bytes der = { 0 };
        int r = certificate_to_der(made->certificate, &der, fault);

        (void)strcpy(row.serial, made->serial);
        (void)strcpy(row.name, name->name);
        ret->not_after_s = row.not_after_s;
        if (r == 0)
                r = registry_put_certificate(transaction->registry, &row, der.data, der.size, fault);
        return r < 0 ? r : registry_put(transaction->registry, name, fault);
}

static int pack(struct transaction *transaction, const struct name *name, const struct made *made, struct issued *ret,
                struct fault *fault)
{
        switch (name->kind) {
        case NAME_BROKER:
                return link_broker(transaction, fault);
        case NAME_NODE:
                return pack_tar(transaction, name, made, ret, fault);
        case NAME_CLIENT:
                return pack_p12(transaction, name, made, ret, fault);
        }
        return -EINVAL;
}

static int issue_all(struct transaction *transaction, const struct name *name, struct issued *ret, struct fault *fault)
{
        CLEANUP(made_done) struct made made = { 0 };
        enum file_use key_use = name->kind == NAME_BROKER ? FILE_OF_BROKER : FILE_SECRET;
        int r = make(transaction, name, &made, fault);

        *ret = (struct issued){ 0 };
        if (r == 0)
                r = record(transaction, name, &made, ret, fault);
        if (r == 0)
                r = transaction_put(transaction, key_use, &made.key_pem, fault, "issued/%s.key", name->name);
        if (r == 0)
                r = transaction_put(transaction, FILE_PUBLIC, &made.certificate_pem, fault, "issued/%s.crt",
                                    name->name);
        return r < 0 ? r : pack(transaction, name, &made, ret, fault);
}

int issue(struct transaction *transaction, const struct name *name, struct issued *ret, struct fault *fault)
{
        struct fault why = { 0 };
        int r = issue_all(transaction, name, ret, &why);
        return r < 0 ? transaction_failed(transaction, &why, fault) : 0;
}

/* ---- For a key that is elsewhere --------------------------------------------------------------------------------- */

static int drop_packed(struct transaction *transaction, const struct name *name, struct fault *fault)
{
        static const char *const ends[] = { "key", "tar", "p12" };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ends); i++) {
                char path[NAME_MAX_BYTES + 16];
                (void)snprintf(path, sizeof(path), "issued/%s.%s", name->name, ends[i]);
                if (access(path, F_OK) == 0)
                        r = transaction_put(transaction, FILE_REMOVED, NULL, fault, "%s", path);
        }
        return r;
}

int issue_for(struct transaction *transaction, const struct name *name, EVP_PKEY *key,
              char ret_serial[static SERIAL_MAX], struct bytes *ret_pem, struct fault *fault)
{
        CLEANUP(made_done) struct made made = { .key = EVP_PKEY_up_ref(key) == 1 ? key : NULL };
        struct issued issued;
        int r = made.key ? sign(transaction, name, (int64_t)RENEWING_DAYS * DAY_S, &made, fault)
                         : fault_set(fault, -ENOMEM, "out of memory");

        if (r == 0)
                r = record(transaction, name, &made, &issued, fault);
        if (r == 0)
                r = drop_packed(transaction, name, fault);
        if (r == 0)
                r = transaction_put(transaction, FILE_PUBLIC, &made.certificate_pem, fault, "issued/%s.crt",
                                    name->name);
        if (r < 0)
                return r;
        (void)strcpy(ret_serial, made.serial);
        *ret_pem = made.certificate_pem;
        made.certificate_pem = (struct bytes){ 0 };
        return 0;
}
