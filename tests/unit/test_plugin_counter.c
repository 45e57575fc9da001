/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/counter on the mock host. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "fakes/plugin_file.h"

#define MS 1000ULL
#define S  (1000 * MS)

static struct mock_host *host;

static int setup(void **state)
{
        (void)state;
        host = mock_host_load(plugin_file("counter"));
        mock_option(host, "line", "GPIO27");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        mock_host_free(host);
        return 0;
}

static void start(void)
{
        assert_int_equal(mock_start(host), 0);
}

/* `count` pulses, the first one a period from now; time stands at the last one's beginning. */
static void pulses(unsigned count, uint64_t period_us)
{
        for (unsigned i = 0; i < count; i++) {
                mock_advance_us(host, period_us / 2);
                mock_edge(host, "GPIO27", false);
                mock_advance_us(host, period_us - period_us / 2);
                mock_edge(host, "GPIO27", true);
        }
}

static void expect_total(double total)
{
        assert_int_equal(mock_read(host), 0);
        assert_true(mock_value(host, "total")->number == total);
}

static void expect_rate(double rate)
{
        assert_int_equal(mock_read(host), 0);
        assert_int_equal(mock_value(host, "rate")->type, SCONCE_VALUE_NUMBER);
        if (fabs(mock_value(host, "rate")->number - rate) > 0.0011)
                fail_msg("%.9g, not %.9g", mock_value(host, "rate")->number, rate);
}

/* ---- Total --------------------------------------------------------------------------------------------- */

static void pulse__each__counts_once(void **state)
{
        (void)state;
        start();
        expect_total(0);
        pulses(3, 1 * S);
        expect_total(3);
        mock_edge(host, "GPIO27", false);
        expect_total(3);
}

static void pulses__at_1_khz_for_a_minute__all_are_counted(void **state)
{
        (void)state;
        mock_option(host, "factor", "0.001");
        start();
        pulses(60000, 1 * MS);
        expect_total(60);
        pulses(1, 1 * MS);
        expect_total(60.001);
}

static void pulse__after_lost_edges__they_are_counted_too(void **state)
{
        static const struct {
                bool active;
                uint32_t lost;
                double more;
        } edges[] = {
                { true, 0, 1 },  { false, 2, 1 }, /* up, [down, up], down */
                { true, 1, 2 },                   /* [up], down (nothing new), up */
                { false, 0, 0 }, { true, 20, 11 },
        };
        double total = 0;

        (void)state;
        start();
        for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
                mock_advance_us(host, 1 * MS);
                mock_edge_at(host, "GPIO27", edges[i].active, mock_now(host), edges[i].lost);
                total += edges[i].more;
                expect_total(total);
        }
}

static void total__with_a_factor__is_a_short_number(void **state)
{
        (void)state;
        mock_option(host, "factor", "0.1");
        start();
        pulses(3, 1 * S);
        expect_total(0.3);
}

static void total__set__counts_on_from_there(void **state)
{
        (void)state;
        mock_option(host, "factor", "0.01");
        mock_option(host, "unit", "m3");
        start();
        pulses(5, 1 * S);
        assert_int_equal(mock_command(host, SCONCE_NUM("total", 1234.56)), 0);
        assert_true(mock_value(host, "total")->number == 1234.56);
        pulses(1, 1 * S);
        expect_total(1234.57);
        mock_stop(host);
        start();
        assert_true(mock_value(host, "total")->number == 1234.57);
}

static void total__after_a_stop__comes_back(void **state)
{
        (void)state;
        start();
        pulses(7, 1 * MS);
        mock_stop(host);
        start();
        assert_true(mock_value(host, "total")->number == 7);
        pulses(1, 1 * MS);
        expect_total(8);
}

static void total__a_second_after_a_pulse__is_saved(void **state)
{
        (void)state;
        start();
        pulses(7, 1 * MS);
        assert_null(mock_saved(host, "total"));
        mock_advance_us(host, 1 * S);
        assert_string_equal(mock_saved(host, "total"), "0 7 1");
        assert_int_equal(mock_timers_armed(host), 0);
        pulses(1, 1 * MS);
        mock_advance_us(host, 1 * S);
        assert_string_equal(mock_saved(host, "total"), "0 8 1");
}

