/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki install NAME.tar: on the Pi. What is checked is what is used, whatever happens to the file meanwhile: it is
 * read once, into memory, and what goes into place is what OpenSSL understood, written again. Whatever fails leaves all as
 * it was: only the renames at the end take things into use, and need no room.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "command.h"
#include "enrol/place_node.h"
#include "host.h"
#include "tar.h"
#include "util/file.h"
#include "util/identity.h"

#define TAR_MAX         (1U << 20)
#define AUTHORITIES_MAX 8
#define AGAIN           "make the tar again with 'sconce-pki renew NAME'; nothing was installed"

DEFINE_CLEANUP(X509_STORE, X509_STORE_free);
DEFINE_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free);
DEFINE_CLEANUP(BIO, BIO_free_all);

enum { MEMBER_CA, MEMBER_CRL, MEMBER_CERT, MEMBER_KEY, MEMBER_URL, MEMBERS };

struct package {
        const char *path;
        struct file file;
        struct tar_member members[MEMBERS];
        X509 *authorities[AUTHORITIES_MAX]; /* two while one takes the other's place, and a list by each */
        X509_CRL *lists[AUTHORITIES_MAX];
        X509 *certificate;
        EVP_PKEY *key;
        char name[NAME_MAX_BYTES];
        char url[BROKER_URL_MAX];
};

static void package_done(struct package *package)
{
        for (size_t i = 0; i < AUTHORITIES_MAX; i++) {
                X509_free(package->authorities[i]);
                X509_CRL_free(package->lists[i]);
        }
        X509_free(package->certificate);
        EVP_PKEY_free(package->key);
        if (package->file.data)
                OPENSSL_cleanse(package->file.data, package->file.size);
        file_done(&package->file);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static int read_tar(struct package *package, struct fault *fault)
{
        static const struct tar_member wanted[MEMBERS] = {
                [MEMBER_CA] = { .name = "ca.crt" },      [MEMBER_CRL] = { .name = "crl.pem" },
                [MEMBER_CERT] = { .name = "node.crt" },  [MEMBER_KEY] = { .name = "node.key" },
                [MEMBER_URL] = { .name = "broker.url" },
        };
        int r = file_read(package->path, TAR_MAX, &package->file, NULL);

        if (r == -EFBIG)
                return fault_set(fault, r, "%s: is over 1 MiB; a node's tar has a few kilobytes", package->path);
        if (r < 0)
                return fault_set(
                        fault, r,
                        "%s: is not a file that can be read; 'sconce-pki node NAME' makes it as issued/NAME.tar",
                        package->path);
        memcpy(package->members, wanted, sizeof(wanted));
        r = tar_read(package->file.data, package->file.size, package->members, MEMBERS, NULL);
        if (r == -ENOTSUP)
                return fault_set(fault, r, "%s: holds something that is not a plain file; nothing was installed",
                                 package->path);
        if (r < 0)
                return fault_set(
                        fault, -EINVAL,
                        "%s: is not a node's tar: it must hold broker.url, ca.crt, crl.pem, node.crt and node.key, and "
                        "nothing else; nothing was installed",
                        package->path);
        return 0;
}

static BIO *open_member(const struct package *package, int member)
{
        return BIO_new_mem_buf(package->members[member].data, (int)package->members[member].size);
}

static int damaged(const struct package *package, int member, struct fault *fault)
{
        ERR_clear_error();
        return fault_set(fault, -EINVAL, "%s: %s is damaged; " AGAIN, package->path, package->members[member].name);
}

/* What else is in the file is nobody's to trust. False: there is no certificate in it. */
static bool read_authorities(BIO *bio, struct package *package)
{
        size_t count = 0;
        bool has_any = false;
        X509 *certificate;

        while (bio && count < AUTHORITIES_MAX && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
                has_any = true;
                if (X509_check_ca(certificate) == 1 && X509_check_issued(certificate, certificate) == X509_V_OK)
                        package->authorities[count++] = certificate;
                else
                        X509_free(certificate);
        }
        return has_any;
}

static int read_members(struct package *package, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *ca = open_member(package, MEMBER_CA);
        CLEANUP(BIO_free_allp) BIO *certificate = open_member(package, MEMBER_CERT);
        CLEANUP(BIO_free_allp) BIO *crl = open_member(package, MEMBER_CRL);
        CLEANUP(BIO_free_allp) BIO *key = open_member(package, MEMBER_KEY);

        for (size_t i = 0; crl && i < AUTHORITIES_MAX; i++)
                package->lists[i] = PEM_read_bio_X509_CRL(crl, NULL, NULL, NULL);
        if (!read_authorities(ca, package))
                return damaged(package, MEMBER_CA, fault);
        if (!certificate || !(package->certificate = PEM_read_bio_X509(certificate, NULL, NULL, NULL)))
                return damaged(package, MEMBER_CERT, fault);
        if (!package->lists[0])
                return damaged(package, MEMBER_CRL, fault);
        if (!key || !(package->key = PEM_read_bio_PrivateKey(key, NULL, no_password, NULL)))
                return damaged(package, MEMBER_KEY, fault);
        return 0;
}

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

static bool add_all(X509_STORE *store, const struct package *package)
{
        bool are_added = true;

        for (size_t i = 0; i < AUTHORITIES_MAX && package->authorities[i]; i++)
                are_added &= X509_STORE_add_cert(store, package->authorities[i]) == 1;
        for (size_t i = 0; i < AUTHORITIES_MAX && package->lists[i]; i++)
                are_added &= X509_STORE_add_crl(store, package->lists[i]) == 1;
        return are_added;
}

/* A Pi's clock may be years slow before it has met the network: of the dates only the end is looked at. */
static bool is_let_pass(const struct package *package)
{
        CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
        CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();

        bool passes = store && context && add_all(store, package) &&
                      X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_NO_CHECK_TIME) == 1 &&
                      X509_STORE_CTX_init(context, store, package->certificate, NULL) == 1 &&
                      X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1 &&
                      X509_verify_cert(context) == 1;
        ERR_clear_error();
        return passes;
}

