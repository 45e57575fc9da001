/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a command of sconce: it is carried out while somebody waits for it or not at all, its answer is
 * reported from other answers, and a plain value means the same whatever version of MQTT the broker and the node speak.
 */
#include <stdio.h>
#include <string.h>

#include "fakes/in_range.h"
#include "system/sconce.h"
#include "util/cleanup.h"

/* A broker without TLS, whose bytes can be read on their way, a client that hears everything, and the node hall. */
static struct broker *broker;
static struct client *listener;
static struct daemon *hall;

static const char devices[] = "[lamp kitchen]\nline = GPIO17\n[switch pump]\nline = GPIO22\n"
                              "[cover shutter]\nup = GPIO5\ndown = GPIO6\nup_time = 1s\ndown_time = 1s\n"
                              "[contact door]\nline = GPIO4\n";

static void start_hall(const char *broker_keys)
{
        CLEANUP_FREE char *url = NULL;

        assert_true(asprintf(&url, "mqtt://127.0.0.1:%u", broker->port.number) > 0);
        hall = daemon_new(&(struct daemon_options){
                .name = "hall", .url = keep_text(TAKE_PTR(url)), .broker_keys = broker_keys, .devices = devices });
        daemon_start(hall);
        daemon_wait_online(hall, listener);
        (void)client_wait(listener, "sconce/hall/door/state", NULL, NULL);
}

static int open_broker(void **state)
{
        (void)state;
        workdir_make();
        broker = broker_new_plain(BROKER_OPEN);
        return 0;
}

static int set_up(void **state)
{
        (void)state;
        listener = client_new(&(struct client_options){ .id = "listener", .port = broker->port.number });
        client_subscribe(listener, "sconce/#");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        wire_free_all();
        daemon_free_all_but(NULL);
        client_free_all();
        broker_start(broker); /* forgets what was retained */
        return 0;
}

/* A get that is answered after all that was sent before. */
static void settle(void)
{
        client_forget(listener);
        client_send(listener, "sconce/hall/door/get", "");
        (void)client_wait(listener, "sconce/hall/door/state", NULL, NULL);
}

/* ---- Its moment -------------------------------------------------------------------------------------------------- */

/* Packets are lost for a while: the command waits in a connection, where no broker can let it expire. */
static void give_up_on_a_command(const char *client_keys)
{
        struct wire *wire = wire_relay("127.0.0.1", broker->port.number);

        start_hall("");
        wire_hold_from(wire, "sconce/hall/kitchen/set");
        struct process *sconce = SCONCE_START(sconce_conf_plain(wire_port(wire), client_keys), "--timeout", "300ms",
                                              "set", "kitchen", "on");
        wire_wait_held(wire);
        struct run run = sconce_wait(sconce);
        assert_int_equal(run.status, 3);
        assert_has(
                run.err,
                "sconce: the broker has not taken the command within 300ms; it is withdrawn here, but if it is on its "
                "way already it may yet be carried out, until it expires, 1 s after it was sent\n");
        wire_wait_reset(wire);
        wire_release(wire);
        (void)client_wait(listener, "sconce/hall/kitchen/set", NULL, NULL);
        settle();
        assert_int_equal(chip_value(hall->lines, KITCHEN), 0);
}

static void set__network_away_for_a_while__is_not_carried_out_later(void **state)
{
        (void)state;
        give_up_on_a_command("");
}

static void set__network_away_with_mqtt_311__is_not_carried_out_later(void **state)
{
        (void)state;
        give_up_on_a_command("version = 3.1.1");
}

static void set__any_command__carries_its_end_and_a_mark_of_its_own(void **state)
{
        const struct message *first, *second;

        (void)state;
        start_hall("");
        assert_run(SCONCE_RUN(sconce_conf_plain(broker->port.number, ""), "set", "kitchen", "on"), 0,
                   "hall/kitchen: done\n", "");
        first = client_wait(listener, "sconce/hall/kitchen/set", NULL, NULL);
        assert_run(SCONCE_RUN(sconce_conf_plain(broker->port.number, ""), "set", "kitchen", "on"), 0,
                   "hall/kitchen: done\n", "");
        second = client_wait(listener, "sconce/hall/kitchen/set", NULL, NULL);
        assert_uint_in_range(first->expiry_s, 4, 5);
        assert_non_null(first->expires);
        assert_string_equal(json_member(first, "expires"), first->expires);
        assert_int_equal(first->correlation_size, 32); /* 128 bits in hex */
        assert_string_not_equal(first->correlation, second->correlation);
        assert_string_not_equal(first->response_topic, second->response_topic);
        assert_string_equal(json_member(first, "id"), first->correlation);
        assert_null(strstr(first->response_topic, first->correlation));
}

