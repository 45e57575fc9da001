/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/identity.h"
#include "util/macro.h"

static void identity_name__generation__is_the_name(void **state)
{
        static const char *const rows[][2] = { { "hall.2", "hall" }, { "a-b_c.17", "a-b_c" }, { "7.999999999", "7" } };
        char name[IDENTITY_NAME_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_string_equal(identity_name(rows[i][0], name), rows[i][1]);
}

/* What no sconce-pki has written is somebody's own. */
static void identity_name__any_other__is_itself(void **state)
{
        static const char *const rows[] = { "hall",     "hall.1",  "hall.0",  "hall.02", "hall.",          "hall.2.3",
                                            "hall.lan", "hall.2x", ".2",      "Hall.2",  "b\xc3\xa4.2",    "a b.2",
                                            "",         "a/b.2",   "hall.-2", "hall. 2", "hall.9999999999" };
        char name[IDENTITY_NAME_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_ptr_equal(identity_name(rows[i], name), rows[i]);
        assert_null(identity_name(NULL, name));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(identity_name__generation__is_the_name),
                cmocka_unit_test(identity_name__any_other__is_itself),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
