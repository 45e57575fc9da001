/* SPDX-License-Identifier: Apache-2.0 */
/* That the node is there, and what it is: status, will, info, and the broker's coming and going. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"

/* Every test begins with hall running, online, and all that reported. */
static int raise_hall(void **state)
{
        (void)state;
        if (!stage.hall->process || !process_running(stage.hall->process)) {
                client_forget(stage.tester);
                daemon_start(stage.hall);
                daemon_wait_online(stage.hall, stage.tester);
        }
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static struct client *newcomer(void)
{
        struct client *client = stage_client("tester", "newcomer");
        client_subscribe(client, "sconce/hall/#");
        return client;
}

static void status__seen_by_a_newcomer__is_online_and_retained(void **state)
{
        struct client *client = newcomer();

        (void)state;
        const struct message *m = client_wait_text(client, "sconce/hall/status", "online");
        assert_true(m->retain);
        client_wait_text(client, "sconce/hall/kitchen/status", "online");
        client_wait_text(client, "sconce/hall/node/status", "online");
        client_free(client);
}

static void info__seen_by_a_newcomer__describes_the_devices(void **state)
{
        struct client *client = newcomer();

        (void)state;
        const struct message *m = client_wait(client, "sconce/hall/info", NULL, NULL);
        assert_true(m->retain);
        assert_string_equal(json_member(m, "devices.kitchen.plugin"), "lamp");
        assert_string_equal(json_member(m, "devices.kitchen.name"), "Kitchen ceiling");
        assert_string_equal(json_member(m, "devices.kitchen.area"), "Kitchen");
        assert_string_equal(json_member(m, "devices.kitchen.channels.state.kind"), "light");
        assert_string_equal(json_member(m, "devices.door.channels.state.kind"), "binary_sensor");
        assert_null(json_member(m, "devices.pump.area"));
        assert_int_equal(strlen(json_member(m, "config")), 64);
        assert_int_equal(strlen(json_member(m, "started")), 24);
        assert_non_null(json_member(m, "version"));
        assert_non_null(json_member(m, "plugins.lamp"));
        client_free(client);
}

static void clean_stop__publishes_offline(void **state)
{
        (void)state;
        daemon_stop(stage.hall);
        client_wait_text(stage.tester, "sconce/hall/status", "offline");
        /* And that is its last word. */
        struct client *client = newcomer();
        assert_string_equal(client_wait(client, "sconce/hall/status", NULL, NULL)->payload, "offline");
        assert_int_equal(client_count(stage.tester, "sconce/hall/status"), 1);
        client_free(client);
}

static void kill__the_will_publishes_offline(void **state)
{
        (void)state;
        daemon_kill(stage.hall);
        client_wait_text(stage.tester, "sconce/hall/status", "offline");
}

static void own_status__set_offline_by_another__is_repaired(void **state)
{
        /* The same certificate, so the broker lets it write there. */
        struct client *impostor = stage_client("hall", "impostor");

        (void)state;
        client_publish(impostor,
                       &(struct request){ .topic = "sconce/hall/status", .payload = "offline", .retain = true });
        client_wait_text(stage.tester, "sconce/hall/status", "offline");
        client_wait_text(stage.tester, "sconce/hall/status", "online");
        (void)process_wait_log(stage.hall->process, "sconce/hall/status: somebody else has written to it", SOON_MS);
        client_publish(impostor, &(struct request){ .topic = "sconce/hall/status", .payload = "", .retain = true });
        client_wait_text(stage.tester, "sconce/hall/status", "online");
        client_free(impostor);
}

/* mosquitto publishes the will of each client before it closes the connections, to that client, too. */
static void broker__stopped__own_will_is_nobody_elses(void **state)
{
        struct process *broker = stage.broker->process, *hall = stage.hall->process;

        (void)state;
        pump_once(0);
        hall->err.cursor = hall->err.size;
        size_t begin = hall->err.size;
        process_signal(broker, SIGTERM);
        assert_int_equal(process_wait(broker, SOON_MS), 0);
        (void)process_wait_log(hall, "lost the connection", SOON_MS);
        broker_start(stage.broker);
        stage_rejoin();
        daemon_wait_online(stage.hall, stage.tester);
        assert_null(strstr(hall->err.text + begin, "somebody else has written"));
        daemon_kill(stage.hall); /* one more hang-up, and it would suspect a twin */
}

static void broker__killed_and_started_twice__everything_is_reported_again(void **state)
{
        (void)state;
        for (int i = 0; i < 2; i++) {
                broker_start(stage.broker); /* kills the old one, and everything retained with it */
                stage_rejoin();
                daemon_wait_online(stage.hall, stage.tester);
                (void)client_wait(stage.tester, "sconce/hall/info", NULL, NULL);
                (void)client_wait(stage.tester, "sconce/hall/kitchen/state", NULL, NULL);
                client_wait_text(stage.tester, "sconce/hall/kitchen/status", "online");
                client_send(stage.tester, "sconce/hall/kitchen/set", "ON");
                chip_wait(stage.hall->lines, KITCHEN, 1);
                client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
                chip_wait(stage.hall->lines, KITCHEN, 0);
        }
        daemon_kill(stage.hall); /* which has been hung up on so often by now that it would suspect a twin */
}

static void broker__away__contact_moves_meanwhile__newest_state_is_reported(void **state)
{
        (void)state;
        chip_pull(stage.hall->lines, DOOR, false);
        broker_kill(stage.broker);
        (void)process_wait_log(stage.hall->process, "onnect", SOON_MS);
        chip_pull(stage.hall->lines, DOOR, true);
        chip_wait(stage.hall->lines, DOOR, 1);
        broker_start(stage.broker);
        stage_rejoin();
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "ON");
        chip_pull(stage.hall->lines, DOOR, false);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        daemon_kill(stage.hall);
}

