/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on chips of the kernel, as far as it is not the library's business: which chip, what went wrong, what
 * is gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/fake_chip.h"
#include "gpio/line.h"
#include "util/cleanup.h"
#include "util/clock.h"

static struct gpio_fixture f;
static struct sconce_line *line;
static struct fault fault;
static struct seen seen;

static int setup(void **state)
{
        (void)state;
        line = NULL;
        memset(&seen, 0, sizeof(seen));
        memset(&fault, 0, sizeof(fault));
        gpio_fixture_init(&f, false);
        fake_chips_reset();
        fake_chips[0].label = "pinctrl-bcm2835";
        fake_chips[0].lines[2].name = "GPIO2";
        fake_chips[0].lines[3].name = "GPIO3";
        fake_chips[1].label = "raspberrypi-exp-gpio";
        fake_chips[1].lines[3].name = "BT_ON";
        fake_chips[1].lines[4].name = "WL_ON";
        fake_open(&f, "gpiochip0");
        return 0;
}

static int setup_two(void **state)
{
        (void)setup(state);
        fake_plug(&f, 0);
        fake_plug(&f, 1);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        line_free(line);
        gpio_fixture_done(&f);
        for (size_t i = 0; i < ARRAY_SIZE(fake_chips); i++)
                assert_int_equal(fake_chips[i].opens, 0);
        return 0;
}

static int open_output(const char *text)
{
        line_free(line);
        line = fixture_line(text);
        return line_open_output(f.gpio, line, 1, record_edge, &seen, &fault);
}

static void assert_refused(const char *text, int code, const char *words)
{
        assert_int_equal(open_output(text), code);
        assert_string_equal(fault.text, words);
        assert_int_equal(fault.code, code);
        assert_false(line_is_open(line));
        bool active;
        assert_int_equal(line_get(line, &active, NULL), -ENODEV);
}

/* ---- Which line ------------------------------------------------------------------------------------- */

static const struct {
        const char *text;
        unsigned chip, offset;
} places[] = {
        { "GPIO2", 0, 2 },
        { "WL_ON", 1, 4 },
        { "5", 0, 5 },
        { "1:5", 1, 5 },
        { "gpiochip1:5", 1, 5 },
        { "gpiochip1:WL_ON", 1, 4 },
        { "raspberrypi-exp-gpio:WL_ON", 1, 4 },
        { "pinctrl-bcm2835:7", 0, 7 },
};

static void line_open_output__each_way_to_write_it__is_that_line(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                if (open_output(places[i].text) < 0)
                        fail_msg("%s: %s", places[i].text, fault.text);
                const struct fake_line *there = &fake_chips[places[i].chip].lines[places[i].offset];
                assert_true(there->used);
                assert_true(there->high);
                assert_string_equal(there->consumer, "sconced");
                line_close(line);
                assert_false(there->used);
        }
}

static void line_open_output__path__is_that_chip(void **state)
{
        char text[PATH_MAX], link[PATH_MAX + 16];

        (void)state;
        (void)snprintf(text, sizeof(text), "%s/gpiochip1:4", f.dir);
        assert_int_equal(open_output(text), 0);
        assert_true(fake_chips[1].lines[4].used);

        (void)snprintf(link, sizeof(link), "%s/expander", f.dir);
        assert_int_equal(symlink("gpiochip1", link), 0);
        (void)strcat(link, ":5");
        struct sconce_line *other = fixture_line(link);
        assert_int_equal(line_open_output(f.gpio, other, 0, NULL, NULL, &fault), 0);
        assert_int_equal(fake_chips[1].opens, 1); /* it is the same chip */
        line_free(other);
}

static void line_open_output__default_chip_is_the_only_one_and_elsewhere__is_found_there(void **state)
{
        char dir[PATH_MAX], path[PATH_MAX + 16];

        (void)state;
        (void)snprintf(dir, sizeof(dir), "%s/elsewhere", f.dir);
        (void)snprintf(path, sizeof(path), "%s/gpiochip0", dir);
        assert_int_equal(mkdir(dir, 0700), 0);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        (void)fclose(file);
        gpio_free(f.gpio);
        fake_open(&f, path);
        assert_int_equal(open_output("GPIO3"), 0);
        assert_true(fake_chips[0].lines[3].used);
        assert_int_equal(open_output("GPIO4"), -ENOENT);
}

