/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/lamp: brightness, fades, flashes and effects, on the mock host and its clock. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "fakes/plugin_file.h"

#define MS (1000ULL)
#define S  (1000 * MS)

static struct mock_host *host;

static int setup(void **state)
{
        (void)state;
        host = mock_host_load(plugin_file("lamp"));
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        mock_host_free(host);
        return 0;
}

/* A lamp whose level is its brightness in parts of 255: gamma 1. */
static struct sconce_dimmer *start_pwm(void)
{
        mock_option(host, "pwm", "pwmchip0:1");
        mock_option(host, "gamma", "1");
        assert_int_equal(mock_start(host), 0);
        return mock_dimmer(host, "pwmchip0:1");
}

static struct sconce_line *start_line(void)
{
        mock_option(host, "line", "GPIO17");
        assert_int_equal(mock_start(host), 0);
        return mock_line(host, "GPIO17");
}

static void assert_near(double is, double expected)
{
        if (fabs(is - expected) > 1e-6)
                fail_msg("%.9g is not %.9g", is, expected);
}

/* As a brightness of a lamp with gamma 1. */
static void assert_shows(const struct sconce_dimmer *dimmer, double brightness)
{
        assert_near(dimmer->level * 255, brightness);
}

static void assert_published(bool on, double brightness)
{
        assert_int_equal(mock_value(host, "state")->on, on);
        assert_near(mock_value(host, "brightness")->number, brightness);
}

#define COMMAND(...)                                                                                                   \
        do {                                                                                                           \
                const struct sconce_value values_[] = { __VA_ARGS__ };                                                 \
                assert_int_equal(mock_commands(host, values_, sizeof(values_) / sizeof(values_[0])), 0);               \
        } while (0)
#define ON             SCONCE_BOOL("state", true)
#define OFF            SCONCE_BOOL("state", false)
#define BRIGHTNESS(b)  SCONCE_NUM("brightness", b)
#define TRANSITION(s)  SCONCE_NUM("transition", s)
#define FLASH(s)       SCONCE_NUM("flash", s)
#define EFFECT(effect) SCONCE_STR("effect", effect)

/* ---- What it is ---------------------------------------------------------------------------------------- */

static void lamp_configure__line__has_no_brightness(void **state)
{
        (void)state;
        (void)start_line();
        assert_null(mock_channel(host, "brightness"));
        assert_null(mock_channel(host, "transition"));
        assert_null(mock_value(host, "brightness"));
        assert_null(mock_value(host, "effect"));
        assert_int_equal(mock_channel(host, "effect")->flags, SCONCE_COMMAND_ONLY);
        assert_string_equal(mock_channel(host, "effect")->choices[1], "blink");
        assert_null(mock_channel(host, "effect")->choices[2]);
}

static void lamp_configure__led__has_brightness(void **state)
{
        (void)state;
        mock_option(host, "led", "ACT");
        assert_int_equal(mock_start(host), 0);
        assert_near(mock_channel(host, "brightness")->min, 1);
        assert_near(mock_channel(host, "brightness")->max, 255);
        assert_int_equal(mock_channel(host, "transition")->flags, SCONCE_COMMAND_ONLY);
        assert_published(false, 255);
        assert_string_equal(mock_value(host, "effect")->text, "none");
}

static void lamp_configure__not_dimmable__on_or_off(void **state)
{
        (void)state;
        mock_option(host, "led", "ACT");
        mock_option(host, "dimmable", "no");
        assert_int_equal(mock_start(host), 0);
        assert_null(mock_channel(host, "brightness"));
        COMMAND(ON);
        assert_near(mock_dimmer(host, "ACT")->level, 1);
        COMMAND(OFF);
        assert_near(mock_dimmer(host, "ACT")->level, 0);
}

static void lamp_start__frequency__becomes_the_period(void **state)
{
        (void)state;
        mock_option(host, "frequency", "25000");
        const struct sconce_dimmer *dimmer = start_pwm();
        assert_int_equal(dimmer->period_ns, 40000);
}

