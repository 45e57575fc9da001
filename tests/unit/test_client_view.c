/* SPDX-License-Identifier: Apache-2.0 */
/* What the client learns from retained messages, and how it finds the device that a person names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/view.h"

static int set_up(void **state)
{
        struct view *home = calloc(1, sizeof(*home));
        *state = home;
        return home ? view_init(home, "house/sconce") : -1;
}

static int tear_down(void **state)
{
        struct view *home = *state;
        view_done(home);
        free(home);
        return 0;
}

static void take(struct view *home, const char *suffix, const char *payload)
{
        char topic[128];
        (void)snprintf(topic, sizeof(topic), "house/sconce/%s", suffix);
        view_take(home, topic, payload, strlen(payload));
}

static void take_house(struct view *home)
{
        take(home, "hall/status", "online");
        take(home, "hall/info", "{\"devices\":{\"kitchen\":{\"plugin\":\"lamp\"},\"lamp\":{}}}");
        take(home, "attic/status", "offline");
        take(home, "attic/info", "{\"devices\":{\"lamp\":{},\"fan\":{}}}");
}

static void view_take__known_topics__are_kept(void **state)
{
        struct view *home = *state;

        take(home, "hall/status", "online");
        take(home, "hall/kitchen/status", "offline");
        take(home, "hall/kitchen/state", "{\"state\":\"ON\"}");
        take(home, "hall/kitchen/error", "{\"message\":\"busy\"}");
        assert_string_equal(view_status(home, "hall", NULL), "online");
        assert_string_equal(view_status(home, "hall", "kitchen"), "offline");
        assert_string_equal(json_string_value(json_object_get(view_state(home, "hall", "kitchen"), "state")), "ON");
        assert_string_equal(json_string_value(json_object_get(view_error(home, "hall", "kitchen"), "message")), "busy");
}

static void view_take__empty_payload__takes_away(void **state)
{
        struct view *home = *state;

        take(home, "hall/kitchen/error", "{\"message\":\"busy\"}");
        take(home, "hall/kitchen/error", "");
        assert_null(view_error(home, "hall", "kitchen"));
}

static void view_take__enveloped_state__is_unwrapped(void **state)
{
        struct view *home = *state;

        take(home, "hall/kitchen/state",
             "{\"header\":{\"node\":\"hall\"},\"content\":{\"state\":\"OFF\"},\"footer\":{\"sha256\":\"0\"}}");
        assert_string_equal(json_string_value(json_object_get(view_state(home, "hall", "kitchen"), "state")), "OFF");
}

/* What names a device ends up in topics, shells and scripts. */
static void view_take__misnamed_devices_and_channels__are_left_out(void **state)
{
        struct view *home = *state;

        take(home, "hall/info",
             "{\"devices\":{\"$(touch x)\":{},\"a;b\":{},\"Lamp\":{},\"a\\n\":{},\"..\":{},\"\":{},\"#\":{},\"x/y\":{},"
             "\"list\":[],\"lamp\":{\"channels\":{\"state\":{\"kind\":\"light\"},\"$(id)\":{},\"b "
             "c\":{},\"K\":{},\"k\":1}}}}");
        take(home, "reply/me/status", "online");
        assert_int_equal(json_object_size(json_object_get(view_info(home, "hall"), "devices")), 1);
        json_t *channels = json_object_get(view_about(home, "hall", "lamp"), "channels");
        assert_int_equal(json_object_size(channels), 1);
        assert_non_null(json_object_get(channels, "state"));
        assert_null(view_status(home, "reply", "me"));
        take(home, "attic/info", "{\"devices\":[1]}");
        take(home, "cellar/info", "[]");
        assert_null(view_about(home, "attic", "lamp"));
}

static void view_take__anything_else__is_left_alone(void **state)
{
        struct view *home = *state;
        static const char *const topics[] = {
                "house/sconce",
                "house/sconce/",
                "house/sconces/hall/status",
                "sconce/hall/status",
                "house/sconce/hall",
                "house/sconce/Hall/status",
                "house/sconce/hall/a/b/state",
                "house/sconce//status",
                "house/sconce/hall/set",
                "house/sconce/hall/state",
        };

        for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
                view_take(home, topics[i], "online", 6);
        take(home, "hall/info", "[1]");
        take(home, "hall/kitchen/state", "{\"state\":");
        take(home, "hall/kitchen/status", "\xff");
        assert_int_equal(json_object_size(home->nodes), 0);
}

static void view_name_read__names__are_split(void **state)
{
        (void)state;
        struct view_name name;

        assert_int_equal(view_name_read("kitchen", &name, NULL), 0);
        assert_string_equal(name.node, "");
        assert_string_equal(name.device, "kitchen");
        assert_int_equal(view_name_read("hall/kitchen-2", &name, NULL), 0);
        assert_string_equal(name.node, "hall");
        assert_string_equal(name.device, "kitchen-2");
}

static void view_name_read__no_names__are_refused(void **state)
{
        (void)state;
        static const char *const texts[] = { "", "/", "hall/", "/kitchen", "a/b/c", "Kitchen", "hall/+", "#", "a b" };
        struct view_name name;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(view_name_read(texts[i], &name, NULL), -EINVAL);
        struct fault fault;
        assert_int_equal(view_name_read("Kitchen", &name, &fault), -EINVAL);
        assert_string_equal(
                fault.text,
                "\"Kitchen\" is not a device's name: write DEVICE or NODE/DEVICE, as sconce list shows them");
}

