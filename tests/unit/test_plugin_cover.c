/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/cover on the mock host: a shutter of 20 s, on the fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "fakes/plugin_file.h"

#define MS 1000ULL
#define S  (1000 * MS)

static struct mock_host *host;

static void make(void)
{
        host = mock_host_load(plugin_file("cover"));
        mock_option(host, "up", "GPIO20");
        mock_option(host, "down", "GPIO21");
        mock_option(host, "up_time", "20s");
        mock_option(host, "down_time", "10s");
}

static void make_with_stops(void)
{
        make();
        mock_option(host, "up_stop", "GPIO23");
        mock_option(host, "down_stop", "GPIO24");
}

static int setup(void **state)
{
        (void)state;
        make();
        return 0;
}

static int setup_with_stops(void **state)
{
        (void)state;
        make_with_stops();
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        mock_host_free(host);
        return 0;
}

static bool up(void)
{
        return mock_line(host, "GPIO20")->active;
}

static bool down(void)
{
        return mock_line(host, "GPIO21")->active;
}

/* In steps of a millisecond, in none of which both outputs are on. */
static void pass(uint64_t us)
{
        for (uint64_t i = 0; i < us / MS; i++) {
                assert_false(up() && down());
                mock_advance_us(host, MS);
        }
        assert_false(up() && down());
}

static void expect(const char *state, double position)
{
        assert_string_equal(mock_value(host, "state")->text, state);
        if (position < 0) {
                assert_int_equal(mock_value(host, "position")->type, SCONCE_VALUE_NONE);
                return;
        }
        assert_int_equal(mock_value(host, "position")->type, SCONCE_VALUE_NUMBER);
        assert_int_equal((int)mock_value(host, "position")->number, (int)position);
}

enum { UNKNOWN = -1 };

static void order(const char *word)
{
        assert_int_equal(mock_command(host, SCONCE_STR("state", word)), 0);
}

static void move_to(double position)
{
        assert_int_equal(mock_command(host, SCONCE_NUM("position", position)), 0);
}

static void start(void)
{
        assert_int_equal(mock_start(host), 0);
        pass(1 * S); /* the dead time */
}

/* Started, and has just reached an end: the dead time begins. */
static void start_open(void)
{
        start();
        order("OPEN");
        pass(22 * S);
        expect("open", 100);
}

/* ---- Start --------------------------------------------------------------------------------------------- */

static void start__first_time__off_and_unknown(void **state)
{
        (void)state;
        start();
        assert_int_equal(mock_line(host, "GPIO20")->first_value, 0);
        assert_int_equal(mock_line(host, "GPIO21")->first_value, 0);
        expect("stopped", UNKNOWN);
        pass(100 * S);
        assert_int_equal(mock_line(host, "GPIO20")->sets + mock_line(host, "GPIO21")->sets, 0);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void start__command_at_once__waits_for_the_dead_time(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        order("OPEN");
        pass(499 * MS);
        assert_false(up());
        pass(1 * MS);
        assert_true(up());
}

static void start__after_a_clean_stop__position_is_known(void **state)
{
        (void)state;
        start_open();
        move_to(30);
        pass(10 * S);
        expect("stopped", 30);
        mock_stop(host);
        assert_int_equal(mock_start(host), 0);
        expect("stopped", 30);
        assert_null(mock_saved(host, "position")); /* a crash from here on finds nothing */
        pass(100 * S);
        assert_false(up() || down());
}

static void start__after_a_crash__position_is_unknown(void **state)
{
        (void)state;
        start_open();
        assert_null(mock_saved(host, "position"));
        mock_host_free(host);
        make();
        start();
        expect("stopped", UNKNOWN);
}

static void start__saved_text_is_no_position__unknown(void **state)
{
        static const char *const texts[] = { "101", "-1", "nan" };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                mock_save_text(host, "position", texts[i]);
                assert_int_equal(mock_start(host), 0);
                expect("stopped", UNKNOWN);
                mock_stop(host);
        }
}

static void stop__while_it_moves__stands_and_is_known(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(500 * MS + 5 * S);
        assert_true(down());
        mock_stop(host);
        assert_false(down());
        assert_string_equal(mock_saved(host, "position"), "50.00");
}

