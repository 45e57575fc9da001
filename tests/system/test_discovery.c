/* SPDX-License-Identifier: Apache-2.0 */
/* What Home Assistant finds at the broker: each device's message, when it comes, and what becomes of it when the device goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/stage.h"

#include "store/store.h"

#define KITCHEN_LAMP "[lamp kitchen]\nname = Kitchen ceiling\narea = Kitchen\nline = GPIO17\n"
#define PUMP_SWITCH  "[switch pump]\nline = GPIO22\n"
#define KNOB         "[encoder knob]\na = GPIO5\nb = GPIO6\n"
#define BOTH         KITCHEN_LAMP PUMP_SWITCH

#define CONFIG(device) "homeassistant/device/hall/" device "/config"

enum { MANY = 200 };

/* A broker that asks nobody who he is, and a client that hears all of Home Assistant's and ours. */
static struct scene {
        struct broker *broker;
        struct client *ha;
        struct daemon *hall;
        char url[64];
} scene;

static void open_scene(const char *config, const char *homeassistant, const char *devices)
{
        char *sections = NULL;

        scene.broker = broker_new_plain(config);
        (void)snprintf(scene.url, sizeof(scene.url), "mqtt://127.0.0.1:%u", scene.broker->port.number);
        scene.ha = client_new(&(struct client_options){ .id = "ha", .port = scene.broker->port.number });
        client_subscribe(scene.ha, "homeassistant/#");
        client_subscribe(scene.ha, "sconce/#");
        assert_true(asprintf(&sections, "%s%s", homeassistant, devices) > 0);
        scene.hall = daemon_new(&(struct daemon_options){
                .name = "hall", .url = scene.url, .node = "save_after = 50ms\n", .devices = sections });
        free(sections);
}

static void start(void)
{
        client_forget(scene.ha);
        daemon_start(scene.hall);
        daemon_wait_online(scene.hall, scene.ha);
}

static void reload(const char *devices)
{
        client_forget(scene.ha);
        daemon_write_config(scene.hall, devices);
        process_signal(scene.hall->process, SIGHUP);
}

/* All that was published before has arrived. */
static void settle(const char *device)
{
        char set[64], result[64];

        (void)snprintf(set, sizeof(set), "sconce/hall/%s/set", device);
        (void)snprintf(result, sizeof(result), "sconce/hall/%s/result", device);
        client_send(scene.ha, set, "{\"state\":\"SIDEWAYS\"}");
        (void)client_wait(scene.ha, result, NULL, NULL);
}

static bool is_filled(const struct message *message, const void *userdata)
{
        (void)userdata;
        return message->size > 0;
}

static void connected__each_device__one_retained_message(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", BOTH);
        start();
        const struct message *message = client_wait(scene.ha, CONFIG("kitchen"), NULL, NULL);
        assert_string_equal(json_member(message, "dev.name"), "Kitchen ceiling");
        assert_string_equal(json_member(message, "dev.sa"), "Kitchen");
        assert_string_equal(json_member(message, "cmd_t"), "sconce/hall/kitchen/set");
        (void)client_wait(scene.ha, CONFIG("pump"), NULL, NULL);
        (void)client_wait(scene.ha, CONFIG("node"), NULL, NULL);
        struct client *late = client_new(&(struct client_options){ .id = "late", .port = scene.broker->port.number });
        client_subscribe(late, CONFIG("kitchen"));
        assert_true(client_wait(late, CONFIG("kitchen"), NULL, NULL)->retain);
}

static void birth__heard__all_again_with_their_states(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", BOTH);
        start();
        (void)client_wait(scene.ha, CONFIG("pump"), NULL, NULL);
        client_forget(scene.ha);
        client_send(scene.ha, "homeassistant/status", "offline");
        client_send(scene.ha, "homeassistant/status", "online");
        (void)client_wait(scene.ha, CONFIG("node"), is_filled, NULL);
        (void)client_wait(scene.ha, CONFIG("kitchen"), is_filled, NULL);
        (void)client_wait(scene.ha, CONFIG("pump"), is_filled, NULL);
        (void)client_wait_text(scene.ha, "sconce/hall/pump/status", "online");
        (void)client_wait_json(scene.ha, "sconce/hall/pump/state", "state", "OFF");
        assert_int_equal(client_count(scene.ha, CONFIG("pump")), 1);
}

