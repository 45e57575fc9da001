/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to the broker, good and bad: dead addresses, dead resolvers, brokers that send nothing, and every kind of
 * URL. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/hasty.h"
#include "system/override.h"
#include "system/stage.h"

static const char lamp[] = "[lamp cellar]\nline = GPIO5\n";
static const char timed_lamp[] = "[lamp cellar]\nline = GPIO5\npower_on = on\nmax_on = 300ms\n";
static const char short_times[] = "connect_timeout = 500ms\nhandshake_timeout = 500ms\n";

static const char *url_of(const char *scheme, const char *host, unsigned port)
{
        char url[128];
        (void)snprintf(url, sizeof(url), "%s://%s:%u", scheme, host, port);
        return keep_text(strdup(url));
}

static void switches(struct daemon *daemon, struct client *client)
{
        client_send(client, daemon_topic(daemon, "cellar/set"), "ON");
        chip_wait(daemon->lines, SPARE, 1);
        (void)client_wait_json(client, daemon_topic(daemon, "cellar/state"), "state", "ON");
        client_send(client, daemon_topic(daemon, "cellar/set"), "OFF");
        chip_wait(daemon->lines, SPARE, 0);
}

static void works(struct daemon *daemon)
{
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        switches(daemon, stage.tester);
        daemon_stop(daemon);
        daemon_free(daemon);
}

static void goes_off_alone(struct daemon *daemon)
{
        chip_wait(daemon->lines, SPARE, 1);
        chip_wait(daemon->lines, SPARE, 0);
}

/* ---- Names and addresses ----------------------------------------------------------------------------------------- */

static void ipv6__refuses__ipv4_is_tried(void **state)
{
        (void)state;
        override_needs_root(OVERRIDE_NAMES);
        write_file(work_path("hosts"), "::1 localhost\n127.0.0.1 localhost\n");
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                     .broker = stage.broker,
                                                                     .pki = stage.pki,
                                                                     .devices = lamp,
                                                                     .prepare = override_names });
        works(daemon);
}

static void ipv6__never_answers__ipv4_is_tried(void **state)
{
        (void)state;
        override_needs_root(OVERRIDE_NAMES);
        write_file(work_path("hosts"), "::1 localhost\n127.0.0.1 localhost\n");
        struct wire *hole = wire_black_hole("::1", stage.broker->port.number);
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                     .broker = stage.broker,
                                                                     .pki = stage.pki,
                                                                     .broker_keys = short_times,
                                                                     .devices = lamp,
                                                                     .prepare = override_names });
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "::1", SOON_MS);
        daemon_wait_online(daemon, stage.tester);
        switches(daemon, stage.tester);
        daemon_stop(daemon);
        daemon_free(daemon);
        wire_free(hole);
}

/* A name server that takes questions and never answers. */
static int deaf_resolver(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(53) };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void)inet_pton(AF_INET, "127.0.77.53", &address.sin_addr);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                give_up("cannot bind port 53 of 127.0.77.53");
        return fd;
}

static void resolver__never_answers__lamp_goes_off_and_stop_is_prompt(void **state)
{
        (void)state;
        override_needs_root(OVERRIDE_NAMES);
        int resolver = deaf_resolver();
        write_file(work_path("hosts"), "127.0.0.1 localhost\n");
        write_file(work_path("resolv.conf"), "nameserver 127.0.77.53\noptions timeout:30 attempts:5\n");
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                     .url = url_of("mqtts", "broker.invalid", 8883),
                                                                     .pki = stage.pki,
                                                                     .devices = timed_lamp,
                                                                     .prepare = override_names });
        daemon_start(daemon);
        goes_off_alone(daemon);
        uint64_t before_us = now_us();
        daemon_stop(daemon);
        assert_true(now_us() - before_us < 5 * USEC_PER_SEC);
        daemon_free(daemon);
        (void)close(resolver);
        (void)unlink(work_path("resolv.conf"));
}

static void name__unknown_at_first__is_asked_for_again(void **state)
{
        (void)state;
        override_needs_root(OVERRIDE_NAMES);
        int resolver = deaf_resolver();
        write_file(work_path("hosts"), "127.0.0.1 elsewhere\n");
        write_file(work_path("resolv.conf"), "nameserver 127.0.77.53\noptions timeout:1 attempts:1\n");
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                     .broker = stage.broker,
                                                                     .pki = stage.pki,
                                                                     .devices = lamp,
                                                                     .prepare = override_names });
        daemon_start(daemon);
        (void)process_wait_log(daemon->process, "localhost", SOON_MS);
        write_file(work_path("hosts"), "127.0.0.1 localhost\n");
        daemon_wait_online(daemon, stage.tester);
        daemon_stop(daemon);
        daemon_free(daemon);
        (void)close(resolver);
        (void)unlink(work_path("resolv.conf"));
}

