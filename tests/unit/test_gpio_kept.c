/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs that outlive the process: what is asked of the fd store and of the chip, in which order. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/fake_chip.h"
#include "gpio/chips.h"
#include "gpio/line.h"
#include "util/cleanup.h"

#define NAME "gpiochip0/2/kitchen/0.0.0"

static struct gpio_fixture f;
static struct sconce_line *line;
static struct fault fault;
static int store_error;
static bool is_taken; /* the line, by somebody else for good */

/* ---- A store that writes down what it is asked for, beside what the chip is asked for ----------------------- */

static int note(const char *what, const char *name)
{
        size_t at = strlen(fake_log);

        (void)snprintf(fake_log + at, sizeof(fake_log) - at, "%s%s%s; ", what, *name ? " " : "", name);
        return store_error;
}

static int store_put(void *userdata, const char *name, int fd)
{
        (void)userdata;
        assert_int_equal(fd, FAKE_FD(0, 2));
        return note("put", name);
}

static int store_remove(void *userdata, const char *name)
{
        (void)userdata;
        return note("remove", name);
}

/* What made the line busy is gone then. */
static int store_sync(void *userdata)
{
        (void)userdata;
        if (!is_taken)
                fake_chips[0].lines[2].request_error = 0;
        return note("sync", "");
}

static const struct fd_store store = { .put = store_put, .remove = store_remove, .sync = store_sync };

static int setup(void **state)
{
        (void)state;
        memset(&fault, 0, sizeof(fault));
        store_error = 0;
        is_taken = false;
        gpio_fixture_init(&f, false);
        fake_chips_reset();
        fake_plug(&f, 0);
        fake_open_with(&f, "gpiochip0", &store);
        line = fixture_line("2");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        line_free(line);
        gpio_fixture_done(&f);
        return 0;
}

static int open_for(const char *device, int first_value)
{
        fake_log[0] = '\0';
        assert_int_equal(line_keep(line, device), 0);
        return line_open_output(f.gpio, line, first_value, NULL, NULL, &fault);
}

/* As an earlier process has left it, driven high. */
static void find_left(const char *name)
{
        fake_chips[0].lines[2].high = true;
        gpio_adopt(f.gpio, name, FAKE_FD(0, 2));
}

static void set_bias(int bias)
{
        line_set_settings(line, &(struct line_settings){ .bias = bias });
}

/* ---- Into the store and out of it -------------------------------------------------------------------------- */

static void line_keep__open_output__is_in_the_store_as_long_as_it_is_wanted(void **state)
{
        (void)state;
        assert_int_equal(open_for("kitchen", 1), 0);
        assert_string_equal(fake_log, "request output 1; put " NAME "; ");
        assert_true(line_is_kept(line));
        fake_log[0] = '\0';
        assert_int_equal(line_keep(line, "kitchen"), 0);
        assert_string_equal(fake_log, "");
        assert_int_equal(line_keep(line, NULL), 0);
        assert_int_equal(line_keep(line, "kitchen"), 0);
        assert_string_equal(fake_log, "remove " NAME "; put " NAME "; ");
}

static void line_keep__store_cannot_be_asked__what_is_in_it_stays_known(void **state)
{
        (void)state;
        assert_int_equal(open_for("kitchen", 1), 0);
        store_error = -ECONNREFUSED;
        assert_int_equal(line_keep(line, NULL), -ECONNREFUSED);
        assert_true(line_is_kept(line));
        store_error = 0;
        assert_int_equal(line_keep(line, NULL), 0);
        assert_false(line_is_kept(line));
}

static void line_close__kept__waits_and_is_there_again(void **state)
{
        (void)state;
        assert_int_equal(open_for("kitchen", 1), 0);
        line_close(line);
        assert_int_equal(open_for("kitchen", 1), 0);
        assert_string_equal(fake_log, "");
        assert_true(line_is_kept(line));
        assert_int_equal(line_keep(line, NULL), 0);
        line_close(line);
        assert_string_equal(fake_log, "remove " NAME "; release; ");
}