static void start__before_the_broker__joins_when_it_comes(void **state)
{
        (void)state;
        daemon_stop(stage.hall);
        broker_kill(stage.broker);
        daemon_start(stage.hall);
        chip_wait(stage.hall->lines, PORCH, 1); /* active low and off: the devices run without a broker */
        (void)process_wait_log(stage.hall->process, "refused", SOON_MS);
        broker_start(stage.broker);
        stage_rejoin();
        daemon_wait_online(stage.hall, stage.tester);
}

#define TWO_OF_ONE_NAME "two nodes of one name"

static bool one_backs_off(void *userdata)
{
        struct daemon *const *pair = userdata;
        return process_logged(pair[0]->process, TWO_OF_ONE_NAME) || process_logged(pair[1]->process, TWO_OF_ONE_NAME);
}

static void second_node_of_that_name__is_reported_and_one_backs_off(void **state)
{
        struct daemon *twin = stage_daemon("hall", "[switch twin]\nline = GPIO5\n");

        (void)state;
        daemon_start(twin);
        /* A broker that reports the takeover makes hall wait a minute at once; mosquitto 2.0.11 only hangs up, and it
         * takes some rounds until one of the two draws the same conclusion. Either way one is left in peace. */
        struct daemon *pair[2] = { stage.hall, twin };
        assert_true(pump_until(one_backs_off, pair, 2 * SOON_MS));
        const struct daemon *left = process_logged(stage.hall->process, TWO_OF_ONE_NAME) ? twin : stage.hall;
        struct client *client = newcomer();
        daemon_wait_online(left, client);
        client_free(client);
        char topic[64], device[8];
        (void)snprintf(device, sizeof(device), "%s", left == twin ? "twin" : "pump");
        (void)snprintf(topic, sizeof(topic), "sconce/hall/%s/set", device);
        client_send(stage.tester, topic, "{\"state\":\"ON\",\"id\":\"t\"}");
        stage_wait_result(device, "t", NULL);
        daemon_stop(twin);
        daemon_free(twin);
        daemon_kill(stage.hall);
}

