/* SPDX-License-Identifier: Apache-2.0 */
/* How a line is written in a config, and when two texts mean the same line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpio/line.h"

#define FORMS "; a line is NAME, OFFSET, CHIP:NAME or CHIP:OFFSET, as in GPIO17 or gpiochip0:17"

static const struct {
        const char *text;
        const char *chip, *name;
        unsigned offset;
        const char *reason;
} texts[] = {
        { "GPIO17", NULL, "GPIO17", 0, NULL },
        { "17", NULL, NULL, 17, NULL },
        { "007", NULL, NULL, 7, NULL },
        { "0", NULL, NULL, 0, NULL },
        { "65535", NULL, NULL, 65535, NULL },
        { "gpiochip0:17", "gpiochip0", NULL, 17, NULL },
        { "0:17", "0", NULL, 17, NULL },
        { "gpiochip0:GPIO17", "gpiochip0", "GPIO17", 0, NULL },
        { "pinctrl-bcm2835:GPIO17", "pinctrl-bcm2835", "GPIO17", 0, NULL },
        { "/dev/gpiochip4:3", "/dev/gpiochip4", NULL, 3, NULL },
        { "/dev/gpio/by-id/usb:1:3", "/dev/gpio/by-id/usb:1", NULL, 3, NULL },
        { "sim:17", "sim", NULL, 17, NULL },
        { "17a", NULL, "17a", 0, NULL },
        { "-1", NULL, "-1", 0, NULL },
        { "PIN 7 (GPIO4)", NULL, "PIN 7 (GPIO4)", 0, NULL },
        { "", NULL, NULL, 0, "it is empty" FORMS },
        { ":17", NULL, NULL, 0, "the chip before the colon is missing" FORMS },
        { "gpiochip0:", NULL, NULL, 0, "the line after the colon is missing" FORMS },
        { ":", NULL, NULL, 0, "the chip before the colon is missing" FORMS },
        { "65536", NULL, NULL, 0, "the offset is too large" FORMS },
        { "99999999999999999999999", NULL, NULL, 0, "the offset is too large" FORMS },
        { "GPIO\t17", NULL, NULL, 0, "it has a control character in it" FORMS },
};

static void assert_same_text(const char *a, const char *b)
{
        assert_int_equal(!a, !b);
        if (a && b)
                assert_string_equal(a, b);
}

static void line_parse__each_form__gives_its_parts_or_its_reason(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct sconce_line *line = NULL;
                char reason[160] = "";
                int r = line_parse(texts[i].text, reason, &line);

                assert_int_equal(r, texts[i].reason ? -EINVAL : 0);
                if (r < 0) {
                        assert_null(line);
                        assert_string_equal(reason, texts[i].reason);
                        continue;
                }
                assert_string_equal(line_text(line), texts[i].text);
                assert_same_text(line->chip, texts[i].chip);
                assert_same_text(line->name, texts[i].name);
                assert_int_equal(line->offset, texts[i].offset);
                assert_false(line_is_open(line));
                line_free(line);
        }
}

static void line_parse__too_long__is_refused(void **state)
{
        struct sconce_line *line;
        char text[300], reason[160];

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(line_parse(text, reason, &line), -EINVAL);
        assert_string_equal(reason, "it is too long" FORMS);
}

static const struct {
        const char *a, *b, *default_chip;
        bool same;
} pairs[] = {
        { "GPIO17", "GPIO17", "gpiochip0", true },
        { "GPIO17", "GPIO18", "gpiochip0", false },
        { "17", "gpiochip0:17", "gpiochip0", true },
        { "17", "0:17", "/dev/gpiochip0", true },
        { "17", "gpiochip1:17", "gpiochip0", false },
        { "17", "017", NULL, true },
        { "0:17", "17", NULL, true },
        { "GPIO17", "gpiochip1:GPIO17", "gpiochip0", true },
        { "gpiochip0:GPIO17", "gpiochip1:GPIO17", "gpiochip0", false },
        { "GPIO17", "17", "gpiochip0", false }, /* only the chip can know */
        { "GPIO17", "17", "sim", true },
        { "GPIO17", "sim:17", "sim", true },
        { "gpiochip0:GPIO17", "sconce-sim:17", "sim", true },
        { "sim:GPIO17", "sim:17", "gpiochip0", true },
        { "sim:17", "gpiochip0:17", "gpiochip0", false },
        { "GPIO170", "17", "sim", false },
        { "GPIO17x", "17", "sim", false },
};

static void line_same__pairs__are_distinguished(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
                struct sconce_line *a = NULL, *b = NULL;
                char reason[160];

                assert_int_equal(line_parse(pairs[i].a, reason, &a), 0);
                assert_int_equal(line_parse(pairs[i].b, reason, &b), 0);
                if (line_same(a, b, pairs[i].default_chip) != pairs[i].same ||
                    line_same(b, a, pairs[i].default_chip) != pairs[i].same)
                        fail_msg("%s and %s with default chip %s", pairs[i].a, pairs[i].b, pairs[i].default_chip);
                line_free(a);
                line_free(b);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(line_parse__each_form__gives_its_parts_or_its_reason),
                cmocka_unit_test(line_parse__too_long__is_refused),
                cmocka_unit_test(line_same__pairs__are_distinguished),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
