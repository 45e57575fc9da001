/* SPDX-License-Identifier: Apache-2.0 */
/* channel/kinds: one row for each kind of the public header; that none is missing the compiler sees. */
#include "channel/kinds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void kind_get__each_kind__whole_row(void **state)
{
        (void)state;
        for (int i = SCONCE_LIGHT; i <= SCONCE_DURATION; i++) {
                const struct kind *kind = kind_get((enum sconce_kind)i);
                assert_non_null(kind);
                assert_true(*kind->name);
                assert_int_not_equal(kind->type, SCONCE_VALUE_NONE);
                assert_non_null(kind->convert);
                assert_non_null(kind->write);
                assert_int_not_equal(kind->platform, 0);
                assert_int_not_equal(kind->platform_shown, 0);
                for (int k = SCONCE_LIGHT; k < i; k++)
                        assert_string_not_equal(kind_get((enum sconce_kind)k)->name, kind->name);
        }
}

static void kind_get__no_kind__null(void **state)
{
        (void)state;
        assert_null(kind_get((enum sconce_kind)0));
        assert_null(kind_get((enum sconce_kind)(SCONCE_DURATION + 1)));
        assert_null(kind_get((enum sconce_kind)9999));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kind_get__each_kind__whole_row),
                cmocka_unit_test(kind_get__no_kind__null),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