static size_t lines_with(const struct process *process, const char *text, const char *but)
{
        size_t count = 0;

        for (const char *line = process->err.text; line && *line;) {
                const char *end = strchrnul(line, '\n'), *found = strstr(line, text);
                count += found && found < end && strncmp(line, but, strlen(but)) != 0;
                line = *end ? end + 1 : end;
        }
        return count;
}

/* Who knows it can take the node's place, so it follows from the private key: the same at each start, and nobody but
 * the broker hears it. */
static void client_id__private__is_the_same_again_and_stays_secret(void **state)
{
        char id[64] = "";

        (void)state;
        const char *found = strstr(stage.broker->process->err.text, "as sconce-hall-");
        assert_non_null(found);
        assert_int_equal(sscanf(found, "as %63[^ ]", id), 1);
        assert_int_equal(strlen(id), strlen("sconce-hall-") + 16);
        assert_int_equal(strspn(id + strlen("sconce-hall-"), "0123456789abcdef"), 16);
        size_t before = lines_with(stage.broker->process, id, "-");
        daemon_stop(stage.hall);
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        assert_true(lines_with(stage.broker->process, id, "-") > before);
        assert_int_equal(lines_with(stage.hall->process, id, "<7>"), 0); /* not on the default level */
        const struct message *info = client_wait(stage.tester, "sconce/hall/info", NULL, NULL);
        assert_null(strstr(info->payload, id));
}

static void client_id__node__is_sconce_and_the_name(void **state)
{
        struct daemon *plain = daemon_new(&(struct daemon_options){ .name = "attic",
                                                                    .broker = stage.broker,
                                                                    .pki = stage.pki,
                                                                    .broker_keys = "client_id = node\n",
                                                                    .devices = "" });
        (void)state;
        daemon_start(plain);
        client_wait_text(stage.tester, "sconce/attic/status", "online");
        assert_true(process_logged(stage.broker->process, "as sconce-attic ("));
        daemon_stop(plain);
        daemon_free(plain);
}

static void client_id__random__two_nodes_of_one_name_live_side_by_side(void **state)
{
        struct daemon *twin = daemon_new(&(struct daemon_options){ .name = "hall",
                                                                   .broker = stage.broker,
                                                                   .pki = stage.pki,
                                                                   .broker_keys = "client_id = random\n",
                                                                   .devices = "[switch twin]\nline = GPIO5\n" });
        (void)state;
        daemon_start(twin);
        client_wait_text(stage.tester, "sconce/hall/twin/status", "online");
        stage_settle();
        assert_false(process_logged(stage.hall->process, "taken over"));
        daemon_stop(twin);
        daemon_free(twin);
        client_wait_text(stage.tester, "sconce/hall/status", "online"); /* hall repairs what the twin's stop reported */
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(status__seen_by_a_newcomer__is_online_and_retained, raise_hall),
        STAGE_TEST(info__seen_by_a_newcomer__describes_the_devices, raise_hall),
        STAGE_TEST(clean_stop__publishes_offline, raise_hall),
        STAGE_TEST(kill__the_will_publishes_offline, raise_hall),
        STAGE_TEST(own_status__set_offline_by_another__is_repaired, raise_hall),
        STAGE_TEST(broker__stopped__own_will_is_nobody_elses, raise_hall),
        STAGE_TEST(broker__killed_and_started_twice__everything_is_reported_again, raise_hall),
        STAGE_TEST(broker__away__contact_moves_meanwhile__newest_state_is_reported, raise_hall),
        STAGE_TEST(start__before_the_broker__joins_when_it_comes, raise_hall),
        STAGE_TEST(client_id__private__is_the_same_again_and_stays_secret, raise_hall),
        STAGE_TEST(client_id__node__is_sconce_and_the_name, raise_hall),
        STAGE_TEST(client_id__random__two_nodes_of_one_name_live_side_by_side, raise_hall),
        STAGE_TEST(second_node_of_that_name__is_reported_and_one_backs_off, raise_hall),
};

STAGE_MAIN(tests, stage_open)
