/* SPDX-License-Identifier: Apache-2.0 */
/* Every sentence that reports why there is no connection. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "bus/reason.h"
#include "bus/tls.h"

static struct tls_handshake fresh(void)
{
        return (struct tls_handshake){ .alert_received = -1,
                                       .server_name = "broker.lan",
                                       .crl = "/crl.pem",
                                       .subject = "CN=sub",
                                       .issuer = "CN=iss",
                                       .names = "a.lan, 10.0.0.1",
                                       .date = "2026-01-02 03:04 UTC" };
}

static void assert_tls(const struct tls_handshake *handshake, const char *expected)
{
        struct fault fault = { 0 };

        assert_int_equal(tls_reason(handshake, &fault), expected != NULL);
        if (expected) {
                assert_string_equal(fault.text, expected);
                assert_true(fault.code < 0);
        }
}

static void tls_reason__verify_errors__are_sentences(void **state)
{
        static const struct {
                int error, depth;
                const char *text;
        } table[] = {
                { X509_V_ERR_CERT_HAS_EXPIRED, 0,
                  "the broker's certificate expired on 2026-01-02 03:04 UTC: renew it with sconce-pki renew, "
                  "and reload the broker" },
                { X509_V_ERR_CERT_HAS_EXPIRED, 1,
                  "the CA certificate CN=sub expired on 2026-01-02 03:04 UTC: the CA must be renewed" },
                { X509_V_ERR_CERT_NOT_YET_VALID, 0,
                  "the broker's certificate is not yet valid, only from 2026-01-02 03:04 UTC on: is this "
                  "machine's clock right?" },
                { X509_V_ERR_HOSTNAME_MISMATCH, 0,
                  "the broker's certificate is not for broker.lan but for a.lan, 10.0.0.1: use one of these, "
                  "or add the name with sconce-pki renew a.lan broker.lan" },
                { X509_V_ERR_IP_ADDRESS_MISMATCH, 0,
                  "the broker's certificate is not for broker.lan but for a.lan, 10.0.0.1: use one of these, "
                  "or add the name with sconce-pki renew a.lan broker.lan" },
                { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0,
                  "the broker's certificate comes from an unknown CA (CN=iss): does [tls] ca belong to this "
                  "broker?" },
                { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, 1,
                  "the broker's certificate comes from an unknown CA (CN=iss): does [tls] ca belong to this "
                  "broker?" },
                { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 0,
                  "the broker's certificate (CN=sub) is self-signed, not signed by the CA of [tls] ca: make "
                  "one with sconce-pki broker broker.lan" },
                { X509_V_ERR_CERT_REVOKED, 0, "the broker's certificate (CN=sub) is revoked according to /crl.pem" },
                { X509_V_ERR_UNABLE_TO_GET_CRL, 0,
                  "the revocation list /crl.pem does not belong to the broker's CA (CN=iss): get the one that belongs "
                  "to it" },
                { X509_V_ERR_INVALID_PURPOSE, 0,
                  "the broker's certificate (CN=sub) is not issued for a server: make one with sconce-pki "
                  "broker broker.lan" },
                { X509_V_ERR_APPLICATION_VERIFICATION, 0,
                  "the broker's public key is not the one of [tls] pin: if the broker got a new key, pin "
                  "that one" },
                { X509_V_ERR_EE_KEY_TOO_SMALL, 0,
                  "the broker's certificate (CN=sub) is too weak: it needs a newer kind of key" },
                { X509_V_ERR_PATH_LENGTH_EXCEEDED, 0,
                  "the broker's certificate (CN=sub) cannot be trusted: path length constraint exceeded" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct tls_handshake handshake = fresh();
                handshake.verify_error = table[i].error;
                handshake.verify_depth = table[i].depth;
                /* What we found goes before what came of it. */
                handshake.io_error = ECONNRESET;
                handshake.error = ERR_PACK(ERR_LIB_SSL, 0, SSL_R_CERTIFICATE_VERIFY_FAILED);
                assert_tls(&handshake, table[i].text);
        }
}

static void tls_reason__no_subject_alt_name__shows_how_to_reissue(void **state)
{
        struct tls_handshake handshake = fresh();

        (void)state;
        handshake.verify_error = X509_V_ERR_HOSTNAME_MISMATCH;
        handshake.names[0] = '\0';
        assert_tls(&handshake, "the broker's certificate has no subjectAltName, and its common name (CN=sub) "
                               "is not used: make a new one with sconce-pki broker broker.lan");
}

#define OURS "our certificate was refused by the broker"