/* ---- Its answer -------------------------------------------------------------------------------------------------- */

static void play_attic_with(const char *info)
{
        const struct request messages[] = {
                { .topic = "sconce/attic/status", .payload = "online", .retain = true },
                { .topic = "sconce/attic/info", .payload = info, .retain = true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
                (void)client_publish_acked(listener, &messages[i]);
}

static void play_attic(void)
{
        play_attic_with("{\"devices\":{\"fan\":{\"channels\":{\"state\":{\"kind\":\"switch\"}}}}}");
}

static void set__answers_of_others__are_not_taken_for_ours(void **state)
{
        (void)state;
        play_attic();
        struct process *sconce = SCONCE_START(sconce_conf_plain(broker->port.number, ""), "set", "fan", "on");
        const struct message *command = client_wait(listener, "sconce/attic/fan/set", NULL, NULL);
        const struct request answers[] = {
                { .topic = command->response_topic, .payload = "{\"ok\":true}" },
                { .topic = command->response_topic, .payload = "{\"ok\":true}", .correlation = "0" },
                { .topic = "sconce/attic/fan/result", .payload = "{\"ok\":true,\"id\":\"1\"}" },
                { .topic = "sconce/attic/fan/result", .payload = "{\"ok\":false,\"code\":\"type\"}" },
                { .topic = "sconce/attic/fan/result", .payload = "{\"ok\":true}" },
                { .topic = command->response_topic,
                  .payload = "{\"ok\":false,\"code\":\"duplicate\",\"message\":\"again\"}",
                  .correlation = command->correlation },
                { .topic = command->response_topic,
                  .payload = "{\"ok\":false,\"code\":\"busy\",\"message\":\"not now\"}",
                  .correlation = command->correlation },
        };

        for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
                client_publish(listener, &answers[i]);
        assert_run(sconce_wait(sconce), 1, "", "sconce: attic/fan: not now (busy)\n");
}

/* A word whose channel the node has to choose carries no id: then a refusal on the topic of all may be anybody's. */
static void set__refusal_of_another_before_ours__is_not_taken_for_it(void **state)
{
        (void)state;
        play_attic_with("{\"devices\":{\"fan\":{\"channels\":{}}}}");
        struct process *sconce = SCONCE_START(sconce_conf_plain(broker->port.number, ""), "set", "fan", "on");
        const struct message *command = client_wait(listener, "sconce/attic/fan/set", NULL, NULL);
        assert_string_equal(command->payload, "on");
        const struct request answers[] = {
                { .topic = "sconce/attic/fan/result", .payload = "{\"ok\":false,\"code\":\"type\"}" },
                { .topic = command->response_topic, .payload = "{\"ok\":true}", .correlation = command->correlation },
        };

        for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
                client_publish(listener, &answers[i]);
        assert_run(sconce_wait(sconce), 0, "attic/fan: done\n", "");
}

static void set__node_speaks_311__is_answered_all_the_same(void **state)
{
        static const char *const keys[] = { "", "version = 3.1.1" };

        (void)state;
        start_hall("version = 3.1.1");
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *conf = sconce_conf_plain(broker->port.number, keys[i]);

                assert_run(SCONCE_RUN(conf, "set", "kitchen", "toggle"), 0, "hall/kitchen: done\n", "");
                assert_int_equal(chip_value(hall->lines, KITCHEN), 1);
                assert_run(SCONCE_RUN(conf, "set", "kitchen", "state=on", "--json"), 0,
                           "{\"ok\":true,\"node\":\"hall\",\"device\":\"kitchen\"}\n", "");
                assert_run(SCONCE_RUN(conf, "set", "kitchen", "off"), 0, "hall/kitchen: done\n", "");
                assert_run(SCONCE_RUN(conf, "set", "kitchen", "{\"state\":\"ON\",\"id\":7}", "--json"), 0,
                           "{\"ok\":true,\"id\":7,\"node\":\"hall\",\"device\":\"kitchen\"}\n", "");
                struct run run = SCONCE_RUN(conf, "set", "door", "on");
                assert_int_equal(run.status, 1);
                assert_has(run.err, *keys[i] ? "(read_only)\n" : "(read_only); it carries no mark");
                assert_run(SCONCE_RUN(conf, "set", "kitchen", "off"), 0, "hall/kitchen: done\n", "");
        }
}

/* ---- Its meaning ------------------------------------------------------------------------------------------------- */

static void set__plain_value__means_the_same_in_every_version(void **state)
{
        static const char *const keys[] = { "version = 5", "version = 3.1.1" };
        static const struct {
                const char *device, *value;
                int status;
                const char *err;
        } cases[] = {
                { "pump", "5", 1, "sconce: hall/pump: this device takes no number (type)\n" },
                { "pump", "0.5", 1, "sconce: hall/pump: this device takes no number (type)\n" },
                { "kitchen", "40", 1, "sconce: hall/kitchen: this device takes no number (type)\n" },
                { "pump", "open", 1, "sconce: hall/pump: this device cannot be opened or closed (type)\n" },
                { "shutter", "on", 1, "sconce: hall/shutter: this device cannot be switched on or off (type)\n" },
                { "pump", "{\"for\":\"x\"}", 1, NULL },
                { "shutter", "stop", 0, "" },
                { "pump", "1", 0, "" },
                { "pump", "0.0", 0, "" },
                { "pump", "false", 0, "" },
        };

        (void)state;
        start_hall("");
        for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
                size_t at = i / 2;
                struct run run = SCONCE_RUN(sconce_conf_plain(broker->port.number, keys[i % 2]), "set",
                                            cases[at].device, cases[at].value);
                if (run.status != cases[at].status)
                        print_error("%s %s, %s: %s\n", cases[at].device, cases[at].value, keys[i % 2], run.err);
                assert_int_equal(run.status, cases[at].status);
                if (cases[at].err)
                        assert_string_equal(run.err, cases[at].err);
        }
        settle();
        assert_int_equal(chip_value(hall->lines, PUMP), 0);
}

