/* SPDX-License-Identifier: Apache-2.0 */
/* "Stable for N" on the fake clock, through lines of the simulated chip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/fake_chip.h"
#include "gpio/debounce.h"
#include "util/cleanup.h"

#define MS USEC_PER_MSEC

static struct gpio_fixture f;
static struct sconce_line *line;
static struct fault fault;
static struct seen seen;

static unsigned firsts;

static void on_first(void *userdata)
{
        assert_ptr_equal(userdata, &seen);
        firsts++;
}

static void request_debounced(const char *text, const struct line_settings *settings)
{
        line = fixture_line(text);
        line_set_settings(line, settings);
        if (line_open_input(f.gpio, line, record_edge, &seen, &fault) < 0)
                fail_msg("%s", fault.text);
        line_on_first(line, on_first);
}

/* With its first value behind it. */
static void open_debounced(const struct line_settings *settings)
{
        request_debounced("17", settings);
        loop_advance(&f.loop, settings->debounce_us);
        assert_true(line_is_settled(line));
}

static int setup(void **state)
{
        (void)state;
        line = NULL;
        firsts = 0;
        memset(&seen, 0, sizeof(seen));
        gpio_fixture_init(&f, true);
        gpio_fixture_open_sim(&f);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        line_free(line);
        gpio_fixture_done(&f);
        return 0;
}

static bool level(void)
{
        bool active = false;
        assert_int_equal(line_get(line, &active, &fault), 0);
        return active;
}

static void pull(bool up)
{
        sim_pull(&f, 17, up ? "pull-up\n" : "pull-down\n");
        fixture_settle(&f);
}

static void debounce__one_edge__is_reported_when_it_was_stable(void **state)
{
        (void)state;
        open_debounced(&(struct line_settings){ .debounce_us = 20 * MS });
        uint64_t at_us = loop_now_us(&f.loop);
        pull(true);
        loop_advance(&f.loop, 20 * MS - 1);
        assert_int_equal(seen.edges, 0);
        loop_advance(&f.loop, 1);
        assert_int_equal(seen.edges, 1);
        assert_true(seen.last.active);
        assert_int_equal(seen.last.time_us, at_us + 20 * MS);
        loop_advance(&f.loop, USEC_PER_SEC);
        assert_int_equal(seen.edges, 1);
}

static void debounce__burst__only_the_final_level_is_reported(void **state)
{
        (void)state;
        open_debounced(&(struct line_settings){ .debounce_us = 20 * MS });
        for (int i = 0; i < 31; i++) {
                pull(i % 2 == 0);
                loop_advance(&f.loop, 19 * MS);
        }
        assert_int_equal(seen.edges, 0);
        loop_advance(&f.loop, 1 * MS);
        assert_int_equal(seen.edges, 1);
        assert_true(seen.last.active);
        assert_int_equal(sim_edge_count(&f, 17), 31);
}

static void debounce__level_that_comes_back__is_nothing(void **state)
{
        (void)state;
        open_debounced(&(struct line_settings){ .debounce_us = 20 * MS });
        pull(true);
        loop_advance(&f.loop, 10 * MS);
        pull(false);
        loop_advance(&f.loop, USEC_PER_SEC);
        assert_int_equal(seen.edges, 0);
        pull(true);
        loop_advance(&f.loop, 20 * MS);
        assert_int_equal(seen.edges, 1);
}

/* A reading in the middle of the bouncing must not show a level that no edge takes back. */
static void line_get__while_it_bounces__shows_the_settled_level(void **state)
{
        (void)state;
        open_debounced(&(struct line_settings){ .debounce_us = 20 * MS, .active_low = true });
        assert_true(level());
        pull(true);
        assert_true(level());
        loop_advance(&f.loop, 20 * MS);
        assert_int_equal(seen.edges, 1);
        assert_false(seen.last.active);
        assert_false(level());
}

