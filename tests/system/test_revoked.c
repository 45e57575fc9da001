/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A revoked name can do nothing: not on the listener for MQTT, not on the one for browsers, not at the door for codes, and not when
 * its name is in force again. A real mosquitto from the three shipped files, the real signer. What is revoked speaks first each
 * time; then somebody in force does, and that alone comes.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/joining.h"
#include "system/pki.h"
#include "system/web.h"
#include "util/cleanup.h"

enum { NOT_AUTHORISED = 135 };

#define LAMP "sconce/hall/lamp/set"
#define DOOR "sconce/hall/door/state"

static struct port browsers;
static struct client *hall;

static struct client *connect_with(const char *id, const char *base)
{
        return client_new(&(struct client_options){ .id = id,
                                                    .port = stage.broker->port.number,
                                                    .ca = pki_ca(stage.pki),
                                                    .cert = base,
                                                    .refused_is_fine = true });
}

static struct web_socket *socket_with(const char *base)
{
        return web_socket_new(&(struct web_options){ .port = browsers.number, .pki = stage.pki, .base = base });
}

static void hall_joins(void)
{
        hall = connect_with("hall", pki_issued(stage.pki, "hall"));
        assert_true(client_connected(hall));
        client_subscribe(hall, LAMP);
}

static void start_signer(void)
{
        process_free(joining.signer);
        joining_start_signer(stage.broker);
        (void)process_wait_log(joining.signer, "connected to", SOON_MS);
}

/* As `sconce-pki` has systemd do where there are browsers. */
static void restart_broker(void)
{
        broker_start(stage.broker);
        stage_rejoin();
        client_free(hall);
        hall_joins();
}

static int open_all(void **state)
{
        (void)state;
        workdir_make();
        joining.door = port_reserve();
        browsers = port_reserve();
        stage.pki = pki_make("pki");
        PKI_RUN(stage.pki, "client", "tester");
        PKI_RUN(stage.pki, "node", "hall");
        stage.broker = broker_new(
                &(struct broker_options){ .pki = stage.pki,
                                          .join_port = joining.door.number,
                                          .web_port = browsers.number,
                                          .extra = format_text("pid_file %s/broker.pid\n", stage.pki) });
        stage_rejoin();
        return 0;
}

static int begin(void **state)
{
        (void)state;
        hall = NULL; /* the one of before went with its test */
        restart_broker();
        return 0;
}

/* The broker has read its lists on return. */
static void tell_broker(const char *command, const char *name)
{
        struct process *broker = stage.broker->process;

        pump_once(0);
        broker->err.cursor = broker->err.size;
        PKI_RUN(stage.pki, command, name);
        (void)process_wait_log(broker, "Reloading config", SOON_MS);
}

/* A certificate with its key, as whoever has stolen it keeps them. */
static const char *copy_pair(const char *name, const char *as)
{
        static const char *const ends[] = { "crt", "key" };

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                CLEANUP_FREE char *text = read_file(format_text("%s.%s", pki_issued(stage.pki, name), ends[i]));
                assert_non_null(text);
                write_file(work_path("%s.%s", as, ends[i]), "%s", text);
        }
        return work_path("%s", as);
}

static int reason(struct client *client, const char *topic, const char *payload)
{
        return client_publish_acked(client, &(struct request){ .topic = topic, .payload = payload });
}

/* ---- Who may, and who may not ------------------------------------------------------------------------------------ */

/* A reading that everybody in force hears. */
static void publish_reading(void)
{
        static unsigned n;
        const char *payload = format_text("reading %u", ++n);

        assert_int_not_equal(reason(hall, DOOR, payload), NOT_AUTHORISED);
        (void)client_wait_text(stage.tester, DOOR, payload);
}

/* What was sent before it would have come before it; only this comes. */
static void assert_lamp_hears_only(const char *wanted)
{
        assert_int_not_equal(reason(stage.tester, LAMP, wanted), NOT_AUTHORISED);
        (void)client_wait_text(hall, LAMP, wanted);
        assert_int_equal(client_count(hall, LAMP), 1);
        client_forget(hall);
}

static void assert_has_rights(struct client *client, struct web_socket *socket)
{
        client_forget(hall);
        assert_int_not_equal(reason(client, LAMP, "by client"), NOT_AUTHORISED);
        (void)client_wait_text(hall, LAMP, "by client");
        assert_true(web_socket_publish(socket, LAMP, "by browser") < NOT_AUTHORISED);
        (void)client_wait_text(hall, LAMP, "by browser");
        client_subscribe(client, "sconce/+/#");
        web_socket_subscribe(socket, "sconce/+/#");
        publish_reading();
        (void)client_wait(client, DOOR, NULL, NULL);
        assert_true(web_socket_was_sent(socket, DOOR));
        client_forget(client);
        client_forget(hall);
}

static void assert_client_is_powerless(struct client *client)
{
        client_subscribe(client, "sconce/+/#");
        client_subscribe(client, "#");
        client_forget(client);
        publish_reading();
        assert_int_equal(reason(client, LAMP, "by revoked"), NOT_AUTHORISED);
        assert_int_equal(reason(client, "sconce/hall/status", "by revoked"), NOT_AUTHORISED);
        assert_int_equal(reason(client, "sconce-pki/lost/request", "by revoked"), NOT_AUTHORISED);
        assert_int_equal(client_count(client, "#"), 0);
        assert_lamp_hears_only("after client");
}

