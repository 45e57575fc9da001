/* SPDX-License-Identifier: Apache-2.0 */
/* device/devices: a new config over a running set, by mark and sweep; and what is wrong with configs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"
#include "fakes/sysfs_tree.h"
#include "home/inside.h"

#define KITCHEN "[lamp kitchen]\nline = GPIO17\n"
#define HALL    "[lamp hall]\nline = GPIO18\n"
#define ON      "{\"state\":\"ON\"}"
#define OFF     "{\"state\":\"OFF\"}"

static void devices_apply__unchanged__not_touched(void **state)
{
        struct house *house = *state;

        house_apply(house, KITCHEN HALL);
        house_set(house, "kitchen", "ON");
        house_forget(house);
        size_t edges = sim_edge_count(&house->gpio, 17);
        house_apply(house, "# a comment\n[lamp hall]\nline = GPIO18\nbias = disabled\n[lamp  kitchen]\nline "
                           "=   GPIO17 # same\n");
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATUS), 0);
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATE), 0);
        assert_int_equal(house_count(house, "hall", DEVICE_STATE), 1); /* this one came later, and was restarted */
        assert_int_equal(sim_edge_count(&house->gpio, 17), edges);
        assert_int_equal(sim_value(&house->gpio, 17), 1);
}

/* So many that the index grows, and each has had another place before. */
static void home_find__many_come_and_go__those_that_are_there_alone(void **state)
{
        enum { LAMPS = 40, ROUNDS = 3 };
        struct house *house = *state;

        for (int round = 0; round < ROUNDS; round++) {
                char config[LAMPS * 40] = "", id[16];
                for (int i = 0; i < LAMPS; i++)
                        if (i % ROUNDS != round)
                                (void)snprintf(config + strlen(config), sizeof(config) - strlen(config),
                                               "[lamp l%d]\nline = GPIO%d\n", i, i);
                house_apply(house, config);
                for (int i = 0; i < LAMPS; i++) {
                        (void)snprintf(id, sizeof(id), "l%d", i);
                        const struct device *device = home_find(house->devices, id);
                        assert_int_equal(device != NULL, i % ROUNDS != round);
                        if (device)
                                assert_string_equal(device->id, id);
                }
                assert_non_null(home_find(house->devices, NODE_ID));
        }
}

static void devices_apply__only_settings__in_place(void **state)
{
        struct house *house = *state;
        char *devices = NULL, *plugins = NULL;

        house_apply(house, KITCHEN);
        house_set(house, "kitchen", "ON");
        house_forget(house);
        size_t edges = sim_edge_count(&house->gpio, 17);
        house_apply(house, KITCHEN "name = Ceiling\narea = Kitchen\nrate = 1\non_exit = off\n");
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATE), 0);
        assert_int_equal(sim_edge_count(&house->gpio, 17), edges);
        assert_int_equal(house_info(house, &devices, &plugins), 0);
        assert_non_null(strstr(devices, "\"kitchen\":{\"plugin\":\"lamp\",\"name\":\"Ceiling\",\"area\":\"Kitchen\","
                                        "\"channels\":{\"state\":{\"kind\":\"light\"},"));
        free(devices);
        free(plugins);
        /* And they count: one command a second. */
        house_set(house, "kitchen", "OFF");
        house_set(house, "kitchen", "ON");
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"rate\",\"message\":\"more than 1 commands a second\"}");
        assert_int_equal(sim_value(&house->gpio, 17), 0);
}

static void devices_apply__gone__stopped_and_cleared(void **state)
{
        struct house *house = *state;

        house_apply(house, KITCHEN HALL);
        house_forget(house);
        house_apply(house, HALL);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "");
        assert_string_equal(house_published(house, "kitchen", DEVICE_ERROR), "");
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATE), "");
        assert_int_equal(house_count(house, "hall", DEVICE_STATUS), 0);
        house_set(house, "kitchen", "ON");
        house_assert_result(house, "kitchen",
                            "{\"ok\":false,\"code\":\"unknown_device\",\"message\":\"there is no device "
                            "\\\"kitchen\\\"\"}");
        assert_int_equal(house->info_changes, 2);
}

