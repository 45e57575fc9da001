/* SPDX-License-Identifier: Apache-2.0 */
/* What sconced says of an error whose text is not loaded. test_bus_reason has the texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bus/tls_error.h"

static void tls_error__texts_are_left__is_found_by_a_command(void **state)
{
        char text[TLS_ERROR_MAX];
        (void)state;

        tls_error_leave_texts();
        assert_string_equal(tls_error_text(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER), text),
                            "error 0A0000C1 of OpenSSL (openssl errstr 0A0000C1 tells which)");
        /* Nor does OpenSSL load them at its first use. */
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        assert_non_null(context);
        SSL_CTX_free(context);
        assert_null(ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER)));
}

static void tls_error__none__is_unknown(void **state)
{
        char text[TLS_ERROR_MAX];
        (void)state;

        assert_string_equal(tls_error_text(0, text), "unknown error");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tls_error__texts_are_left__is_found_by_a_command),
                cmocka_unit_test(tls_error__none__is_unknown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