static void debounce__edge_not_yet_delivered__waits_again(void **state)
{
        (void)state;
        open_debounced(&(struct line_settings){ .debounce_us = 20 * MS });
        pull(true);
        loop_advance(&f.loop, 15 * MS);
        sim_pull(&f, 17, "pull-down\n"); /* inotify has notified nobody yet */
        loop_advance(&f.loop, 5 * MS);
        assert_int_equal(seen.edges, 0);
        fixture_settle(&f);
        loop_advance(&f.loop, USEC_PER_SEC);
        assert_int_equal(seen.edges, 0);
}

static void debounce__line_closed_meanwhile__nothing_is_reported(void **state)
{
        (void)state;
        open_debounced(&(struct line_settings){ .debounce_us = 20 * MS });
        pull(true);
        line_close(line);
        loop_advance(&f.loop, USEC_PER_SEC);
        assert_int_equal(seen.edges, 0);
}

static void free_while_recorded(void *userdata, const struct line_edge *edge, const struct fault *why)
{
        record_edge(userdata, edge, why);
        line_free(TAKE_PTR(line));
}

static void debounce__callback_frees_the_line__is_fine(void **state)
{
        (void)state;
        line = fixture_line("17");
        line_set_settings(line, &(struct line_settings){ .debounce_us = 20 * MS });
        assert_int_equal(line_open_input(f.gpio, line, free_while_recorded, &seen, &fault), 0);
        loop_advance(&f.loop, 20 * MS);
        pull(true);
        loop_advance(&f.loop, 20 * MS);
        assert_int_equal(seen.edges, 1);
        assert_null(line);
}

static void debounce__level_at_the_start__is_not_reported(void **state)
{
        (void)state;
        open_debounced(&(struct line_settings){ .debounce_us = 20 * MS, .bias = LINE_BIAS_PULL_UP });
        fixture_settle(&f);
        loop_advance(&f.loop, USEC_PER_SEC);
        assert_int_equal(seen.edges, 0);
        assert_int_equal(firsts, 1);
        assert_true(level());
}

/* A capacitor that discharges just then. */
static void line_open_input__active_for_5_ms__the_first_value_is_inactive(void **state)
{
        (void)state;
        sim_pull(&f, 17, "pull-up");
        request_debounced("17", &(struct line_settings){ .debounce_us = 100 * MS });
        loop_advance(&f.loop, 5 * MS);
        pull(false);
        loop_advance(&f.loop, 100 * MS - 1);
        assert_false(line_is_settled(line));
        loop_advance(&f.loop, 1);
        assert_true(line_is_settled(line));
        assert_false(level());
        loop_advance(&f.loop, USEC_PER_SEC);
        assert_int_equal(firsts, 1);
        assert_int_equal(seen.edges, 0);
        pull(true);
        loop_advance(&f.loop, 100 * MS);
        assert_int_equal(seen.edges, 1);
}

static void line_open_input__bounces_on_and_on__the_first_value_waits(void **state)
{
        (void)state;
        request_debounced("17", &(struct line_settings){ .debounce_us = 20 * MS });
        for (int i = 0; i < 31; i++) {
                pull(i % 2 == 0);
                loop_advance(&f.loop, 19 * MS);
                assert_false(line_is_settled(line));
        }
        loop_advance(&f.loop, 1 * MS);
        assert_true(line_is_settled(line));
        assert_true(level());
        assert_int_equal(seen.edges, 0);
}

static void line_open_input__no_debounce__the_first_value_is_what_it_shows(void **state)
{
        (void)state;
        sim_pull(&f, 17, "pull-up");
        request_debounced("17", &(struct line_settings){ .debounce_us = 0 });
        assert_true(line_is_settled(line));
        assert_true(level());
}