static void devices_apply__line_moves_to_another_device__no_conflict(void **state)
{
        struct house *house = *state;

        house_apply(house, KITCHEN HALL);
        house_apply(house, "[lamp kitchen]\nline = GPIO18\n[lamp hall]\nline = GPIO17\n");
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        assert_string_equal(house_published(house, "hall", DEVICE_STATUS), "online");
        assert_null(house_published(house, "kitchen", DEVICE_ERROR));
        house_set(house, "kitchen", "ON");
        assert_int_equal(sim_value(&house->gpio, 18), 1);
        assert_int_equal(sim_value(&house->gpio, 17), 0);
}

/* What it leaves behind is nobody's any more, and would be on for ever. */
static void devices_apply__output_moves__the_old_one_as_at_exit(void **state)
{
        struct house *house = *state;

        sysfs_tree_led(house->gpio.dir, "old", 255);
        sysfs_tree_led(house->gpio.dir, "new", 255);
        house_apply(house, "[lamp kitchen]\nled = old\nmax_on = 1h\n");
        house_set(house, "kitchen", "ON");
        house_apply(house, "[lamp kitchen]\nled = new\nmax_on = 1h\n");
        assert_int_equal(sysfs_tree_number(house->gpio.dir, "class/leds/old/brightness"), 0);
        assert_int_equal(sysfs_tree_number(house->gpio.dir, "class/leds/new/brightness"), 255);
        assert_non_null(strstr(house_published(house, "kitchen", DEVICE_STATE), "\"state\":\"ON\""));
}

static void devices_apply__output_moves_in_a_for__both_off(void **state)
{
        struct house *house = *state;

        house_apply(house, "[switch pump]\nline = GPIO17\n");
        house_set(house, "pump", "{\"for\":\"1h\"}");
        house_apply(house, "[switch pump]\nline = GPIO18\n");
        assert_int_equal(sim_value(&house->gpio, 17), 0);
        assert_int_equal(sim_value(&house->gpio, 18), 0);
        house_assert_published(house, "pump", DEVICE_STATE, OFF);
}

static void devices_apply__other_plugin__same_id(void **state)
{
        struct house *house = *state;
        char *devices = NULL, *plugins = NULL;

        house_apply(house, KITCHEN);
        house_set(house, "kitchen", "ON");
        house_apply(house, "[contact kitchen]\nline = GPIO17\n");
        house_pass(house, 20 * USEC_PER_MSEC);
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
        assert_int_equal(house_info(house, &devices, &plugins), 0);
        assert_non_null(strstr(devices, "\"kitchen\":{\"plugin\":\"contact\""));
        free(devices);
        free(plugins);
}

/* An agent that goes on with a config that is not right loses nothing that was. */
static void devices_apply__one_bad_section__others_run(void **state)
{
        struct house *house = *state;
        char expected[PATH_MAX + 200];

        house_apply_anyway(house, "[lamp kitchen]\nlnie = GPIO17\n" HALL);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "offline");
        (void)snprintf(expected, sizeof(expected),
                       "{\"code\":\"einval\",\"message\":\"%s/a.conf:2: [lamp kitchen] lnie: "
                       "unknown key; did you mean line\"}",
                       house->gpio.dir);
        house_assert_published(house, "kitchen", DEVICE_ERROR, expected);
        assert_string_equal(house_published(house, "hall", DEVICE_STATUS), "online");
        house_forget(house);
        house_apply(house, KITCHEN HALL);
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        assert_int_equal(house_count(house, "hall", DEVICE_STATUS), 0);
}

static void home_publish_next__each__everything_retained(void **state)
{
        struct house *house = *state;

        house_apply(house, KITCHEN);
        house_forget(house);
        for (size_t at = 0; home_publish_next(house->devices, &at);)
                ;
        assert_string_equal(house_published(house, "kitchen", DEVICE_STATUS), "online");
        assert_string_equal(house_published(house, "kitchen", DEVICE_ERROR), "");
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
        assert_string_equal(house_published(house, "node", DEVICE_STATUS), "online");
}

