/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: what did not change is not touched, what is gone is cleared away, and a bad file changes nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"

static void reload(const char *devices)
{
        daemon_write_config(stage.hall, devices);
        process_signal(stage.hall->process, SIGHUP);
}

static const char *with(const char *more)
{
        char text[2048];
        (void)snprintf(text, sizeof(text), "%s%s", stage_devices, more);
        return keep_text(strdup(text));
}

static bool lacks_attic(const struct message *message, const void *userdata)
{
        (void)userdata;
        return !json_member(message, "devices.extra");
}

/* Every test begins with the standard devices, the kitchen dark. */
static int restore(void **state)
{
        (void)state;
        if (!process_running(stage.hall->process)) {
                daemon_write_config(stage.hall, stage_devices);
                daemon_start(stage.hall);
                daemon_wait_online(stage.hall, stage.tester);
        } else {
                client_forget(stage.tester);
                reload(stage_devices);
                (void)client_wait(stage.tester, "sconce/hall/info", lacks_attic, NULL);
        }
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static void reload__one_device_more__the_others_are_not_touched(void **state)
{
        (void)state;
        chip_needs_edges();
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
        size_t kitchen = chip_edges(stage.hall->lines, KITCHEN), porch = chip_edges(stage.hall->lines, PORCH);
        reload(with("[lamp extra]\nline = GPIO5\n"));
        client_wait_text(stage.tester, "sconce/hall/extra/status", "online");
        client_send(stage.tester, "sconce/hall/extra/set", "ON");
        chip_wait(stage.hall->lines, SPARE, 1);
        stage_settle();
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
        assert_int_equal(chip_edges(stage.hall->lines, KITCHEN), kitchen);
        assert_int_equal(chip_edges(stage.hall->lines, PORCH), porch);
}

static void reload__unchanged_device__keeps_its_state(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
        reload(with("[lamp extra]\nline = GPIO5\n"));
        client_wait_text(stage.tester, "sconce/hall/extra/status", "online");
        client_send(stage.tester, "sconce/hall/kitchen/get", "");
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "ON");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
}

static void reload__session__is_not_touched(void **state)
{
        (void)state;
        reload(with("[lamp extra]\nline = GPIO5\n"));
        client_wait_text(stage.tester, "sconce/hall/extra/status", "online");
        stage_settle();
        assert_int_equal(client_count(stage.tester, "sconce/hall/status"), 0);
}

static void reload__device_added__info_lists_it_and_the_new_config(void **state)
{
        char before[65];

        (void)state;
        struct client *late = stage_client("tester", "late");
        client_subscribe(late, "sconce/hall/info");
        (void)snprintf(before, sizeof(before), "%s",
                       json_member(client_wait(late, "sconce/hall/info", NULL, NULL), "config"));
        client_free(late);
        reload(with("[lamp extra]\nname = Extra\nline = GPIO5\n"));
        const struct message *m = client_wait_json(stage.tester, "sconce/hall/info", "devices.extra.name", "Extra");
        assert_string_not_equal(json_member(m, "config"), before);
}

static void reload__device_gone__its_line_is_free_and_its_topics_are_cleared(void **state)
{
        (void)state;
        reload(with("[lamp extra]\nline = GPIO5\n"));
        client_wait_text(stage.tester, "sconce/hall/extra/status", "online");
        reload(stage_devices);
        client_wait_text(stage.tester, "sconce/hall/extra/status", "");
        client_wait_text(stage.tester, "sconce/hall/extra/state", "");
        client_send(stage.tester, "sconce/hall/extra/set", "ON");
        stage_wait_result("extra", NULL, "unknown_device");

        struct client *late = stage_client("tester", "late");
        client_subscribe(late, "sconce/hall/#");
        client_wait_text(late, "sconce/hall/kitchen/status", "online");
        client_send(late, "sconce/hall/get", "");
        (void)client_wait(late, "sconce/hall/node/state", NULL, NULL);
        assert_int_equal(client_count(late, "sconce/hall/extra/state") + client_count(late, "sconce/hall/extra/status"),
                         0);
        client_free(late);
}