static void unplug__kept__is_out_of_the_store(void **state)
{
        (void)state;
        assert_int_equal(open_for("kitchen", 1), 0);
        fake_log[0] = '\0';
        fake_unplug(&f, 0);
        fixture_settle(&f);
        assert_false(line_is_open(line));
        assert_string_equal(fake_log, "remove " NAME "; release; ");
}

/* ---- What an earlier process has left ---------------------------------------------------------------------- */

static const struct {
        const char *left;
        int bias, first_value;
        const char *device, *log;
} adoptions[] = {
        { NAME, 0, 1, "kitchen", "" },
        { NAME, 0, -1, "kitchen", "" },
        { NAME, 0, 0, "kitchen", "set 0; " },
        { NAME, 0, 1, "hall", "remove " NAME "; put gpiochip0/2/hall/0.0.0; " },
        { NAME, LINE_BIAS_PULL_UP, 1, "kitchen",
          "remove " NAME "; put gpiochip0/2/kitchen/0.2.0; reconfigure output 1 bias 2 drive 0; " },
        { NAME, LINE_BIAS_PULL_UP, -1, "kitchen",
          "remove " NAME "; put gpiochip0/2/kitchen/0.2.0; reconfigure output 1 bias 2 drive 0; " },
        /* What is on for a limited time is out of the store before it is driven. */
        { NAME, 0, 0, NULL, "remove " NAME "; set 0; " },
};

static void line_open_output__left_by_an_earlier_process__only_what_differs_is_done(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(adoptions); i++) {
                find_left(adoptions[i].left);
                set_bias(adoptions[i].bias);
                assert_int_equal(open_for(adoptions[i].device, adoptions[i].first_value), 0);
                assert_string_equal(fake_log, adoptions[i].log);
                assert_int_equal(line_keep(line, NULL), 0);
                line_close(line);
        }
}

static void line_open_output__left_one_is_dead__is_requested(void **state)
{
        (void)state;
        find_left(NAME);
        fake_chips[0].lines[2].use_error = -ENODEV;
        assert_int_equal(open_for("kitchen", 1), 0);
        assert_string_equal(fake_log, "remove " NAME "; release; request output 1; put " NAME "; ");
        fake_chips[0].lines[2].use_error = 0;
}

static void line_open_output__cannot_be_taken_out_of_the_store__is_switched_off(void **state)
{
        (void)state;
        find_left(NAME);
        store_error = -ECONNREFUSED;
        fake_chips[0].lines[2].request_error = -EBUSY; /* the store's copy */
        assert_int_equal(open_for(NULL, 1), -EBUSY);
        assert_non_null(strstr(fake_log, "set 0; "));
        assert_null(strstr(fake_log, "set 1"));
        assert_null(strstr(fake_log, "sync"));
}

static void line_open_output__store_still_has_it__waits_for_the_store(void **state)
{
        (void)state;
        assert_int_equal(open_for("kitchen", 1), 0);
        assert_int_equal(line_keep(line, NULL), 0);
        line_close(line);
        fake_chips[0].lines[2].request_error = -EBUSY;
        assert_int_equal(open_for(NULL, 1), 0);
        assert_string_equal(fake_log, "request output 1; sync; request output 1; ");
        line_close(line);
        fake_chips[0].lines[2].request_error = -EBUSY; /* somebody else has it: no reason to ask the store again */
        assert_int_equal(open_for(NULL, 1), -EBUSY);
        assert_string_equal(fake_log, "request output 1; ");
}

/* It has let go of its copy, or cannot be asked; the line is not to be had either way. */
static void line_open_output__busy_after_the_store_was_asked__fails(void **state)
{
        (void)state;
        is_taken = true;
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(open_for("kitchen", 1), 0);
                assert_int_equal(line_keep(line, NULL), 0);
                line_close(line);
                fake_chips[0].lines[2].request_error = -EBUSY;
                store_error = i == 0 ? 0 : -ETIMEDOUT;
                assert_int_equal(open_for(NULL, 1), -EBUSY);
                assert_memory_equal(fake_log, "request output 1; sync; ", strlen("request output 1; sync; "));
                assert_int_equal(strcmp(fake_log, "request output 1; sync; ") == 0,
                                 i == 1); /* then it is not tried again */
                fake_chips[0].lines[2].request_error = store_error = 0;
        }
}