/* ---- What is left at the broker ---------------------------------------------------------------------------------- */

static void play_gone_nodes(void)
{
        static const struct {
                const char *topic, *payload;
        } messages[] = {
                { "sconce/attic/status", "offline" },
                { "sconce/attic/fan/status", "online" },
                { "sconce/attic/fan/state", "{}" },
                { "sconce/attic/fan/more/words", "x" },
                { "sconce/hall/old/state", "{\"state\":\"ON\"}" },
                { "sconce/atticus/status", "offline" },
                { "sconce/atticus/info", "{\"devices\":{}}" },
        };

        play_attic();
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
                (void)client_publish_acked(listener, &(struct request){ .topic = messages[i].topic,
                                                                        .payload = messages[i].payload,
                                                                        .retain = true });
}

static void forget__node_that_is_gone__is_not_listed_any_more(void **state)
{
        static const char *const keys[] = { "version = 5", "version = 3.1.1" };

        (void)state;
        start_hall("");
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *conf = sconce_conf_plain(broker->port.number, keys[i]);

                play_gone_nodes();
                struct run run = SCONCE_RUN(conf, "list");
                assert_int_equal(run.status, 3);
                assert_has(run.out, "attic fan ");
                assert_has(run.out, " stale   ON\n");
                assert_has(run.err, "sconce: stale: hall/old; no node has them any more: see sconce forget --help\n");
                assert_run(SCONCE_RUN(conf, "forget", "attic"), 0, "attic: forgotten, 5 topics cleared\n", "");
                assert_run(SCONCE_RUN(conf, "forget", "hall/old"), 0, "hall/old: forgotten, 1 topics cleared\n", "");
                run = SCONCE_RUN(conf, "list");
                assert_int_equal(run.status, 0);
                assert_has_not(run.out, "attic");
                assert_has_not(run.out, "old");
                assert_string_equal(run.err, "");
                assert_has(SCONCE_RUN(conf, "nodes").out, "atticus");
                assert_run(SCONCE_RUN(conf, "forget", "attic"), 1, "",
                           "sconce: nothing of attic is at the broker, or this certificate may not read it\n");
        }
}

static void keep(struct client *client, const char *topic)
{
        (void)client_publish_acked(client, &(struct request){ .topic = topic, .payload = "offline", .retain = true });
}

/* What is retained at a broker that forgets nobody's messages: those of `topics`, then the fence. */
static size_t count_retained(unsigned port, const char *topic)
{
        struct client *late = client_new(&(struct client_options){ .id = "late", .port = port });

        client_subscribe(late, topic);
        client_subscribe(late, "sconce/fence/status");
        (void)client_wait(late, "sconce/fence/status", NULL, NULL);
        size_t count = client_count(late, topic);
        client_free(late);
        return count;
}

static void forget__known_to_home_assistant__is_cleared_there_too(void **state)
{
        const char *conf = sconce_conf_plain(broker->port.number, "");

        (void)state;
        keep(listener, "sconce/fence/status");
        keep(listener, "sconce/attic/status");
        keep(listener, "sconce/attic/fan/status");
        keep(listener, "homeassistant/device/attic/fan/config");
        keep(listener, "homeassistant/device/attica/fan/config");
        assert_run(SCONCE_RUN(conf, "forget", "attic"), 0, "attic: forgotten, 2 topics cleared\n", "");
        assert_int_equal(count_retained(broker->port.number, "homeassistant/device/attic/#"), 0);
        assert_int_equal(count_retained(broker->port.number, "homeassistant/device/attica/#"), 1);
}

