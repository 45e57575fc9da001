/* SPDX-License-Identifier: Apache-2.0 */
/* The files of [tls]: each mistake with its sentence, and what is read again when. The handshakes themselves
 * are tested against a real broker. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "bus/tls.h"
#include "fakes/pem.h"
#include "util/log.h"

static struct pem_dir dir;
static struct tls_options options;
static char ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX], crl[PATH_MAX];
static char logged[1024];

static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        (void)userdata;
        (void)level;
        (void)about;
        (void)snprintf(logged, sizeof(logged), "%s", text);
}

static void set_path(char path[static PATH_MAX], const char *name)
{
        (void)snprintf(path, PATH_MAX, "%s", pem_path(&dir, name));
}

static int setup(void **state)
{
        (void)state;
        if (pem_dir_make(&dir) < 0)
                return -1;
        pem_pair(&dir, "hall", 30);
        pem_pair(&dir, "other", 30);
        pem_crl(&dir, "hall", "crl.pem");
        set_path(ca, "hall.crt");
        set_path(cert, "hall.crt");
        set_path(key, "hall.key");
        set_path(crl, "crl.pem");
        options = (struct tls_options){ .ca = ca, .cert = cert, .key = key, .crl = crl };
        logged[0] = '\0';
        log_set_sink(on_log, NULL);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        log_set_sink(NULL, NULL);
        pem_dir_remove(&dir);
        return 0;
}

/* In `expected` DIR stands for the directory. */
static void assert_fault(int code, const char *expected)
{
        char text[2048] = "";
        struct tls *tls = NULL;
        struct fault fault = { 0 };

        for (const char *at = expected; *at;) {
                bool is_dir = strncmp(at, "DIR", 3) == 0;
                size_t used = strlen(text);
                (void)snprintf(text + used, sizeof(text) - used, is_dir ? "%s" : "%.1s", is_dir ? dir.path : at);
                at += is_dir ? 3 : 1;
        }
        assert_int_equal(tls_new(&options, &tls, &fault), code);
        assert_null(tls);
        assert_int_equal(fault.code, code);
        assert_string_equal(fault.text, text);
}

static void tls_new__good_files__knows_its_certificate(void **state)
{
        struct tls *tls = NULL;
        long days;

        (void)state;
        assert_int_equal(tls_new(&options, &tls, NULL), 0);
        assert_string_equal(tls_certificate_name(tls), "hall");
        assert_true(tls_certificate_days(tls, &days));
        assert_int_equal(days, 30);
        tls_free(tls);

        pem_pair(&dir, "hall", -1);
        assert_int_equal(tls_new(&options, &tls, NULL), 0);
        assert_true(tls_certificate_days(tls, &days));
        assert_int_equal(days, -1);
        tls_free(tls);

        options.cert = options.key = NULL;
        assert_int_equal(tls_new(&options, &tls, NULL), 0);
        assert_null(tls_certificate_name(tls));
        assert_false(tls_certificate_days(tls, &days));
        tls_free(tls);
}

static void tls_new__system_ca__needs_no_file(void **state)
{
        struct tls *tls = NULL;

        (void)state;
        options.ca = "system";
        assert_int_equal(tls_new(&options, &tls, NULL), 0);
        tls_free(tls);
}

static void tls_new__missing_files__are_named(void **state)
{
        (void)state;
        set_path(ca, "none");
        assert_fault(-ENOENT, "the CA file DIR/none cannot be read: No such file or directory");
        set_path(ca, "hall.crt");
        set_path(crl, "none");
        assert_fault(-ENOENT, "the revocation list DIR/none cannot be read: No such file or directory");
        set_path(crl, "crl.pem");
        set_path(cert, "none");
        assert_fault(-ENOENT, "the certificate DIR/none cannot be read: No such file or directory");
        set_path(cert, "hall.crt");
        set_path(key, "none");
        assert_fault(-ENOENT, "the key DIR/none cannot be read: No such file or directory");
        options.key = NULL;
        assert_fault(-EINVAL, "the certificate DIR/hall.crt needs its key: [tls] key = FILE");
}

static void tls_new__fifo__is_named_and_not_waited_for(void **state)
{
        (void)state;
        assert_int_equal(mkfifo(pem_path(&dir, "fifo"), 0600), 0);
        set_path(ca, "fifo");
        assert_fault(-EINVAL, "the CA file DIR/fifo is not a regular file but a FIFO");
        set_path(ca, "hall.crt");
        set_path(crl, "fifo");
        assert_fault(-EINVAL, "the revocation list DIR/fifo is not a regular file but a FIFO");
        set_path(crl, "crl.pem");
        set_path(cert, "fifo");
        assert_fault(-EINVAL, "the certificate DIR/fifo is not a regular file but a FIFO");
        set_path(cert, "hall.crt");
        set_path(key, "fifo");
        assert_fault(-EINVAL, "the key DIR/fifo is not a regular file");
}