static void total__another_factor__values_what_comes(void **state)
{
        (void)state;
        mock_option(host, "factor", "0.01");
        mock_save_text(host, "total", "100 50 0.1");
        start();
        assert_true(mock_value(host, "total")->number == 105);
        pulses(1, 1 * S);
        expect_total(105.01);
}

static void total__saved_text_is_none__counts_from_0(void **state)
{
        static const char *const texts[] = { "", "many", "nan 1 1", "1 2", "1 2 inf" };

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                mock_save_text(host, "total", texts[i]);
                start();
                assert_true(mock_value(host, "total")->number == 0);
                mock_stop(host);
        }
}

/* ---- Rate ---------------------------------------------------------------------------------------------- */

static void rate__one_pulse__is_unknown(void **state)
{
        (void)state;
        start();
        assert_int_equal(mock_value(host, "rate")->type, SCONCE_VALUE_NONE);
        pulses(1, 1 * S);
        assert_int_equal(mock_read(host), 0);
        assert_int_equal(mock_value(host, "rate")->type, SCONCE_VALUE_NONE);
}

static void rate__steady_pulses__whenever_it_is_read(void **state)
{
        static const uint64_t after_ms[] = { 0, 7, 34, 99 };

        (void)state;
        start();
        for (size_t i = 0; i < 4; i++) {
                pulses(10, 100 * MS);
                mock_advance_us(host, after_ms[i] * MS);
                expect_rate(10);
                expect_rate(10);
                mock_advance_us(host, (100 - after_ms[i]) * MS);
                mock_edge(host, "GPIO27", false);
                mock_edge(host, "GPIO27", true);
        }
}

static void rate__edges_reported_late__by_their_own_times(void **state)
{
        (void)state;
        start();
        uint64_t from_us = mock_now(host);
        mock_stall_us(host, 50 * MS);
        for (unsigned i = 0; i <= 20; i++)
                mock_edge_at(host, "GPIO27", i % 2 == 0, from_us + i * MS, 0);
        expect_rate(500);
}

static void rate__slow_pulses__between_them(void **state)
{
        (void)state;
        start();
        pulses(2, 30 * S);
        expect_rate(0.033);
        mock_advance_us(host, 20 * S);
        expect_rate(0.033);
}

static void rate__no_more_pulses__falls_and_is_0_in_the_end(void **state)
{
        (void)state;
        start();
        pulses(100, 100 * MS);
        expect_rate(10);
        mock_advance_us(host, 140 * MS);
        expect_rate(10);
        mock_advance_us(host, 860 * MS);
        expect_rate(1);
        mock_advance_us(host, 99 * S);
        expect_rate(0.01);
        mock_advance_us(host, 200 * S);
        expect_rate(0);
}

static void rate__stopped_between_two_reads__is_not_what_it_was(void **state)
{
        (void)state;
        start();
        pulses(5000, 1 * MS);
        mock_advance_us(host, 5 * S);
        expect_rate(0.2);
}

static void rate__after_a_long_pause__measures_nothing_at_first(void **state)
{
        (void)state;
        start();
        pulses(10, 100 * MS);
        mock_advance_us(host, 600 * S);
        expect_rate(0);
        pulses(1, 100 * MS);
        expect_rate(0);
        pulses(1, 100 * MS);
        expect_rate(10);
}

static void rate__never_a_pulse__0_after_the_timeout(void **state)
{
        (void)state;
        mock_option(host, "timeout", "1m");
        start();
        mock_advance_us(host, 59 * S);
        assert_int_equal(mock_read(host), 0);
        assert_int_equal(mock_value(host, "rate")->type, SCONCE_VALUE_NONE);
        mock_advance_us(host, 1 * S);
        expect_rate(0);
}

