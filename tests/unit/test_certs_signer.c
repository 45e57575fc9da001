/* SPDX-License-Identifier: Apache-2.0 */
/* certs/signer: who gets a certificate, for what, and what gets no answer. */
#include "certs/signer.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs/command.h"
#include "certs/directory.h"
#include "certs/invitations.h"
#include "enrol/request.h"
#include "util/cleanup.h"
#include "util/macro.h"

static char dir[] = "/tmp/sconce-signer.XXXXXX", before[4096];
static struct code_keys keys;
static EVP_PKEY *key;
static char *body, *request;
static struct signer_reply reply;

/* main.c has them. */
int misused(const char *format, ...)
{
        (void)format;
        return EXIT_MISUSED;
}

int failed(const struct fault *fault)
{
        (void)fault;
        return EXIT_FAILED;
}

static struct transaction transaction_here(void)
{
        return (struct transaction){ .dir = dir, .me = "sconce-pki" };
}

static void invite(const char *text, enum name_kind kind, int64_t expires_s)
{
        struct transaction transaction = transaction_here();
        struct name name = { .kind = kind, .generation = 1, .rights = kind == NAME_CLIENT ? RIGHTS_ALL : RIGHTS_NONE };
        struct invitation invitation = { .expires_s = expires_s };
        struct code code;

        (void)strcpy(name.name, text);
        assert_int_equal(code_draw(&code, NULL), 0);
        assert_int_equal(code_derive(code.secret, &keys, NULL), 0);
        (void)strcpy(invitation.identity, keys.identity);
        (void)strcpy(invitation.name, text);
        (void)strcpy(invitation.psk, keys.psk);
        memcpy(invitation.mac, keys.mac, sizeof(keys.mac));
        assert_int_equal(transaction_begin(&transaction, NULL), 0);
        assert_int_equal(registry_put(transaction.registry, &name, NULL), 0);
        assert_int_equal(invitations_put(transaction.registry, &invitation, NULL), 0);
        assert_int_equal(transaction_list_revoked(&transaction, NULL), 0);
        assert_int_equal(transaction_commit(&transaction, NULL), 0);
        transaction_end(&transaction);
}

static int begin(void **state)
{
        (void)state;
        memcpy(strrchr(dir, '.') + 1, "XXXXXX", 6);
        assert_non_null(getcwd(before, sizeof(before)));
        assert_non_null(mkdtemp(dir));
        const struct command_line line = { .dir = dir, .me = "sconce-pki" };
        assert_int_equal(command_init(&line), 0);
        invite("hall", NAME_NODE, (int64_t)time(NULL) + 3600);
        assert_int_equal(enrol_key_new(NULL, &key, NULL), 0);
        return 0;
}

static int end(void **state)
{
        (void)state;
        free(body);
        free(request);
        free(reply.payload);
        body = request = NULL;
        reply = (struct signer_reply){ 0 };
        EVP_PKEY_free(key);
        assert_int_equal(chdir(before), 0);
        directory_remove(dir);
        return 0;
}

static void send_at(int64_t now_s, const char *identity, const char *payload, size_t size)
{
        struct transaction transaction = transaction_here();

        free(reply.payload);
        signer_answer(&transaction, identity, payload, size, now_s, &reply);
}

static void send(const char *identity, const char *payload, size_t size)
{
        send_at((int64_t)time(NULL), identity, payload, size);
}

static void seal(const char *kind, const unsigned char *mac)
{
        free(body);
        free(request);
        body = request = NULL;
        assert_int_equal(request_body(key, kind, NULL, NULL, 0, &body, NULL), 0);
        assert_int_equal(message_seal(LABEL_JOIN_REQUEST, body, mac, &request, NULL), 0);
}

static void ask(const char *kind)
{
        seal(kind, keys.mac);
        send(keys.identity, request, strlen(request));
}

static void read_reply(struct answer *ret)
{
        CLEANUP_FREE char *answer = NULL;

        assert_non_null(reply.payload);
        assert_int_equal(
                message_open_sealed(LABEL_JOIN_ANSWER, reply.payload, strlen(reply.payload), keys.mac, &answer, NULL),
                0);
        assert_int_equal(answer_read(answer, body, key, ret, NULL), 0);
}

