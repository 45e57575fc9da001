/* SPDX-License-Identifier: Apache-2.0 */
/* bus/client_id: an id stays what it was, whichever way the key's bytes are got. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "bus/client_id.h"
#include "fakes/pem.h"
#include "util/text.h"

static struct pem_dir dir;

static int make_dir(void **state)
{
        (void)state;
        return pem_dir_make(&dir);
}

static int remove_dir(void **state)
{
        (void)state;
        pem_dir_remove(&dir);
        return 0;
}

static const char *write_key(EVP_PKEY *key)
{
        const char *path = pem_path(&dir, "node.key");
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
        return path;
}

/* Of what OpenSSL makes of the key in that file, as it has always been. */
static void expected_id(const char *path, char ret[static CLIENT_ID_SECRET_MAX])
{
        static const char purpose[] = "sconce client id 1";
        unsigned char bytes[4096], digest[EVP_MAX_MD_SIZE], *der = NULL;
        FILE *file = fopen(path, "r");

        assert_non_null(file);
        EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        assert_int_equal(fclose(file), 0);
        assert_non_null(key);
        int size = i2d_PrivateKey(key, &der);
        assert_true(size > 0 && sizeof(purpose) + (size_t)size <= sizeof(bytes));
        memcpy(bytes, purpose, sizeof(purpose));
        memcpy(bytes + sizeof(purpose), der, (size_t)size);
        assert_int_equal(EVP_Digest(bytes, sizeof(purpose) + (size_t)size, digest, NULL, EVP_sha256(), NULL), 1);
        text_hex(digest, 8, ret);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
}

static void assert_expected(EVP_PKEY *key)
{
        char id[CLIENT_ID_SECRET_MAX], expected[CLIENT_ID_SECRET_MAX];

        assert_non_null(key);
        const char *path = write_key(key);
        EVP_PKEY_free(key);
        assert_int_equal(client_id_from_key(path, id), 0);
        expected_id(path, expected);
        assert_string_equal(id, expected);
}

static void client_id_from_key__each_kind__is_of_the_keys_own_bytes(void **state)
{
        (void)state;
        assert_expected(EVP_EC_gen("P-256"));
        assert_expected(EVP_EC_gen("P-384"));
        assert_expected(EVP_EC_gen("P-521"));
        assert_expected(EVP_RSA_gen(2048));
        assert_expected(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

static void client_id_from_key__compressed_point__is_of_the_keys_own_bytes(void **state)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        (void)state;
        assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
                         1);
        assert_expected(key);
}

static void client_id_from_key__curve_in_numbers__is_of_the_keys_own_bytes(void **state)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        (void)state;
        assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
        assert_expected(key);
}

static void client_id_from_key__without_its_public_half__is_of_the_keys_own_bytes(void **state)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        (void)state;
        assert_int_equal(EVP_PKEY_set_int_param(key, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 0), 1);
        assert_expected(key);
}

static void client_id_from_key__provider__not_supported(void **state)
{
        char id[CLIENT_ID_SECRET_MAX];

        (void)state;
        assert_int_equal(client_id_from_key("handle:0x81000001", id), -ENOTSUP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(client_id_from_key__each_kind__is_of_the_keys_own_bytes),
                cmocka_unit_test(client_id_from_key__compressed_point__is_of_the_keys_own_bytes),
                cmocka_unit_test(client_id_from_key__curve_in_numbers__is_of_the_keys_own_bytes),
                cmocka_unit_test(client_id_from_key__without_its_public_half__is_of_the_keys_own_bytes),
                cmocka_unit_test(client_id_from_key__provider__not_supported),
        };
        return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
