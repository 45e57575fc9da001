/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/switch: pulses, `for`, and how long it has to stay what it is; on the mock host and its clock. */
#include <errno.h>
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
        host = mock_host_load(plugin_file("switch"));
        mock_option(host, "line", "GPIO17");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        assert_string_equal(mock_refusal(host), "");
        mock_host_free(host);
        return 0;
}

static struct sconce_line *start(void)
{
        assert_int_equal(mock_start(host), 0);
        return mock_line(host, "GPIO17");
}

/* The line, and that it reports it. */
static void assert_is(bool on)
{
        assert_int_equal(mock_line(host, "GPIO17")->active, on);
        assert_int_equal(mock_value(host, "state")->on, on);
}

static void set(bool on)
{
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", on)), 0);
}

static void set_for(double seconds)
{
        const struct sconce_value values[] = { SCONCE_BOOL("state", true), SCONCE_NUM("for", seconds) };

        assert_int_equal(mock_commands(host, values, 2), 0);
}

/* Still so a moment before, and not any more then. */
static void assert_changes_after(uint64_t delay_us, bool to)
{
        mock_advance_us(host, delay_us - 1);
        assert_is(!to);
        mock_advance_us(host, 1);
        assert_is(to);
}

/* A bus may fail after the chip has taken the value. */
static void switch__on_that_failed_and_came_through__is_switched_off_by_off(void **state)
{
        (void)state;
        struct sconce_line *line = start();

        line->error = -EIO;
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), -EIO);
        line->error = 0;
        line->active = true;
        set(false);
        assert_is(false);
}

/* ---- For a limited time -------------------------------------------------------------------------------- */

static void switch__device_class__in_its_channel(void **state)
{
        (void)state;
        (void)start();
        assert_null(mock_channel(host, "state")->device_class);
        mock_host_free(host);
        host = mock_host_load(plugin_file("switch"));
        mock_option(host, "line", "GPIO17");
        mock_option(host, "device_class", "valve");
        (void)start();
        assert_string_equal(mock_channel(host, "state")->device_class, "valve");
}

