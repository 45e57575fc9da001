/* SPDX-License-Identifier: Apache-2.0 */
/* channel/cause: how deep a chain of rules is that comes from another node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "channel/cause.h"
#include "util/macro.h"

static void cause_depth__digits__the_number_up_to_the_limit(void **state)
{
        static const struct {
                const char *text;
                unsigned depth;
        } samples[] = {
                { NULL, 0 },
                { "0", 0 },
                { "1", 1 },
                { "007", 7 },
                { "8", CHAIN_MAX },
                { "9", CHAIN_MAX },
                { "10", CHAIN_MAX },
                { "4294967296", CHAIN_MAX },
                { "99999999999999999999999999", CHAIN_MAX },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                assert_int_equal(cause_depth(samples[i].text), samples[i].depth);
}

static void cause_depth__garbled__the_limit(void **state)
{
        static const char *const samples[] = { "", " 1", "1 ", "-1", "+1", "0x1", "1.0", "one" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                assert_int_equal(cause_depth(samples[i]), CHAIN_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cause_depth__digits__the_number_up_to_the_limit),
                cmocka_unit_test(cause_depth__garbled__the_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