static void birth__of_another_topic_and_word__as_the_config_says(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "[homeassistant]\nprefix = other\nbirth_topic = other/birth\nbirth_payload = here\n",
                   PUMP_SWITCH);
        client_subscribe(scene.ha, "other/#");
        start();
        (void)client_wait(scene.ha, "other/device/hall/pump/config", NULL, NULL);
        client_forget(scene.ha);
        client_send(scene.ha, "homeassistant/status", "online");
        client_send(scene.ha, "other/birth", "online");
        client_send(scene.ha, "other/birth", "here");
        (void)client_wait(scene.ha, "other/device/hall/pump/config", NULL, NULL);
        assert_int_equal(client_count(scene.ha, CONFIG("pump")), 0);
}

/* Home Assistant is not to see an empty state of what it has still. */
static void reload__device_gone__its_message_is_cleared_and_then_its_topics(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", BOTH);
        start();
        (void)client_wait(scene.ha, CONFIG("kitchen"), NULL, NULL);
        reload(PUMP_SWITCH);
        (void)client_wait_text(scene.ha, CONFIG("kitchen"), "");
        const struct message *state_then = client_newest(scene.ha, "sconce/hall/kitchen/state");
        assert_true(!state_then || state_then->size > 0);
        (void)client_wait_text(scene.ha, "sconce/hall/kitchen/state", "");
        (void)client_wait_text(scene.ha, "sconce/hall/kitchen/status", "");
}

static void reload__nothing_of_it_changed__no_message(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", BOTH);
        start();
        (void)client_wait(scene.ha, CONFIG("pump"), NULL, NULL);
        reload("[lamp kitchen]\nname = Kitchen\narea = Kitchen\nline = GPIO17\n" PUMP_SWITCH);
        const struct message *message = client_wait(scene.ha, CONFIG("kitchen"), NULL, NULL);
        assert_string_equal(json_member(message, "dev.name"), "Kitchen");
        settle("pump");
        assert_int_equal(client_count(scene.ha, CONFIG("pump")), 0);
}

static bool removes_number(const struct message *message, const void *userdata)
{
        (void)userdata;
        return strstr(message->payload, "\"number.value\":{\"p\":\"number\"}") != NULL;
}

static bool has_no_number(const struct message *message, const void *userdata)
{
        (void)userdata;
        return message->size > 0 && !strstr(message->payload, "number.value");
}

static void reload__component_gone__removed_by_its_platform_and_then_left_out(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", KNOB "max = 10\n");
        start();
        (void)client_wait(scene.ha, CONFIG("knob"), NULL, NULL);
        reload(KNOB);
        const struct message *message = client_wait(scene.ha, CONFIG("knob"), removes_number, NULL);
        assert_non_null(strstr(message->payload, "event.turn"));
        (void)client_wait(scene.ha, CONFIG("knob"), has_no_number, NULL);
}

/* What Home Assistant knows of a device, as it is remembered. */
struct remembered {
        const char *topic, *parts;
};

static bool is_remembered(void *userdata)
{
        const struct remembered *wanted = userdata;
        struct store *file = NULL;

        if (store_peek(scene.hall->state_dir, &file, NULL) < 0)
                return false;
        const char *parts = store_get(file, STORE_PARTS, "", wanted->topic);
        bool is = parts ? wanted->parts && strcmp(parts, wanted->parts) == 0 : !wanted->parts;
        store_free(file);
        return is;
}

static void wait_remembered(const char *topic, const char *parts)
{
        struct remembered wanted = { topic, parts };

        if (!pump_until(is_remembered, &wanted, SOON_MS))
                give_up("%s is not remembered as %s", topic, parts ? parts : "nothing");
}

static void killed__component_and_device_gone_meanwhile__removed_at_the_next_start(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", BOTH KNOB "max = 10\n");
        start();
        wait_remembered(CONFIG("knob"), " number.value ");
        wait_remembered(CONFIG("kitchen"), " light.state ");
        daemon_kill(scene.hall);
        daemon_write_config(scene.hall, PUMP_SWITCH KNOB);
        start();
        (void)client_wait(scene.ha, CONFIG("knob"), removes_number, NULL);
        (void)client_wait_text(scene.ha, CONFIG("kitchen"), "");
        (void)client_wait(scene.ha, CONFIG("knob"), has_no_number, NULL);
        wait_remembered(CONFIG("kitchen"), NULL);
        (void)client_wait_text(scene.ha, "sconce/hall/kitchen/state", "");
}

