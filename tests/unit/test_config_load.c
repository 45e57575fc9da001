/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar: what a file's text becomes, or the exact sentence that refuses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/config_text.h"
#include "util/macro.h"

struct sample {
        const char *text;
        const char *expected; /* as config_text_render() writes it */
};

static void check_render(const struct config *config, const struct problems *problems, const char *expected,
                         const char *text)
{
        char *rendered = config_text_render(config, problems);
        if (strcmp(rendered, expected) != 0)
                print_error("for this text:\n%s\n", text);
        assert_string_equal(rendered, expected);
        free(rendered);
}

static void check(const struct sample *samples, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct problems problems = { 0 };
                struct config *config = config_text_load(samples[i].text, &problems);
                check_render(config, &problems, samples[i].expected, samples[i].text);
                config_free(config);
                problems_done(&problems);
        }
}

static void config_load__good_values__are_taken_as_meant(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { "", "" },
                { "[node]", "" },
                { "[broker]\nurl = mqtts://[::1]:8883 # home\n", "[broker] url = mqtts://[::1]:8883\n" },
                { "[node]\nname = 007\n", "[node] name = 007\n" },
                { "[broker]\npassword = a#b;c\n", "[broker] password = a#b;c\n" },
                { "[lamp x]\nname = Ken's 5\" pipe\n", "[lamp x] name = Ken's 5\" pipe\n" },
                { "[lamp x]\nmax_on = 3000000000\n", "[lamp x] max_on = 3000000000\n" },
                { "[lamp x]\nname = C:\\new\\table\n", "[lamp x] name = C:\\new\\table\n" },
                { "[lamp x]\nname = two words\t; and a comment\n", "[lamp x] name = two words\n" },
                { "[lamp x]\nname=tight\n", "[lamp x] name = tight\n" },
                { "  [lamp x]  # indented\n\t name\t=\ttabs\t\n", "[lamp x] name = tabs\n" },
                { "[lamp x]\nname = \"# ; [ not a comment\" # a comment\n", "[lamp x] name = # ; [ not a comment\n" },
                { "[lamp x]\nname = \"\"\n", "[lamp x] name = \n" },
                { "[lamp x]\nname = \"say \\\"on\\\" \\\\ \\x41\\t.\"\n", "[lamp x] name = say \"on\" \\ A\t.\n" },
                { "[lamp x]\nname = \"  kept  \"\n", "[lamp x] name =   kept  \n" },
                { "[lamp x]\nname = Küche 💡\n", "[lamp x] name = Küche 💡\n" },
                { "[lamp x]\nname = a = b\n", "[lamp x] name = a = b\n" },
                { "[lamp x]\nname = 'tis fine\n", "[lamp x] name = 'tis fine\n" },
                { "[lamp x]\nname = true\nactive_low = 010\n", "[lamp x] name = true\n[lamp x] active_low = 010\n" },
                { "\xef\xbb\xbf[node]\r\nname = hall\r\n", "[node] name = hall\n" },
                { "[node]\nname = hall", "[node] name = hall\n" },
                { "[node]\nname = \"hall\"\r", "[node] name = hall\n" },
                { "# one\n; two\n\n   # three\n[node]\n", "" },
                { "[ lamp   kitchen ]\nname = x\n", "[lamp kitchen] name = x\n" },
        };
        check(samples, ARRAY_SIZE(samples));
}

static void config_load__good_lists__keep_every_text(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { "[broker]\nurl = [\"mqtts://a\", \"mqtts://b\"]\n", "[broker] url = (mqtts://a|mqtts://b)\n" },
                { "[broker]\nurl = (\"a\")\n", "[broker] url = (a)\n" },
                { "[broker]\nurl = [a, b] ; bare\n", "[broker] url = (a|b)\n" },
                { "[x y]\nn = [3000000000, 007, true, 1.50, 0x10]\n", "[x y] n = (3000000000|007|true|1.50|0x10)\n" },
                { "[x y]\nn =\t[]\n", "[x y] n = ()\n" },
                { "[x y]\nn = [\n\"a\", # first, with \"quotes\" and ]\n\n; none\n\"b\",\n]\nm = 1\n",
                  "[x y] n = (a|b)\n[x y] m = 1\n" },
                { "[x y]\nn = [\"[lamp z]\",\n\"]\"]\n", "[x y] n = ([lamp z]|])\n" },
                { "[x y]\nn = [a#b, c;d]\n", "[x y] n = (a#b|c;d)\n" },
                { "[x y]\r\nn = [ \"a\",\r\n\"b\" ]\r\n", "[x y] n = (a|b)\n" },
        };
        check(samples, ARRAY_SIZE(samples));
}

