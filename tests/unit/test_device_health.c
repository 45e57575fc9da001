/* SPDX-License-Identifier: Apache-2.0 */
/* device/health: which of several faults is published, and when. The probe's files and words decide what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

#define SICK  "{\"code\":\"eio\",\"message\":\"the probe feels sick\"}"
#define ITCH  "{\"code\":\"etimedout\",\"message\":\"the probe itches\"}"
#define BLIND "{\"code\":\"eio\",\"message\":\"cannot be read: Input/output error\"}"

static int setup(void **state)
{
        int r = house_setup_more(state);
        struct house *house = *state;
        char text[PATH_MAX + 64];

        house_write(house, "start", "");
        house_write(house, "read", "1\n");
        (void)snprintf(text, sizeof(text), "[probe a]\ndir = %s\nevery = 30s\n", house->gpio.dir);
        house_apply(house, text);
        house_forget(house);
        return r;
}

static void note(struct house *house, const char *word)
{
        house_set_channel(house, "a", "note", word);
}

static void assert_is(const struct house *house, const char *status, const char *error)
{
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), status);
        house_assert_published(house, "a", DEVICE_ERROR, error);
}

static size_t times_logged(const struct house *house, const char *text)
{
        size_t times = 0;

        for (const char *at = house->log; (at = strstr(at, text)); at++)
                times++;
        return times;
}

static void device_set_fault__two_at_once__first_is_published_then_the_other(void **state)
{
        struct house *house = *state;

        note(house, "tick");
        note(house, "sick");
        assert_is(house, "offline", SICK);
        house_remove(house, "read");
        home_get(house->devices, "a");
        assert_int_equal(house_count(house, "a", DEVICE_ERROR), 1);
        house_write(house, "heal", "");
        house_pass(house, USEC_PER_SEC);
        assert_is(house, "offline", BLIND);
        assert_int_equal(house_count(house, "a", DEVICE_STATUS), 1);
        assert_false(house_logged(house, "a: works again"));
        house_write(house, "read", "2\n");
        home_get(house->devices, "a");
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), "online");
        assert_string_equal(house_published(house, "a", DEVICE_ERROR), "");
        assert_int_equal(times_logged(house, "a: works again"), 1);
}

static void device_set_fault__the_same_again__neither_published_nor_logged(void **state)
{
        struct house *house = *state;

        house_remove(house, "read");
        for (size_t i = 0; i < 3; i++)
                home_get(house->devices, "a");
        assert_is(house, "offline", BLIND);
        assert_int_equal(house_count(house, "a", DEVICE_ERROR), 1);
        assert_int_equal(times_logged(house, "a: cannot be read"), 1);
}

static void device_set_problem__beside_a_fault__published_while_that_is_not(void **state)
{
        struct house *house = *state;

        note(house, "itch");
        house_assert_published(house, "a", DEVICE_ERROR, ITCH);
        assert_null(house_published(house, "a", DEVICE_STATUS)); /* it works all the same */
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE), "\"device a: the probe itches\""));
        house_remove(house, "read");
        home_get(house->devices, "a");
        assert_is(house, "offline", BLIND);
        house_write(house, "read", "2\n");
        home_get(house->devices, "a");
        assert_is(house, "online", ITCH);
        note(house, "well");
        assert_string_equal(house_published(house, "a", DEVICE_ERROR), "");
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE), "\"problems\":[]"));
}

static void device_forget_problem__it_starts_again__taken_from_the_list(void **state)
{
        struct house *house = *state;

        note(house, "itch");
        house_forget(house);
        house_apply(house, "");
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE), "\"problems\":[]"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(device_set_fault__two_at_once__first_is_published_then_the_other),
                TEST(device_set_fault__the_same_again__neither_published_nor_logged),
                TEST(device_set_problem__beside_a_fault__published_while_that_is_not),
                TEST(device_forget_problem__it_starts_again__taken_from_the_list),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
