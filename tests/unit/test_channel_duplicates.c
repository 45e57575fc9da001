/* SPDX-License-Identifier: Apache-2.0 */
/* device/duplicates and device/rate: what bounds commands. */
#include "channel/duplicates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "channel/rate.h"

#define PART(text)                                                                                                     \
        {                                                                                                              \
                text, sizeof(text) - 1                                                                                 \
        }

static struct duplicate_key key(const char *device, char kind, const char *mark)
{
        return (struct duplicate_key){ .kind = kind,
                                       .parts = { [DUPLICATE_DEVICE] = { device, strlen(device) },
                                                  [DUPLICATE_MARK] = { mark, strlen(mark) },
                                                  [DUPLICATE_PAYLOAD] = PART("ON") } };
}

static void doubles_find__first_time__new(void **state)
{
        struct duplicates *duplicates = duplicates_new();
        const struct duplicate_key a = key("lamp", 'i', "\"1\"");
        struct result result;

        (void)state;
        assert_false(duplicates_find(duplicates, &a, 0, &result));
        duplicates_free(duplicates);
}

static void doubles_find__while_it_runs__duplicate(void **state)
{
        struct duplicates *duplicates = duplicates_new();
        const struct duplicate_key a = key("lamp", 'i', "\"1\"");
        struct result result;

        (void)state;
        (void)duplicates_begin(duplicates, &a, 0);
        assert_true(duplicates_find(duplicates, &a, 1, &result));
        assert_int_equal(result.code, RESULT_DUPLICATE);
        assert_string_equal(result.message, "the same command is still being carried out");
        duplicates_free(duplicates);
}

static void doubles_find__done__same_result_for_a_minute(void **state)
{
        struct duplicates *duplicates = duplicates_new();
        const struct duplicate_key a = key("lamp", 'i', "\"1\"");
        struct result failed = { RESULT_FAILED, "the bulb is gone" }, result;

        (void)state;
        const struct duplicate_mark mark = duplicates_begin(duplicates, &a, 0);
        duplicates_end(duplicates, &mark, &failed);
        assert_true(duplicates_find(duplicates, &a, DUPLICATES_WINDOW_US - 1, &result));
        assert_int_equal(result.code, RESULT_FAILED);
        assert_string_equal(result.message, "the bulb is gone");
        assert_false(duplicates_find(duplicates, &a, DUPLICATES_WINDOW_US, &result));
        duplicates_free(duplicates);
}

static void doubles_end__not_carried_out__forgotten(void **state)
{
        static const enum result_code codes[] = { RESULT_BUSY, RESULT_OFFLINE, RESULT_EXPIRED };
        struct duplicates *duplicates = duplicates_new();
        const struct duplicate_key a = key("lamp", 'i', "\"1\"");
        struct result result;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
                const struct duplicate_mark mark = duplicates_begin(duplicates, &a, 0);
                duplicates_end(duplicates, &mark, &(struct result){ codes[i], "not now" });
                assert_false(duplicates_find(duplicates, &a, 1, &result));
        }
        duplicates_free(duplicates);
}

