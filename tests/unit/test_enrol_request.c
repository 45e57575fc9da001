/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "enrol/request.h"
#include "fakes/fake_authority.h"

static struct fake_authority home, foreign;
static EVP_PKEY *key, *other_key;

static int setup(void **state)
{
        (void)state;
        fake_authority_make(&home, "home");
        fake_authority_make(&foreign, "home"); /* by the same name */
        return enrol_key_new(NULL, &key, NULL) == 0 && enrol_key_new(NULL, &other_key, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
        (void)state;
        fake_authority_done(&home);
        fake_authority_done(&foreign);
        EVP_PKEY_free(key);
        EVP_PKEY_free(other_key);
        return 0;
}

/* ---- The request ------------------------------------------------------------------------------------------------- */

static char *ask(void)
{
        char *body = NULL;

        assert_int_equal(request_body(key, "node", NULL, NULL, 0, &body, NULL), 0);
        return body;
}

static void assert_request(const char *body, int result, const char *sentence)
{
        struct request request;
        struct fault fault = { 0 };

        if (request_read(body, &request, &fault) != result)
                fail_msg("not %d (%s): %s", result, fault.text, body);
        if (result < 0)
                assert_string_equal(fault.text, sentence);
        request_done(&request);
}

/* The request with something in place of one of its values; NULL takes it out. */
static char *ask_with(const char *name, json_t *value)
{
        CLEANUP_FREE char *body = ask();
        json_t *object = json_loads(body, 0, NULL);

        assert_int_equal(value ? json_object_set_new(object, name, value) : json_object_del(object, name), 0);
        char *changed = json_dumps(object, JSON_COMPACT);
        json_decref(object);
        return changed;
}

static void request_read__a_join__gives_the_key(void **state)
{
        CLEANUP_FREE char *body = ask(), *again = ask();
        struct request request;

        (void)state;
        assert_string_not_equal(body, again); /* the nonce */
        assert_null(strstr(body, "PRIVATE"));
        assert_int_equal(request_read(body, &request, NULL), 0);
        assert_int_equal(EVP_PKEY_eq(request.key, key), 1);
        assert_string_equal(request.serial, "");
        assert_int_equal(request.authority_count, 0);
        assert_true(request.time_s > 1600000000);
        assert_int_equal(strlen(request.nonce), 32);
        request_done(&request);
}

static void request_read__a_renewal__gives_serial_and_authorities(void **state)
{
        X509 *const trusted[] = { home.certificate, foreign.certificate };
        CLEANUP_FREE char *body = NULL;
        char id[KEY_ID_MAX];
        struct request request;

        (void)state;
        assert_int_equal(request_body(key, NULL, "0a1b2c", trusted, 2, &body, NULL), 0);
        assert_int_equal(request_read(body, &request, NULL), 0);
        assert_string_equal(request.serial, "0A1B2C");
        assert_string_equal(request.kind, "");
        assert_int_equal(request.authority_count, 2);
        assert_int_equal(key_id(home.key, id, NULL), 0);
        assert_string_equal(request.authorities[0], id);
        request_done(&request);
}

static void request_read__join__has_the_kind_that_is_asked_for(void **state)
{
        CLEANUP_FREE char *body = ask();
        struct request request;

        (void)state;
        assert_int_equal(request_read(body, &request, NULL), 0);
        assert_string_equal(request.kind, "node");
        assert_string_equal(request.serial, "");
        request_done(&request);
        CLEANUP_FREE char *other = ask_with("kind", json_string("a long word"));
        assert_request(other, -EBADMSG, "this is no request");
}

static json_t *many_ids(size_t count)
{
        json_t *ids = json_array();

        for (size_t i = 0; i < count; i++)
                assert_int_equal(json_array_append_new(ids, json_string("ab")), 0);
        return ids;
}

static void request_read__values_of_other_shapes__are_no_request(void **state)
{
        static char long_text[5000];

        (void)state;
        memset(long_text, 'a', sizeof(long_text) - 1);
        const struct {
                const char *name;
                json_t *value;
        } table[] = {
                { "v", NULL },
                { "v", json_integer(2) },
                { "v", json_string("1") },
                { "nonce", NULL },
                { "nonce", json_string("") },
                { "nonce", json_string("xyz") },
                { "nonce", json_string(long_text) },
                { "time", NULL },
                { "time", json_string("now") },
                { "serial", json_string("") },
                { "serial", json_integer(7) },
                { "serial", json_string(long_text) },
                { "serial", json_string("../x") },
                { "authorities", NULL },
                { "authorities", json_string("ab") },
                { "authorities", many_ids(REQUEST_AUTHORITIES_MAX + 1) },
                { "authorities", json_pack("[s]", long_text) },
                { "authorities", json_pack("[i]", 1) },
        };
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                CLEANUP_FREE char *body = ask_with(table[i].name, table[i].value);
                assert_request(body, -EBADMSG, "this is no request");
        }
        CLEANUP_FREE char *most = ask_with("authorities", many_ids(REQUEST_AUTHORITIES_MAX));
        assert_request(most, 0, NULL);
}

