/* SPDX-License-Identifier: Apache-2.0 */
/* rule/: what sets a rule off, what it then does and when, on the real plugins and the fake clock. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel/cause.h"
#include "fakes/house.h"
#include "home/spent.h"
#include "util/macro.h"

enum { KITCHEN = 17, FAN = 22, WALL = 5, DOOR = 4 };

#define HOUSE                                                                                                          \
        "[lamp kitchen]\nline = GPIO17\n[switch fan]\nline = GPIO22\n"                                                 \
        "[button wall]\nline = GPIO5\nbias = pull-down\ndebounce = 0ms\npresses = 1\n"                                 \
        "[contact door]\nline = GPIO4\nbias = pull-down\ndebounce = 0ms\n"

#define MS(n) ((n)*USEC_PER_MSEC)

/* What has been set off is carried out, and what follows from that. */
static void settle(struct house *house)
{
        for (int i = 0; i < 10; i++)
                house_pass(house, 0);
}

static void pull(struct house *house, unsigned offset, bool up)
{
        sim_pull(&house->gpio, offset, up ? "pull-up" : "pull-down");
        fixture_settle(&house->gpio);
        settle(house);
}

static void press(struct house *house)
{
        pull(house, WALL, true);
        pull(house, WALL, false);
}

static void set(struct house *house, const char *device, const char *payload)
{
        house_set(house, device, payload);
        settle(house);
}

static void assert_level(const struct house *house, unsigned offset, int level)
{
        assert_int_equal(sim_value(&house->gpio, offset), level);
}

/* A device of a test's plugin, with the house's directory, beside the rest. */
static void apply_with(struct house *house, const char *header, const char *rest, bool anyway)
{
        char *text = NULL;

        assert_true(asprintf(&text, "[%s]\ndir = %s\n%s", header, house->gpio.dir, rest) > 0);
        if (anyway)
                house_apply_anyway(house, text);
        else
                house_apply(house, text);
        free(text);
}

/* The probe then starts and can be read. */
static void plug_in(const struct house *house)
{
        house_write(house, "start", "");
        house_write(house, "read", "5");
}

/* ---- What sets it off ---------------------------------------------------------------------------------- */

#define WALL_RULE "[rule wall]\nwhen = wall.press single\nthen = kitchen TOGGLE\n"

static void rule__event__acts(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE WALL_RULE);
        press(house);
        assert_level(house, KITCHEN, 1);
        house_assert_published(house, "kitchen", DEVICE_STATE, "{\"state\":\"ON\"}");
        press(house);
        assert_level(house, KITCHEN, 0);
        /* Nobody asked. */
        house_assert_result(house, "kitchen", NULL);
}

static void rule__other_event__does_nothing(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = wall.press long\nthen = kitchen ON\n"
                                 "[rule b]\nwhen = wall.press single\nthen = fan ON\n");
        press(house);
        assert_level(house, FAN, 1);
        assert_level(house, KITCHEN, 0);
}

static void rule__event__acts_after_the_callback_that_reported_it(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE WALL_RULE);
        sim_pull(&house->gpio, WALL, "pull-up");
        fixture_settle(&house->gpio);
        sim_pull(&house->gpio, WALL, "pull-down");
        fixture_settle(&house->gpio);
        assert_int_equal(house_count(house, "wall", DEVICE_EVENT), 1);
        assert_level(house, KITCHEN, 0);
        house_pass(house, 0);
        assert_level(house, KITCHEN, 1);
}

static void rule__two_events_before_its_turn__each_acts(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE WALL_RULE);
        size_t edges = sim_edge_count(&house->gpio, KITCHEN);
        for (int i = 0; i < 2; i++) {
                sim_pull(&house->gpio, WALL, "pull-up");
                fixture_settle(&house->gpio);
                sim_pull(&house->gpio, WALL, "pull-down");
                fixture_settle(&house->gpio);
        }
        assert_int_equal(house_count(house, "wall", DEVICE_EVENT), 2);
        settle(house);
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges + 2);
}

static void rule__comparison__acts_when_it_becomes_true(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = door.state = ON\nthen = kitchen TOGGLE\n");
        pull(house, DOOR, true);
        assert_level(house, KITCHEN, 1);
        /* Still so, and reported again: nothing. */
        home_get(house->devices, "door");
        settle(house);
        assert_level(house, KITCHEN, 1);
        pull(house, DOOR, false);
        assert_level(house, KITCHEN, 1);
        pull(house, DOOR, true);
        assert_level(house, KITCHEN, 0);
}

static void rule__first_value__never_fires(void **state)
{
        struct house *house = *state;

        sim_pull(&house->gpio, DOOR, "pull-up");
        house_apply(house, "[lamp kitchen]\nline = GPIO17\n[contact door]\nline = GPIO4\ndebounce = 0ms\n"
                           "[rule a]\nwhen = door.state = ON\nthen = kitchen ON\n"
                           "[rule b]\nwhen = door.state != OFF\nthen = kitchen ON\n");
        settle(house);
        house_assert_published(house, "door", DEVICE_STATE, "{\"state\":\"ON\"}");
        assert_level(house, KITCHEN, 0);
        pull(house, DOOR, false);
        pull(house, DOOR, true);
        assert_level(house, KITCHEN, 1);
}

/* Another start of the device, another first value: what happened meanwhile nobody saw. */
static void rule__device_starts_again_with_another_value__does_not_fire(void **state)
{
        struct house *house = *state;
        static const char text[] = "[lamp kitchen]\nline = GPIO17\n[contact door]\nline = GPIO4\n%s"
                                   "[rule a]\nwhen = door.state = ON\nthen = kitchen ON\n";
        char other[512];

        (void)snprintf(other, sizeof(other), text, "");
        house_apply(house, other);
        house_pass(house, MS(20));
        house_assert_published(house, "door", DEVICE_STATE, "{\"state\":\"OFF\"}");
        (void)snprintf(other, sizeof(other), text, "active_low = yes\n");
        house_apply(house, other);
        house_pass(house, MS(20));
        settle(house);
        house_assert_published(house, "door", DEVICE_STATE, "{\"state\":\"ON\"}");
        assert_level(house, KITCHEN, 0);
}

static void rule__list_of_conditions__any_of_them(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = [ \"wall.press single\", \"door.state = ON\" ]\n"
                                 "then = kitchen TOGGLE\n");
        press(house);
        assert_level(house, KITCHEN, 1);
        pull(house, DOOR, true);
        assert_level(house, KITCHEN, 0);
}