static void lamp_start__was_on__at_its_brightness_from_the_first_moment(void **state)
{
        (void)state;
        mock_first(host, ON);
        mock_first(host, BRIGHTNESS(51));
        mock_option(host, "transition", "2s");
        const struct sconce_dimmer *dimmer = start_pwm();
        assert_near(dimmer->first_level, 0.2);
        assert_int_equal(dimmer->sets, 0);
        assert_published(true, 51);
}

static void lamp_start__was_off__dark_and_knows_its_brightness(void **state)
{
        (void)state;
        mock_first(host, OFF);
        mock_first(host, BRIGHTNESS(51));
        const struct sconce_dimmer *dimmer = start_pwm();
        assert_near(dimmer->first_level, 0);
        assert_published(false, 51);
        COMMAND(ON);
        assert_shows(dimmer, 51);
}

static void lamp_start__keep__finds_state_and_brightness(void **state)
{
        (void)state;
        mock_first(host, SCONCE_NONE("state"));
        mock_option(host, "pwm", "pwmchip0:1");
        mock_dimmer(host, "pwmchip0:1")->level = pow(0.4, 2.2);
        assert_int_equal(mock_start(host), 0);
        assert_near(mock_dimmer(host, "pwmchip0:1")->first_level, SCONCE_DIMMER_KEEP);
        assert_published(true, 102);
}

static void lamp_start__effect_before__goes_on(void **state)
{
        (void)state;
        mock_first(host, ON);
        mock_first(host, EFFECT("blink"));
        const struct sconce_dimmer *dimmer = start_pwm();
        assert_string_equal(mock_value(host, "effect")->text, "blink");
        mock_advance_us(host, 500 * MS);
        assert_shows(dimmer, 0);
}

/* What was saved may be of a version that kept nothing there. */
static void lamp_start__nothing_kept__full_and_without_effect(void **state)
{
        (void)state;
        mock_first(host, ON);
        mock_first(host, SCONCE_NONE("brightness"));
        mock_first(host, SCONCE_NONE("effect"));
        (void)start_pwm();
        assert_published(true, 255);
        assert_string_equal(mock_value(host, "effect")->text, "none");
}

/* Its line is open then, and would stay at full brightness. */
static void lamp_start__effect_cannot_be_shown__fails(void **state)
{
        int failed = 0;

        for (unsigned nth = 1; nth < 9; nth++) {
                teardown(state);
                setup(state);
                mock_first(host, ON);
                mock_first(host, EFFECT("blink"));
                mock_option(host, "pwm", "pwmchip0:1");
                mock_fail_call(host, nth, -EIO);
                int r = mock_start(host);
                failed += r == -EIO;
                assert_true(r == 0 || r == -EIO);
        }
        assert_int_equal(failed, 4); /* timer, dimmer, level, report */
}

static void lamp_configure__what_a_line_cannot_do__refused(void **state)
{
        static const struct {
                const char *key, *value;
        } options[] = { { "transition", "1s" }, { "min_level", "1%" }, { "max_level", "99%" }, { "gamma", "1" } };

        for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
                teardown(state);
                setup(state);
                mock_option(host, "line", "GPIO17");
                mock_option(host, options[i].key, options[i].value);
                assert_int_equal(mock_configure(host), -EINVAL);
                assert_string_equal(mock_error(host), "transition, min_level, max_level and gamma are for a lamp that "
                                                      "can be dimmed, by pwm or led");
        }
        teardown(state);
        setup(state);
        (void)start_line();
}

static void lamp_start__hardware_fails__its_errno(void **state)
{
        (void)state;
        mock_option(host, "led", "ACT");
        mock_dimmer(host, "ACT")->error = -EACCES;
        assert_int_equal(mock_start(host), -EACCES);
        assert_null(mock_value(host, "state"));
}

/* ---- Brightness ---------------------------------------------------------------------------------------- */

