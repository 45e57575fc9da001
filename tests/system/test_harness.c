/* SPDX-License-Identifier: Apache-2.0 */
/* The harness against mosquitto alone: what the other system tests stand on. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/broker.h"
#include "system/client.h"
#include "system/wire.h"
#include "system/workdir.h"

static int setup(void **state)
{
        (void)state;
        workdir_make();
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        client_free_all();
        wire_free_all();
        process_free_all();
        workdir_remove();
        return 0;
}

static void broker__killed_and_started__keeps_its_port(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);

        (void)state;
        for (int i = 0; i < 3; i++) {
                struct client *client = client_new(&(struct client_options){ .id = "a", .port = broker->port.number });
                client_subscribe(client, "t/#");
                client_send(client, "t/x", "{\"a\":{\"b\":21.5}}");
                const struct message *m = client_wait_json(client, "t/x", "a.b", "21.5");
                assert_int_equal(m->qos, 1);
                client_free(client);
                broker_start(broker);
        }
        broker_free(broker);
}

static void process_run__fails__gives_status_and_output(void **state)
{
        int status;

        (void)state;
        struct process *p = process_run((const char *const[]){ "sh", "-c", "echo out; echo err >&2; exit 7", NULL },
                                        NULL, &status);
        assert_int_equal(status, 7);
        assert_string_equal(p->out.text, "out\n");
        assert_string_equal(p->err.text, "err\n");
        process_free(p);
}

static void process_wait__killed__is_128_and_the_signal(void **state)
{
        struct process *p = process_start((const char *const[]){ "cat", "/dev/stderr", NULL }, NULL);

        (void)state;
        process_signal(p, SIGKILL);
        assert_int_equal(process_wait(p, SOON_MS), 128 + SIGKILL);
        process_free(p);
}

static void wire_relay__plain_mqtt__topic_is_on_the_wire(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        struct wire *wire = wire_relay("127.0.0.1", broker->port.number);
        struct client *client = client_new(&(struct client_options){ .id = "a", .port = wire_port(wire) });

        (void)state;
        client_subscribe(client, "some/topic");
        client_send(client, "some/topic", "payload");
        (void)client_wait_text(client, "some/topic", "payload");
        assert_true(wire_saw(wire, "some/topic"));
        assert_false(wire_saw(wire, "other/topic"));
        client_free(client);
        broker_free(broker);
}

static void wire_wait_sni__openssl_client__finds_the_name(void **state)
{
        struct wire *wire = wire_silent("127.0.0.1");
        char target[32];

        (void)state;
        (void)snprintf(target, sizeof(target), "127.0.0.1:%u", wire_port(wire));
        const char *const argv[] = { "openssl", "s_client", "-connect", target, "-servername", "broker.lan", NULL };
        struct process *p = process_start(argv, NULL);
        assert_string_equal(wire_wait_sni(wire), "broker.lan");
        process_free(p);
}

static void wire_black_hole__connect__is_not_answered(void **state)
{
        struct wire *wire = wire_black_hole("127.0.0.1", 0);
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)wire_port(wire)),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

        (void)state;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fd, (struct sockaddr *)&address, sizeof(address));
        struct pollfd pollfd = { .fd = fd, .events = POLLOUT };
        assert_int_equal(poll(&pollfd, 1, 300), 0);
        (void)close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(broker__killed_and_started__keeps_its_port),
                cmocka_unit_test(process_run__fails__gives_status_and_output),
                cmocka_unit_test(process_wait__killed__is_128_and_the_signal),
                cmocka_unit_test(wire_relay__plain_mqtt__topic_is_on_the_wire),
                cmocka_unit_test(wire_wait_sni__openssl_client__finds_the_name),
                cmocka_unit_test(wire_black_hole__connect__is_not_answered),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