/* A kernel older than 5.10 has no request that could be given to anybody. */
static void line_keep__old_kernel__goes_without(void **state)
{
        (void)state;
        fake_chips[0].is_old_kernel = true;
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(open_for("kitchen", 1), 0);
                assert_string_equal(fake_log, "request output 1; ");
                assert_false(line_is_kept(line));
                line_close(line);
        }
        assert_true(f.gpio->is_old_kernel);
}

static void line_open_input__left_as_an_output__is_let_go_first(void **state)
{
        (void)state;
        find_left(NAME);
        fake_log[0] = '\0';
        assert_int_equal(line_open_input(f.gpio, line, NULL, NULL, &fault), 0);
        assert_string_equal(fake_log, "remove " NAME "; release; request input; ");
}

static void line_found__requested_as_now__is_its_level(void **state)
{
        bool active = false;

        (void)state;
        assert_false(line_found(f.gpio, line, "kitchen", &active));
        find_left(NAME);
        assert_true(line_found(f.gpio, line, "kitchen", &active));
        assert_true(active);
        assert_false(line_found(f.gpio, line, "hall", &active));
        set_bias(LINE_BIAS_PULL_UP);
        assert_false(line_found(f.gpio, line, "kitchen", &active));
        set_bias(LINE_BIAS_AS_IS);
        /* A device that is restarted knows better: a lamp may be in the dark half of its blinking. */
        assert_int_equal(open_for("kitchen", 1), 0);
        line_close(line);
        assert_false(line_found(f.gpio, line, "kitchen", &active));
}

static void line_found__open_or_not_to_be_found__is_not(void **state)
{
        struct sconce_line *nowhere = fixture_line("gpiochip2:1");
        bool active = false;

        (void)state;
        find_left(NAME);
        gpio_adopt(f.gpio, "gpiochip0/3/attic/0.0.0", FAKE_FD(0, 3));
        assert_false(line_found(f.gpio, nowhere, "kitchen", &active)); /* such a chip is not there */
        line_free(nowhere);
        assert_int_equal(open_for("kitchen", 1), 0);
        assert_false(line_found(f.gpio, line, "kitchen", &active));
}

static void gpio_adopt__not_one_of_ours__is_closed_and_out_of_the_store(void **state)
{
        char long_name[FD_NAME_SIZE + 1] = "a/b/c/";
        const char *const names[] = { "", "stored", "a/b", "a/b/c/d/e", long_name };

        memset(long_name + 6, 'd', sizeof(long_name) - 7);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
                fake_log[0] = '\0';
                gpio_adopt(f.gpio, names[i], fd);
                assert_int_equal(fcntl(fd, F_GETFD), -1);
                assert_memory_equal(fake_log, "remove", strlen("remove"));
        }
}

/* As on a chip whose kernel has no such thing. */
static void gpio_adopt__chip_cannot__is_closed_and_out_of_the_store(void **state)
{
        const struct chip_ops *ops = f.gpio->ops;
        struct chip_ops old = *ops;
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        (void)state;
        old.adopt = NULL;
        f.gpio->ops = &old;
        gpio_adopt(f.gpio, NAME, fd);
        f.gpio->ops = ops;
        assert_int_equal(fcntl(fd, F_GETFD), -1);
        assert_string_equal(fake_log, "remove " NAME "; ");
}

static bool is_kitchen(void *userdata, const char *device)
{
        (void)userdata;
        return strcmp(device, "kitchen") == 0;
}

