/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a line's edges while the loop is busy, on the kernel's own gpio-sim. libgpiod 2 has the
 * kernel keep 256 of them; libgpiod 1 cannot ask for more than 16. Runs inside the kernel ring, as root:
 *
 *   tests/kernel/run build/tests/kernel/test_backlog
 *   tests/kernel/run -r trixie build/tests/kernel/test_backlog
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/gpio_fixture.h"
#include "kernel/gpiosim.h"
#include "util/cleanup.h"

#define SOON_US (10 * USEC_PER_SEC)
/* Two ticks of the kernel, which makes one edge of all changes within one. */
#define EDGE_NS (2 * 1000 * 1000L)

/* Only libgpiod 2 has it. */
extern const char *gpiod_api_version(void) __attribute__((weak));

static const struct gpiosim_layout layout = { .label = "backlog", .line_count = 8, .name_prefix = "PIN" };

static struct gpio_fixture f;
static struct gpiosim bank;
static struct sconce_line *line;
static int pull_fd = -1;

static struct {
        unsigned edges, pulses, lost;
        uint64_t first_us, last_us;
        bool in_order, high;
} counted;

static void count(void *userdata, const struct line_edge *edge, const struct fault *fault)
{
        (void)userdata;
        assert_null(fault);
        counted.in_order &= edge->time_us >= counted.last_us;
        counted.last_us = edge->time_us;
        if (counted.edges++ == 0)
                counted.first_us = edge->time_us;
        counted.pulses += edge->active;
        counted.lost += edge->lost;
        counted.high = edge->active;
}

static int setup(void **state)
{
        const struct gpio_options options = { .chip = "backlog", .consumer = "sconced" };
        struct fault fault;
        char path[PATH_MAX];

        (void)state;
        counted = (__typeof__(counted)){ .in_order = true };
        assert_int_equal(gpiosim_create("backlog", &layout, &bank), 0);
        gpio_fixture_init(&f, false);
        assert_int_equal(gpio_new(&f.loop, &options, &f.gpio), 0);
        line = fixture_line("PIN3");
        assert_int_equal(line_open_input(f.gpio, line, count, NULL, &fault), 0);
        (void)snprintf(path, sizeof(path), "%s/sim_gpio3/pull", bank.lines_dir);
        pull_fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(pull_fd >= 0);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        cleanup_closep(&pull_fd);
        line_free(line);
        gpio_fixture_done(&f);
        assert_int_equal(gpiosim_remove("backlog"), 0);
        return 0;
}

static void pull(bool up)
{
        const char *text = up ? "pull-up" : "pull-down";
        const struct timespec edge = { .tv_nsec = EDGE_NS };

        assert_int_equal(pwrite(pull_fd, text, strlen(text), 0), (ssize_t)strlen(text));
        (void)nanosleep(&edge, NULL); /* what the other end does between two edges */
}

/* Until no edge has come for a while: there is nothing else to wait for where some are lost. */
static void run_loop(void)
{
        uint64_t deadline_us = loop_now_us(&f.loop) + SOON_US;
        unsigned before;

        do {
                before = counted.edges;
                assert_true(sd_event_run(f.loop.event, 200 * USEC_PER_MSEC) >= 0);
        } while (counted.edges > before && loop_now_us(&f.loop) < deadline_us);
}

static void backlog__of_sixteen_edges__all_are_reported(void **state)
{
        (void)state;
        for (int i = 0; i < 8; i++) {
                pull(true);
                pull(false);
        }
        run_loop();
        assert_int_equal(counted.pulses, 8);
        assert_int_equal(counted.lost, 0);
        assert_true(counted.in_order);
}

static void backlog__of_two_hundred_edges__all_with_libgpiod_2(void **state)
{
        (void)state;
        for (int i = 0; i < 100; i++) {
                pull(true);
                pull(false);
        }
        run_loop();
        print_message("%u of 100 pulses reported, %u edges reported lost, %llu us from the first to the last\n",
                      counted.pulses, counted.lost, (unsigned long long)(counted.last_us - counted.first_us));
        assert_true(counted.in_order);
        assert_false(counted.high);
        if (gpiod_api_version)
                assert_int_equal(counted.pulses, 100);
        else
                assert_int_equal(counted.pulses, 8);
}

static void backlog__more_than_is_kept__last_level_and_how_many_with_libgpiod_2(void **state)
{
        (void)state;
        for (int i = 0; i < 200; i++) {
                pull(true);
                pull(false);
        }
        pull(true);
        run_loop();
        assert_true(counted.in_order);
        assert_true(counted.high);
        if (gpiod_api_version)
                assert_int_equal(counted.pulses + (counted.lost + 1) / 2, 201);
        else
                assert_int_equal(counted.lost, 0); /* it is not reported */
}

#define BACKLOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                BACKLOG_TEST(backlog__of_sixteen_edges__all_are_reported),
                BACKLOG_TEST(backlog__of_two_hundred_edges__all_with_libgpiod_2),
                BACKLOG_TEST(backlog__more_than_is_kept__last_level_and_how_many_with_libgpiod_2),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
