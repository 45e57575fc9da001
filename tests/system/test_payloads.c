/* SPDX-License-Identifier: Apache-2.0 */
/* Bad payloads of every kind: each is refused with its code, and the next good command is carried out. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"

#define BYTES(text) (text), sizeof(text) - 1

static const struct refused {
        const char *what, *topic; /* below sconce/hall/ */
        const char *payload;
        size_t size;
        const char *code;
} refused[] = {
        { "an open brace", "kitchen/set", BYTES("{"), "malformed" },
        { "a key without quotes", "kitchen/set", BYTES("{state:\"ON\"}"), "malformed" },
        { "something after the JSON", "kitchen/set", BYTES("{\"state\":\"ON\"} x"), "malformed" },
        { "a key twice", "kitchen/set", BYTES("{\"state\":\"ON\",\"state\":\"OFF\"}"), "malformed" },
        { "a NUL in a plain word", "kitchen/set", BYTES("O\0N"), "malformed" },
        { "a NUL at the end", "kitchen/set", BYTES("ON\0"), "malformed" },
        { "a NUL in JSON", "kitchen/set", BYTES("{\"state\":\"O\0N\"}"), "malformed" },
        { "an escaped NUL in JSON", "kitchen/set", BYTES("{\"state\":\"ON\\u0000\"}"), "malformed" },
        { "UTF-8 cut short", "kitchen/set", BYTES("ON\xc3"), "malformed" },
        { "invalid UTF-8 in JSON", "kitchen/set", BYTES("{\"state\":\"\xff\xfe\"}"), "malformed" },
        { "a word nobody knows", "kitchen/set", BYTES("PERHAPS"), "malformed" },
        { "a number for an on/off lamp", "kitchen/set", BYTES("42"), "type" },
        { "a number for the state", "kitchen/set", BYTES("{\"state\":5}"), "type" },
        { "a list for the state", "kitchen/set", BYTES("{\"state\":[\"ON\"]}"), "type" },
        { "null for the state", "kitchen/set", BYTES("{\"state\":null}"), "type" },
        { "an unknown key", "kitchen/set", BYTES("{\"state\":\"ON\",\"colour\":1}"), "unknown_key" },
        { "an unknown channel", "kitchen/set/colour", BYTES("ON"), "unknown_channel" },
        { "an unknown device", "cellar/set", BYTES("ON"), "unknown_device" },
        { "a sensor", "door/set", BYTES("ON"), "read_only" },
        { "a sensor's channel", "door/set/state", BYTES("ON"), "read_only" },
        { "a sensor in JSON", "door/set", BYTES("{\"state\":\"ON\"}"), "read_only" },
        { "a number beyond double", "kitchen/set", BYTES("{\"state\":\"ON\",\"for\":1e999}"), "malformed" },
        { "a button with another word", "node/set/reload", BYTES("ON"), "type" },
};

/* On a fast machine these are more commands in a second than a device takes. */
static int open_stage(void **state)
{
        (void)stage_open_bare(state);
        stage.hall = stage_daemon(
                "hall", format_text("[lamp kitchen]\nrate = 100000\n%s", stage_devices + strlen("[lamp kitchen]\n")));
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        (void)client_wait(stage.tester, "sconce/hall/door/state", NULL, NULL);
        return 0;
}

