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
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "enrol/message.h"
#include "util/cleanup.h"

#define BODY "{\"v\":1,\"text\":\"\\u00e9 \\\"quoted\\\"\"}"

static const unsigned char secret[MESSAGE_MAC_KEY_BYTES] = "thirty-two bytes of a MAC's key";
static EVP_PKEY *ours, *theirs;

static int setup(void **state)
{
        (void)state;
        ours = EVP_EC_gen("P-256");
        theirs = EVP_EC_gen("P-256");
        return ours && theirs ? 0 : -1;
}

static int teardown(void **state)
{
        (void)state;
        EVP_PKEY_free(ours);
        EVP_PKEY_free(theirs);
        return 0;
}

static char *sealed(void)
{
        char *text = NULL;

        assert_int_equal(message_seal(LABEL_JOIN_REQUEST, BODY, secret, &text, NULL), 0);
        return text;
}

static char *signed_by(EVP_PKEY *const keys[], size_t count)
{
        char *text = NULL;

        assert_int_equal(message_sign(LABEL_TRUST, BODY, keys, count, &text, NULL), 0);
        return text;
}

static int open_sealed(const char *label, const void *text, size_t size, const unsigned char *key)
{
        char *body = NULL;
        struct fault fault = { 0 };
        int r = message_open_sealed(label, text, size, key, &body, &fault);

        assert_true(r == 0 ? strcmp(body, BODY) == 0 : !body && fault.code == r && fault.text[0]);
        free(body);
        return r;
}

static int open_signed(const char *label, const char *text, EVP_PKEY *const keys[], size_t count)
{
        char *body = NULL;
        struct fault fault = { 0 };
        int r = message_open_signed(label, text, strlen(text), keys, count, &body, &fault);

        assert_true(r == 0 ? strcmp(body, BODY) == 0 : !body && fault.code == r && fault.text[0]);
        free(body);
        return r;
}

/* ---- Under a secret ---------------------------------------------------------------------------------------------- */

static void open_sealed__as_sealed__gives_the_body(void **state)
{
        CLEANUP_FREE char *text = sealed();

        (void)state;
        assert_int_equal(open_sealed(LABEL_JOIN_REQUEST, text, strlen(text), secret), 0);
}

static void open_sealed__other_label_or_key__is_not_theirs(void **state)
{
        static const char *const labels[] = { LABEL_JOIN_ANSWER, LABEL_RENEW_REQUEST, LABEL_RENEW_ANSWER, LABEL_TRUST,
                                              "" };
        CLEANUP_FREE char *text = sealed();
        unsigned char other[MESSAGE_MAC_KEY_BYTES];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
                assert_int_equal(open_sealed(labels[i], text, strlen(text), secret), -EKEYREJECTED);
        memcpy(other, secret, sizeof(other));
        other[31] ^= 1;
        assert_int_equal(open_sealed(LABEL_JOIN_REQUEST, text, strlen(text), other), -EKEYREJECTED);
}

/* Each byte in turn; what is still the same message can only be the same text. */
static void open_sealed__any_byte_changed__is_refused(void **state)
{
        CLEANUP_FREE char *text = sealed();
        size_t size = strlen(text);

        (void)state;
        for (size_t at = 0; at < size; at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        text[at] = (char)(text[at] ^ 1 << bit);
                        int r = open_sealed(LABEL_JOIN_REQUEST, text, size, secret);
                        if (r != -EBADMSG && r != -EKEYREJECTED)
                                fail_msg("bit %u of byte %zu may be changed: %d", bit, at, r);
                        text[at] = (char)(text[at] ^ 1 << bit);
                }
}

static void open_sealed__truncated__is_no_message(void **state)
{
        CLEANUP_FREE char *text = sealed();

        (void)state;
        for (size_t size = 0; size < strlen(text); size++)
                assert_int_equal(open_sealed(LABEL_JOIN_REQUEST, text, size, secret), -EBADMSG);
}

