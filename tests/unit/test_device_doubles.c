/* SPDX-License-Identifier: Apache-2.0 */
/* device/doubles and device/rate: what bounds commands. */
#include "device/doubles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "device/rate.h"

#define PART(text) { text, sizeof(text) - 1 }

static struct double_key key(const char *device, char kind, const char *mark)
{
        return (struct double_key){ .kind = kind,
                                    .parts = { [DOUBLE_DEVICE] = { device, strlen(device) },
                                               [DOUBLE_MARK] = { mark, strlen(mark) },
                                               [DOUBLE_PAYLOAD] = PART("ON") } };
}

static void doubles_find__first_time__new(void **state)
{
        struct doubles *doubles = doubles_new();
        const struct double_key a = key("lamp", 'i', "\"1\"");
        struct result result;

        (void)state;
        assert_false(doubles_find(doubles, &a, 0, &result));
        doubles_free(doubles);
}

static void doubles_find__while_it_runs__duplicate(void **state)
{
        struct doubles *doubles = doubles_new();
        const struct double_key a = key("lamp", 'i', "\"1\"");
        struct result result;

        (void)state;
        (void)doubles_begin(doubles, &a, 0);
        assert_true(doubles_find(doubles, &a, 1, &result));
        assert_int_equal(result.code, RESULT_DUPLICATE);
        assert_string_equal(result.message, "the same command is still being carried out");
        doubles_free(doubles);
}

static void doubles_find__done__same_result_for_a_minute(void **state)
{
        struct doubles *doubles = doubles_new();
        const struct double_key a = key("lamp", 'i', "\"1\"");
        struct result failed = { RESULT_FAILED, "the bulb is gone" }, result;

        (void)state;
        const struct double_mark mark = doubles_begin(doubles, &a, 0);
        doubles_end(doubles, &mark, &failed);
        assert_true(doubles_find(doubles, &a, DOUBLES_WINDOW_US - 1, &result));
        assert_int_equal(result.code, RESULT_FAILED);
        assert_string_equal(result.message, "the bulb is gone");
        assert_false(doubles_find(doubles, &a, DOUBLES_WINDOW_US, &result));
        doubles_free(doubles);
}

static void doubles_end__not_carried_out__forgotten(void **state)
{
        static const enum result_code codes[] = { RESULT_BUSY, RESULT_OFFLINE, RESULT_EXPIRED };
        struct doubles *doubles = doubles_new();
        const struct double_key a = key("lamp", 'i', "\"1\"");
        struct result result;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
                const struct double_mark mark = doubles_begin(doubles, &a, 0);
                doubles_end(doubles, &mark, &(struct result){ codes[i], "not now" });
                assert_false(doubles_find(doubles, &a, 1, &result));
        }
        doubles_free(doubles);
}

static void doubles_find__other_device_kind_or_key__new(void **state)
{
        struct doubles *doubles = doubles_new();
        const struct double_key a = key("lamp", 'i', "1");
        const struct double_key others[] = { key("lamq", 'i', "1"), key("lamp", 'c', "1"),
                                             key("lamp", 'i', "2"), key("lamp", 'i', "11"),
                                             key("lamp", 'i', "") };
        struct result result;

        (void)state;
        (void)doubles_begin(doubles, &a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                assert_false(doubles_find(doubles, &others[i], 1, &result));
        doubles_free(doubles);
}

/* Each part counts, and where one ends and the next begins. */
static void doubles_find__any_part_differs__new(void **state)
{
        static const struct double_key a = {
                .kind = 'c',
                .parts = { PART("lamp"), PART("state"), PART("me"), PART("1"), PART("TOGGLE") },
        };
        static const struct double_part others[DOUBLE_PARTS][3] = {
                [DOUBLE_DEVICE] = { PART("lamq"), PART("lam"), { NULL, 0 } },
                [DOUBLE_CHANNEL] = { PART("stat"), PART("states"), { NULL, 0 } },
                [DOUBLE_ASKER] = { PART("you"), PART("m"), { NULL, 0 } },
                [DOUBLE_MARK] = { PART("2"), PART("11"), PART("1\0") },
                [DOUBLE_PAYLOAD] = { PART("toggle"), PART("TOGGLE "), { NULL, 0 } },
        };
        static const struct double_key moved = {
                .kind = 'c',
                .parts = { PART("lamp"), PART("statem"), PART("e"), PART("1"), PART("TOGGLE") },
        };
        struct doubles *doubles = doubles_new();
        struct result result;

        (void)state;
        (void)doubles_begin(doubles, &a, 0);
        for (size_t i = 0; i < DOUBLE_PARTS; i++) {
                for (size_t k = 0; k < ARRAY_SIZE(others[i]); k++) {
                        struct double_key other = a;
                        other.parts[i] = others[i][k];
                        assert_false(doubles_find(doubles, &other, 1, &result));
                }
        }
        assert_false(doubles_find(doubles, &moved, 1, &result));
        assert_true(doubles_find(doubles, &a, 1, &result));
        doubles_free(doubles);
}

static void doubles_begin__many__oldest_forgotten_newest_known(void **state)
{
        struct doubles *doubles = doubles_new();
        struct result result;
        char text[32];

        (void)state;
        for (int i = 0; i < 100000; i++) {
                (void)snprintf(text, sizeof(text), "%d", i);
                const struct double_key k = key("lamp", 'c', text);
                const struct double_mark mark = doubles_begin(doubles, &k, 0);
                doubles_end(doubles, &mark, &(struct result){ .code = RESULT_OK });
        }
        const struct double_key first = key("lamp", 'c', "0"), last = key("lamp", 'c', "99999");
        assert_false(doubles_find(doubles, &first, 1, &result));
        assert_true(doubles_find(doubles, &last, 1, &result));
        assert_int_equal(result.code, RESULT_OK);
        doubles_free(doubles);
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
                cmocka_unit_test(rate_take__burst_then_steady),
                cmocka_unit_test(rate_set__slower__bucket_shrinks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
