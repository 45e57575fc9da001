/* SPDX-License-Identifier: Apache-2.0 */
/* retained: which retained topics are ours, and which are to be cleared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "retained.h"

struct run {
        struct store *store;
        struct retained retained;
};

static int setup(void **state)
{
        struct run *run = calloc(1, sizeof(*run));

        assert_non_null(run);
        assert_int_equal(store_new(&(struct store_options){ .loop = NULL }, &run->store), 0);
        run->retained.store = run->store;
        *state = run;
        return 0;
}

static int teardown(void **state)
{
        struct run *run = *state;

        retained_reset(&run->retained);
        store_free(run->store);
        free(run);
        return 0;
}

static bool is_remembered(const struct run *run, const char *topic)
{
        return store_get(run->store, STORE_TOPIC, "", topic);
}

/* Another process, or another uplink. */
static void begin_again(struct run *run)
{
        retained_reset(&run->retained);
}

static void retained_stale__all_claimed__none(void **state)
{
        struct run *run = *state;

        assert_null(retained_stale(&run->retained));
        retained_claim(&run->retained, "sconce/hall/status");
        retained_claim(&run->retained, "sconce/hall/kitchen/state");
        assert_null(retained_stale(&run->retained));
        begin_again(run);
        retained_claim(&run->retained, "sconce/hall/kitchen/state");
        retained_claim(&run->retained, "sconce/hall/status");
        assert_null(retained_stale(&run->retained));
}

static void retained_stale__not_claimed_any_more__until_acknowledged(void **state)
{
        struct run *run = *state;

        retained_claim(&run->retained, "a/state");
        retained_claim(&run->retained, "b/state");
        retained_claim(&run->retained, "c/state");
        begin_again(run);
        retained_claim(&run->retained, "b/state");
        assert_string_equal(retained_stale(&run->retained), "a/state");
        retained_clearing(&run->retained, "a/state", 7);
        assert_string_equal(retained_stale(&run->retained), "c/state");
        retained_clearing(&run->retained, "c/state", 8);
        assert_null(retained_stale(&run->retained));
        assert_true(is_remembered(run, "a/state"));
        assert_false(retained_acknowledged(&run->retained, 6));
        assert_true(retained_acknowledged(&run->retained, 7));
        assert_false(is_remembered(run, "a/state"));
        assert_true(is_remembered(run, "c/state"));
        assert_true(is_remembered(run, "b/state"));
}

static void retained_reset__clearing_not_acknowledged__once_more(void **state)
{
        struct run *run = *state;

        retained_claim(&run->retained, "a/state");
        begin_again(run);
        retained_clearing(&run->retained, "a/state", 7);
        retained_reset(&run->retained);
        assert_string_equal(retained_stale(&run->retained), "a/state");
        assert_false(retained_acknowledged(&run->retained, 7)); /* an id of the connection before */
        assert_true(is_remembered(run, "a/state"));
}

static void retained_clearing__of_a_claimed_topic__ends_the_claim(void **state)
{
        struct run *run = *state;

        retained_claim(&run->retained, "a/state");
        retained_clearing(&run->retained, "a/state", 3);
        assert_true(retained_acknowledged(&run->retained, 3));
        assert_false(is_remembered(run, "a/state"));
        assert_null(retained_stale(&run->retained));
}

static void retained_acknowledged__published_again_meanwhile__stays_ours(void **state)
{
        struct run *run = *state;

        retained_claim(&run->retained, "a/state");
        retained_clearing(&run->retained, "a/state", 3);
        retained_claim(&run->retained, "a/state");
        assert_true(retained_acknowledged(&run->retained, 3));
        assert_true(is_remembered(run, "a/state"));
        assert_null(retained_stale(&run->retained));
}

/* An announcement goes before what it speaks of, and what was known of it is forgotten with it. */
static void retained_stale_announcement__released__before_others_and_forgotten(void **state)
{
        struct run *run = *state;

        retained_claim(&run->retained, "a/state");
        retained_claim(&run->retained, "z/config");
        assert_int_equal(store_put(run->store, STORE_PARTS, "", "z/config", " light.state "), 0);
        assert_null(retained_stale_announcement(&run->retained));
        retained_release(&run->retained, "a/state");
        assert_null(retained_stale_announcement(&run->retained));
        retained_release(&run->retained, "z/config");
        assert_string_equal(retained_stale_announcement(&run->retained), "z/config");
        assert_string_equal(retained_stale(&run->retained), "a/state");
        retained_clearing(&run->retained, "z/config", 5);
        assert_null(retained_stale_announcement(&run->retained));
        assert_non_null(store_get(run->store, STORE_PARTS, "", "z/config"));
        assert_true(retained_acknowledged(&run->retained, 5));
        assert_null(store_get(run->store, STORE_PARTS, "", "z/config"));
        assert_false(is_remembered(run, "z/config"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(retained_stale__all_claimed__none),
                TEST(retained_stale__not_claimed_any_more__until_acknowledged),
                TEST(retained_reset__clearing_not_acknowledged__once_more),
                TEST(retained_clearing__of_a_claimed_topic__ends_the_claim),
                TEST(retained_acknowledged__published_again_meanwhile__stays_ours),
                TEST(retained_stale_announcement__released__before_others_and_forgotten),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