static void rule__comparisons_of_every_type__as_written(void **state)
{
        static const struct {
                const char *when, *channel, *before, *after;
        } samples[] = {
                { "p.level > 50", "level", "50", "50.5" },
                { "p.level >= 50", "level", "49.9", "50" },
                { "p.level < 0", "level", "0", "-0.5" },
                { "p.level <= 0", "level", "1", "0" },
                { "p.level = 7", "level", "8", "7" },
                { "p.level != 7", "level", "7", "7.1" },
                { "p.light = on", "light", "OFF", "ON" },
                { "p.light != ON", "light", "ON", "OFF" },
                { "p.mood = bright", "mood", "calm", "bright" },
                { "p.note = \"a, b\"", "note", "\"a\"", "\"a, b\"" },
                { "p.note != a b", "note", "a b", "c" },
        };
        struct house *house = *state;
        char rest[256];

        plug_in(house);
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                (void)snprintf(rest, sizeof(rest),
                               "[lamp kitchen]\nline = GPIO17\n[rule a]\nwhen = %s\nthen = kitchen TOGGLE\n",
                               samples[i].when);
                apply_with(house, "probe p", rest, false);
                int level = sim_value(&house->gpio, KITCHEN);
                house_set_channel(house, "p", samples[i].channel, samples[i].before);
                settle(house);
                assert_level(house, KITCHEN, level);
                house_set_channel(house, "p", samples[i].channel, samples[i].after);
                settle(house);
                if (sim_value(&house->gpio, KITCHEN) == level)
                        fail_msg("%s: not set off by %s", samples[i].when, samples[i].after);
                house_apply(house, "");
        }
}

static void rule__offline_and_online__when_the_device_reports_it(void **state)
{
        struct house *house = *state;

        plug_in(house);
        apply_with(house, "probe p",
                   HOUSE "[rule off]\nwhen = p offline\nthen = kitchen ON\n"
                         "[rule on]\nwhen = p online\nthen = fan ON\n",
                   false);
        /* It was online from the start: that is no news. */
        settle(house);
        assert_level(house, FAN, 0);
        house_set_channel(house, "p", "note", "sick");
        settle(house);
        assert_string_equal(house_published(house, "p", DEVICE_STATUS), "offline");
        assert_level(house, KITCHEN, 1);
        assert_level(house, FAN, 0);
        home_get(house->devices, "p"); /* a read mends it */
        settle(house);
        assert_string_equal(house_published(house, "p", DEVICE_STATUS), "online");
        assert_level(house, FAN, 1);
}

/* ---- if ------------------------------------------------------------------------------------------------ */

static void rule__if__all_of_it_at_that_moment(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = wall.press single\nif = door.state = ON, fan.state = OFF, "
                                 "fan online\nthen = kitchen TOGGLE\n");
        press(house);
        assert_level(house, KITCHEN, 0);
        pull(house, DOOR, true);
        press(house);
        assert_level(house, KITCHEN, 1);
        set(house, "fan", "ON");
        press(house);
        assert_level(house, KITCHEN, 1);
}

static void rule__if_without_a_value_yet__does_not_hold(void **state)
{
        struct house *house = *state;

        plug_in(house);
        apply_with(house, "probe p",
                   HOUSE "[rule a]\nwhen = wall.press single\nif = p.level != 5\n"
                         "then = kitchen ON\n[rule b]\nwhen = wall.press single\nthen = fan ON\n",
                   false);
        press(house);
        assert_level(house, FAN, 1);
        assert_level(house, KITCHEN, 0);
}

/* ---- One moment ---------------------------------------------------------------------------------------- */

#define TOGGLED_BY_HAND                                                                                                \
        "[rule on]\nwhen = wall.press single\nif = kitchen.state = OFF\nthen = kitchen ON\n"                           \
        "[rule off]\nwhen = wall.press single\nif = kitchen.state = ON\nthen = kitchen OFF\n"

static void rules__one_press__judged_before_any_acts(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE TOGGLED_BY_HAND);
        size_t edges = sim_edge_count(&house->gpio, KITCHEN);
        press(house);
        assert_level(house, KITCHEN, 1);
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges + 1);
        press(house);
        assert_level(house, KITCHEN, 0);
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges + 2);
}

/* The second press is an event of its own, however late the rules have their turn. */
static void rules__two_presses_before_their_turn__the_second_sees_what_the_first_did(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE TOGGLED_BY_HAND);
        size_t edges = sim_edge_count(&house->gpio, KITCHEN);
        for (int i = 0; i < 2; i++) {
                sim_pull(&house->gpio, WALL, "pull-up");
                fixture_settle(&house->gpio);
                sim_pull(&house->gpio, WALL, "pull-down");
                fixture_settle(&house->gpio);
        }
        settle(house);
        assert_level(house, KITCHEN, 0);
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges + 2);
}

static void rules__cover_with_one_button__each_press_does_one_thing(void **state)
{
        static const char *const states[] = { "opening", "stopped", "opening", "stopped" };
        struct house *house = *state;

        house_apply(house,
                    HOUSE "[cover gate]\nup = GPIO23\ndown = GPIO24\nup_time = 20s\ndown_time = 20s\n"
                          "[rule open]\nwhen = wall.press single\nif = gate.state = stopped\nthen = gate OPEN\n"
                          "[rule close]\nwhen = wall.press single\nif = gate.state = open\nthen = gate CLOSE\n"
                          "[rule stop-up]\nwhen = wall.press single\nif = gate.state = opening\nthen = gate STOP\n"
                          "[rule stop-down]\nwhen = wall.press single\nif = gate.state = closing\nthen = gate STOP\n");
        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                char expected[64];
                press(house);
                house_pass(house, 2 * USEC_PER_SEC); /* its dead time */
                (void)snprintf(expected, sizeof(expected), "\"state\":\"%s\"", states[i]);
                if (!strstr(house_published(house, "gate", DEVICE_STATE), expected))
                        fail_msg("press %zu: %s", i, house_published(house, "gate", DEVICE_STATE));
        }
}

/* Two devices change by what one rule does: that is one moment for the rules that follow. */
static void rules__chain__each_wave_judged_before_it_acts(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[lamp porch]\nline = GPIO27\n"
                                 "[rule both]\nwhen = wall.press single\nthen = kitchen ON, fan ON\n"
                                 "[rule a]\nwhen = kitchen.state = ON\nif = porch.state = OFF\nthen = porch ON\n"
                                 "[rule b]\nwhen = fan.state = ON\nif = porch.state = ON\nthen = porch OFF\n");
        size_t edges = sim_edge_count(&house->gpio, 27);
        press(house);
        assert_level(house, 27, 1);
        assert_int_equal(sim_edge_count(&house->gpio, 27), edges + 1);
}

