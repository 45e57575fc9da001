/* SPDX-License-Identifier: Apache-2.0 */
/* device/reading: filters, conversion, rounding, what is news; and the options of a section that ask for it. */
#include "channel/reading.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

/* ---- One reading --------------------------------------------------------------------------------------- */

static void assert_refined(struct reading_config settings, const double *raw, const double *expected, size_t count)
{
        struct reading reading = { .config = settings };

        for (size_t i = 0; i < count; i++)
                assert_true(fabs(reading_refine(&reading, raw[i]) - expected[i]) < 1e-12);
        reading_done(&reading);
}

static void reading_refine__conversion__multiplier_then_offset_then_round(void **state)
{
        static const double raw[] = { 0, 100, -40, 12.3456, 1e300 };
        static const double expected[] = { 32, 212, -40, 54.22, 1.8e300 };

        (void)state;
        assert_refined((struct reading_config){ .multiplier = 1.8, .offset = 32, .round = 2 }, raw, expected, 4);
        assert_refined((struct reading_config){ .multiplier = 1.8, .offset = 32, .round = 9 }, &raw[4],
                       &(const double){ 1e300 * 1.8 + 32 }, 1);
}

static void reading_refine__median__outlier_is_left_out(void **state)
{
        static const double raw[] = { 20, 22, 85, 21, 20, -40, 20 };
        static const double expected[] = { 20, 21, 22, 22, 21, 20, 20 };

        (void)state;
        assert_refined(
                (struct reading_config){
                        .multiplier = 1, .round = -1, .filter = READING_FILTER_MEDIAN, .filter_size = 3 },
                raw, expected, ARRAY_SIZE(raw));
}

static void reading_refine__average__of_the_last_ones(void **state)
{
        static const double raw[] = { 1, 2, 3, 4, 5, 5, 5, 5 };
        static const double expected[] = { 1, 1.5, 2, 2.5, 3.5, 4.25, 4.75, 5 };

        (void)state;
        assert_refined(
                (struct reading_config){
                        .multiplier = 1, .round = -1, .filter = READING_FILTER_AVERAGE, .filter_size = 4 },
                raw, expected, ARRAY_SIZE(raw));
}

static void reading_gap__in_between__old_ones_are_not_mixed_in(void **state)
{
        struct reading reading = {
                .config = { .multiplier = 1, .round = -1, .filter = READING_FILTER_AVERAGE, .filter_size = 4 }
        };

        (void)state;
        assert_true(reading_refine(&reading, 10) == 10);
        assert_true(reading_refine(&reading, 20) == 15);
        reading_gap(&reading);
        assert_true(reading_refine(&reading, 50) == 50);
        reading_done(&reading);
}

static void reading_is_news__delta__from_what_was_reported(void **state)
{
        static const struct {
                double delta, is_published, number;
                bool news;
        } cases[] = {
                { -1, 20, 20, false },    { -1, 20, 20.1, true },   { 0, 20, 20, false },
                { 0, 20, 20.0001, true }, { 0.5, 20, 20.4, false }, { 0.5, 20, 20.5, true },
                { 0.5, 20, 19.5, true },  { 0.5, 20, 19.6, false }, { 0.2, 0.3, 0.5, true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct reading reading = { .config = { .delta = cases[i].delta } };
                assert_true(reading_is_news(&reading, true, cases[i].number));
                assert_false(reading_is_news(&reading, false, 0));
                reading_published(&reading, true, cases[i].is_published);
                assert_true(reading_is_news(&reading, false, 0));
                assert_int_equal(reading_is_news(&reading, true, cases[i].number), cases[i].news);
        }
}

/* ---- In a house ---------------------------------------------------------------------------------------- */

static void apply(struct house *house, const char *more)
{
        char text[PATH_MAX + 512];

        (void)snprintf(text, sizeof(text), "[probe a]\ndir = %s\nevery = 10s\n%s", house->gpio.dir, more);
        house_apply(house, text);
}

static void setup_probe(struct house *house, const char *first, const char *more)
{
        house_write(house, "start", "");
        house_write(house, "read", first);
        apply(house, more);
}

/* The next reading by timer; how often the state was reported for it. */
static size_t next_reading(struct house *house, const char *number)
{
        house_write(house, "read", number);
        house_forget(house);
        house_pass(house, 10 * USEC_PER_SEC);
        return house_count(house, "a", DEVICE_STATE);
}

static bool is_published(struct house *house, const char *text)
{
        return strstr(house_published(house, "a", DEVICE_STATE), text);
}

static void every__without_delta__each_reading_reported(void **state)
{
        struct house *house = *state;

        setup_probe(house, "20\n", "");
        assert_int_equal(next_reading(house, "20\n"), 1);
        assert_int_equal(next_reading(house, "20\n"), 1);
}

static void delta__small_moves__reported_when_they_add_up(void **state)
{
        struct house *house = *state;

        setup_probe(house, "20\n", "delta = 0.5\n");
        assert_int_equal(next_reading(house, "20.2\n"), 0);
        assert_int_equal(next_reading(house, "20.4\n"), 0);
        assert_int_equal(next_reading(house, "20.6\n"), 1);
        assert_true(is_published(house, "\"sensor\":20.6"));
        assert_int_equal(next_reading(house, "20.3\n"), 0);
}

static void delta__asked_by_get__reported_as_it_is(void **state)
{
        struct house *house = *state;

        setup_probe(house, "20\n", "delta = 5\n");
        assert_int_equal(next_reading(house, "21\n"), 0);
        home_get(house->devices, "a");
        assert_true(is_published(house, "\"sensor\":21"));
        assert_int_equal(next_reading(house, "25.5\n"), 0);
        assert_int_equal(next_reading(house, "26\n"), 1);
}

static void heartbeat__nothing_new__reported_again(void **state)
{
        struct house *house = *state;

        setup_probe(house, "20\n", "heartbeat = 1m\n");
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(next_reading(house, "20\n"), 0);
        assert_int_equal(next_reading(house, "20\n"), 1);
        assert_int_equal(next_reading(house, "21\n"), 1); /* counts from here */
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(next_reading(house, "21\n"), 0);
        assert_int_equal(next_reading(house, "21\n"), 1);
}

static void heartbeat__device_is_ill__not_published(void **state)
{
        struct house *house = *state;

        setup_probe(house, "20\n", "heartbeat = 30s\n");
        house_remove(house, "read");
        house_forget(house);
        house_pass(house, 120 * USEC_PER_SEC);
        assert_string_equal(house_published(house, "a", DEVICE_STATUS), "offline");
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 0);
}

