/* SPDX-License-Identifier: Apache-2.0 */
/* The lamp from outside the house: a broker at home, bridged to one outside by the very lines of docs/remote.md. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "system/stage.h"
#include "util/cleanup.h"

/* The block of docs/remote.md that begins with this line, changed by this sed script; kept. */
static const char *lines_of_the_docs(const char *first, const char *script)
{
        CLEANUP_FREE char *page = read_file(source_path("docs/remote.md"));
        const char *from = page ? strstr(page, first) : NULL;
        const char *end = from ? strstr(from, "```") : NULL;
        int status;

        assert_non_null(end);
        write_file(work_path("block"), "%.*s", (int)(end - from), from);
        struct process *sed = process_run((const char *const[]){ "sed", "-e", script, work_path("block"), NULL }, NULL,
                                          &status);
        assert_int_equal(status, 0);
        const char *lines = keep_text(strdup(sed->out.text));
        process_free(sed);
        return lines;
}

static unsigned free_port(void)
{
        struct port port = port_reserve();

        port_release(&port);
        return port.number;
}

/* stunnel as the page has it, with this machine's broker and files; gives the port that mosquitto's lines are for. */
static unsigned start_stunnel(unsigned outside_port)
{
        CLEANUP_FREE char *script = NULL;
        unsigned port = free_port();

        assert_true(asprintf(&script,
                             "s|broker.example.net:8883|localhost:%u|; s|18883|%u|; s|broker.example.net|localhost|; "
                             "/^setuid/d; "
                             "/^setgid/d; s|/etc/stunnel/sconce/ca.crt|%s|; s|/etc/stunnel/sconce/|%s/issued/|",
                             outside_port, port, pki_file(stage.pki, "ca.crt"), stage.pki) > 0);
        const char *conf = work_path("stunnel-%u.conf", port);
        write_file(conf, "%s", lines_of_the_docs("# /etc/stunnel/sconce-bridge.conf", script));
        (void)process_wait_log(process_start((const char *const[]){ "stunnel", conf, NULL }, NULL),
                               "Configuration successful", SOON_MS);
        return port;
}

static const char *bridge_lines(unsigned stunnel_port)
{
        CLEANUP_FREE char *script = NULL;

        assert_true(asprintf(&script, "s|18883|%u|", stunnel_port) > 0);
        return lines_of_the_docs("# /etc/mosquitto/conf.d/sconce-bridge.conf", script);
}

static void bridge__lines_of_the_docs__carry_command_state_and_result(void **state)
{
        CLEANUP_FREE char *extra = NULL;

        (void)state;
        assert_true(asprintf(&extra, BROKER_OPEN "%s", bridge_lines(start_stunnel(stage.broker->port.number))) > 0);
        struct broker *home = broker_new_plain(extra);
        CLEANUP_FREE char *url = NULL;
        assert_true(asprintf(&url, "mqtt://127.0.0.1:%u", home->port.number) > 0);
        struct daemon *hall = daemon_new(&(struct daemon_options){
                .name = "hall", .url = url, .broker = home, .devices = "[lamp kitchen]\nline = GPIO17\n" });
        daemon_start(hall);
        daemon_wait_online(hall, stage.tester);
        client_send(stage.tester, "sconce/hall/kitchen/set", "{\"state\":\"ON\",\"id\":\"outside\"}");
        chip_wait(hall->lines, KITCHEN, 1);
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "ON");
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/result", "id", "outside");
        daemon_stop(hall);
        daemon_free(hall);
}

/* The line is cut by stopping the broker outside, which keeps what is retained in a file. */
static void cut(struct broker *outside)
{
        process_signal(outside->process, SIGTERM);
        (void)process_wait(outside->process, SOON_MS);
}

static struct client *outside_client(const struct broker *outside, const char *id)
{
        return client_new(&(struct client_options){ .id = id,
                                                    .port = outside->port.number,
                                                    .ca = pki_ca(stage.pki),
                                                    .cert = pki_issued(stage.pki, "tester") });
}

