/* SPDX-License-Identifier: Apache-2.0 */
/* bus/in_flight: the ids of what is not acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/in_flight.h"

static struct in_flight in_flight;

static int empty(void **state)
{
        (void)state;
        in_flight = (struct in_flight){ 0 };
        return 0;
}

static void in_flight_remove__in_any_order__each_once(void **state)
{
        static const int order[] = { 3, 1, 5, 2, 4 };
        (void)state;

        for (int id = 1; id <= 5; id++)
                in_flight_add(&in_flight, id);
        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(in_flight.count, 5 - i);
                assert_true(in_flight_remove(&in_flight, order[i]));
                assert_false(in_flight_remove(&in_flight, order[i]));
        }
        assert_int_equal(in_flight.count, 0);
}

static void in_flight_remove__never_added__is_false(void **state)
{
        (void)state;
        assert_false(in_flight_remove(&in_flight, 0));
        in_flight_add(&in_flight, 65535);
        assert_false(in_flight_remove(&in_flight, 0));
        assert_false(in_flight_remove(&in_flight, -1));
        assert_false(in_flight_remove(&in_flight, 65535 + 65536));
        assert_true(in_flight_remove(&in_flight, 65535));
}

/* The oldest stays while all the others come and go, around the end of the ring. */
static void in_flight_remove__full_and_beyond_the_end__none_is_lost(void **state)
{
        int id = 1;
        (void)state;

        while (in_flight.count < IN_FLIGHT_IDS)
                in_flight_add(&in_flight, id++);
        for (; id <= 65535; id++) {
                assert_true(in_flight_remove(&in_flight, id - (int)IN_FLIGHT_IDS + 1));
                in_flight_add(&in_flight, id);
        }
        assert_true(in_flight_remove(&in_flight, 1));
        for (id = 65535 - (int)IN_FLIGHT_IDS + 2; id <= 65535; id++)
                assert_true(in_flight_remove(&in_flight, id));
        assert_int_equal(in_flight.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(in_flight_remove__in_any_order__each_once, empty),
                cmocka_unit_test_setup(in_flight_remove__never_added__is_false, empty),
                cmocka_unit_test_setup(in_flight_remove__full_and_beyond_the_end__none_is_lost, empty),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
