/* SPDX-License-Identifier: Apache-2.0 */
/* How a join fails, and that it always ends: against a broker that is scripted. What succeeds is in tests/system. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "bus/resolve.h"
#include "enrol/exchange.h"
#include "fakes/fake_broker.h"

static struct code code;
static struct code_keys keys;
static EVP_PKEY *key;
static SSL_CTX *psk_context;
static struct fake_broker broker;
static unsigned sentences;
static char sentence[400];
static unsigned unknown; /* so many connections find the broker without the code */

static unsigned find_psk(SSL *ssl, const char *identity, unsigned char *psk, unsigned size)
{
        long length = 0;
        unsigned char *bytes = OPENSSL_hexstr2buf(keys.psk, &length);

        (void)ssl;
        bool is_unknown = unknown > 0 && unknown-- > 0;
        if (strcmp(identity, keys.identity) != 0 || length > (long)size || is_unknown) {
                OPENSSL_free(bytes);
                return 0;
        }
        memcpy(psk, bytes, (size_t)length);
        OPENSSL_free(bytes);
        return (unsigned)length;
}

static int setup(void **state)
{
        (void)state;
        code = (struct code){ .name = "hall", .host = "127.0.0.1", .port = CODE_PORT };
        memset(&broker, 0, sizeof(broker));
        sentences = unknown = 0;
        psk_context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_psk_server_callback(psk_context, find_psk);
        return code_draw(&code, NULL) < 0 || code_derive(code.secret, &keys, NULL) < 0 ||
               enrol_key_new(NULL, &key, NULL) < 0;
}

static int teardown(void **state)
{
        (void)state;
        fake_broker_stop(&broker);
        resolve_set_lookup(NULL);
        EVP_PKEY_free(key);
        key = NULL;
        SSL_CTX_free(psk_context);
        return 0;
}

static void on_progress(void *userdata, const char *text)
{
        assert_ptr_equal(userdata, &sentences);
        sentences++;
        (void)snprintf(sentence, sizeof(sentence), "%s", text);
}

/* In `expected` PEER stands for the broker's address. */
static void assert_join(unsigned wait_s, int result, const char *expected)
{
        const struct exchange exchange = { .code = &code,
                                           .kind = "node",
                                           .key = key,
                                           .wait_s = wait_s,
                                           .progress = on_progress,
                                           .userdata = &sentences };
        const char *peer = strstr(expected, "PEER");
        struct answer answer;
        struct fault fault = { 0 };
        char text[400];

        (void)snprintf(text, sizeof(text), peer ? "%.*s%s:%u%s" : "%.*s", (int)(peer ? peer - expected : 399), expected,
                       code.host, code.port, peer ? peer + 4 : "");
        assert_int_equal(exchange_join(&exchange, &answer, &fault), result);
        assert_string_equal(fault.text, text);
        assert_int_equal(fault.code, result);
        assert_null(answer.certificate);
}

static void start(const struct fake_step *step)
{
        fake_broker_start(&broker, step, 1, psk_context);
        code.port = broker.port;
}

static void exchange_join__nobody_listens__says_so(void **state)
{
        static const struct fake_step serve = { .act = FAKE_SERVE };

        (void)state;
        start(&serve);
        fake_broker_stop(&broker);
        assert_join(10, -EHOSTUNREACH, "cannot reach the broker at PEER: Connection refused");
}

static void exchange_join__packets_vanish__ends_in_time(void **state)
{
        struct black_hole hole;

        (void)state;
        black_hole_open(&hole);
        code.port = hole.port;
        assert_join(1, -EHOSTUNREACH, "cannot reach the broker at PEER: Connection timed out");
        black_hole_close(&hole);
}

static int no_such_name(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        (void)node;
        (void)service;
        (void)hints;
        (void)ret;
        return EAI_NONAME;
}

static void exchange_join__no_such_name__says_so(void **state)
{
        (void)state;
        resolve_set_lookup(no_such_name);
        (void)strcpy(code.host, "broker.invalid");
        assert_join(10, -EHOSTUNREACH, "cannot reach the broker at PEER: Name or service not known");
}

static pthread_mutex_t name_server = PTHREAD_MUTEX_INITIALIZER;

static int hangs(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        (void)pthread_mutex_lock(&name_server);
        (void)pthread_mutex_unlock(&name_server);
        return no_such_name(node, service, hints, ret);
}

static void exchange_join__name_server_hangs__ends_in_time(void **state)
{
        (void)state;
        resolve_set_lookup(hangs);
        (void)strcpy(code.host, "broker.invalid");
        (void)pthread_mutex_lock(&name_server);
        assert_join(1, -EHOSTUNREACH, "cannot reach the broker at PEER: no name server answers in time");
        (void)pthread_mutex_unlock(&name_server);
}

/* The second of a name's addresses is tried where the first refuses. */
static int two_addresses(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
        static const struct addrinfo numeric = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };

        (void)node;
        (void)service;
        (void)hints;
        int r = getaddrinfo("127.0.0.77", NULL, &numeric, ret);
        return r ? r : getaddrinfo("127.0.0.1", NULL, &numeric, &(*ret)->ai_next);
}

