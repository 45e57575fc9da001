/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that command devices of another node: a button here, a lamp there, and a broker with an access list between. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/in_range.h"
#include "system/stage.h"
#include "util/cleanup.h"

enum { WALL = 5, BELL = 6 };

static const char devices[] =
        "[lamp kitchen]\nline = GPIO17\n[switch pump]\nline = GPIO22\n"
        "[button wall]\nline = GPIO5\nbias = pull-down\ndebounce = 0ms\npresses = 1\nlong_time = 1m\n"
        "[button bell]\nline = GPIO6\nbias = pull-down\ndebounce = 0ms\npresses = 1\nlong_time = 1m\n";

static struct daemon *attic;

static char *with(const char *rules)
{
        char *text = NULL;

        assert_true(asprintf(&text, "%s%s", devices, rules) > 0);
        return text;
}

/* Until what a connection begins with is acknowledged: behind a full window a command goes out without an answer. Before the
 * second command the node has read what acknowledges all that came before the first result. */
static void await_room(const char *node)
{
        for (int i = 0; i < 2; i++)
                stage_settle_node(node);
}

static struct daemon *start(const char *name, const char *rules)
{
        CLEANUP_FREE char *text = with(rules);
        struct daemon *daemon = stage_daemon(name, text);

        daemon_start(daemon);
        daemon_wait_online(daemon, stage.tester);
        await_room(name);
        return daemon;
}

static int open_stage(void **state)
{
        (void)state;
        workdir_make();
        stage.pki = pki_of_stage();
        PKI_RUN(stage.pki, "grant", "hall", "attic"); /* and not the other way round */
        stage.broker = broker_new(&(struct broker_options){ .pki = stage.pki });
        stage_rejoin();
        stage.hall = start("hall", "[rule wall]\nwhen = wall.press single\nthen = attic/kitchen TOGGLE, pump TOGGLE\n"
                                   "[rule bell]\nwhen = bell.press single\nthen = attic/pump.state ON\n");
        return 0;
}

static int make_attic(void **state)
{
        (void)state;
        attic = start("attic", "[rule wall]\nwhen = wall.press single\nthen = hall/kitchen ON\n");
        client_forget(stage.tester);
        return 0;
}

static void press(const struct daemon *daemon, unsigned offset)
{
        for (int up = 1; up >= 0; up--) {
                chip_pull(daemon->lines, offset, up);
                chip_wait(daemon->lines, offset, up);
        }
}

static void rule__button_pressed__lamp_of_the_other_node_toggles(void **state)
{
        (void)state;
        for (int on = 1; on >= 0; on--) {
                press(stage.hall, WALL);
                chip_wait(attic->lines, KITCHEN, on);
                chip_wait(stage.hall->lines, PUMP, on); /* of the same rule */
                const struct message *message = client_wait_text(stage.tester, "sconce/attic/kitchen/set", "TOGGLE");
                assert_false(message->retain);
                assert_int_equal(message->qos, 1);
                assert_uint_in_range(message->expiry_s, 1, 5);
        }
        (void)client_wait_json(stage.tester, "sconce/attic/kitchen/state", "state", "OFF");
        press(stage.hall, BELL); /* one channel */
        chip_wait(attic->lines, PUMP, 1);
        assert_int_equal(client_count(stage.tester, "sconce/attic/kitchen/result"), 0);
}

/* What has been dropped does not come when the broker is back: what is commanded then comes first. */
static void rule__broker_away__dropped_for_good(void **state)
{
        (void)state;
        broker_kill(stage.broker);
        (void)process_wait_log(stage.hall->process, "lost", SOON_MS);
        for (int on = 1; on >= 0; on--) {
                press(stage.hall, WALL);
                chip_wait(stage.hall->lines, PUMP, on);
        }
        (void)process_wait_log(stage.hall->process,
                               "rule wall: attic/kitchen TOGGLE was not carried out: no broker is connected, and it is "
                               "not sent later",
                               SOON_MS);
        press(stage.hall, WALL);
        chip_wait(stage.hall->lines, PUMP, 1);
        broker_start(stage.broker);
        stage_rejoin();
        daemon_wait_online(attic, stage.tester);
        daemon_wait_online(stage.hall, stage.tester);
        await_room("hall");
        press(stage.hall, BELL);
        chip_wait(attic->lines, PUMP, 1);
        assert_int_equal(chip_value(attic->lines, KITCHEN), 0);
        assert_int_equal(client_count(stage.tester, "sconce/attic/kitchen/set"), 0);
        press(stage.hall, WALL);
        chip_wait(attic->lines, KITCHEN, 1);
        (void)process_wait_log(stage.hall->process, "rule wall: attic/kitchen TOGGLE works again", SOON_MS);
}