static void stop__cannot_be_halted__position_is_lost(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(2 * S);
        mock_line(host, "GPIO21")->error = -ENODEV;
        mock_stop(host);
        assert_null(mock_saved(host, "position"));
}

/* ---- By time ------------------------------------------------------------------------------------------- */

static void open__unknown__full_time_and_margin(void **state)
{
        (void)state;
        start();
        order("OPEN");
        expect("opening", UNKNOWN);
        pass(22 * S - 1 * MS);
        assert_true(up());
        expect("opening", UNKNOWN);
        pass(1 * MS);
        assert_false(up());
        expect("open", 100);
}

static void close__known__its_time_and_margin(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(500 * MS);
        assert_true(down());
        expect("closing", 100);
        pass(5 * S);
        expect("closing", 50);
        pass(6 * S - 1 * MS);
        assert_true(down());
        expect("closing", 0);
        pass(1 * MS);
        assert_false(down());
        expect("closed", 0);
}

static void close__when_closed__nothing_moves(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(20 * S);
        unsigned sets = mock_line(host, "GPIO21")->sets;
        order("CLOSE");
        move_to(0);
        pass(20 * S);
        assert_int_equal(mock_line(host, "GPIO21")->sets, sets);
        expect("closed", 0);
}

static void position__known__goes_there_without_margin(void **state)
{
        (void)state;
        start_open();
        move_to(30);
        pass(500 * MS + 7 * S - 1 * MS);
        assert_true(down());
        pass(1 * MS);
        assert_false(down());
        expect("stopped", 30);
        move_to(80);
        pass(500 * MS + 10 * S);
        assert_false(up());
        expect("stopped", 80);
}

static void position__unknown__finds_the_nearer_end_first(void **state)
{
        (void)state;
        start();
        move_to(80);
        assert_true(up());
        pass(22 * S);
        assert_false(up());
        expect("open", 100);
        pass(499 * MS);
        assert_false(down());
        pass(1 * MS + 2 * S);
        assert_false(down());
        expect("stopped", 80);
}

static void position__unknown_and_low__finds_the_lower_end_first(void **state)
{
        (void)state;
        start();
        move_to(10);
        assert_true(down());
        pass(11 * S + 500 * MS + 2 * S);
        expect("stopped", 10);
}

static void position__same_way_while_it_moves__no_halt(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(500 * MS + 2 * S);
        unsigned sets = mock_line(host, "GPIO21")->sets;
        move_to(60);
        assert_int_equal(mock_line(host, "GPIO21")->sets, sets);
        pass(2 * S);
        expect("stopped", 60);
        assert_false(down());
}

static void position__where_it_is_just_now__halts(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(500 * MS + 5 * S);
        move_to(50);
        assert_false(down());
        expect("stopped", 50);
}

static void position__almost_there__nothing_moves(void **state)
{
        (void)state;
        start_open();
        move_to(50);
        pass(10 * S);
        unsigned sets = mock_line(host, "GPIO21")->sets;
        move_to(50.4);
        pass(1 * S);
        assert_int_equal(mock_line(host, "GPIO21")->sets, sets);
}

static void position__near_an_end__is_not_the_end(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(500 * MS + 10 * MS);
        order("STOP");
        expect("stopped", 99);
        order("OPEN");
        pass(500 * MS);
        assert_true(up());
        pass(3 * S);
        expect("open", 100);
}

static void busy_loop__timer_is_late__reckoned_as_it_moved(void **state)
{
        (void)state;
        start_open();
        move_to(50);
        pass(500 * MS + 1 * S);
        mock_stall_us(host, 6 * S);
        pass(1 * MS);
        assert_false(down());
        expect("stopped", 30);
}

/* ---- Stop and interlock -------------------------------------------------------------------------------- */

static void stop__while_it_moves__stands_at_once(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(500 * MS + 3 * S);
        order("STOP");
        assert_false(down());
        expect("stopped", 70);
        pass(100 * S);
        assert_false(up() || down());
        expect("stopped", 70);
        assert_int_equal(mock_timers_armed(host), 0);
}

static void stop__while_unknown__stays_unknown(void **state)
{
        (void)state;
        start();
        order("OPEN");
        pass(10 * S);
        order("STOP");
        expect("stopped", UNKNOWN);
}

