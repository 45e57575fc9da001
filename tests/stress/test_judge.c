/* SPDX-License-Identifier: Apache-2.0 */
/* The stress test's judge: each law broken in a record made by hand is found, and what is allowed is not taken for
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stress/judge.h"
#include "util/macro.h"

#define MS(ms) ((ms)*USEC_PER_MSEC)
#define END    MS(60000)

enum { LAMP, LEFT, RIGHT, UP, DOWN, BELL, PUMP, FRIDGE, ALARM, HEATER };

static const struct house small = {
        .count = 10,
        .outputs = {
                [LAMP] = { .id = "lamp", .part = PART_PLAIN, .line = 2 },
                [LEFT] = { .id = "left", .part = PART_MEMBER, .line = 3, .group = 1, .dead_us = MS(200) },
                [RIGHT] = { .id = "right", .part = PART_MEMBER, .line = 4, .group = 1, .dead_us = MS(200), .active_low = true },
                [UP] = { .id = "gate", .part = PART_COVER, .line = 5, .group = 2, .dead_us = MS(100), .run_us = MS(1000) },
                [DOWN] = { .id = "gate", .part = PART_COVER, .line = 6, .group = 2, .dead_us = MS(100), .run_us = MS(1000) },
                [BELL] = { .id = "bell", .part = PART_PULSE, .line = 7, .pulse_us = MS(300) },
                [PUMP] = { .id = "pump", .part = PART_PUMP, .line = 8 },
                [FRIDGE] = { .id = "fridge", .part = PART_FRIDGE, .line = 9, .min_on_us = MS(500), .min_off_us = MS(700) },
                [ALARM] = { .id = "alarm", .part = PART_ALARM, .line = 10, .active_low = true, .pulled_on = true,
                            .max_on_us = MS(5000) },
                [HEATER] = { .id = "heater", .part = PART_HEATER, .line = 11, .max_on_us = MS(1000) },
        },
};

struct fixture {
        struct house house;
        struct record record;
        struct noise noise;
        struct verdict verdict;
};

static void row(struct fixture *f, enum row_kind kind, uint64_t from_ms, uint64_t to_ms, unsigned output)
{
        (void)record_add(&f->record, &(struct row){ .kind = kind,
                                                    .from_us = MS(from_ms),
                                                    .to_us = MS(to_ms),
                                                    .outputs = 1ULL << output,
                                                    .is_answered = true,
                                                    .is_accepted = true });
}

static void command(struct fixture *f, uint64_t at_ms, unsigned output, enum word word, uint64_t length_ms)
{
        row(f, ROW_COMMAND, at_ms, at_ms + 2, output);
        f->record.rows[f->record.n_rows - 1].word = word;
        f->record.rows[f->record.n_rows - 1].length_us = MS(length_ms);
}

static void edge(struct fixture *f, uint64_t at_ms, unsigned output, bool on)
{
        record_add_edge(&f->record, MS(at_ms), f->house.outputs[output].line,
                        on != f->house.outputs[output].active_low);
}

/* On and off again, each with its command. */
static void lit(struct fixture *f, unsigned output, uint64_t on_ms, uint64_t off_ms)
{
        command(f, on_ms - 1, output, WORD_ON, 0);
        edge(f, on_ms, output, true);
        command(f, off_ms - 1, output, WORD_OFF, 0);
        edge(f, off_ms, output, false);
}

static int by_time(const void *a, const void *b)
{
        const struct edge *one = a, *other = b;
        return one->at_us < other->at_us ? -1 : one->at_us > other->at_us;
}

static void judged(struct fixture *f)
{
        if (f->record.n_edges > 0)
                qsort(f->record.edges, f->record.n_edges, sizeof(*f->record.edges), by_time);
        judge(&f->house, &f->record, &f->noise, &f->verdict);
}

/* This law alone is broken, so often, in these words. */
static void assert_broken(struct fixture *f, enum law law, size_t times, const char *words)
{
        judged(f);
        assert_int_equal(f->verdict.count, times);
        assert_int_equal(f->verdict.by_law[law], times);
        assert_non_null(strstr(f->verdict.violations[0].text, words));
}

static void assert_kept(struct fixture *f, enum law law)
{
        judged(f);
        if (f->verdict.count > 0)
                fail_msg("%s: %s", law_name(f->verdict.violations[0].law), f->verdict.violations[0].text);
        assert_true(f->verdict.looked_at[law] > 0);
}

