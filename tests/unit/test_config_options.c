/* SPDX-License-Identifier: Apache-2.0 */
/* The option engine: texts to typed fields, or the exact sentence that refuses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/options.h"
#include "fakes/config_text.h"
#include "util/macro.h"

struct all {
        bool flag;
        int64_t number, small;
        double real;
        const char *text, *secret, *file;
        int mode;
        uint64_t time, time_bounded, size;
        double percent;
        struct sconce_list numbers, texts, times;
};

static const char *const modes[] = { "keep", "on", "off", NULL };

static const struct sconce_option rows[] = {
        SCONCE_OPTION_BOOL(struct all, flag, "flag", 0, "A flag"),
        SCONCE_OPTION_INT(struct all, number, "number", 0, "A number", .def = "42"),
        SCONCE_OPTION_INT(struct all, small, "small", 0, "A small one", .min = "-5", .max = "5", .unit = "V"),
        SCONCE_OPTION_FLOAT(struct all, real, "real", 0, "A float", .min = "-1e3"),
        SCONCE_OPTION_STRING(struct all, text, "text", 0, "A text"),
        SCONCE_OPTION_STRING(struct all, secret, "secret", SCONCE_SECRET, "A secret"),
        SCONCE_OPTION_PATH(struct all, file, "file", 0, "A file"),
        SCONCE_OPTION_ENUM(struct all, mode, "mode", 0, "A mode", .choices = modes),
        SCONCE_OPTION_DURATION(struct all, time, "time", 0, "A time"),
        SCONCE_OPTION_DURATION(struct all, time_bounded, "time_bounded", 0, "A time", .min = "1s", .max = "1m"),
        SCONCE_OPTION_SIZE(struct all, size, "size", 0, "A size"),
        SCONCE_OPTION_PERCENT(struct all, percent, "percent", 0, "A share"),
        SCONCE_OPTION_LIST(struct all, numbers, SCONCE_TYPE_INT, "numbers", 0, "Numbers", .def = "[1, 2]"),
        SCONCE_OPTION_LIST(struct all, texts, SCONCE_TYPE_STRING, "texts", 0, "Texts"),
        SCONCE_OPTION_LIST(struct all, times, SCONCE_TYPE_DURATION, "times", 0, "Times"),
        { 0 },
};

/* One test's config and struct; released in teardown whatever the test found. */
struct fixture {
        void *place;
        struct config *config;
        struct problems problems;
        struct option_store store;
        struct all all;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        *state = f;
        return f ? config_text_setup(&f->place) : -1;
}

static void forget(struct fixture *f)
{
        config_free(f->config);
        f->config = NULL;
        problems_done(&f->problems);
        option_store_done(&f->store);
        f->all = (struct all){ 0 };
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        forget(f);
        int r = config_text_teardown(&f->place);
        free(f);
        return r;
}

static int read_rows(struct fixture *f, const char *text, const struct sconce_option *table)
{
        forget(f);
        f->config = config_text_load(text, &f->problems);
        const struct option_target target = { table, &f->all };
        return options_read(config_find(f->config, "x", "y"), &target, 1, NULL, &f->store, &f->problems);
}

/* Reads one key and gives its problem's text after "a.conf:2: [x y] ", "" when there is none. */
static const char *read_one(struct fixture *f, const char *key, const char *value)
{
        static const char prefix[] = "a.conf:2: [x y] ";
        char text[4096];
        (void)snprintf(text, sizeof(text), "[x y]\n%s = %s\n", key, value);
        int r = read_rows(f, text, rows);
        if (f->problems.count == 0) {
                assert_int_equal(r, 0);
                return "";
        }
        assert_int_equal(r, -EINVAL);
        assert_int_equal(f->problems.count, 1);
        assert_memory_equal(f->problems.items[0], prefix, strlen(prefix));
        return f->problems.items[0] + strlen(prefix);
}

static void check_good(struct fixture *f, const char *key, const char *value)
{
        const char *problem = read_one(f, key, value);
        if (*problem)
                print_error("%s = %s: %s\n", key, value, problem);
        assert_string_equal(problem, "");
}

static void options_read__bools__take_six_words(void **state)
{
        static const struct {
                const char *text;
                bool value;
        } samples[] = { { "yes", true }, { "on", true },   { "TRUE", true },
                        { "no", false }, { "off", false }, { "false", false } };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct fixture *f = *state;
                check_good(f, "flag", samples[i].text);
                assert_true(f->all.flag == samples[i].value);
        }
}