static void lamp_command__on__restores_the_brightness_that_off_kept(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(BRIGHTNESS(64)); /* switches it on */
        assert_shows(dimmer, 64);
        assert_published(true, 64);
        COMMAND(OFF);
        assert_shows(dimmer, 0);
        assert_published(false, 64);
        COMMAND(ON);
        assert_shows(dimmer, 64);
        COMMAND(OFF, BRIGHTNESS(10)); /* for later */
        assert_shows(dimmer, 0);
        assert_published(false, 10);
}

static void lamp_command__levels__between_min_and_max_by_gamma(void **state)
{
        (void)state;
        mock_option(host, "pwm", "pwmchip0:1");
        mock_option(host, "min_level", "10");
        mock_option(host, "max_level", "60");
        mock_option(host, "gamma", "2");
        assert_int_equal(mock_start(host), 0);
        const struct sconce_dimmer *dimmer = mock_dimmer(host, "pwmchip0:1");
        COMMAND(BRIGHTNESS(255));
        assert_near(dimmer->level, 0.6);
        COMMAND(BRIGHTNESS(102));
        assert_near(dimmer->level, 0.1 + 0.5 * 0.4 * 0.4);
        COMMAND(BRIGHTNESS(1));
        assert_true(dimmer->level > 0.1);
        COMMAND(OFF);
        assert_near(dimmer->level, 0);
}

static void lamp_command__hardware_fails__nothing_that_is_not_so(void **state)
{
        struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(BRIGHTNESS(64));
        dimmer->error = -EIO;
        assert_int_equal(mock_command(host, BRIGHTNESS(200)), -EIO);
        assert_published(true, 64);
        dimmer->error = 0;
        mock_advance_us(host, 1 * S); /* it was left half-way, maybe: once more */
        assert_shows(dimmer, 64);
}

/* ---- Fades --------------------------------------------------------------------------------------------- */

static void lamp_transition__two_seconds__a_hundred_steps_and_the_target_at_once(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON, BRIGHTNESS(200), TRANSITION(2));
        assert_published(true, 200);
        assert_shows(dimmer, 0);
        unsigned reports = mock_reports(host), sets = dimmer->sets;
        mock_advance_us(host, 20 * MS);
        assert_shows(dimmer, 2);
        mock_advance_us(host, 980 * MS);
        assert_shows(dimmer, 100);
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 200);
        assert_int_equal(dimmer->sets - sets, 100);
        assert_int_equal(mock_reports(host), reports);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void lamp_transition__by_option__also_to_dark(void **state)
{
        (void)state;
        mock_option(host, "transition", "1s");
        const struct sconce_dimmer *dimmer = start_pwm();
        COMMAND(BRIGHTNESS(100), TRANSITION(0)); /* the command's own comes first */
        assert_shows(dimmer, 100);
        COMMAND(OFF);
        assert_published(false, 100);
        mock_advance_us(host, 760 * MS);
        assert_shows(dimmer, 24);
        mock_advance_us(host, 240 * MS);
        assert_shows(dimmer, 0);
}

static void lamp_transition__interrupted__goes_on_from_where_it_is(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON, BRIGHTNESS(200), TRANSITION(2));
        mock_advance_us(host, 1 * S);
        COMMAND(OFF, TRANSITION(1));
        assert_shows(dimmer, 100);
        mock_advance_us(host, 500 * MS);
        assert_shows(dimmer, 50);
        COMMAND(ON, TRANSITION(3));
        assert_published(true, 200);
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 100);
        mock_advance_us(host, 2 * S);
        assert_shows(dimmer, 200);
}

static void lamp_transition__same_command_again__the_fade_goes_on(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON, BRIGHTNESS(200), TRANSITION(2));
        mock_advance_us(host, 1 * S);
        COMMAND(ON);
        assert_shows(dimmer, 100);
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 200);
}

