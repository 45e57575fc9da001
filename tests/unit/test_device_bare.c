/* SPDX-License-Identifier: Apache-2.0 */
/* device/output, hold, on_time and saved by themselves: a device that is made by hand, in states that no plugin here
 * brings about. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/device.h"
#include "util/macro.h"

#define SECOND USEC_PER_SEC

struct bare {
        struct loop loop;
        struct device_context context;
        struct plugin plugin;
        struct device_config config;
        struct instance instance;
        struct device device;
};

static const struct output_guard no_guard;

static int setup(void **state)
{
        struct bare *bare = calloc(1, sizeof(*bare));

        if (!bare || loop_init_fake(&bare->loop) < 0)
                return -1;
        loop_advance(&bare->loop, SECOND); /* 0 is no time */
        bare->context.loop = &bare->loop;
        bare->context.guard = &no_guard;
        bare->plugin.table.name = "bare";
        bare->plugin.has_output = true;
        bare->config.plugin = &bare->plugin;
        bare->instance.device = &bare->device;
        bare->instance.config = &bare->config;
        bare->device.context = &bare->context;
        bare->device.plugin = &bare->plugin;
        bare->device.instance = &bare->instance;
        bare->device.life.phase = DEVICE_RUNNING;
        (void)snprintf(bare->device.id, sizeof(bare->device.id), "bare");
        *state = bare;
        return 0;
}

static int teardown(void **state)
{
        struct bare *bare = *state;

        channels_done(&bare->device.channels);
        timer_free(bare->device.on_time.timer);
        loop_done(&bare->loop);
        free(bare);
        return 0;
}

static struct device *device_with(void **state, const char *key, enum sconce_kind kind)
{
        struct bare *bare = *state;
        const struct sconce_channel row = { .key = key, .kind = kind };

        assert_int_equal(channels_append(&bare->device.channels, &row), 0);
        return &bare->device;
}

#define COMMAND(...)                                                                                                   \
        &(const struct sconce_command)                                                                                 \
        {                                                                                                              \
                .values = (const struct sconce_value[]){ __VA_ARGS__ },                                                \
                .count = sizeof((const struct sconce_value[]){ __VA_ARGS__ }) / sizeof(struct sconce_value)            \
        }

/* ---- output ---------------------------------------------------------------------------------------------- */

static void output_switch_values__two_switches__off_is_for_both_and_on_for_the_first(void **state)
{
        struct sconce_value values[COMMAND_VALUES_MAX];

        (void)device_with(state, "level", SCONCE_NUMBER);
        (void)device_with(state, "one", SCONCE_SWITCH);
        const struct device *device = device_with(state, "two", SCONCE_SWITCH);
        assert_int_equal(output_switch_values(device, false, values), 2);
        assert_string_equal(values[1].channel, "two");
        assert_int_equal(output_switch_values(device, true, values), 1);
        assert_string_equal(values[0].channel, "one");
        assert_true(values[0].on);
}

static void output_switch_values__more_switches_than_a_command_holds__as_many_as_fit(void **state)
{
        struct sconce_value values[COMMAND_VALUES_MAX];
        static char keys[COMMAND_VALUES_MAX + 1][8];
        struct device *device = NULL;

        for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
                (void)snprintf(keys[i], sizeof(keys[i]), "s%u", i);
                device = device_with(state, keys[i], SCONCE_SWITCH);
        }
        assert_int_equal(output_switch_values(device, false, values), COMMAND_VALUES_MAX);
}

/* What else it asks for, and what the device has not, switches nothing off. */
static void output_is_switched_off_by__beside_other_values__only_an_off(void **state)
{
        (void)device_with(state, "level", SCONCE_NUMBER);
        const struct device *device = device_with(state, "state", SCONCE_SWITCH);

        assert_true(output_is_switched_off_by(device, COMMAND(SCONCE_NUM("level", 1), SCONCE_BOOL("state", false))));
        assert_true(output_is_switched_off_by(device, COMMAND(SCONCE_BOOL("gone", true), SCONCE_BOOL("state", false))));
        assert_false(output_is_switched_off_by(device, COMMAND(SCONCE_NUM("level", 0))));
        assert_false(output_is_switched_off_by(device, COMMAND(SCONCE_BOOL("gone", false))));
        assert_false(output_is_switched_off_by(device, COMMAND(SCONCE_BOOL("state", true))));
}

/* A device whose section is wrong drives nothing: what it had is nobody's now. */
static void output_is_left__successor_that_cannot_start__is(void **state)
{
        struct bare *bare = *state;
        struct device successor = bare->device, none = { .id = "none" };

        assert_false(output_is_left(&bare->device, &successor)); /* both drive nothing */
        successor.life.phase = DEVICE_BROKEN;
        assert_true(output_is_left(&bare->device, &successor));
        assert_true(output_is_left(&bare->device, &none));
        assert_false(output_is_left(&none, &successor));
}