/* A chip whose kernel debounces: its level at the request is what the line showed at that moment. */
static void request_kernel(bool high)
{
        gpio_free(TAKE_PTR(f.gpio));
        fake_chips_reset();
        fake_chips[1].kernel_debounce = true;
        fake_chips[1].lines[2].high = high;
        fake_open(&f, "gpiochip1");
        fake_plug(&f, 1);
        request_debounced("2", &(struct line_settings){ .debounce_us = 100 * MS });
        assert_string_equal(fake_log, "request input debounce 100000; ");
}

static void kernel_debounce__active_for_5_ms__the_first_value_is_inactive(void **state)
{
        (void)state;
        request_kernel(true);
        loop_advance(&f.loop, 105 * MS);
        assert_false(line_is_settled(line));
        fake_edge(1, 2, false, 0); /* 100 ms after the level went away: only now the kernel reports it */
        fixture_settle(&f);
        assert_true(line_is_settled(line));
        assert_false(level());
        loop_advance(&f.loop, USEC_PER_SEC);
        assert_int_equal(firsts, 1);
        assert_int_equal(seen.edges, 0);
        fake_edge(1, 2, true, 0);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1);
}

static void kernel_debounce__no_change__the_first_value_is_that_of_the_request(void **state)
{
        (void)state;
        request_kernel(true);
        loop_advance(&f.loop, 200 * MS - 1);
        assert_false(line_is_settled(line));
        loop_advance(&f.loop, 1);
        assert_true(line_is_settled(line));
        assert_true(level());
        assert_int_equal(seen.edges, 0);
}

/* More edges than the kernel's queue holds, and the last of them lost. */
static void debounce__last_edge_lost__the_final_level_is_reported(void **state)
{
        (void)state;
        gpio_free(TAKE_PTR(f.gpio));
        fake_chips_reset();
        fake_open(&f, "gpiochip1");
        fake_plug(&f, 1);
        line = fixture_line("2");
        line_set_settings(line, &(struct line_settings){ .debounce_us = 20 * MS });
        assert_int_equal(line_open_input(f.gpio, line, record_edge, &seen, &fault), 0);
        loop_advance(&f.loop, 20 * MS);
        fake_edge(1, 2, true, 0);
        fake_edge(1, 2, false, 0);
        fixture_settle(&f);
        fake_chips[1].lines[2].high = true;
        loop_advance(&f.loop, 20 * MS);
        assert_int_equal(seen.edges, 0);
        loop_advance(&f.loop, 21 * MS); /* one round more, in case that the edge is merely late */
        assert_int_equal(seen.edges, 1);
        assert_true(seen.last.active);
}

/* ---- A busy loop: edges come late, all at once, with the times at which they were ------------------------
 */

static struct {
        struct debounce *debounce;
        bool high; /* what the line shows */
        unsigned count;
        struct {
                bool high;
                uint64_t time_us;
        } settled[8];
} busy;

static int busy_look(void *userdata)
{
        (void)userdata;
        return busy.high;
}

static void busy_settled(void *userdata, bool high, uint64_t time_us)
{
        (void)userdata;
        assert_true(busy.count < ARRAY_SIZE(busy.settled));
        busy.settled[busy.count].high = high;
        busy.settled[busy.count++].time_us = time_us;
}

static void busy_first(void *userdata, bool high)
{
        (void)userdata;
        (void)high;
}

static const struct debounce_ops busy_ops = { .look = busy_look, .first = busy_first, .settled = busy_settled };

static int setup_busy(void **state)
{
        (void)setup(state);
        memset(&busy, 0, sizeof(busy));
        assert_int_equal(debounce_new(&f.loop, 20 * MS, &busy_ops, NULL, &busy.debounce), 0);
        debounce_start(busy.debounce, false);
        loop_advance(&f.loop, 20 * MS);
        return 0;
}

static int teardown_busy(void **state)
{
        debounce_free(busy.debounce);
        return teardown(state);
}

/* From `from_us` on, each 100 ms after the one before, the first one up. */
static void edges_from(uint64_t from_us, unsigned first, unsigned count)
{
        for (unsigned i = first; i < count; i++)
                debounce_edge(busy.debounce, i % 2 == 0, from_us + i * 100 * MS);
}