static void rules__after_a_delay__what_follows_is_judged_before_it_acts(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[lamp porch]\nline = GPIO27\n"
                                 "[rule both]\nwhen = wall.press single\ndelay = 1s\nthen = kitchen ON, fan ON\n"
                                 "[rule a]\nwhen = kitchen.state = ON\nif = porch.state = OFF\nthen = porch ON\n"
                                 "[rule b]\nwhen = fan.state = ON\nif = porch.state = ON\nthen = porch OFF\n");
        press(house);
        house_pass(house, USEC_PER_SEC);
        settle(house);
        assert_level(house, KITCHEN, 1);
        assert_level(house, 27, 1);
}

/* ---- Without a value, and faulty ----------------------------------------------------------------------- */

static void read_probe(struct house *house, const char *text)
{
        if (text)
                house_write(house, "read", text);
        else
                house_remove(house, "read");
        home_get(house->devices, "p");
        settle(house);
}

/* What the probe's sensor shows before and after, NULL: it cannot be read, and whether the rule acts. */
static void rule__value_lost_and_found__acts_on_what_it_asks_for(void **state)
{
        static const struct {
                const char *when, *before, *after;
                bool acts;
        } samples[] = {
                { "p.sensor unknown", "5", "none", true }, { "p.sensor unknown", "none", "5", false },
                { "p.sensor unknown", "5", "6", false },   { "p.sensor unknown", "5", NULL, false },
                { "p.sensor known", "none", "5", true },   { "p.sensor known", "5", "none", false },
                { "p.sensor fault", "5", "none", true },   { "p.sensor fault", "5", NULL, true },
                { "p.sensor fault", "none", NULL, false }, { "p.sensor fault", "none", "5", false },
                { "p.sensor FAULT", "5", "none", true },   { "p.sensor ok", "none", "5", true },
                { "p.sensor ok", NULL, "5", true },        { "p.sensor ok", "5", NULL, false },
                { "p.sensor ok", NULL, "none", false },    { "p fault", "5", NULL, true },
                { "p fault", "5", "none", false },         { "p ok", NULL, "5", true },
                { "p.sensor != 7", "7", "none", false },
        };
        struct house *house = *state;
        char rest[256];

        plug_in(house);
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                (void)snprintf(rest, sizeof(rest),
                               "[lamp kitchen]\nline = GPIO17\n[rule a]\nwhen = %s\nthen = kitchen TOGGLE\n",
                               samples[i].when);
                apply_with(house, "probe p", rest, false);
                read_probe(house, samples[i].before);
                int level = sim_value(&house->gpio, KITCHEN);
                read_probe(house, samples[i].after);
                if ((sim_value(&house->gpio, KITCHEN) != level) != samples[i].acts)
                        fail_msg("%s, from %s to %s", samples[i].when, samples[i].before, samples[i].after);
                house_apply(house, "");
                house_write(house, "read", "5");
        }
}

static void rule__if_faulty_or_unknown__as_it_is_now(void **state)
{
        static const struct {
                const char *condition, *sensor;
                bool holds;
        } samples[] = {
                { "p.sensor unknown", "none", true }, { "p.sensor unknown", "5", false },
                { "p.sensor known", "5", true },      { "p.sensor known", "none", false },
                { "p.sensor fault", "none", true },   { "p.sensor fault", NULL, true },
                { "p.sensor fault", "5", false },     { "p.sensor ok", "5", true },
                { "p.sensor ok", NULL, false },       { "p fault", NULL, true },
                { "p fault", "none", false },         { "p ok", "5", true },
                { "p.level unknown", "5", true },
        };
        struct house *house = *state;
        char rest[512];

        plug_in(house);
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                (void)snprintf(rest, sizeof(rest),
                               HOUSE "[rule a]\nwhen = wall.press single\nif = %s\nthen = kitchen TOGGLE\n",
                               samples[i].condition);
                apply_with(house, "probe p", rest, false);
                read_probe(house, samples[i].sensor);
                int level = sim_value(&house->gpio, KITCHEN);
                press(house);
                if ((sim_value(&house->gpio, KITCHEN) != level) != samples[i].holds)
                        fail_msg("%s with %s", samples[i].condition, samples[i].sensor);
                house_apply(house, "");
                house_write(house, "read", "5");
        }
}

/* A heater whose thermometer fails, and then the whole bus: it is faulty once, not twice. */
static void rule__fault_of_a_channel__delay_and_cancel(void **state)
{
        struct house *house = *state;

        plug_in(house);
        apply_with(house, "probe p",
                   HOUSE "[rule a]\nwhen = p.sensor fault\ndelay = 10m\ncancel = p.sensor ok\nthen = kitchen TOGGLE\n",
                   false);
        read_probe(house, "5");
        read_probe(house, "none");
        house_pass(house, MS(300000));
        read_probe(house, "5");
        house_pass(house, MS(600000));
        assert_level(house, KITCHEN, 0);
        read_probe(house, "none");
        house_pass(house, MS(599000));
        read_probe(house, NULL);
        assert_level(house, KITCHEN, 0);
        house_pass(house, MS(1000));
        settle(house);
        assert_level(house, KITCHEN, 1);
}

/* A thermometer that was not found when its bus started has no channel at all. */
static void rule__fault_of_a_channel_that_is_not_there__is_one(void **state)
{
        struct house *house = *state;

        apply_with(house, "late l",
                   HOUSE
                   "[rule a]\nwhen = l.lost fault\nthen = kitchen ON\nat_start = yes\n"
                   "[rule b]\nwhen = l.lost unknown\nif = l.lost fault, l.found ok\nthen = fan ON\nat_start = yes\n"
                   "[rule c]\nwhen = l.found fault\nthen = kitchen OFF\nat_start = yes\n",
                   false);
        settle(house);
        assert_level(house, KITCHEN, 1);
        assert_level(house, FAN, 1);
        assert_true(house_logged(house, "rule a: when: l.lost fault: l has no channel lost; it has found"));
}

/* ---- From the start ------------------------------------------------------------------------------------ */

#define FLOAT_RULE "[rule float]\nwhen = door.state = ON\nif = fan.state = OFF\nthen = kitchen TOGGLE\nat_start = yes\n"

static void rule__at_start__acts_once_for_what_is_so_already(void **state)
{
        struct house *house = *state;

        sim_pull(&house->gpio, DOOR, "pull-up");
        house_apply(house, "[lamp kitchen]\nline = GPIO17\n[switch fan]\nline = GPIO22\n[contact door]\n"
                           "line = GPIO4\ndebounce = 0ms\n" FLOAT_RULE);
        settle(house);
        assert_level(house, KITCHEN, 1);
        /* Neither a reading nor a reload is another start. */
        home_get(house->devices, "door");
        house_apply(house,
                    "[lamp kitchen]\nline = GPIO17\n[switch fan]\nline = GPIO22\n[contact door]\n"
                    "line = GPIO4\ndebounce = 0ms\n" FLOAT_RULE "[rule b]\nwhen = fan.state = ON\nthen = fan OFF\n");
        settle(house);
        assert_level(house, KITCHEN, 1);
        pull(house, DOOR, false);
        pull(house, DOOR, true);
        assert_level(house, KITCHEN, 0);
}