static void line_open_output__link_to_a_chip__is_not_a_second_chip(void **state)
{
        char path[PATH_MAX];

        (void)state;
        (void)snprintf(path, sizeof(path), "%s/gpiochip4", f.dir);
        assert_int_equal(symlink("gpiochip0", path), 0);
        assert_int_equal(open_output("GPIO2"), 0);
        line_close(line);
        assert_int_equal(open_output("gpiochip4:2"), 0);
}

static void line_open_output__name_on_two_chips__lists_them(void **state)
{
        (void)state;
        fake_chips[1].lines[7].name = "GPIO2";
        assert_refused("GPIO2", -EINVAL, "2 lines are named \"GPIO2\"; write gpiochip0:GPIO2 or gpiochip1:GPIO2");
        fake_plug(&f, 2);
        fake_chips[2].lines[0].name = "GPIO2";
        assert_refused("GPIO2", -EINVAL,
                       "3 lines are named \"GPIO2\"; write gpiochip0:GPIO2, gpiochip1:GPIO2 or gpiochip2:GPIO2");
        assert_int_equal(open_output("gpiochip1:GPIO2"), 0);
        assert_true(fake_chips[1].lines[7].used);
}

static void line_open_output__name_twice_on_one_chip__lists_the_offsets(void **state)
{
        (void)state;
        fake_chips[0].lines[6].name = "GPIO2";
        assert_refused("GPIO2", -EINVAL, "2 lines are named \"GPIO2\"; write gpiochip0:2 or gpiochip0:6");
}

static void line_open_output__label_of_two_chips__names_them(void **state)
{
        (void)state;
        fake_chips[1].label = "pinctrl-bcm2835";
        assert_refused("pinctrl-bcm2835:2", -EINVAL,
                       "two chips have the label \"pinctrl-bcm2835\": gpiochip0 and gpiochip1; name one of them");
}

