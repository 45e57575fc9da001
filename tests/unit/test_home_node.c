/* SPDX-License-Identifier: Apache-2.0 */
/* device/node, and what the set reports of itself: problems, info and the one-shot modes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"
#include "plugin/describe.h"

static void ask_facts(void *userdata, struct node_facts *ret)
{
        *ret = *(const struct node_facts *)userdata;
}

static void node__each_minute__facts(void **state)
{
        struct house *house = *state;
        struct node_facts facts = { .has_certificate = true, .certificate_days = 364, .queue = 3, .dropped = 7 };

        home_set_facts(house->devices, ask_facts, &facts);
        house_apply(house, "");
        const char *published = house_published(house, "node", DEVICE_STATE);
        assert_non_null(strstr(published, "\"uptime_s\":0,\"queue\":3,\"dropped\":7,\"memory_kb\":"));
        assert_non_null(
                strstr(published, ",\"dropped_by\":[],\"oldest\":null,\"certificate_days\":364,\"problems\":[]}"));
        assert_null(strstr(published, "\"memory_kb\":0,"));
        assert_string_equal(house_published(house, "node", DEVICE_STATUS), "online");
        house_forget(house);
        facts.has_certificate = false;
        facts.has_oldest = true;
        facts.oldest_s = 90;
        (void)strcpy(facts.dropped_by, "count: 3\nage: 1");
        house_pass(house, 59 * USEC_PER_SEC);
        assert_null(house_published(house, "node", DEVICE_STATE));
        house_pass(house, USEC_PER_SEC);
        published = house_published(house, "node", DEVICE_STATE);
        assert_non_null(strstr(published, "\"uptime_s\":60,"));
        assert_non_null(strstr(published, "\"certificate_days\":null,"));
        assert_non_null(strstr(published, "\"dropped_by\":[\"count: 3\",\"age: 1\"],\"oldest\":90,"));
}

static void node__problems__reported_at_once_and_taken_away(void **state)
{
        struct house *house = *state;

        house_apply(house, "");
        house_forget(house);
        home_problem(house->devices, "broker", "certificate \"expired\"");
        home_problem(house->devices, "config", "line 3");
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE),
                               "\"problems\":[\"broker: certificate \\\"expired\\\"\",\"config: line 3\"]}"));
        assert_int_equal(house_count(house, "node", DEVICE_STATE), 2);
        home_problem(house->devices, "config", "line 3");
        assert_int_equal(house_count(house, "node", DEVICE_STATE), 2);
        home_problem(house->devices, "broker", NULL);
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE), "\"problems\":[\"config: line 3\"]}"));
        home_problem(house->devices, "nothing", NULL);
        assert_int_equal(house_count(house, "node", DEVICE_STATE), 3);
}

/* The state has one time, and all of it is of that time. */
static void node__problems__the_rest_is_read_as_well(void **state)
{
        struct house *house = *state;
        struct node_facts facts = { 0 };

        home_set_facts(house->devices, ask_facts, &facts);
        house_apply(house, "");
        house_pass(house, 30 * USEC_PER_SEC);
        facts.queue = 17;
        facts.has_oldest = true;
        facts.oldest_s = 18;
        home_problem(house->devices, "broker", "away");
        const char *published = house_published(house, "node", DEVICE_STATE);
        assert_non_null(strstr(published, "\"uptime_s\":30,\"queue\":17,"));
        assert_non_null(strstr(published, "\"oldest\":18,"));
}

static void node__buttons__passed_on(void **state)
{
        struct house *house = *state;

        house_apply(house, "");
        house_set_channel(house, "node", "reload", "PRESS");
        assert_int_equal(house->reloads, 1);
        assert_int_equal(house->restarts, 0);
        house_set_channel(house, "node", "restart", "press");
        assert_int_equal(house->restarts, 1);
        house_assert_result(house, "node", NULL);
        house_set_channel(house, "node", "restart", "ON");
        house_assert_result(house, "node",
                            "{\"ok\":false,\"code\":\"type\",\"message\":\"restart: \\\"ON\\\" is not PRESS\"}");
        house_set_channel(house, "node", "uptime_s", "0");
        house_assert_result(house, "node",
                            "{\"ok\":false,\"code\":\"read_only\",\"message\":\"uptime_s can only be read\"}");
        assert_int_equal(house->restarts, 1);
}