static void tls_new__wrong_content__is_named(void **state)
{
        (void)state;
        pem_write(&dir, "junk", "-----BEGIN NONSENSE-----\nAAAA\n", 0600);
        set_path(ca, "junk");
        assert_fault(-EINVAL, "the CA file DIR/junk holds no certificate (PEM)");
        set_path(ca, "hall.crt");
        set_path(crl, "junk");
        assert_fault(-EINVAL, "the file DIR/junk holds no revocation list (PEM)");
        set_path(crl, "crl.pem");
        set_path(cert, "junk");
        assert_fault(-EINVAL, "the file DIR/junk holds no certificate (PEM)");
        set_path(cert, "hall.crt");
        set_path(key, "junk");
        assert_fault(-EINVAL, "the key DIR/junk holds no private key (PEM)");
        set_path(key, "other.key");
        assert_fault(-EINVAL, "the key DIR/other.key does not belong to the certificate DIR/hall.crt");
        (void)snprintf(key, sizeof(key), "%s", dir.path);
        assert_fault(-EINVAL, "the key DIR is not a regular file");
}

static void tls_new__key_that_others_can_use__is_refused(void **state)
{
        static const mode_t modes[] = { 0604, 0602, 0601, 0644, 0666, 0647 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
                char expected[256];
                assert_int_equal(chmod(key, modes[i]), 0);
                (void)snprintf(expected, sizeof(expected),
                               "the key DIR/hall.key is open to every user of this machine (mode %04o): chmod o= "
                               "DIR/hall.key, and if others may have seen it, make a new one",
                               modes[i]);
                assert_fault(-EACCES, expected);
        }
        assert_int_equal(chmod(key, 0640), 0);
        struct tls *tls = NULL;
        assert_int_equal(tls_new(&options, &tls, NULL), 0);
        tls_free(tls);
}

static void tls_new__key_with_passphrase__is_not_asked_for(void **state)
{
        (void)state;
        pem_encrypt(&dir, "hall", "locked.key");
        set_path(key, "locked.key");
        assert_fault(-EINVAL, "the key DIR/locked.key is protected by a passphrase, which a service "
                              "cannot enter: openssl pkey -in DIR/locked.key -out NEW removes it");
}

static void tls_new__key_by_file_uri__is_checked_like_a_file(void **state)
{
        static const char *const forms[] = { "file:%s", "file://%s", "FILE:%s" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                struct tls *tls = NULL;
                char uri[PATH_MAX + 8];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                (void)snprintf(uri, sizeof(uri), forms[i], key);
#pragma GCC diagnostic pop
                options.key = uri;
                assert_int_equal(chmod(key, 0600), 0);
                assert_int_equal(tls_new(&options, &tls, NULL), 0);
                tls_free(tls);
                assert_int_equal(chmod(key, 0644), 0);
                assert_fault(-EACCES,
                             "the key DIR/hall.key is open to every user of this machine (mode 0644): chmod o= "
                             "DIR/hall.key, and if others may have seen it, make a new one");
        }
}

static void tls_new__key_by_unknown_uri__is_named(void **state)
{
        struct tls *tls = NULL;
        struct fault fault = { 0 };

        (void)state;
        options.key = "nonsense:key";
        assert_int_equal(tls_new(&options, &tls, &fault), -ENOENT);
        /* OpenSSL's own word follows in brackets: it differs between versions. */
        const char expected[] = "there is no private key at nonsense:key (";
        assert_memory_equal(fault.text, expected, strlen(expected));
        char shown[TLS_KEY_SHOWN_MAX];
        assert_string_equal(tls_key_show("pkcs11:token=x;pin-value=S3CRET;object=y", shown),
                            "pkcs11:token=x;pin-value=…;object=y");
        assert_string_equal(tls_key_show("pkcs11:token=x?pin-value=S3CRET", shown), "pkcs11:token=x?pin-value=…");
        assert_string_equal(tls_key_show("PKCS11:token=x?PIN-VALUE=S3CRET", shown), "PKCS11:token=x?PIN-VALUE=…");
        assert_string_equal(tls_key_show("/etc/sconce/certs/node.key", shown), "/etc/sconce/certs/node.key");
        /* A TPM's key asks for its provider; no other does. */
        assert_non_null(strstr(tls_key_properties("handle:0x81000001"), "provider=tpm2"));
        assert_null(tls_key_properties("pkcs11:token=x"));
        assert_null(tls_key_properties("/etc/sconce/certs/node.key"));
}