static void conversion__of_all_and_of_one__the_nearer_wins(void **state)
{
        struct house *house = *state;

        setup_probe(house, "20.123\n", "multiplier = 10\nround = 1\nsensor_offset = 0.5\nsensor_round = 0\n");
        assert_true(is_published(house, "\"sensor\":202,") || is_published(house, "\"sensor\":202}"));
}

static void reload__other_offset__in_place(void **state)
{
        struct house *house = *state;

        setup_probe(house, "20\n", "offset = 1\n");
        assert_true(is_published(house, "\"sensor\":21"));
        house_write(house, "log", "");
        apply(house, "offset = 2\n");
        char *log = house_read(house, "log");
        assert_string_equal(log, ""); /* it was not started again */
        free(log);
        assert_int_equal(next_reading(house, "20\n"), 1);
        assert_true(is_published(house, "\"sensor\":22"));
}

static void keys__of_no_reading__are_problems(void **state)
{
        static const struct {
                const char *line, *problem;
        } cases[] = {
                { "sensr_delta = 1",
                  "a.conf:1: [probe a]: has keys for a reading \"sensr\", and no such reading; did you mean sensor\n" },
                { "light_delta = 1", "a.conf:1: [probe a]: has keys for a reading \"light\", and no such reading\n" },
                { "sensor_delta = -1", "a.conf:3: [probe a] sensor_delta: -1: out of range: at least 0\n" },
                { "sensor_heartbeat = 1s", "a.conf:3: [probe a] sensor_heartbeat: unknown key" },
                { "round = 10", "a.conf:3: [probe a] round: 10: out of range: from 0 to 9\n" },
                { "filter = mean",
                  "a.conf:3: [probe a] filter: mean: must be none, median or average; did you mean median\n" },
                { "filter_size = 1", "a.conf:3: [probe a] filter_size: 1: out of range: from 2 to 99\n" },
        };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[256];
                (void)snprintf(text, sizeof(text), "[probe a]\ndir = /x\n%s\n", cases[i].line);
                char *wrong = house_check(house, text);
                if (strncmp(wrong, cases[i].problem, strlen(cases[i].problem)) != 0)
                        fail_msg("%s: %s", cases[i].line, wrong);
                free(wrong);
        }
}

static void keys__of_an_output__are_unknown(void **state)
{
        struct house *house = *state;
        char *wrong = house_check(house, "[lamp a]\nline = GPIO17\ndelta = 1\n");

        assert_non_null(strstr(wrong, "a.conf:3: [lamp a] delta: unknown key"));
        free(wrong);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reading_refine__conversion__multiplier_then_offset_then_round),
                cmocka_unit_test(reading_refine__median__outlier_is_left_out),
                cmocka_unit_test(reading_refine__average__of_the_last_ones),
                cmocka_unit_test(reading_gap__in_between__old_ones_are_not_mixed_in),
                cmocka_unit_test(reading_is_news__delta__from_what_was_reported),
                TEST(every__without_delta__each_reading_reported),
                TEST(delta__small_moves__reported_when_they_add_up),
                TEST(delta__asked_by_get__reported_as_it_is),
                TEST(heartbeat__nothing_new__reported_again),
                TEST(heartbeat__device_is_ill__not_published),
                TEST(conversion__of_all_and_of_one__the_nearer_wins),
                TEST(reload__other_offset__in_place),
                TEST(keys__of_no_reading__are_problems),
                TEST(keys__of_an_output__are_unknown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
