/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "util/fault.h"

static const struct fault burnt = { -EIO, "the relay is burnt" };

static void kept_fault__nothing_is_wrong__no_text(void **state)
{
        struct kept_fault kept = { 0 };
        struct fault fault = burnt;

        (void)state;
        assert_string_equal(kept_fault_text(&kept), "");
        kept_fault_get(&kept, &fault);
        assert_int_equal(fault.code, 0);
        assert_string_equal(fault.text, "");
}

static void kept_fault_set__then_cleared__takes_memory_in_between_alone(void **state)
{
        struct kept_fault kept = { 0 };
        struct fault fault;

        (void)state;
        kept_fault_set(&kept, &burnt);
        kept_fault_get(&kept, &fault);
        assert_int_equal(fault.code, -EIO);
        assert_string_equal(fault.text, burnt.text);
        kept_fault_set(&kept, NULL);
        assert_int_equal(kept.code, 0);
        assert_null(kept.text);
}

static void kept_fault_set__another__replaces_it(void **state)
{
        const struct fault other = { -ENODEV, "the relay is gone" };
        struct kept_fault kept = { 0 };

        (void)state;
        kept_fault_set(&kept, &burnt);
        kept_fault_set(&kept, &other);
        assert_int_equal(kept.code, -ENODEV);
        assert_string_equal(kept_fault_text(&kept), "the relay is gone");
        kept_fault_set(&kept, NULL);
}

/* What is kept where there was no memory. */
static void kept_fault__code_alone__is_an_error_still(void **state)
{
        const struct kept_fault kept = { .code = -EIO };
        struct fault fault;

        (void)state;
        assert_string_equal(kept_fault_text(&kept), strerror(EIO));
        kept_fault_get(&kept, &fault);
        assert_int_equal(fault.code, -EIO);
        assert_string_equal(fault.text, strerror(EIO));
}

static void fault_set__its_own_text_as_an_argument__is_part_of_it(void **state)
{
        struct fault fault = burnt;

        (void)state;
        assert_int_equal(fault_set(&fault, -EBUSY, "kitchen: %s", fault.text), -EBUSY);
        assert_int_equal(fault.code, -EBUSY);
        assert_string_equal(fault.text, "kitchen: the relay is burnt");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kept_fault__nothing_is_wrong__no_text),
                cmocka_unit_test(kept_fault_set__then_cleared__takes_memory_in_between_alone),
                cmocka_unit_test(kept_fault_set__another__replaces_it),
                cmocka_unit_test(kept_fault__code_alone__is_an_error_still),
                cmocka_unit_test(fault_set__its_own_text_as_an_argument__is_part_of_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