static void lamp_transition__the_loop_was_busy__as_long_as_it_was(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON, BRIGHTNESS(200), TRANSITION(2));
        mock_stall_us(host, 1500 * MS);
        mock_advance_us(host, 0);
        assert_shows(dimmer, 150);
        mock_advance_us(host, 500 * MS);
        assert_shows(dimmer, 200);
}

static void lamp_transition__the_agent_itself__at_once(void **state)
{
        (void)state;
        mock_option(host, "transition", "1s");
        const struct sconce_dimmer *dimmer = start_pwm();
        COMMAND(ON, TRANSITION(0));
        COMMAND(OFF);
        mock_advance_us(host, 500 * MS); /* reported off already, and half lit */
        assert_int_equal(mock_command_now(host, OFF), 0);
        assert_shows(dimmer, 0);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void lamp_transition__a_step_fails__is_tried_again(void **state)
{
        struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON);
        COMMAND(OFF, TRANSITION(1));
        mock_advance_us(host, 500 * MS);
        dimmer->error = -EIO;
        mock_advance_us(host, 600 * MS);
        dimmer->error = 0;
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 0);
}

static void lamp_stop__in_a_fade__ends_it(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON, BRIGHTNESS(200), TRANSITION(2));
        mock_advance_us(host, 1 * S);
        mock_stop(host);
        assert_shows(dimmer, 200);
}

static void lamp_stop__at_rest__touches_nothing(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON);
        unsigned sets = dimmer->sets;
        mock_stop(host);
        assert_int_equal(dimmer->sets, sets);
}

/* ---- Flash --------------------------------------------------------------------------------------------- */

static void lamp_flash__while_off__blinks_and_is_off_again(void **state)
{
        const struct sconce_line *line = start_line();

        (void)state;
        COMMAND(FLASH(2));
        for (int half = 0; half < 4; half++) {
                assert_int_equal(line->active, half % 2 == 0);
                assert_true(mock_is_timed(host));
                assert_false(mock_value(host, "state")->on);
                mock_advance_us(host, 500 * MS);
        }
        assert_false(line->active);
        assert_false(mock_is_timed(host));
        assert_int_equal(mock_timers_armed(host), 0);
}

static void lamp_flash__while_on__begins_dark_and_is_on_again(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(BRIGHTNESS(64));
        COMMAND(FLASH(10));
        for (int half = 0; half < 20; half++) {
                assert_shows(dimmer, half % 2 ? 64 : 0);
                assert_false(mock_is_timed(host));
                mock_advance_us(host, 500 * MS);
        }
        assert_shows(dimmer, 64);
        assert_published(true, 64);
        assert_int_equal(mock_timers_armed(host), 0);
}

/* As Home Assistant sends it. */
static void lamp_flash__with_on__is_on_afterwards(void **state)
{
        const struct sconce_line *line = start_line();

        (void)state;
        COMMAND(ON, FLASH(2));
        assert_true(mock_value(host, "state")->on);
        assert_false(line->active);
        mock_advance_us(host, 2 * S);
        assert_true(line->active);
}

static void lamp_flash__another_command__ends_it(void **state)
{
        const struct sconce_line *line = start_line();

        (void)state;
        COMMAND(FLASH(2));
        assert_true(line->active);
        COMMAND(OFF);
        assert_false(line->active);
        assert_false(mock_is_timed(host));
        mock_advance_us(host, 10 * S);
        assert_false(line->active);
}

static void lamp_flash__stopped__rests_as_published(void **state)
{
        const struct sconce_line *line = start_line();

        (void)state;
        COMMAND(FLASH(2));
        assert_true(line->active);
        mock_stop(host);
        assert_false(line->active);
}

/* ---- Effects ------------------------------------------------------------------------------------------- */

