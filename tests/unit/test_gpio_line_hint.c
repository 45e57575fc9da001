/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/line_hint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void line_hint__what_people_write__is_guessed_right(void **state)
{
        static const struct {
                const char *text, *chip, *hint;
        } rows[] = {
                { "gpio22", "gpiochip0", "a line's name is written as the chip has it: did you mean GPIO22?" },
                { "GPIO 22", "gpiochip0", "a line's name is written as the chip has it: did you mean GPIO22?" },
                { "Gpio_22", "sim", "a line's name is written as the chip has it: did you mean GPIO22?" },
                { "BCM17", "0", "a line's name is written as the chip has it: did you mean GPIO17?" },
                { "GPIO07", "0", "a line's name is written as the chip has it: did you mean GPIO7?" },
                { "GPIO99", "gpiochip0", "this line probably does not exist: a Raspberry Pi ends at GPIO57" },
                { "GPIO54", "sim", "this line probably does not exist: the simulated chip ends at GPIO53" },
                { "54", "sim", "the simulated chip has the lines 0 to 53" },
                { "sim:gpio5", "gpiochip0", "a line's name is written as the chip has it: did you mean GPIO5?" },
                { "pin 11", "gpiochip0", "pins of the header have no names; pin 11 of a Raspberry Pi's is GPIO17" },
                { "PIN40", "gpiochip0", "pins of the header have no names; pin 40 of a Raspberry Pi's is GPIO21" },
                { "pin 6", "gpiochip0", "pins of the header have no names, and a Raspberry Pi's pin 6 is no GPIO" },
                { "pin 41", "gpiochip0", "pins of the header have no names, and a Raspberry Pi's pin 41 is no GPIO" },
        };
        char hint[160], reason[160];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                CLEANUP_LINE struct sconce_line *line = NULL;
                assert_int_equal(line_parse(rows[i].text, reason, &line), 0);
                if (!line_hint(line, rows[i].chip, hint))
                        fail_msg("nothing is reported for %s", rows[i].text);
                assert_string_equal(hint, rows[i].hint);
        }
}

static void line_hint__what_a_chip_may_have__is_left_alone(void **state)
{
        static const char *const texts[] = { "GPIO0",     "GPIO27",  "GPIO53",      "17",       "99",
                                             "PA12",      "ID_SDA",  "gpiochip2:4", "RELAY1",   "GPIO_",
                                             "SPI_CE1_N", "pinctrl", "gpio-ex",     "GPIO2_EN", "P9_12" };
        char hint[160], reason[160];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                CLEANUP_LINE struct sconce_line *line = NULL;
                assert_int_equal(line_parse(texts[i], reason, &line), 0);
                if (line_hint(line, "gpiochip0", hint))
                        fail_msg("%s: %s", texts[i], hint);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(line_hint__what_people_write__is_guessed_right),
                cmocka_unit_test(line_hint__what_a_chip_may_have__is_left_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