static void assert_refused(const char *why)
{
        CLEANUP(answer_done) struct answer answer = { 0 };

        read_reply(&answer);
        assert_non_null(answer.error);
        assert_non_null(strstr(answer.error, why));
}

static int count_one(void *userdata, const struct certificate *certificate)
{
        (void)certificate;
        ++*(unsigned *)userdata;
        return 0;
}

static unsigned count_certificates(void)
{
        struct transaction transaction = transaction_here();
        unsigned count = 0;

        assert_int_equal(transaction_begin(&transaction, NULL), 0);
        assert_int_equal(registry_each_certificate(transaction.registry, NULL, count_one, &count, NULL), 0);
        transaction_end(&transaction);
        return count;
}

static void join__good__is_a_client_of_its_name_and_no_more(void **state)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        char cn[64];

        (void)state;
        ask("node");
        read_reply(&answer);
        assert_null(answer.error);
        assert_string_equal(answer.name, "hall");
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(answer.certificate), NID_commonName, cn, sizeof(cn));
        assert_string_equal(cn, "hall");
        assert_int_equal(X509_get_extended_key_usage(answer.certificate), XKU_SSL_CLIENT);
        assert_int_equal(X509_check_ca(answer.certificate), 0);
}

static void join__twice__gives_the_same_to_the_same_key_alone(void **state)
{
        CLEANUP(answer_done) struct answer first = { 0 }, again = { 0 };

        (void)state;
        ask("node");
        read_reply(&first);
        send(keys.identity, request, strlen(request));
        read_reply(&again);
        assert_string_equal(first.certificate_pem, again.certificate_pem);
        EVP_PKEY_free(key);
        assert_int_equal(enrol_key_new(NULL, &key, NULL), 0);
        ask("node");
        assert_refused("used already");
        assert_int_equal(count_certificates(), 1);
}

static void join__out_of_time__is_refused(void **state)
{
        (void)state;
        invite("attic", NAME_NODE, (int64_t)time(NULL) - 1);
        ask("node");
        assert_refused("out of time");
        assert_int_equal(count_certificates(), 0);
}

static void join__for_another_kind__leaves_the_code_good(void **state)
{
        CLEANUP(answer_done) struct answer answer = { 0 };

        (void)state;
        ask("client");
        assert_refused("is a node's name");
        ask("node");
        read_reply(&answer);
        assert_null(answer.error);
}

static void join__five_wrong_secrets__end_the_code(void **state)
{
        const unsigned char wrong[CODE_MAC_BYTES] = "wrong";

        (void)state;
        seal("node", wrong);
        for (int i = 0; i < INVITATION_TRIES; i++) {
                send(keys.identity, request, strlen(request));
                assert_null(reply.payload);
                assert_true(reply.is_refused);
        }
        ask("node");
        assert_refused("too many wrong tries");
        assert_int_equal(count_certificates(), 0);
}

/* The other spellings of a hexadecimal digit are the same MAC: what counts is that the body is the one that was sealed. */
static void message__any_byte_changed__is_not_taken_for_another(void **state)
{
        (void)state;
        seal("node", keys.mac);
        for (size_t i = 0; request[i]; i++) {
                CLEANUP_FREE char *opened = NULL;
                request[i] ^= 1;
                if (message_open_sealed(LABEL_JOIN_REQUEST, request, strlen(request), keys.mac, &opened, NULL) == 0)
                        assert_string_equal(opened, body);
                request[i] ^= 1;
        }
        request[strlen(request) / 2] ^= 1;
        send(keys.identity, request, strlen(request));
        assert_null(reply.payload);
        assert_int_equal(count_certificates(), 0);
}

static void request__rubbish__is_not_answered(void **state)
{
        static const char *const identities[] = {
                "hall", "hall.2", "sconce-pki.signer", "join.", "join.aaaaaaaaaaaaaaaa", "'; DROP TABLE names; --", ""
        };
        static char deep[200000], large[300000];

        (void)state;
        memset(deep, '[', sizeof(deep));
        memset(large, 0xff, sizeof(large));
        for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
                send(identities[i], deep, sizeof(deep));
                assert_null(reply.payload);
                send(identities[i], large, sizeof(large));
                assert_null(reply.payload);
                send(identities[i], "", 0);
                assert_null(reply.payload);
        }
        ask("node");
        assert_non_null(reply.payload);
}