static void tls_reason__alerts__are_sentences(void **state)
{
        static const struct {
                int alert, validity;
                bool absent;
                const char *text;
        } table[] = {
                { SSL_AD_BAD_CERTIFICATE, 0, false, OURS " as bad" },
                { SSL_AD_BAD_CERTIFICATE, -1, false,
                  OURS ": it is not yet valid, by this machine's clock: is that right?" },
                { SSL_AD_BAD_CERTIFICATE, 1, false, OURS ": it has expired; renew it with sconce-pki renew" },
                { SSL_AD_CERTIFICATE_EXPIRED, 1, false, OURS ": it has expired; renew it with sconce-pki renew" },
                { SSL_AD_CERTIFICATE_EXPIRED, 0, false,
                  OURS " as expired, which it is not: is the broker's clock right, and its revocation list "
                       "(crlfile) up to date?" },
                { SSL_AD_CERTIFICATE_REVOKED, 0, false,
                  OURS ": it is revoked; make a new one with sconce-pki node (or client)" },
                { SSL_AD_UNKNOWN_CA, 0, false,
                  OURS ": it does not know the CA that signed it; do both come from one sconce-pki?" },
                { SSL_AD_UNSUPPORTED_CERTIFICATE, 0, false,
                  OURS ": it is not issued for a client; make one with sconce-pki node (or client)" },
                { SSL_AD_CERTIFICATE_UNKNOWN, 0, false, OURS },
                { SSL_AD_CERTIFICATE_REQUIRED, 0, true,
                  "the broker wants a client certificate: set [tls] cert and key" },
                { SSL_AD_HANDSHAKE_FAILURE, 0, true, "the broker wants a client certificate: set [tls] cert and key" },
                { SSL_AD_HANDSHAKE_FAILURE, 0, false,
                  "the broker finds no common cipher, or wants a client certificate" },
                { SSL_AD_PROTOCOL_VERSION, 0, false,
                  "the broker speaks no TLS version that is accepted here (see min_version)" },
                { SSL_AD_RECORD_OVERFLOW, 0, false, "the broker ends TLS with the alert \"record overflow\"" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct tls_handshake handshake = fresh();
                handshake.alert_received = table[i].alert;
                handshake.own_validity = table[i].validity;
                handshake.own_absent = table[i].absent;
                handshake.done = true;
                assert_tls(&handshake, table[i].text);
        }
}

static void tls_reason__other_errors__are_sentences(void **state)
{
        static const struct {
                int reason, io_error;
                bool done, eof;
                const char *text;
        } table[] = {
                { SSL_R_WRONG_VERSION_NUMBER, 0, false, false,
                  "the other side does not speak TLS: is it the broker's plain port (1883)?" },
                { SSL_R_UNSUPPORTED_PROTOCOL, 0, false, false,
                  "the broker speaks no TLS version that is accepted here (see min_version)" },
                { SSL_R_NO_SHARED_CIPHER, 0, false, false, "TLS failed: no shared cipher" },
                { SSL_R_UNEXPECTED_EOF_WHILE_READING, 0, false, true,
                  "the broker closed the connection during the TLS handshake: is that its TLS port (8883)?" },
                { 0, ECONNRESET, false, false,
                  "the broker closed the connection during the TLS handshake: is that its TLS port (8883)?" },
                /* Not TLS's business. */
                { 0, ECONNREFUSED, false, false, NULL },
                { SSL_R_UNEXPECTED_EOF_WHILE_READING, 0, true, false, NULL },
                { 0, 0, true, false, NULL },
                { 0, 0, false, false, NULL },
        };

        (void)state;
        assert_int_equal(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL), 1);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct tls_handshake handshake = fresh();
                handshake.error = table[i].reason ? ERR_PACK(ERR_LIB_SSL, 0, table[i].reason) : 0;
                handshake.io_error = table[i].io_error;
                handshake.done = table[i].done;
                handshake.eof = table[i].eof;
                assert_tls(&handshake, table[i].text);
        }
}

static void tls_note_log__openssl_error__is_kept_first(void **state)
{
        struct tls_handshake handshake = fresh();

        (void)state;
        tls_note_log(&handshake, "Client sconce-hall sending CONNECT");
        assert_int_equal(handshake.error, 0);
        tls_note_log(&handshake, "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed");
        tls_note_log(&handshake, "OpenSSL Error[1]: error:0A00010B:SSL routines::wrong version number");
        assert_int_equal(ERR_GET_REASON(handshake.error), SSL_R_CERTIFICATE_VERIFY_FAILED);
}

