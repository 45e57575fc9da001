/* SPDX-License-Identifier: Apache-2.0 */
#include "transaction.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl.h"
#include "directory.h"
#include "enrol/message.h"
#include "outside.h"
#include "takeover.h"

#define PUBLISH_FILE "private/publish"

int transaction_failed(const struct transaction *transaction, const struct fault *why, struct fault *fault)
{
        return fault_set(fault, why->code, "%s: %s; nothing was changed", transaction->dir, why->text);
}

/* ---- Beginning --------------------------------------------------------------------------------------------------- */

static int open_registry(struct transaction *transaction, bool is_new, struct fault *fault)
{
        struct fault why = { 0 };
        int r = takeover_is_due() ? takeover(&why) : 0;

        if (r == 0)
                r = registry_open(REGISTRY_FILE, is_new, &transaction->registry, &why);
        if (r == 0)
                takeover_end();
        return r < 0 ? transaction_failed(transaction, &why, fault) : 0;
}

/* mosquitto and nginx read it: not what is issued to others, and not the keys of those who join, which it may forget later. */
static int is_for_broker(void *userdata, const struct outside_file *file)
{
        bool *ret = userdata;

        if (strcmp(file->path, PSK_FILE) != 0 && file->use != FILE_REMOVED && !outside_is(file))
                *ret |= strncmp(file->path, "issued/", strlen("issued/")) != 0 || file->use == FILE_OF_BROKER;
        return 0;
}

static int publish_rest(struct transaction *transaction, struct fault *fault)
{
        int r = registry_each_file(transaction->registry, is_for_broker, &transaction->has_told_less, fault);

        return r < 0 ? r : outside_publish(transaction->registry, fault);
}

/* What a run that was cut short had promised. The signer's service leaves it to root. */
static int go_on(struct transaction *transaction, struct fault *fault)
{
        struct fault why = { 0 };
        int r = directory_is_ours() ? publish_rest(transaction, &why) : 0;

        directory_sweep();
        if (r == 0 && transaction->services.is_system)
                r = directory_give_to_signer(&why);
        return r < 0 ? transaction_failed(transaction, &why, fault) : 0;
}

static bool has_authority(void)
{
        struct stat status;
        return stat(AUTHORITY_CERT, &status) == 0 && status.st_size > 0;
}

static int no_authority(const struct transaction *transaction, struct fault *fault)
{
        return fault_set(fault, -ENOENT, "%s: there is no certificate authority here: run '%s init' first",
                         transaction->dir, transaction->me);
}

static int enter(const struct transaction *transaction, struct fault *fault)
{
        struct stat status;

        if (stat(transaction->dir, &status) < 0)
                return fault_set(fault, -ENOENT, "%s: there is no certificate authority yet: run '%s init' first",
                                 transaction->dir, transaction->me);
        int r = directory_enter(transaction->dir, fault);
        if (r < 0)
                return r;
        /* Of an init that was cut short only the registry may be there. */
        return has_authority() || access(REGISTRY_FILE, F_OK) == 0 ? 0 : no_authority(transaction, fault);
}

static int read_authority(struct transaction *transaction, struct fault *fault)
{
        struct fault why = { 0 };

        if (!has_authority())
                return no_authority(transaction, fault);
        if (access(AUTHORITY_KEY, R_OK) < 0)
                return fault_set(fault, -EACCES,
                                 "%s/" AUTHORITY_KEY
                                 ": cannot be read, and only with it can anything be issued or revoked",
                                 transaction->dir);
        int r = authority_read(AUTHORITY_CERT, AUTHORITY_KEY, &transaction->authority, &why);
        if (r == 0 && access(PREDECESSOR_KEY, F_OK) == 0)
                r = authority_read(PREDECESSOR_CERT, PREDECESSOR_KEY, &transaction->predecessor, &why);
        return r < 0 ? transaction_failed(transaction, &why, fault) : 0;
}

int transaction_begin(struct transaction *transaction, struct fault *fault)
{
        struct fault why = { 0 };
        int r = enter(transaction, fault);

        if (r == 0)
                r = directory_lock(transaction->dir, &transaction->lock_fd, fault);
        if (r == 0)
                r = open_registry(transaction, !has_authority(), fault);
        if (r == 0)
                r = go_on(transaction, fault);
        if (r == 0)
                r = read_authority(transaction, fault);
        if (r < 0)
                return r;
        r = registry_begin(transaction->registry, &why);
        return r < 0 ? transaction_failed(transaction, &why, fault) : 0;
}

int transaction_begin_reading(struct transaction *transaction, struct fault *fault)
{
        bool is_left = true;
        int r = enter(transaction, fault);

        if (r == 0 && !takeover_is_due()) {
                r = open_registry(transaction, !has_authority(), fault);
                if (r == 0 && registry_has_files(transaction->registry, &is_left, fault) < 0)
                        is_left = true;
        }
        if (r == 0 && is_left) {
                registry_close(transaction->registry);
                transaction->registry = NULL;
                r = directory_lock(transaction->dir, &transaction->lock_fd, fault);
                if (r == 0)
                        r = open_registry(transaction, !has_authority(), fault);
                if (r == 0)
                        r = go_on(transaction, fault);
        }
        return r < 0 ? r : read_authority(transaction, fault);
}

static int refuse_another(void *userdata, const struct name *name)
{
        (void)userdata;
        (void)name;
        return 1;
}

