/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enrol/code.h"

static const struct code hall = {
        .name = "hall",
        .secret = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 },
        .host = "broker.lan",
        .port = CODE_PORT,
};

static void assert_same(const struct code *a, const struct code *b)
{
        assert_string_equal(a->name, b->name);
        assert_memory_equal(a->secret, b->secret, CODE_SECRET_BYTES);
        assert_string_equal(a->host, b->host);
        assert_int_equal(a->port, b->port);
}

static void code_text__each_kind_of_host__is_read_again(void **state)
{
        static const struct {
                const char *host, *end;
                uint16_t port;
        } table[] = {
                { "broker.lan", "@broker.lan", CODE_PORT },       { "broker.lan", "@broker.lan:8883", 8883 },
                { "192.168.1.2", "@192.168.1.2:1", 1 },           { "::1", "@[::1]", CODE_PORT },
                { "fe80::1%eth0", "@[fe80::1%eth0]:9999", 9999 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct code code = hall, again;
                char text[CODE_TEXT_MAX];
                (void)snprintf(code.host, sizeof(code.host), "%s", table[i].host);
                code.port = table[i].port;
                code_text(&code, text);
                assert_string_equal(strchr(text, '@'), table[i].end);
                assert_int_equal(code_parse(text, &again, NULL), 0);
                assert_same(&code, &again);
        }
}

static void code_text__longest_name_and_host__fit(void **state)
{
        struct code code = hall, again;
        char text[CODE_TEXT_MAX];

        (void)state;
        memset(code.name, 'n', CODE_NAME_MAX - 1);
        code.name[CODE_NAME_MAX - 1] = '\0';
        for (size_t i = 0; i < 253; i++)
                code.host[i] = i % 50 == 49 ? '.' : 'h';
        code.host[253] = '\0';
        code.port = 65535;
        code_text(&code, text);
        assert_int_equal(code_parse(text, &again, NULL), 0);
        assert_same(&code, &again);
}

static void code_parse__spaces_and_capitals_of_a_copy__do_not_matter(void **state)
{
        char text[CODE_TEXT_MAX], copy[CODE_TEXT_MAX + 8];
        struct code again;

        (void)state;
        code_text(&hall, text);
        for (char *at = strchr(text, ':'); *at != '@'; at++)
                if (*at >= 'a' && *at <= 'z')
                        *at = (char)(*at - 'a' + 'A');
        (void)snprintf(copy, sizeof(copy), " \t%s \r\n", text);
        assert_int_equal(code_parse(copy, &again, NULL), 0);
        assert_same(&hall, &again);
}

/* Another letter in place of each one before the @: the check digits find all of them. */
static void code_parse__mistyped_at_any_position__is_refused(void **state)
{
        char text[CODE_TEXT_MAX];

        (void)state;
        code_text(&hall, text);
        for (size_t at = 0; text[at] != '@'; at++)
                for (const char *wrong = "abcdefghijklmnopqrstuvwxyz0123456789:"; *wrong; wrong++) {
                        struct code code;
                        struct fault fault = { 0 };
                        char copy[CODE_TEXT_MAX];
                        if (text[at] == *wrong)
                                continue;
                        memcpy(copy, text, sizeof(copy));
                        copy[at] = *wrong;
                        if (code_parse(copy, &code, &fault) != -EINVAL)
                                fail_msg("%s is taken for %s", copy, text);
                        assert_int_equal(fault.code, -EINVAL);
                        assert_true(strncmp(fault.text, "this is not a code", 18) == 0 ||
                                    strncmp(fault.text, "the code is mistyped", 20) == 0);
                }
}

static void code_parse__two_letters_swapped__is_refused(void **state)
{
        char text[CODE_TEXT_MAX];

        (void)state;
        code_text(&hall, text);
        for (size_t at = 0; text[at + 1] != '@'; at++) {
                struct code code;
                char copy[CODE_TEXT_MAX];
                if (text[at] == text[at + 1])
                        continue;
                memcpy(copy, text, sizeof(copy));
                copy[at] = text[at + 1];
                copy[at + 1] = text[at];
                assert_int_equal(code_parse(copy, &code, NULL), -EINVAL);
        }
}

/* The port and the end of a host's name have nothing that would be missed. */
static void code_parse__truncated__is_refused(void **state)
{
        char text[CODE_TEXT_MAX];

        (void)state;
        code_text(&hall, text);
        for (size_t length = (size_t)(strchr(text, '@') - text) + 1; length-- > 0;) {
                struct code code;
                char copy[CODE_TEXT_MAX];
                memcpy(copy, text, length);
                copy[length] = '\0';
                assert_int_equal(code_parse(copy, &code, NULL), -EINVAL);
        }
}

static void code_parse__no_code__has_a_sentence(void **state)
{
        static const char example[] = "it is NAME:SECRET@HOST[:PORT], as 'sconce-pki invite NAME' prints it";
        static char longer[1000];
        static const struct {
                const char *text, *says, *then;
        } table[] = {
                { "", "this is not a code: ", example },
                { "hall", "this is not a code: ", example },
                { ":abc@broker", "this is not a code: ", example },
                { "hall@broker:8885", "this is not a code: ", example },
                { "Hall:abc@broker", "this is not a code: it does not begin with a name; ", example },
                { "hall:abc@broker", "this is not a code: its secret has 30 letters and digits; was all of it copied?",
                  "" },
                { "hall:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@broker",
                  "the code is mistyped: its name and secret do not belong together", "" },
                { "hall:111111111111111111111111111111@broker",
                  "this is not a code: its secret has 30 letters and digits; was all of it copied?", "" },
                { longer, "this is not a code, but something longer: ", example },
        };

        (void)state;
        memset(longer, 'a', sizeof(longer) - 1);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct code code;
                struct fault fault = { 0 };
                char expected[320];
                (void)snprintf(expected, sizeof(expected), "%s%s", table[i].says, table[i].then);
                assert_int_equal(code_parse(table[i].text, &code, &fault), -EINVAL);
                assert_string_equal(fault.text, expected);
        }
}

