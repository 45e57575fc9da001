/* SPDX-License-Identifier: Apache-2.0 */
/* The lamp from outside the house: a broker at home, bridged to one outside by the very lines of docs/remote.md. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "system/stage.h"
#include "util/cleanup.h"

#define BLOCK "# /etc/mosquitto/conf.d/sconce-bridge.conf"

/* The block of docs/remote.md, with this machine's broker and files in it. */
static const char *bridge_lines(unsigned outside_port)
{
        CLEANUP_FREE char *page = read_file(source_path("docs/remote.md"));
        const char *from = page ? strstr(page, BLOCK) : NULL;
        const char *end = from ? strstr(from, "```") : NULL;

        assert_non_null(end);
        const char *raw = work_path("bridge.in"), *out = work_path("bridge.conf");
        write_file(raw, "%.*s", (int)(end - from), from);
        CLEANUP_FREE char *command = NULL;
        assert_true(asprintf(&command,
                             "sed -e 's|broker.example.net:8883|localhost:%u|' -e 's|/etc/mosquitto/certs/ca.crt|%s|' "
                             "-e 's|/etc/mosquitto/certs/|%s/issued/|' %s > %s",
                             outside_port, pki_file(stage.pki, "ca.crt"), stage.pki, raw, out) > 0);
        assert_int_equal(system(command), 0);
        return keep_text(read_file(out));
}

static void bridge__lines_of_the_docs__carry_command_state_and_result(void **state)
{
        CLEANUP_FREE char *extra = NULL;

        (void)state;
        assert_true(asprintf(&extra, BROKER_OPEN "%s", bridge_lines(stage.broker->port.number)) > 0);
        struct broker *home = broker_new_plain(extra);
        CLEANUP_FREE char *url = NULL;
        assert_true(asprintf(&url, "mqtt://127.0.0.1:%u", home->port.number) > 0);
        struct daemon *hall = daemon_new(&(struct daemon_options){
                .name = "hall", .url = url, .broker = home, .devices = "[lamp kitchen]\nline = GPIO17\n" });
        daemon_start(hall);
        daemon_wait_online(hall, stage.tester);
        client_say(stage.tester, "sconce/hall/kitchen/set", "{\"state\":\"ON\",\"id\":\"outside\"}");
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
        assert_true(asprintf(&extra, BROKER_OPEN "%srestart_timeout 1\n", bridge_lines(outside->port.number)) > 0);
        struct broker *home = broker_new_plain(extra);
        assert_true(asprintf(&url, "mqtt://127.0.0.1:%u", home->port.number) > 0);
        struct daemon *hall = daemon_new(&(struct daemon_options){
                .name = "hall", .url = url, .broker = home,
                .devices = "[lamp kitchen]\nline = GPIO17\n[lamp porch]\nline = GPIO27\n" });
        struct client *before = outside_client(outside, "before"), *at_home = client_new(&(struct client_options){
                                                                            .id = "home", .port = home->port.number });
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

static const struct CMUnitTest tests[] = {
        STAGE_TEST(bridge__lines_of_the_docs__carry_command_state_and_result, NULL),
        STAGE_TEST(bridge__device_removed_while_the_line_is_cut__is_gone_outside_when_it_is_back, NULL),
};

STAGE_MAIN(tests, stage_open_bare)