static void rule__at_start_of_what_is_not_so__does_nothing(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE FLOAT_RULE);
        settle(house);
        assert_level(house, KITCHEN, 0);
        pull(house, DOOR, true);
        assert_level(house, KITCHEN, 1);
}

static void rule__at_start_brought_by_a_reload__acts(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE);
        pull(house, DOOR, true);
        house_apply(house, HOUSE FLOAT_RULE);
        settle(house);
        assert_level(house, KITCHEN, 1);
}

/* What it commands must have started too, and what its `if` asks for must be known. */
static void rule__at_start__waits_for_its_devices(void **state)
{
        struct house *house = *state;

        sim_pull(&house->gpio, DOOR, "pull-up");
        apply_with(house, "probe p",
                   "[lamp kitchen]\nline = GPIO17\n[contact door]\nline = GPIO4\ndebounce = 0ms\n"
                   "[rule a]\nwhen = door.state = ON\nif = p.sensor > 3\nthen = kitchen ON\nat_start = yes\n"
                   "[rule b]\nwhen = p fault\nthen = kitchen TOGGLE\nat_start = yes\n",
                   false);
        settle(house);
        /* The probe is not plugged in: that is known too, so that it is judged, and does not hold. */
        assert_level(house, KITCHEN, 1);
        plug_in(house);
        house_pass(house, MS(61000));
        settle(house);
        assert_string_equal(house_published(house, "p", DEVICE_STATUS), "online");
        assert_level(house, KITCHEN, 1);
}

static void rule__at_start_with_slow_device__ten_seconds_at_most(void **state)
{
        static const char text[] = "[lamp kitchen]\nline = GPIO17\n[contact door]\nline = GPIO4\ndebounce = 0ms\n"
                                   "[rule a]\nwhen = door.state = ON\nthen = kitchen ON, slow ON\nat_start = yes\n";
        struct house *house = *state;
        char gate[PATH_MAX];

        sim_pull(&house->gpio, DOOR, "pull-up");
        house_path(house, "start", gate);
        assert_int_equal(mkfifo(gate, 0600), 0);
        apply_with(house, "sloth slow", text, false);
        house_pass(house, MS(9900));
        assert_level(house, KITCHEN, 0);
        house_pass(house, MS(200));
        settle(house);
        assert_level(house, KITCHEN, 1);
        /* Lets its thread go. */
        int fd = open(gate, O_RDWR | O_CLOEXEC);
        assert_int_equal(write(fd, "0\n", 2), 2);
        house_wait_published(house, "slow", DEVICE_STATUS, 1);
        (void)close(fd);
}

/* ---- then ---------------------------------------------------------------------------------------------- */

static void rule__list_of_actions__in_order(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = wall.press single\n"
                                 "then = [ \"kitchen ON\", \"fan.state ON\", \"kitchen TOGGLE\" ]\n");
        size_t edges = sim_edge_count(&house->gpio, KITCHEN);
        press(house);
        assert_level(house, FAN, 1);
        assert_level(house, KITCHEN, 0);
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges + 2);
}

static void rule__target_offline__reported_once_and_the_others_act(void **state)
{
        struct house *house = *state;

        apply_with(house, "probe p",
                   HOUSE "[rule a]\nwhen = wall.press single\n"
                         "then = p.level 5, kitchen TOGGLE\n",
                   false);
        house_forget(house);
        press(house);
        assert_level(house, KITCHEN, 1);
        static const char line[] = "4 rule a: p.level 5 was not carried out: the device is offline: the probe is not "
                                   "plugged in\n";
        const char *first = strstr(house->log, line);
        assert_non_null(first);
        press(house);
        assert_level(house, KITCHEN, 0);
        assert_null(strstr(first + 1, line));
        /* Neither a result, nor a word on the node. */
        house_assert_result(house, "p", NULL);
        assert_int_equal(house_count(house, "node", DEVICE_STATE), 0);
        plug_in(house);
        house_pass(house, MS(61000));
        press(house);
        assert_true(house_logged(house, "5 rule a: p.level 5 works again\n"));
        house_assert_published(house, "kitchen", DEVICE_STATE, "{\"state\":\"ON\"}");
}

static void rule__rate__counts_other_senders_alone(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\nrate = 1\n"
                           "[button wall]\nline = GPIO5\nbias = pull-down\ndebounce = 0ms\npresses = 1\n" WALL_RULE);
        for (int i = 0; i < 5; i++)
                press(house);
        assert_level(house, KITCHEN, 1);
        /* And none of theirs was taken away. */
        house_set(house, "kitchen", "OFF");
        assert_level(house, KITCHEN, 0);
        house_assert_result(house, "kitchen", NULL);
}

static void rule__blocking_target__on_its_thread(void **state)
{
        struct house *house = *state;

        apply_with(house, "sloth slow",
                   HOUSE "[rule a]\nwhen = wall.press single\nthen = slow TOGGLE\n"
                         "[rule b]\nwhen = slow.state = ON\nthen = kitchen ON\n",
                   false);
        house_wait_published(house, "slow", DEVICE_STATUS, 1);
        house_forget(house);
        press(house);
        house_wait_published(house, "slow", DEVICE_STATE, 1);
        settle(house);
        assert_level(house, KITCHEN, 1);
        house_assert_result(house, "slow", NULL);
}

/* Channels that come only with the hardware cannot be checked before. */
static void rule__channel_that_is_added_later__works_or_is_reported(void **state)
{
        struct house *house = *state;

        apply_with(house, "late l",
                   HOUSE "[rule a]\nwhen = l.found > 5\nthen = kitchen ON\n"
                         "[rule b]\nwhen = l.lost > 5\nthen = fan ON\n[rule c]\nwhen = l.found = ON\nthen = fan ON\n",
                   false);
        assert_true(house_logged(house, "4 rule b: when: l.lost > 5: l has no channel lost; it has found\n"));
        assert_true(house_logged(house, "4 rule c: when: l.found = ON: found: \"ON\" is not a number\n"));
        assert_false(house_logged(house, "rule a:"));
        house_write(house, "value", "6");
        home_get(house->devices, "l");
        settle(house);
        assert_level(house, KITCHEN, 1);
        assert_level(house, FAN, 0);
}

/* ---- delay and cancel ---------------------------------------------------------------------------------- */

#define DELAYED "[rule a]\nwhen = door.state = OFF\nthen = kitchen OFF\ndelay = 10s\ncancel = door.state = ON\n"

static void open_and_close(struct house *house)
{
        pull(house, DOOR, true);
        pull(house, DOOR, false);
}