static void devices_info__lamp__what_is_known(void **state)
{
        struct house *house = *state;
        char *devices = NULL, *plugins = NULL;

        house_apply(house, "[lamp kitchen]\nname = \"Ken's 5\\\" lamp\"\nline = GPIO17\n[contact door]\nline = 4\n");
        assert_int_equal(house_info(house, &devices, &plugins), 0);
        assert_non_null(
                strstr(devices,
                       "\"kitchen\":{\"plugin\":\"lamp\",\"name\":\"Ken's 5\\\" lamp\",\"channels\":{"
                       "\"state\":{\"kind\":\"light\"},\"effect\":{\"kind\":\"select\",\"choices\":"
                       "[\"none\",\"blink\"],\"command_only\":true},"
                       "\"flash\":{\"kind\":\"duration\",\"unit\":\"s\",\"min\":1,\"max\":60,\"command_only\":true}}},"
                       "\"door\":{\"plugin\":\"contact\",\"channels\":{"
                       "\"state\":{\"kind\":\"binary_sensor\"}}}}"));
        assert_non_null(strstr(devices,
                               "{\"node\":{\"plugin\":\"node\",\"channels\":{\"uptime_s\":{\"kind\":\"sensor\","
                               "\"unit\":\"s\",\"step\":1,\"class\":\"duration\"}"));
        assert_string_equal(plugins, "{\"lamp\":\"" SCONCE_VERSION "\",\"contact\":\"" SCONCE_VERSION "\"}");
        free(devices);
        free(plugins);
}

/* A row of the table that `configure` adds again, with what the options ask for. */
static void devices_info__row_added_again_in_configure__takes_its_place(void **state)
{
        struct house *house = *state;
        char *devices = NULL, *plugins = NULL;

        house_apply(house, "[counter gas]\nline = 4\nunit = m3\ndevice_class = gas\n");
        assert_int_equal(house_info(house, &devices, &plugins), 0);
        assert_non_null(strstr(
                devices, "\"channels\":{\"total\":{\"kind\":\"sensor\",\"unit\":\"m³\",\"min\":0,"
                         "\"max\":1000000000000,\"class\":\"gas\",\"writable\":true},\"rate\":{\"kind\":\"sensor\","
                         "\"unit\":\"m³/h\",\"class\":\"volume_flow_rate\"}}"));
        house_assert_published(house, "gas", DEVICE_STATE, "{\"total\":0,\"rate\":null}");
        free(devices);
        free(plugins);
}

/* ---- One-shot modes ------------------------------------------------------------------------------------ */

static char *describe(const struct house *house, const char *plugin, int expected)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        assert_int_equal(plugins_describe(house->plugin_dir, plugin, DESCRIBE_TEXT, out), expected);
        (void)fclose(out);
        return text;
}

static void devices_describe__by_name_and_path__same(void **state)
{
        struct house *house = *state;
        char path[PATH_MAX + 16];

        char *by_name = describe(house, "lamp", 0);
        (void)snprintf(path, sizeof(path), "%s/lamp.so", house->plugin_dir);
        char *by_path = describe(house, path, 0);
        assert_string_equal(by_name, by_path);
        assert_ptr_equal(strstr(by_name, "lamp " SCONCE_VERSION ": A lamp on a GPIO line, or dimmed by PWM or as a "
                                         "kernel LED\n\nOptions of [lamp ID]\n"),
                         by_name);
        static const char *const keys[] = {
                "line",       "active_low",       "bias", "drive", "power_on", "on_exit", "max_on",
                "on_offline", "offline_at_start", "name", "area",  "every",    "rate"
        };
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                char row[64];
                (void)snprintf(row, sizeof(row), "\n  %s = ", keys[i]);
                if (!strstr(by_name, row))
                        fail_msg("no row %s in\n%s", keys[i], by_name);
        }
        assert_non_null(strstr(by_name, "\nChannels\n  state: light, written\n      Whether the lamp is on\n"));
        free(by_name);
        free(by_path);
}

static void devices_describe__unknown__reported(void **state)
{
        struct house *house = *state;

        char *text = describe(house, "lmap", -ENOENT);
        assert_string_equal(text, "");
        assert_true(house_logged(house, "there is no plugin \"lmap\"; there are: "));
        assert_true(house_logged(house, "; did you mean lamp"));
        free(text);
}

static void devices_describe__all__every_plugin(void **state)
{
        struct house *house = *state;

        char *text = describe(house, NULL, 0);
        assert_non_null(strstr(text, "contact "));
        assert_non_null(strstr(text, "\nlamp "));
        assert_non_null(strstr(text, "\nswitch "));
        assert_non_null(strstr(text, "\nthermal "));
        free(text);
}

static struct config *load(const struct house *house, const char *text)
{
        struct problems problems = { 0 };
        struct config *config = NULL;
        char path[PATH_MAX];