static void config_load__bad_values__are_refused_with_the_line(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { "[x y]\nk =\n", "a.conf:2: [x y] k: nothing stands after \"=\": write \"\" for an empty text\n" },
                { "[x y]\nk = # c\n", "a.conf:2: [x y] k: nothing stands after \"=\": write \"\" for an empty text\n" },
                { "[x y]\nk =;\n", "a.conf:2: [x y] k: nothing stands after \"=\": write \"\" for an empty text\n" },
                { "[x y]\nk = \"a\" b\n", "a.conf:2: [x y] k: text after the closed quote: put the whole "
                                          "value in double quotes, with \\\" for a quote inside\n" },
                { "[x y]\nk = \"a\" \"b\"\n", "a.conf:2: [x y] k: text after the closed quote: put the whole "
                                              "value in double quotes, with \\\" for a quote inside\n" },
                { "[x y]\nk = [::1]:8883\n", "a.conf:2: [x y] k: text after the closed bracket: put the "
                                             "whole value in double quotes, with \\\" for a quote inside\n" },
                { "[x y]\nk = \"a\nb\"\n", "a.conf:2: [x y] k: the double quote is not closed on its line\n" },
                { "[x y]\nk = 'a'\n", "a.conf:2: [x y] k: single quotes do not quote: use double quotes\n" },
                { "[x y]\nk = \"\\q\"\n", "a.conf:2: [x y] k: an unknown escape in quotes: there are \\\\ "
                                          "\\\" \\n \\r \\t \\f \\xHH; a plain backslash is \\\\\n" },
                { "[x y]\nk = \"\\x4\"\n", "a.conf:2: [x y] k: \\x needs two hexadecimal digits, as in \\x41\n" },
                { "[x y]\nk = \"\\x00\"\n", "a.conf:2: [x y] k: \\x00: a text holds no NUL\n" },
                { "[x y]\nk = \"\\xff\"\n", "a.conf:2: [x y] k: the \\x escapes do not make valid UTF-8\n" },
                { "[x y]\nk = a\033b\n", "a.conf:2: [x y] k: a control character (0x1b) in the value\n" },
                { "[x y]\n\n\nk = [\"a\",\n\"b\"\n[lamp z]\nname = q\n",
                  "[lamp z] name = q\na.conf:4: [x y] k: the \"[\" that opens here is never closed\n" },
                { "[x y]\nk = [\"a\",\n\"b\" \"c\"]\n",
                  "a.conf:3: [x y] k: a comma is missing between two values of the list\n" },
                { "[x y]\nk = [a b]\n", "a.conf:2: [x y] k: a comma is missing between two values of the list\n" },
                { "[x y]\nk = [a,,b]\n", "a.conf:2: [x y] k: a comma without a value before it\n" },
                { "[x y]\nk = [,]\n", "a.conf:2: [x y] k: a comma without a value before it\n" },
                { "[x y]\nk = [a)\n", "a.conf:2: [x y] k: the list is closed by \")\" instead of \"]\"\n" },
                { "[x y]\nk = [\n[a]]\n", "a.conf:3: [x y] k: a list within a list\n" },
                { "[x y]\nk = { a = 1; }\n", "a.conf:2: [x y] k: no value is a group { }: a list is written [a, b]\n" },
                { "[x y]\nk = ( { a = 1; } )\n",
                  "a.conf:2: [x y] k: no value is a group { }: a list is written [a, b]\n" },
                { "[x y]\nk = [mqtts://[::1]]\n", "a.conf:2: [x y] k: a text with a bracket or a quote in it "
                                                  "is written in quotes within a list\n" },
                { "[x y]\nk = [a, // b\nc]\n", "a.conf:2: [x y] k: comments begin with \"#\" or \";\"\n" },
                { "[x y]\nk = [\n@include \"b\"\n]\n",
                  "a.conf:3: [x y] k: a comma is missing between two values of the list\n" },
        };
        check(samples, ARRAY_SIZE(samples));
}