static void serial_of(X509 *certificate, char ret[static REQUEST_SERIAL_MAX])
{
        BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
        char *hex = BN_bn2hex(number);

        (void)snprintf(ret, REQUEST_SERIAL_MAX, "%s", hex);
        OPENSSL_free(hex);
        BN_free(number);
}

static void sign_renewal_of(EVP_PKEY *wanted, EVP_PKEY *by, const char *serial)
{
        EVP_PKEY *const signers[] = { by };

        free(body);
        free(request);
        body = request = NULL;
        assert_int_equal(request_body(wanted, NULL, serial, NULL, 0, &body, NULL), 0);
        assert_int_equal(message_sign(LABEL_RENEW_REQUEST, body, signers, 1, &request, NULL), 0);
}

static void sign_renewal(EVP_PKEY *by, const char *serial)
{
        sign_renewal_of(key, by, serial);
}

/* A key on a chip stays the same. */
static void renewal__with_the_same_key__is_a_new_certificate_once(void **state)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        char serial[REQUEST_SERIAL_MAX];

        (void)state;
        ask("node");
        read_reply(&answer);
        serial_of(answer.certificate, serial);
        sign_renewal(key, serial);
        for (int i = 0; i < 2; i++) {
                send("hall", request, strlen(request));
                assert_non_null(reply.payload);
                assert_int_equal(count_certificates(), 2);
        }
}

/* Anyone who has kept two requests may send them in turn. */
static void renewal__kept_requests_in_turn__make_no_further_certificate(void **state)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        CLEANUP_FREE char *first = NULL;
        EVP_PKEY *second_key = NULL, *third_key = NULL;
        char serial[REQUEST_SERIAL_MAX];

        (void)state;
        assert_int_equal(enrol_key_new(NULL, &second_key, NULL), 0);
        assert_int_equal(enrol_key_new(NULL, &third_key, NULL), 0);
        ask("node");
        read_reply(&answer);
        serial_of(answer.certificate, serial);
        sign_renewal_of(second_key, key, serial);
        first = strdup(request);
        send("hall", first, strlen(first));
        sign_renewal_of(third_key, key, serial);
        send("hall", request, strlen(request));
        assert_int_equal(count_certificates(), 3);
        for (int i = 0; i < 3; i++) {
                send("hall", first, strlen(first));
                assert_non_null(reply.payload);
                send("hall", request, strlen(request));
                assert_non_null(reply.payload);
        }
        assert_int_equal(count_certificates(), 3);
        EVP_PKEY_free(second_key);
        EVP_PKEY_free(third_key);
}

/* Signed by the authority, so that its owner may believe it. */
static void assert_renewal_refused(const char *why)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        CLEANUP_FREE char *text = NULL, *path = NULL;
        struct authority authority = { 0 };

        assert_non_null(reply.payload);
        assert_true(asprintf(&path, "%s/%s", dir, AUTHORITY_CERT) > 0);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        assert_non_null(file);
        authority.certificate = PEM_read_X509(file, NULL, NULL, NULL);
        EVP_PKEY *const authorities[] = { X509_get0_pubkey(authority.certificate) };
        assert_int_equal(message_open_signed(LABEL_RENEW_ANSWER, reply.payload, strlen(reply.payload), authorities, 1,
                                             &text, NULL),
                         0);
        authority_done(&authority);
        assert_int_equal(answer_read(text, body, key, &answer, NULL), 0);
        assert_non_null(answer.error);
        assert_string_equal(answer.error, why);
        assert_true(reply.is_refused);
        assert_non_null(strstr(reply.note, why));
}

/* Each is a row for ever, and a line of the list when the name is revoked: one owner of a certificate shall not make it too long for
 * all others. */
