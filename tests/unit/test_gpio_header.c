/* SPDX-License-Identifier: Apache-2.0 */
/* The 40-pin header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpio/header.h"
#include "util/macro.h"

static void header_gpio_at__pins_that_people_count__their_lines(void **state)
{
        static const struct {
                unsigned pin;
                int gpio;
        } cases[] = { { 3, 2 },   { 5, 3 },   { 7, 4 },   { 8, 14 },  { 10, 15 }, { 11, 17 }, { 12, 18 },
                      { 13, 27 }, { 15, 22 }, { 16, 23 }, { 18, 24 }, { 19, 10 }, { 21, 9 },  { 22, 25 },
                      { 23, 11 }, { 24, 8 },  { 26, 7 },  { 27, 0 },  { 28, 1 },  { 29, 5 },  { 31, 6 },
                      { 32, 12 }, { 33, 13 }, { 35, 19 }, { 36, 16 }, { 37, 26 }, { 38, 20 }, { 40, 21 },
                      { 0, -1 },  { 1, -1 },  { 2, -1 },  { 6, -1 },  { 17, -1 }, { 39, -1 }, { 41, -1 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(header_gpio_at(cases[i].pin), cases[i].gpio);
}

static void header_pin_of__every_line__the_way_back(void **state)
{
        (void)state;
        for (unsigned gpio = 0; gpio < 28; gpio++)
                assert_int_equal(header_gpio_at(header_pin_of(gpio)), (int)gpio);
        assert_int_equal(header_pin_of(28), 0);
        assert_int_equal(header_pin_of(53), 0);
}

static void header_parse_pin__texts__a_pin_or_nothing_of_that_kind(void **state)
{
        (void)state;
        assert_int_equal(header_parse_pin("pin 11"), 11);
        assert_int_equal(header_parse_pin("PIN40"), 40);
        assert_int_equal(header_parse_pin("pin_7"), 7);
        assert_int_equal(header_parse_pin("Pin #3"), 3);
        assert_int_equal(header_parse_pin("pin 41"), 0);
        assert_int_equal(header_parse_pin("pin"), 0);
        assert_int_equal(header_parse_pin("pin 1a"), 0);
        assert_int_equal(header_parse_pin("pink 1"), 0);
        assert_int_equal(header_parse_pin("GPIO11"), 0);
        assert_int_equal(header_parse_pin("pin 111"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(header_gpio_at__pins_that_people_count__their_lines),
                cmocka_unit_test(header_pin_of__every_line__the_way_back),
                cmocka_unit_test(header_parse_pin__texts__a_pin_or_nothing_of_that_kind),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