static void request_read__no_signing_request__says_so(void **state)
{
        (void)state;
        json_t *const table[] = { NULL, json_integer(1), json_string(""),
                                  json_string("-----BEGIN CERTIFICATE REQUEST-----\n"), json_string(home.ca_pem) };
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                CLEANUP_FREE char *body = ask_with("csr", table[i]);
                assert_request(body, -EBADMSG, "there is no signing request in it");
        }
        assert_request("", -EBADMSG, "this is no request");
        assert_request("[[[[", -EBADMSG, "this is no request");
        assert_request("[]", -EBADMSG, "this is no request");
}

/* Of `public_key`, signed by `signer`. */
static json_t *csr_of(EVP_PKEY *public_key, EVP_PKEY *signer)
{
        X509_REQ *csr = X509_REQ_new();
        BIO *bio = BIO_new(BIO_s_mem());
        char *data;

        assert_int_equal(X509_REQ_set_pubkey(csr, public_key), 1);
        assert_true(X509_REQ_sign(csr, signer, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_bio_X509_REQ(bio, csr), 1);
        long size = BIO_get_mem_data(bio, &data);
        json_t *text = json_stringn(data, (size_t)size);
        X509_REQ_free(csr);
        BIO_free(bio);
        return text;
}

static void request_read__key_of_another_kind__is_refused(void **state)
{
        EVP_PKEY *const keys[] = { EVP_RSA_gen(2048), EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1") };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                CLEANUP_FREE char *body = ask_with("csr", csr_of(keys[i], keys[i]));
                assert_request(body, -EKEYREJECTED, "its key is not an EC key of P-256");
                EVP_PKEY_free(keys[i]);
        }
}

static void request_read__signed_with_another_key__is_refused(void **state)
{
        CLEANUP_FREE char *body = ask_with("csr", csr_of(other_key, key));

        (void)state;
        assert_request(body, -EKEYREJECTED, "the signing request is not signed with its own key");
}

/* The last byte of the base64 is in the signature. */
static void request_read__broken_signature__is_refused(void **state)
{
        json_t *csr = csr_of(key, key);
        char pem[2048];

        (void)state;
        (void)snprintf(pem, sizeof(pem), "%s", json_string_value(csr));
        json_decref(csr);
        char *last = strstr(pem, "\n-----END") - 6;
        *last = *last == 'A' ? 'B' : 'A';
        CLEANUP_FREE char *body = ask_with("csr", json_string(pem));
        assert_request(body, -EKEYREJECTED, "the signing request is not signed with its own key");
}

/* ---- The answer -------------------------------------------------------------------------------------------------- */

/* What a signer would send: its texts are freed by offer_done(). */
static struct answer offer_for(EVP_PKEY *public_key)
{
        return (struct answer){
                .name = strdup("hall"),
                .kind = strdup("node"),
                .url = strdup("mqtts://broker.lan:8883"),
                .certificate_pem = fake_authority_issue(&home, public_key, "hall", 7),
                .ca_pem = strdup(home.ca_pem),
                .crl_pem = strdup(home.crl_pem),
        };
}

static void put(char **at, char *text)
{
        free(*at);
        *at = text;
}

/* Sends and reads it; takes the offer. */
static void assert_answer(struct answer *offer, const char *request, int result, const char *sentence)
{
        CLEANUP_FREE char *body = NULL;
        struct answer answer;
        struct fault fault = { 0 };

        assert_int_equal(answer_body(request, offer, &body, NULL), 0);
        assert_int_equal(answer_read(body, request, key, &answer, &fault), result);
        assert_string_equal(fault.text, sentence);
        if (result < 0)
                assert_null(answer.certificate);
        answer_done(&answer);
        answer_done(offer);
}

static void answer_read__as_sent__gives_all_of_it(void **state)
{
        CLEANUP_FREE char *request = ask(), *body = NULL;
        struct answer offer = offer_for(key), answer;

        (void)state;
        assert_int_equal(answer_body(request, &offer, &body, NULL), 0);
        assert_int_equal(answer_read(body, request, key, &answer, NULL), 0);
        assert_null(answer.error);
        assert_string_equal(answer.name, "hall");
        assert_string_equal(answer.kind, "node");
        assert_string_equal(answer.url, "mqtts://broker.lan:8883");
        assert_string_equal(answer.certificate_pem, offer.certificate_pem);
        assert_string_equal(answer.ca_pem, home.ca_pem);
        assert_string_equal(answer.crl_pem, home.crl_pem);
        assert_non_null(answer.certificate);
        answer_done(&answer);
        answer_done(&offer);
}

static void answer_read__an_error__gives_it_alone(void **state)
{
        CLEANUP_FREE char *request = ask(), *body = NULL;
        struct answer refusal = { .error = strdup("hall was revoked") }, answer;

        (void)state;
        assert_int_equal(answer_body(request, &refusal, &body, NULL), 0);
        assert_int_equal(answer_read(body, request, key, &answer, NULL), 0);
        assert_string_equal(answer.error, "hall was revoked");
        assert_null(answer.certificate);
        answer_done(&answer);
        answer_done(&refusal);
}

static void answer_read__to_another_request__is_none(void **state)
{
        CLEANUP_FREE char *request = ask(), *earlier = ask(), *body = NULL;
        struct answer offer = offer_for(key), answer;
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(answer_body(earlier, &offer, &body, NULL), 0);
        assert_int_equal(answer_read(body, request, key, &answer, &fault), -EBADMSG);
        assert_string_equal(fault.text, "this is no answer to the request");
        answer_done(&offer);
}

static void answer_read__certificate_of_another_name__is_none(void **state)
{
        CLEANUP_FREE char *request = ask();
        struct answer offer = offer_for(key), again = offer_for(key);

        (void)state;
        put(&offer.certificate_pem, fake_authority_issue(&home, key, "attic", 7));
        assert_answer(&offer, request, -EBADMSG, "the certificate in the answer is for another name");
        put(&again.certificate_pem, fake_authority_issue(&home, key, "hall.2", 7));
        assert_answer(&again, request, 0, "");
}

static void answer_read__other_shapes__are_none(void **state)
{
        static const char *const table[] = { "",
                                             "[]",
                                             "{}",
                                             "{\"v\":1}",
                                             "{\"v\":1,\"request\":1}",
                                             "{\"v\":1,\"request\":\"\"}",
                                             "{\"v\":1,\"error\":\"x\"}" };
        CLEANUP_FREE char *request = ask();

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct answer answer;
                assert_int_equal(answer_read(table[i], request, key, &answer, NULL), -EBADMSG);
        }
}