static void renewal__too_many_in_a_day__is_refused_until_the_next(void **state)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        CLEANUP_FREE char *first = NULL;
        char serial[REQUEST_SERIAL_MAX];

        (void)state;
        ask("node");
        read_reply(&answer);
        serial_of(answer.certificate, serial);
        EVP_PKEY *own = key;
        for (int i = 1; i <= SIGNER_RENEWALS_A_DAY; i++) {
                assert_int_equal(count_certificates(), i);
                assert_int_equal(enrol_key_new(NULL, &key, NULL), 0);
                sign_renewal(own, serial);
                send("hall", request, strlen(request));
                if (!first)
                        first = strdup(request);
                if (i < SIGNER_RENEWALS_A_DAY)
                        EVP_PKEY_free(key);
        }
        assert_renewal_refused("it has had 10 certificates within a day: no more of them until tomorrow");
        send("hall", first, strlen(first)); /* has been answered */
        assert_false(reply.is_refused);
        assert_int_equal(count_certificates(), SIGNER_RENEWALS_A_DAY);
        send_at((int64_t)time(NULL) + 86401, "hall", request, strlen(request));
        assert_false(reply.is_refused);
        assert_int_equal(count_certificates(), SIGNER_RENEWALS_A_DAY + 1);
        EVP_PKEY_free(own);
}

static void renewal__by_whom_it_is_not__is_not_answered(void **state)
{
        CLEANUP(answer_done) struct answer answer = { 0 };
        EVP_PKEY *foreign = NULL;
        char serial[REQUEST_SERIAL_MAX];

        (void)state;
        ask("node");
        read_reply(&answer);
        serial_of(answer.certificate, serial);
        assert_int_equal(enrol_key_new(NULL, &foreign, NULL), 0);
        sign_renewal(foreign, serial);
        EVP_PKEY_free(foreign);
        send("hall", request, strlen(request));
        assert_null(reply.payload);
        sign_renewal(key, serial);
        send("attic", request, strlen(request)); /* on another's topic */
        assert_null(reply.payload);
        assert_int_equal(count_certificates(), 1);
        send("hall", request, strlen(request));
        assert_non_null(reply.payload);

        struct transaction transaction = transaction_here();
        unsigned count;
        assert_int_equal(transaction_begin(&transaction, NULL), 0);
        assert_int_equal(registry_revoke(transaction.registry, "hall", 1, &count, NULL), 0);
        assert_int_equal(transaction_commit(&transaction, NULL), 0);
        transaction_end(&transaction);
        send("hall", request, strlen(request));
        assert_renewal_refused("the certificate has been revoked");
        assert_int_equal(count_certificates(), 2);
}

static void knows__identities_of_now_and_before__no_others(void **state)
{
        static const char *const nobodys[] = { "",
                                               "attic",
                                               "hall.2",
                                               "hall.0",
                                               "hall.1",
                                               "hall.02",
                                               "hall.x",
                                               "hall ",
                                               "hall.2000000",
                                               "join.",
                                               "join.aaaaaaaaaaaaaaaa" };
        struct transaction transaction = transaction_here();
        struct name again = { .name = "hall", .kind = NAME_NODE, .generation = 3 };

        (void)state;
        assert_true(signer_knows("hall"));
        assert_true(signer_knows(keys.identity));
        for (size_t i = 0; i < ARRAY_SIZE(nobodys); i++)
                assert_false(signer_knows(nobodys[i]));

        assert_int_equal(transaction_begin(&transaction, NULL), 0);
        assert_int_equal(registry_put(transaction.registry, &again, NULL), 0);
        assert_int_equal(transaction_commit(&transaction, NULL), 0);
        transaction_end(&transaction);
        assert_true(signer_knows("hall") && signer_knows("hall.2") && signer_knows("hall.3"));
        assert_false(signer_knows("hall.4"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        const struct CMUnitTest tests[] = {
                TEST(join__good__is_a_client_of_its_name_and_no_more),
                TEST(join__twice__gives_the_same_to_the_same_key_alone),
                TEST(join__out_of_time__is_refused),
                TEST(join__for_another_kind__leaves_the_code_good),
                TEST(join__five_wrong_secrets__end_the_code),
                TEST(message__any_byte_changed__is_not_taken_for_another),
                TEST(request__rubbish__is_not_answered),
                TEST(knows__identities_of_now_and_before__no_others),
                TEST(renewal__by_whom_it_is_not__is_not_answered),
                TEST(renewal__too_many_in_a_day__is_refused_until_the_next),
                TEST(renewal__with_the_same_key__is_a_new_certificate_once),
                TEST(renewal__kept_requests_in_turn__make_no_further_certificate),
        };

        return cmocka_run_group_tests_name("certs/signer", tests, NULL, NULL);
}