static void first_broker__dead__second_is_used(void **state)
{
        struct port dead = port_reserve();
        char urls[256];

        (void)state;
        (void)snprintf(urls, sizeof(urls), "[\"mqtts://localhost:%u\", \"mqtts://localhost:%u\"]", dead.number,
                       stage.broker->port.number);
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic", .url = urls, .pki = stage.pki, .devices = lamp });
        works(daemon);
        port_release(&dead);
}

/* ---- Brokers that send nothing ----------------------------------------------------------------------------------- */

static void silent(const char *scheme)
{
        struct wire *wire = wire_silent("127.0.0.1");
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic",
                                          .url = url_of(scheme, "localhost", wire_port(wire)),
                                          .pki = stage.pki,
                                          .broker_keys = short_times,
                                          .devices = timed_lamp });
        daemon_start(daemon);
        goes_off_alone(daemon);
        wire_wait_connections(wire, 3);
        daemon_stop(daemon);
        daemon_free(daemon);
        wire_free(wire);
}

static void tls_broker__is_silent__is_given_up_and_tried_again(void **state)
{
        (void)state;
        silent("mqtts");
}

static void plain_broker__is_silent__is_given_up_and_tried_again(void **state)
{
        (void)state;
        silent("mqtt");
}

static void address__never_answers__is_given_up_and_reported(void **state)
{
        struct wire *hole = wire_black_hole("127.0.0.1", 0);
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic",
                                          .url = url_of("mqtts", "localhost", wire_port(hole)),
                                          .pki = stage.pki,
                                          .broker_keys = short_times,
                                          .devices = timed_lamp });
        (void)state;
        daemon_start(daemon);
        goes_off_alone(daemon);
        (void)process_wait_log(daemon->process, "127.0.0.1", SOON_MS);
        (void)process_wait_log(daemon->process, "127.0.0.1", SOON_MS);
        daemon_stop(daemon);
        daemon_free(daemon);
        wire_free(hole);
}

static void network__goes_silent_in_session__is_noticed_by_the_keepalive(void **state)
{
        struct wire *wire = wire_relay("127.0.0.1", stage.broker->port.number);
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic",
                                          .url = url_of("mqtts", "localhost", wire_port(wire)),
                                          .pki = stage.pki,
                                          .broker_keys = "keepalive = 5s\n",
                                          .devices = lamp });
        (void)state;
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        unsigned before = wire_connections(wire);
        wire_stall(wire);
        wire_wait_connections(wire, before + 1);
        daemon_stop(daemon);
        daemon_free(daemon);
        wire_free(wire);
}

static void connack__comes_with_the_handshake__node_is_up_and_answers(void **state)
{
        struct hasty *hasty = hasty_new(pki_ca(stage.pki), pki_issued(stage.pki, "localhost"));
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic",
                                          .url = url_of("mqtts", "localhost", hasty_port(hasty)),
                                          .pki = stage.pki,
                                          .devices = lamp });
        (void)state;
        daemon_start(daemon);
        hasty_wait(hasty, "sconce/attic/cellar/state");
        hasty_send(hasty, "sconce/attic/cellar/set", "ON");
        hasty_wait(hasty, "\"state\":\"ON\"");
        daemon_kill(daemon);
        daemon_free(daemon);
        hasty_free(hasty);
}

/* ---- Kinds of URL ------------------------------------------------------------------------------------------------ */

static void mqtts__captured__topic_is_not_on_the_wire(void **state)
{
        struct wire *wire = wire_relay("127.0.0.1", stage.broker->port.number);
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic",
                                          .url = url_of("mqtts", "localhost", wire_port(wire)),
                                          .pki = stage.pki,
                                          .devices = lamp });
        (void)state;
        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        switches(daemon, stage.tester);
        assert_int_equal(wire_connections(wire), 1);
        assert_false(wire_saw(wire, "sconce/attic"));
        assert_false(wire_saw(wire, "cellar"));
        assert_false(wire_saw(wire, "MQTT"));
        daemon_stop(daemon);
        daemon_free(daemon);
        wire_free(wire);
}