/* /sys/bus/gpio/devices/NAME, with the chip at an address of I2C. */
static void put_address(const char *name, const char *address)
{
        static const char *const dirs[] = { "devices", "devices/i2c-1", "bus", "bus/gpio", "bus/gpio/devices" };
        char path[PATH_MAX + 64], target[128];

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", f.dir, dirs[i]);
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        }
        (void)snprintf(path, sizeof(path), "%s/devices/i2c-1/%s", f.dir, address);
        assert_int_equal(mkdir(path, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/devices/i2c-1/%s/%s", f.dir, address, name);
        assert_int_equal(mkdir(path, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/bus/gpio/devices/%s", f.dir, name);
        (void)snprintf(target, sizeof(target), "../../../devices/i2c-1/%s/%s", address, name);
        assert_int_equal(symlink(target, path), 0);
}

/* Two expanders of one kind: the numbers may change, the addresses do not. */
static void line_open_output__chip_by_its_address__that_one(void **state)
{
        (void)state;
        fake_chips[0].label = fake_chips[1].label = "mcp23017";
        put_address("gpiochip0", "1-0020");
        put_address("gpiochip1", "1-0021");
        assert_refused("mcp23017:1", -EINVAL,
                       "two chips have the label \"mcp23017\": gpiochip0 and gpiochip1; name one by its address, "
                       "1-0020 or 1-0021");
        assert_int_equal(open_output("1-0021:1"), 0);
        assert_true(fake_chips[1].lines[1].used);
        assert_false(fake_chips[0].lines[1].used);
}

static void line_open_output__two_spellings_of_one_line__names_the_first(void **state)
{
        (void)state;
        assert_int_equal(open_output("GPIO2"), 0);
        struct sconce_line *other = fixture_line("pinctrl-bcm2835:2");
        assert_int_equal(line_open_output(f.gpio, other, 0, NULL, NULL, &fault), -EEXIST);
        assert_string_equal(fault.text, "pinctrl-bcm2835:2 is already in use here, as \"GPIO2\"");
        line_free(other);
}

/* ---- What goes wrong -------------------------------------------------------------------------------- */

static void line_open_output__nothing_there__lists_what_there_is(void **state)
{
        (void)state;
        assert_refused("GPIO22", -ENOENT, "this machine has no line named \"GPIO22\"; did you mean GPIO2");
        assert_refused("GPOI3", -ENOENT, "this machine has no line named \"GPOI3\"; did you mean GPIO3");
        assert_refused("pin 11", -ENOENT,
                       "this machine has no line named \"pin 11\"; pin 11 of a Raspberry Pi's header is GPIO17");
        assert_refused("PIN40", -ENOENT,
                       "this machine has no line named \"PIN40\"; pin 40 of a Raspberry Pi's header is GPIO21");
        assert_refused("gpiochip0:pin6", -ENOENT,
                       "gpiochip0 has no line named \"pin6\"; pin 6 of a Raspberry Pi's header is a supply or ground");
        assert_refused("pin 41", -ENOENT,
                       "this machine has no line named \"pin 41\"; `sconced --lines` shows what there is");
        assert_refused("LAMP", -ENOENT,
                       "this machine has no line named \"LAMP\"; `sconced --lines` shows what there is");
        assert_refused("gpiochip1:WLON", -ENOENT, "gpiochip1 has no line named \"WLON\"; did you mean WL_ON");
        assert_refused("8", -ENOENT, "gpiochip0 has the lines 0 to 7; 8 is not one of them");
        assert_refused("gpiochip7:1", -ENOENT, "there is no chip \"gpiochip7\"; there are: gpiochip0, gpiochip1");
        assert_refused("pinctrl:1", -ENOENT, "there is no chip \"pinctrl\"; there are: gpiochip0, gpiochip1");
        assert_refused("/nowhere/chip:1", -ENOENT,
                       "there is no chip \"/nowhere/chip\"; there are: gpiochip0, gpiochip1");
}

static void line_open_output__no_chips__reports_it(void **state)
{
        (void)state;
        assert_refused("GPIO17", -ENOENT,
                       "there is no chip \"gpiochip0\": this machine has no GPIO chip that the kernel "
                       "knows (`chip = sim` in [gpio] simulates one)");
        assert_refused("17", -ENOENT,
                       "there is no chip \"gpiochip0\": this machine has no GPIO chip that the kernel "
                       "knows (`chip = sim` in [gpio] simulates one)");
}

static void line_open_output__not_a_chip__reports_it(void **state)
{
        char words[PATH_MAX + 64];

        (void)state;
        fake_chips[0].open_error = -ENOTTY;
        (void)snprintf(words, sizeof(words), "%s/gpiochip0 is not a GPIO chip", f.dir);
        assert_refused("gpiochip0:2", -ENOTTY, words);
}

static void line_open_output__chip_not_permitted__shows_what_to_do(void **state)
{
        char words[PATH_MAX + 200];

        (void)state;
        fake_chips[0].open_error = -EACCES;
        (void)snprintf(words, sizeof(words),
                       "cannot open %s/gpiochip0: permission denied; add the user of this program to the "
                       "group that owns it (on Debian and Raspberry Pi OS: gpio) and start it again",
                       f.dir);
        assert_refused("2", -EACCES, words);
        assert_refused("GPIO2", -EACCES, words);
        assert_refused("pinctrl-bcm2835:2", -EACCES, words);
        assert_int_equal(open_output("WL_ON"), 0); /* it is on the other chip */
}

static void line_open_output__busy__names_the_consumer(void **state)
{
        (void)state;
        fake_chips[0].lines[2].used = true;
        fake_chips[0].lines[2].consumer = "hog";
        fake_chips[0].lines[2].request_error = -EBUSY;
        assert_refused("GPIO2", -EBUSY, "GPIO2 is in use by \"hog\"");
}

static void line_open_output__muxed_to_a_peripheral__reports_it(void **state)
{
        static const int errors[] = { -EBUSY, -EINVAL, -EPERM, -EACCES };

        (void)state;
        fake_chips[0].lines[2].used = true;
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                fake_chips[0].lines[2].request_error = errors[i];
                assert_refused("GPIO2", -EBUSY,
                               "GPIO2: the pin is in use by the kernel or a peripheral (I2C, SPI, PWM, "
                               "UART …); switch that off in the boot configuration or take another line");
        }
}

static void line_open_output__settings_not_supported__reports_it(void **state)
{
        (void)state;
        fake_chips[0].lines[2].request_error = -EINVAL;
        assert_refused("GPIO2", -EINVAL,
                       "GPIO2: gpiochip0 refuses these settings (does it have bias, drive, interrupts?): "
                       "Invalid argument");
        fake_chips[0].lines[2].request_error = -ENOTSUP;
        assert_refused("GPIO2", -ENOTSUP,
                       "GPIO2: gpiochip0 refuses these settings (does it have bias, drive, interrupts?): "
                       "Operation not supported");
}

static void line_open_output__not_permitted__reports_it(void **state)
{
        static const int errors[] = { -EACCES, -EPERM };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                fake_chips[0].lines[2].request_error = errors[i];
                assert_refused("GPIO2", -EACCES, "GPIO2: gpiochip0 refuses this program: permission denied");
        }
}

/* Neither the pin nor a permission: that it is used is not the reason. */
static void line_open_output__other_error_of_a_used_line__as_it_is(void **state)
{
        (void)state;
        fake_chips[0].lines[2].used = true;
        fake_chips[0].lines[2].request_error = -EIO;
        assert_refused("GPIO2", -EIO, "GPIO2: gpiochip0 refuses the line: Input/output error");
}

/* ---- Requests --------------------------------------------------------------------------------------- */

static void line_open_output__first_value_and_settings__are_in_the_one_request(void **state)
{
        (void)state;
        line = fixture_line("GPIO2");
        line_set_settings(line, &(struct line_settings){ .active_low = true,
                                                         .bias = LINE_BIAS_PULL_UP,
                                                         .drive = LINE_DRIVE_OPEN_DRAIN });
        assert_int_equal(line_open_output(f.gpio, line, 0, NULL, NULL, &fault), 0);
        assert_string_equal(fake_log, "request output 1 bias 2 drive 1; ");
}

static void line_open_output__keep__never_lets_go_of_the_line(void **state)
{
        (void)state;
        line = fixture_line("GPIO2");
        fake_chips[0].lines[2].high = true;
        line_set_settings(line, &(struct line_settings){ .active_low = true, .bias = LINE_BIAS_PULL_UP });
        assert_int_equal(line_open_output(f.gpio, line, -1, NULL, NULL, &fault), 0);
        assert_string_equal(fake_log, "request as-is; reconfigure output 1 bias 2 drive 0; ");
        bool active = true;
        assert_int_equal(line_get(line, &active, &fault), 0);
        assert_false(active);
}

static void line_open_output__keep_cannot_be_read__the_line_is_released(void **state)
{
        (void)state;
        fake_chips[0].lines[2].use_error = -EIO;
        line = fixture_line("0:2");
        assert_int_equal(line_open_output(f.gpio, line, -1, NULL, NULL, &fault), -EIO);
        assert_string_equal(fault.text, "0:2: gpiochip0 refuses the line: Input/output error");
        assert_string_equal(fake_log, "request as-is; release; ");
}

static void line_open_output__chips_that_are_not_used__are_closed(void **state)
{
        (void)state;
        assert_int_equal(open_output("WL_ON"), 0);
        assert_int_equal(fake_chips[0].opens, 0);
        assert_int_equal(fake_chips[1].opens, 1);
}

/* ---- Edges ------------------------------------------------------------------------------------------ */

static void open_input(const char *text)
{
        line = fixture_line(text);
        if (line_open_input(f.gpio, line, record_edge, &seen, &fault) < 0)
                fail_msg("%s", fault.text);
}

static void edges__a_burst__is_reported_in_one_go(void **state)
{
        (void)state;
        open_input("GPIO2");
        for (int i = 0; i < 50; i++)
                fake_edge(0, 2, i % 2 == 0, 0);
        assert_true(sd_event_run(f.loop.event, 0) > 0);
        assert_int_equal(seen.edges, 50);
        assert_false(seen.last.active);
}

/* What is left for another turn may be the newest: what the line shows is not asked before that. */
static void edges__more_than_one_turn_takes__the_level_only_after_the_last(void **state)
{
        (void)state;
        open_input("GPIO2");
        for (int i = 0; i < 66; i++)
                fake_edge(0, 2, i % 2 == 0, 0);
        fake_chips[0].lines[2].high = true;
        assert_true(sd_event_run(f.loop.event, 0) > 0);
        assert_int_equal(seen.edges, 64);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 67);
        assert_true(seen.last.active);
}