static void stop__in_the_dead_time__forgets_the_command(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(200 * MS);
        order("STOP");
        pass(10 * S);
        assert_false(up() || down());
        expect("open", 100);
}

static void change_of_way__dead_time_between(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(500 * MS + 4 * S);
        order("OPEN");
        assert_false(up() || down());
        expect("stopped", 60);
        pass(499 * MS);
        assert_false(up() || down());
        pass(1 * MS);
        assert_true(up());
        expect("opening", 60);
        order("CLOSE"); /* and back at once */
        assert_false(up() || down());
        pass(500 * MS);
        assert_true(down());
}

static void interlock__a_thousand_commands__never_both(void **state)
{
        static const char *const words[] = { "OPEN", "CLOSE", "STOP" };
        unsigned seed = 1;

        (void)state;
        assert_int_equal(mock_start(host), 0);
        for (int i = 0; i < 1000; i++) {
                seed = seed * 1103515245U + 12345U;
                unsigned at = seed >> 16;
                if (at % 4 == 3)
                        move_to(at / 4 % 101);
                else
                        order(words[at % 4]);
                bool was_up = up(), was_down = down();
                for (unsigned ms = at % 700; ms > 0; ms--) {
                        pass(1 * MS);
                        assert_false((was_up && down()) || (was_down && up()));
                        was_up = up();
                        was_down = down();
                }
        }
}

static void command__state_and_position__refused(void **state)
{
        const struct sconce_value both[] = { SCONCE_STR("state", "OPEN"), SCONCE_NUM("position", 50) };

        (void)state;
        start();
        assert_int_equal(mock_commands(host, both, 2), -EINVAL);
        assert_string_equal(mock_error(host), "a command has either state or position");
        assert_false(up() || down());
}

static void halt__fails__tried_again_and_unknown(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(2 * S);
        mock_line(host, "GPIO21")->error = -EIO;
        assert_int_equal(mock_command(host, SCONCE_STR("state", "STOP")), -EIO);
        expect("closing", UNKNOWN);
        mock_line(host, "GPIO21")->error = 0;
        pass(1 * S);
        assert_false(down());
        expect("stopped", UNKNOWN);
}

static void halt__fails_at_the_end__tried_again_and_unknown(void **state)
{
        (void)state;
        start();
        order("OPEN");
        pass(21 * S);
        mock_line(host, "GPIO20")->error = -EIO;
        pass(1 * S);
        expect("opening", UNKNOWN);
        assert_string_equal(mock_problem(host), "cannot be stopped; trying again");
        mock_line(host, "GPIO20")->error = 0;
        pass(1 * S);
        assert_false(up());
        expect("stopped", UNKNOWN);
        assert_string_equal(mock_problem(host), "");
}

/* It goes on for as long as the whole way takes, and not until the next attempt to stop it. */
static void halt__fails_and_it_is_sent_on_the_same_way__reaches_the_end(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        pass(2 * S);
        mock_line(host, "GPIO21")->error = -EIO;
        assert_int_equal(mock_command(host, SCONCE_STR("state", "STOP")), -EIO);
        mock_line(host, "GPIO21")->error = 0;
        order("CLOSE");
        pass(11 * S - 1 * MS);
        assert_true(down());
        pass(1 * MS);
        assert_false(down());
        expect("closed", 0);
}

static void drive__fails_after_the_dead_time__reported_and_given_up(void **state)
{
        (void)state;
        start_open();
        order("CLOSE");
        mock_fail_call(host, 1, -EIO);
        pass(500 * MS);
        assert_string_equal(mock_problem(host), "cannot be moved");
        pass(60 * S);
        assert_false(up() || down());
        expect("open", 100);
}

/* The chip on its bus has taken the value, and the answer was lost, as is that of the OFF: the motor is on. */
static void fail_with_the_motor_on(void)
{
        start_open();
        pass(1 * S);
        mock_line(host, "GPIO21")->error = -EIO;
        assert_int_equal(mock_command(host, SCONCE_STR("state", "CLOSE")), -EIO);
        mock_line(host, "GPIO21")->active = true;
        expect("closing", UNKNOWN);
        assert_string_equal(mock_problem(host), "cannot be stopped; trying again");
}