        house_write(house, "b.conf", text);
        house_path(house, "b.conf", path);
        assert_int_equal(config_load(path, &problems, &config), 0);
        assert_int_equal(problems.count, 0);
        return config;
}

static void devices_dump__section__effective_values(void **state)
{
        struct house *house = *state;
        CLEANUP_CONFIG struct config *config = load(house, "[lamp kitchen]\nline = GPIO17\nmax_on = 8h\n");
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_int_equal(devices_dump(house->plugin_dir, config, out), 0);
        (void)fclose(out);
        assert_ptr_equal(strstr(text, "[lamp kitchen]\nline = GPIO17  # "), text);
        assert_non_null(strstr(text, "\nmax_on = 8h  # "));
        assert_non_null(strstr(text, "\nactive_low = no  # default\n"));
        assert_non_null(strstr(text, "\nrate = 100  # default\n"));
        assert_non_null(strstr(text, "\n# on_exit is not set\n"));
        free(text);
}

static void devices_outputs_safe__each_output__as_its_config_declares(void **state)
{
        struct house *house = *state;
        CLEANUP_CONFIG struct config *config = load(house, "[lamp keep]\nline = GPIO1\n"
                                                           "[lamp off]\nline = GPIO2\non_exit = off\n"
                                                           "[lamp on]\nline = GPIO3\non_exit = on\n"
                                                           "[switch timed]\nline = GPIO5\nmax_on = 1h\n"
                                                           "[contact door]\nline = GPIO6\n"
                                                           "[lamp noted]\nline = GPIO7\non_exit = keep\n"
                                                           "[lamp both]\nline = GPIO8\nmax_on = 1h\non_exit = on\n"
                                                           "[foreign gone]\n");
        unsigned failed = 0;

        /* A command with `for` was under way. */
        assert_int_equal(store_put(house->store, STORE_MARK, "noted", "timed", "yes"), 0);

        for (unsigned line = 1; line < 7; line++)
                sim_pull(&house->gpio, line, line == 3 ? "pull-down\n" : "pull-up\n");
        fixture_settle(&house->gpio);
        assert_int_equal(home_outputs_safe(&house->options, config, &failed), 0);
        assert_int_equal(failed, 1); /* the plugin that is not there */
        assert_false(house_logged(house, "keep:"));
        assert_true(house_logged(house, "off: GPIO2 is off"));
        assert_true(house_logged(house, "on: GPIO3 is on"));
        assert_true(house_logged(house, "timed: GPIO5 is off"));
        assert_true(house_logged(house, "noted: GPIO7 is off"));
        assert_true(house_logged(house, "both: GPIO8 is off"));
        assert_false(house_logged(house, "door"));
        /* Driven there and released again, where they read their pulls: two edges each. */
        assert_int_equal(sim_edge_count(&house->gpio, 1), 0 + 1);
        assert_int_equal(sim_edge_count(&house->gpio, 2), 2 + 1);
        assert_int_equal(sim_edge_count(&house->gpio, 3), 2);
        assert_int_equal(sim_edge_count(&house->gpio, 5), 2 + 1);
        assert_int_equal(sim_edge_count(&house->gpio, 6), 0 + 1);
}

static void node__clock_not_trusted__is_a_problem(void **state)
{
        struct house *house = *state;

        clock_set_mode(house->clock, CLOCK_MODE_AUTO);
        house_apply(house, "");
        home_problem(house->devices, "config", "line 3");
        const char *published = house_published(house, "node", DEVICE_STATE);
        assert_non_null(strstr(published, "\"problems\":[\"clock: not synchronised yet, so times are null until it is "
                                          "([node] clock)\",\"config: line 3\"]}"));
        clock_set_mode(house->clock, CLOCK_MODE_TRUSTED);
        house_pass(house, 60 * USEC_PER_SEC);
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE), "\"problems\":[\"config: line 3\"]}"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(node__each_minute__facts),
                TEST(node__problems__reported_at_once_and_taken_away),
                TEST(node__problems__the_rest_is_read_as_well),
                TEST(node__clock_not_trusted__is_a_problem),
                TEST(node__buttons__passed_on),
                TEST(devices_info__lamp__what_is_known),
                TEST(devices_info__row_added_again_in_configure__takes_its_place),
                TEST(devices_describe__by_name_and_path__same),
                TEST(devices_describe__unknown__reported),
                TEST(devices_describe__all__every_plugin),
                TEST(devices_dump__section__effective_values),
                TEST(devices_outputs_safe__each_output__as_its_config_declares),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
