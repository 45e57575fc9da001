/* SPDX-License-Identifier: Apache-2.0 */
/* home/hint: lines of a config that will hardly be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

static void load(struct house *house, const char *text, struct config **ret)
{
        char path[PATH_MAX];

        house_write(house, "b.conf", text);
        house_path(house, "b.conf", path);
        assert_int_equal(config_load(path, &house->problems, ret), 0);
}

static void home_hint__line_that_will_hardly_be_found__warned_of_where_it_is(void **state)
{
        struct house *house = *state;
        CLEANUP_CONFIG struct config *config = NULL;
        CLEANUP(problems_done) struct problems warnings = { 0 };

        load(house,
             "[node]\nname = hall\n[lamp kitchen]\nline = GPIO17\n[lamp hall]\nname = Hall\nline = gpio22\n"
             "[lamp broken]\nlines = GPIO4\n[nothing such]\nline = gpio5\n",
             &config);
        home_hint(&house->options, config, &warnings);
        assert_int_equal(warnings.count, 1);
        const char *file = strstr(warnings.items[0], "b.conf:7: ");
        assert_non_null(file);
        assert_string_equal(file,
                            "b.conf:7: [lamp hall] line: gpio22: a line's name is written as the chip has it: did "
                            "you mean GPIO22?");
}

static void home_hint__all_is_as_the_chip_has_it__none(void **state)
{
        struct house *house = *state;
        CLEANUP_CONFIG struct config *config = NULL;
        CLEANUP(problems_done) struct problems warnings = { 0 };

        load(house, "[cover blind]\nup = GPIO17\ndown = 27\ntravel = 20s\n", &config);
        home_hint(&house->options, config, &warnings);
        assert_int_equal(warnings.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(home_hint__line_that_will_hardly_be_found__warned_of_where_it_is),
                TEST(home_hint__all_is_as_the_chip_has_it__none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
