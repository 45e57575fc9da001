/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/tls.h"
#include "util/file.h"

#define CERT_FILE_MAX ((size_t)256 * 1024)

DEFINE_CLEANUP(BIO, BIO_free_all);
DEFINE_CLEANUP(X509, X509_free);
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
#define CLEANUP_BIO  CLEANUP(BIO_free_allp)
#define CLEANUP_X509 CLEANUP(X509_freep)
#define CLEANUP_KEY  CLEANUP(EVP_PKEY_freep)

struct pair {
        char *cert, *key;
        char *next_cert, *next_key; /* the key's own name where it stays */
        bool keeps_key;
        bool is_half; /* the certificate is new and the key is not: what lies beside is needed */
        int lock;     /* the directory of the certificate */
};

static int no_memory(struct fault *fault)
{
        return fault_set(fault, -ENOMEM, "out of memory");
}

static char *next_of(const char *path)
{
        char *next = NULL;

        return asprintf(&next, "%s.next", path) < 0 ? NULL : next;
}

static char *directory_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");
}

int pair_may_replace(const char *path, struct fault *fault)
{
        CLEANUP_FREE char *directory = directory_of(path);
        struct stat st;

        if (!directory)
                return no_memory(fault);
        if (lstat(path, &st) < 0)
                return fault_set(fault, -errno, "%s cannot be replaced: %s", path, strerror(errno));
        if (S_ISLNK(st.st_mode))
                return fault_set(fault, -ELOOP, "%s is a link to a file that something else looks after", path);
        if (!S_ISREG(st.st_mode))
                return fault_set(fault, -EINVAL, "%s is not a regular file", path);
        if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0)
                return fault_set(fault, -errno, "the directory %s cannot be written: %s", directory, strerror(errno));
        return 0;
}

/* Of the directory itself: it needs no file, and ends with the program. */
static int lock_directory(const char *path)
{
        CLEANUP_FREE char *directory = directory_of(path);
        CLEANUP_CLOSE int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        return TAKE_FD(fd);
}

/* ---- One replacement --------------------------------------------------------------------------------------------- */

static void drop_next(const struct pair *pair)
{
        if (pair->is_half)
                return;
        (void)unlink(pair->next_cert);
        if (!pair->keeps_key)
                (void)unlink(pair->next_key);
}

static int take_names(struct pair *pair, const char *cert, const char *key)
{
        pair->keeps_key = tls_key_is_uri(key);
        pair->cert = strdup(cert);
        pair->key = strdup(key);
        pair->next_cert = next_of(cert);
        pair->next_key = pair->keeps_key ? strdup(key) : next_of(key);
        return pair->cert && pair->key && pair->next_cert && pair->next_key ? 0 : -ENOMEM;
}

/* Names, and the lock. */
static int begin(const char *cert, const char *key, struct pair **ret)
{
        struct pair *pair = calloc(1, sizeof(*pair));

        if (!pair)
                return -ENOMEM;
        pair->lock = -1;
        int r = take_names(pair, cert, key);
        if (r == 0)
                r = pair->lock = lock_directory(cert);
        if (r < 0) {
                pair_free(pair);
                return r;
        }
        *ret = pair;
        return 0;
}

int pair_new(const char *cert, const char *key, struct pair **ret, struct fault *fault)
{
        int r = pair_may_replace(cert, fault);

        if (r == 0 && !tls_key_is_uri(key))
                r = pair_may_replace(key, fault);
        if (r < 0)
                return r;
        r = begin(cert, key, ret);
        if (r == -EBUSY)
                return fault_set(fault, r, "another program is just replacing %s", cert);
        if (r < 0)
                return fault_set(fault, r, "%s cannot be replaced: %s", cert, strerror(-r));
        drop_next(*ret);
        return 0;
}

void pair_free(struct pair *pair)
{
        if (!pair)
                return;
        if (pair->lock >= 0) {
                drop_next(pair);
                /* By name: a child that was forked meanwhile has the descriptor, too. */
                (void)flock(pair->lock, LOCK_UN);
                (void)close(pair->lock);
        }
        free(pair->cert);
        free(pair->key);
        free(pair->next_cert);
        free(pair->next_key);
        free(pair);
}