static void drive__fails_and_so_does_its_halt__tried_again_until_it_stands(void **state)
{
        (void)state;
        fail_with_the_motor_on();
        pass(3 * S);
        expect("closing", UNKNOWN);
        mock_line(host, "GPIO21")->error = 0;
        pass(1 * S);
        assert_false(down());
        expect("stopped", UNKNOWN);
        assert_string_equal(mock_problem(host), "");
        order("OPEN");
        pass(22 * S + 500 * MS);
        expect("open", 100);
}

/* Never both, whatever is commanded meanwhile; pass() looks. */
static void drive__fails_and_so_does_its_halt__not_the_other_way(void **state)
{
        (void)state;
        fail_with_the_motor_on();
        assert_int_equal(mock_command(host, SCONCE_STR("state", "OPEN")), -EIO);
        assert_false(up());
        mock_line(host, "GPIO21")->error = 0;
        order("OPEN");
        pass(500 * MS - 1 * MS);
        assert_false(up() || down());
        pass(1 * MS);
        assert_true(up());
}

/* The motor may stand in truth: it is switched on again, and then has the whole way before it. */
static void drive__fails_and_it_is_sent_on_the_same_way__drives_the_whole_way(void **state)
{
        (void)state;
        fail_with_the_motor_on();
        mock_line(host, "GPIO21")->active = false;
        assert_int_equal(mock_command(host, SCONCE_STR("state", "CLOSE")), -EIO);
        mock_line(host, "GPIO21")->error = 0;
        order("CLOSE");
        assert_true(down());
        assert_string_equal(mock_problem(host), "");
        pass(11 * S - 1 * MS);
        assert_true(down());
        pass(1 * MS);
        assert_false(down());
        expect("closed", 0);
}

/* ---- End stops ----------------------------------------------------------------------------------------- */

static void end_stop__at_the_start__position_is_known(void **state)
{
        (void)state;
        mock_line(host, "GPIO24")->active = true;
        start();
        expect("closed", 0);
}

static void end_stop__open_at_the_start__position_is_known(void **state)
{
        (void)state;
        mock_line(host, "GPIO23")->active = true;
        start();
        expect("open", 100);
}

static void end_stop__both_active__refused_in_words(void **state)
{
        (void)state;
        mock_line(host, "GPIO23")->active = mock_line(host, "GPIO24")->active = true;
        start();
        expect("stopped", UNKNOWN);
        assert_int_equal(mock_command(host, SCONCE_STR("state", "OPEN")), -EIO);
        assert_string_equal(mock_error(host), "both end stops are active: check their wires, bias and active_low");
        assert_false(up() || down());
}

static void end_stop__reached__halts_there(void **state)
{
        (void)state;
        start();
        order("OPEN");
        pass(7 * S);
        mock_edge(host, "GPIO23", true);
        assert_false(up());
        expect("open", 100);
        order("OPEN");
        pass(1 * S);
        assert_false(up());
        order("CLOSE");
        pass(500 * MS);
        assert_true(down());
        mock_edge(host, "GPIO23", false);
        assert_true(down());
        pass(5 * S);
        expect("closing", 50);
}

static void end_stop__not_reached_in_time__unknown_and_reported(void **state)
{
        (void)state;
        start();
        order("OPEN");
        pass(22 * S);
        assert_false(up());
        expect("stopped", UNKNOWN);
        assert_string_equal(mock_problem(host), "has not reached its up end stop in time: its position is unknown");
        order("OPEN"); /* is taken all the same, and tries again */
        assert_true(up());
        pass(3 * S);
        assert_false(*mock_problem(host) == '\0');
        mock_edge(host, "GPIO23", true);
        expect("open", 100);
        assert_string_equal(mock_problem(host), "");
}

static void start_closed(void)
{
        mock_line(host, "GPIO24")->active = true;
        start();
        expect("closed", 0);
}

/* At 50 %, both stops released. */
static void start_half(void)
{
        start_closed();
        move_to(50);
        pass(1 * S);
        mock_edge(host, "GPIO24", false);
        pass(20 * S);
        expect("stopped", 50);
}

