/* SPDX-License-Identifier: Apache-2.0 */
/* client/chart: what `sconce trend` draws, character by character. */
#include "client/chart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* 2026-11-22 00:00 UTC, a Sunday. */
#define MIDNIGHT_S 1795305600

static struct chart_bucket buckets[288];

static struct chart chart_of(bool is_share, bool is_ascii)
{
        return (struct chart){ .title = "hall/cellar temperature in °C",
                               .unit = "°C",
                               .is_share = is_share,
                               .buckets = buckets,
                               .count = 288,
                               .step_s = 300,
                               .start_s = MIDNIGHT_S,
                               .has_start = true,
                               .width = 60,
                               .is_ascii = is_ascii };
}

/* free() it. */
static char *drawn(const struct chart *chart)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        assert_int_equal(chart_print(out, chart), 0);
        (void)fclose(out);
        return text;
}

static void assert_drawn(const struct chart *chart, const char *expected)
{
        char *text = drawn(chart);

        assert_string_equal(text, expected);
        free(text);
}

static void assert_drawn_with(const struct chart *chart, const char *expected)
{
        char *text = drawn(chart);

        assert_non_null(strstr(text, expected));
        free(text);
}

static void set_numbers(size_t from, size_t to, double first, double step)
{
        for (size_t i = from; i < to; i++) {
                double at = first + step * (double)(i - from);
                buckets[i] = (struct chart_bucket){ .is_known = true, .min = at, .mean = at, .max = at, .count = 10 };
        }
}

static int setup(void **state)
{
        (void)state;
        memset(buckets, 0, sizeof(buckets));
        (void)setenv("TZ", "UTC", 1);
        tzset();
        return 0;
}

/* Up, a gap, and flat. */
static void chart_print__numbers__a_line_with_its_gap(void **state)
{
        const struct chart chart = chart_of(false, false);

        (void)state;
        set_numbers(0, 96, 10, 0.1);
        set_numbers(144, 288, 15, 0);
        assert_drawn(&chart, "hall/cellar temperature in °C\n"
                             "19.5 ┤                ⡰⠋\n"
                             "     │             ⢀⡠⠋\n"
                             "     │           ⢀⡠⠋\n"
                             "     │         ⢀⡤⠊\n"
                             "14.8 ┤        ⡤⠊                ⠐⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒\n"
                             "     │      ⡴⠊\n"
                             "     │    ⡰⠊\n"
                             "     │  ⡰⠋\n"
                             "10.0 ┤⡠⠋\n"
                             "     └┬───────┬────────┬────────┬────────┬────────┬────────\n"
                             "      00:00 04:00    08:00    12:00    16:00    20:00\n"
                             "min 10  mean 14.90  max 19.5 °C  of 2400 readings\n");
}

static void chart_print__ascii__the_same_in_stars(void **state)
{
        const struct chart chart = chart_of(false, true);

        (void)state;
        set_numbers(0, 96, 10, 0.1);
        set_numbers(144, 288, 15, 0);
        assert_drawn(&chart, "hall/cellar temperature in C\n"
                             "19.5 +                **\n"
                             "     |              ***\n"
                             "     |            ***\n"
                             "     |          ***\n"
                             "14.8 +       ***                ***************************\n"
                             "     |     ***\n"
                             "     |   ***\n"
                             "     | ***\n"
                             "10.0 +**\n"
                             "     ++-------+--------+--------+--------+--------+--------\n"
                             "      00:00 04:00    08:00    12:00    16:00    20:00\n"
                             "min 10  mean 14.90  max 19.5 C  of 2400 readings\n");
}

static void chart_print__never_changes__is_in_the_middle(void **state)
{
        struct chart chart = chart_of(false, true);

        (void)state;
        chart.width = 40;
        set_numbers(0, 288, 21.5, 0);
        assert_drawn(&chart, "hall/cellar temperature in C\n"
                             "22.5 +\n"
                             "     |\n"
                             "     |\n"
                             "     |\n"
                             "21.5 +*********************************\n"
                             "     |\n"
                             "     |\n"
                             "     |\n"
                             "20.5 +\n"
                             "     ++-------+-------+-------+--------\n"
                             "      00:00 06:00   12:00   18:00\n"
                             "min 21.5  mean 21.50  max 21.5 C  of 2880 readings\n");
}

static void chart_print__on_or_off__bars_of_its_share(void **state)
{
        struct chart chart = chart_of(true, false);

        (void)state;
        for (size_t i = 48; i < 288; i++)
                buckets[i] = (struct chart_bucket){ .is_known = true,
                                                    .on = i < 144   ? 0
                                                          : i < 192 ? 0.5
                                                                    : i < 240,
                                                    .known_s = 300 };
        assert_drawn(&chart, "hall/cellar temperature in °C\n"
                             "on │         ··················▂▄▄▄▄▄▄▄▄▅█████████·········\n"
                             "   └┬────────┬────────┬────────┬────────┬────────┬─────────\n"
                             "    00:00  04:00    08:00    12:00    16:00    20:00\n"
                             "on for 6 h 00 min, 30 % of what is known\n");
        chart.is_ascii = true;
        assert_drawn(&chart, "hall/cellar temperature in C\n"
                             "on |         ..................2555555556#########.........\n"
                             "   ++--------+--------+--------+--------+--------+---------\n"
                             "    00:00  04:00    08:00    12:00    16:00    20:00\n"
                             "on for 6 h 00 min, 30 % of what is known\n");
}