static void rule__delay__acts_when_it_is_over(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE DELAYED);
        set(house, "kitchen", "ON");
        open_and_close(house);
        house_pass(house, MS(9999));
        assert_level(house, KITCHEN, 1);
        house_pass(house, MS(1));
        assert_level(house, KITCHEN, 0);
}

static void rule__cancel__does_not_act(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE DELAYED);
        set(house, "kitchen", "ON");
        open_and_close(house);
        house_pass(house, MS(9000));
        pull(house, DOOR, true);
        house_pass(house, MS(60000));
        assert_level(house, KITCHEN, 1);
}

static void rule__set_off_again__waits_again(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = wall.press single\nthen = kitchen TOGGLE\ndelay = 10s\n");
        press(house);
        house_pass(house, MS(6000));
        press(house);
        house_pass(house, MS(9999));
        assert_level(house, KITCHEN, 0);
        house_pass(house, MS(1));
        assert_level(house, KITCHEN, 1);
        house_pass(house, MS(60000));
        assert_level(house, KITCHEN, 1);
}

/* The `if` is asked when it is set off; what becomes of that while it waits is cancel's. */
static void rule__delay_and_if__asked_at_the_beginning(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = wall.press single\nif = door.state = OFF\nthen = kitchen ON\n"
                                 "delay = 10s\n");
        press(house);
        pull(house, DOOR, true);
        house_pass(house, MS(10000));
        assert_level(house, KITCHEN, 1);
}

/* The kernel's time of an edge is what the delay counts from, however late the loop hears of it. */
static void rule__delay__counts_from_the_events_own_time(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n[contact door]\nline = GPIO4\nbias = pull-down\n"
                           "debounce = 50ms\n[rule a]\nwhen = door.state = ON\nthen = kitchen ON\ndelay = 1s\n");
        house_pass(house, MS(50));
        sim_pull(&house->gpio, DOOR, "pull-up");
        fixture_settle(&house->gpio);
        uint64_t begun_us = loop_now_us(&house->gpio.loop);
        house_pass(house, MS(50));
        settle(house);
        house_assert_published(house, "door", DEVICE_STATE, "{\"state\":\"ON\"}");
        house_pass(house, MS(949));
        assert_level(house, KITCHEN, 0);
        /* Debounced: the level counts from the end of the 50 ms, or from its edge; not from later. */
        house_pass(house, MS(51));
        assert_level(house, KITCHEN, 1);
        assert_true(loop_now_us(&house->gpio.loop) - begun_us <= MS(1050));
}

static void rule__stop__nothing_acts_after_it(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = wall.press single\nthen = kitchen ON\ndelay = 10s\n"
                                 "[rule b]\nwhen = fan.state = OFF\nthen = kitchen ON\n");
        set(house, "fan", "ON");
        press(house);
        sim_pull(&house->gpio, WALL, "pull-up");
        house_restart(house);
        house_pass(house, MS(60000));
        house_apply(house, HOUSE);
        assert_level(house, KITCHEN, 0);
}

/* ---- Waiting beyond the process ------------------------------------------------------------------------ */

#define STAIRS "[rule a]\nwhen = door.state = OFF\nthen = kitchen OFF, fan ON\ndelay = 30s\ncancel = door.state = ON\n"

/* The kitchen is on, and for twenty of thirty seconds the rule has been waiting. */
static void wait_with(struct house *house, const char *config)
{
        house_apply(house, config);
        pull(house, DOOR, true);
        pull(house, DOOR, false);
        set(house, "kitchen", "ON");
        house_pass(house, MS(20000));
        assert_level(house, KITCHEN, 1);
        assert_non_null(store_get(house->store, STORE_MARK, "", "wait a"));
}

static void wait_for_a_while(struct house *house)
{
        wait_with(house, HOUSE STAIRS);
}

static void come_back(struct house *house, uint64_t away_us, const char *config)
{
        house_pass(house, away_us);
        house_apply(house, config);
        settle(house);
}

static void rule__killed_while_it_waits__goes_on_waiting(void **state)
{
        struct house *house = *state;

        wait_for_a_while(house);
        house_crash(house);
        come_back(house, MS(1000), HOUSE STAIRS);
        house_pass(house, MS(8500));
        assert_level(house, KITCHEN, 1);
        house_pass(house, MS(1000));
        settle(house);
        assert_level(house, KITCHEN, 0);
        assert_level(house, FAN, 1);
        assert_null(store_get(house->store, STORE_MARK, "", "wait a"));
}

static void open_spent(struct house *house)
{
        char path[PATH_MAX];

        house_path(house, "waits", path);
        assert_int_equal(spent_new(path, &house->options.spent), 0);
}

/* The agent dies in what the rule does: the database has not been written since. */
static void rule__killed_while_it_acts__does_not_act_again(void **state)
{
        struct house *house = *state;
        char mark[128];

        open_spent(house);
        house_crash(house);
        wait_for_a_while(house);
        (void)snprintf(mark, sizeof(mark), "%s", store_get(house->store, STORE_MARK, "", "wait a"));
        house_pass(house, MS(11000));
        settle(house);
        assert_level(house, KITCHEN, 0);
        set(house, "kitchen", "ON");
        assert_int_equal(store_put(house->store, STORE_MARK, "", "wait a", mark), 0);
        struct spent *before = house->options.spent;
        open_spent(house);
        house_crash(house);
        spent_free(before);
        come_back(house, MS(1000), HOUSE STAIRS);
        assert_null(store_get(house->store, STORE_MARK, "", "wait a"));
        house_pass(house, MS(60000));
        settle(house);
        assert_level(house, KITCHEN, 1);
        home_stop(house->devices);
        spent_free(TAKE_PTR(house->options.spent));
}

static void rule__restarted_while_it_waits__goes_on_waiting(void **state)
{
        struct house *house = *state;

        wait_for_a_while(house);
        house_restart(house);
        come_back(house, MS(1000), HOUSE STAIRS);
        assert_level(house, KITCHEN, 1);
        house_pass(house, MS(9500));
        settle(house);
        assert_level(house, KITCHEN, 0);
}

static void rule__due_while_away__acts_at_the_start(void **state)
{
        struct house *house = *state;

        wait_for_a_while(house);
        house_crash(house);
        come_back(house, MS(60000), HOUSE STAIRS);
        assert_level(house, KITCHEN, 0);
        assert_level(house, FAN, 1);
}

static void rule__due_long_ago__switches_off_and_nothing_else(void **state)
{
        struct house *house = *state;

        wait_for_a_while(house);
        house_crash(house);
        come_back(house, MS(75000), HOUSE STAIRS);
        assert_level(house, KITCHEN, 0);
        assert_level(house, FAN, 0);
        assert_true(house_logged(house, "rule a: fan ON was due while the agent was away, and is dropped"));
        assert_null(store_get(house->store, STORE_MARK, "", "wait a"));
}