static void end_stop__released_while_it_stands__not_there_any_more(void **state)
{
        (void)state;
        start_closed();
        mock_edge(host, "GPIO24", false); /* the gate is pushed open */
        expect("stopped", UNKNOWN);
        order("CLOSE");
        assert_true(down());
        pass(3 * S);
        mock_edge(host, "GPIO24", true);
        assert_false(down());
        expect("closed", 0);
}

static void end_stop__released_before_a_restart__not_there_any_more(void **state)
{
        (void)state;
        start_closed();
        mock_stop(host);
        assert_string_equal(mock_saved(host, "position"), "0.00");
        mock_line(host, "GPIO24")->active = false;
        start();
        expect("stopped", UNKNOWN);
        order("CLOSE");
        assert_true(down());
}

static void end_stop__between_the_ends_before_a_restart__still_there(void **state)
{
        (void)state;
        start_half();
        mock_stop(host);
        start();
        expect("stopped", 50);
}

static void end_stop__noise_while_it_stands__no_arrival(void **state)
{
        (void)state;
        start_half();
        mock_edge(host, "GPIO23", true);
        expect("stopped", 50);
        pass(50 * MS);
        mock_edge(host, "GPIO23", false);
        pass(10 * S);
        expect("stopped", 50);
        assert_int_equal(mock_timers_armed(host), 0);
        order("OPEN");
        assert_true(up());
}

/* Noise or not, nothing drives into a stop. */
static void end_stop__active_for_a_moment_and_sent_there__is_there(void **state)
{
        (void)state;
        start_half();
        mock_edge(host, "GPIO23", true);
        expect("stopped", 50);
        order("OPEN");
        assert_false(up());
        expect("open", 100);
        pass(30 * S);
        assert_false(up());
}

/* So near to its stop that it is active still: no sign of a motor that does not turn. */
static void end_stop__moved_by_less_than_its_width__no_problem(void **state)
{
        (void)state;
        start_closed();
        move_to(5);
        pass(3 * S);
        assert_false(up());
        expect("closed", 0);
        assert_string_equal(mock_problem(host), "");
}

static void end_stop__moved_there_by_hand_and_stays__arrival(void **state)
{
        (void)state;
        start_half();
        mock_edge(host, "GPIO23", true);
        pass(999 * MS);
        expect("stopped", 50);
        pass(1 * MS);
        expect("open", 100);
}

static void end_stop__both_then_one__position_is_known_again(void **state)
{
        (void)state;
        start_closed();
        mock_edge(host, "GPIO23", true);
        assert_int_equal(mock_health(host), -EIO);
        expect("stopped", UNKNOWN);
        mock_edge(host, "GPIO23", false);
        assert_int_equal(mock_health(host), 0);
        expect("closed", 0);
}

static void end_stop__both_at_the_start_then_one__position_is_known(void **state)
{
        (void)state;
        mock_line(host, "GPIO23")->active = mock_line(host, "GPIO24")->active = true;
        start();
        assert_int_equal(mock_health(host), -EIO);
        mock_edge(host, "GPIO24", false);
        assert_int_equal(mock_health(host), 0);
        expect("open", 100);
}

static void end_stop__both_while_it_moves__halts(void **state)
{
        (void)state;
        start_closed();
        order("OPEN");
        assert_true(up());
        pass(1 * S);
        mock_edge(host, "GPIO23", true);
        assert_false(up());
        expect("stopped", UNKNOWN);
        assert_int_equal(mock_health(host), -EIO);
        pass(10 * S);
        assert_false(up() || down());
}

/* The motor has come off its gate, or the stop's wire is cut short. */
static void end_stop__never_left__still_there_and_reported(void **state)
{
        (void)state;
        start_closed();
        move_to(50);
        pass(10 * S);
        assert_false(up());
        expect("closed", 0);
        assert_string_equal(mock_problem(host), "is still at its down end stop: it does not seem to move");
}

static void end_stop__noise_on_its_way__not_there_when_it_is_over(void **state)
{
        (void)state;
        start_closed();
        order("OPEN");
        pass(1 * S);
        mock_edge(host, "GPIO24", false);
        pass(5 * S);
        mock_edge(host, "GPIO23", true);
        assert_false(up()); /* nothing drives into a stop */
        mock_edge(host, "GPIO23", false);
        expect("stopped", UNKNOWN);
        order("OPEN");
        assert_true(up());
}

