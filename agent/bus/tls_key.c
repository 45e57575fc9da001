/* SPDX-License-Identifier: Apache-2.0 */
/* Our private key: a file that nobody else may read, or a URI that an OpenSSL provider opens (a TPM, a smart card). */
#include "bus/tls.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "bus/tls_error.h"
#include "util/text.h"

DEFINE_CLEANUP(BIO, BIO_free_all);
DEFINE_CLEANUP(OSSL_STORE_INFO, OSSL_STORE_INFO_free);

static const struct provider {
        const char *scheme, *name, *package, *properties;
} providers[] = {
        { "handle:", "tpm2", "tpm2-openssl", TLS_TPM_PROPERTIES },
        { "object:", "tpm2", "tpm2-openssl", TLS_TPM_PROPERTIES },
        { "pkcs11:", "pkcs11", "pkcs11-provider", NULL },
};

bool tls_key_is_uri(const char *key)
{
        size_t length = 0;

        while (isalnum((unsigned char)key[length]) || (length > 0 && strchr("+-.", key[length]) && key[length]))
                length++;
        return length > 1 && key[length] == ':';
}

const char *tls_key_show(const char *key, char shown[static TLS_KEY_SHOWN_MAX])
{
        const char *pin = text_pin(key);

        if (pin)
                (void)snprintf(shown, TLS_KEY_SHOWN_MAX, "%.*s…%s", (int)(pin - key), key, pin + strcspn(pin, ";?&"));
        else
                (void)snprintf(shown, TLS_KEY_SHOWN_MAX, "%s", key);
        return shown;
}

static const struct provider *find_provider(const char *key)
{
        for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
                if (strncasecmp(key, providers[i].scheme, strlen(providers[i].scheme)) == 0)
                        return &providers[i];
        return NULL;
}

/* file:/PATH and file:///PATH are files like any other, with the check of who may read them. */
static const char *path_of(const char *key)
{
        if (strncasecmp(key, "file:", 5) != 0)
                return tls_key_is_uri(key) ? NULL : key;
        key += 5;
        return strncmp(key, "//", 2) == 0 ? key + 2 : key;
}

/* Whether the PEM text is of a key that a TPM has made, and only it can use. */
static bool is_of_tpm(int fd)
{
        static const char begin[] = "-----BEGIN TSS2 PRIVATE KEY-----";
        char head[sizeof(begin) - 1];

        return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) && memcmp(head, begin, sizeof(head)) == 0;
}

const char *tls_key_properties(const char *key)
{
        const struct provider *provider = find_provider(key);
        const char *path = path_of(key);
        CLEANUP_CLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

        if (fd >= 0 && is_of_tpm(fd))
                return TLS_TPM_PROPERTIES;
        return provider ? provider->properties : NULL;
}

/* Nobody is there to type a passphrase; without this OpenSSL would ask the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
        (void)buffer;
        (void)size;
        (void)writing;
        *(bool *)userdata = true;
        return -1;
}

static int check_key_file(const char *path, int fd, struct fault *fault)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fault_set(fault, -errno, "the key %s cannot be read: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return fault_set(fault, -EINVAL, "the key %s is not a regular file", path);
        if (st.st_mode & S_IRWXO)
                return fault_set(fault, -EACCES,
                                 "the key %s is open to every user of this machine (mode %04o): chmod o= %s, "
                                 "and if others may have seen it, make a new one",
                                 path, (unsigned)st.st_mode & 07777U, path);
        return 0;
}

/* Loaded for the life of the process; the default provider by name too, since naming any ends its being implied. Both are
 * kept where a sanitizer finds them. */
static bool load_both(const struct provider *provider)
{
        static OSSL_PROVIDER *own, *loaded[ARRAY_SIZE(providers)];

        if (!own)
                own = OSSL_PROVIDER_load(NULL, "default");
        if (own)
                loaded[provider - providers] = OSSL_PROVIDER_load(NULL, provider->name);
        return own && loaded[provider - providers];
}

static int load_provider(const struct provider *provider, const char *key, struct fault *fault)
{
        char shown[TLS_KEY_SHOWN_MAX];

        if (!provider || OSSL_PROVIDER_available(NULL, provider->name) || load_both(provider))
                return 0;
        ERR_clear_error();
        return fault_set(fault, -ENOENT, "the key %s needs OpenSSL's provider %s: is the package %s installed?",
                         tls_key_show(key, shown), provider->name, provider->package);
}

int tls_tpm_load(struct fault *fault)
{
        return load_provider(find_provider("handle:"), "in the TPM", fault);
}

static int load_file(const char *path, EVP_PKEY **ret, struct fault *fault)
{
        CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        bool asked = false;

        if (fd < 0)
                return fault_set(fault, -errno, "the key %s cannot be read: %s", path, strerror(errno));
        int r = check_key_file(path, fd, fault);
        bool is_in_tpm = r == 0 && is_of_tpm(fd);
        if (is_in_tpm)
                r = load_provider(find_provider("handle:"), path, fault);
        if (r < 0)
                return r;

        CLEANUP(BIO_free_allp) BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
        if (!bio)
                return fault_set(fault, -ENOMEM, "out of memory");
        EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase, &asked, NULL,
                                                   is_in_tpm ? TLS_TPM_PROPERTIES : NULL);
        ERR_clear_error();
        if (!key && asked)
                return fault_set(fault, -EINVAL,
                                 "the key %s is protected by a passphrase, which a service cannot enter: "
                                 "openssl pkey -in %s -out NEW removes it",
                                 path, path);
        if (!key && is_in_tpm)
                return fault_set(fault, -EINVAL,
                                 "the key %s is in a TPM, which does not take it: it is another machine's, or the TPM "
                                 "was cleared, or may not be used by this user (group tss)",
                                 path);
        if (!key)
                return fault_set(fault, -EINVAL, "the key %s holds no private key (PEM)", path);
        *ret = key;
        return 0;
}

static EVP_PKEY *first_key(OSSL_STORE_CTX *store)
{
        while (!OSSL_STORE_eof(store)) {
                CLEANUP(OSSL_STORE_INFO_freep) OSSL_STORE_INFO *info = OSSL_STORE_load(store);
                if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
                        return OSSL_STORE_INFO_get1_PKEY(info);
                if (!info && OSSL_STORE_error(store))
                        return NULL;
        }
        return NULL;
}

static int load_uri(const char *uri, EVP_PKEY **ret, struct fault *fault)
{
        char shown[TLS_KEY_SHOWN_MAX];

        int r = load_provider(find_provider(uri), uri, fault);
        if (r < 0)
                return r;

        OSSL_STORE_CTX *store = OSSL_STORE_open(uri, UI_null(), NULL, NULL, NULL);
        EVP_PKEY *key = store ? first_key(store) : NULL;
        unsigned long error = ERR_peek_error();
        char reason[TLS_ERROR_MAX];
        if (key)
                *ret = key;
        else
                r = fault_set(fault, -ENOENT, "there is no private key at %s (%s)", tls_key_show(uri, shown),
                              error ? tls_error_text(error, reason) : "nothing found");
        ERR_clear_error();
        (void)OSSL_STORE_close(store);
        return r;
}

int tls_key_load(const char *key, EVP_PKEY **ret, struct fault *fault)
{
        const char *path = path_of(key);

        return path ? load_file(path, ret, fault) : load_uri(key, ret, fault);
}
