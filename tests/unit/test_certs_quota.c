/* SPDX-License-Identifier: Apache-2.0 */
/* certs/quota: each identity has its own, whoever else asks. */
#include "certs/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct quota quota;

static int begin(void **state)
{
        (void)state;
        memset(&quota, 0, sizeof(quota));
        return 0;
}

static struct quota_slot *begin_numbered(unsigned number, uint64_t now_us)
{
        char identity[QUOTA_IDENTITY_MAX];

        (void)snprintf(identity, sizeof(identity), "node%u", number);
        return quota_begin(&quota, identity, now_us);
}

static void find__nobody_has_asked__is_none(void **state)
{
        (void)state;
        assert_null(quota_find(&quota, "hall", 1));
        assert_null(quota_find(&quota, "hall", 2 * QUOTA_US));
}

static void find__within_the_time__is_its_own(void **state)
{
        (void)state;
        struct quota_slot *hall = quota_begin(&quota, "hall", 5);
        struct quota_slot *attic = quota_begin(&quota, "attic", 6);
        hall->count = 3;
        assert_ptr_equal(quota_find(&quota, "hall", 4 + QUOTA_US), hall);
        assert_ptr_equal(quota_find(&quota, "attic", 4 + QUOTA_US), attic);
        assert_int_equal(attic->count, 0);
        assert_null(quota_find(&quota, "hall", 5 + QUOTA_US));
}

static void begin__again__has_one_slot(void **state)
{
        (void)state;
        (void)quota_begin(&quota, "attic", 4);
        struct quota_slot *hall = quota_begin(&quota, "hall", 5);
        hall->count = 11;
        hall->is_told = true;
        assert_ptr_equal(quota_begin(&quota, "hall", 6 + QUOTA_US), hall);
        assert_int_equal(hall->count, 0);
        assert_false(hall->is_told);
}

static void begin__more_than_slots__the_first_goes(void **state)
{
        (void)state;
        for (unsigned i = 0; i < QUOTA_SLOTS; i++)
                begin_numbered(i, 10 + i)->count = 7;
        (void)begin_numbered(QUOTA_SLOTS, 1000);
        assert_null(quota_find(&quota, "node0", 1000));
        assert_int_equal(quota_find(&quota, "node1", 1000)->count, 7);
        assert_non_null(quota_find(&quota, "node256", 1000));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
        const struct CMUnitTest tests[] = {
                TEST(find__nobody_has_asked__is_none),
                TEST(find__within_the_time__is_its_own),
                TEST(begin__again__has_one_slot),
                TEST(begin__more_than_slots__the_first_goes),
        };

        return cmocka_run_group_tests_name("certs/quota", tests, NULL, NULL);
}
