/* SPDX-License-Identifier: Apache-2.0 */
#include "system/stage.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/mailbox.h"

struct stage stage;

const char stage_devices[] = "[lamp kitchen]\nname = Kitchen ceiling\narea = Kitchen\nline = GPIO17\n"
                             "[lamp porch]\nline = GPIO27\nactive_low = yes\n"
                             "[switch pump]\nline = GPIO22\n"
                             "[contact door]\nline = GPIO4\nbias = pull-down\n";

struct client *stage_client(const char *name, const char *id)
{
        return client_new(&(struct client_options){ .id = id,
                                                    .port = stage.broker->port.number,
                                                    .ca = pki_ca(stage.pki),
                                                    .cert = pki_issued(stage.pki, name) });
}

void stage_rejoin(void)
{
        client_free(stage.tester);
        stage.tester = stage_client("tester", "tester");
        client_subscribe(stage.tester, "sconce/#");
}

struct daemon *stage_daemon(const char *name, const char *devices)
{
        return daemon_new(
                &(struct daemon_options){ .name = name, .broker = stage.broker, .pki = stage.pki, .devices = devices });
}

int stage_open_bare(void **state)
{
        (void)state;
        workdir_make();
        stage.pki = pki_of_stage();
        stage.broker = broker_new(&(struct broker_options){ .pki = stage.pki });
        stage_rejoin();
        return 0;
}

int stage_open(void **state)
{
        (void)stage_open_bare(state);
        stage.hall = stage_daemon("hall", stage_devices);
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        /* Settled: its first state has no value yet, and the next must not come in a test. */
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        return 0;
}

int stage_forget(void **state)
{
        (void)state;
        client_forget(stage.tester);
        return 0;
}

int stage_tidy(void **state)
{
        (void)state;
        client_free_all_but(stage.tester);
        daemon_free_all_but(stage.hall);
        broker_free_all_but(stage.broker);
        wire_free_all();
        return 0;
}

int stage_close(void **state)
{
        (void)state;
        client_free_all();
        daemon_free_all_but(NULL);
        broker_free_all_but(NULL);
        wire_free_all();
        mailbox_free_all();
        process_free_all();
        workdir_remove();
        memset(&stage, 0, sizeof(stage));
        return 0;
}

struct expected {
        const char *id, *code;
};

static bool is_expected(const struct message *message, const void *userdata)
{
        const struct expected *expected = userdata;
        const char *id = json_member(message, "id"), *code = json_member(message, "code");
        const char *ok = json_member(message, "ok");

        if (expected->id && (!id || strcmp(id, expected->id) != 0))
                return false;
        if (!expected->code)
                return ok && strcmp(ok, "true") == 0 && !code;
        return ok && strcmp(ok, "false") == 0 && code && strcmp(code, expected->code) == 0 &&
               json_member(message, "message");
}

static void wait_result(const char *node, const char *device, const struct expected *expected)
{
        char topic[256];

        (void)snprintf(topic, sizeof(topic), "sconce/%s/%s/result", node, device);
        (void)client_wait(stage.tester, topic, is_expected, expected);
}

void stage_wait_result(const char *device, const char *id, const char *code)
{
        wait_result("hall", device, &(struct expected){ id, code });
}

void stage_settle_node(const char *node)
{
        static unsigned n;
        char topic[256], payload[64], id[32];

        /* A command that has an id is always answered, and messages of one client stay in order. */
        (void)snprintf(id, sizeof(id), "settle-%u", n++);
        (void)snprintf(topic, sizeof(topic), "sconce/%s/pump/set", node);
        (void)snprintf(payload, sizeof(payload), "{\"state\":\"OFF\",\"id\":\"%s\"}", id);
        client_send(stage.tester, topic, payload);
        wait_result(node, "pump", &(struct expected){ .id = id });
}

void stage_settle(void)
{
        stage_settle_node("hall");
}

/* From a file of lines "PATTERN REASON". NULL: it is to run. */
static const char *left_out(const char *name)
{
        const char *path = getenv("SCONCE_TEST_LEFT_OUT"), *reason = NULL;
        FILE *file = path ? fopen(path, "re") : NULL;
        char line[512], pattern[256];
        int at = 0;

        while (file && !reason && fgets(line, sizeof(line), file))
                if (sscanf(line, "%255s %n", pattern, &at) == 1 && fnmatch(pattern, name, 0) == 0)
                        reason = format_text("%.*s", (int)strcspn(line + at, "\n"), line + at);
        if (file)
                (void)fclose(file);
        return reason;
}

static void is_left_out(void **state)
{
        (void)fprintf(stderr, "skipped: %s\n", left_out(*state));
        skip();
}

static struct CMUnitTest test_or_reason(const struct CMUnitTest *test)
{
        if (!left_out(test->name))
                return *test;
        return (struct CMUnitTest){ .name = test->name,
                                    .test_func = is_left_out,
                                    .initial_state = (void *)(uintptr_t)test->name };
}

int stage_run(const struct CMUnitTest *tests, size_t n, int (*open)(void **state))
{
        const char *wanted = getenv("SCONCE_TEST");
        struct CMUnitTest *chosen = calloc(n, sizeof(*chosen));
        size_t count = 0;

        if (!chosen)
                return 1;
        for (size_t i = 0; i < n; i++)
                if (!wanted || fnmatch(wanted, tests[i].name, 0) == 0)
                        chosen[count++] = test_or_reason(&tests[i]);
        int failed = _cmocka_run_group_tests("tests", chosen, count, open, stage_close);
        free(chosen);
        return failed;
}