static void open_sealed__other_shapes__are_no_messages(void **state)
{
        static const char *const table[] = {
                "",
                "null",
                "[]",
                "\"body\"",
                "{}",
                "{\"body\":\"\"}",
                "{\"mac\":\"00\"}",
                "{\"body\":1,\"mac\":\"00\"}",
                "{\"body\":\"\",\"mac\":1}",
                "{\"body\":\"\",\"mac\":null}",
                "{\"body\":\"a\",\"body\":\"b\",\"mac\":\"00\"}",
                "{\"body\":\"a\\u0000b\",\"mac\":\"00\"}",
                "{\"body\":\"\",\"mac\":\"00\"} x",
                "{\"body\":\"\xff\",\"mac\":\"00\"}",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (open_sealed(LABEL_JOIN_REQUEST, table[i], strlen(table[i]), secret) != -EBADMSG)
                        fail_msg("%s is taken for a message", table[i]);
        assert_int_equal(open_sealed(LABEL_JOIN_REQUEST, "{\"body\":\"\",\"mac\":\"\"}", 20, secret), -EKEYREJECTED);
}

static void open_sealed__deep_json__is_no_message(void **state)
{
        static char deep[200 * 1024];

        (void)state;
        memset(deep, '[', sizeof(deep));
        assert_int_equal(open_sealed(LABEL_JOIN_REQUEST, deep, sizeof(deep), secret), -EBADMSG);
        for (size_t i = 0; i + 5 <= sizeof(deep); i += 5)
                memcpy(deep + i, "{\"a\":", 5);
        assert_int_equal(open_sealed(LABEL_JOIN_REQUEST, deep, sizeof(deep), secret), -EBADMSG);
}

/* A good one that is only too long, beside one that is just short enough. */
static void open_sealed__300_kib__is_no_message(void **state)
{
        static char body[300 * 1024 + 1];
        static const size_t sizes[] = { 300U * 1024U, MESSAGE_MAX - 100 };

        (void)state;
        memset(body, 'a', sizeof(body) - 1);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                CLEANUP_FREE char *text = NULL, *read = NULL;
                body[sizes[i]] = '\0';
                assert_int_equal(message_seal(LABEL_TRUST, body, secret, &text, NULL), 0);
                assert_int_equal(message_open_sealed(LABEL_TRUST, text, strlen(text), secret, &read, NULL),
                                 i == 0 ? -EBADMSG : 0);
        }
}

static void peek__any_sealer__gives_the_body(void **state)
{
        CLEANUP_FREE char *text = sealed(), *body = NULL, *none = NULL;

        (void)state;
        assert_int_equal(message_peek(text, strlen(text), &body, NULL), 0);
        assert_string_equal(body, BODY);
        assert_int_equal(message_peek(text, strlen(text) - 1, &none, NULL), -EBADMSG);
        assert_null(none);
}

/* ---- By keys ----------------------------------------------------------------------------------------------------- */

static void open_signed__one_of_several__is_enough(void **state)
{
        EVP_PKEY *const both[] = { ours, theirs };
        CLEANUP_FREE char *by_both = signed_by(both, 2), *by_ours = signed_by(both, 1);

        (void)state;
        assert_int_equal(open_signed(LABEL_TRUST, by_both, &ours, 1), 0);
        assert_int_equal(open_signed(LABEL_TRUST, by_both, &theirs, 1), 0);
        assert_int_equal(open_signed(LABEL_TRUST, by_ours, both, 2), 0);
        assert_int_equal(open_signed(LABEL_TRUST, by_ours, &theirs, 1), -EKEYREJECTED);
        assert_int_equal(open_signed(LABEL_TRUST, by_ours, both, 0), -EKEYREJECTED);
        assert_int_equal(open_signed(LABEL_RENEW_ANSWER, by_ours, &ours, 1), -EKEYREJECTED);
}

static json_t *signature_of(json_t *message, size_t i)
{
        return json_array_get(json_object_get(message, "signatures"), i);
}

/* Each is good for the other's key. */
static void open_signed__signatures_swapped__is_not_theirs(void **state)
{
        EVP_PKEY *const both[] = { ours, theirs };
        CLEANUP_FREE char *text = signed_by(both, 2), *swapped = NULL;
        json_t *message = json_loads(text, 0, NULL);

        (void)state;
        json_t *first = json_incref(json_object_get(signature_of(message, 0), "signature"));
        assert_int_equal(json_object_set(signature_of(message, 0), "signature",
                                         json_object_get(signature_of(message, 1), "signature")),
                         0);
        assert_int_equal(json_object_set_new(signature_of(message, 1), "signature", first), 0);
        swapped = json_dumps(message, JSON_COMPACT);
        json_decref(message);
        assert_int_equal(open_signed(LABEL_TRUST, swapped, both, 2), -EKEYREJECTED);
}

