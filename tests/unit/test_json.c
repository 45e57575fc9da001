/* SPDX-License-Identifier: Apache-2.0 */
/* util/json: what the agent writes, and what it looks at before it parses. */
#include "util/json.h"
#include "fakes/json_taken.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(struct json_text *text, const char *expected)
{
        char *is = json_text_take(text);
        assert_non_null(is);
        assert_string_equal(is, expected);
        free(is);
}

static void json_put_key__several__commas_between(void **state)
{
        struct json_text text = { 0 };

        (void)state;
        json_put_open(&text, '{');
        json_put_key(&text, "state");
        json_put_string(&text, "ON");
        json_put_key(&text, "list");
        json_put_open(&text, '[');
        json_put_item(&text);
        json_put_integer(&text, -1);
        json_put_item(&text);
        json_put_number(&text, 0.5);
        json_put_literal(&text, "]}");
        assert_text(&text, "{\"state\":\"ON\",\"list\":[-1,0.5]}");
}

static void json_put_string__control_characters__escaped(void **state)
{
        struct json_text text = { 0 };

        (void)state;
        json_put_string(&text, "a\"b\\c\n\t\x01\x7f°C");
        assert_text(&text, "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f°C\"");
}

static void json_put_string__broken_utf8__replaced(void **state)
{
        struct json_text text = { 0 };

        (void)state;
        json_put_string(&text, "a\xc3(\xe2\x82");
        assert_text(&text, "\"a\\ufffd(\\ufffd\\ufffd\"");
}

static void json_number_text__values__shortest_that_reads_back(void **state)
{
        static const struct {
                double number;
                const char *text;
        } cases[] = {
                { 0, "0" },
                { -0.0, "0" },
                { 21.3, "21.3" },
                { 128, "128" },
                { -5.25, "-5.25" },
                { 0.1 + 0.2, "0.30000000000000004" },
                { 1e15, "1e+15" },
                { 1e-7, "1e-07" },
                { 123456789012345, "123456789012345" },
                { 85.0625, "85.0625" },
                { NAN, "null" },
                { INFINITY, "null" },
        };
        char text[JSON_NUMBER_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                json_number_text(cases[i].number, text);
                assert_string_equal(text, cases[i].text);
        }
        json_number_text(DBL_MAX, text);
        assert_true(strtod(text, NULL) == DBL_MAX);
}

static void json_shape__brackets_in_strings__not_counted(void **state)
{
        static const struct {
                const char *text;
                unsigned depth;
        } cases[] = {
                { "", 0 },
                { "ON", 0 },
                { "{}", 1 },
                { "{\"a\":[1,{}]}", 3 },
                { "{\"a\":\"[[[[\"}", 1 },
                { "{\"a\":\"\\\"[[\"}", 1 },
                { "]]]][", 1 },
                { "[[[[[[[[", 8 },
                { "\"\\", 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(json_shape(cases[i].text, strlen(cases[i].text)).depth, cases[i].depth);
}

static void json_parse_number__grammar__json_only(void **state)
{
        static const char *const good[] = { "0", "-0", "12", "-12.5", "1e3", "1.5E-3" };
        static const char *const bad[] = { "",    "-",  "+1", "01",  ".5",  "1.",    "1e",    "0x10", "inf",
                                           "nan", "1 ", " 1", "1,5", "1e+", "1e999", "12abc", "--1" };
        double number;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                assert_true(json_parse_number(good[i], strlen(good[i]), &number));
                assert_true(number == strtod(good[i], NULL));
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(json_parse_number(bad[i], strlen(bad[i]), &number));
}

static void utf8_is_valid__texts__strict(void **state)
{
        static const char *const good[] = { "", "plain", "°C", "日本", "\xf0\x9f\x92\xa1" };
        static const char *const bad[] = {
                "\xff", "\xc0\x80", "\xc3",         "\xe2\x82",         "\xed\xa0\x80",    "\xf4\x90\x80\x80",
                "\x80", "a\xc3(",   "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf5\x80\x80\x80"
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(utf8_is_valid(good[i], strlen(good[i])));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(utf8_is_valid(bad[i], strlen(bad[i])));
        assert_false(utf8_is_valid("a\0b", 3));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(json_put_key__several__commas_between),
                cmocka_unit_test(json_put_string__control_characters__escaped),
                cmocka_unit_test(json_put_string__broken_utf8__replaced),
                cmocka_unit_test(json_number_text__values__shortest_that_reads_back),
                cmocka_unit_test(json_shape__brackets_in_strings__not_counted),
                cmocka_unit_test(json_parse_number__grammar__json_only),
                cmocka_unit_test(utf8_is_valid__texts__strict),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