static void rule__not_authorised__logged_with_what_to_do(void **state)
{
        (void)state;
        press(attic, WALL);
        (void)process_wait_log(attic->process,
                               "rule wall: hall/kitchen ON was not carried out: the broker does not let this node "
                               "command hall: sudo sconce-pki grant attic hall, on the broker's machine",
                               SOON_MS);
        stage_settle();
        assert_int_equal(chip_value(stage.hall->lines, KITCHEN), 0);
        assert_int_equal(client_count(stage.tester, "sconce/hall/kitchen/set"), 0);
}

/* The tester hears everything, and would be somebody who is there. */
static void rule__other_node_is_not_there__logged(void **state)
{
        (void)state;
        daemon_stop(attic);
        client_free(stage.tester);
        stage.tester = stage_client("tester", "tester");
        press(stage.hall, WALL);
        (void)process_wait_log(stage.hall->process,
                               "rule wall: attic/kitchen TOGGLE was not carried out: no node attic is there", SOON_MS);
        client_subscribe(stage.tester, "sconce/#");
}

/* ---- Circles --------------------------------------------------------------------------------------------------- */

#define FOLLOW(other)                                                                                                  \
        "[rule on]\nwhen = kitchen.state = ON\nthen = " other "/kitchen TOGGLE\n"                                      \
        "[rule off]\nwhen = kitchen.state = OFF\nthen = " other "/kitchen TOGGLE\n"

static struct daemon *start_free(const struct broker *broker, struct client *client, const char *name,
                                 const char *rules)
{
        CLEANUP_FREE char *text = with(rules);
        struct daemon *daemon = daemon_new(
                &(struct daemon_options){ .name = name, .broker = broker, .pki = stage.pki, .devices = text });

        daemon_start(daemon);
        daemon_wait_online(daemon, client);
        return daemon;
}

/* With a broker that lets everybody command everybody. */
static void rules__two_nodes_set_each_other_off__ends_after_eight(void **state)
{
        struct broker *broker = broker_new(&(struct broker_options){ .pki = stage.pki, .has_no_list = true });
        struct client *client = client_new(&(struct client_options){ .id = "tester",
                                                                     .port = broker->port.number,
                                                                     .ca = pki_ca(stage.pki),
                                                                     .cert = pki_issued(stage.pki, "tester") });

        (void)state;
        client_subscribe(client, "sconce/#");
        struct daemon *one = start_free(broker, client, "hall", FOLLOW("attic"));
        struct daemon *other = start_free(broker, client, "attic", FOLLOW("hall"));
        client_send(client, "sconce/hall/kitchen/set", "ON");
        (void)process_wait_log(one->process,
                               "rule on was not carried out: 8 rules before it have set each other off in a row",
                               SOON_MS);
        /* The fourth command of each has been carried out, and nothing is on its way any more. */
        client_send(client, "sconce/attic/pump/set", "ON");
        chip_wait(other->lines, PUMP, 1);
        (void)client_wait_json(client, "sconce/attic/pump/state", "state", "ON");
        assert_int_equal(client_count(client, "sconce/attic/kitchen/set"), 4);
        assert_int_equal(client_count(client, "sconce/hall/kitchen/set"), 1 + 4);
        assert_int_equal(chip_value(one->lines, KITCHEN), 1);
        assert_int_equal(chip_value(other->lines, KITCHEN), 0);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(rule__button_pressed__lamp_of_the_other_node_toggles, make_attic),
        STAGE_TEST(rule__broker_away__dropped_for_good, make_attic),
        STAGE_TEST(rule__not_authorised__logged_with_what_to_do, make_attic),
        STAGE_TEST(rule__other_node_is_not_there__logged, make_attic),
        STAGE_TEST(rules__two_nodes_set_each_other_off__ends_after_eight, stage_forget),
};
STAGE_MAIN(tests, open_stage)