static void rate__kilowatt_hours__is_watts(void **state)
{
        (void)state;
        mock_option(host, "unit", "kWh");
        mock_option(host, "factor", "0.001");
        start();
        pulses(10, 3600 * MS); /* a thousandth of a kWh each hour's thousandth */
        expect_rate(1000);
}

/* ---- Channels ------------------------------------------------------------------------------------------ */

static void unit__known_ones__with_their_rates_and_classes(void **state)
{
        static const struct {
                const char *option, *unit, *class, *rate_unit, *rate_class;
        } cases[] = {
                { "kWh", "kWh", "energy", "W", "power" },
                { "Wh", "Wh", "energy", "W", "power" },
                { "m3", "m³", "volume", "m³/h", "volume_flow_rate" },
                { "L", "L", "volume", "L/min", "volume_flow_rate" },
                { "mm", "mm", "precipitation", "mm/h", "precipitation_intensity" },
                { "turns", "turns", NULL, "turns/s", NULL },
                { "", NULL, NULL, "Hz", "frequency" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                (void)teardown(state);
                (void)setup(state);
                if (cases[i].option[0])
                        mock_option(host, "unit", cases[i].option);
                start();
                const struct sconce_channel *total = mock_channel(host, "total");
                const struct sconce_channel *rate = mock_channel(host, "rate");
                assert_int_equal(total->flags, SCONCE_TOTAL | SCONCE_WRITABLE);
                assert_string_equal(total->unit ? total->unit : "-", cases[i].unit ? cases[i].unit : "-");
                assert_string_equal(total->device_class ? total->device_class : "-",
                                    cases[i].class ? cases[i].class : "-");
                assert_string_equal(rate->unit, cases[i].rate_unit);
                assert_string_equal(rate->device_class ? rate->device_class : "-",
                                    cases[i].rate_class ? cases[i].rate_class : "-");
        }
}

static void device_class__fits_the_unit__is_taken(void **state)
{
        (void)state;
        mock_option(host, "unit", "m³");
        mock_option(host, "device_class", "gas");
        start();
        assert_string_equal(mock_channel(host, "total")->device_class, "gas");
}

static void device_class__does_not_fit__refused_in_words(void **state)
{
        (void)state;
        mock_option(host, "unit", "kWh");
        mock_option(host, "device_class", "water");
        assert_int_equal(mock_start(host), -EINVAL);
        assert_string_equal(mock_error(host), "device_class = water needs a unit of volume: m³, L, ft³ or gal");
        (void)teardown(state);
        (void)setup(state);
        mock_option(host, "device_class", "energy");
        assert_int_equal(mock_start(host), -EINVAL);
        assert_string_equal(mock_error(host), "device_class = energy needs a unit of energy: Wh, kWh or MWh");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(pulse__each__counts_once),
                TEST(pulses__at_1_khz_for_a_minute__all_are_counted),
                TEST(pulse__after_lost_edges__they_are_counted_too),
                TEST(total__with_a_factor__is_a_short_number),
                TEST(total__set__counts_on_from_there),
                TEST(total__after_a_stop__comes_back),
                TEST(total__a_second_after_a_pulse__is_saved),
                TEST(total__another_factor__values_what_comes),
                TEST(total__saved_text_is_none__counts_from_0),
                TEST(rate__one_pulse__is_unknown),
                TEST(rate__steady_pulses__whenever_it_is_read),
                TEST(rate__edges_reported_late__by_their_own_times),
                TEST(rate__slow_pulses__between_them),
                TEST(rate__no_more_pulses__falls_and_is_0_in_the_end),
                TEST(rate__stopped_between_two_reads__is_not_what_it_was),
                TEST(rate__after_a_long_pause__measures_nothing_at_first),
                TEST(rate__never_a_pulse__0_after_the_timeout),
                TEST(rate__kilowatt_hours__is_watts),
                TEST(unit__known_ones__with_their_rates_and_classes),
                TEST(device_class__fits_the_unit__is_taken),
                TEST(device_class__does_not_fit__refused_in_words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