static void tls_key_is_uri__schemes__are_distinguished_from_paths(void **state)
{
        (void)state;
        assert_true(tls_key_is_uri("handle:0x81000001"));
        assert_true(tls_key_is_uri("pkcs11:token=x;object=y"));
        assert_true(tls_key_is_uri("org.openssl.engine:x"));
        assert_false(tls_key_is_uri("/etc/sconce/a:b.key"));
        assert_false(tls_key_is_uri("node.key"));
        assert_false(tls_key_is_uri("./a:b"));
        assert_false(tls_key_is_uri("C:x"));
        assert_false(tls_key_is_uri(""));
}

static void tls_pin_parse__forms__are_strict(void **state)
{
        static const char *const bad[] = {
                "",
                "sha256//",
                "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
                "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=A",
                "sha256//AAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                "sha256//!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        };
        unsigned char digest[32];

        (void)state;
        assert_int_equal(tls_pin_parse("sha256//AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8=", digest), 0);
        assert_int_equal(digest[0], 1);
        assert_int_equal(digest[2], 3);
        assert_int_equal(digest[31], 255);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(tls_pin_parse(bad[i], digest), -EINVAL);
        options.pin = "sha256//short";
        assert_fault(-EINVAL, "\"sha256//short\" is not a pin: sha256// and the 44 characters of a SHA-256 in base64");
}

static void tls_begin__changed_files__are_read_again(void **state)
{
        struct tls *tls = NULL;
        struct tls_handshake handshake;
        SSL_CTX *first = NULL, *second = NULL;
        struct fault fault = { 0 };
        long days;

        (void)state;
        assert_int_equal(tls_new(&options, &tls, &fault), 0);
        assert_int_equal(tls_begin(tls, "broker.lan", &handshake, &first, &fault), 0);
        assert_int_equal(tls_begin(tls, "broker.lan", &handshake, &second, &fault), 0);
        assert_ptr_equal(first, second);
        assert_string_equal(logged, "");

        pem_pair(&dir, "hall", 90);
        assert_int_equal(tls_begin(tls, "broker.lan", &handshake, &second, &fault), 0);
        assert_string_equal(logged, "certificates changed: loaded again");
        assert_true(tls_certificate_days(tls, &days));
        assert_int_equal(days, 90);

        /* A broken renewal is reported once and changes nothing. */
        pem_write(&dir, "hall.key", "half", 0600);
        assert_int_equal(tls_begin(tls, "broker.lan", &handshake, &second, &fault), 0);
        assert_non_null(strstr(logged, "hall.key holds no private key (PEM); the previous version stays in use"));
        logged[0] = '\0';
        assert_int_equal(tls_begin(tls, "broker.lan", &handshake, &second, &fault), 0);
        assert_string_equal(logged, "");
        assert_true(tls_certificate_days(tls, &days));
        assert_int_equal(days, 90);
        tls_free(tls);
}

static void tls_begin__no_name__is_refused(void **state)
{
        struct tls *tls = NULL;
        struct tls_handshake handshake;
        SSL_CTX *context = NULL;
        struct fault fault = { 0 };

        (void)state;
        /* An empty name would verify nothing. */
        assert_int_equal(tls_new(&options, &tls, &fault), 0);
        assert_int_equal(tls_begin(tls, "", &handshake, &context, &fault), -EINVAL);
        assert_int_equal(tls_begin(tls, ".", &handshake, &context, &fault), -EINVAL);
        assert_null(context);
        tls_free(tls);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(tls_new__good_files__knows_its_certificate),
                TEST(tls_new__system_ca__needs_no_file),
                TEST(tls_new__missing_files__are_named),
                TEST(tls_new__fifo__is_named_and_not_waited_for),
                TEST(tls_new__wrong_content__is_named),
                TEST(tls_new__key_that_others_can_use__is_refused),
                TEST(tls_new__key_with_passphrase__is_not_asked_for),
                TEST(tls_new__key_by_file_uri__is_checked_like_a_file),
                TEST(tls_new__key_by_unknown_uri__is_named),
                TEST(tls_key_is_uri__schemes__are_distinguished_from_paths),
                TEST(tls_pin_parse__forms__are_strict),
                TEST(tls_begin__changed_files__are_read_again),
                TEST(tls_begin__no_name__is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
