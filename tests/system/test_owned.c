/* SPDX-License-Identifier: Apache-2.0 */
/* Retained topics that a config no longer owns go from the broker, also when the config changed while nobody
 * ran. */
#include <stdio.h>
#include <string.h>

#include "system/stage.h"

#include "store/store.h"

#define PUMP_ONLY "[switch pump]\nline = GPIO22\n"
#define BOTH      "[lamp kitchen]\nline = GPIO17\n" PUMP_ONLY

static struct daemon *node_with(const char *name, const char *devices)
{
        return daemon_new(&(struct daemon_options){ .name = name,
                                                    .broker = stage.broker,
                                                    .pki = stage.pki,
                                                    .node = "save_after = 50ms\n",
                                                    .devices = devices });
}

static void start(struct daemon *node, struct client *client)
{
        client_forget(client);
        daemon_start(node);
        daemon_wait_online(node, client);
}

struct remembered {
        const struct daemon *node;
        const char *topic;
        bool expected;
};

static bool is_remembered(void *userdata)
{
        const struct remembered *wanted = userdata;
        struct store *file = NULL;

        if (store_peek(wanted->node->state_dir, &file, NULL) < 0)
                return false;
        bool is = store_get(file, STORE_TOPIC, "", wanted->topic);
        store_free(file);
        return is == wanted->expected;
}

static void wait_remembered(const struct daemon *node, const char *topic, bool expected)
{
        struct remembered wanted = { node, topic, expected };

        if (!pump_until(is_remembered, &wanted, SOON_MS))
                give_up("%s is %s", topic, expected ? "not remembered" : "not forgotten");
}

static bool is_live(const struct message *message, const void *userdata)
{
        (void)userdata;
        return !message->retain;
}

/* What is retained comes before anything that is reported after the subscription. */
static void assert_nothing_of_the_kitchen(void)
{
        struct client *late = stage_client("tester", "late");

        client_subscribe(late, "sconce/#");
        client_send(late, "sconce/hall/pump/get", "");
        (void)client_wait(late, "sconce/hall/pump/state", is_live, NULL);
        assert_int_equal(client_count(late, "sconce/hall/kitchen/state"), 0);
        assert_int_equal(client_count(late, "sconce/hall/kitchen/status"), 0);
        assert_true(client_count(late, "sconce/hall/info") > 0);
        client_free(late);
}

static void stopped__device_taken_out__its_topics_are_cleared(void **state)
{
        struct daemon *hall = node_with("hall", BOTH);

        (void)state;
        start(hall, stage.tester);
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "OFF");
        daemon_stop(hall);
        daemon_write_config(hall, PUMP_ONLY);
        start(hall, stage.tester);
        (void)client_wait_text(stage.tester, "sconce/hall/kitchen/state", "");
        wait_remembered(hall, "sconce/hall/kitchen/state", false);
        wait_remembered(hall, "sconce/hall/kitchen/status", false);
        wait_remembered(hall, "sconce/hall/pump/state", true);
        assert_nothing_of_the_kitchen();
        daemon_stop(hall);
}

static void killed__device_taken_out__its_topics_are_cleared(void **state)
{
        struct daemon *hall = node_with("hall", BOTH);

        (void)state;
        start(hall, stage.tester);
        wait_remembered(hall, "sconce/hall/kitchen/state", true);
        wait_remembered(hall, "sconce/hall/kitchen/status", true);
        daemon_kill(hall);
        daemon_write_config(hall, PUMP_ONLY);
        start(hall, stage.tester);
        (void)client_wait_text(stage.tester, "sconce/hall/kitchen/state", "");
        (void)client_wait_text(stage.tester, "sconce/hall/kitchen/status", "");
        assert_nothing_of_the_kitchen();
        daemon_stop(hall);
}

static void restarted__nothing_changed__nothing_is_cleared(void **state)
{
        struct daemon *hall = node_with("hall", BOTH);

        (void)state;
        start(hall, stage.tester);
        wait_remembered(hall, "sconce/hall/kitchen/state", true);
        daemon_stop(hall);
        start(hall, stage.tester);
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "OFF");
        (void)client_wait_json(stage.tester, "sconce/hall/pump/state", "state", "OFF");
        assert_false(process_logged(hall->process, "is not ours any more"));
        daemon_stop(hall);
}

static void renamed__where_it_may__the_old_name_is_cleared(void **state)
{
        struct broker *broker = broker_new_plain(BROKER_OPEN);
        char url[64];

        (void)state;
        (void)snprintf(url, sizeof(url), "mqtt://127.0.0.1:%u", broker->port.number);
        struct client *anyone = client_new(&(struct client_options){ .id = "anyone", .port = broker->port.number });
        client_subscribe(anyone, "sconce/#");
        struct daemon *node = daemon_new(&(struct daemon_options){
                .name = "first", .url = url, .node = "save_after = 50ms\n", .devices = BOTH });
        start(node, anyone);
        wait_remembered(node, "sconce/first/kitchen/state", true);
        daemon_stop(node);
        node->name = node->options.name = "second";
        daemon_write_config(node, BOTH);
        start(node, anyone);
        (void)client_wait_text(anyone, "sconce/first/info", "");
        (void)client_wait_text(anyone, "sconce/first/status", "");
        wait_remembered(node, "sconce/first/kitchen/state", false);
        daemon_stop(node);
}

/* The broker's access list lets nobody write another node's topics. */
static void renamed__where_it_may_not__forgotten_and_on(void **state)
{
        struct daemon *node = node_with("hall", BOTH);

        (void)state;
        start(node, stage.tester);
        wait_remembered(node, "sconce/hall/kitchen/state", true);
        daemon_stop(node);
        node->name = node->options.name = "attic";
        daemon_write_config(node, BOTH);
        start(node, stage.tester);
        wait_remembered(node, "sconce/hall/kitchen/state", false);
        wait_remembered(node, "sconce/attic/kitchen/state", true);
        client_send(stage.tester, "sconce/attic/kitchen/set", "ON");
        chip_wait(node->lines, KITCHEN, 1);
        assert_false(process_logged(node->process, "refuses what we publish"));
        daemon_stop(node);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(stopped__device_taken_out__its_topics_are_cleared, stage_forget),
        STAGE_TEST(killed__device_taken_out__its_topics_are_cleared, stage_forget),
        STAGE_TEST(restarted__nothing_changed__nothing_is_cleared, stage_forget),
        STAGE_TEST(renamed__where_it_may__the_old_name_is_cleared, stage_forget),
        STAGE_TEST(renamed__where_it_may_not__forgotten_and_on, stage_forget),
};

STAGE_MAIN(tests, stage_open_bare)