/* A process that runs for a minute. */
static int setup(void **state)
{
        static struct fixture f;

        f = (struct fixture){ .house = small };
        row(&f, ROW_START, 0, 100, ALARM);
        row(&f, ROW_STOP, 60000, 60100, ALARM);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        record_done(&f->record);
        noise_done(&f->noise);
        return 0;
}

/* ---- Groups and covers ------------------------------------------------------------------------------------------- */

static void interlock__both_on__found(void **state)
{
        struct fixture *f = *state;

        lit(f, LEFT, 1000, 2000);
        lit(f, RIGHT, 1999, 2500);
        assert_broken(f, LAW_INTERLOCK, 1, "GPIO4 (right) goes on while GPIO3 (left) is on");
}

static void interlock__dead_time_too_short__found(void **state)
{
        struct fixture *f = *state;

        lit(f, RIGHT, 1000, 2000);
        lit(f, LEFT, 2190, 2500);
        assert_broken(f, LAW_INTERLOCK, 1, "GPIO3 (left) goes on 190.0 ms after GPIO4 (right), dead time 200.0 ms");
}

static void interlock__dead_time_kept__fine(void **state)
{
        struct fixture *f = *state;

        lit(f, LEFT, 1000, 2000);
        lit(f, LEFT, 2010, 2100);
        lit(f, RIGHT, 2300, 2500);
        assert_kept(f, LAW_INTERLOCK);
}

static void cover__both_ways__found(void **state)
{
        struct fixture *f = *state;

        lit(f, UP, 1000, 1500);
        lit(f, DOWN, 1400, 1450);
        assert_broken(f, LAW_COVER, 1, "GPIO6 (gate) goes on while GPIO5 (gate) is on");
}

static void cover__reversed_at_once__found(void **state)
{
        struct fixture *f = *state;

        lit(f, DOWN, 1000, 1500);
        lit(f, UP, 1550, 1600);
        assert_broken(f, LAW_COVER, 1, "GPIO5 (gate) goes on 50.0 ms after GPIO6 (gate)");
}