/* A lamp whose hardware is not there keeps what Home Assistant knows of it. */
static void started__device_does_not_work__nothing_is_removed(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", KNOB "max = 10\n");
        start();
        wait_remembered(CONFIG("knob"), " number.value ");
        daemon_stop(scene.hall);
        daemon_write_config(scene.hall, "[encoder knob]\na = nowhere:5\nb = nowhere:6\n" PUMP_SWITCH);
        start();
        (void)client_wait(scene.ha, CONFIG("knob"), has_no_number, NULL);
        (void)client_wait_text(scene.ha, "sconce/hall/knob/status", "offline");
        settle("pump");
        assert_int_equal(client_count(scene.ha, CONFIG("knob")), 1);
}

static void reload__not_enabled_any_more__all_is_cleared(void **state)
{
        (void)state;
        open_scene(BROKER_OPEN, "", BOTH);
        start();
        (void)client_wait(scene.ha, CONFIG("pump"), NULL, NULL);
        reload("[homeassistant]\nenabled = no\n" BOTH);
        (void)client_wait_text(scene.ha, CONFIG("kitchen"), "");
        (void)client_wait_text(scene.ha, CONFIG("node"), "");
        (void)client_wait_text(scene.ha, CONFIG("pump"), "");
        settle("pump");
        assert_true(client_newest(scene.ha, "sconce/hall/kitchen/state")->size > 0);
}

/* The access list that sconce-pki writes speaks of the usual prefix alone. */
static void connected__not_permitted__logged_once_and_no_problem(void **state)
{
        struct daemon *hall = daemon_new(&(struct daemon_options){
                .name = "hall",
                .broker = stage.broker,
                .pki = stage.pki,
                .devices = "[homeassistant]\nprefix = elsewhere\nbirth_topic = elsewhere/status\n" BOTH });

        (void)state;
        client_forget(stage.tester);
        daemon_start(hall);
        daemon_wait_online(hall, stage.tester);
        (void)process_wait_log(hall->process, "let the node write elsewhere/device/hall/#", SOON_MS);
        client_send(stage.tester, "sconce/hall/node/get", "");
        const struct message *message = client_wait_json(stage.tester, "sconce/hall/node/state", "problems", "[]");
        assert_string_equal(json_member(message, "dropped"), "0");
        assert_false(process_logged(hall->process, "refuses what we publish"));
        daemon_stop(hall);
}

static char *many_devices(void)
{
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        for (int i = 0; i < MANY; i++)
                (void)fprintf(file, "[system d%d]\n", i);
        assert_int_equal(fclose(file), 0);
        return text;
}

static void connected__many_devices__none_is_left_out(void **state)
{
        char *devices = many_devices(), topic[64];

        (void)state;
        open_scene(BROKER_OPEN, "", devices);
        free(devices);
        start();
        for (int i = 0; i < MANY; i++) {
                (void)snprintf(topic, sizeof(topic), "homeassistant/device/hall/d%d/config", i);
                (void)client_wait(scene.ha, topic, is_filled, NULL);
        }
        for (int i = 0; i < MANY; i++) {
                (void)snprintf(topic, sizeof(topic), "sconce/hall/d%d/status", i);
                (void)client_wait_text(scene.ha, topic, "online");
        }
        client_send(scene.ha, "homeassistant/status", "online");
        client_forget(scene.ha);
        for (int i = 0; i < MANY; i++) {
                (void)snprintf(topic, sizeof(topic), "homeassistant/device/hall/d%d/config", i);
                (void)client_wait(scene.ha, topic, is_filled, NULL);
        }
        (void)snprintf(topic, sizeof(topic), "sconce/hall/d%d/status", MANY - 1);
        (void)client_wait_text(scene.ha, topic, "online");
        assert_false(process_logged(scene.hall->process, "is not ours any more"));
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(connected__each_device__one_retained_message, NULL),
        STAGE_TEST(birth__heard__all_again_with_their_states, NULL),
        STAGE_TEST(birth__of_another_topic_and_word__as_the_config_says, NULL),
        STAGE_TEST(reload__device_gone__its_message_is_cleared_and_then_its_topics, NULL),
        STAGE_TEST(reload__nothing_of_it_changed__no_message, NULL),
        STAGE_TEST(reload__component_gone__removed_by_its_platform_and_then_left_out, NULL),
        STAGE_TEST(killed__component_and_device_gone_meanwhile__removed_at_the_next_start, NULL),
        STAGE_TEST(started__device_does_not_work__nothing_is_removed, NULL),
        STAGE_TEST(reload__not_enabled_any_more__all_is_cleared, NULL),
        STAGE_TEST(connected__not_permitted__logged_once_and_no_problem, NULL),
        STAGE_TEST(connected__many_devices__none_is_left_out, NULL),
};

STAGE_MAIN(tests, stage_open_bare)