static void reload__line_moved__device_works_on_the_new_one(void **state)
{
        (void)state;
        reload(with("[lamp extra]\nline = GPIO5\n"));
        client_wait_text(stage.tester, "sconce/hall/extra/status", "online");
        reload(with("[lamp extra]\nline = GPIO6\n"));
        (void)client_wait_json(stage.tester, "sconce/hall/info", "devices.extra.plugin", "lamp");
        stage_settle();
        client_send(stage.tester, "sconce/hall/extra/set", "ON");
        chip_wait(stage.hall->lines, SPARE + 1, 1);
        assert_int_equal(chip_value(stage.hall->lines, SPARE), 0);
}

static void reload__bad_file__everything_runs_on_and_the_place_is_named(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
        reload(with("[lamp extra]\nlime = GPIO5\n"));
        const char *line = process_wait_log(stage.hall->process, "lime", SOON_MS);
        assert_non_null(strstr(line, "sconce.conf:"));
        assert_non_null(strstr(line, "[lamp extra]"));
        stage_settle();
        assert_true(process_running(stage.hall->process));
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        assert_int_equal(client_count(stage.tester, "sconce/hall/info"), 0);
}

static void reload__no_file__everything_runs_on(void **state)
{
        (void)state;
        (void)rename(stage.hall->config, work_path("away.conf"));
        process_signal(stage.hall->process, SIGHUP);
        (void)process_wait_log(stage.hall->process, "sconce.conf", SOON_MS);
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
}

static void reload_button__pressed__reloads(void **state)
{
        (void)state;
        daemon_write_config(stage.hall, with("[lamp extra]\nline = GPIO5\n"));
        client_send(stage.tester, "sconce/hall/node/set/reload", "PRESS");
        client_wait_text(stage.tester, "sconce/hall/extra/status", "online");
}

static void broker_moved__reload__goes_there(void **state)
{
        struct broker *other = broker_new(&(struct broker_options){ .pki = stage.pki });
        const struct broker *first = stage.hall->options.broker;

        (void)state;
        struct client *there = client_new(&(struct client_options){ .id = "there",
                                                                    .port = other->port.number,
                                                                    .ca = pki_ca(stage.pki),
                                                                    .cert = pki_issued(stage.pki, "tester") });
        client_subscribe(there, "sconce/#");
        client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
        chip_wait(stage.hall->lines, KITCHEN, 1);
        stage.hall->options.broker = other;
        reload(stage_devices);
        client_wait_text(there, "sconce/hall/status", "online");
        client_wait_text(stage.tester, "sconce/hall/status", "offline");
        (void)client_wait_json(there, "sconce/hall/kitchen/state", "state", "ON");
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 1);
        stage.hall->options.broker = first;
        reload(stage_devices);
        client_wait_text(stage.tester, "sconce/hall/status", "online");
        client_free(there);
        broker_free(other);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(reload__one_device_more__the_others_are_not_touched, restore),
        STAGE_TEST(reload__unchanged_device__keeps_its_state, restore),
        STAGE_TEST(reload__session__is_not_touched, restore),
        STAGE_TEST(reload__device_added__info_lists_it_and_the_new_config, restore),
        STAGE_TEST(reload__device_gone__its_line_is_free_and_its_topics_are_cleared, restore),
        STAGE_TEST(reload__line_moved__device_works_on_the_new_one, restore),
        STAGE_TEST(reload__bad_file__everything_runs_on_and_the_place_is_named, restore),
        STAGE_TEST(reload__no_file__everything_runs_on, restore),
        STAGE_TEST(reload_button__pressed__reloads, restore),
        STAGE_TEST(broker_moved__reload__goes_there, restore),
};

STAGE_MAIN(tests, stage_open)