static void output_check__without_a_section__nothing_is_wrong(void **state)
{
        struct bare *bare = *state;
        static char word[] = "bare";
        struct config_section section = { .kind = word, .id = word };
        struct problems problems = { 0 };

        bare->device.shared.output.on_exit = ON_EVENT_ON;
        assert_int_equal(output_check(&bare->device, &section, &problems), -EINVAL);
        assert_non_null(strstr(problems.items[0], "this device is not switched on and off"));
        problems_done(&problems);
        assert_int_equal(output_check(&bare->device, NULL, &problems), 0);
}

static void output_first__read_only_or_no_output__what_was_kept(void **state)
{
        struct bare *bare = *state;
        struct sconce_value first;

        (void)device_with(state, "temperature", SCONCE_SENSOR);
        struct device *device = device_with(state, "state", SCONCE_SWITCH);
        assert_int_equal(output_first(device, NULL, &first), -EINVAL);
        assert_int_equal(output_first(device, "temperature", &first), -EINVAL);
        bare->plugin.has_output = false;
        assert_int_equal(output_first(device, "state", &first), -ENODATA);
        device->channels.items[1].now = (struct value){ .type = SCONCE_VALUE_BOOL, .on = true };
        assert_true(channel_keep(&device->channels.items[1]));
        assert_int_equal(output_first(device, "state", &first), 0);
        assert_true(first.on);
}

/* ---- hold ------------------------------------------------------------------------------------------------ */

static void hold_of__no_plugin_or_no_output__none(void **state)
{
        struct bare *bare = *state;

        bare->device.output.exit_hold = HOLD_OFF;
        assert_int_equal(hold_of(&bare->device), HOLD_OFF);
        bare->plugin.has_output = false;
        assert_int_equal(hold_of(&bare->device), HOLD_NONE);
        bare->device.plugin = NULL;
        assert_int_equal(hold_of(&bare->device), HOLD_NONE);
}

/* The broker has been away for long: `on_offline` holds. */
static void lose_broker(struct bare *bare, enum hold hold)
{
        bare->context.offline.is_over = bare->context.offline.is_seen = true;
        bare->device.shared.output.on_offline = (int)hold;
}

/* OFF where it is held off anyway says nothing new. All else is somebody's will against the hold. */
static void hold_command__while_held__only_what_is_against_it_ends_it(void **state)
{
        static const struct {
                enum hold hold;
                bool on, is_released;
        } rows[] = {
                { HOLD_OFF, false, false },
                { HOLD_OFF, true, true },
                { HOLD_ON, false, true },
                { HOLD_ON, true, true },
        };
        struct bare *bare = *state;
        struct device *device = device_with(state, "state", SCONCE_SWITCH);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                lose_broker(bare, rows[i].hold);
                device->hold.is_released = false;
                (void)hold_command(device, COMMAND(SCONCE_BOOL("state", rows[i].on)));
                if (device->hold.is_released != rows[i].is_released)
                        fail_msg("row %zu", i);
        }
}

/* It has the last word. */
static void hold_command__at_exit__ends_nothing(void **state)
{
        struct bare *bare = *state;
        struct device *device = device_with(state, "state", SCONCE_SWITCH);

        lose_broker(bare, HOLD_OFF);
        device->output.exit_hold = HOLD_ON;
        (void)hold_command(device, COMMAND(SCONCE_BOOL("state", true)));
        assert_false(device->hold.is_released);
        assert_int_equal(hold_of(device), HOLD_ON);
}

/* Off with its time still counted, as after a crash: ON has its whole time; a flash, and what is for no channel, has what
 * is left; and what its plugin wants on is not dark. */
static void hold_command__dark_with_its_time_counted__forgiven_for_good_alone(void **state)
{
        struct bare *bare = *state;
        const struct sconce_channel flash = { .key = "flash", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY };
        struct device *device = device_with(state, "state", SCONCE_SWITCH);
        struct device_pin pin = { .device = device, .wish = -1 };
        struct device_config_dimmer dimmer = { 0 };
        const uint64_t begun_us = loop_now_us(&bare->loop) - 1;

        assert_int_equal(channels_append(&device->channels, &flash), 0);
        bare->config.dimmers = &dimmer;
        bare->config.n_dimmers = bare->config.n_outputs = 1;
        device->pins = &pin;
        device->shared.output.max_on_us = SECOND;
        device->on_time.on_since_us = begun_us;
        assert_false(hold_command(device, COMMAND(SCONCE_NUM("flash", 9))).is_forgiven);
        assert_false(hold_command(device, COMMAND(SCONCE_BOOL("gone", true))).is_forgiven);
        pin.wish = 1;
        assert_false(hold_command(device, COMMAND(SCONCE_BOOL("state", true))).is_forgiven);
        pin.wish = -1;
        device->output.is_live = true;
        assert_false(hold_command(device, COMMAND(SCONCE_BOOL("state", true))).is_forgiven);
        device->output.is_live = false;
        assert_int_equal(device->on_time.on_since_us, begun_us);
        assert_true(hold_command(device, COMMAND(SCONCE_BOOL("state", true))).is_forgiven);
        assert_int_equal(device->on_time.on_since_us, 0);
        assert_false(hold_command(device, COMMAND(SCONCE_BOOL("state", true))).is_forgiven);
}