/* ---- What may be asked for ----------------------------------------------------------------------------- */

static void repeat__closed_already__drives_the_whole_way(void **state)
{
        (void)state;
        mock_option(host, "repeat", "yes");
        start();
        order("CLOSE");
        pass(12 * S);
        expect("closed", 0);
        order("CLOSE");
        assert_true(down());
        expect("closing", UNKNOWN);
        pass(11 * S - 1 * MS);
        assert_true(down());
        pass(1 * MS);
        assert_false(down());
        expect("closed", 0);
        pass(100 * S);
        assert_false(up() || down());
}

static void repeat__position_between_the_ends__does_not_move_again(void **state)
{
        (void)state;
        mock_option(host, "repeat", "yes");
        start_open();
        move_to(50);
        pass(10 * S);
        move_to(50);
        assert_false(up() || down());
        expect("stopped", 50);
}

static void repeat__at_its_end_stop__does_not_drive_into_it(void **state)
{
        (void)state;
        mock_option(host, "repeat", "yes");
        start_closed();
        order("CLOSE");
        assert_false(down());
        expect("closed", 0);
}

static void start_delay__does_not_count_as_way(void **state)
{
        (void)state;
        mock_option(host, "start_delay", "2s");
        start();
        order("OPEN");
        pass(24 * S - 1 * MS);
        assert_true(up());
        pass(1 * MS);
        expect("open", 100);
        move_to(50);
        pass(500 * MS + 2 * S);
        expect("closing", 100);
        pass(1 * S);
        move_to(40); /* on its way: the delay is over */
        expect("closing", 90);
        pass(5 * S);
        assert_false(down());
        expect("stopped", 40);
}

static void end_stop__on_the_way_to_a_position__goes_on_from_there(void **state)
{
        (void)state;
        start();
        move_to(80);
        pass(3 * S);
        mock_edge(host, "GPIO23", true);
        expect("open", 100);
        pass(500 * MS);
        assert_true(down());
        mock_edge(host, "GPIO23", false);
        pass(2 * S);
        expect("stopped", 80);
}

static void end_stop__moved_by_hand__position_is_known(void **state)
{
        (void)state;
        start();
        mock_edge(host, "GPIO24", true);
        expect("closed", 0);
        assert_false(up() || down());
}

static void end_stop__of_the_other_way__does_not_halt(void **state)
{
        (void)state;
        mock_line(host, "GPIO24")->active = true;
        start();
        order("OPEN");
        mock_edge(host, "GPIO24", false);
        mock_edge(host, "GPIO24", true);
        mock_edge(host, "GPIO24", false);
        assert_true(up());
        pass(10 * S);
        expect("opening", 50);
}

/* ---- What it declares ---------------------------------------------------------------------------------- */

static void cover__declares__timed_outputs_and_two_channels(void **state)
{
        (void)state;
        mock_option(host, "device_class", "shutter");
        start();
        assert_int_equal(mock_plugin(host)->flags, SCONCE_TIMED);
        assert_int_equal(mock_channel(host, "state")->kind, SCONCE_COVER);
        assert_string_equal(mock_channel(host, "state")->device_class, "shutter");
        assert_string_equal(mock_plugin(host)->channels[1].key, "position");
        assert_int_equal(mock_plugin(host)->channels[1].kind, SCONCE_NUMBER);
        assert_int_equal((int)mock_plugin(host)->channels[1].max, 100);
}

static void down_time__not_given__as_long_as_up(void **state)
{
        (void)state;
        mock_host_free(host);
        host = mock_host_load(plugin_file("cover"));
        mock_option(host, "up", "GPIO20");
        mock_option(host, "down", "GPIO21");
        mock_option(host, "up_time", "20s");
        mock_option(host, "margin", "0");
        start();
        order("CLOSE");
        pass(20 * S - 1 * MS);
        assert_true(down());
        pass(1 * MS);
        assert_false(down());
        expect("closed", 0);
}

static void start__line_fails__its_errno(void **state)
{
        (void)state;
        mock_line(host, "GPIO21")->error = -EBUSY;
        assert_int_equal(mock_start(host), -EBUSY);
}

