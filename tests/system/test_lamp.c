/* SPDX-License-Identifier: Apache-2.0 */
/* The main job: commands over mutual TLS switch lines, and what lines do is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"

/* Every test begins with the kitchen dark and nothing waiting. */
static int darken(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/kitchen/set", "OFF");
        chip_wait(stage.hall->lines, KITCHEN, 0);
        stage_settle();
        client_forget(stage.tester);
        return 0;
}

static void expect(const char *topic, const char *payload, int level, const char *state_text)
{
        client_send(stage.tester, topic, payload);
        chip_wait(stage.hall->lines, KITCHEN, level);
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", state_text);
}

static void lamp__on_and_off__line_and_state_follow(void **state)
{
        (void)state;
        expect("sconce/hall/kitchen/set", "ON", 1, "ON");
        expect("sconce/hall/kitchen/set", "OFF", 0, "OFF");
}

static void lamp__toggle__line_changes_each_time(void **state)
{
        (void)state;
        expect("sconce/hall/kitchen/set", "TOGGLE", 1, "ON");
        expect("sconce/hall/kitchen/set", "TOGGLE", 0, "OFF");
}

static void lamp__other_spellings__are_understood(void **state)
{
        static const struct {
                const char *on, *off;
        } words[] = { { "on", "off" }, { " On\n", "oFF\r\n" }, { "1", "0" }, { "true", "false" }, { "TRUE", "FALSE" } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                expect("sconce/hall/kitchen/set", words[i].on, 1, "ON");
                expect("sconce/hall/kitchen/set", words[i].off, 0, "OFF");
        }
}

static void lamp__json__line_and_state_follow(void **state)
{
        (void)state;
        expect("sconce/hall/kitchen/set", "{\"state\":\"ON\"}", 1, "ON");
        expect("sconce/hall/kitchen/set", " { \"state\" : \"off\" } ", 0, "OFF");
        expect("sconce/hall/kitchen/set", "{\"state\":\"TOGGLE\"}", 1, "ON");
        expect("sconce/hall/kitchen/set", "{\"state\":false}", 0, "OFF");
}

static void lamp__channel_topic__line_and_state_follow(void **state)
{
        (void)state;
        expect("sconce/hall/kitchen/set/state", "ON", 1, "ON");
        expect("sconce/hall/kitchen/set/state", "TOGGLE", 0, "OFF");
}

static void lamp__active_low__line_is_the_other_way_round(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/porch/set", "ON");
        (void)client_wait_json(stage.tester, "sconce/hall/porch/state", "state", "ON");
        chip_wait(stage.hall->lines, PORCH, 0);
        client_send(stage.tester, "sconce/hall/porch/set", "OFF");
        (void)client_wait_json(stage.tester, "sconce/hall/porch/state", "state", "OFF");
        chip_wait(stage.hall->lines, PORCH, 1);
}

static void lamp__state_message__is_retained_qos_1_and_dated(void **state)
{
        (void)state;
        expect("sconce/hall/kitchen/set", "ON", 1, "ON");
        struct client *late = stage_client("tester", "late");
        client_subscribe(late, "sconce/hall/kitchen/state");
        const struct message *m = client_wait_json(late, "sconce/hall/kitchen/state", "state", "ON");
        const char *time = json_member(m, "time");
        assert_true(m->retain);
        assert_int_equal(m->qos, 1);
        assert_non_null(time);
        /* 2026-11-22T19:30:00.123Z */
        assert_int_equal(strlen(time), 24);
        assert_int_equal(time[10], 'T');
        assert_int_equal(time[19], '.');
        assert_int_equal(time[23], 'Z');
        client_free(late);
}

static void contact__line_changes__state_follows(void **state)
{
        (void)state;
        chip_pull(stage.hall->lines, DOOR, true);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "ON");
        chip_pull(stage.hall->lines, DOOR, false);
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
}

static void get__one_device__reports_its_state_alone(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/door/get", "");
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        stage_settle();
        assert_int_equal(client_count(stage.tester, "sconce/hall/kitchen/state"), 0);
}

static void get__the_node__reports_every_state(void **state)
{
        (void)state;
        client_send(stage.tester, "sconce/hall/get", "please");
        (void)client_wait_json(stage.tester, "sconce/hall/door/state", "state", "OFF");
        (void)client_wait_json(stage.tester, "sconce/hall/kitchen/state", "state", "OFF");
        (void)client_wait_json(stage.tester, "sconce/hall/pump/state", "state", "OFF");
        (void)client_wait(stage.tester, "sconce/hall/node/state", NULL, NULL);
}

static void command__for_one_lamp__leaves_the_others_alone(void **state)
{
        chip_needs_edges();
        size_t pump = chip_edges(stage.hall->lines, PUMP), porch = chip_edges(stage.hall->lines, PORCH);

        (void)state;
        expect("sconce/hall/kitchen/set", "ON", 1, "ON");
        stage_settle();
        assert_int_equal(chip_edges(stage.hall->lines, PUMP), pump);
        assert_int_equal(chip_edges(stage.hall->lines, PORCH), porch);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(lamp__on_and_off__line_and_state_follow, darken),
        STAGE_TEST(lamp__toggle__line_changes_each_time, darken),
        STAGE_TEST(lamp__other_spellings__are_understood, darken),
        STAGE_TEST(lamp__json__line_and_state_follow, darken),
        STAGE_TEST(lamp__channel_topic__line_and_state_follow, darken),
        STAGE_TEST(lamp__active_low__line_is_the_other_way_round, darken),
        STAGE_TEST(lamp__state_message__is_retained_qos_1_and_dated, darken),
        STAGE_TEST(contact__line_changes__state_follows, darken),
        STAGE_TEST(get__one_device__reports_its_state_alone, darken),
        STAGE_TEST(get__the_node__reports_every_state, darken),
        STAGE_TEST(command__for_one_lamp__leaves_the_others_alone, darken),
};

STAGE_MAIN(tests, stage_open)