/* Only that ends the count of max_on: OFF with a fade beside it may still shine. */
static void hold_command__off__meant_where_nothing_else_is_asked_for(void **state)
{
        (void)device_with(state, "transition", SCONCE_DURATION);
        struct device *device = device_with(state, "state", SCONCE_SWITCH);

        (void)hold_command(device, COMMAND(SCONCE_BOOL("state", false)));
        assert_true(device->on_time.is_off_meant);
        (void)hold_command(device, COMMAND(SCONCE_BOOL("state", false), SCONCE_NUM("transition", 9)));
        assert_false(device->on_time.is_off_meant);
        (void)hold_command(device, COMMAND(SCONCE_BOOL("state", false)));
        (void)hold_command(device, COMMAND(SCONCE_BOOL("state", false), SCONCE_BOOL("gone", false)));
        assert_false(device->on_time.is_off_meant);
}

/* It stands still where it is to be off; where it is to be on there is nothing to ask for. */
static void hold_bring__on_of_a_cover__is_not_asked_to_stop(void **state)
{
        struct device *device = device_with(state, "state", SCONCE_COVER);

        assert_int_equal(hold_bring(device, true), 0); /* who would be asked is not there */
}

static int take_command(struct device *device, const struct sconce_command *command)
{
        (void)device;
        (void)command;
        return 1;
}

static void hold_bring__more_switches_than_a_command_holds__as_many_as_fit(void **state)
{
        static const struct output_guard guard = { .command = take_command };
        static char keys[COMMAND_VALUES_MAX + 1][8];
        struct bare *bare = *state;
        struct device *device = &bare->device;

        bare->context.guard = &guard;
        for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
                (void)snprintf(keys[i], sizeof(keys[i]), "s%u", i);
                device = device_with(state, keys[i], SCONCE_SWITCH);
                device->channels.items[i].now = (struct value){ .type = SCONCE_VALUE_BOOL, .on = true };
        }
        assert_int_equal(hold_bring(device, false), 0);
        assert_false(device->channels.items[COMMAND_VALUES_MAX - 1].now.on);
        assert_true(device->channels.items[COMMAND_VALUES_MAX].now.on);
}

/* ---- on_time --------------------------------------------------------------------------------------------- */

/* Its output is no line and no dimmer: what it reports is all that is known. */
static void on_time_watch__no_line__counts_what_is_reported_on(void **state)
{
        struct bare *bare = *state;

        on_time_watch(&bare->device);
        assert_int_equal(bare->device.on_time.on_since_us, 0);
        struct device *device = device_with(state, "state", SCONCE_SWITCH);
        struct channel *channel = channels_first_on_off(&device->channels);
        on_time_watch(device); /* nothing is known of it yet */
        assert_int_equal(device->on_time.on_since_us, 0);
        channel->now = (struct value){ .type = SCONCE_VALUE_BOOL, .on = false };
        on_time_watch(device);
        assert_int_equal(device->on_time.on_since_us, 0);
        channel->now.on = true;
        on_time_watch(device);
        assert_int_equal(device->on_time.on_since_us, loop_now_us(&bare->loop));
}

/* The timer of its rest is late: what goes on now has its whole time all the same. */
static void on_time_watch__on_after_a_rest_that_no_timer_has_ended__counts_again(void **state)
{
        struct bare *bare = *state;
        struct device *device = device_with(state, "state", SCONCE_SWITCH);
        struct channel *channel = channels_first_on_off(&device->channels);

        channel->now = (struct value){ .type = SCONCE_VALUE_BOOL, .on = true };
        device->on_time.on_since_us = loop_now_us(&bare->loop);
        loop_advance(&bare->loop, SECOND);
        device->on_time.rest_since_us = loop_now_us(&bare->loop);
        loop_advance(&bare->loop, 2 * SECOND - 1);
        const uint64_t begun_us = device->on_time.on_since_us;
        on_time_watch(device);
        assert_int_equal(device->on_time.on_since_us, begun_us);
        device->on_time.rest_since_us = loop_now_us(&bare->loop);
        loop_advance(&bare->loop, 2 * SECOND);
        on_time_watch(device);
        assert_int_equal(device->on_time.on_since_us, loop_now_us(&bare->loop));
        assert_int_equal(device->on_time.rest_since_us, 0);
}

