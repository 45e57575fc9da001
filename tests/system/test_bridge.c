/* SPDX-License-Identifier: Apache-2.0 */
/* The lamp from outside the house: a broker at home, bridged to one outside by the very lines of docs/remote.md. */
#include <stdlib.h>
#include <string.h>

#include "system/stage.h"
#include "util/cleanup.h"

#define BLOCK "# /etc/mosquitto/conf.d/sconce-bridge.conf"

/* The block of docs/remote.md, with this machine's broker and files in it. */
static const char *bridge_lines(void)
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
                             stage.broker->port.number, pki_file(stage.pki, "ca.crt"), stage.pki, raw, out) > 0);
        assert_int_equal(system(command), 0);
        return keep_text(read_file(out));
}

static void bridge__lines_of_the_docs__carry_command_state_and_result(void **state)
{
        CLEANUP_FREE char *extra = NULL;

        (void)state;
        assert_true(asprintf(&extra, BROKER_OPEN "%s", bridge_lines()) > 0);
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

static const struct CMUnitTest tests[] = {
        STAGE_TEST(bridge__lines_of_the_docs__carry_command_state_and_result, NULL),
};

STAGE_MAIN(tests, stage_open_bare)