static int settle(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static void still_obeys(void)
{
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
}

static void send_refused(const char *below, const void *payload, size_t size, const char *code)
{
        char topic[128], device[64];

        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s", below);
        (void)snprintf(device, sizeof(device), "%.*s", (int)strcspn(below, "/"), below);
        client_publish(stage.tester, &(struct request){ .topic = topic, .payload = payload, .size = size });
        stage_wait_result(device, NULL, code);
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
}

static void bad_payload__each_kind__is_refused_with_its_code(void **state)
{
        const struct refused *row = *state;

        send_refused(row->topic, row->payload, row->size, row->code);
        still_obeys();
}

static void json__nested_deeply__is_refused(void **state)
{
        char payload[4096] = "{\"state\":";
        size_t at = strlen(payload);

        (void)state;
        memset(payload + at, '[', 500);
        memset(payload + at + 500, ']', 500);
        memcpy(payload + at + 1000, "}", 2);
        send_refused("kitchen/set", payload, strlen(payload), "depth");
        still_obeys();
}

static void json__above_max_payload__is_refused(void **state)
{
        enum { SIZE = 100000 };
        char *payload = malloc(SIZE);

        (void)state;
        memset(payload, ' ', SIZE);
        memcpy(payload, "{\"state\":\"ON\"}", 14);
        send_refused("kitchen/set", payload, SIZE, "too_large");
        free(payload);
        still_obeys();
}

/* A broker that knows our limit does not even send it; either way nothing switches and the session stays. */
static void payload__of_1_mib__does_no_harm(void **state)
{
        enum { SIZE = 1 << 20 };
        char *payload = malloc(SIZE);

        (void)state;
        memset(payload, '[', SIZE);
        client_publish(stage.tester,
                       &(struct request){ .topic = "sconce/hall/kitchen/set", .payload = payload, .size = SIZE });
        free(payload);
        still_obeys();
        stage_settle();
        assert_int_equal(client_count(stage.tester, "sconce/hall/status"), 0);
}

static void payload__empty__is_ignored(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/set", "");
        client_send(stage.tester, "sconce/hall/kitchen/set", " \r\n");
        stage_settle();
        assert_int_equal(client_count(stage.tester, "sconce/hall/kitchen/result"), 0);
        still_obeys();
}

static bool has_last_id(const struct message *message, const void *userdata)
{
        return strcmp(json_member(message, "id"), userdata) == 0;
}

/* What comes with it is read ahead of it: nothing of that may wait for the broker to send more. Each is answered with a state
 * and a result, and of more than 256 unacknowledged ones results are dropped. */
static void payloads__many_in_one_piece__are_all_answered(void **state)
{
        enum { COMMANDS = 100 };

        (void)state;
        process_signal(stage.hall->process, SIGSTOP);
        for (int i = 1; i <= COMMANDS; i++)
                client_send(stage.tester, "sconce/hall/kitchen/set",
                            format_text("{\"state\":\"%s\",\"id\":\"%d%*s\"}", i % 2 ? "ON" : "OFF", i, i % 40, ""));
        process_signal(stage.hall->process, SIGCONT);
        (void)client_wait(stage.tester, "sconce/hall/kitchen/result", has_last_id, format_text("%d%20s", COMMANDS, ""));
        assert_int_equal(client_count(stage.tester, "sconce/hall/kitchen/result"), COMMANDS);
}

int main(void)
{
        static struct CMUnitTest tests[ARRAY_SIZE(refused) + 5];
        static char names[ARRAY_SIZE(refused)][96];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                (void)snprintf(names[i], sizeof(names[i]), "payload__%s__is_%s", refused[i].what, refused[i].code);
                for (char *c = names[i]; *c; c++)
                        *c = *c == ' ' || *c == '/' ? '_' : *c;
                tests[n++] = (struct CMUnitTest){ .name = names[i],
                                                  .test_func = bad_payload__each_kind__is_refused_with_its_code,
                                                  .setup_func = settle,
                                                  .teardown_func = stage_tidy,
                                                  .initial_state = (void *)(uintptr_t)&refused[i] };
        }
        tests[n++] = (struct CMUnitTest)STAGE_TEST(json__nested_deeply__is_refused, settle);
        tests[n++] = (struct CMUnitTest)STAGE_TEST(json__above_max_payload__is_refused, settle);
        tests[n++] = (struct CMUnitTest)STAGE_TEST(payload__of_1_mib__does_no_harm, settle);
        tests[n++] = (struct CMUnitTest)STAGE_TEST(payload__empty__is_ignored, settle);
        tests[n++] = (struct CMUnitTest)STAGE_TEST(payloads__many_in_one_piece__are_all_answered, settle);
        return stage_run(tests, ARRAY_SIZE(tests), open_stage);
}