static int check_name(struct package *package, struct fault *fault)
{
        char identity[IDENTITY_MAX] = "", named[IDENTITY_NAME_MAX];
        int n = X509_NAME_get_text_by_NID(X509_get_subject_name(package->certificate), NID_commonName, identity,
                                          sizeof(identity));
        const char *name = identity_name(identity, named);

        if (n > 0 && (size_t)n == strlen(identity) && name_is_one(name) && !name_is_reserved(name)) {
                (void)strcpy(package->name, name);
                return 0;
        }
        return fault_set(fault, -EINVAL, "%s: the certificate's name '%s' is not a node's; " AGAIN, package->path,
                         identity);
}

static int check_url(struct package *package, struct fault *fault)
{
        const struct tar_member *member = &package->members[MEMBER_URL];
        size_t length = member->size > 0 && ((const char *)member->data)[member->size - 1] == '\n' ? member->size - 1
                                                                                                   : member->size;

        if (length < sizeof(package->url) && !memchr(member->data, '\0', length)) {
                memcpy(package->url, member->data, length);
                package->url[length] = '\0';
                if (!length || broker_url_is_one(package->url))
                        return 0;
        }
        return fault_set(fault, -EINVAL, "%s: broker.url does not hold mqtts://HOST[:PORT]; " AGAIN, package->path);
}

static int check(struct package *package, struct fault *fault)
{
        char today[16];
        time_t now = time(NULL);
        struct tm tm;

        if (X509_check_private_key(package->certificate, package->key) != 1) {
                ERR_clear_error();
                return fault_set(fault, -EKEYREJECTED, "%s: node.key is not the key of node.crt; " AGAIN,
                                 package->path);
        }
        if (!is_let_pass(package))
                return fault_set(fault, -EKEYREJECTED,
                                 "%s: node.crt is not a node's certificate that its ca.crt issued and its crl.pem lets "
                                 "pass; " AGAIN,
                                 package->path);
        if (time_of(X509_get0_notAfter(package->certificate)) <= (int64_t)now) {
                (void)strftime(today, sizeof(today), "%F", localtime_r(&now, &tm));
                return fault_set(fault, -EKEYEXPIRED,
                                 "%s: the certificate has expired (if the date here, %s, is right); " AGAIN,
                                 package->path, today);
        }
        int r = check_name(package, fault);
        return r < 0 ? r : check_url(package, fault);
}

