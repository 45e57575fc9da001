/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows what a process hands to TLS to those who trace it: strace sees ciphertext alone. Each piece is written to the
 * descriptor -1 before, which fails and changes nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void show(const void *data, size_t size)
{
        int error = errno;

        if (write(-1, data, size) < 0)
                errno = error;
}

EXPORT int SSL_write(SSL *ssl, const void *data, int size)
{
        int (*real)(SSL *, const void *, int);

        *(void **)&real = dlsym(RTLD_NEXT, "SSL_write");
        show(data, (size_t)size);
        return real(ssl, data, size);
}

EXPORT int SSL_write_ex(SSL *ssl, const void *data, size_t size, size_t *ret)
{
        int (*real)(SSL *, const void *, size_t, size_t *);

        *(void **)&real = dlsym(RTLD_NEXT, "SSL_write_ex");
        show(data, size);
        return real(ssl, data, size, ret);
}