static void bridge__device_removed_while_the_line_is_cut__is_gone_outside_when_it_is_back(void **state)
{
        CLEANUP_FREE char *kept = NULL, *extra = NULL, *url = NULL;

        (void)state;
        const char *dir = work_path("outside");
        make_dir(dir);
        assert_true(asprintf(&kept, "persistence true\npersistence_location %s/\n", dir) > 0);
        struct broker *outside = broker_new(&(struct broker_options){ .pki = stage.pki, .extra = kept });
        assert_true(asprintf(&extra, BROKER_OPEN "%srestart_timeout 1\n",
                             bridge_lines(start_stunnel(outside->port.number))) > 0);
        struct broker *home = broker_new_plain(extra);
        assert_true(asprintf(&url, "mqtt://127.0.0.1:%u", home->port.number) > 0);
        struct daemon *hall = daemon_new(
                &(struct daemon_options){ .name = "hall",
                                          .url = url,
                                          .broker = home,
                                          .devices = "[lamp kitchen]\nline = GPIO17\n[lamp porch]\nline = GPIO27\n" });
        struct client *before = outside_client(outside, "before"),
                      *at_home = client_new(&(struct client_options){ .id = "home", .port = home->port.number });
        client_subscribe(before, "sconce/#");
        client_subscribe(at_home, "sconce/#");
        daemon_start(hall);
        (void)client_wait_json(before, "sconce/hall/porch/state", "state", "OFF");
        cut(outside);
        client_free(before);
        daemon_write_config(hall, "[lamp kitchen]\nline = GPIO17\n");
        process_signal(hall->process, SIGHUP);
        (void)client_wait_text(at_home, "sconce/hall/porch/state", "");
        broker_start(outside);
        struct client *after = outside_client(outside, "after");
        client_subscribe(after, "sconce/#");
        (void)client_wait_text(after, "sconce/hall/porch/state", "");
        client_forget(after);
        /* Nobody who comes later is shown it. */
        struct client *later = outside_client(outside, "later");
        client_subscribe(later, "sconce/#");
        (void)client_wait(later, "sconce/hall/kitchen/state", NULL, NULL);
        assert_int_equal(client_count(later, "sconce/hall/porch/state"), 0);
        daemon_stop(hall);
        daemon_free(hall);
        client_free(later);
        client_free(after);
        client_free(at_home);
        broker_free(home);
        broker_free(outside);
}

static bool has_come_again(void *userdata)
{
        return wire_connections(userdata) >= 4;
}

/* As a proxy does whose broker is down. */
static void bridge__far_side_accepts_and_closes__house_goes_on(void **state)
{
        CLEANUP_FREE char *extra = NULL;
        struct wire *far_side = wire_relay("127.0.0.1", free_port());

        (void)state;
        assert_true(asprintf(&extra, BROKER_OPEN "%srestart_timeout 1\n",
                             bridge_lines(start_stunnel(wire_port(far_side)))) > 0);
        struct broker *home = broker_new_plain(extra);
        /* With TLS in the bridge mosquitto 2.0.11 stands still after the third. It takes its time between them. */
        if (!pump_until(has_come_again, far_side, 4 * SOON_MS))
                give_up("the bridge tried %u times", wire_connections(far_side));
        struct client *client = client_new(&(struct client_options){ .id = "home", .port = home->port.number });
        client_subscribe(client, "sconce/#");
        client_send(client, "sconce/hall/kitchen/set", "ON");
        (void)client_wait_text(client, "sconce/hall/kitchen/set", "ON");
        client_free(client);
        broker_free(home);
        wire_free(far_side);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(bridge__lines_of_the_docs__carry_command_state_and_result, NULL),
        STAGE_TEST(bridge__device_removed_while_the_line_is_cut__is_gone_outside_when_it_is_back, NULL),
        STAGE_TEST(bridge__far_side_accepts_and_closes__house_goes_on, NULL),
};

STAGE_MAIN(tests, stage_open_bare)
