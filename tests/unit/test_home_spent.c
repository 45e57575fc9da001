/* SPDX-License-Identifier: Apache-2.0 */
/* Waits that are over, from one process to the next. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "home/spent.h"
#include "util/cleanup.h"

static char dir[64], path[96];
static struct spent *spent;

static int setup(void **state)
{
        (void)state;
        spent = NULL;
        (void)snprintf(dir, sizeof(dir), "/tmp/sconce-waits.XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        (void)snprintf(path, sizeof(path), "%s/waits", dir);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        spent_free(spent);
        (void)unlink(path);
        return rmdir(dir);
}

static void begin(void)
{
        spent_free(TAKE_PTR(spent));
        assert_int_equal(spent_new(path, &spent), 0);
}

static void spent_add__another_process__knows_it(void **state)
{
        (void)state;
        begin();
        assert_false(spent_has(spent, 7));
        assert_int_equal(spent_add(spent, 7), 0);
        assert_true(spent_has(spent, 7));
        begin();
        assert_true(spent_has(spent, 7));
        assert_int_equal(spent_add(spent, 8), 0);
        begin();
        assert_true(spent_has(spent, 7));
        assert_true(spent_has(spent, 8));
}

static void spent_add__many__the_newest_are_known(void **state)
{
        (void)state;
        begin();
        for (uint64_t key = 1; key <= 100; key++) {
                assert_int_equal(spent_add(spent, key), 0);
                if (key % 30 == 0)
                        begin();
        }
        begin();
        for (uint64_t key = 1; key <= 100; key++)
                assert_int_equal(spent_has(spent, key), key > 36);
}

static void spent_new__damaged__knows_nothing_and_works(void **state)
{
        (void)state;
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fputs("no page", file);
        assert_int_equal(fclose(file), 0);
        begin();
        assert_false(spent_has(spent, 7));
        assert_int_equal(spent_add(spent, 7), 0);
        begin();
        assert_true(spent_has(spent, 7));
}

static void spent_new__no_file_can_be_there__fails(void **state)
{
        (void)state;
        assert_int_equal(spent_new("/proc/nowhere/waits", &spent), -ENOENT);
        assert_int_equal(spent_new("/dev/null", &spent), -EINVAL);
}

#define SPENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                SPENT_TEST(spent_add__another_process__knows_it),
                SPENT_TEST(spent_add__many__the_newest_are_known),
                SPENT_TEST(spent_new__damaged__knows_nothing_and_works),
                SPENT_TEST(spent_new__no_file_can_be_there__fails),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
