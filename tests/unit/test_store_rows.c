/* SPDX-License-Identifier: Apache-2.0 */
/* store/rows: what is saved, in memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/rows.h"

static int setup(void **state)
{
        *state = calloc(1, sizeof(struct rows));
        return *state ? 0 : -1;
}

static int teardown(void **state)
{
        rows_done(*state);
        free(*state);
        return 0;
}

static void set(struct rows *rows, const char *device, const char *key, const char *value, int expected)
{
        assert_int_equal(rows_set(rows, STORE_SAVED, device, key, value), expected);
}

static const char *value_of(const struct rows *rows, const char *device, const char *key)
{
        const struct row *row = rows_find(rows, STORE_SAVED, device, key);

        return row ? row->value : NULL;
}

/* ---- Finding ------------------------------------------------------------------------------------------- */

static void rows_find__many_in_any_order__each_by_its_own_name(void **state)
{
        static const char *const ids[] = { "m", "a", "z", "b", "y", "" };
        struct rows *rows = *state;

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                set(rows, ids[i], "one", ids[i], 1);
                set(rows, ids[i], "another", "x", 1);
        }
        assert_int_equal(rows->count, 2 * ARRAY_SIZE(ids));
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                assert_string_equal(value_of(rows, ids[i], "one"), ids[i]);
                assert_string_equal(value_of(rows, ids[i], "another"), "x");
        }
        assert_null(rows_find(rows, STORE_SAVED, "c", "one"));
        assert_null(rows_find(rows, STORE_MARK, "a", "one"));
}

/* ---- What is to be written ----------------------------------------------------------------------------- */

static void rows_set__same_value__is_not_dirty_again(void **state)
{
        struct rows *rows = *state, copies = { 0 };

        set(rows, "a", "k", "1", 1);
        assert_int_equal(rows_copy_dirty(rows, &copies), 0);
        assert_false(rows_have_dirty(rows));
        set(rows, "a", "k", "1", 0);
        assert_false(rows_have_dirty(rows));
        set(rows, "a", "k", "2", 1);
        assert_true(rows_have_dirty(rows));
        assert_string_equal(copies.items[0]->value, "1");
        rows_done(&copies);
}

static void rows_set__deleted__is_gone_once_that_is_written(void **state)
{
        struct rows *rows = *state, copies = { 0 };

        set(rows, "a", "k", NULL, 0);
        assert_int_equal(rows->count, 0);
        set(rows, "a", "k", "1", 1);
        set(rows, "a", "k", NULL, 1);
        assert_int_equal(rows_copy_dirty(rows, &copies), 0);
        assert_int_equal(copies.count, 1);
        assert_null(copies.items[0]->value);
        rows_sweep(rows);
        assert_int_equal(rows->count, 0);
        rows_done(&copies);
}

static void rows_dirty_again__not_written__goes_with_the_next(void **state)
{
        struct rows *rows = *state, first = { 0 }, second = { 0 };

        set(rows, "a", "k", "1", 1);
        set(rows, "b", "k", "1", 1);
        assert_int_equal(rows_copy_dirty(rows, &first), 0);
        set(rows, "b", "k", "2", 1);
        rows_dirty_again(rows, &first);
        assert_int_equal(rows_copy_dirty(rows, &second), 0);
        assert_int_equal(second.count, 2);
        assert_string_equal(value_of(&second, "b", "k"), "2");
        rows_done(&first);
        rows_done(&second);
}

static void rows_settle__without_a_file__keeps_what_is_there(void **state)
{
        struct rows *rows = *state;

        set(rows, "a", "k", "1", 1);
        set(rows, "b", "k", "1", 1);
        set(rows, "b", "k", NULL, 1);
        rows_settle(rows);
        assert_int_equal(rows->count, 1);
        assert_string_equal(value_of(rows, "a", "k"), "1");
        assert_false(rows_have_dirty(rows));
}

/* ---- Names --------------------------------------------------------------------------------------------- */

static void store_what__each__has_a_name_in_the_file(void **state)
{
        enum store_what what = STORE_WHATS;

        (void)state;
        for (size_t i = 0; i < STORE_WHATS; i++) {
                assert_int_equal(store_what_from_name(store_what_name((enum store_what)i), &what), 0);
                assert_int_equal(what, i);
        }
        assert_int_equal(store_what_from_name("later", &what), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(rows_find__many_in_any_order__each_by_its_own_name),
                TEST(rows_set__same_value__is_not_dirty_again),
                TEST(rows_set__deleted__is_gone_once_that_is_written),
                TEST(rows_dirty_again__not_written__goes_with_the_next),
                TEST(rows_settle__without_a_file__keeps_what_is_there),
                TEST(store_what__each__has_a_name_in_the_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