static void answer_read__something_missing__is_refused(void **state)
{
        CLEANUP_FREE char *request = ask();

        (void)state;
        for (size_t i = 0; i < 5; i++) {
                struct answer offer = offer_for(key);
                char **const fields[] = { &offer.name, &offer.kind, &offer.certificate_pem, &offer.ca_pem,
                                          &offer.crl_pem };
                put(fields[i], NULL);
                assert_answer(&offer, request, -EBADMSG, "the answer lacks something");
        }
        struct answer offer = offer_for(key);
        put(&offer.url, NULL);
        assert_answer(&offer, request, 0, "");
}

static void answer_read__certificate_for_another_key__is_refused(void **state)
{
        CLEANUP_FREE char *request = ask();
        struct answer offer = offer_for(other_key);

        (void)state;
        assert_answer(&offer, request, -EBADMSG, "the certificate in the answer is for another key");
}

#define NOT_LET_PASS "the certificate in the answer is not one that its authority lets pass"

static void answer_read__by_a_foreign_authority__is_refused(void **state)
{
        CLEANUP_FREE char *request = ask();
        struct answer offer = offer_for(key);

        (void)state;
        put(&offer.certificate_pem, fake_authority_issue(&foreign, key, "hall", 7));
        assert_answer(&offer, request, -EBADMSG, NOT_LET_PASS);
        offer = offer_for(key);
        put(&offer.crl_pem, strdup(foreign.crl_pem));
        assert_answer(&offer, request, -EBADMSG, NOT_LET_PASS);
        offer = offer_for(key);
        put(&offer.ca_pem, strdup(offer.certificate_pem)); /* it is no authority */
        assert_answer(&offer, request, -EBADMSG, NOT_LET_PASS);
}