static void switch_pulse__on__off_after_it(void **state)
{
        (void)state;
        mock_option(host, "pulse", "300ms");
        (void)start();
        set(true);
        assert_is(true);
        assert_changes_after(300 * MS, false);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void switch_pulse__on_again__begins_again(void **state)
{
        (void)state;
        mock_option(host, "pulse", "300ms");
        (void)start();
        set(true);
        mock_advance_us(host, 200 * MS);
        set(true);
        assert_changes_after(300 * MS, false);
}

static void switch_pulse__off_in_it__ends_it(void **state)
{
        (void)state;
        mock_option(host, "pulse", "300ms");
        const struct sconce_line *line = start();
        set(true);
        set(false);
        assert_is(false);
        unsigned sets = line->sets;
        mock_advance_us(host, 10 * S);
        assert_int_equal(line->sets, sets);
}

static void switch_for__command__off_after_it(void **state)
{
        (void)state;
        (void)start();
        set_for(30);
        assert_is(true);
        assert_true(mock_is_timed(host));
        assert_changes_after(30 * S, false);
        assert_false(mock_is_timed(host));
        set(true); /* and until further notice */
        mock_advance_us(host, 3600 * S);
        assert_is(true);
}

static void switch_for__alone__switches_on(void **state)
{
        (void)state;
        (void)start();
        assert_int_equal(mock_command(host, SCONCE_NUM("for", 2.5)), 0);
        assert_is(true);
        assert_changes_after(2500 * MS, false);
}

static void switch_for__on_without_it__no_limit_any_more(void **state)
{
        (void)state;
        (void)start();
        set_for(30);
        mock_advance_us(host, 10 * S);
        set(true);
        assert_false(mock_is_timed(host));
        mock_advance_us(host, 3600 * S);
        assert_is(true);
}

static void switch_for__while_on__limited_from_now_on(void **state)
{
        (void)state;
        (void)start();
        set(true);
        mock_advance_us(host, 100 * S);
        set_for(5);
        assert_true(mock_is_timed(host));
        assert_changes_after(5 * S, false);
}

static void switch_for__of_a_pulsed_one__instead_of_the_pulse(void **state)
{
        (void)state;
        mock_option(host, "pulse", "300ms");
        (void)start();
        set_for(2);
        assert_changes_after(2 * S, false);
}

static void switch_for__with_off__is_off(void **state)
{
        const struct sconce_value values[] = { SCONCE_BOOL("state", false), SCONCE_NUM("for", 2) };

        (void)state;
        (void)start();
        set(true);
        assert_int_equal(mock_commands(host, values, 2), 0);
        assert_is(false);
        assert_false(mock_is_timed(host));
        assert_int_equal(mock_timers_armed(host), 0);
}

static void switch_for__line_fails_at_its_end__is_tried_again(void **state)
{
        (void)state;
        struct sconce_line *line = start();
        set_for(2);
        mock_advance_us(host, 1 * S);
        line->error = -EIO;
        mock_advance_us(host, 2500 * MS);
        assert_is(true);
        line->error = 0;
        mock_advance_us(host, 1 * S);
        assert_is(false);
        assert_false(mock_is_timed(host));
}

/* The next time is begun by telling the agent, whatever became of the end of the last. */
static void switch_for__end_cannot_be_told__next_one_is(void **state)
{
        const struct sconce_value values[] = { SCONCE_BOOL("state", true), SCONCE_NUM("for", 30) };

        (void)state;
        (void)start();
        set_for(30);
        mock_fail_call(host, 2, -EIO); /* the line, then the agent */
        set(false);
        assert_is(false);
        assert_true(mock_is_timed(host));
        mock_fail_call(host, 2, -EIO); /* the agent, then the line */
        assert_int_equal(mock_commands(host, values, 2), -EIO);
        assert_false(mock_is_timed(host));
        assert_is(false);
}

static void switch_command__nothing_is_asked_for__nothing_happens(void **state)
{
        (void)state;
        const struct sconce_line *line = start();
        assert_int_equal(mock_commands(host, NULL, 0), 0);
        assert_int_equal(line->sets, 0);
        assert_is(false);
}

/* ---- As long as it must -------------------------------------------------------------------------------- */

static void switch_min_on__off_too_early__waits(void **state)
{
        (void)state;
        mock_option(host, "min_on", "60s");
        (void)start();
        set(true);
        mock_advance_us(host, 20 * S);
        set(false);
        assert_is(true);
        assert_changes_after(40 * S, false);
        set(true);
        mock_advance_us(host, 60 * S);
        set(false); /* late enough */
        assert_is(false);
}

static void switch_min_off__on_too_early__waits(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        (void)start();
        mock_advance_us(host, 180 * S);
        set(true);
        set(false);
        mock_advance_us(host, 60 * S);
        set(true);
        assert_is(false);
        assert_changes_after(120 * S, true);
}

static void switch_min_off__newest_command__is_the_one_carried_out(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        const struct sconce_line *line = start();
        set(true);
        set(false);
        assert_int_equal(mock_timers_armed(host), 0);
        mock_advance_us(host, 600 * S);
        assert_int_equal(line->sets, 0);
        set(true);
        set(false);
        mock_advance_us(host, 1 * S);
        set(true);
        set_for(10);
        assert_changes_after(179 * S, true);
        assert_changes_after(10 * S, false); /* counted from when it was on */
}

static void switch_min_off__first_start_of_a_boot__counts_from_there(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        mock_first(host, SCONCE_BOOL("state", true));
        const struct sconce_line *line = start();
        assert_int_equal(line->first_value, 0);
        assert_is(false);
        assert_changes_after(180 * S, true);
}

/* What was on for a while before a boot is no business of this one: it has to rest. */
static void switch_min_off__another_boot__counts_from_its_start(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        mock_save_text(host, "boot", "an earlier one");
        mock_first(host, SCONCE_BOOL("state", true));
        const struct sconce_line *line = start();
        assert_int_equal(line->first_value, 0);
        assert_string_not_equal(mock_saved(host, "boot"), "an earlier one");
        assert_changes_after(180 * S, true);
}

static void switch_min_off__later_start__comes_back_without_a_gap(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        (void)start();
        mock_advance_us(host, 180 * S);
        set(true);
        mock_stop(host);
        mock_first(host, SCONCE_BOOL("state", true));
        const struct sconce_line *line = start();
        assert_int_equal(line->first_value, SCONCE_LINE_KEEP);
        assert_is(true);
        assert_int_equal(mock_timers_armed(host), 0);
}

/* Its on_exit, a crash, a chip that was gone: how long the compressor stood nobody knows. */
static void switch_min_off__later_start_finds_it_off__rests_first(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        struct sconce_line *line = start();
        mock_advance_us(host, 180 * S);
        set(true);
        mock_stop(host);
        line->active = false;
        mock_first(host, SCONCE_BOOL("state", true));
        (void)start();
        assert_is(false);
        mock_advance_us(host, 179 * S);
        assert_is(false);
        assert_changes_after(1 * S, true);
        set(false);
        mock_stop(host);
        mock_first(host, SCONCE_BOOL("state", false));
        line->active = true; /* somebody else's doing */
        (void)start();
        assert_is(false);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void restart_with(const char *wanted, bool was_last_on)
{
        mock_stop(host);
        mock_line(host, "GPIO17")->active = false;
        mock_save_text(host, "wanted", wanted);
        mock_first(host, SCONCE_BOOL("state", was_last_on));
        (void)start();
}

/* While it rests its state is OFF, and that comes back; what it was before must not be lost. */
static void switch_min_off__further_start_while_it_rests__rests_and_goes_on(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        (void)start();
        restart_with(NULL, true);
        assert_string_equal(mock_saved(host, "wanted"), "on");
        mock_advance_us(host, 60 * S);
        set(true); /* that is so already */
        restart_with("on", false);
        assert_string_equal(mock_saved(host, "wanted"), "on");
        assert_changes_after(180 * S, true);
        assert_null(mock_saved(host, "wanted"));
        restart_with(NULL, true);
        set(false);
        assert_null(mock_saved(host, "wanted"));
        restart_with(NULL, true);
        set_for(10); /* for a limited time: no later start is to do that */
        assert_null(mock_saved(host, "wanted"));
        restart_with(NULL, false);
        set(true);
        assert_null(mock_saved(host, "wanted"));
}

/* power_on decides there. */
static void switch_min_off__on_waited_in_an_earlier_boot__not_by_itself(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        (void)start();
        mock_save_text(host, "boot", "an earlier one");
        restart_with("on", false);
        mock_advance_us(host, 600 * S);
        assert_is(false);
        assert_null(mock_saved(host, "wanted"));
}

static void switch_min_off__pulse_of_power_on_rests__not_in_a_further_start(void **state)
{
        (void)state;
        mock_option(host, "min_off", "3m");
        mock_option(host, "pulse", "10s");
        mock_first(host, SCONCE_BOOL("state", true));
        (void)start();
        assert_null(mock_saved(host, "wanted"));
        assert_changes_after(180 * S, true);
        assert_changes_after(10 * S, false);
}

static void switch_min_on__for_is_shorter__runs_as_long_as_it_must(void **state)
{
        (void)state;
        mock_option(host, "min_on", "60s");
        (void)start();
        set_for(10);
        assert_changes_after(60 * S, false);
}

static void switch_min_on__the_agent_itself__at_once(void **state)
{
        (void)state;
        mock_option(host, "min_on", "60s");
        mock_option(host, "min_off", "60s");
        (void)start();
        mock_advance_us(host, 60 * S);
        set(true);
        assert_int_equal(mock_command_now(host, SCONCE_BOOL("state", false)), 0);
        assert_is(false);
        set(true);
        assert_int_equal(mock_command_now(host, SCONCE_BOOL("state", false)), 0); /* and no wish is left */
        mock_advance_us(host, 600 * S);
        assert_is(false);
}

/* What is to be off stays accepted, however the agent ends. */
static void switch_min_on__stop_while_off_waits__off_then_and_after(void **state)
{
        (void)state;
        mock_option(host, "min_on", "60s");
        const struct sconce_line *line = start();
        set(true);
        set(false);
        assert_is(true);
        mock_stop(host);
        assert_false(line->active);
        mock_first(host, SCONCE_BOOL("state", true));
        line = start();
        assert_int_equal(line->first_value, 0);
        assert_is(false);
}

static void switch_min_on__killed_while_off_waits__off_at_the_next_start(void **state)
{
        (void)state;
        mock_option(host, "min_on", "60s");
        (void)start();
        set(true);
        assert_null(mock_saved(host, "wanted"));
        set(false);
        assert_string_equal(mock_saved(host, "wanted"), "off");
        mock_advance_us(host, 60 * S);
        assert_is(false);
        assert_null(mock_saved(host, "wanted"));
        mock_stop(host);
        mock_save_text(host, "wanted", "off");
        mock_first(host, SCONCE_BOOL("state", true));
        const struct sconce_line *line = start();
        assert_int_equal(line->first_value, 0);
        assert_null(mock_saved(host, "wanted"));
}

static void switch_configure__pulse_shorter_than_min_on__refused(void **state)
{
        (void)state;
        mock_option(host, "min_on", "60s");
        mock_option(host, "pulse", "10s");
        assert_int_equal(mock_start(host), -EINVAL);
        assert_string_equal(mock_error(host), "pulse is shorter than min_on: it could not be switched off in time");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(switch__device_class__in_its_channel),
                TEST(switch__on_that_failed_and_came_through__is_switched_off_by_off),
                TEST(switch_pulse__on__off_after_it),
                TEST(switch_pulse__on_again__begins_again),
                TEST(switch_pulse__off_in_it__ends_it),
                TEST(switch_for__command__off_after_it),
                TEST(switch_for__alone__switches_on),
                TEST(switch_for__on_without_it__no_limit_any_more),
                TEST(switch_for__while_on__limited_from_now_on),
                TEST(switch_for__of_a_pulsed_one__instead_of_the_pulse),
                TEST(switch_for__with_off__is_off),
                TEST(switch_for__line_fails_at_its_end__is_tried_again),
                TEST(switch_for__end_cannot_be_told__next_one_is),
                TEST(switch_command__nothing_is_asked_for__nothing_happens),
                TEST(switch_min_on__off_too_early__waits),
                TEST(switch_min_off__on_too_early__waits),
                TEST(switch_min_off__newest_command__is_the_one_carried_out),
                TEST(switch_min_off__first_start_of_a_boot__counts_from_there),
                TEST(switch_min_off__another_boot__counts_from_its_start),
                TEST(switch_min_off__later_start__comes_back_without_a_gap),
                TEST(switch_min_off__later_start_finds_it_off__rests_first),
                TEST(switch_min_off__further_start_while_it_rests__rests_and_goes_on),
                TEST(switch_min_off__on_waited_in_an_earlier_boot__not_by_itself),
                TEST(switch_min_off__pulse_of_power_on_rests__not_in_a_further_start),
                TEST(switch_min_on__for_is_shorter__runs_as_long_as_it_must),
                TEST(switch_min_on__the_agent_itself__at_once),
                TEST(switch_min_on__stop_while_off_waits__off_then_and_after),
                TEST(switch_min_on__killed_while_off_waits__off_at_the_next_start),
                TEST(switch_configure__pulse_shorter_than_min_on__refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