static void code_parse__wrong_host_or_port__is_refused(void **state)
{
        static const char *const table[] = { "", "bad host", "broker:0", "broker:65536", "broker:x", "[::1", "a/b" };
        char text[CODE_TEXT_MAX];

        (void)state;
        code_text(&hall, text);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct code code;
                struct fault fault = { 0 };
                char copy[2 * CODE_TEXT_MAX];
                (void)snprintf(copy, sizeof(copy), "%.*s@%s", (int)(strchr(text, '@') - text), text, table[i]);
                if (code_parse(copy, &code, &fault) != -EINVAL)
                        fail_msg("%s is taken for a code", copy);
                assert_non_null(strstr(fault.text, "after its @ comes no HOST[:PORT]"));
        }
}

static void code_derive__one_secret__gives_the_same_three_things(void **state)
{
        struct code_keys first = { 0 }, second = { 0 }, other = { 0 };
        unsigned char secret[CODE_SECRET_BYTES];

        (void)state;
        memcpy(secret, hall.secret, sizeof(secret));
        assert_int_equal(code_derive(secret, &first, NULL), 0);
        assert_int_equal(code_derive(secret, &second, NULL), 0);
        secret[15] ^= 1;
        assert_int_equal(code_derive(secret, &other, NULL), 0);
        assert_memory_equal(&first, &second, sizeof(first));
        assert_int_equal(strlen(first.identity), strlen("join.") + 16);
        assert_int_equal(strncmp(first.identity, "join.", 5), 0);
        assert_int_equal(strlen(first.psk), CODE_PSK_MAX - 1);
        assert_int_equal(strspn(first.psk, "0123456789abcdef"), CODE_PSK_MAX - 1);
        assert_string_not_equal(first.identity, other.identity);
        assert_string_not_equal(first.psk, other.psk);
        assert_memory_not_equal(first.mac, other.mac, sizeof(first.mac));
}

static void code_draw__twice__differs(void **state)
{
        struct code first = hall, second = hall;

        (void)state;
        assert_int_equal(code_draw(&first, NULL), 0);
        assert_int_equal(code_draw(&second, NULL), 0);
        assert_memory_not_equal(first.secret, second.secret, CODE_SECRET_BYTES);
}

static void code_forget__both__leaves_nothing(void **state)
{
        static const struct code no_code;
        static const struct code_keys no_keys;
        struct code code = hall;
        struct code_keys keys;

        (void)state;
        assert_int_equal(code_derive(code.secret, &keys, NULL), 0);
        code_forget(&code, &keys);
        assert_memory_equal(&code, &no_code, sizeof(code));
        assert_memory_equal(&keys, &no_keys, sizeof(keys));
        code_forget(NULL, NULL);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(code_text__each_kind_of_host__is_read_again),
                cmocka_unit_test(code_text__longest_name_and_host__fit),
                cmocka_unit_test(code_parse__spaces_and_capitals_of_a_copy__do_not_matter),
                cmocka_unit_test(code_parse__mistyped_at_any_position__is_refused),
                cmocka_unit_test(code_parse__two_letters_swapped__is_refused),
                cmocka_unit_test(code_parse__truncated__is_refused),
                cmocka_unit_test(code_parse__no_code__has_a_sentence),
                cmocka_unit_test(code_parse__wrong_host_or_port__is_refused),
                cmocka_unit_test(code_derive__one_secret__gives_the_same_three_things),
                cmocka_unit_test(code_draw__twice__differs),
                cmocka_unit_test(code_forget__both__leaves_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