static void doubles_find__other_device_kind_or_key__new(void **state)
{
        struct duplicates *duplicates = duplicates_new();
        const struct duplicate_key a = key("lamp", 'i', "1");
        const struct duplicate_key others[] = { key("lamq", 'i', "1"), key("lamp", 'c', "1"), key("lamp", 'i', "2"),
                                                key("lamp", 'i', "11"), key("lamp", 'i', "") };
        struct result result;

        (void)state;
        (void)duplicates_begin(duplicates, &a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                assert_false(duplicates_find(duplicates, &others[i], 1, &result));
        duplicates_free(duplicates);
}

/* Each part counts, and where one ends and the next begins. */
static void doubles_find__any_part_differs__new(void **state)
{
        static const struct duplicate_key a = {
                .kind = 'c',
                .parts = { PART("lamp"), PART("state"), PART("me"), PART("1"), PART("TOGGLE") },
        };
        static const struct duplicate_part others[DUPLICATE_PARTS][3] = {
                [DUPLICATE_DEVICE] = { PART("lamq"), PART("lam"), { NULL, 0 } },
                [DUPLICATE_CHANNEL] = { PART("stat"), PART("states"), { NULL, 0 } },
                [DUPLICATE_ASKER] = { PART("you"), PART("m"), { NULL, 0 } },
                [DUPLICATE_MARK] = { PART("2"), PART("11"), PART("1\0") },
                [DUPLICATE_PAYLOAD] = { PART("toggle"), PART("TOGGLE "), { NULL, 0 } },
        };
        static const struct duplicate_key moved = {
                .kind = 'c',
                .parts = { PART("lamp"), PART("statem"), PART("e"), PART("1"), PART("TOGGLE") },
        };
        struct duplicates *duplicates = duplicates_new();
        struct result result;

        (void)state;
        (void)duplicates_begin(duplicates, &a, 0);
        for (size_t i = 0; i < DUPLICATE_PARTS; i++) {
                for (size_t k = 0; k < ARRAY_SIZE(others[i]); k++) {
                        struct duplicate_key other = a;
                        other.parts[i] = others[i][k];
                        assert_false(duplicates_find(duplicates, &other, 1, &result));
                }
        }
        assert_false(duplicates_find(duplicates, &moved, 1, &result));
        assert_true(duplicates_find(duplicates, &a, 1, &result));
        duplicates_free(duplicates);
}

static void doubles_begin__many__oldest_forgotten_newest_known(void **state)
{
        struct duplicates *duplicates = duplicates_new();
        struct result result;
        char text[32];

        (void)state;
        for (int i = 0; i < 100000; i++) {
                (void)snprintf(text, sizeof(text), "%d", i);
                const struct duplicate_key k = key("lamp", 'c', text);
                const struct duplicate_mark mark = duplicates_begin(duplicates, &k, 0);
                duplicates_end(duplicates, &mark, &(struct result){ .code = RESULT_OK });
        }
        const struct duplicate_key first = key("lamp", 'c', "0"), last = key("lamp", 'c', "99999");
        assert_false(duplicates_find(duplicates, &first, 1, &result));
        assert_true(duplicates_find(duplicates, &last, 1, &result));
        assert_int_equal(result.code, RESULT_OK);
        duplicates_free(duplicates);
}

/* More than there are buckets, so that each must be found among others. */
static void doubles_end__many_at_once__each_has_its_own_result(void **state)
{
        enum { MANY = 3000 };
        static struct duplicate_mark marks[MANY];
        struct duplicates *duplicates = duplicates_new();
        struct result result;
        char text[32];

        (void)state;
        for (int i = 0; i < MANY; i++) {
                (void)snprintf(text, sizeof(text), "%d", i);
                const struct duplicate_key k = key("lamp", 'c', text);
                marks[i] = duplicates_begin(duplicates, &k, 0);
        }
        for (int i = 0; i < MANY; i++) {
                (void)snprintf(text, sizeof(text), "%d", i);
                duplicates_end(duplicates, &marks[i], &(struct result){ RESULT_FAILED, "" });
                const struct duplicate_key k = key("lamp", 'c', text);
                assert_true(duplicates_find(duplicates, &k, 1, &result));
                assert_int_equal(result.code, RESULT_FAILED);
        }
        duplicates_free(duplicates);
}

/* It took longer than it is remembered. */
static void doubles_end__forgotten_meanwhile__stays_so(void **state)
{
        struct duplicates *duplicates = duplicates_new();
        const struct duplicate_key a = key("lamp", 'i', "1");
        struct result result;

        (void)state;
        const struct duplicate_mark mark = duplicates_begin(duplicates, &a, 0);
        assert_false(duplicates_find(duplicates, &a, DUPLICATES_WINDOW_US, &result));
        duplicates_end(duplicates, &mark, &(struct result){ RESULT_FAILED, "" });
        assert_false(duplicates_find(duplicates, &a, DUPLICATES_WINDOW_US, &result));
        duplicates_free(duplicates);
}

/* The newest is known in any case. */
static void doubles_begin__larger_than_all_that_is_kept__known_until_the_next(void **state)
{
        static char large[DUPLICATES_MAX_BYTES + 1];
        struct duplicates *duplicates = duplicates_new();
        struct duplicate_key a = key("lamp", 'i', "1"), b = key("lamp", 'i', "2");
        struct result result;

        (void)state;
        a.parts[DUPLICATE_PAYLOAD] = (struct duplicate_part){ large, sizeof(large) };
        (void)duplicates_begin(duplicates, &a, 0);
        assert_true(duplicates_find(duplicates, &a, 1, &result));
        (void)duplicates_begin(duplicates, &b, 1);
        assert_false(duplicates_find(duplicates, &a, 2, &result));
        assert_true(duplicates_find(duplicates, &b, 2, &result));
        duplicates_free(duplicates);
}

static void rate_take__burst_then_steady(void **state)
{
        struct rate rate;
        uint64_t now = 5000000;

        (void)state;
        rate_init(&rate, 10, now);
        for (int i = 0; i < 10; i++)
                assert_true(rate_take(&rate, now));
        assert_false(rate_take(&rate, now));
        assert_false(rate_take(&rate, now + 99999));
        assert_true(rate_take(&rate, now + 100000));
        assert_false(rate_take(&rate, now + 100001));
        now += 3600 * USEC_PER_SEC; /* a long rest fills the bucket, and no more */
        for (int i = 0; i < 10; i++)
                assert_true(rate_take(&rate, now));
        assert_false(rate_take(&rate, now));
}

static void rate_set__slower__bucket_shrinks(void **state)
{
        struct rate rate;

        (void)state;
        rate_init(&rate, 100, 0);
        rate_set(&rate, 2);
        assert_true(rate_take(&rate, 0));
        assert_true(rate_take(&rate, 0));
        assert_false(rate_take(&rate, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(doubles_find__first_time__new),
                cmocka_unit_test(doubles_find__while_it_runs__duplicate),
                cmocka_unit_test(doubles_find__done__same_result_for_a_minute),
                cmocka_unit_test(doubles_end__not_carried_out__forgotten),
                cmocka_unit_test(doubles_find__other_device_kind_or_key__new),
                cmocka_unit_test(doubles_find__any_part_differs__new),
                cmocka_unit_test(doubles_begin__many__oldest_forgotten_newest_known),
                cmocka_unit_test(doubles_end__many_at_once__each_has_its_own_result),
                cmocka_unit_test(doubles_end__forgotten_meanwhile__stays_so),
                cmocka_unit_test(doubles_begin__larger_than_all_that_is_kept__known_until_the_next),
                cmocka_unit_test(rate_take__burst_then_steady),
                cmocka_unit_test(rate_set__slower__bucket_shrinks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