/* Its devices are there, and it has not had its turn yet. */
static void rule__due_while_away__newer_command_stays(void **state)
{
        static const uint64_t away_us[] = { MS(20000), MS(75000) };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(away_us); i++) {
                wait_for_a_while(house);
                house_crash(house);
                house_pass(house, away_us[i]);
                house_apply(house, HOUSE STAIRS);
                house_set(house, "kitchen", "ON");
                settle(house);
                assert_level(house, KITCHEN, 1);
                assert_true(house_logged(house, "rule a: kitchen OFF was due while the agent was away, and a newer "
                                                "command has come: it is dropped"));
                assert_level(house, FAN, i == 0);
                house_apply(house, HOUSE);
                set(house, "fan", "OFF");
        }
}

/* A command that was refused has changed nothing. */
static void rule__due_while_away__refused_command_does_not_count(void **state)
{
        struct house *house = *state;

        wait_for_a_while(house);
        house_crash(house);
        house_pass(house, MS(75000));
        house_apply(house, HOUSE STAIRS);
        house_set(house, "kitchen", "{\"state\":\"ON\",\"warmth\":3}");
        settle(house);
        assert_level(house, KITCHEN, 0);
}

/* The config has been changed meanwhile, and checked by nobody. */
static void rule__due_while_away_and_a_device_is_gone__the_others_act(void **state)
{
        struct house *house = *state;

        wait_for_a_while(house);
        house_crash(house);
        house_pass(house, MS(60000));
        house_apply_anyway(house, "[switch fan]\nline = GPIO22\n[contact door]\nline = GPIO4\nbias = pull-down\n"
                                  "debounce = 0ms\n" STAIRS);
        settle(house);
        assert_level(house, FAN, 1);
        assert_true(house_logged(house, "rule a: kitchen OFF was not carried out: there is no device kitchen"));
}

static void rule__what_would_cancel_it_is_gone__acts(void **state)
{
        static const char rule[] = "[rule a]\nwhen = door.state = OFF\nthen = kitchen OFF\ndelay = 30s\n"
                                   "cancel = wall.press single\n";
        struct house *house = *state;
        char config[600];

        (void)snprintf(config, sizeof(config), HOUSE "%s", rule);
        wait_with(house, config);
        house_crash(house);
        (void)snprintf(config, sizeof(config),
                       "[lamp kitchen]\nline = GPIO17\n[contact door]\nline = GPIO4\nbias = pull-down\n"
                       "debounce = 0ms\n%s",
                       rule);
        house_apply_anyway(house, config);
        settle(house);
        assert_level(house, KITCHEN, 1);
        house_pass(house, MS(10000));
        settle(house);
        assert_level(house, KITCHEN, 0);
}

/* Of two that were due while nobody was there the later one has the last word, in any order. */
static void rule__two_due_while_away__the_later_one_counts(void **state)
{
        static const char *const rules[] = {
                HOUSE "[rule a]\nwhen = door.state = OFF\nthen = kitchen OFF\ndelay = 31s\n"
                      "[rule b]\nwhen = door.state = OFF\nthen = kitchen ON\ndelay = 30s\n",
                HOUSE "[rule a]\nwhen = door.state = OFF\nthen = kitchen ON\ndelay = 30s\n"
                      "[rule b]\nwhen = door.state = OFF\nthen = kitchen OFF\ndelay = 31s\n",
        };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
                wait_with(house, rules[i]);
                house_crash(house);
                come_back(house, MS(20000), rules[i]);
                assert_level(house, KITCHEN, 0);
                house_apply(house, HOUSE);
        }
}

/* A bias would pull the line down again when it is opened. */
#define NO_BIAS                                                                                                        \
        "[lamp kitchen]\nline = GPIO17\n[switch fan]\nline = GPIO22\n[contact door]\nline = GPIO4\ndebounce = 0ms\n"

static void rule__what_cancels_it_came_while_away__does_not_act(void **state)
{
        struct house *house = *state;

        wait_with(house, NO_BIAS STAIRS);
        house_crash(house);
        sim_pull(&house->gpio, DOOR, "pull-up");
        come_back(house, MS(1000), NO_BIAS STAIRS);
        house_pass(house, MS(60000));
        settle(house);
        assert_level(house, KITCHEN, 1);
        assert_null(store_get(house->store, STORE_MARK, "", "wait a"));
}

static void rule__is_another_one_after_the_restart__does_not_act(void **state)
{
        static const char *const configs[] = {
                HOUSE "[rule a]\nwhen = door.state = OFF\nthen = kitchen OFF\ndelay = 30s\ncancel = door.state = ON\n",
                HOUSE "[rule b]\nwhen = door.state = OFF\nthen = kitchen OFF, fan ON\ndelay = 30s\n",
                HOUSE,
        };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
                wait_for_a_while(house);
                house_crash(house);
                come_back(house, MS(1000), configs[i]);
                assert_null(store_get(house->store, STORE_MARK, "", "wait a"));
                house_pass(house, MS(60000));
                settle(house);
                assert_level(house, KITCHEN, 1);
                house_apply(house, HOUSE);
        }
}

static void rule__waited_in_another_boot__does_not_act(void **state)
{
        struct house *house = *state;
        char text[128];

        wait_for_a_while(house);
        (void)snprintf(text, sizeof(text), "%s", store_get(house->store, STORE_MARK, "", "wait a"));
        text[0] = text[0] == '0' ? '1' : '0';
        assert_int_equal(store_put(house->store, STORE_MARK, "", "wait a", text), 0);
        house_crash(house);
        come_back(house, MS(1000), HOUSE STAIRS);
        assert_null(store_get(house->store, STORE_MARK, "", "wait a"));
        house_pass(house, MS(60000));
        settle(house);
        assert_level(house, KITCHEN, 1);
}

/* A blinker would write for ever. */
static void rule__short_delay__is_not_kept(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule a]\nwhen = door.state = OFF\nthen = kitchen OFF\ndelay = 9s\n");
        pull(house, DOOR, true);
        pull(house, DOOR, false);
        assert_null(store_get(house->store, STORE_MARK, "", "wait a"));
}

/* What on_exit switches sets nothing off. */
static void rule__stop__on_exit_has_the_last_word(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n[switch fan]\nline = GPIO22\non_exit = off\n"
                           "[rule a]\nwhen = fan.state = OFF\nthen = kitchen ON\n");
        set(house, "fan", "ON");
        size_t edges = sim_edge_count(&house->gpio, KITCHEN);
        house_restart(house);
        house_pass(house, MS(1000));
        assert_level(house, FAN, 0);
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges);
}

/* ---- Chains -------------------------------------------------------------------------------------------- */

