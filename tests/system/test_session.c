/* SPDX-License-Identifier: Apache-2.0 */
/* The bus's session against a real mosquitto: plain, over a unix socket, over mutual TLS with every bad certificate. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/session_probe.h"
#include "system/broker.h"
#include "system/client.h"
#include "system/workdir.h"

static struct probe probe;

static int setup(void **state)
{
        (void)state;
        workdir_make();
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        if (probe.loop.event)
                probe_done(&probe);
        memset(&probe, 0, sizeof(probe));
        client_free_all();
        process_free_all();
        workdir_remove();
        return 0;
}

static void serve_children(void)
{
        pump_once(0);
}

static const char *url(const char *scheme, const char *host, unsigned port)
{
        char *text = NULL;

        if (asprintf(&text, "%s://%s:%u", scheme, host, port) < 0)
                give_up("out of memory");
        return keep_text(text);
}

static void begin(const char *address)
{
        probe_init(&probe, address);
        probe.meanwhile = serve_children;
}

static void say_back(struct probe *p, const struct session_message *message)
{
        if (strcmp(message->topic, "t/back") != 0)
                assert_int_equal(probe_publish(p, "t/back", "got it", 1), 0);
}

/* ---- Plain --------------------------------------------------------------------------------------------------- */

static void session__plain_broker__echoes(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *client = client_new(&(struct client_options){ .id = "a", .port = broker->port.number });

        (void)state;
        client_subscribe(client, "t/back");
        begin(url("mqtt", "localhost", broker->port.number));
        probe.subscriptions[0] = "t/in";
        probe.on_message = say_back;
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(session_version(probe.session), SESSION_VERSION_5);
        assert_int_equal(session_receive_maximum(probe.session), 20);

        client_publish(client, &(struct request){ .topic = "t/in", .payload = "hello", .response_topic = "t/r",
                                                  .correlation = "42", .expiry_s = 9 });
        assert_true(probe_until(&probe, probe_messages, 1));
        assert_string_equal(probe.topic, "t/in");
        assert_string_equal(probe.payload, "hello");
        assert_string_equal(probe.response_topic, "t/r");
        assert_string_equal(probe.correlation, "42");
        assert_in_range(probe.expiry_s, 1, 9);
        assert_false(probe.retain);
        (void)client_wait_text(client, "t/back", "got it");
        assert_true(probe_until(&probe, probe_acknowledged, 1));
        assert_int_equal(probe.ack_reason, 0);
        assert_int_equal(session_in_flight(probe.session), 0);
        broker_free(broker);
}

static void session__broker_killed_twice__comes_back(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);

        (void)state;
        begin(url("mqtt", "127.0.0.1", broker->port.number));
        probe.subscriptions[0] = "t/in";
        probe_start(&probe);
        for (unsigned i = 1; i <= 3; i++) {
                assert_true(probe_until(&probe, probe_connected, i));
                assert_true(session_is_connected(probe.session));
                assert_int_equal(session_last_fault(probe.session)->code, 0);
                if (i == 3)
                        break;
                broker_kill(broker);
                assert_true(probe_until(&probe, probe_disconnected, i));
                assert_string_equal(probe.why, "the broker closed the connection");
                assert_int_equal(probe_publish(&probe, "t/x", "lost", 1), -ENOTCONN);
                broker_start(broker);
        }
        broker_free(broker);
}

static void session__unix_socket__connects(void **state)
{
        struct broker *broker = broker_new_plain("listener 0 DIR/s\nallow_anonymous true\nlistener PORT 127.0.0.1\n");
        char address[256];

        (void)state;
        (void)snprintf(address, sizeof(address), "unix://%s/s", broker->dir);
        begin(address);
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_string_equal(session_peer(probe.session) + strlen(broker->dir), "/s, MQTT 5, no TLS");
        broker_free(broker);
}

static void session_stop__message_in_flight__is_delivered(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct client *client = client_new(&(struct client_options){ .id = "a", .port = broker->port.number });

        (void)state;
        client_subscribe(client, "t/#");
        begin(url("mqtt", "127.0.0.1", broker->port.number));
        probe.options.will_topic = "t/will";
        probe.options.will_payload = "offline";
        probe_start(&probe);
        assert_true(probe_until(&probe, probe_connected, 1));
        assert_int_equal(probe_publish(&probe, "t/last", "bye", 1), 0);
        probe_stop(&probe);
        assert_false(probe.stopped);
        assert_true(probe_until(&probe, probe_stopped, 1));
        assert_int_equal(probe.n_acknowledged, 1);
        assert_int_equal(probe.n_disconnected, 1);
        (void)client_wait_text(client, "t/last", "bye");
        client_say(client, "t/end", "1");
        (void)client_wait_text(client, "t/end", "1");
        assert_int_equal(client_count(client, "t/will"), 0);
        broker_free(broker);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(session__plain_broker__echoes, setup, teardown),
                cmocka_unit_test_setup_teardown(session__broker_killed_twice__comes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(session__unix_socket__connects, setup, teardown),
                cmocka_unit_test_setup_teardown(session_stop__message_in_flight__is_delivered, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