/* libgpiod 1's kernel interface drops the newest edges when its queue is full. */
static void edges__last_ones_lost_in_a_full_queue__the_level_is_reported_all_the_same(void **state)
{
        (void)state;
        open_input("GPIO2");
        for (int i = 0; i < 16; i++)
                fake_edge(0, 2, i % 2 == 0, 0);
        fake_chips[0].lines[2].high = true;
        fixture_settle(&f);
        assert_int_equal(seen.edges, 17);
        assert_true(seen.last.active);
}

static void edges__lost_ones_in_between__are_counted_and_no_level_is_reported_twice(void **state)
{
        (void)state;
        open_input("GPIO2");
        fake_edge(0, 2, true, 0);
        fake_edge(0, 2, true, 1);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1);
        assert_int_equal(seen.last.lost, 0);
        fake_edge(0, 2, false, 0);
        fake_edge(0, 2, true, 0);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 3);
        assert_int_equal(seen.last.lost, 0);
        fake_edge(0, 2, false, 4);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 4);
        assert_int_equal(seen.last.lost, 4);
}

static void edges__time_stamps__are_boot_times(void **state)
{
        (void)state;
        open_input("GPIO2");
        uint64_t before_us = loop_now_us(&f.loop);
        fake_edge(0, 2, true, 0);
        uint64_t after_us = loop_now_us(&f.loop);
        fixture_settle(&f);
        assert_true(seen.last.time_us + 100 >= before_us && seen.last.time_us <= after_us + 100);

        /* From a kernel that stamps with the wall clock: now is nearer to the truth. */
        fake_edge_at(0, 2, false, 0, 1700000000 * NSEC_PER_SEC);
        before_us = loop_now_us(&f.loop);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 2);
        assert_true(seen.last.time_us >= before_us && seen.last.time_us <= loop_now_us(&f.loop));

        /* From one whose clock began elsewhere: no edge waits for a minute. */
        fake_edge_at(0, 2, true, 0, clock_monotonic_ns() - 61 * NSEC_PER_SEC);
        before_us = loop_now_us(&f.loop);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 3);
        assert_true(seen.last.time_us >= before_us && seen.last.time_us <= loop_now_us(&f.loop));
}