static void mqtt__captured__topic_is_readable_on_the_wire(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct wire *wire = wire_relay("127.0.0.1", broker->port.number);
        struct client *client = client_new(&(struct client_options){ .id = "plain", .port = broker->port.number });
        struct daemon *daemon = daemon_new(&(struct daemon_options){
                .name = "attic", .url = url_of("mqtt", "127.0.0.1", wire_port(wire)), .devices = lamp });
        (void)state;
        client_subscribe(client, "sconce/#");
        daemon_start(daemon);
        daemon_wait_online(daemon, client);
        switches(daemon, client);
        assert_true(wire_saw(wire, "sconce/attic/cellar/set"));
        assert_true(wire_saw(wire, "sconce/attic/cellar/state"));
        daemon_stop(daemon);
        daemon_free(daemon);
        client_free(client);
        broker_free(broker);
        wire_free(wire);
}

static void mqtt__version_3_1_1__works(void **state)
{
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = "attic",
                                          .broker = stage.broker,
                                          .pki = stage.pki,
                                          .broker_keys = "version = 3.1.1\nclient_id = node\n",
                                          .devices = lamp });
        (void)state;
        works(daemon);
        /* mosquitto 2.0's own number for it, and from 2.1 on MQTT's. */
        assert_true(process_logged(stage.broker->process, "as sconce-attic (p2,") ||
                    process_logged(stage.broker->process, "as sconce-attic (p4,"));
}

static void unix_socket__works(void **state)
{
        struct broker *broker = broker_new_plain("listener 0 DIR/socket\nallow_anonymous true\n");
        char path[512], url[600];

        (void)state;
        (void)snprintf(path, sizeof(path), "%s/socket", broker->dir);
        (void)snprintf(url, sizeof(url), "unix://%s", path);
        struct client *client = client_new(&(struct client_options){ .id = "local", .unix_socket = path });
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic", .url = url, .devices = lamp });
        client_subscribe(client, "sconce/#");
        daemon_start(daemon);
        daemon_wait_online(daemon, client);
        switches(daemon, client);
        daemon_stop(daemon);
        daemon_free(daemon);
        client_free(client);
        broker_free(broker);
}

/* ---- Envelope ---------------------------------------------------------------------------------------------------- */

static void envelope__wraps_json__and_its_checksum_is_right(void **state)
{
        struct daemon *daemon = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                     .broker = stage.broker,
                                                                     .pki = stage.pki,
                                                                     .broker_keys = "envelope = yes\n",
                                                                     .devices = lamp });
        char sum[65];

        (void)state;
        daemon_start(daemon);
        const struct message *m = client_wait_json(stage.tester, "sconce/attic/cellar/state", "content.state", "OFF");
        assert_string_equal(json_member(m, "header.node"), "attic");
        assert_string_equal(json_member(m, "header.device"), "cellar");
        assert_non_null(json_member(m, "header.seq"));
        assert_int_equal(strlen(json_member(m, "header.time")), 24);
        /* Over the bytes between "content": and ,"footer" as they were sent. */
        const char *content = strstr(m->payload, "\"content\":"), *footer = strstr(m->payload, ",\"footer\"");
        assert_non_null(content);
        assert_non_null(footer);
        content += strlen("\"content\":");
        sha256_hex(content, (size_t)(footer - content), sum);
        assert_string_equal(json_member(m, "footer.sha256"), sum);
        client_send(stage.tester, "sconce/attic/cellar/set", "ON");
        (void)client_wait_json(stage.tester, "sconce/attic/cellar/state", "content.state", "ON");
        client_wait_text(stage.tester, "sconce/attic/status", "online");
        daemon_stop(daemon);
        daemon_free(daemon);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(ipv6__refuses__ipv4_is_tried, stage_forget),
        STAGE_TEST(ipv6__never_answers__ipv4_is_tried, stage_forget),
        STAGE_TEST(resolver__never_answers__lamp_goes_off_and_stop_is_prompt, stage_forget),
        STAGE_TEST(name__unknown_at_first__is_asked_for_again, stage_forget),
        STAGE_TEST(first_broker__dead__second_is_used, stage_forget),
        STAGE_TEST(tls_broker__is_silent__is_given_up_and_tried_again, stage_forget),
        STAGE_TEST(plain_broker__is_silent__is_given_up_and_tried_again, stage_forget),
        STAGE_TEST(address__never_answers__is_given_up_and_reported, stage_forget),
        STAGE_TEST(network__goes_silent_in_session__is_noticed_by_the_keepalive, stage_forget),
        STAGE_TEST(connack__comes_with_the_handshake__node_is_up_and_answers, stage_forget),
        STAGE_TEST(mqtts__captured__topic_is_not_on_the_wire, stage_forget),
        STAGE_TEST(mqtt__captured__topic_is_readable_on_the_wire, stage_forget),
        STAGE_TEST(mqtt__version_3_1_1__works, stage_forget),
        STAGE_TEST(unix_socket__works, stage_forget),
        STAGE_TEST(envelope__wraps_json__and_its_checksum_is_right, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