static void reason_describe__what_is_known_best__wins(void **state)
{
        static const struct tls_handshake accepted = { .done = true, .alert_received = -1 };
        static const struct {
                struct transport_end end;
                int code;
                const char *text;
        } table[] = {
                { { .connack = -1, .disconnect = -1, .os_error = ECONNREFUSED },
                  -ECONNREFUSED,
                  "connection refused: is the broker running there, on that port?" },
                { { .connack = -1, .disconnect = -1, .os_error = EHOSTUNREACH },
                  -EHOSTUNREACH,
                  "host unreachable: is it switched on and in the same network?" },
                { { .connack = -1, .disconnect = -1, .os_error = EMFILE }, -EMFILE, "Too many open files" },
                { { .connack = -1, .disconnect = -1, .os_error = ECONNRESET, .connected = true },
                  -ECONNRESET,
                  "the broker closed the connection without an answer: does it want TLS (mqtts://), or is this "
                  "no MQTT broker?" },
                { { .connack = 0, .disconnect = -1, .os_error = ECONNRESET },
                  -ECONNRESET,
                  "the broker closed the connection" },
                { { .connack = 0, .disconnect = -1, .silent = true }, -ETIMEDOUT, "the broker no longer answers" },
                { { .connack = 0, .disconnect = -1, .os_error = ETIMEDOUT },
                  -ETIMEDOUT,
                  "no answer: is it switched on, and is a firewall in between?" },
                { { .connack = 5, .disconnect = -1 },
                  -EACCES,
                  "the broker reports that this client is not authorized" },
                { { .connack = 0x8a, .disconnect = -1, .mqtt5 = true }, -EACCES, "the broker has banned this client" },
                { { .connack = 0, .disconnect = 0x8b, .mqtt5 = true }, -ESHUTDOWN, "the broker is shutting down" },
                { { .connack = 0, .disconnect = 0x8e, .mqtt5 = true, .client_id = "sconce-hall" },
                  -EADDRINUSE,
                  "another client uses the client id \"sconce-hall\": are there two nodes of one name?" },
                { { .connack = 0, .disconnect = 0x8e, .mqtt5 = true },
                  -EADDRINUSE,
                  "another client uses our client id, which follows from our private key: are there two nodes of one "
                  "name, with one key?" },
                { { .connack = -1, .disconnect = -1, .connected = true, .tls = &accepted },
                  -ECONNRESET,
                  "the other side accepted TLS and closed the connection before it answered CONNECT: is it a proxy "
                  "whose broker is down, a broker that refuses our certificate without a word, or no MQTT broker?" },
                { { .connack = 0, .disconnect = 0x95, .mqtt5 = true },
                  -EMSGSIZE,
                  "the broker reports that a message was too large (message_size_limit, max_packet_size)" },
                { { .connack = 0, .disconnect = 0xfe, .mqtt5 = true },
                  -EPROTO,
                  "the broker closes with reason code 0xfe" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct fault fault = { 0 };
                reason_describe(&table[i].end, &fault);
                assert_string_equal(fault.text, table[i].text);
                assert_int_equal(fault.code, table[i].code);
        }
}

static void tls_reason__address_among_dns_names__reports_it(void **state)
{
        struct tls_handshake handshake = fresh();
        struct fault fault;

        (void)state;
        handshake.verify_error = X509_V_ERR_IP_ADDRESS_MISMATCH;
        handshake.server_name = "10.0.0.1";
        (void)snprintf(handshake.names, sizeof(handshake.names), "b.lan, 10.0.0.1");
        assert_true(tls_reason(&handshake, &fault));
        assert_string_equal(fault.text,
                            "the broker's certificate is not for 10.0.0.1 but for a DNS name that is written like it "
                            "(b.lan, 10.0.0.1): an address has to be there as an IP address; make one with sconce-pki "
                            "broker 10.0.0.1");
        (void)snprintf(handshake.names, sizeof(handshake.names), "b.lan, 10.0.0.11");
        assert_true(tls_reason(&handshake, &fault));
        assert_string_equal(
                fault.text,
                "the broker's certificate is not for 10.0.0.1 but for b.lan, 10.0.0.11: use one of these, or "
                "add the name with sconce-pki renew b.lan 10.0.0.1");
}

static void tls_reason__leaf_without_its_intermediate__reports_it(void **state)
{
        struct tls_handshake handshake = fresh();
        struct fault fault;

        (void)state;
        handshake.verify_error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
        handshake.is_leaf_alone = true;
        (void)snprintf(handshake.issuer, sizeof(handshake.issuer), "CN=Intermediate");
        assert_true(tls_reason(&handshake, &fault));
        assert_string_equal(
                fault.text,
                "the broker's certificate comes from an unknown CA (CN=Intermediate): does [tls] ca belong to "
                "this broker? It sends its own certificate alone: if an intermediate CA signed that, the "
                "broker's certificate file must have the intermediate's too");
}

static void tls_reason__certificate_required__reports_it(void **state)
{
        struct tls_handshake handshake = fresh();
        struct fault fault;

        (void)state;
        handshake.alert_received = SSL_AD_CERTIFICATE_REQUIRED;
        assert_true(tls_reason(&handshake, &fault));
        assert_string_equal(
                fault.text,
                "the broker wants a client certificate, and did not get one that it accepts: see [tls] cert and key");
        handshake.own_absent = true;
        assert_true(tls_reason(&handshake, &fault));
        assert_string_equal(fault.text, "the broker wants a client certificate: set [tls] cert and key");
}

static void reason_code_advice__not_every_refusal_is_the_access_lists(void **state)
{
        (void)state;
        assert_null(reason_code_advice(0x87));
        assert_string_equal(reason_code_advice(0x95),
                            "it accepts no message of this size (message_size_limit, max_packet_size)");
        assert_string_equal(reason_code_text(0x95), "packet too large");
}

static void reason_wants_311__evidence__is_weighed(void **state)
{
        struct tls_handshake done = fresh(), failed = fresh(), alerted = fresh();
        bool certain;

        (void)state;
        done.done = alerted.done = true;
        alerted.alert_received = SSL_AD_UNKNOWN_CA;
        const struct {
                struct transport_end end;
                bool wants, certain;
        } table[] = {
                { { .mqtt5 = true, .connected = true, .connack = 0x84 }, true, true },
                { { .mqtt5 = true, .connected = true, .connack = 0x01 }, true, true },
                { { .mqtt5 = true, .connected = true, .connack = 0x87 }, false, false },
                { { .mqtt5 = true, .connected = true, .connack = -1 }, true, false },
                { { .mqtt5 = true, .connected = false, .connack = -1 }, false, false },
                { { .mqtt5 = true, .connected = true, .connack = -1, .tls = &done }, true, false },
                { { .mqtt5 = true, .connected = true, .connack = -1, .tls = &failed }, false, false },
                { { .mqtt5 = true, .connected = true, .connack = -1, .tls = &alerted }, false, false },
                { { .mqtt5 = false, .connected = true, .connack = -1 }, false, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                assert_int_equal(reason_wants_311(&table[i].end, &certain), table[i].wants);
                if (table[i].wants)
                        assert_int_equal(certain, table[i].certain);
        }
}

static void reason_lookup__errors__are_sentences(void **state)
{
        struct fault fault;

        (void)state;
        reason_lookup("b.lan", EAI_NONAME, 0, &fault);
        assert_int_equal(fault.code, -ENOENT);
        reason_lookup("b.lan", EAI_SYSTEM, EMFILE, &fault);
        assert_string_equal(fault.text, "the name b.lan could not be looked up: Too many open files");
        reason_lookup("b.lan", EAI_FAMILY, 0, &fault);
        assert_string_equal(fault.text, "the name b.lan could not be looked up: ai_family not supported");
}

static void reason_code_text__codes__have_names(void **state)
{
        (void)state;
        assert_string_equal(reason_code_text(0), "success");
        assert_string_equal(reason_code_text(1), "success");
        assert_string_equal(reason_code_text(0x10), "no matching subscribers");
        assert_string_equal(reason_code_text(0x87), "not authorized");
        assert_string_equal(reason_code_text(0x97), "quota exceeded");
        assert_string_equal(reason_code_text(0xfe), "refused");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tls_reason__verify_errors__are_sentences),
                cmocka_unit_test(tls_reason__no_subject_alt_name__shows_how_to_reissue),
                cmocka_unit_test(tls_reason__alerts__are_sentences),
                cmocka_unit_test(tls_reason__other_errors__are_sentences),
                cmocka_unit_test(tls_note_log__openssl_error__is_kept_first),
                cmocka_unit_test(reason_describe__what_is_known_best__wins),
                cmocka_unit_test(tls_reason__address_among_dns_names__reports_it),
                cmocka_unit_test(tls_reason__leaf_without_its_intermediate__reports_it),
                cmocka_unit_test(tls_reason__certificate_required__reports_it),
                cmocka_unit_test(reason_code_advice__not_every_refusal_is_the_access_lists),
                cmocka_unit_test(reason_wants_311__evidence__is_weighed),
                cmocka_unit_test(reason_lookup__errors__are_sentences),
                cmocka_unit_test(reason_code_text__codes__have_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