/* ---- Checks -------------------------------------------------------------------------------------------- */

static const struct {
        const char *config, *expected;
} wrongs[] = {
        { KITCHEN HALL, "" },
        { "[switch pump]\n", "a.conf:1: [switch pump] line: is missing: GPIO line to switch\n" },
        { "[lamp kitchen]\n", "a.conf:1: [lamp kitchen] one of line, pwm and led is required\n" },
        { KITCHEN "led = ACT\n",
          "a.conf:1: [lamp kitchen] line, pwm and led exclude each other: one of them is the lamp\n" },
        { KITCHEN "pwm = pwmchip0\n",
          "a.conf:3: [lamp kitchen] pwm: pwmchip0: a PWM channel is CHIP:CHANNEL, as in pwmchip0:1\n" },
        { KITCHEN "transition = 2s\ngamma = 2.2\nfrequency = 1000\n",
          "a.conf:3: [lamp kitchen] transition: it goes with pwm or led, which is not given\n"
          "a.conf:4: [lamp kitchen] gamma: it goes with pwm or led, which is not given\n"
          "a.conf:5: [lamp kitchen] frequency: it goes with pwm, which is not given\n" },
        { "[lamp desk]\nled = ACT\nactive_low = yes\nfrequency = 1000\n",
          "a.conf:3: [lamp desk] active_low: it goes with line or pwm, which is not given\n"
          "a.conf:4: [lamp desk] frequency: it goes with pwm, which is not given\n" },
        { "[lamp desk]\nled = ACT\ndimmable = no\ngamma = 1\n",
          "a.conf:1: [lamp desk] transition, min_level, max_level and gamma are for a lamp that can be dimmed, "
          "by pwm or led\n" },
        { "[lamp desk]\npwm = pwmchip0:1\nbias = pull-up\ndrive = open-drain\n",
          "a.conf:3: [lamp desk] bias: it goes with line, which is not given\n"
          "a.conf:4: [lamp desk] drive: it goes with line, which is not given\n" },
        { "[lamp desk]\npwm = pwmchip0:1\nactive_low = yes\nfrequency = 200\n", "" },
        { "[switch gate]\nline = GPIO5\npulse = 1s\npower_on = on\n",
          "a.conf:4: [switch gate] power_on: on is not possible for an output that goes off by itself: it is off "
          "at first\n" },
        { KITCHEN "offline_at_start = yes\n",
          "a.conf:3: [lamp kitchen] offline_at_start: it goes with on_offline = off or on, which is keep\n" },
        { "[cover gate]\nup = GPIO5\ndown = GPIO6\nup_time = 9s\nup_stop_bias = pull-up\n",
          "a.conf:5: [cover gate] up_stop_bias: it goes with up_stop, which is not given\n" },
        { "[button wall]\nline = GPIO5\nevery = 10s\n",
          "a.conf:3: [button wall] every: this device is not read: it reports by itself\n" },
        { "[encoder knob]\na = GPIO5\nb = GPIO6\nstep = 5\n",
          "a.conf:4: [encoder knob] step: it goes with max, which is not given\n" },
        { "[exec probe]\ncommand = /bin/true\nmin = 3\n",
          "a.conf:3: [exec probe] min: it goes with set_kind, which is not given\n" },
        { "[exec fan]\nset = /bin/true\nset_kind = switch\nmax = 3\n",
          "a.conf:1: [exec fan] min and max are for set_kind = number\n" },
        { "[lamp desk]\nled = ACT\nmin_level = 60\nmax_level = 50\n",
          "a.conf:1: [lamp desk] min_level must be below max_level\n" },
        { "[lamp desk]\nled = ACT\ngamma = 0\n", "a.conf:3: [lamp desk] gamma: 0: out of range: from 0.1 to 10\n" },
        { "[lamp a]\nled = ACT\n[lamp b]\nled = PWR\n[lamp c]\npwm = pwmchip0:1\n[lamp d]\npwm = "
          "pwmchip0:0\n",
          "" },
        { "[lamp a]\nled = ACT\n[lamp b]\nled = ACT\n",
          "a.conf:4: [lamp b] led: ACT is used by [lamp a] led already (a.conf:2)\n" },
        { "[lamp a]\npwm = pwmchip0:1\n[lamp b]\npwm = pwmchip0:1\n",
          "a.conf:4: [lamp b] pwm: pwmchip0:1 is used by [lamp a] pwm already (a.conf:2)\n" },
        { KITCHEN "[contact door]\ndebounce = 5ms\nline = 17\n",
          "a.conf:5: [contact door] line: 17 is used by [lamp kitchen] line already (a.conf:2)\n" },
        { KITCHEN "debounce = 5ms\n", "a.conf:3: [lamp kitchen] debounce: unknown key" },
        { "[light k]\nline = GPIO5\n", "a.conf:1: [light k]: there is no plugin \"light\"; there are: button, contact, "
                                       "counter, cover, encoder, exec, "
                                       "hwmon, iio, lamp, switch, system, thermal, w1; did you mean lamp\n" },
        { "[switch pump]\npin = 17\n", "a.conf:2: [switch pump] pin: unknown key; did you mean line\n"
                                       "a.conf:1: [switch pump] line: is missing: GPIO line to switch\n" },
        { KITCHEN "inverted = yes\n", "a.conf:3: [lamp kitchen] inverted: unknown key; did you mean active_low\n" },
        { KITCHEN "max_on = 3000000000\n", "a.conf:3: [lamp kitchen] max_on: " },
        { KITCHEN "max_on = 8\n", "a.conf:3: [lamp kitchen] max_on: 8: " },
        { KITCHEN "max_on = 1.5h\n", "" },
        { KITCHEN "rate = 0\n", "a.conf:3: [lamp kitchen] rate: 0: " },
        { KITCHEN "rate = 100001\n", "a.conf:3: [lamp kitchen] rate: 100001: " },
        { KITCHEN "history = yes\n", "" },
        { KITCHEN "history = perhaps\n", "a.conf:3: [lamp kitchen] history: perhaps: " },
        { KITCHEN "power_on = maybe\n", "a.conf:3: [lamp kitchen] power_on: maybe: " },
        { "[contact door]\nline = GPIO4\non_exit = off\n", "a.conf:3: [contact door] on_exit: unknown key" },
        { "[lamp a]\nline = GPIO1\n[lamp b]\nline = sim:GPIO1\n",
          "a.conf:4: [lamp b] line: sim:GPIO1 is used by [lamp a] line already (a.conf:2)\n" },
};

