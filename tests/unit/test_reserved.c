/* SPDX-License-Identifier: Apache-2.0 */
/* util/reserved: words with a meaning of their own. */
#include "util/reserved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/macro.h"

static void word_is_reserved__use__of_that_use_alone(void **state)
{
        static const struct {
                const char *word;
                unsigned use;
                bool is;
        } cases[] = {
                { "time", RESERVED_CHANNEL, true },
                { "time", RESERVED_SECTION, false },
                { "reply", RESERVED_NODE, true },
                { "reply", RESERVED_DEVICE, false },
                { "node", RESERVED_DEVICE, true },
                { "node", RESERVED_NODE, false },
                { "tls", RESERVED_CLIENT, true },
                { "gpio", RESERVED_CLIENT, false },
                { "rule", RESERVED_SECTION, true },
                { "rule", RESERVED_SINGLE, false },
                { "history", RESERVED_SINGLE, true },
                { "log", RESERVED_SINGLE, false },
                { "lamp", ~0U, false },
                { "tl", ~0U, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(word_is_reserved(cases[i].word, cases[i].use), cases[i].is);
}

static void reserved_next__use__each_once_in_order(void **state)
{
        size_t at = 0;

        (void)state;
        assert_string_equal(reserved_next(&at, RESERVED_CLIENT), "broker");
        assert_string_equal(reserved_next(&at, RESERVED_CLIENT), "tls");
        assert_null(reserved_next(&at, RESERVED_CLIENT));
        assert_null(reserved_next(&at, RESERVED_CLIENT));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(word_is_reserved__use__of_that_use_alone),
                cmocka_unit_test(reserved_next__use__each_once_in_order),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