static void lamp_effect__blink__half_seconds_until_off(void **state)
{
        const struct sconce_line *line = start_line();

        (void)state;
        COMMAND(EFFECT("blink")); /* switches it on */
        assert_true(mock_value(host, "state")->on);
        for (int half = 0; half < 1000; half++) {
                assert_int_equal(line->active, half % 2 == 0);
                mock_advance_us(host, 500 * MS);
        }
        COMMAND(OFF);
        assert_false(line->active);
        assert_int_equal(mock_timers_armed(host), 0);
        COMMAND(ON); /* OFF has ended it */
        mock_advance_us(host, 500 * MS);
        assert_true(line->active);
}

static void lamp_effect__breathe__from_full_to_full_in_four_seconds(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(BRIGHTNESS(200), EFFECT("breathe"));
        assert_string_equal(mock_value(host, "effect")->text, "breathe");
        assert_shows(dimmer, 200);
        unsigned sets = dimmer->sets;
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 100);
        assert_int_equal(dimmer->sets - sets, 50);
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 1); /* not dark: it is on */
        mock_advance_us(host, 2 * S);
        assert_shows(dimmer, 200);
        COMMAND(BRIGHTNESS(100)); /* goes on */
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 50);
        COMMAND(EFFECT("none"));
        assert_shows(dimmer, 100);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void lamp_effect__blink_in_a_fade__both(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(ON, BRIGHTNESS(200), EFFECT("blink"), TRANSITION(4));
        mock_advance_us(host, 250 * MS);
        assert_shows(dimmer, 12);
        mock_advance_us(host, 500 * MS);
        assert_shows(dimmer, 0);
        mock_advance_us(host, 5250 * MS);
        assert_shows(dimmer, 200);
}

static void lamp_effect__none_while_off__stays_off(void **state)
{
        const struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(EFFECT("none"));
        assert_shows(dimmer, 0);
        assert_published(false, 255);
}

static void lamp_effect__the_agent_itself_fails__does_not_light_up_again(void **state)
{
        struct sconce_dimmer *dimmer = start_pwm();

        (void)state;
        COMMAND(EFFECT("blink"));
        dimmer->error = -EIO;
        assert_int_equal(mock_command_now(host, OFF), -EIO);
        assert_published(true, 255);
        dimmer->error = 0;
        mock_advance_us(host, 1 * S);
        assert_shows(dimmer, 0);
        assert_published(false, 255);
        mock_advance_us(host, 10 * S);
        assert_shows(dimmer, 0);
}

/* A read between the agent's command and its second try finds the line as it was, which is not what it is to be. */
static void lamp_read__the_agent_has_failed__does_not_take_the_line_for_a_command(void **state)
{
        struct sconce_line *line = start_line();

        (void)state;
        COMMAND(ON);
        line->error = -EIO;
        assert_int_equal(mock_command_now(host, OFF), -EIO);
        line->error = 0;
        assert_int_equal(mock_read(host), 0);
        mock_advance_us(host, 1 * S);
        assert_false(line->active);
        assert_false(mock_value(host, "state")->on);
}

/* A step of a flash is not what the line was left at by somebody else. */
static void lamp_read__the_end_of_a_flash_failed__is_dark_again(void **state)
{
        struct sconce_line *line = start_line();

        (void)state;
        COMMAND(FLASH(1));
        assert_true(line->active);
        line->error = -EIO;
        mock_advance_us(host, 1200 * MS);
        assert_true(line->active);
        line->error = 0;
        assert_int_equal(mock_read(host), 0);
        mock_advance_us(host, 1000 * MS);
        assert_false(line->active);
        assert_false(mock_value(host, "state")->on);
}

/* The line may have been switched by somebody else, but not while it blinks by itself. */
static void lamp_read__line__what_it_shows_unless_it_blinks(void **state)
{
        struct sconce_line *line = start_line();

        (void)state;
        COMMAND(ON);
        line->active = false;
        assert_int_equal(mock_read(host), 0);
        assert_false(mock_value(host, "state")->on);
        COMMAND(ON, EFFECT("blink"));
        mock_advance_us(host, 500 * MS);
        assert_false(line->active);
        assert_int_equal(mock_read(host), 0);
        assert_true(mock_value(host, "state")->on);
        COMMAND(OFF);
        line->error = -EIO;
        assert_int_equal(mock_read(host), -EIO);
}

