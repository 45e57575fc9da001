/* SPDX-License-Identifier: Apache-2.0 */
/* The harness against mosquitto alone: what the other system tests stand on. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "system/broker.h"
#include "system/client.h"
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
                client_say(client, "t/x", "{\"a\":{\"b\":21.5}}");
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
        struct process *p = process_run((const char *const[]){ "sh", "-c", "echo out; echo err >&2; exit 7", NULL }, NULL, &status);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(broker__killed_and_started__keeps_its_port),
                cmocka_unit_test(process_run__fails__gives_status_and_output),
                cmocka_unit_test(process_wait__killed__is_128_and_the_signal),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