static void options_read__ints__are_decimal(void **state)
{
        static const struct {
                const char *text;
                int64_t value;
        } samples[] = {
                { "0", 0 },     { "3000000000", 3000000000 },         { "010", 10 }, /* not octal */
                { "-7", -7 },   { "9223372036854775807", INT64_MAX }, { "-9223372036854775808", INT64_MIN },
                { "\"5\"", 5 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct fixture *f = *state;
                check_good(f, "number", samples[i].text);
                assert_true(f->all.number == samples[i].value);
        }
}

static void options_read__durations__are_exact(void **state)
{
        static const struct {
                const char *text;
                uint64_t value_us;
        } samples[] = {
                { "8s", 8000000 },
                { "1.5h", 5400000000 },
                { "250ms", 250000 },
                { "0s", 0 },
                { "2 m", 120000000 },
                { "0.001ms", 1 },
                { "1.50000000000s", 1500000 },
                { "36500d", 3153600000000000 },
                { "0.1d", 8640000000 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct fixture *f = *state;
                check_good(f, "time", samples[i].text);
                assert_int_equal(f->all.time, samples[i].value_us);
        }
}

static void options_read__sizes__are_powers_of_1024(void **state)
{
        static const struct {
                const char *text;
                uint64_t value;
        } samples[] = { { "512", 512 }, { "64K", 65536 }, { "1.5M", 1572864 }, { "3G", 3221225472 } };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct fixture *f = *state;
                check_good(f, "size", samples[i].text);
                assert_int_equal(f->all.size, samples[i].value);
        }
}

static void options_read__floats_and_percents__are_numbers(void **state)
{
        struct fixture *f = *state;
        check_good(f, "real", "21.5");
        assert_true(f->all.real > 21.49 && f->all.real < 21.51);
        check_good(f, "real", "-1E2");
        assert_true(f->all.real > -100.1 && f->all.real < -99.9);
        check_good(f, "percent", "12.5%");
        assert_true(f->all.percent > 12.4 && f->all.percent < 12.6);
        check_good(f, "percent", "100");
        assert_true(f->all.percent > 99.9);
}

static void options_read__texts__are_copied(void **state)
{
        struct fixture *f = *state;
        check_good(f, "text", "007");
        config_free(f->config);
        f->config = NULL;
        assert_string_equal(f->all.text, "007");
        check_good(f, "file", "/dev/null");
        assert_string_equal(f->all.file, "/dev/null");
        check_good(f, "secret", "a#b;c");
        assert_string_equal(f->all.secret, "a#b;c");
        check_good(f, "mode", "off");
        assert_int_equal(f->all.mode, 2);
}

static void options_read__lists__take_one_or_many(void **state)
{
        struct fixture *f = *state;
        check_good(f, "numbers", "[3000000000, 007]");
        assert_int_equal(f->all.numbers.count, 2);
        assert_true(((const int64_t *)f->all.numbers.items)[0] == 3000000000);
        assert_true(((const int64_t *)f->all.numbers.items)[1] == 7);
        check_good(f, "texts", "alone");
        assert_int_equal(f->all.texts.count, 1);
        assert_string_equal(((const char *const *)f->all.texts.items)[0], "alone");
        assert_int_equal(f->all.numbers.count, 2); /* the default */
        check_good(f, "times", "[]");
        assert_int_equal(f->all.times.count, 0);
}

static void options_read__bad_values__are_refused_in_one_sentence(void **state)
{
        static const struct {
                const char *key, *value, *problem;
        } samples[] = {
                { "flag", "1", "flag: 1: neither yes nor no: write yes, no, on, off, true or false" },
                { "flag", "[yes]", "flag: takes one value, not a list" },
                { "number", "1.5", "number: 1.5: not a whole number: write digits, as in 42" },
                { "number", "0x10", "number: 0x10: not a whole number: write digits, as in 42" },
                { "number", "\"\"", "number: \"\": not a whole number: write digits, as in 42" },
                { "number", "9223372036854775808",
                  "number: 9223372036854775808: out of range: from -9223372036854775808 to "
                  "9223372036854775807" },
                { "small", "6", "small: 6: out of range: from -5 to 5 V" },
                { "small", "-99999999999999999999", "small: -99999999999999999999: out of range: from -5 to 5 V" },
                { "real", "nan", "real: nan: out of range: at least -1e3" },
                { "real", "-inf", "real: -inf: out of range: at least -1e3" },
                { "real", "1e999", "real: 1e999: out of range: at least -1e3" },
                { "real", "1,5", "real: \"1,5\": not a number: write digits with a point, as in 21.5" },
                { "real", "0x1p3", "real: 0x1p3: not a number: write digits with a point, as in 21.5" },
                { "percent", "101%", "percent: 101%: out of range: from 0 to 100" },
                { "percent", "nan", "percent: nan: out of range: from 0 to 100" },
                { "percent", "half", "percent: half: not a percentage: write a number from 0 to 100, as in 50%" },
                { "time", "8", "time: 8: a duration needs a unit: ms, s, m, h or d, as in 8s" },
                { "time", "0", "time: 0: a duration needs a unit: ms, s, m, h or d, as in 0s" },
                { "time", "3000000000",
                  "time: 3000000000: a duration needs a unit: ms, s, m, h or d, as in 3000000000s" },
                { "time", "soon", "time: soon: a duration is a number and a unit: ms, s, m, h or d, as in 1.5h" },
                { "time", "8sec", "time: 8sec: a duration has one unit: ms, s, m, h or d, as in 8s" },
                { "time", "1h30m", "time: 1h30m: a duration has one unit: ms, s, m, h or d, as in 1s" },
                { "time", "-8s", "time: -8s: out of range: from 0s to 36500d" },
                { "time", "36501d", "time: 36501d: out of range: from 0s to 36500d" },
                { "time", "99999999999999999999999d",
                  "time: 99999999999999999999999d: out of range: from 0s to 36500d" },
                { "time", "18446744073709551616ms", "time: 18446744073709551616ms: out of range: from 0s to 36500d" },
                { "time", "0.0001ms", "time: 0.0001ms: finer than a microsecond" },
                { "time_bounded", "999ms", "time_bounded: 999ms: out of range: from 1s to 1m" },
                { "size", "1KB",
                  "size: 1KB: a size is a number of bytes, or one with K, M or G (powers of 1024), as in "
                  "64K" },
                { "size", "0.3K", "size: 0.3K: not a whole number of bytes" },
                { "size", "18014398509481984K", "size: 18014398509481984K: out of range: from 0 to 1048576G" },
                { "mode", "On", "mode: On: must be keep, on or off; did you mean on" },
                { "mode", "stay", "mode: stay: must be keep, on or off" },
                { "file", "etc/x", "file: etc/x: a path begins with \"/\"" },
                { "secret", "a #b",
                  "secret: white space and \"#\" or \";\" begin a comment: quote the secret, as in secret = "
                  "\"…\"" },
                { "times", "[1s, 8]", "times: 8: a duration needs a unit: ms, s, m, h or d, as in 8s" },
                { "nubmer", "1", "nubmer: unknown key; did you mean number" },
                { "time-bounded", "1s", "time-bounded: unknown key; did you mean time_bounded" },
                { "colour", "red",
                  "colour: unknown key; there are flag, number, small, real, text, secret, file, mode, time, "
                  "time_bounded, size, percent, numbers, texts, times" },
        };
        struct fixture *f = *state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                assert_string_equal(read_one(f, samples[i].key, samples[i].value), samples[i].problem);
}

static void options_read__all_faults__are_reported_at_once_in_order(void **state)
{
        static const struct sconce_option required[] = {
                SCONCE_OPTION_INT(struct all, number, "number", SCONCE_REQUIRED, "How many there are"),
                SCONCE_OPTION_INT(struct all, small, "small", SCONCE_REQUIRED, "How few"),
                SCONCE_OPTION_DURATION(struct all, time, "time", 0, "When"),
                { 0 },
        };
        struct fixture *f = *state;
        assert_int_equal(read_rows(f, "[x y]\nlots = 1\ntime = 8\nsmall =\n", required), -EINVAL);
        char *rendered = config_text_render(NULL, &f->problems);
        assert_string_equal(rendered,
                            "a.conf:4: [x y] small: nothing stands after \"=\": write \"\" for an empty text\n"
                            "a.conf:2: [x y] lots: unknown key; there are number, small, time\n"
                            "a.conf:3: [x y] time: 8: a duration needs a unit: ms, s, m, h or d, as in 8s\n"
                            "a.conf:1: [x y] number: is missing: How many there are\n");
        free(rendered);
}

static void options_read__no_section__gives_defaults(void **state)
{
        struct fixture *f = *state;
        const struct option_target target = { rows, &f->all };
        assert_int_equal(options_read(NULL, &target, 1, NULL, &f->store, &f->problems), 0);
        assert_int_equal(f->all.number, 42);
        assert_int_equal(f->all.mode, -1);
        assert_null(f->all.text);
        assert_int_equal(f->all.numbers.count, 2);
        assert_int_equal(f->all.texts.count, 0);
}

static void options_read__defaults__are_written_as_in_a_file(void **state)
{
        static const struct sconce_option defaults[] = {
                SCONCE_OPTION_STRING(struct all, text, "text", 0, "A text", .def = ""),
                SCONCE_OPTION_STRING(struct all, secret, "secret", 0, "A text", .def = "\"a # b\""),
                SCONCE_OPTION_LIST(struct all, times, SCONCE_TYPE_DURATION, "times", 0, "Times", .def = "1s"),
                SCONCE_OPTION_INT(struct all, number, "number", 0, "A number", .def = "many"),
                { 0 },
        };
        struct fixture *f = *state;
        assert_int_equal(read_rows(f, "[x y]\n", defaults), -EINVAL);
        assert_int_equal(f->problems.count, 1);
        assert_string_equal(f->problems.items[0],
                            "a.conf:1: [x y] number: its default many: not a whole number: write digits, as in 42");
        assert_string_equal(f->all.text, "");
        assert_string_equal(f->all.secret, "a # b");
        assert_int_equal(f->all.times.count, 1);
        assert_int_equal(((const uint64_t *)f->all.times.items)[0], 1000000);
}

static void options_read__secret_of_another_type__is_not_shown(void **state)
{
        static const struct sconce_option secrets[] = {
                SCONCE_OPTION_INT(struct all, number, "pin_code", SCONCE_SECRET, "A code"),
                { 0 },
        };
        struct fixture *f = *state;
        assert_int_equal(read_rows(f, "[x y]\npin_code = 12x4\n", secrets), -EINVAL);
        assert_string_equal(f->problems.items[0],
                            "a.conf:2: [x y] pin_code: not a valid int (the text is a secret and not shown)");
}

static void option_rows_check__bad_tables__are_named(void **state)
{
        (void)state;
        static const struct {
                struct sconce_option table[2];
                const char *reason;
        } samples[] = {
                { { { .key = "Key", .type = SCONCE_TYPE_INT } },
                  "option Key: a key is a-z, 0-9 and \"_\", and begins with a letter" },
                { { { .key = "k", .type = (enum sconce_option_type)99 } },
                  "option k: a type that this version does not know (99)" },
                { { { .key = "k", .type = SCONCE_TYPE_ENUM } }, "option k: an enum without choices" },
                { { { .key = "k", .type = SCONCE_TYPE_DURATION, .min = "5" } },
                  "option k: a duration needs a unit: ms, s, m, h or d, as in 5s" },
                { { { .key = "k", .type = SCONCE_TYPE_INT, .def = "9", .max = "8" } },
                  "option k: out of range: from -9223372036854775808 to 8" },
        };
        char reason[160];
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                assert_int_equal(option_rows_check(samples[i].table, reason), -EINVAL);
                assert_string_equal(reason, samples[i].reason);
        }
        assert_int_equal(option_rows_check(rows, reason), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(options_read__bools__take_six_words),
                TEST(options_read__ints__are_decimal),
                TEST(options_read__durations__are_exact),
                TEST(options_read__sizes__are_powers_of_1024),
                TEST(options_read__floats_and_percents__are_numbers),
                TEST(options_read__texts__are_copied),
                TEST(options_read__lists__take_one_or_many),
                TEST(options_read__bad_values__are_refused_in_one_sentence),
                TEST(options_read__all_faults__are_reported_at_once_in_order),
                TEST(options_read__no_section__gives_defaults),
                TEST(options_read__defaults__are_written_as_in_a_file),
                TEST(options_read__secret_of_another_type__is_not_shown),
                TEST(option_rows_check__bad_tables__are_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