static void lamp_read__anything__reports_the_target(void **state)
{
        (void)state;
        (void)start_pwm();
        COMMAND(ON, BRIGHTNESS(200), TRANSITION(2));
        assert_int_equal(mock_read(host), 0);
        assert_published(true, 200);
}

/* The next one is begun by telling the agent, whatever became of the end of the last. */
static void lamp_flash__end_cannot_be_told__next_one_is(void **state)
{
        const struct sconce_value flash = FLASH(1);

        (void)state;
        const struct sconce_line *line = start_line();
        COMMAND(flash);
        assert_true(mock_is_timed(host));
        mock_advance_us(host, 900 * MS);
        mock_fail_call(host, 3, -EIO); /* the line, its timer, then the agent */
        mock_advance_us(host, 100 * MS);
        assert_false(line->active);
        assert_true(mock_is_timed(host));
        mock_fail_call(host, 2, -EIO); /* the agent, then the line */
        assert_int_equal(mock_commands(host, &flash, 1), -EIO);
        assert_false(line->active);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(lamp_configure__line__has_no_brightness),
                TEST(lamp_configure__led__has_brightness),
                TEST(lamp_configure__not_dimmable__on_or_off),
                TEST(lamp_configure__what_a_line_cannot_do__refused),
                TEST(lamp_start__frequency__becomes_the_period),
                TEST(lamp_start__was_on__at_its_brightness_from_the_first_moment),
                TEST(lamp_start__was_off__dark_and_knows_its_brightness),
                TEST(lamp_start__keep__finds_state_and_brightness),
                TEST(lamp_start__effect_before__goes_on),
                TEST(lamp_start__nothing_kept__full_and_without_effect),
                TEST(lamp_start__effect_cannot_be_shown__fails),
                TEST(lamp_start__hardware_fails__its_errno),
                TEST(lamp_command__on__restores_the_brightness_that_off_kept),
                TEST(lamp_command__levels__between_min_and_max_by_gamma),
                TEST(lamp_command__hardware_fails__nothing_that_is_not_so),
                TEST(lamp_transition__two_seconds__a_hundred_steps_and_the_target_at_once),
                TEST(lamp_transition__by_option__also_to_dark),
                TEST(lamp_transition__interrupted__goes_on_from_where_it_is),
                TEST(lamp_transition__same_command_again__the_fade_goes_on),
                TEST(lamp_transition__the_loop_was_busy__as_long_as_it_was),
                TEST(lamp_transition__the_agent_itself__at_once),
                TEST(lamp_transition__a_step_fails__is_tried_again),
                TEST(lamp_stop__in_a_fade__ends_it),
                TEST(lamp_stop__at_rest__touches_nothing),
                TEST(lamp_flash__while_off__blinks_and_is_off_again),
                TEST(lamp_flash__while_on__begins_dark_and_is_on_again),
                TEST(lamp_flash__with_on__is_on_afterwards),
                TEST(lamp_flash__another_command__ends_it),
                TEST(lamp_flash__stopped__rests_as_published),
                TEST(lamp_flash__end_cannot_be_told__next_one_is),
                TEST(lamp_effect__blink__half_seconds_until_off),
                TEST(lamp_effect__breathe__from_full_to_full_in_four_seconds),
                TEST(lamp_effect__blink_in_a_fade__both),
                TEST(lamp_effect__none_while_off__stays_off),
                TEST(lamp_effect__the_agent_itself_fails__does_not_light_up_again),
                TEST(lamp_read__anything__reports_the_target),
                TEST(lamp_read__the_agent_has_failed__does_not_take_the_line_for_a_command),
                TEST(lamp_read__the_end_of_a_flash_failed__is_dark_again),
                TEST(lamp_read__line__what_it_shows_unless_it_blinks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
