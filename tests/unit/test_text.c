/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/in_range.h"
#include "util/macro.h"
#include "util/text.h"

static void text_utf8_valid__bad_sequences__are_found(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                size_t good;
        } samples[] = {
                { "", 0 },
                { "plain", 5 },
                { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa1", 9 },
                { "\xf4\x8f\xbf\xbf", 4 },
                { "a\x80", 1 },
                { "\xc0\x80", 0 },
                { "\xc1\xbf", 0 },
                { "\xe0\x9f\xbf", 0 },
                { "\xed\xa0\x80", 0 },
                { "\xf0\x8f\xbf\xbf", 0 },
                { "\xf4\x90\x80\x80", 0 },
                { "\xf5\x80\x80\x80", 0 },
                { "ab\xe2\x82", 2 },
                { "ab\xe2\x28\xa1", 2 },
                { "\xff", 0 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                assert_int_equal(text_utf8_valid(samples[i].text, strlen(samples[i].text)), samples[i].good);
}

static void text_show__any_text__fits_one_line(void **state)
{
        (void)state;
        static const struct {
                const char *text, *shown;
        } samples[] = {
                { "mqtts://[::1]", "\"mqtts://[::1]\"" },
                { "broker.lan:8883", "broker.lan:8883" },
                { "", "\"\"" },
                { "two words", "\"two words\"" },
                { "a\nb\x1b", "\"a\\x0a"
                              "b\\x1b\"" },
                { "k\xc3\xbc", "\"k\xc3\xbc\"" },
                { "k\xc3", "\"k\\xc3\"" },
                { "\xe2\x80\xae"
                  "z",
                  "\"\\xe2\\x80\\xaez\"" },
                { "\xc2\x9bm", "\"\\xc2\\x9bm\"" },
                { "pkcs11:token=x?pin-value=S3CRET", "\"pkcs11:token=x?pin-value=…\"" },
                { "PKCS11:PIN-VALUE=S3CRET;object=y", "\"PKCS11:PIN-VALUE=…\"" },
        };
        char shown[TEXT_SHOWN_MAX];
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                assert_string_equal(text_show(samples[i].text, shown), samples[i].shown);
}

static void text_show__long_text__is_cut_between_characters(void **state)
{
        (void)state;
        for (size_t lead = 0; lead < 5; lead++) {
                char text[1000], shown[TEXT_SHOWN_MAX];
                memset(text, 'a', lead);
                for (size_t i = lead; i + 4 < sizeof(text); i += 4)
                        memcpy(text + i, "\xf0\x9f\x92\xa1", 5);
                text_show(text, shown);
                size_t length = strlen(shown);
                assert_uint_in_range(length, 60, TEXT_SHOWN_MAX - 1);
                assert_int_equal(text_utf8_valid(shown, length), length);
                assert_string_equal(shown + length - 4, "…\"");
        }
}

static void text_decimal__smallest_to_largest__as_printf(void **state)
{
        static const uint64_t numbers[] = { 0, 9, 10, 99, 100, 18446744073709551615U };
        char wanted[32], text[TEXT_DECIMAL_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                size_t size = (size_t)snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)numbers[i]);
                assert_int_equal(text_decimal(numbers[i], text), size);
                assert_memory_equal(text, wanted, size);
        }
}

static void text_hex__bytes__two_digits_each(void **state)
{
        static const unsigned char bytes[] = { 0x00, 0x0f, 0xa5, 0xff };
        char text[2 * sizeof(bytes) + 1];

        (void)state;
        text_hex(bytes, sizeof(bytes), text);
        assert_string_equal(text, "000fa5ff");
        text_hex(bytes, 0, text);
        assert_string_equal(text, "");
}

static void text_is_id__words__are_distinguished(void **state)
{
        (void)state;
        static const char *const good[] = { "a", "0", "hall-lamp_2",
                                            "1234567890123456789012345678901234567890123456789012345678901234" };
        static const char *const bad[] = {
                "",  "-a",  "_a",
                "A", "a b", "a.b",
                "ä", "a/b", "12345678901234567890123456789012345678901234567890123456789012345"
        };
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(text_is_id(good[i]));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(text_is_id(bad[i]));
}

static void text_is_key__words__are_distinguished(void **state)
{
        (void)state;
        static const char *const good[] = { "a", "state", "uptime_s", "pm2_5" };
        static const char *const bad[] = { "", "2a", "_a", "A", "a-b", "a b", "a$b", "a/b", "ä" };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(text_is_key(good[i]));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(text_is_key(bad[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_utf8_valid__bad_sequences__are_found),
                cmocka_unit_test(text_show__any_text__fits_one_line),
                cmocka_unit_test(text_show__long_text__is_cut_between_characters),
                cmocka_unit_test(text_decimal__smallest_to_largest__as_printf),
                cmocka_unit_test(text_hex__bytes__two_digits_each),
                cmocka_unit_test(text_is_id__words__are_distinguished),
                cmocka_unit_test(text_is_key__words__are_distinguished),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