static void line_open_input__kernel_can_debounce__it_does(void **state)
{
        (void)state;
        fake_chips[0].kernel_debounce = true;
        line = fixture_line("GPIO2");
        line_set_settings(line, &(struct line_settings){ .debounce_us = 20000 });
        assert_int_equal(line_open_input(f.gpio, line, record_edge, &seen, &fault), 0);
        assert_string_equal(fake_log, "request input debounce 20000; ");
        fake_edge(0, 2, true, 0);
        fixture_settle(&f);
        assert_true(line_is_settled(line)); /* the first value, which was on its way */
        assert_int_equal(seen.edges, 0);
        fake_edge(0, 2, false, 0);
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1);
}

/* Its field for it has 32 bits. */
static void line_open_input__debounce_beyond_the_kernels__is_done_here(void **state)
{
        (void)state;
        fake_chips[0].kernel_debounce = true;
        line = fixture_line("GPIO2");
        line_set_settings(line, &(struct line_settings){ .debounce_us = (uint64_t)UINT32_MAX + 1 });
        assert_int_equal(line_open_input(f.gpio, line, record_edge, &seen, &fault), 0);
        assert_string_equal(fake_log, "request input; ");
}

/* ---- Chips that go and come ------------------------------------------------------------------------- */

static void unplug__open_lines__are_closed_and_reported_and_open_again_later(void **state)
{
        struct sconce_line *input = fixture_line("gpiochip1:3");
        struct seen input_seen = { .edges = 0 };

        (void)state;
        assert_int_equal(open_output("WL_ON"), 0);
        assert_int_equal(line_open_input(f.gpio, input, record_edge, &input_seen, &fault), 0);
        fake_unplug(&f, 1);
        fixture_settle(&f);
        assert_int_equal(seen.gone, 1);
        assert_int_equal(seen.fault.code, -ENODEV);
        assert_string_equal(seen.fault.text, "WL_ON: the chip gpiochip1 is gone (unplugged?)");
        assert_int_equal(input_seen.gone, 1);
        assert_false(line_is_open(line));
        assert_false(line_is_open(input));
        assert_int_equal(fake_chips[1].opens, 0);

        assert_int_equal(line_open_output(f.gpio, line, 1, record_edge, &seen, &fault), -ENOENT);
        fake_plug(&f, 1);
        assert_int_equal(line_open_output(f.gpio, line, 1, record_edge, &seen, &fault), 0);
        assert_true(fake_chips[1].lines[4].used);
        line_free(input);
}

