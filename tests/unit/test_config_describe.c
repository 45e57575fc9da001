/* SPDX-License-Identifier: Apache-2.0 */
/* config/describe: the rows of a table as the pages have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/describe.h"
#include "util/cleanup.h"

static const char *const levels[] = { "low", "high", NULL };

static const struct sconce_option rows[] = {
        { .key = "line", .type = SCONCE_TYPE_LINE, .flags = SCONCE_REQUIRED | SCONCE_OUTPUT, .help = ".first a|b" },
        { .key = "level", .type = SCONCE_TYPE_ENUM, .choices = levels, .def = "low", .help = "back\\slash" },
        { .key = "pause", .type = SCONCE_TYPE_DURATION, .min = "1s", .help = "wait-time", .flags = SCONCE_RELOADABLE },
        { 0 },
};

static void assert_described(enum describe_form form, const char *expected)
{
        CLEANUP_FREE char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        options_describe_head(out, form);
        options_describe(out, rows, form);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, expected);
}

static void options_describe__text__has_every_flag(void **state)
{
        (void)state;
        assert_described(DESCRIBE_TEXT, "  line = line  [required, output]\n      .first a|b\n"
                                        "  level = low | high  (default low)\n      back\\slash\n"
                                        "  pause = duration, at least 1s  [reloadable]\n      wait-time\n");
}

static void options_describe__markdown__keeps_the_columns(void **state)
{
        (void)state;
        assert_described(DESCRIBE_MARKDOWN, "| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
                                            "| `line` | line |  | .first a\\|b (required, output) |\n"
                                            "| `level` | low \\| high | `low` | back\\slash |\n"
                                            "| `pause` | duration, at least 1s |  | wait-time |\n");
}

static void options_describe__roff__has_no_requests_in_its_text(void **state)
{
        (void)state;
        assert_described(DESCRIBE_ROFF, ".TP\n\\fBline\\fR = \\fIline\\fR\n\\&.first a|b (required, output)\n"
                                        ".TP\n\\fBlevel\\fR = \\fIlow | high\\fR  (default low)\nback\\eslash\n"
                                        ".TP\n\\fBpause\\fR = \\fIduration, at least 1s\\fR\nwait\\-time\n");
}

static void assert_item(enum describe_form form, const char *expected)
{
        CLEANUP_FREE char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        describe_heading(out, "[gpio]", form);
        describe_item(out, "--check", "", "a|b", form);
        describe_line(out, "-x", form);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, expected);
}

static void describe_item__markdown__is_a_row_below_its_heading(void **state)
{
        (void)state;
        assert_item(DESCRIBE_MARKDOWN, "### `[gpio]`\n\n| `--check` |  | a\\|b |\n-x");
}

static void describe_item__roff__is_a_paragraph_below_its_heading(void **state)
{
        (void)state;
        assert_item(DESCRIBE_ROFF, ".SS [gpio]\n.TP\n\\fB\\-\\-check\\fR\na|b\n\\-x");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_describe__text__has_every_flag),
                cmocka_unit_test(options_describe__markdown__keeps_the_columns),
                cmocka_unit_test(options_describe__roff__has_no_requests_in_its_text),
                cmocka_unit_test(describe_item__markdown__is_a_row_below_its_heading),
                cmocka_unit_test(describe_item__roff__is_a_paragraph_below_its_heading),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