static void devices_check__configs__exactly_what_is_wrong(void **state)
{
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
                char *wrong = house_check(house, wrongs[i].config);
                size_t length = strlen(wrongs[i].expected);
                bool whole = length == 0 || wrongs[i].expected[length - 1] == '\n';
                if (whole ? strcmp(wrong, wrongs[i].expected) != 0 : strncmp(wrong, wrongs[i].expected, length) != 0)
                        fail_msg("%s:\n%s\nexpected:\n%s", wrongs[i].config, wrong, wrongs[i].expected);
                free(wrong);
        }
}

static void devices_check__opens_nothing(void **state)
{
        struct house *house = *state;

        free(house_check(house, KITCHEN "power_on = on\n"));
        assert_int_equal(sim_value(&house->gpio, 17), 0);
        assert_int_equal(house->n_published, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(home_find__many_come_and_go__those_that_are_there_alone),
                TEST(devices_apply__unchanged__not_touched),
                TEST(devices_apply__only_settings__in_place),
                TEST(devices_apply__gone__stopped_and_cleared),
                TEST(devices_apply__line_moves_to_another_device__no_conflict),
                TEST(devices_apply__output_moves__the_old_one_as_at_exit),
                TEST(devices_apply__output_moves_in_a_for__both_off),
                TEST(devices_apply__other_plugin__same_id),
                TEST(devices_apply__one_bad_section__others_run),
                TEST(home_publish_next__each__everything_retained),
                TEST(devices_check__configs__exactly_what_is_wrong),
                TEST(devices_check__opens_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