/* An init that was cut short may have left a registry of nobody. */
static int check_new(struct transaction *transaction, struct fault *fault)
{
        if (access(AUTHORITY_CERT, F_OK) == 0)
                return fault_set(
                        fault, -EEXIST,
                        "%s: has a certificate authority already, and all that it issued depends on it; choose another "
                        "with -d",
                        transaction->dir);
        int r = registry_each(transaction->registry, refuse_another, NULL, fault);
        if (r > 0)
                return fault_set(fault, -EEXIST,
                                 "%s: ca.crt is gone, but what it issued is in force: bring it back from a backup",
                                 transaction->dir);
        return r;
}

int transaction_begin_new(struct transaction *transaction, bool *ret_made, struct fault *fault)
{
        struct fault why = { 0 };
        int r = directory_make(transaction->dir, fault);

        if (r == 0)
                r = directory_enter(transaction->dir, fault);
        if (r == 0)
                r = directory_fill(transaction->dir, ret_made, fault);
        if (r == 0)
                r = directory_lock(transaction->dir, &transaction->lock_fd, fault);
        if (r == 0)
                r = open_registry(transaction, true, fault);
        if (r == 0)
                r = go_on(transaction, fault);
        if (r == 0)
                r = check_new(transaction, fault);
        if (r < 0)
                return r;
        r = registry_begin(transaction->registry, &why);
        return r < 0 ? transaction_failed(transaction, &why, fault) : 0;
}

/* ---- Ending ------------------------------------------------------------------------------------------------------ */

int transaction_put(struct transaction *transaction, enum file_use use, const struct bytes *bytes, struct fault *fault,
                    const char *format, ...)
{
        CLEANUP_FREE char *path = NULL;
        va_list arguments;

        va_start(arguments, format);
        int n = vasprintf(&path, format, arguments);
        va_end(arguments);
        if (n < 0)
                return fault_set(fault, -ENOMEM, "out of memory");
        const struct outside_file file = { path, use, bytes ? bytes->data : NULL, bytes ? bytes->size : 0 };
        return registry_put_file(transaction->registry, &file, fault);
}

int transaction_sign(const struct transaction *transaction, const char *label, const char *body, char **ret,
                     struct fault *fault)
{
        EVP_PKEY *const keys[] = { transaction->authority.key, transaction->predecessor.key };

        return message_sign(label, body, keys, keys[1] ? 2 : 1, ret, fault);
}

/* While there are two authorities each signs a list of its own: a reader looks for that of the certificate's issuer. */
int transaction_list_revoked(struct transaction *transaction, struct fault *fault)
{
        CLEANUP(bytes_done) struct bytes pem = { 0 }, older = { 0 };
        int64_t number = 0;
        int r = registry_next_crl_number(transaction->registry, &number, fault);

        if (r == 0)
                r = authority_list_revoked(&transaction->authority, transaction->registry, number, &pem, fault);
        if (r == 0 && transaction->predecessor.key)
                r = authority_list_revoked(&transaction->predecessor, transaction->registry, number, &older, fault);
        if (r == 0)
                r = bytes_append(&pem, &older, fault);
        return r < 0 ? r : transaction_put(transaction, FILE_PUBLIC, &pem, fault, CRL_FILE);
}

static int put_text(struct transaction *transaction, const char *path, const char *text, struct fault *fault)
{
        const struct bytes bytes = { (unsigned char *)(uintptr_t)text, strlen(text) };

        return transaction_put(transaction, FILE_OF_BROKER, &bytes, fault, "%s", path);
}

/* What the broker goes by. */
static int put_lists(struct transaction *transaction, struct fault *fault)
{
        CLEANUP_FREE char *acl = NULL, *psk = NULL;
        int r = acl_text(transaction->registry, NULL, &acl, fault);

        if (r == 0)
                r = psk_text(transaction->registry, &psk, fault);
        if (r == 0)
                r = put_text(transaction, ACL_FILE, acl, fault);
        if (r == 0)
                r = put_text(transaction, PSK_FILE, psk, fault);
        if (psk)
                OPENSSL_cleanse(psk, strlen(psk));
        return r;
}

/* The unit sconce-pki-publish.path waits for this, and has root run 'sconce-pki publish'. */
static int ask_to_publish(struct fault *fault)
{
        CLEANUP_CLOSE int fd = open(PUBLISH_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 || write(fd, "\n", 1) != 1)
                return fault_set(fault, -errno, PUBLISH_FILE ": %s", strerror(errno));
        return 0;
}

int transaction_commit(struct transaction *transaction, struct fault *fault)
{
        struct fault why = { 0 };
        bool is_ours = directory_is_ours();
        int r = transaction->keeps_lists ? 0 : put_lists(transaction, &why);

        if (r == 0 && is_ours)
                r = registry_each_file(transaction->registry, is_for_broker, &transaction->has_told_less, &why);
        if (r == 0 && is_ours)
                r = outside_prepare(transaction->registry, &why);
        if (r == 0)
                r = registry_commit(transaction->registry, &why);
        if (r < 0) {
                directory_sweep();
                return transaction_failed(transaction, &why, fault);
        }
        transaction->has_happened = true;
        r = is_ours ? outside_publish(transaction->registry, &why) : ask_to_publish(&why);
        if (r < 0)
                return fault_set(fault, r,
                                 "%s: %s; it has happened all the same, and the next run of %s goes on from here",
                                 transaction->dir, why.text, transaction->me);
        return 0;
}

void transaction_end(struct transaction *transaction)
{
        registry_close(transaction->registry);
        transaction->registry = NULL;
        authority_done(&transaction->authority);
        authority_done(&transaction->predecessor);
        if (transaction->lock_fd > 0)
                (void)close(transaction->lock_fd);
        transaction->lock_fd = 0;
}