static void assert_socket_is_powerless(struct web_socket *socket)
{
        web_socket_subscribe(socket, "sconce/+/#");
        web_socket_subscribe(socket, "#");
        publish_reading();
        assert_false(web_socket_was_sent(socket, DOOR));
        assert_int_equal(web_socket_publish(socket, LAMP, "by revoked"), NOT_AUTHORISED);
        assert_int_equal(web_socket_publish(socket, "sconce/hall/status", "by revoked"), NOT_AUTHORISED);
        assert_int_equal(web_socket_publish(socket, "sconce-pki/lost/request", "by revoked"), NOT_AUTHORISED);
        assert_lamp_hears_only("after browser");
}

/* By MQTT not let in. For browsers mosquitto 2.0 lets it in once it has started again, and there is nothing that it may. */
static void assert_certificate_is_useless(const char *base)
{
        struct client *client = connect_with("lost", base);
        struct web_socket *socket = socket_with(base);

        assert_false(client_connected(client));
        (void)process_wait_log(stage.broker->process, "certificate verify failed", SOON_MS);
        client_free(client);
        if (socket)
                assert_socket_is_powerless(socket);
        web_socket_free(socket);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

static void revoke__open_and_new_connections__nothing_comes_and_nothing_arrives(void **state)
{
        (void)state;
        PKI_RUN(stage.pki, "client", "lost");
        restart_broker();
        const char *first = copy_pair("lost", "first");
        struct client *client = connect_with("lost", first);
        struct web_socket *socket = socket_with(first);
        assert_true(client_connected(client));
        assert_non_null(socket);
        assert_has_rights(client, socket);

        tell_broker("revoke", "lost");
        assert_client_is_powerless(client);
        assert_socket_is_powerless(socket);
        web_socket_free(socket);
        client_free(client);

        restart_broker();
        assert_certificate_is_useless(first);
}

static void revoke__name_invited_again__works_and_the_old_certificate_gains_nothing(void **state)
{
        static const char *const identities[] = { "again", "again.2", "again.3" };
        const char *old[ARRAY_SIZE(identities)];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
                const char *code = joining_invite("again", "--client", NULL), *home = joining_place();
                restart_broker();
                start_signer();
                struct run run = joining_person(home, WORDS("join", code));
                if (run.status != 0)
                        give_up("join: %s", run.err);
                old[i] = format_text("%s/sconce/client", home);
                X509 *cert = cert_load(format_text("%s.crt", old[i]));
                assert_string_equal(cert_subject(cert), format_text("/CN=%s", identities[i]));
                X509_free(cert);

                struct client *client = connect_with("again", old[i]);
                struct web_socket *socket = socket_with(old[i]);
                assert_true(client_connected(client));
                assert_non_null(socket);
                assert_has_rights(client, socket);
                for (size_t j = 0; j < i; j++)
                        assert_certificate_is_useless(old[j]);
                web_socket_free(socket);
                client_free(client);
                tell_broker("revoke", "again");
        }
}

static struct process *attic_joins(const char *base)
{
        struct process *attic = process_start(
                WORDS("mosquitto_sub", "-h", "localhost", "-p", format_text("%u", stage.broker->port.number), "-i",
                      "attic", "--cafile", pki_file(stage.pki, "ca.crt"), "--cert", format_text("%s.crt", base),
                      "--key", format_text("%s.key", base), "-t", "sconce/attic/+/set", "--will-topic",
                      "sconce/attic/status", "--will-payload", "offline"),
                &(struct process_options){ .name = "attic" });

        (void)process_wait_log(stage.broker->process, "Sending SUBACK to attic", SOON_MS);
        return attic;
}

/* The broker itself speaks for a node whose connection breaks. */
static void revoke__of_a_connected_node__not_even_its_will_comes(void **state)
{
        (void)state;
        PKI_RUN(stage.pki, "node", "attic");
        restart_broker();
        const char *base = copy_pair("attic", "attic");
        process_free(attic_joins(base));
        (void)client_wait_text(stage.tester, "sconce/attic/status", "offline");
        client_forget(stage.tester);

        struct process *attic = attic_joins(base);
        tell_broker("revoke", "attic");
        process_free(attic);
        (void)process_wait_log(stage.broker->process, "Client attic ", SOON_MS);
        publish_reading();
        assert_int_equal(client_count(stage.tester, "sconce/attic/#"), 0);
}

static void revoke__before_the_code_is_used__opens_no_door(void **state)
{
        const char *code = joining_invite("guest", "--client", NULL), *home = joining_place();

        (void)state;
        start_signer();
        tell_broker("revoke", "guest");
        struct run run = joining_person(home, WORDS("join", code));
        assert_int_equal(run.status, 1);
        assert_int_equal(access(format_text("%s/sconce/client.crt", home), F_OK), -1);
        code = joining_invite("guest", "--client", NULL);
        assert_int_equal(joining_person(home, WORDS("join", code)).status, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, joining_finish)

static const struct CMUnitTest tests[] = {
        TEST(revoke__open_and_new_connections__nothing_comes_and_nothing_arrives),
        TEST(revoke__name_invited_again__works_and_the_old_certificate_gains_nothing),
        TEST(revoke__of_a_connected_node__not_even_its_will_comes),
        TEST(revoke__before_the_code_is_used__opens_no_door),
};

STAGE_MAIN(tests, open_all)
