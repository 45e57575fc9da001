/* SPDX-License-Identifier: Apache-2.0 */
/* owned: which retained topics are ours, and which are to be cleared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "owned.h"

struct run {
        struct store *store;
        struct owned owned;
};

static int setup(void **state)
{
        struct run *run = calloc(1, sizeof(*run));

        assert_non_null(run);
        assert_int_equal(store_new(&(struct store_options){ .loop = NULL }, &run->store), 0);
        run->owned.store = run->store;
        *state = run;
        return 0;
}

static int teardown(void **state)
{
        struct run *run = *state;

        owned_done(&run->owned);
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
        owned_done(&run->owned);
        owned_begin(&run->owned);
}

static void owned_stranger__all_claimed__none(void **state)
{
        struct run *run = *state;

        assert_null(owned_stranger(&run->owned));
        owned_claim(&run->owned, "sconce/hall/status");
        owned_claim(&run->owned, "sconce/hall/kitchen/state");
        assert_null(owned_stranger(&run->owned));
        begin_again(run);
        owned_claim(&run->owned, "sconce/hall/kitchen/state");
        owned_claim(&run->owned, "sconce/hall/status");
        assert_null(owned_stranger(&run->owned));
}

static void owned_stranger__not_claimed_any_more__until_acknowledged(void **state)
{
        struct run *run = *state;

        owned_claim(&run->owned, "a/state");
        owned_claim(&run->owned, "b/state");
        owned_claim(&run->owned, "c/state");
        begin_again(run);
        owned_claim(&run->owned, "b/state");
        assert_string_equal(owned_stranger(&run->owned), "a/state");
        owned_clearing(&run->owned, "a/state", 7);
        assert_string_equal(owned_stranger(&run->owned), "c/state");
        owned_clearing(&run->owned, "c/state", 8);
        assert_null(owned_stranger(&run->owned));
        assert_true(is_remembered(run, "a/state"));
        assert_false(owned_acknowledged(&run->owned, 6));
        assert_true(owned_acknowledged(&run->owned, 7));
        assert_false(is_remembered(run, "a/state"));
        assert_true(is_remembered(run, "c/state"));
        assert_true(is_remembered(run, "b/state"));
}

static void owned_begin__clearing_not_acknowledged__once_more(void **state)
{
        struct run *run = *state;

        owned_claim(&run->owned, "a/state");
        begin_again(run);
        owned_clearing(&run->owned, "a/state", 7);
        owned_begin(&run->owned);
        assert_string_equal(owned_stranger(&run->owned), "a/state");
        assert_false(owned_acknowledged(&run->owned, 7)); /* an id of the connection before */
        assert_true(is_remembered(run, "a/state"));
}

static void owned_clearing__of_a_claimed_topic__ends_the_claim(void **state)
{
        struct run *run = *state;

        owned_claim(&run->owned, "a/state");
        owned_clearing(&run->owned, "a/state", 3);
        assert_true(owned_acknowledged(&run->owned, 3));
        assert_false(is_remembered(run, "a/state"));
        assert_null(owned_stranger(&run->owned));
}

static void owned_acknowledged__published_again_meanwhile__stays_ours(void **state)
{
        struct run *run = *state;

        owned_claim(&run->owned, "a/state");
        owned_clearing(&run->owned, "a/state", 3);
        owned_claim(&run->owned, "a/state");
        assert_true(owned_acknowledged(&run->owned, 3));
        assert_true(is_remembered(run, "a/state"));
        assert_null(owned_stranger(&run->owned));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(owned_stranger__all_claimed__none),
                TEST(owned_stranger__not_claimed_any_more__until_acknowledged),
                TEST(owned_begin__clearing_not_acknowledged__once_more),
                TEST(owned_clearing__of_a_claimed_topic__ends_the_claim),
                TEST(owned_acknowledged__published_again_meanwhile__stays_ours),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
