/* SPDX-License-Identifier: Apache-2.0 */
/* certs/host: the words that end in certificates, files and lists. */
#include "certs/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/macro.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void host_kind__each__is_what_it_is(void **state)
{
        static const struct {
                const char *host;
                enum host_kind kind;
        } rows[] = {
                { "broker", HOST_DNS },
                { "b.lan", HOST_DNS },
                { "B-2.Lan", HOST_DNS },
                { "1a", HOST_DNS },
                { "1.2.3.x", HOST_DNS },
                { LABEL_63, HOST_DNS },
                { "192.0.2.7", HOST_IP },
                { "0.0.0.0", HOST_IP },
                { "::1", HOST_IP },
                { "fd00::7", HOST_IP },
                { "::", HOST_IP },
                { "1:2:3:4:5:6:7:8", HOST_IP },
                { "", HOST_NONE },
                { ".", HOST_NONE },
                { "a.", HOST_NONE },
                { ".a", HOST_NONE },
                { "a..b", HOST_NONE },
                { "-a", HOST_NONE },
                { "a-", HOST_NONE },
                { "a_b", HOST_NONE },
                { "*.lan", HOST_NONE },
                { "b:8883", HOST_NONE },
                { "[::1]", HOST_NONE },
                { "1.2.3", HOST_NONE },
                { "7", HOST_NONE },
                { "256.1.1.1", HOST_NONE },
                { "1.2.3.04", HOST_NONE },
                { "1::2::3", HOST_NONE },
                { "fe80::1%eth0", HOST_NONE },
                { "a b", HOST_NONE },
                { "a\nb", HOST_NONE },
                { "b\xc3\xa4r", HOST_NONE },
                { LABEL_63 "l", HOST_NONE },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(host_kind(rows[i].host), rows[i].kind);
}

static void host_kind__length__is_bounded_by_dns(void **state)
{
        char longest[300] = LABEL_63 "." LABEL_63 "." LABEL_63 ".", host[HOST_MAX];

        (void)state;
        memset(longest + strlen(longest), 'a', 61); /* 253 */
        assert_int_equal(strlen(longest), 253);
        assert_int_equal(host_kind(longest), HOST_DNS);
        assert_true(host_take(longest, host));
        strcat(longest, "a");
        assert_int_equal(host_kind(longest), HOST_NONE);
        assert_false(host_take(longest, host));
}

static void host_take__capitals__are_recorded_small(void **state)
{
        char host[HOST_MAX] = "untouched";

        (void)state;
        assert_true(host_take("Broker.LAN", host));
        assert_string_equal(host, "broker.lan");
        assert_false(host_take("a b", host));
        assert_string_equal(host, "broker.lan");
}

static void broker_url__of_a_host__is_one(void **state)
{
        static const char *const wrong[] = { "",
                                             "b",
                                             "mqtt://b",
                                             "mqtts://",
                                             "mqtts://b:0",
                                             "mqtts://b:65536",
                                             "mqtts://::1",
                                             "mqtts://a/b",
                                             "mqtts://u@h",
                                             "mqtts://a_b",
                                             "mqtts://a\nb" };
        static const char *const hosts[] = { "broker.lan", "192.0.2.7", "fd00::7" };
        char url[BROKER_URL_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
                broker_url_of(hosts[i], url);
                assert_true(broker_url_is_one(url));
        }
        assert_string_equal(url, "mqtts://[fd00::7]:8883");
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_false(broker_url_is_one(wrong[i]));
}

static void name_is_one__each__by_its_letters(void **state)
{
        (void)state;
        assert_true(name_is_one("hall"));
        assert_true(name_is_one("7-a_b"));
        assert_false(name_is_one("hall.2")); /* the second of its name */
        assert_false(name_is_one("Hall"));
        assert_false(name_is_one(""));
        assert_true(name_is_reserved("reply"));
        assert_true(name_is_reserved("all"));
        assert_false(name_is_reserved("hall"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(host_kind__each__is_what_it_is),
                cmocka_unit_test(host_kind__length__is_bounded_by_dns),
                cmocka_unit_test(host_take__capitals__are_recorded_small),
                cmocka_unit_test(broker_url__of_a_host__is_one),
                cmocka_unit_test(name_is_one__each__by_its_letters),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
