/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/tls_error.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

void tls_error_leave_texts(void)
{
        (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
        (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL);
}

const char *tls_error_text(unsigned long error, char text[static TLS_ERROR_MAX])
{
        const char *reason = error ? ERR_reason_error_string(error) : "unknown error";

        if (reason)
                (void)snprintf(text, TLS_ERROR_MAX, "%s", reason);
        else
                (void)snprintf(text, TLS_ERROR_MAX, "error %08lX of OpenSSL (openssl errstr %08lX tells which)", error,
                               error);
        return text;
}