static void unplug__other_chip__is_nothing_to_us(void **state)
{
        (void)state;
        assert_int_equal(open_output("GPIO2"), 0);
        fake_unplug(&f, 1);
        fixture_settle(&f);
        assert_int_equal(seen.gone, 0);
        assert_int_equal(line_set(line, false, &fault), 0);
}

static void line_set__chip_gone__closes_the_line_and_reports_it(void **state)
{
        struct sconce_line *other = fixture_line("GPIO3");
        struct seen other_seen = { .edges = 0 };

        (void)state;
        assert_int_equal(open_output("GPIO2"), 0);
        assert_int_equal(line_open_output(f.gpio, other, 1, record_edge, &other_seen, &fault), 0);
        fake_chips[0].lines[2].use_error = -ENODEV;
        assert_int_equal(line_set(line, false, &fault), -ENODEV);
        assert_string_equal(fault.text, "GPIO2: the chip gpiochip0 is gone (unplugged?)");
        assert_false(line_is_open(line));
        assert_int_equal(seen.gone, 0); /* the caller knows already */
        fake_unplug(&f, 0);
        fixture_settle(&f);
        assert_int_equal(other_seen.gone, 1);
        line_free(other);
}

static void event_fd__hang_up__closes_the_line_and_reports(void **state)
{
        (void)state;
        open_input("GPIO2");
        fake_edge(0, 2, true, 0);
        (void)close(fake_chips[0].lines[2].edges_fd);
        fake_chips[0].lines[2].edges_fd = 0;
        fixture_settle(&f);
        assert_int_equal(seen.edges, 1); /* what came before is not lost */
        assert_int_equal(seen.gone, 1);
        assert_false(line_is_open(line));
}

static void read_edges__no_such_device__closes_the_line_and_reports(void **state)
{
        (void)state;
        open_input("GPIO2");
        fake_edge(0, 2, true, 0);
        fake_chips[0].lines[2].use_error = -ENODEV;
        fixture_settle(&f);
        assert_int_equal(seen.gone, 1);
        assert_false(line_is_open(line));
}

static void line_open_output__stale_chip__is_opened_afresh(void **state)
{
        (void)state;
        assert_int_equal(open_output("GPIO3"), 0);
        struct sconce_line *other = fixture_line("0:2");
        fake_chips[0].lines[2].request_error = fake_chips[0].lines[2].use_error = -ENODEV;
        assert_int_equal(line_open_output(f.gpio, other, 1, NULL, NULL, &fault), -ENODEV);
        assert_string_equal(fault.text, "0:2: the chip gpiochip0 is gone (unplugged?)");
        fake_chips[0].lines[2].request_error = fake_chips[0].lines[2].use_error = 0;
        assert_int_equal(line_open_output(f.gpio, other, 1, NULL, NULL, &fault), 0);
        assert_int_equal(fake_chips[0].opens, 2);
        line_free(other);
}