static void view_find__device_on_one_node__gets_its_node(void **state)
{
        struct view *home = *state;
        struct view_name name = { .device = "fan" };

        take_house(home);
        assert_int_equal(view_find(home, &name, NULL), 0);
        assert_string_equal(name.node, "attic");
}

static void view_find__node_without_info__is_believed(void **state)
{
        struct view *home = *state;
        struct view_name name = { .node = "hall", .device = "kitchen" };

        take(home, "hall/status", "online");
        assert_int_equal(view_find(home, &name, NULL), 0);
}

static void view_find__unfit_names__are_reported_with_what_there_is(void **state)
{
        static const struct {
                struct view_name name;
                int error;
                const char *text;
        } samples[] = {
                { { .device = "lamp" }, -ENOTUNIQ, "lamp is on several nodes: write one of attic/lamp, hall/lamp" },
                { { .device = "kichen" }, -ENOENT, "no node has a device kichen; did you mean kitchen" },
                { { .device = "garage" }, -ENOENT, "no node has a device garage" },
                { { .node = "hall", .device = "fna" }, -ENOENT, "node hall has no device fna" },
                { { .node = "attic", .device = "fna" }, -ENOENT, "node attic has no device fna; did you mean fan" },
                { { .node = "hal", .device = "lamp" }, -ENOENT, "node hal has never been here; did you mean hall" },
        };
        struct view *home = *state;

        take_house(home);
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct view_name name = samples[i].name;
                struct fault fault = { 0 };
                assert_int_equal(view_find(home, &name, &fault), samples[i].error);
                assert_string_equal(fault.text, samples[i].text);
        }
}

static void view_find__empty_house__is_reported(void **state)
{
        struct view_name name = { .device = "lamp" };
        struct fault fault = { 0 };

        assert_int_equal(view_find(*state, &name, &fault), -ENOENT);
        assert_string_equal(
                fault.text,
                "the broker shows no node under house/sconce/: has one ever been connected, and may "
                "this certificate read it? RabbitMQ has no retained messages for wildcards: there name the node, as in "
                "NODE/DEVICE or sconce list NODE");
}

static void view_place_read__names__are_split(void **state)
{
        struct view_name name;
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(view_place_read("attic", &name, &fault), 0);
        assert_string_equal(name.node, "attic");
        assert_string_equal(name.device, "");
        assert_int_equal(view_place_read("attic/fan", &name, &fault), 0);
        assert_string_equal(name.node, "attic");
        assert_string_equal(name.device, "fan");
        assert_int_equal(view_place_read("attic/#", &name, &fault), -EINVAL);
        assert_string_equal(fault.text, "\"attic/#\" is not a name: write NODE or NODE/DEVICE");
        assert_int_equal(view_place_read("+", &name, &fault), -EINVAL);
        assert_int_equal(view_place_read("", &name, &fault), -EINVAL);
        assert_int_equal(view_place_read("a/b/c", &name, &fault), -EINVAL);
}

static void view_is_stale__what_nobody_lists__is(void **state)
{
        struct view *home = *state;

        take_house(home);
        take(home, "hall/lamp/status", "online");
        take(home, "hall/old/state", "{\"state\":\"ON\"}");
        take(home, "cellar/fan/error", "{\"message\":\"busy\"}");
        assert_false(view_is_stale(home, "hall", NULL));
        assert_false(view_is_stale(home, "hall", "lamp"));
        assert_true(view_is_stale(home, "hall", "old"));
        assert_true(view_is_stale(home, "cellar", NULL));
        assert_true(view_is_stale(home, "cellar", "fan"));
        json_t *devices = view_devices(home, "hall");
        assert_int_equal(json_object_size(devices), 3);
        assert_non_null(json_object_get(devices, "old"));
        json_decref(devices);
        /* Cleared: nothing is left. */
        take(home, "hall/old/state", "");
        devices = view_devices(home, "hall");
        assert_int_equal(json_object_size(devices), 2);
        json_decref(devices);
}

static void view_is_whole__as_messages_come__turns_true_with_the_last(void **state)
{
        struct view *home = *state;

        assert_false(view_is_whole(home, false));
        take(home, "hall/info", "{\"devices\":{\"kitchen\":{}}}");
        assert_false(view_is_whole(home, false));
        take(home, "hall/status", "online");
        assert_true(view_is_whole(home, false));
        assert_false(view_is_whole(home, true));
        take(home, "hall/kitchen/status", "online");
        assert_true(view_is_whole(home, true));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(view_take__known_topics__are_kept),
                TEST(view_take__empty_payload__takes_away),
                TEST(view_take__enveloped_state__is_unwrapped),
                TEST(view_take__misnamed_devices_and_channels__are_left_out),
                TEST(view_take__anything_else__is_left_alone),
                cmocka_unit_test(view_name_read__names__are_split),
                cmocka_unit_test(view_place_read__names__are_split),
                TEST(view_is_stale__what_nobody_lists__is),
                cmocka_unit_test(view_name_read__no_names__are_refused),
                TEST(view_find__device_on_one_node__gets_its_node),
                TEST(view_find__node_without_info__is_believed),
                TEST(view_find__unfit_names__are_reported_with_what_there_is),
                TEST(view_find__empty_house__is_reported),
                TEST(view_is_whole__as_messages_come__turns_true_with_the_last),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