/* l0 sets off l1, and so on: the ninth rule in a row is not carried out. */
static void rule__chain_of_nine__cut_and_reported(void **state)
{
        struct house *house = *state;
        char text[4096] = "";

        for (int i = 0; i <= 9; i++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "[switch l%d]\nline = %d\n", i, i);
        for (int i = 0; i < 9; i++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
                               "[rule r%d]\nwhen = l%d.state = ON\nthen = l%d ON\n", i, i, i + 1);
        house_apply(house, text);
        set(house, "l0", "ON");
        for (unsigned i = 0; i <= 8; i++)
                assert_level(house, i, 1);
        assert_level(house, 9, 0);
        static const char published[] = "r8 was not carried out: 8 rules before it have set each other off in a row";
        assert_true(house_logged(house, published));
        assert_non_null(strstr(house_published(house, "node", DEVICE_STATE), published));
        /* The same again is no news. */
        size_t log_size = house->log_size;
        for (int i = 0; i < 9; i++) {
                char id[3] = { 'l', (char)('0' + i) };
                set(house, id, "OFF");
        }
        set(house, "l0", "ON");
        assert_level(house, 8, 1);
        assert_level(house, 9, 0);
        assert_null(strstr(house->log + log_size, published));
        /* A new stimulus is a new chain. */
        set(house, "l8", "OFF");
        set(house, "l8", "ON");
        assert_level(house, 9, 1);
        /* And a reload forgives. */
        house_apply(house, text);
        assert_null(strstr(house_published(house, "node", DEVICE_STATE), published));
}

static void command_from_a_rule(struct house *house, const char *device, unsigned depth)
{
        const struct command_meta meta = { .depth = depth };

        home_command(house->devices, device, NULL, "TOGGLE", 6, &meta);
        settle(house);
}

/* A rule of another node has sent it: its chain goes on here. What is switched off for the sake of another belongs to it, too. */
static void rule__set_off_by_a_command_of_another_node__its_depth_counts(void **state)
{
        struct house *house = *state;

        house_apply(house, "[switch a]\nline = 1\ninterlock = pair\n[switch b]\nline = 2\ninterlock = pair\n"
                           "[switch on]\nline = 3\n[switch off]\nline = 4\n"
                           "[rule on]\nwhen = b.state = ON\nthen = on TOGGLE\n"
                           "[rule off]\nwhen = b.state = OFF\nthen = off TOGGLE\n");
        house_pass(house, USEC_PER_SEC); /* the dead time after a start */
        command_from_a_rule(house, "b", CHAIN_MAX - 1);
        assert_level(house, 3, 1);
        command_from_a_rule(house, "b", CHAIN_MAX);
        assert_level(house, 2, 0);
        assert_level(house, 4, 0);
        assert_true(house_logged(house, "off was not carried out: 8 rules before it have set each other off in a row"));
        house_pass(house, USEC_PER_SEC);
        set(house, "b", "ON"); /* no chain any more */
        assert_level(house, 3, 0);
        command_from_a_rule(house, "a", CHAIN_MAX); /* which b gives way to */
        assert_level(house, 2, 0);
        assert_level(house, 4, 0);
}

/* What --check would have refused still comes to an end. */
static void rule__circle__ends(void **state)
{
        struct house *house = *state;

        house_apply_anyway(house, HOUSE "[rule on]\nwhen = kitchen.state = ON\nthen = kitchen OFF\n"
                                        "[rule off]\nwhen = kitchen.state = OFF\nthen = kitchen ON\n");
        size_t edges = sim_edge_count(&house->gpio, KITCHEN);
        set(house, "kitchen", "ON");
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges + 1 + 8);
        assert_true(house_logged(house, "was not carried out: 8 rules before it"));
}

static void rule__circle_over_a_blocking_device__ends(void **state)
{
        struct house *house = *state;

        apply_with(house, "sloth slow",
                   "[rule on]\nwhen = slow.state = ON\nthen = slow OFF\n"
                   "[rule off]\nwhen = slow.state = OFF\nthen = slow ON\n",
                   true);
        house_wait_published(house, "slow", DEVICE_STATUS, 1);
        house_forget(house);
        house_set(house, "slow", "ON");
        for (size_t i = 1; i <= 9; i++) {
                house_wait_published(house, "slow", DEVICE_STATE, i);
                settle(house);
        }
        assert_true(house_logged(house, "was not carried out: 8 rules before it"));
        house_set(house, "slow", "{\"state\":\"ON\",\"id\":1}");
        house_wait_published(house, "slow", DEVICE_RESULT, 1);
        assert_int_equal(house_count(house, "slow", DEVICE_STATE), 10);
}

static void rule__blinker__goes_on(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE "[rule on]\nwhen = kitchen.state = ON\nthen = kitchen OFF\ndelay = 500ms\n"
                                 "[rule off]\nwhen = kitchen.state = OFF\nthen = kitchen ON\ndelay = 500ms\n");
        size_t edges = sim_edge_count(&house->gpio, KITCHEN);
        set(house, "kitchen", "ON");
        for (int i = 0; i < 40; i++)
                house_pass(house, MS(500));
        assert_int_equal(sim_edge_count(&house->gpio, KITCHEN), edges + 41);
        assert_false(house_logged(house, "was not carried out"));
}

/* ---- Reload -------------------------------------------------------------------------------------------- */

static void rules_apply__changed_rule__new_at_once_and_devices_untouched(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE WALL_RULE);
        press(house);
        house_forget(house);
        house_apply(house, HOUSE "[rule wall]\nwhen = wall.press single\nthen = fan TOGGLE\n");
        assert_int_equal(house_count(house, "kitchen", DEVICE_STATE), 0);
        press(house);
        assert_level(house, KITCHEN, 1);
        assert_level(house, FAN, 1);
        house_apply(house, HOUSE);
        press(house);
        assert_level(house, FAN, 1);
}

static void rules_apply__new_rule_that_is_true_already__does_not_fire(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE);
        pull(house, DOOR, true);
        house_apply(house, HOUSE "[rule a]\nwhen = door.state = ON\nthen = kitchen ON\n");
        home_get(house->devices, "door");
        settle(house);
        assert_level(house, KITCHEN, 0);
        pull(house, DOOR, false);
        pull(house, DOOR, true);
        assert_level(house, KITCHEN, 1);
}

static void rules_apply__unchanged_rule__its_waiting_goes_on(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE DELAYED);
        set(house, "kitchen", "ON");
        open_and_close(house);
        house_pass(house, MS(5000));
        house_apply(house, HOUSE "# moved\n" WALL_RULE DELAYED);
        house_pass(house, MS(4999));
        assert_level(house, KITCHEN, 1);
        house_pass(house, MS(1));
        assert_level(house, KITCHEN, 0);
        assert_false(house_logged(house, "is dropped"));
}