static void expect_settled(uint64_t from_us, unsigned count)
{
        assert_int_equal(busy.count, count);
        for (unsigned i = 0; i < count; i++) {
                assert_int_equal(busy.settled[i].high, i % 2 == 0);
                assert_int_equal(busy.settled[i].time_us, from_us + i * 100 * MS + 20 * MS);
        }
}

static void debounce_edge__after_others_that_were_stable__each_is_reported(void **state)
{
        uint64_t from_us = loop_now_us(&f.loop);

        (void)state;
        loop_advance(&f.loop, USEC_PER_SEC);
        edges_from(from_us, 0, 4);
        loop_advance(&f.loop, 20 * MS);
        expect_settled(from_us, 4);
}

static void debounce_edge__after_others_that_bounced__only_the_stable_are_reported(void **state)
{
        uint64_t from_us = loop_now_us(&f.loop);

        (void)state;
        loop_advance(&f.loop, USEC_PER_SEC);
        for (unsigned i = 0; i < 9; i++) /* up in the end */
                debounce_edge(busy.debounce, i % 2 == 0, from_us + i * MS);
        debounce_edge(busy.debounce, false, from_us + 200 * MS);
        loop_advance(&f.loop, 20 * MS);
        assert_int_equal(busy.count, 2);
        assert_int_equal(busy.settled[0].time_us, from_us + 28 * MS);
        assert_int_equal(busy.settled[1].time_us, from_us + 220 * MS);
}

static void debounce__timer_before_the_edges__they_are_awaited(void **state)
{
        uint64_t from_us = loop_now_us(&f.loop);

        (void)state;
        edges_from(from_us, 0, 1);
        busy.high = false; /* let go, pressed and let go again, and nobody has been notified yet */
        loop_advance(&f.loop, 20 * MS);
        assert_int_equal(busy.count, 0);
        edges_from(from_us, 1, 4);
        loop_advance(&f.loop, USEC_PER_SEC);
        expect_settled(from_us, 4);
}

#define BUSY_TEST(name)     cmocka_unit_test_setup_teardown(name, setup_busy, teardown_busy)
#define DEBOUNCE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                DEBOUNCE_TEST(debounce__one_edge__is_reported_when_it_was_stable),
                DEBOUNCE_TEST(debounce__burst__only_the_final_level_is_reported),
                DEBOUNCE_TEST(debounce__level_that_comes_back__is_nothing),
                DEBOUNCE_TEST(line_get__while_it_bounces__shows_the_settled_level),
                DEBOUNCE_TEST(debounce__edge_not_yet_delivered__waits_again),
                DEBOUNCE_TEST(debounce__line_closed_meanwhile__nothing_is_reported),
                DEBOUNCE_TEST(debounce__callback_frees_the_line__is_fine),
                DEBOUNCE_TEST(debounce__level_at_the_start__is_not_reported),
                DEBOUNCE_TEST(line_open_input__active_for_5_ms__the_first_value_is_inactive),
                DEBOUNCE_TEST(line_open_input__bounces_on_and_on__the_first_value_waits),
                DEBOUNCE_TEST(line_open_input__no_debounce__the_first_value_is_what_it_shows),
                DEBOUNCE_TEST(kernel_debounce__active_for_5_ms__the_first_value_is_inactive),
                DEBOUNCE_TEST(kernel_debounce__no_change__the_first_value_is_that_of_the_request),
                DEBOUNCE_TEST(debounce__last_edge_lost__the_final_level_is_reported),
                BUSY_TEST(debounce_edge__after_others_that_were_stable__each_is_reported),
                BUSY_TEST(debounce_edge__after_others_that_bounced__only_the_stable_are_reported),
                BUSY_TEST(debounce__timer_before_the_edges__they_are_awaited),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