bool pair_keeps_key(const struct pair *pair)
{
        return pair->keeps_key;
}

const char *pair_next_cert(const struct pair *pair)
{
        return pair->next_cert;
}

const char *pair_next_key(const struct pair *pair)
{
        return pair->next_key;
}

int pair_write(struct pair *pair, const char *cert_pem, const char *key_pem, struct fault *fault)
{
        int r = pair->keeps_key ? 0 : file_write(pair->next_key, pair->key, key_pem, fault);

        if (r == 0)
                r = file_write(pair->next_cert, pair->cert, cert_pem, fault);
        if (r == 0 && !pair_matches(pair->next_cert, pair->next_key))
                r = fault_set(fault, -EIO, "%s and %s do not belong together", pair->next_cert, pair->next_key);
        if (r < 0)
                drop_next(pair);
        return r;
}

/* The key did not follow its certificate: the old one comes back, or the next start has the key follow. */
static void go_back(struct pair *pair, const char *old_pem)
{
        pair->is_half = file_write(pair->next_cert, pair->cert, old_pem, NULL) < 0 ||
                        file_rename(pair->next_cert, pair->cert, NULL) < 0;
}

int pair_swap(struct pair *pair, struct fault *fault)
{
        struct file old = { 0 };
        struct fault why = { 0 };

        int r = file_read(pair->cert, CERT_FILE_MAX, &old, &why);
        if (r < 0)
                return fault_set(fault, r, "%s %s", pair->cert, why.text);
        r = file_rename(pair->next_cert, pair->cert, fault);
        if (r == 0 && !pair->keeps_key) {
                r = file_rename(pair->next_key, pair->key, fault);
                if (r < 0)
                        go_back(pair, old.data);
        }
        file_done(&old);
        return r;
}

/* ---- Whether they belong together -------------------------------------------------------------------------------- */

static X509 *read_certificate(const char *path)
{
        struct file file = { 0 };

        if (file_read(path, CERT_FILE_MAX, &file, NULL) < 0)
                return NULL;
        CLEANUP_BIO BIO *in = BIO_new_mem_buf(file.data, (int)file.size);
        X509 *certificate = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
        ERR_clear_error();
        file_done(&file);
        return certificate;
}

bool pair_matches(const char *cert, const char *key)
{
        CLEANUP_X509 X509 *certificate = read_certificate(cert);
        CLEANUP_KEY EVP_PKEY *loaded = NULL;

        if (!certificate || tls_key_load(key, &loaded, NULL) < 0)
                return false;
        bool is_same = EVP_PKEY_eq(X509_get0_pubkey(certificate), loaded) == 1;
        ERR_clear_error();
        return is_same;
}

/* ---- After a crash ----------------------------------------------------------------------------------------------- */

static bool has_left(const struct pair *pair)
{
        return access(pair->next_cert, F_OK) == 0 || (!pair->keeps_key && access(pair->next_key, F_OK) == 0);
}

/* A file system may keep the second rename and lose the first one. */
static int finish(const struct pair *pair, struct fault *fault)
{
        if (pair_matches(pair->cert, pair->next_key))
                return file_rename(pair->next_key, pair->key, fault);
        if (pair_matches(pair->next_cert, pair->key))
                return file_rename(pair->next_cert, pair->cert, fault);
        return 0;
}

int pair_recover(const char *cert, const char *key, struct fault *fault)
{
        CLEANUP_PAIR struct pair *pair = NULL;
        int r = begin(cert, key, &pair);

        if (r == -ENOMEM)
                return no_memory(fault);
        /* Who replaces it right now, or a directory that is not there: nothing of ours lies about. */
        if (r < 0 || !has_left(pair))
                return 0;
        r = pair->keeps_key || pair_matches(cert, key) ? 0 : finish(pair, fault);
        pair->is_half = r < 0;
        return r;
}