/* An agent that has just started: its first bucket is no 5 minutes of light. */
static void chart_print__on_or_off__only_what_is_known_counts(void **state)
{
        struct chart chart = chart_of(true, true);

        (void)state;
        buckets[286] = (struct chart_bucket){ .is_known = true, .on = 1, .known_s = 30 };
        buckets[287] = (struct chart_bucket){ .is_known = true, .on = 0, .known_s = 60 };
        assert_drawn_with(&chart, "\non for 30 s, 33 % of what is known\n");
}

static void chart_print__clock_is_not_known__counts_back(void **state)
{
        struct chart chart = chart_of(true, true);

        (void)state;
        chart.has_start = false;
        for (size_t i = 0; i < 288; i++)
                buckets[i] = (struct chart_bucket){ .is_known = true, .on = 1, .known_s = 300 };
        assert_drawn(&chart, "hall/cellar temperature in C\n"
                             "on |#######################################################\n"
                             "   ++--------+--------+--------+--------+--------+---------\n"
                             "    -24h   -20h     -16h     -12h      -8h      -4h\n"
                             "on for 24 h 00 min, 100 % of what is known\n");
}

static void chart_print__a_week__days(void **state)
{
        struct chart chart = chart_of(true, true);

        (void)state;
        chart.count = 168;
        chart.step_s = 3600;
        chart.width = 80;
        for (size_t i = 0; i < 168; i++)
                buckets[i] = (struct chart_bucket){ .is_known = true, .on = i % 24 < 6, .known_s = 3600 };
        assert_drawn(&chart, "hall/cellar temperature in C\n"
                             "on |###........##5.......5##3.......5##........##6........##5.......5##........\n"
                             "   ++---------+----------+----------+---------+----------+----------+----------\n"
                             "    Sun 22 Mon 23     Tue 24     Wed 25    Thu 26     Fri 27     Sat 28\n"
                             "on for 42 h 00 min, 25 % of what is known\n");
}

static void chart_print__nothing_known__is_a_sentence(void **state)
{
        const struct chart chart = chart_of(false, false);

        (void)state;
        assert_drawn(&chart, "hall/cellar temperature in °C\nnothing is known of that time\n");
}

/* No width, and no number, breaks it. */
static void chart_print__any_width_and_numbers__is_survived(void **state)
{
        static const double steps[] = { 0, 1e-9, 1e30, -1e30, 5 };

        (void)state;
        for (int width = 0; width < 400; width += 7) {
                for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                        struct chart chart = chart_of(false, width % 2);
                        char *text = NULL;
                        size_t size;
                        FILE *out = open_memstream(&text, &size);
                        chart.width = width;
                        set_numbers(0, 288, -1, steps[i]);
                        assert_int_equal(chart_print(out, &chart), 0);
                        (void)fclose(out);
                        assert_true(size > 100);
                        free(text);
                }
        }
}

static void expect_drawn(bool is_share, bool is_ascii)
{
        const struct chart chart = chart_of(is_share, is_ascii);

        assert_drawn_with(&chart, is_share ? "\non for " : "\nmin ");
}

/* What no node of ours sends, by turns with what one might: minimum above maximum, shares beyond 100 %, a scale that is
 * infinite. The sanitizers look on. */
static void chart_print__numbers_that_contradict_each_other__stay_on_the_plot(void **state)
{
        static const double numbers[] = { 0, 17, -1e9, 1e9, 1e300, -1.7976931348623157e308, 1.7976931348623157e308 };
        const size_t n = sizeof(numbers) / sizeof(numbers[0]);

        (void)state;
        for (size_t pair = 0; pair < n * n; pair++) {
                const struct chart_bucket odd = { .is_known = true,
                                                  .min = numbers[pair / n],
                                                  .max = numbers[pair % n],
                                                  .mean = numbers[pair % n],
                                                  .on = numbers[pair / n],
                                                  .known_s = numbers[pair % n],
                                                  .count = numbers[pair % n] };
                set_numbers(0, 288, 17, 0);
                for (size_t i = 0; i < 288; i++)
                        if (i / 24 % 2)
                                buckets[i] = odd;
                for (int way = 0; way < 4; way++)
                        expect_drawn(way % 2, way / 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(chart_print__numbers__a_line_with_its_gap, setup),
                cmocka_unit_test_setup(chart_print__ascii__the_same_in_stars, setup),
                cmocka_unit_test_setup(chart_print__never_changes__is_in_the_middle, setup),
                cmocka_unit_test_setup(chart_print__on_or_off__bars_of_its_share, setup),
                cmocka_unit_test_setup(chart_print__on_or_off__only_what_is_known_counts, setup),
                cmocka_unit_test_setup(chart_print__clock_is_not_known__counts_back, setup),
                cmocka_unit_test_setup(chart_print__a_week__days, setup),
                cmocka_unit_test_setup(chart_print__nothing_known__is_a_sentence, setup),
                cmocka_unit_test_setup(chart_print__any_width_and_numbers__is_survived, setup),
                cmocka_unit_test_setup(chart_print__numbers_that_contradict_each_other__stay_on_the_plot, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