/* What the kernel answers to a request for edges that it has no interrupt for, by its two interfaces. */
static void line_open_input__no_interrupt__does_not_blame_the_chip(void **state)
{
        const int codes[] = { -ENODEV, -ENXIO };
        struct sconce_line *other = fixture_line("0:2");

        (void)state;
        assert_int_equal(open_output("GPIO3"), 0);
        for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
                fake_chips[0].lines[2].request_error = codes[i];
                assert_int_equal(line_open_input(f.gpio, other, record_edge, &seen, &fault), -ENOTSUP);
                assert_string_equal(fault.text, "0:2: gpiochip0 has no interrupt (left) for this line, and without one "
                                                "its changes are not seen");
        }
        assert_true(line_is_open(line));
        assert_int_equal(fake_chips[0].opens, 1);
        line_free(other);
}

static void line_open_output__sim_beside_real_chips__is_the_simulated_one(void **state)
{
        char path[PATH_MAX];

        (void)state;
        assert_int_equal(open_output("sim:2"), 0);
        (void)snprintf(path, sizeof(path), "%s/sim/gpiochip0/sim_gpio2/value", f.dir);
        CLEANUP_FILE FILE *value = fopen(path, "re");
        assert_non_null(value);
        assert_int_equal(fgetc(value), '1');
        assert_false(fake_chips[0].lines[2].used);
        struct sconce_line *real = fixture_line("GPIO2");
        assert_int_equal(line_open_output(f.gpio, real, 1, NULL, NULL, &fault), 0);
        assert_true(fake_chips[0].lines[2].used);
        line_free(real);
}

/* ---- --lines ---------------------------------------------------------------------------------------- */

static int print(char **ret_text)
{
        size_t size;
        FILE *out = open_memstream(ret_text, &size);
        int r = gpio_print_lines(f.gpio, out, &fault);

        assert_int_equal(fclose(out), 0);
        return r;
}

static void gpio_print_lines__two_chips__shows_all_lines(void **state)
{
        (void)state;
        fake_chips[0].lines[2].used = true;
        fake_chips[0].lines[2].consumer = "h\x1bg"; /* any program may call itself anything */
        fake_chips[0].lines[2].output = true;
        fake_chips[0].lines[2].active_low = true;
        fake_chips[0].lines[3].used = true;
        CLEANUP_FREE char *text = NULL;
        assert_int_equal(print(&text), 0);
        static const char expected[] =
                "PIN CHIP:OFFSET   CHIP'S LABEL         NAME                 DIRECTION ACTIVE USED BY\n"
                "27  gpiochip0:0   pinctrl-bcm2835      -                    input     high   -\n"
                "28  gpiochip0:1   pinctrl-bcm2835      -                    input     high   -\n"
                "3   gpiochip0:2   pinctrl-bcm2835      GPIO2                output    low    h?g\n"
                "5   gpiochip0:3   pinctrl-bcm2835      GPIO3                input     high   the kernel\n";
        assert_true(strlen(text) > strlen(expected));
        assert_memory_equal(text, expected, strlen(expected));
        assert_non_null(
                strstr(text, "-   gpiochip1:4   raspberrypi-exp-gpio WL_ON                input     high   -\n"));
}

static void gpio_print_lines__no_chips__is_a_helpful_sentence(void **state)
{
        (void)state;
        fake_unplug(&f, 0);
        fake_unplug(&f, 1);
        CLEANUP_FREE char *text = NULL;
        assert_int_equal(print(&text), -ENOENT);
        assert_string_equal(text, "");
        assert_string_equal(fault.text, "this machine has no GPIO chip that the kernel knows; `chip = sim` in [gpio] "
                                        "simulates one");
}