/* A signature of another body under our key's id. */
static void open_signed__signature_of_another_body__is_not_theirs(void **state)
{
        CLEANUP_FREE char *text = NULL, *other = NULL, *moved = NULL;

        (void)state;
        assert_int_equal(message_sign(LABEL_TRUST, BODY, &ours, 1, &text, NULL), 0);
        assert_int_equal(message_sign(LABEL_TRUST, "{\"v\":1}", &ours, 1, &other, NULL), 0);
        json_t *message = json_loads(text, 0, NULL), *from = json_loads(other, 0, NULL);
        assert_int_equal(json_object_set(message, "signatures", json_object_get(from, "signatures")), 0);
        moved = json_dumps(message, JSON_COMPACT);
        json_decref(message);
        json_decref(from);
        assert_int_equal(open_signed(LABEL_TRUST, moved, &ours, 1), -EKEYREJECTED);
}

static void open_signed__signatures_of_other_shapes__are_refused(void **state)
{
        static const struct {
                const char *signatures;
                int result;
        } table[] = {
                { "", -EBADMSG },
                { ",\"signatures\":{}", -EBADMSG },
                { ",\"signatures\":\"x\"", -EBADMSG },
                { ",\"signatures\":[]", -EKEYREJECTED },
                { ",\"signatures\":[1,null,[],{}]", -EKEYREJECTED },
                { ",\"signatures\":[{\"key\":\"%s\",\"signature\":\"\"}]", -EKEYREJECTED },
                { ",\"signatures\":[{\"key\":\"%s\",\"signature\":\"====\"}]", -EKEYREJECTED },
                { ",\"signatures\":[{\"key\":\"%s\",\"signature\":\"AA==\"}]", -EKEYREJECTED },
                { ",\"signatures\":[{\"key\":\"%s\",\"signature\":\"not base64\"}]", -EKEYREJECTED },
                { ",\"signatures\":[{\"key\":\"%s\",\"signature\":1}]", -EKEYREJECTED },
        };
        char id[KEY_ID_MAX];

        (void)state;
        assert_int_equal(key_id(ours, id, NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                char text[512], signatures[256];
                const char *at = strstr(table[i].signatures, "%s");
                int first = at ? (int)(at - table[i].signatures) : 0;
                (void)snprintf(signatures, sizeof(signatures), "%.*s%s%s", first, table[i].signatures, at ? id : "",
                               at ? at + 2 : table[i].signatures);
                (void)snprintf(text, sizeof(text), "{\"body\":\"b\"%s}", signatures);
                if (open_signed(LABEL_TRUST, text, &ours, 1) != table[i].result)
                        fail_msg("not %d: %s", table[i].result, text);
        }
}

/* 300 bytes of base64 are more than any signature of ours has. */
static void open_signed__long_signature__is_not_theirs(void **state)
{
        char id[KEY_ID_MAX], text[1200], signature[401];

        (void)state;
        assert_int_equal(key_id(ours, id, NULL), 0);
        memset(signature, 'A', sizeof(signature) - 1);
        signature[sizeof(signature) - 1] = '\0';
        (void)snprintf(text, sizeof(text), "{\"body\":\"b\",\"signatures\":[{\"key\":\"%s\",\"signature\":\"%s\"}]}",
                       id, signature);
        assert_int_equal(open_signed(LABEL_TRUST, text, &ours, 1), -EKEYREJECTED);
}

static void key_id__another_key__differs(void **state)
{
        char first[KEY_ID_MAX], again[KEY_ID_MAX], other[KEY_ID_MAX];

        (void)state;
        assert_int_equal(key_id(ours, first, NULL), 0);
        assert_int_equal(key_id(ours, again, NULL), 0);
        assert_int_equal(key_id(theirs, other, NULL), 0);
        assert_int_equal(strlen(first), KEY_ID_MAX - 1);
        assert_string_equal(first, again);
        assert_string_not_equal(first, other);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(open_sealed__as_sealed__gives_the_body),
                cmocka_unit_test(open_sealed__other_label_or_key__is_not_theirs),
                cmocka_unit_test(open_sealed__any_byte_changed__is_refused),
                cmocka_unit_test(open_sealed__truncated__is_no_message),
                cmocka_unit_test(open_sealed__other_shapes__are_no_messages),
                cmocka_unit_test(open_sealed__deep_json__is_no_message),
                cmocka_unit_test(open_sealed__300_kib__is_no_message),
                cmocka_unit_test(peek__any_sealer__gives_the_body),
                cmocka_unit_test(open_signed__one_of_several__is_enough),
                cmocka_unit_test(open_signed__signatures_swapped__is_not_theirs),
                cmocka_unit_test(open_signed__signature_of_another_body__is_not_theirs),
                cmocka_unit_test(open_signed__signatures_of_other_shapes__are_refused),
                cmocka_unit_test(open_signed__long_signature__is_not_theirs),
                cmocka_unit_test(key_id__another_key__differs),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