static void forget__no_right_to_home_assistants_topics__shows_who_has_it(void **state)
{
        const char *list = work_path("no-home-assistant.acl");

        (void)state;
        write_file(list, "topic readwrite sconce/#\n");
        struct broker *own = broker_new_plain(
                format_text("listener PORT 127.0.0.1\nallow_anonymous true\nacl_file %s\n", list));
        struct client *attic = client_new(&(struct client_options){ .id = "attic", .port = own->port.number });
        keep(attic, "sconce/attic/status");
        keep(attic, "sconce/attic/fan/status");
        struct run run = SCONCE_RUN(sconce_conf_plain(own->port.number, ""), "forget", "attic");
        assert_int_equal(run.status, 0);
        assert_string_equal(run.out, "attic: forgotten, 2 topics cleared\n");
        assert_has(run.err, "sconce: Home Assistant may list attic still: the broker does not let ");
        assert_has(run.err, " clear homeassistant/device/attic/#; sudo sconce-pki forget attic does\n");
        client_free(attic);
        broker_free(own);
}

static void forget__what_is_in_use__is_refused(void **state)
{
        const char *conf = sconce_conf_plain(broker->port.number, "");

        (void)state;
        start_hall("");
        assert_run(SCONCE_RUN(conf, "forget", "hall"), 1, "",
                   "sconce: hall is in use: node hall is online, and would publish it again\n");
        assert_run(SCONCE_RUN(conf, "forget", "hall/pump"), 1, "",
                   "sconce: hall/pump is in use: node hall is online, and would publish it again\n");
        assert_run(SCONCE_RUN(conf, "forget", "#"), 2, "", "sconce: \"#\" is not a name: write NODE or NODE/DEVICE\n");
        assert_run(SCONCE_RUN(conf, "get", "pump", "state"), 0, "OFF\n", "");
}

/* ---- A broker that has no retained messages for wildcards -------------------------------------------------------- */

static void list__broker_without_them__reports_it_or_asks_for_each_topic(void **state)
{
        struct wire *wire = wire_relay("127.0.0.1", broker->port.number);
        const char *conf = sconce_conf_plain(wire_port(wire), "");
        static const char reason[] = "sconce: the broker shows no node under sconce/: has one ever been connected, and "
                                     "may this certificate read it? "
                                     "RabbitMQ has no retained messages for wildcards: there name the node, as in "
                                     "NODE/DEVICE or sconce list NODE\n";

        (void)state;
        start_hall("");
        wire_hide_wildcards(wire);
        assert_run(SCONCE_RUN(conf, "list"), 1, "", reason);
        assert_run(SCONCE_RUN(conf, "list", "--json"), 1, "[]\n", reason);
        assert_run(SCONCE_RUN(conf, "nodes"), 1, "", reason);
        assert_run(SCONCE_RUN(conf, "get", "kitchen"), 1, "", reason);
        assert_run(SCONCE_RUN(conf, "get", "hall/kitchen", "state"), 0, "OFF\n", "");
        assert_run(SCONCE_RUN(conf, "set", "hall/kitchen", "on"), 0, "hall/kitchen: done\n", "");
        struct run run = SCONCE_RUN(conf, "list", "hall");
        assert_string_equal(run.err, "");
        assert_int_equal(run.status, 0);
        assert_has(run.out, "hall kitchen           lamp    online ON\n");
        assert_run(SCONCE_RUN(conf, "list", "hal"), 1, "", "sconce: node hal has never been here\n");
        run = SCONCE_RUN(sconce_conf_plain(broker->port.number, ""), "list", "hall", "attic");
        assert_int_equal(run.status, 1);
        assert_has(run.err, "sconce: node attic has never been here");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static const struct CMUnitTest tests[] = {
        TEST(set__network_away_for_a_while__is_not_carried_out_later),
        TEST(set__network_away_with_mqtt_311__is_not_carried_out_later),
        TEST(set__any_command__carries_its_end_and_a_mark_of_its_own),
        TEST(set__answers_of_others__are_not_taken_for_ours),
        TEST(set__refusal_of_another_before_ours__is_not_taken_for_it),
        TEST(set__node_speaks_311__is_answered_all_the_same),
        TEST(set__plain_value__means_the_same_in_every_version),
        TEST(forget__node_that_is_gone__is_not_listed_any_more),
        TEST(forget__known_to_home_assistant__is_cleared_there_too),
        TEST(forget__no_right_to_home_assistants_topics__shows_who_has_it),
        TEST(forget__what_is_in_use__is_refused),
        TEST(list__broker_without_them__reports_it_or_asks_for_each_topic),
};

STAGE_MAIN(tests, open_broker)