#define TEST(function)       cmocka_unit_test_setup_teardown(function, setup, teardown)
#define STOPS_TEST(function) cmocka_unit_test_setup_teardown(function, setup_with_stops, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(start__first_time__off_and_unknown),
                TEST(start__command_at_once__waits_for_the_dead_time),
                TEST(start__after_a_clean_stop__position_is_known),
                TEST(start__after_a_crash__position_is_unknown),
                TEST(start__saved_text_is_no_position__unknown),
                TEST(stop__while_it_moves__stands_and_is_known),
                TEST(stop__cannot_be_halted__position_is_lost),
                TEST(open__unknown__full_time_and_margin),
                TEST(close__known__its_time_and_margin),
                TEST(close__when_closed__nothing_moves),
                TEST(position__known__goes_there_without_margin),
                TEST(position__unknown__finds_the_nearer_end_first),
                TEST(position__unknown_and_low__finds_the_lower_end_first),
                TEST(position__same_way_while_it_moves__no_halt),
                TEST(position__where_it_is_just_now__halts),
                TEST(position__almost_there__nothing_moves),
                TEST(position__near_an_end__is_not_the_end),
                TEST(busy_loop__timer_is_late__reckoned_as_it_moved),
                TEST(stop__while_it_moves__stands_at_once),
                TEST(stop__while_unknown__stays_unknown),
                TEST(stop__in_the_dead_time__forgets_the_command),
                TEST(change_of_way__dead_time_between),
                TEST(interlock__a_thousand_commands__never_both),
                TEST(command__state_and_position__refused),
                TEST(halt__fails__tried_again_and_unknown),
                TEST(halt__fails_at_the_end__tried_again_and_unknown),
                TEST(halt__fails_and_it_is_sent_on_the_same_way__reaches_the_end),
                TEST(drive__fails_after_the_dead_time__reported_and_given_up),
                TEST(drive__fails_and_so_does_its_halt__tried_again_until_it_stands),
                TEST(drive__fails_and_so_does_its_halt__not_the_other_way),
                TEST(drive__fails_and_it_is_sent_on_the_same_way__drives_the_whole_way),
                STOPS_TEST(end_stop__at_the_start__position_is_known),
                STOPS_TEST(end_stop__open_at_the_start__position_is_known),
                STOPS_TEST(end_stop__both_active__refused_in_words),
                STOPS_TEST(end_stop__reached__halts_there),
                STOPS_TEST(end_stop__not_reached_in_time__unknown_and_reported),
                STOPS_TEST(end_stop__released_while_it_stands__not_there_any_more),
                STOPS_TEST(end_stop__released_before_a_restart__not_there_any_more),
                STOPS_TEST(end_stop__between_the_ends_before_a_restart__still_there),
                STOPS_TEST(end_stop__noise_while_it_stands__no_arrival),
                STOPS_TEST(end_stop__active_for_a_moment_and_sent_there__is_there),
                STOPS_TEST(end_stop__moved_by_less_than_its_width__no_problem),
                STOPS_TEST(end_stop__moved_there_by_hand_and_stays__arrival),
                STOPS_TEST(end_stop__both_then_one__position_is_known_again),
                STOPS_TEST(end_stop__both_at_the_start_then_one__position_is_known),
                STOPS_TEST(end_stop__both_while_it_moves__halts),
                STOPS_TEST(end_stop__never_left__still_there_and_reported),
                STOPS_TEST(end_stop__noise_on_its_way__not_there_when_it_is_over),
                TEST(repeat__closed_already__drives_the_whole_way),
                TEST(repeat__position_between_the_ends__does_not_move_again),
                STOPS_TEST(repeat__at_its_end_stop__does_not_drive_into_it),
                TEST(start_delay__does_not_count_as_way),
                STOPS_TEST(end_stop__on_the_way_to_a_position__goes_on_from_there),
                STOPS_TEST(end_stop__moved_by_hand__position_is_known),
                STOPS_TEST(end_stop__of_the_other_way__does_not_halt),
                TEST(cover__declares__timed_outputs_and_two_channels),
                TEST(down_time__not_given__as_long_as_up),
                TEST(start__line_fails__its_errno),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