static void rules_apply__changed_rule__its_waiting_is_dropped_and_reported(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE DELAYED);
        set(house, "kitchen", "ON");
        open_and_close(house);
        house_apply(house, HOUSE "[rule a]\nwhen = door.state = OFF\nthen = kitchen OFF\ndelay = 11s\n");
        assert_true(house_logged(house, "5 rule a has changed or is gone: what it was waiting to do is dropped\n"));
        house_pass(house, MS(60000));
        assert_level(house, KITCHEN, 1);
}

static void rules_apply__device_restarted__its_rules_go_on(void **state)
{
        struct house *house = *state;

        house_apply(house, HOUSE WALL_RULE);
        house_apply(house, "[lamp kitchen]\nline = GPIO18\n[button wall]\nline = GPIO6\nbias = pull-down\n"
                           "debounce = 0ms\npresses = 1\n" WALL_RULE);
        pull(house, 6, true);
        pull(house, 6, false);
        assert_level(house, 18, 1);
}

/* The same words, and another device of that id: what they mean is looked up again. */
static void rules_apply__device_with_other_channels__the_rule_is_read_again(void **state)
{
        struct house *house = *state;
        static const char rules[] = "[rule a]\nwhen = x.sensor > 4\nthen = x ON\n"
                                    "[rule b]\nwhen = wall.press single\nif = x.sensor > 4\nthen = x ON\n";
        char text[1024];

        plug_in(house);
        (void)snprintf(text, sizeof(text), HOUSE "%s", rules);
        apply_with(house, "probe x", text, false);
        (void)snprintf(text, sizeof(text), HOUSE "[lamp x]\nline = GPIO18\n%s", rules);
        house_apply_anyway(house, text);
        assert_true(house_logged(house, "4 rule a: when: x.sensor > 4: x has no channel sensor; it has "));
        press(house);
        set(house, "x", "ON");
        set(house, "x", "OFF");
        assert_level(house, 18, 0);
        (void)snprintf(text, sizeof(text), HOUSE "%s", rules);
        apply_with(house, "probe x", text, false);
        press(house);
        house_assert_published(house, "x", DEVICE_STATE,
                               "{\"light\":\"ON\",\"level\":null,\"cover\":null,\"mood\":null,\"note\":null,"
                               "\"sensor\":5}");
}

static void rules_apply__rule_that_is_wrong__left_out_and_reported(void **state)
{
        struct house *house = *state;

        house_apply_anyway(house, HOUSE "[rule bad]\nwhen = wall\nthen = kitchen ON\n" WALL_RULE);
        assert_true(house_logged(house, "[rule bad] when: wall: what of it?"));
        press(house);
        assert_level(house, KITCHEN, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup_more, house_teardown)
                TEST(rule__event__acts),
                TEST(rule__other_event__does_nothing),
                TEST(rule__event__acts_after_the_callback_that_reported_it),
                TEST(rule__two_events_before_its_turn__each_acts),
                TEST(rule__comparison__acts_when_it_becomes_true),
                TEST(rule__first_value__never_fires),
                TEST(rule__device_starts_again_with_another_value__does_not_fire),
                TEST(rule__list_of_conditions__any_of_them),
                TEST(rule__comparisons_of_every_type__as_written),
                TEST(rule__offline_and_online__when_the_device_reports_it),
                TEST(rule__if__all_of_it_at_that_moment),
                TEST(rule__if_without_a_value_yet__does_not_hold),
                TEST(rules__one_press__judged_before_any_acts),
                TEST(rules__two_presses_before_their_turn__the_second_sees_what_the_first_did),
                TEST(rules__cover_with_one_button__each_press_does_one_thing),
                TEST(rules__chain__each_wave_judged_before_it_acts),
                TEST(rules__after_a_delay__what_follows_is_judged_before_it_acts),
                TEST(rule__value_lost_and_found__acts_on_what_it_asks_for),
                TEST(rule__if_faulty_or_unknown__as_it_is_now),
                TEST(rule__fault_of_a_channel__delay_and_cancel),
                TEST(rule__fault_of_a_channel_that_is_not_there__is_one),
                TEST(rule__at_start__acts_once_for_what_is_so_already),
                TEST(rule__at_start_of_what_is_not_so__does_nothing),
                TEST(rule__at_start_brought_by_a_reload__acts),
                TEST(rule__at_start__waits_for_its_devices),
                TEST(rule__at_start_with_slow_device__ten_seconds_at_most),
                TEST(rule__list_of_actions__in_order),
                TEST(rule__target_offline__reported_once_and_the_others_act),
                TEST(rule__rate__counts_other_senders_alone),
                TEST(rule__blocking_target__on_its_thread),
                TEST(rule__channel_that_is_added_later__works_or_is_reported),
                TEST(rule__delay__acts_when_it_is_over),
                TEST(rule__cancel__does_not_act),
                TEST(rule__set_off_again__waits_again),
                TEST(rule__delay_and_if__asked_at_the_beginning),
                TEST(rule__delay__counts_from_the_events_own_time),
                TEST(rule__stop__nothing_acts_after_it),
                TEST(rule__killed_while_it_waits__goes_on_waiting),
                TEST(rule__killed_while_it_acts__does_not_act_again),
                TEST(rule__restarted_while_it_waits__goes_on_waiting),
                TEST(rule__due_while_away__acts_at_the_start),
                TEST(rule__due_long_ago__switches_off_and_nothing_else),
                TEST(rule__due_while_away__newer_command_stays),
                TEST(rule__due_while_away__refused_command_does_not_count),
                TEST(rule__due_while_away_and_a_device_is_gone__the_others_act),
                TEST(rule__what_would_cancel_it_is_gone__acts),
                TEST(rule__two_due_while_away__the_later_one_counts),
                TEST(rule__what_cancels_it_came_while_away__does_not_act),
                TEST(rule__is_another_one_after_the_restart__does_not_act),
                TEST(rule__waited_in_another_boot__does_not_act),
                TEST(rule__short_delay__is_not_kept),
                TEST(rule__stop__on_exit_has_the_last_word),
                TEST(rule__chain_of_nine__cut_and_reported),
                TEST(rule__set_off_by_a_command_of_another_node__its_depth_counts),
                TEST(rule__circle__ends),
                TEST(rule__circle_over_a_blocking_device__ends),
                TEST(rule__blinker__goes_on),
                TEST(rules_apply__changed_rule__new_at_once_and_devices_untouched),
                TEST(rules_apply__new_rule_that_is_true_already__does_not_fire),
                TEST(rules_apply__unchanged_rule__its_waiting_goes_on),
                TEST(rules_apply__changed_rule__its_waiting_is_dropped_and_reported),
                TEST(rules_apply__device_restarted__its_rules_go_on),
                TEST(rules_apply__device_with_other_channels__the_rule_is_read_again),
                TEST(rules_apply__rule_that_is_wrong__left_out_and_reported),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