static void exchange_join__first_address_refuses__takes_the_second(void **state)
{
        static const struct fake_step refuse = { .act = FAKE_SERVE, .granted = 0x87 };

        (void)state;
        start(&refuse);
        resolve_set_lookup(two_addresses);
        (void)strcpy(code.host, "broker.invalid");
        assert_join(
                10, -EACCES,
                "the broker at PEER knows the code, but does not let it ask for a certificate: its access list is an "
                "older one; 'sudo sconce-pki check' there writes it again");
}

static void exchange_join__broker_is_silent__ends_in_time(void **state)
{
        static const struct fake_step silent = { .act = FAKE_SILENT };

        (void)state;
        start(&silent);
        assert_join(1, -EHOSTUNREACH, "cannot reach the broker at PEER: it does not answer in time");
}

static void exchange_join__code_is_not_known__is_refused(void **state)
{
        static const struct fake_step serve = { .act = FAKE_SERVE };

        (void)state;
        start(&serve);
        (void)strcpy(keys.identity, "join.another");
        assert_join(
                10, -EACCES,
                "the broker at PEER refuses the code: it was used already, is out of time, or another one has taken "
                "its place; make a new one with 'sconce-pki invite hall'");
}

static void exchange_join__connack_refuses__is_refused(void **state)
{
        static const struct fake_step refuse = { .act = FAKE_SERVE, FAKE_FIELDS(answer, "\x20\x03\x00\x87\x00") };

        (void)state;
        start(&refuse);
        assert_join(
                10, -EACCES,
                "the broker at PEER refuses the code: it was used already, is out of time, or another one has taken "
                "its place; make a new one with 'sconce-pki invite hall'");
}

/* Who joins in the moment of the invitation finds a broker that has not read its files yet. */
static void exchange_join__broker_knows_the_code_later__is_let_in(void **state)
{
        static const struct fake_step refuse = { .act = FAKE_SERVE, .granted = 0x87 };

        (void)state;
        unknown = 2;
        start(&refuse);
        assert_join(
                10, -EACCES,
                "the broker at PEER knows the code, but does not let it ask for a certificate: its access list is an "
                "older one; 'sudo sconce-pki check' there writes it again");
        assert_int_equal(unknown, 0);
        assert_int_equal(sentences, 1);
        assert_non_null(strstr(sentence, "does not know the code yet, trying again"));
}

static void exchange_join__broker_hangs_up__says_so(void **state)
{
        static const struct fake_step close_it = { .act = FAKE_CLOSE };

        (void)state;
        start(&close_it);
        assert_join(10, -EHOSTUNREACH,
                    "cannot reach the broker at PEER: it closes the connection: is this the port for invitations?");
}

static void exchange_join__request_not_permitted__says_so(void **state)
{
        static const struct fake_step refuse = { .act = FAKE_SERVE, .puback = 0x87 };

        (void)state;
        start(&refuse);
        assert_join(
                10, -EACCES,
                "the broker at PEER knows the code, but does not let it ask for a certificate: its access list is an "
                "older one; 'sudo sconce-pki check' there writes it again");
}

static void exchange_join__no_answer__says_what_to_look_at(void **state)
{
        static const struct fake_step serve = { .act = FAKE_SERVE };

        (void)state;
        start(&serve);
        assert_join(6, -ETIMEDOUT,
                    "no answer from the signer within 6 s: is sconce-pki.service running on the broker's machine?");
        assert_int_equal(fake_broker_publishes(&broker), 2); /* who has heard it may have ended since */
        assert_int_equal(sentences, 1);
        assert_string_equal(sentence, "waiting for the signer's answer");
}

/* Nobody has subscribed to it: it is lost, and must be asked again. */
static void exchange_join__signer_is_starting__asks_again(void **state)
{
        static const struct fake_step nobody = { .act = FAKE_SERVE, .puback = 0x10 };

        (void)state;
        start(&nobody);
        assert_join(3, -ETIMEDOUT,
                    "no answer from the signer within 3 s: is sconce-pki.service running on the broker's machine?");
        assert_true(fake_broker_publishes(&broker) >= 2);
}

/* The broker makes one up: it is passed over. */
static void exchange_join__answer_is_forged__is_no_answer(void **state)
{
        static const char payload[] = "{\"body\":\"{}\",\"mac\":\"00\"}";
        char packet[256];
        struct fake_step forge = { .act = FAKE_SERVE, .greeting = packet };

        (void)state;
        size_t topic = strlen("sconce-pki//answer") + strlen(keys.identity);
        forge.greeting_size = (size_t)snprintf(packet, sizeof(packet), "%c%c%c%csconce-pki/%s/answer%c%s", 0x30,
                                               (int)(2 + topic + 1 + strlen(payload)), 0, (int)topic, keys.identity, 0,
                                               payload);
        start(&forge);
        assert_join(
                2, -ETIMEDOUT,
                "what came as the signer's answer cannot be used: the message was changed on its way, or is by someone "
                "else");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(exchange_join__nobody_listens__says_so, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__packets_vanish__ends_in_time, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__no_such_name__says_so, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__name_server_hangs__ends_in_time, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__first_address_refuses__takes_the_second, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(exchange_join__broker_is_silent__ends_in_time, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__code_is_not_known__is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__connack_refuses__is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__broker_knows_the_code_later__is_let_in, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__broker_hangs_up__says_so, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__request_not_permitted__says_so, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__no_answer__says_what_to_look_at, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__signer_is_starting__asks_again, setup, teardown),
                cmocka_unit_test_setup_teardown(exchange_join__answer_is_forged__is_no_answer, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