/* ---- In place ---------------------------------------------------------------------------------------------------- */

/* As we write them. */
struct texts {
        char *ca, *crl, *certificate, *key;
};

static void texts_done(struct texts *texts)
{
        free(texts->ca);
        free(texts->crl);
        free(texts->certificate);
        if (texts->key)
                OPENSSL_cleanse(texts->key, strlen(texts->key));
        free(texts->key);
}

static char *take_text(BIO *bio, int is_written)
{
        char *data = NULL;
        long size = is_written == 1 ? BIO_get_mem_data(bio, &data) : 0;
        char *text = size > 0 ? strndup(data, (size_t)size) : NULL;

        (void)BIO_reset(bio);
        return text;
}

static char *take_authorities(BIO *bio, const struct package *package)
{
        int is_written = 1;

        for (size_t i = 0; i < AUTHORITIES_MAX && package->authorities[i] && is_written == 1; i++)
                is_written = PEM_write_bio_X509(bio, package->authorities[i]);
        return take_text(bio, is_written);
}

static char *take_lists(BIO *bio, const struct package *package)
{
        int is_written = 1;

        for (size_t i = 0; i < AUTHORITIES_MAX && package->lists[i] && is_written == 1; i++)
                is_written = PEM_write_bio_X509_CRL(bio, package->lists[i]);
        return take_text(bio, is_written);
}

static int write_texts(const struct package *package, struct texts *ret, struct fault *fault)
{
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_secmem());

        if (bio) {
                ret->ca = take_authorities(bio, package);
                ret->crl = take_lists(bio, package);
                ret->certificate = take_text(bio, PEM_write_bio_X509(bio, package->certificate));
                ret->key = take_text(bio, PEM_write_bio_PrivateKey(bio, package->key, NULL, NULL, 0, NULL, NULL));
        }
        ERR_clear_error();
        return ret->ca && ret->crl && ret->certificate && ret->key ? 0 : fault_set(fault, -ENOMEM, "out of memory");
}

static int place(const struct package *package, const char *root, struct fault *fault)
{
        CLEANUP(texts_done) struct texts texts = { 0 };
        CLEANUP(place_node_done) struct place_node node = { 0 };
        int r = write_texts(package, &texts, fault);
        const struct place_material material = { .name = package->name,
                                                 .url = package->url,
                                                 .ca_pem = texts.ca,
                                                 .crl_pem = texts.crl,
                                                 .certificate_pem = texts.certificate };

        if (r == 0)
                r = place_node_begin(&node, root, texts.key, fault);
        if (r == 0)
                r = place_node_all(&node, &material, fault);
        if (r < 0)
                return r;
        place_node_report(&node, &material, stdout);
        return place_node_start(&node, stdout, fault);
}

static int install(struct package *package, const char *root, struct fault *fault)
{
        int r = read_tar(package, fault);

        if (r == 0)
                r = read_members(package, fault);
        if (r == 0)
                r = check(package, fault);
        return r < 0 ? r : place(package, root, fault);
}

int command_install(const struct command_line *line)
{
        const char *root = getenv("SCONCE_ROOT");
        struct fault fault = { 0 };

        if (line->count != 1)
                return misused("install takes one file, as in 'install hall.tar'");
        if ((!root || !*root) && geteuid() != 0) {
                (void)fault_set(&fault, -EPERM,
                                "install writes to /etc/sconce: run it as root (sudo sconce-pki install %s)",
                                line->words[0]);
                return failed(&fault);
        }
        CLEANUP(package_done) struct package package = { .path = line->words[0] };
        return install(&package, root ? root : "", &fault) < 0 ? failed(&fault) : EXIT_DONE;
}