static void gpio_print_lines__one_chip_not_permitted__shows_the_other_and_gives_the_reason(void **state)
{
        (void)state;
        fake_chips[0].open_error = -EACCES;
        CLEANUP_FREE char *text = NULL;
        assert_int_equal(print(&text), -EACCES);
        assert_non_null(strstr(text, "gpiochip1:4"));
        assert_null(strstr(text, "gpiochip0:4"));
        assert_non_null(strstr(fault.text, "gpiochip0: permission denied; add the user"));
}

#define TWO_CHIPS(name) cmocka_unit_test_setup_teardown(name, setup_two, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TWO_CHIPS(line_open_output__each_way_to_write_it__is_that_line),
                TWO_CHIPS(line_open_output__path__is_that_chip),
                TWO_CHIPS(line_open_output__link_to_a_chip__is_not_a_second_chip),
                TWO_CHIPS(line_open_output__name_on_two_chips__lists_them),
                TWO_CHIPS(line_open_output__name_twice_on_one_chip__lists_the_offsets),
                TWO_CHIPS(line_open_output__label_of_two_chips__names_them),
                TWO_CHIPS(line_open_output__chip_by_its_address__that_one),
                TWO_CHIPS(line_open_output__two_spellings_of_one_line__names_the_first),
                TWO_CHIPS(line_open_output__nothing_there__lists_what_there_is),
                cmocka_unit_test_setup_teardown(line_open_output__no_chips__reports_it, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        line_open_output__default_chip_is_the_only_one_and_elsewhere__is_found_there, setup, teardown),
                TWO_CHIPS(line_open_output__not_a_chip__reports_it),
                TWO_CHIPS(line_open_output__chip_not_permitted__shows_what_to_do),
                TWO_CHIPS(line_open_output__busy__names_the_consumer),
                TWO_CHIPS(line_open_output__muxed_to_a_peripheral__reports_it),
                TWO_CHIPS(line_open_output__settings_not_supported__reports_it),
                TWO_CHIPS(line_open_output__not_permitted__reports_it),
                TWO_CHIPS(line_open_output__other_error_of_a_used_line__as_it_is),
                TWO_CHIPS(line_open_output__first_value_and_settings__are_in_the_one_request),
                TWO_CHIPS(line_open_output__keep__never_lets_go_of_the_line),
                TWO_CHIPS(line_open_output__keep_cannot_be_read__the_line_is_released),
                TWO_CHIPS(line_open_output__chips_that_are_not_used__are_closed),
                TWO_CHIPS(edges__a_burst__is_reported_in_one_go),
                TWO_CHIPS(edges__more_than_one_turn_takes__the_level_only_after_the_last),
                TWO_CHIPS(edges__last_ones_lost_in_a_full_queue__the_level_is_reported_all_the_same),
                TWO_CHIPS(edges__lost_ones_in_between__are_counted_and_no_level_is_reported_twice),
                TWO_CHIPS(edges__time_stamps__are_boot_times),
                TWO_CHIPS(line_open_input__kernel_can_debounce__it_does),
                TWO_CHIPS(line_open_input__debounce_beyond_the_kernels__is_done_here),
                TWO_CHIPS(unplug__open_lines__are_closed_and_reported_and_open_again_later),
                TWO_CHIPS(unplug__other_chip__is_nothing_to_us),
                TWO_CHIPS(line_set__chip_gone__closes_the_line_and_reports_it),
                TWO_CHIPS(event_fd__hang_up__closes_the_line_and_reports),
                TWO_CHIPS(read_edges__no_such_device__closes_the_line_and_reports),
                TWO_CHIPS(line_open_output__stale_chip__is_opened_afresh),
                TWO_CHIPS(line_open_input__no_interrupt__does_not_blame_the_chip),
                TWO_CHIPS(line_open_output__sim_beside_real_chips__is_the_simulated_one),
                TWO_CHIPS(gpio_print_lines__two_chips__shows_all_lines),
                TWO_CHIPS(gpio_print_lines__no_chips__is_a_helpful_sentence),
                TWO_CHIPS(gpio_print_lines__one_chip_not_permitted__shows_the_other_and_gives_the_reason),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