static void answer_read__revoked__is_refused(void **state)
{
        CLEANUP_FREE char *request = ask();
        struct answer offer = offer_for(key);

        (void)state;
        put(&offer.crl_pem, fake_authority_revoke(&home, 7));
        assert_answer(&offer, request, -EBADMSG, NOT_LET_PASS);
        offer = offer_for(key);
        put(&offer.crl_pem, fake_authority_revoke(&home, 8));
        assert_answer(&offer, request, 0, "");
}

static void answer_read__two_authorities__either_may_issue(void **state)
{
        CLEANUP_FREE char *request = ask();
        struct fake_authority next = { 0 };
        struct answer offer = offer_for(key);
        char *both;

        (void)state;
        fake_authority_make(&next, "home 2");
        assert_true(asprintf(&both, "%s%s", home.ca_pem, next.ca_pem) > 0);
        put(&offer.ca_pem, both);
        assert_true(asprintf(&both, "%s%s", home.crl_pem, next.crl_pem) > 0);
        put(&offer.crl_pem, both);
        put(&offer.certificate_pem, fake_authority_issue(&next, key, "hall", 7));
        assert_answer(&offer, request, 0, "");
        fake_authority_done(&next);
}

static void answer_read__no_pem__is_refused(void **state)
{
        CLEANUP_FREE char *request = ask();
        struct answer offer = offer_for(key);

        (void)state;
        put(&offer.certificate_pem, strdup("certificate"));
        assert_answer(&offer, request, -EBADMSG, "there is no certificate in it");
        offer = offer_for(key);
        put(&offer.ca_pem, strdup(""));
        assert_answer(&offer, request, -EBADMSG, NOT_LET_PASS);
        offer = offer_for(key);
        put(&offer.crl_pem, strdup(home.ca_pem));
        assert_answer(&offer, request, -EBADMSG, NOT_LET_PASS);
}

static void enrol_key_new__unknown_provider__says_so(void **state)
{
        EVP_PKEY *none = NULL;
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(enrol_key_new("provider=nobody", &none, &fault), -EIO);
        assert_null(none);
        assert_int_equal(strncmp(fault.text, "no key can be made: ", 20), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(request_read__a_join__gives_the_key),
                cmocka_unit_test(request_read__a_renewal__gives_serial_and_authorities),
                cmocka_unit_test(request_read__join__has_the_kind_that_is_asked_for),
                cmocka_unit_test(request_read__values_of_other_shapes__are_no_request),
                cmocka_unit_test(request_read__no_signing_request__says_so),
                cmocka_unit_test(request_read__key_of_another_kind__is_refused),
                cmocka_unit_test(request_read__signed_with_another_key__is_refused),
                cmocka_unit_test(request_read__broken_signature__is_refused),
                cmocka_unit_test(answer_read__as_sent__gives_all_of_it),
                cmocka_unit_test(answer_read__an_error__gives_it_alone),
                cmocka_unit_test(answer_read__to_another_request__is_none),
                cmocka_unit_test(answer_read__certificate_of_another_name__is_none),
                cmocka_unit_test(answer_read__other_shapes__are_none),
                cmocka_unit_test(answer_read__something_missing__is_refused),
                cmocka_unit_test(answer_read__certificate_for_another_key__is_refused),
                cmocka_unit_test(answer_read__by_a_foreign_authority__is_refused),
                cmocka_unit_test(answer_read__revoked__is_refused),
                cmocka_unit_test(answer_read__two_authorities__either_may_issue),
                cmocka_unit_test(answer_read__no_pem__is_refused),
                cmocka_unit_test(enrol_key_new__unknown_provider__says_so),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
