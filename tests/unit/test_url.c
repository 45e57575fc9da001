/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "util/url.h"

static void url_parse__good__gives_its_parts(void **state)
{
        static const struct {
                const char *text;
                enum url_scheme scheme;
                const char *host;
                uint16_t port;
                bool numeric, private;
        } table[] = {
                { "mqtts://broker.lan:8884", URL_MQTTS, "broker.lan", 8884, false, true },
                { "mqtts://broker.lan", URL_MQTTS, "broker.lan", 8883, false, true },
                { "mqtts://broker.lan/", URL_MQTTS, "broker.lan", 8883, false, true },
                { "MQTTS://broker.lan", URL_MQTTS, "broker.lan", 8883, false, true },
                { "mqtt://broker", URL_MQTT, "broker", 1883, false, false },
                { "mqtt://my_broker.lan.:1", URL_MQTT, "my_broker.lan.", 1, false, false },
                { "mqtt://192.168.1.2:65535", URL_MQTT, "192.168.1.2", 65535, true, false },
                { "mqtt://127.0.0.1", URL_MQTT, "127.0.0.1", 1883, true, true },
                { "mqtt://127.evil.example", URL_MQTT, "127.evil.example", 1883, false, false },
                { "mqtt://localhost", URL_MQTT, "localhost", 1883, false, true },
                { "mqtts://[::1]:8883", URL_MQTTS, "::1", 8883, true, true },
                { "mqtt://[::1]", URL_MQTT, "::1", 1883, true, true },
                { "mqtt://[fe80::1%eth0]:1884", URL_MQTT, "fe80::1%eth0", 1884, true, false },
                { "mqtt://1.2.3", URL_MQTT, "1.2.3", 1883, false, false },
                { "unix:///run/mosquitto.sock", URL_UNIX, "/run/mosquitto.sock", 0, true, true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct url url;
                struct fault fault = { 0 };
                if (url_parse(table[i].text, &url, &fault) < 0)
                        fail_msg("%s: %s", table[i].text, fault.text);
                assert_int_equal(url.scheme, table[i].scheme);
                assert_string_equal(url.host, table[i].host);
                assert_int_equal(url.port, table[i].port);
                assert_int_equal(url.numeric, table[i].numeric);
                assert_int_equal(url_is_private(&url), table[i].private);
        }
}

#define FORMS "write mqtts://HOST[:PORT], mqtt://HOST[:PORT] or unix:///PATH"

static void url_parse__bad__gives_the_reason(void **state)
{
        static const struct {
                const char *text, *error;
        } table[] = {
                { "broker.lan", "not a broker's address: " FORMS },
                { "", "not a broker's address: " FORMS },
                { "http://broker.lan", "not a broker's address: " FORMS },
                { "mqtts:/broker.lan", "not a broker's address: " FORMS },
                { "mqtts://", "the host is missing: " FORMS },
                { "mqtts://:8883", "the host is missing: " FORMS },
                { "mqtts://broker:", "\"\" is not a port: a number from 1 to 65535" },
                { "mqtts://broker:0", "\"0\" is not a port: a number from 1 to 65535" },
                { "mqtts://broker:65536", "\"65536\" is not a port: a number from 1 to 65535" },
                { "mqtts://broker:+1", "\"+1\" is not a port: a number from 1 to 65535" },
                { "mqtts://broker:88x", "\"88x\" is not a port: a number from 1 to 65535" },
                { "mqtts://::1", "an IPv6 address is written in brackets: [::1]:8883" },
                { "mqtts://[::1", "the bracket of the IPv6 address is not closed: [::1]:8883" },
                { "mqtts://[::g]", "\"::g\" is not an IPv6 address" },
                { "mqtts://[fe80::1%]", "\"fe80::1%\" is not an IPv6 address" },
                { "mqtts://[fe80::1%et h0]", "\"fe80::1%et h0\" is not an IPv6 address" },
                { "mqtts://[fe80::1%eth0123456789012]", "\"fe80::1%eth0123456789012\" is not an IPv6 address" },
                { "mqtts://[1.2.3.4]", "\"1.2.3.4\" is not an IPv6 address" },
                { "mqtts://[::1]8883", "\"8883\" after the host is not understood: " FORMS },
                { "mqtts://me:secret@broker", "user and password are keys of their own: user = ..., password = ..." },
                { "mqtts://broker/topic", "\"/topic\" after the host is not understood: " FORMS },
                { "mqtts://bro ker", "\"bro ker\" is not a host name: " FORMS },
                { "mqtts://.lan", "\".lan\" is not a host name: " FORMS },
                { "mqtts://a..b", "\"a..b\" is not a host name: " FORMS },
                { "unix://run/s", "a unix socket needs an absolute path: unix:///PATH" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct url url = { .port = 4711 };
                struct fault fault = { 0 };
                assert_int_equal(url_parse(table[i].text, &url, &fault), -EINVAL);
                assert_int_equal(fault.code, -EINVAL);
                assert_string_equal(fault.text, table[i].error);
                assert_int_equal(url.port, 4711);
        }
}

static void url_parse__too_long__is_refused(void **state)
{
        char text[400];
        struct url url;
        struct fault fault;

        (void)state;
        (void)snprintf(text, sizeof(text), "mqtt://%0300d", 0);
        assert_int_equal(url_parse(text, &url, &fault), -EINVAL);
        assert_string_equal(fault.text, "a host name may have at most 253 characters");
        (void)snprintf(text, sizeof(text), "unix:///%0107d", 0);
        assert_int_equal(url_parse(text, &url, &fault), -EINVAL);
        assert_string_equal(fault.text, "the path of a unix socket may have at most 107 bytes, this one has 108");
}

static void url_peer_text__ipv6__has_brackets(void **state)
{
        char text[URL_TEXT_MAX];

        (void)state;
        url_peer_text("::1", 8883, text);
        assert_string_equal(text, "[::1]:8883");
        url_peer_text("broker.lan", 1883, text);
        assert_string_equal(text, "broker.lan:1883");
        url_peer_text("/run/s", 0, text);
        assert_string_equal(text, "/run/s");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(url_parse__good__gives_its_parts),
                cmocka_unit_test(url_parse__bad__gives_the_reason),
                cmocka_unit_test(url_parse__too_long__is_refused),
                cmocka_unit_test(url_peer_text__ipv6__has_brackets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