static void cover__driven_longer_than_its_way__found(void **state)
{
        struct fixture *f = *state;

        lit(f, UP, 1000, 2030);
        assert_broken(f, LAW_COVER, 1, "still on 30.0 ms after its way was over");
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

static void pulse__too_long__found(void **state)
{
        struct fixture *f = *state;

        command(f, 999, BELL, WORD_ON, 0);
        edge(f, 1000, BELL, true);
        edge(f, 1340, BELL, false);
        assert_broken(f, LAW_TIME, 1, "GPIO7 (bell) is still on 39.0 ms after its pulse was over");
}

static void pulse__begun_again__counts_from_there(void **state)
{
        struct fixture *f = *state;

        command(f, 999, BELL, WORD_ON, 0);
        edge(f, 1000, BELL, true);
        command(f, 1200, BELL, WORD_ON, 0);
        edge(f, 1501, BELL, false);
        assert_kept(f, LAW_TIME);
        assert_int_equal(f->verdict.worst_us[LAW_TIME], 0);
}

static void pulse__machine_held_up__allowed_for(void **state)
{
        struct fixture *f = *state;

        noise_add(&f->noise, MS(900), 0);
        noise_add(&f->noise, MS(1250), MS(30));
        noise_add(&f->noise, MS(3000), 0);
        noise_add(&f->noise, MS(3100), 0);
        command(f, 999, BELL, WORD_ON, 0);
        edge(f, 1000, BELL, true);
        edge(f, 1340, BELL, false);
        assert_kept(f, LAW_TIME);
        edge(f, 4000, BELL, true);
        command(f, 3999, BELL, WORD_ON, 0);
        edge(f, 4340, BELL, false);
        assert_broken(f, LAW_TIME, 1, "after its pulse was over");
}

static void for__not_ended__found(void **state)
{
        struct fixture *f = *state;

        command(f, 1000, PUMP, WORD_FOR, 500);
        edge(f, 1001, PUMP, true);
        command(f, 1600, PUMP, WORD_OFF, 0);
        edge(f, 1601, PUMP, false);
        assert_broken(f, LAW_TIME, 1, "GPIO8 (pump) is still on 99.0 ms after its for was over");
}

static void max_on__exceeded__found(void **state)
{
        struct fixture *f = *state;

        lit(f, HEATER, 1000, 2100);
        assert_broken(f, LAW_TIME, 1, "after its max_on was over");
}

static void max_on__flashed_again_and_again__found(void **state)
{
        struct fixture *f = *state;

        for (uint64_t at = 1000; at < 3000; at += 500) {
                command(f, at, HEATER, WORD_FLASH, 1000);
                edge(f, at + 1, HEATER, true);
                edge(f, at + 250, HEATER, false);
        }
        judged(f);
        assert_true(f->verdict.by_law[LAW_TIME] > 0);
        assert_non_null(strstr(f->verdict.violations[0].text, "max_on (flashing)"));
}

static void max_on__flashed_again_after_it__counts_from_there(void **state)
{
        struct fixture *f = *state;

        for (uint64_t at = 1000; at < 4000; at += 1100) {
                command(f, at, HEATER, WORD_FLASH, 2000);
                edge(f, at + 1, HEATER, true);
                edge(f, at + 1001, HEATER, false);
        }
        assert_kept(f, LAW_TIME);
}

/* ---- Crashes ----------------------------------------------------------------------------------------------------- */

static void crash(struct fixture *f)
{
        f->record.rows[1].from_us = MS(2000); /* instead of the stop */
        f->record.rows[1].to_us = MS(2500);
        f->record.rows[1].kind = ROW_KILL;
        row(f, ROW_SAFE, 2100, 2490, ALARM);
        row(f, ROW_START, 3000, 3100, ALARM);
        row(f, ROW_STOP, 60000, 60100, ALARM);
}

static void outputs_safe__leaves_it_on__found(void **state)
{
        struct fixture *f = *state;

        crash(f);
        command(f, 999, ALARM, WORD_ON, 0);
        edge(f, 900, ALARM, false);
        edge(f, 1000, ALARM, true);
        edge(f, 3050, ALARM, false);
        assert_broken(f, LAW_SAFE, 1, "GPIO10 (alarm) is timed, and --outputs-safe leaves it on");
}

static void outputs_safe__drives_it_off__fine(void **state)
{
        struct fixture *f = *state;

        crash(f);
        command(f, 999, ALARM, WORD_ON, 0);
        edge(f, 1000, ALARM, true);
        edge(f, 2300, ALARM, false);
        edge(f, 2301, ALARM, true);
        edge(f, 3050, ALARM, false);
        assert_kept(f, LAW_SAFE);
}

static void outputs_safe__start_switches_it_on_again__found(void **state)
{
        struct fixture *f = *state;

        crash(f);
        command(f, 1999, PUMP, WORD_FOR, 5000);
        f->record.rows[f->record.n_rows - 1].to_us = MS(2000);
        edge(f, 1999, PUMP, true);
        edge(f, 2300, PUMP, false);
        edge(f, 3050, PUMP, true);
        edge(f, 3080, PUMP, false);
        assert_broken(f, LAW_SAFE, 1, "the start after a SIGKILL switches it on");
}

/* ---- Without a broker -------------------------------------------------------------------------------------------- */

static void lose(struct fixture *f, enum wish wish)
{
        f->house.outputs[LAMP].on_offline = wish;
        row(f, ROW_LOST, 10000, 20000, ALARM);
}

static void on_offline__stays_on__found(void **state)
{
        struct fixture *f = *state;

        lose(f, WISH_OFF);
        lit(f, LAMP, 5000, 30000);
        judged(f);
        assert_int_equal(f->verdict.by_law[LAW_OFFLINE], f->verdict.count);
        assert_non_null(
                strstr(f->verdict.violations[0].text, "GPIO2 (lamp) is on 2020.0 ms after the loss of the broker"));
}

static void on_offline__on_and_dark__found(void **state)
{
        struct fixture *f = *state;

        lose(f, WISH_ON);
        judged(f);
        assert_int_equal(f->verdict.by_law[LAW_OFFLINE], 2);
        assert_int_equal(f->verdict.count, 2);
}

static void on_offline__goes_on_for_a_moment__found(void **state)
{
        struct fixture *f = *state;

        lose(f, WISH_OFF);
        lit(f, LAMP, 5000, 11500);
        edge(f, 15000, LAMP, true);
        edge(f, 15010, LAMP, false);
        assert_broken(f, LAW_OFFLINE, 1, "GPIO2 (lamp) goes on 5000.0 ms after the loss");
}

static void on_offline__a_start_brings_it_back__found(void **state)
{
        struct fixture *f = *state;

        lose(f, WISH_OFF);
        row(f, ROW_STOP, 14000, 14100, ALARM);
        row(f, ROW_START, 15000, 15100, ALARM);
        lit(f, LAMP, 5000, 11500);
        edge(f, 15050, LAMP, true);
        edge(f, 60050, LAMP, false);
        judged(f);
        assert_int_equal(f->verdict.by_law[LAW_OFFLINE], f->verdict.count);
        assert_int_equal(f->verdict.count, 3);
}

static void on_offline__killed_before_the_loss_is_noticed__counts_from_the_start(void **state)
{
        struct fixture *f = *state;

        lose(f, WISH_OFF);
        row(f, ROW_KILL, 10100, 10200, ALARM);
        row(f, ROW_START, 14000, 14100, ALARM);
        command(f, 4999, LAMP, WORD_ON, 0);
        edge(f, 5000, LAMP, true);
        edge(f, 15500, LAMP, false);
        assert_kept(f, LAW_OFFLINE);
}

static void on_offline__a_hand_switches_it__fine(void **state)
{
        struct fixture *f = *state;

        lose(f, WISH_OFF);
        lit(f, LAMP, 5000, 11500);
        row(f, ROW_TOUCH, 15000, 15030, LAMP);
        edge(f, 15021, LAMP, true);
        row(f, ROW_TOUCH, 25000, 25030, LAMP);
        edge(f, 25021, LAMP, false);
        assert_kept(f, LAW_OFFLINE);
}

/* ---- Causes ------------------------------------------------------------------------------------------------------ */

static void edge__nothing_was_done__found(void **state)
{
        struct fixture *f = *state;

        lit(f, LAMP, 5000, 6000);
        edge(f, 8000, LAMP, true);
        assert_broken(f, LAW_CAUSE, 1, "GPIO2 (lamp) goes on without a cause");
}

static void edge__reload_of_another__found(void **state)
{
        struct fixture *f = *state;

        lit(f, LAMP, 5000, 30000);
        row(f, ROW_RELOAD, 8000, 8010, LEFT);
        edge(f, 8005, LAMP, false);
        edge(f, 8006, LAMP, true);
        judged(f);
        assert_int_equal(f->verdict.by_law[LAW_CAUSE], 2);
        assert_non_null(strstr(f->verdict.violations[0].text, "in a reload that does not touch it"));
}

static void edge__reload_of_its_own__fine(void **state)
{
        struct fixture *f = *state;

        lit(f, LAMP, 5000, 30000);
        row(f, ROW_RELOAD, 8000, 8010, LAMP);
        edge(f, 8005, LAMP, false);
        edge(f, 8006, LAMP, true);
        judged(f);
        assert_int_equal(f->verdict.count, 0);
}

/* On at 5 s for a second at most, through a restart that leaves it dark for so long. */
static void restart_under_heater(struct fixture *f, uint64_t dark_ms, uint64_t off_ms)
{
        command(f, 4999, HEATER, WORD_ON, 0);
        edge(f, 5000, HEATER, true);
        row(f, ROW_STOP, 5300, 5340, HEATER);
        edge(f, 5310, HEATER, false);
        row(f, ROW_START, 5290 + dark_ms, 5320 + dark_ms, HEATER);
        edge(f, 5310 + dark_ms, HEATER, true);
        edge(f, off_ms, HEATER, false);
}

static void edge__end_of_max_on_after_a_restart__fine(void **state)
{
        struct fixture *f = *state;

        restart_under_heater(f, 400, 6001);
        assert_kept(f, LAW_CAUSE);
}

static void edge__before_the_end_of_max_on_after_a_restart__found(void **state)
{
        struct fixture *f = *state;

        restart_under_heater(f, 400, 5900);
        assert_broken(f, LAW_CAUSE, 1, "GPIO11 (heater) goes off without a cause");
}

static void edge__end_of_max_on_begun_before_a_rest__found(void **state)
{
        struct fixture *f = *state;

        f->house.outputs[HEATER].max_on_us = MS(2600);
        restart_under_heater(f, 2010, 7600);
        assert_broken(f, LAW_CAUSE, 1, "GPIO11 (heater) goes off without a cause");
}

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

static void min_on__too_short__found(void **state)
{
        struct fixture *f = *state;

        lit(f, FRIDGE, 1000, 1490);
        assert_broken(f, LAW_REST, 1, "GPIO9 (fridge) goes off after 490.0 ms, min_on 500.0 ms");
}

static void min_off__too_short__found(void **state)
{
        struct fixture *f = *state;

        lit(f, FRIDGE, 1000, 2000);
        lit(f, FRIDGE, 2600, 3500);
        assert_broken(f, LAW_REST, 1, "GPIO9 (fridge) goes on after 600.0 ms, min_off 700.0 ms");
}

static void button__answered_late__found(void **state)
{
        struct fixture *f = *state;

        row(f, ROW_TOUCH, 5000, 5150, LAMP);
        edge(f, 5150, LAMP, true);
        judged(f);
        assert_int_equal(f->verdict.by_law[LAW_LOCAL], 1);
        assert_non_null(strstr(f->verdict.violations[0].text, "GPIO2 (lamp) does not answer its button"));
}

static void button__down_before_its_first_level_settles__not_judged(void **state)
{
        struct fixture *f = *state;

        row(f, ROW_TOUCH, 110, 1110, LAMP);
        judged(f);
        assert_int_equal(f->verdict.count, 0);
        row(f, ROW_TOUCH, 141, 1141, LAMP);
        assert_broken(f, LAW_LOCAL, 1, "does not answer its button");
}

static void button__answered__fine(void **state)
{
        struct fixture *f = *state;

        row(f, ROW_TOUCH, 5000, 5025, LAMP);
        edge(f, 5024, LAMP, true);
        assert_kept(f, LAW_LOCAL);
}

static void state__not_the_line__found(void **state)
{
        struct fixture *f = *state;

        row(f, ROW_STATE, 5000, 5000, LAMP);
        f->record.rows[f->record.n_rows - 1].line = true;
        assert_broken(f, LAW_STATE, 1, "GPIO2 (lamp) is on, and its state is off");
}

static void nothing__looked_at_nothing(void **state)
{
        struct fixture *f = *state;

        judged(f);
        assert_int_equal(f->verdict.count, 0);
        for (size_t law = 0; law < LAWS; law++)
                assert_int_equal(f->verdict.looked_at[law], 0);
}

#define JUDGE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                JUDGE_TEST(interlock__both_on__found),
                JUDGE_TEST(interlock__dead_time_too_short__found),
                JUDGE_TEST(interlock__dead_time_kept__fine),
                JUDGE_TEST(cover__both_ways__found),
                JUDGE_TEST(cover__reversed_at_once__found),
                JUDGE_TEST(cover__driven_longer_than_its_way__found),
                JUDGE_TEST(pulse__too_long__found),
                JUDGE_TEST(pulse__begun_again__counts_from_there),
                JUDGE_TEST(pulse__machine_held_up__allowed_for),
                JUDGE_TEST(for__not_ended__found),
                JUDGE_TEST(max_on__exceeded__found),
                JUDGE_TEST(max_on__flashed_again_and_again__found),
                JUDGE_TEST(max_on__flashed_again_after_it__counts_from_there),
                JUDGE_TEST(outputs_safe__leaves_it_on__found),
                JUDGE_TEST(outputs_safe__drives_it_off__fine),
                JUDGE_TEST(outputs_safe__start_switches_it_on_again__found),
                JUDGE_TEST(on_offline__stays_on__found),
                JUDGE_TEST(on_offline__on_and_dark__found),
                JUDGE_TEST(on_offline__goes_on_for_a_moment__found),
                JUDGE_TEST(on_offline__a_start_brings_it_back__found),
                JUDGE_TEST(on_offline__killed_before_the_loss_is_noticed__counts_from_the_start),
                JUDGE_TEST(on_offline__a_hand_switches_it__fine),
                JUDGE_TEST(edge__nothing_was_done__found),
                JUDGE_TEST(edge__reload_of_another__found),
                JUDGE_TEST(edge__reload_of_its_own__fine),
                JUDGE_TEST(edge__end_of_max_on_after_a_restart__fine),
                JUDGE_TEST(edge__before_the_end_of_max_on_after_a_restart__found),
                JUDGE_TEST(edge__end_of_max_on_begun_before_a_rest__found),
                JUDGE_TEST(min_on__too_short__found),
                JUDGE_TEST(min_off__too_short__found),
                JUDGE_TEST(button__answered_late__found),
                JUDGE_TEST(button__down_before_its_first_level_settles__not_judged),
                JUDGE_TEST(button__answered__fine),
                JUDGE_TEST(state__not_the_line__found),
                JUDGE_TEST(nothing__looked_at_nothing),
        };
        return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