static void config_load__bad_lines__are_refused_once_a_section(void **state)
{
        (void)state;
        static const struct sample samples[] = {
                { "[x y]\nfoo bar\n", "a.conf:2: [x y] \"foo bar\": a line is KEY = VALUE, [SECTION], "
                                      "@include \"FILE\" or a # comment\n" },
                { "[x y]\n= 1\n", "a.conf:2: [x y] \"= 1\": a line is KEY = VALUE, [SECTION], @include "
                                  "\"FILE\" or a # comment\n" },
                { "[broker]\npassword: S3CRET\n", "a.conf:2: [broker] \"password…\": a line is KEY = VALUE, [SECTION], "
                                                  "@include \"FILE\" or a # comment\n" },
                { "[broker]\n\"password\" = S3CRET\n", "a.conf:2: [broker] \"…\": a line is KEY = VALUE, [SECTION], "
                                                       "@include \"FILE\" or a # comment\n" },
                { "[broker]\nS3CRET\n", "a.conf:2: [broker] \"…\": a line is KEY = VALUE, [SECTION], "
                                        "@include \"FILE\" or a # comment\n" },
                { "[broker]\nuser: me\n", "a.conf:2: [broker] \"user…\": a line is KEY = VALUE, [SECTION], "
                                          "@include \"FILE\" or a # comment\n" },
                { "Password: S3CRET\n", "a.conf:1: \"Password…\": a line is KEY = VALUE, [SECTION], "
                                        "@include \"FILE\" or a # comment\n" },
                { "[exec x]\napi.token S3CRET\n",
                  "a.conf:2: [exec x] \"api.token…\": a line is KEY = VALUE, [SECTION], "
                  "@include \"FILE\" or a # comment\n" },
                { "[x y]\nk: 1\n", "a.conf:2: [x y] \"k: 1\": a line is KEY = VALUE, [SECTION], @include "
                                   "\"FILE\" or a # comment\n" },
                { "k = 1\nl = 2\n[x y]\n", "a.conf:1: k: stands before the first section of its file\n" },
                { "[x y]\nk =\nl =\nm = 1\n[z w]\nk =\n",
                  "[x y] m = 1\n"
                  "a.conf:2: [x y] k: nothing stands after \"=\": write \"\" for an empty text\n"
                  "a.conf:6: [z w] k: nothing stands after \"=\": write \"\" for an empty text\n" },
                { "[x y\nk = 1\n", "a.conf:1: \"[x y\": the \"[\" of a section header is closed on its line, "
                                   "as in [lamp kitchen]\n" },
                { "[x y] z\nk = 1\n", "a.conf:1: \"[x y] z\": only a comment may follow a section header\n" },
                { "[x y z]\nk = 1\n",
                  "a.conf:1: \"[x y z]\": a section header is [WORD] or, for a device, [PLUGIN ID]\n" },
                { "[]\n", "a.conf:1: \"[]\": a section header is [WORD] or, for a device, [PLUGIN ID]\n" },
                { "[x y]\nk = 1\nj = 2\nk = 3\n",
                  "[x y] k = 1\n[x y] j = 2\na.conf:4: [x y] k: is in this file twice, first at line 2\n" },
                { "[x y]\nk = 1\n[x z]\n[x y]\nj = 1\n",
                  "[x y] k = 1\na.conf:4: [x y]: is in this file twice, first at line 1\n" },
                { "@include b.conf\n", "a.conf:1: \"@include b.conf\": write @include \"FILE\"\n" },
                { "@import \"b.conf\"\n", "a.conf:1: \"@import \"b.conf\"\": write @include \"FILE\"\n" },
                { "@include \"b.conf\" c\n",
                  "a.conf:1: \"@include \"b.conf\" c\": only a comment may follow @include \"FILE\"\n" },
                { "@include \"b.conf\n", "a.conf:1: @include: the double quote is not closed on its line\n" },
                { "@include \"a\\n.conf\"\n",
                  "a.conf:1: \"@include \"a\\n.conf\"\": a file's name without control characters\n" },
                { "@include \"none.conf\"\n",
                  "a.conf:1: @include: none.conf cannot be read: No such file or directory\n" },
                { "@include \"conf.d/*.conf\"\n", "a.conf:1: @include: conf.d/*.conf cannot be read: No such "
                                                  "file or directory; wildcards are not expanded\n" },
        };
        check(samples, ARRAY_SIZE(samples));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, config_text_setup, config_text_teardown)
                TEST(config_load__good_values__are_taken_as_meant),
                TEST(config_load__good_lists__keep_every_text),
                TEST(config_load__bad_values__are_refused_with_the_line),
                TEST(config_load__bad_lines__are_refused_once_a_section),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