/* What is held off has been on, so it has a count: but for one whose timer there was no memory for. */
static void on_time_watch__held_off_without_a_count__a_rest_ends_it(void **state)
{
        struct bare *bare = *state;
        struct device *device = device_with(state, "state", SCONCE_SWITCH);

        device->shared.output.max_on_us = 3600 * SECOND;
        on_time_restore(device, 0, true);
        on_time_watch(device);
        loop_advance(&bare->loop, 2 * SECOND - 1);
        assert_int_equal(hold_of(device), HOLD_OFF);
        loop_advance(&bare->loop, 1);
        assert_int_equal(hold_of(device), HOLD_NONE);
}

/* Its timer comes in a rest that has begun again unheard: what is off, and not wished on, is not switched off. */
static void on_time__over_while_it_is_off_and_not_wished__count_ends(void **state)
{
        struct bare *bare = *state;
        struct device *device = device_with(state, "state", SCONCE_SWITCH);

        device->shared.output.max_on_us = SECOND;
        device->on_time.on_since_us = loop_now_us(&bare->loop);
        on_time_watch(device);
        device->on_time.rest_since_us = 0;
        loop_advance(&bare->loop, 2 * SECOND);
        assert_int_equal(device->on_time.on_since_us, 0);
        assert_false(device->on_time.is_spent);
}

/* ---- saved ----------------------------------------------------------------------------------------------- */

static void host_save__no_store_or_no_key__refused_or_nothing(void **state)
{
        struct bare *bare = *state;
        struct sconce_device *dev = &bare->instance.handle;
        static char large[4096 + 2]; /* one more than is saved */

        memset(large, 'x', sizeof(large) - 1);
        assert_int_equal(host_save(dev, NULL, "text"), -EINVAL);
        assert_int_equal(host_save(dev, "", "text"), -EINVAL);
        assert_int_equal(host_save(dev, "key", large), -E2BIG);
        assert_int_equal(host_save(dev, "key", "text"), 0); /* --check: nothing is kept */
        assert_int_equal(host_save(dev, "key", NULL), 0);
}

static void saved_values__no_store__kept_in_memory_alone(void **state)
{
        struct device *device = device_with(state, "state", SCONCE_SWITCH);
        struct sconce_value kept;

        device->channels.items[0].now = (struct value){ .type = SCONCE_VALUE_BOOL, .on = true };
        device->output.is_timed = true;
        saved_values(device);
        saved_timed(device);
        saved_restore(device);
        assert_int_equal(channel_kept(&device->channels.items[0], &kept), 0);
        assert_true(kept.on);
}

/* It was on for a limited time when it was replaced: nobody else counts that. */
static void saved_inherit__old_one_was_on_for_a_while__is_known(void **state)
{
        struct bare *bare = *state;
        struct device old = { .id = "bare" };

        saved_inherit(&bare->device, &old);
        assert_false(bare->device.past.was_timed);
        old.output.is_timed = true;
        saved_inherit(&bare->device, &old);
        assert_true(bare->device.past.was_timed);
        bare->device.past.was_timed = old.output.is_timed = false;
        old.past.was_timed = true;
        saved_inherit(&bare->device, &old);
        assert_true(bare->device.past.was_timed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(output_switch_values__two_switches__off_is_for_both_and_on_for_the_first),
                TEST(output_switch_values__more_switches_than_a_command_holds__as_many_as_fit),
                TEST(output_is_switched_off_by__beside_other_values__only_an_off),
                TEST(output_is_left__successor_that_cannot_start__is),
                TEST(output_check__without_a_section__nothing_is_wrong),
                TEST(output_first__read_only_or_no_output__what_was_kept),
                TEST(hold_of__no_plugin_or_no_output__none),
                TEST(hold_command__while_held__only_what_is_against_it_ends_it),
                TEST(hold_command__at_exit__ends_nothing),
                TEST(hold_command__dark_with_its_time_counted__forgiven_for_good_alone),
                TEST(hold_command__off__meant_where_nothing_else_is_asked_for),
                TEST(hold_bring__on_of_a_cover__is_not_asked_to_stop),
                TEST(hold_bring__more_switches_than_a_command_holds__as_many_as_fit),
                TEST(on_time_watch__no_line__counts_what_is_reported_on),
                TEST(on_time_watch__on_after_a_rest_that_no_timer_has_ended__counts_again),
                TEST(on_time_watch__held_off_without_a_count__a_rest_ends_it),
                TEST(on_time__over_while_it_is_off_and_not_wished__count_ends),
                TEST(host_save__no_store_or_no_key__refused_or_nothing),
                TEST(saved_values__no_store__kept_in_memory_alone),
                TEST(saved_inherit__old_one_was_on_for_a_while__is_known),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