static void gpio_let_go__nobody_wants_it__is_released(void **state)
{
        (void)state;
        find_left(NAME);
        gpio_adopt(f.gpio, "gpiochip0/3/attic/0.0.0", FAKE_FD(0, 3));
        fake_log[0] = '\0';
        gpio_let_go(f.gpio, is_kitchen, NULL);
        assert_string_equal(fake_log, "remove gpiochip0/3/attic/0.0.0; release; ");
        assert_int_equal(open_for("kitchen", 1), 0);
        assert_string_equal(fake_log, "");
}

static void gpio_switch_off__left_on__is_off_and_known_as_it_was(void **state)
{
        bool active = false;

        (void)state;
        find_left(NAME);
        fake_log[0] = '\0';
        assert_int_equal(gpio_switch_off(f.gpio, "attic"), 0);
        assert_int_equal(gpio_switch_off(f.gpio, "kitchen"), 1);
        assert_int_equal(gpio_switch_off(f.gpio, "kitchen"), 0);
        assert_string_equal(fake_log, "set 0; ");
        assert_true(line_found(f.gpio, line, "kitchen", &active));
        assert_true(active);
        assert_int_equal(open_for("kitchen", 1), 0);
        assert_string_equal(fake_log, "set 1; ");
}

static void gpio_switch_off__active_low__is_off_at_high(void **state)
{
        (void)state;
        find_left("gpiochip0/2/kitchen/1.0.0");
        assert_int_equal(gpio_switch_off(f.gpio, "kitchen"), 0);
        fake_chips[0].lines[2].high = false;
        assert_int_equal(gpio_switch_off(f.gpio, "kitchen"), 1);
        assert_true(fake_chips[0].lines[2].high);
        fake_chips[0].lines[2].use_error = -EIO;
        assert_int_equal(gpio_switch_off(f.gpio, "kitchen"), 0);
}

static void take(void *userdata, const char *name, int fd)
{
        (void)snprintf(userdata, 64, "%s %d", name, fd - FAKE_FD(0, 0));
}

static void gpio_hand_over__lines_closed__shows_what_waits(void **state)
{
        char text[64] = "";

        (void)state;
        assert_int_equal(open_for("kitchen", 1), 0);
        gpio_hand_over(f.gpio, take, text);
        assert_string_equal(text, "");
        line_close(line);
        gpio_hand_over(f.gpio, take, text);
        assert_string_equal(text, NAME " 2");
}

#define KEPT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                KEPT_TEST(line_keep__open_output__is_in_the_store_as_long_as_it_is_wanted),
                KEPT_TEST(line_keep__store_cannot_be_asked__what_is_in_it_stays_known),
                KEPT_TEST(line_close__kept__waits_and_is_there_again),
                KEPT_TEST(unplug__kept__is_out_of_the_store),
                KEPT_TEST(line_open_output__left_by_an_earlier_process__only_what_differs_is_done),
                KEPT_TEST(line_open_output__left_one_is_dead__is_requested),
                KEPT_TEST(line_open_output__cannot_be_taken_out_of_the_store__is_switched_off),
                KEPT_TEST(line_open_output__store_still_has_it__waits_for_the_store),
                KEPT_TEST(line_open_output__busy_after_the_store_was_asked__fails),
                KEPT_TEST(line_keep__old_kernel__goes_without),
                KEPT_TEST(line_open_input__left_as_an_output__is_let_go_first),
                KEPT_TEST(line_found__requested_as_now__is_its_level),
                KEPT_TEST(line_found__open_or_not_to_be_found__is_not),
                KEPT_TEST(gpio_adopt__not_one_of_ours__is_closed_and_out_of_the_store),
                KEPT_TEST(gpio_adopt__chip_cannot__is_closed_and_out_of_the_store),
                KEPT_TEST(gpio_let_go__nobody_wants_it__is_released),
                KEPT_TEST(gpio_switch_off__left_on__is_off_and_known_as_it_was),
                KEPT_TEST(gpio_switch_off__active_low__is_off_at_high),
                KEPT_TEST(gpio_hand_over__lines_closed__shows_what_waits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
