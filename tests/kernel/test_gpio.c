/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines through libgpiod on the kernel's own gpio-sim: what the unit tests prove of the simulated chip holds
 * here too, and what only a kernel can show. Runs inside the kernel ring, as root:
 *
 *   tests/kernel/run build/tests/kernel/test_gpio
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/gpio_fixture.h"
#include "kernel/gpiosim.h"
#include "util/cleanup.h"

#define SOON_US (10 * USEC_PER_SEC)

static const struct gpiosim_hog hogs[] = { { .offset = 4, .consumer = "hog", .direction = "output-high" } };
static const struct gpiosim_layout bank_layout = {
        .label = "test-bank",
        .line_count = 54,
        .name_prefix = "PIN",
        .hogs = hogs,
        .hog_count = 1,
};
static const struct gpiosim_layout expander_layout = {
        .label = "test-expander",
        .line_count = 8,
        .name_prefix = "EXP",
};

static struct gpio_fixture f;
static struct gpiosim bank, expander;
static struct sconce_line *line;
static struct fault fault;
static struct seen seen;

/* ---- Fixture ---------------------------------------------------------------------------------------- */

static void open_gpio(struct gpio **ret, const char *consumer)
{
        const struct gpio_options options = { .chip = "test-bank", .sim_dir = f.dir, .consumer = consumer };
        assert_int_equal(gpio_new(&f.loop, &options, ret), 0);
}

static int setup(void **state)
{
        (void)state;
        line = NULL;
        memset(&seen, 0, sizeof(seen));
        memset(&fault, 0, sizeof(fault));
        assert_int_equal(gpiosim_create("test-bank", &bank_layout, &bank), 0);
        assert_int_equal(gpiosim_create("test-expander", &expander_layout, &expander), 0);
        gpio_fixture_init(&f, false);
        open_gpio(&f.gpio, "sconced");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        line_free(line);
        gpio_fixture_done(&f);
        assert_int_equal(gpiosim_remove("test-bank"), 0);
        assert_int_equal(gpiosim_remove("test-expander"), 0);
        return 0;
}

static void line_file(const struct gpiosim *sim, unsigned offset, const char *name, char path[static PATH_MAX])
{
        (void)snprintf(path, PATH_MAX, "%s/sim_gpio%u/%s", sim->lines_dir, offset, name);
}

static int value(const struct gpiosim *sim, unsigned offset)
{
        char path[PATH_MAX];

        line_file(sim, offset, "value", path);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        assert_non_null(file);
        return fgetc(file) - '0';
}

static void pull_on(const struct gpiosim *sim, unsigned offset, bool up)
{
        char path[PATH_MAX];

        line_file(sim, offset, "pull", path);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(up ? "pull-up" : "pull-down", file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void pull(unsigned offset, bool up)
{
        pull_on(&bank, offset, up);
}

static bool pulled_up(unsigned offset)
{
        char path[PATH_MAX], text[16] = "";

        line_file(&bank, offset, "pull", path);
        CLEANUP_FILE FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof(text), file));
        return strcmp(text, "pull-up\n") == 0;
}

static void run_until(const unsigned *count, unsigned wanted)
{
        uint64_t deadline_us = loop_now_us(&f.loop) + SOON_US;

        while (*count < wanted && loop_now_us(&f.loop) < deadline_us)
                assert_true(sd_event_run(f.loop.event, SOON_US) >= 0);
        assert_int_equal(*count, wanted);
}

static void open_output(const char *text, int first_value, const struct line_settings *settings)
{
        line = fixture_line(text);
        if (settings)
                line_set_settings(line, settings);
        if (line_open_output(f.gpio, line, first_value, record_edge, &seen, &fault) < 0)
                fail_msg("%s", fault.text);
}

static void run_until_settled(const struct sconce_line *input)
{
        uint64_t deadline_us = loop_now_us(&f.loop) + SOON_US;

        while (!line_is_settled(input) && loop_now_us(&f.loop) < deadline_us)
                assert_true(sd_event_run(f.loop.event, SOON_US) >= 0);
        assert_true(line_is_settled(input));
}

static void open_input(const char *text, const struct line_settings *settings)
{
        line = fixture_line(text);
        if (settings)
                line_set_settings(line, settings);
        if (line_open_input(f.gpio, line, record_edge, &seen, &fault) < 0)
                fail_msg("%s", fault.text);
        run_until_settled(line);
}

static bool level(void)
{
        bool active = false;
        assert_int_equal(line_get(line, &active, &fault), 0);
        return active;
}

static void assert_refused(const char *text, int code, const char *words)
{
        struct sconce_line *other = fixture_line(text);

        assert_int_equal(line_open_output(f.gpio, other, 1, NULL, NULL, &fault), code);
        assert_string_equal(fault.text, words);
        line_free(other);
}

/* ---- Outputs ---------------------------------------------------------------------------------------- */

static void line_open_output__each_way_to_write_it__is_that_line(void **state)
{
        const char *const texts[] = { "PIN17", "17", "test-bank:17", "test-bank:PIN17" };
        char text[GPIOSIM_NAME_MAX + 16];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                open_output(texts[i], 1, NULL);
                assert_int_equal(value(&bank, 17), 1);
                line_free(TAKE_PTR(line));
                assert_int_equal(value(&bank, 17), 0);
        }
        (void)snprintf(text, sizeof(text), "/dev/%s:17", bank.chip);
        open_output(text, 1, NULL);
        line_free(TAKE_PTR(line));
        open_output(bank.chip + strlen("gpiochip"), 1, NULL); /* a number alone is a line */
        assert_int_equal(value(&bank, (unsigned)atoi(line_text(line))), 1);
        line_free(TAKE_PTR(line));
        open_output("EXP3", 1, NULL);
        assert_int_equal(value(&expander, 3), 1);
}

static void line_set__on_and_off__value_follows_until_release(void **state)
{
        (void)state;
        open_output("PIN17", 0, NULL);
        assert_int_equal(value(&bank, 17), 0);
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(value(&bank, 17), 1);
        assert_true(level());
        pull(17, false);
        assert_int_equal(value(&bank, 17), 1);
        line_close(line);
        assert_int_equal(value(&bank, 17), 0);
}

static void line_set__active_low__value_is_the_physical_level(void **state)
{
        (void)state;
        open_output("PIN17", 0, &(struct line_settings){ .active_low = true });
        assert_int_equal(value(&bank, 17), 1);
        assert_false(level());
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(value(&bank, 17), 0);
        assert_true(level());
}

static void line_open_output__keep__drives_what_the_line_showed(void **state)
{
        (void)state;
        pull(17, true);
        open_output("PIN17", -1, NULL);
        assert_int_equal(value(&bank, 17), 1);
        pull(17, false); /* it is driven now */
        assert_int_equal(value(&bank, 17), 1);
        assert_true(level());
        assert_int_equal(line_set(line, false, &fault), 0);
        assert_int_equal(value(&bank, 17), 0);
}

static void line_open_output__keep_with_settings__has_them(void **state)
{
        (void)state;
        pull(17, true);
        open_output("PIN17", -1, &(struct line_settings){ .active_low = true, .bias = LINE_BIAS_PULL_DOWN });
        assert_int_equal(value(&bank, 17), 1);
        assert_false(level());
        assert_false(pulled_up(17));
}

static void line_open_output__bias__sets_the_pull_and_it_stays(void **state)
{
        (void)state;
        open_output("PIN17", 0, &(struct line_settings){ .bias = LINE_BIAS_PULL_UP });
        assert_true(pulled_up(17));
        assert_int_equal(value(&bank, 17), 0);
        line_close(line);
        assert_int_equal(value(&bank, 17), 1);
        assert_true(pulled_up(17));
}

static void line_set__open_drain__high_only_lets_go(void **state)
{
        (void)state;
        open_output("PIN17", 1, &(struct line_settings){ .drive = LINE_DRIVE_OPEN_DRAIN, .bias = LINE_BIAS_PULL_UP });
        assert_int_equal(value(&bank, 17), 1);
        assert_int_equal(line_set(line, false, &fault), 0);
        assert_int_equal(value(&bank, 17), 0);
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(value(&bank, 17), 0);
        line_close(line);
        assert_int_equal(value(&bank, 17), 1);
}

static void line_set__open_source__low_only_lets_go(void **state)
{
        (void)state;
        open_output("PIN17", 0, &(struct line_settings){ .drive = LINE_DRIVE_OPEN_SOURCE });
        assert_int_equal(value(&bank, 17), 0);
        assert_int_equal(line_set(line, true, &fault), 0);
        assert_int_equal(value(&bank, 17), 1);
        assert_int_equal(line_set(line, false, &fault), 0);
        assert_int_equal(value(&bank, 17), 1);
}

/* ---- Faults ----------------------------------------------------------------------------------------- */

static void line_open_output__busy__names_the_consumer(void **state)
{
        struct gpio *other = NULL;

        (void)state;
        assert_refused("PIN4", -EBUSY, "PIN4 is in use by \"hog\"");
        open_gpio(&other, "somebody");
        struct sconce_line *theirs = fixture_line("PIN17");
        assert_int_equal(line_open_output(other, theirs, 1, NULL, NULL, &fault), 0);
        assert_refused("17", -EBUSY, "17 is in use by \"somebody\"");
        assert_int_equal(value(&bank, 17), 1);
        line_free(theirs);
        gpio_free(other);
        open_output("17", 0, NULL);
}

static void line_open_output__name_on_two_chips__lists_them(void **state)
{
        const struct gpiosim_layout twin_layout = { .label = "twin", .line_count = 20, .name_prefix = "PIN" };
        struct gpiosim twin;
        char words[200];

        (void)state;
        assert_int_equal(gpiosim_create("test-twin", &twin_layout, &twin), 0);
        (void)snprintf(words, sizeof(words), "2 lines are named \"PIN17\"; write %s:PIN17 or %s:PIN17",
                       strverscmp(bank.chip, twin.chip) < 0 ? bank.chip : twin.chip,
                       strverscmp(bank.chip, twin.chip) < 0 ? twin.chip : bank.chip);
        struct sconce_line *unclear = fixture_line("PIN17");
        int r = line_open_output(f.gpio, unclear, 1, NULL, NULL, &fault);
        line_free(unclear);
        open_output("twin:PIN17", 1, NULL);
        int twin_value = value(&twin, 17);
        line_free(TAKE_PTR(line));
        assert_int_equal(gpiosim_remove("test-twin"), 0);
        assert_int_equal(r, -EINVAL);
        assert_string_equal(fault.text, words);
        assert_int_equal(twin_value, 1);
}

static void line_open_output__ordinary_user__is_shown_what_to_do(void **state)
{
        int status;

        (void)state;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct sconce_line *mine = fixture_line("17");
                if (setuid(65534) < 0)
                        _exit(2);
                int r = line_open_output(f.gpio, mine, 1, NULL, NULL, &fault);
                _exit(r == -EACCES && strstr(fault.text, ": permission denied; add the user of this program") ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

/* ---- Inputs ----------------------------------------------------------------------------------------- */

static void pull__of_an_input__is_reported_with_the_kernels_time(void **state)
{
        (void)state;
        open_input("PIN17", NULL);
        for (unsigned i = 1; i <= 6; i++) {
                uint64_t before_us = loop_now_us(&f.loop);
                pull(17, i % 2);
                run_until(&seen.edges, i);
                assert_int_equal(seen.last.active, i % 2);
                assert_int_equal(seen.last.lost, 0);
                assert_true(seen.last.time_us + 2 >= before_us && seen.last.time_us <= loop_now_us(&f.loop));
        }
}

static void line_open_input__bias_and_active_low__both_count(void **state)
{
        (void)state;
        open_input("PIN17", &(struct line_settings){ .bias = LINE_BIAS_PULL_UP, .active_low = true });
        assert_true(pulled_up(17));
        assert_false(level());
        pull(17, false);
        run_until(&seen.edges, 1);
        assert_true(seen.last.active);
        assert_true(level());
}

/* The same with the kernel's debounce (libgpiod 2) and with ours (libgpiod 1). */
static void debounce__burst__only_the_final_level_is_reported(void **state)
{
        (void)state;
        open_input("PIN17", &(struct line_settings){ .debounce_us = 200 * USEC_PER_MSEC });
        uint64_t before_us = loop_now_us(&f.loop);
        for (int i = 0; i < 31; i++)
                pull(17, i % 2 == 0);
        assert_false(level());
        run_until(&seen.edges, 1);
        assert_true(seen.last.active);
        assert_true(level());
        assert_true(seen.last.time_us - before_us >= 200 * USEC_PER_MSEC);
}

static void debounce__level_that_comes_back__is_nothing(void **state)
{
        struct sconce_line *other = fixture_line("PIN18");
        struct seen other_seen = { .edges = 0 };

        (void)state;
        line_set_settings(other, &(struct line_settings){ .debounce_us = 200 * USEC_PER_MSEC });
        assert_int_equal(line_open_input(f.gpio, other, record_edge, &other_seen, &fault), 0);
        run_until_settled(other);
        open_input("PIN17", &(struct line_settings){ .debounce_us = 50 * USEC_PER_MSEC });
        pull(17, true);
        pull(17, false);
        pull(18, true); /* is reported long after the first would have been */
        run_until(&other_seen.edges, 1);
        assert_int_equal(seen.edges, 0);
        line_free(other);
}

/* Active at the request, and not for long: by the kernel (libgpiod 2) and by ours (libgpiod 1). */
static void debounce__active_at_the_request__the_first_value_is_settled(void **state)
{
        (void)state;
        pull(17, true);
        line = fixture_line("PIN17");
        line_set_settings(line, &(struct line_settings){ .debounce_us = 200 * USEC_PER_MSEC });
        assert_int_equal(line_open_input(f.gpio, line, record_edge, &seen, &fault), 0);
        pull(17, false);
        assert_false(line_is_settled(line));
        run_until_settled(line);
        assert_false(level());
        assert_int_equal(seen.edges, 0);
        pull(17, true);
        run_until(&seen.edges, 1);
        assert_true(seen.last.active);
}

static void edges__a_long_burst__ends_with_the_final_level(void **state)
{
        (void)state;
        open_input("PIN17", NULL);
        for (int i = 0; i < 101; i++)
                pull(17, i % 2 == 0);
        pull(17, true);
        uint64_t deadline_us = loop_now_us(&f.loop) + SOON_US;
        while (!(seen.edges > 0 && seen.last.active) && loop_now_us(&f.loop) < deadline_us)
                assert_true(sd_event_run(f.loop.event, SOON_US) >= 0);
        assert_true(seen.last.active);
        assert_int_equal(seen.edges % 2, 1); /* every one the opposite of the one before */
}

/* All that User-mode Linux has. The one more is refused in words that do not blame the chip. */
#define EDGE_LINES 64

static bool on_uml(void)
{
        const char *ring = getenv("SCONCE_RING");
        return ring && strcmp(ring, "kernel") == 0;
}

static void open_many(struct gpio *gpio, struct sconce_line *lines[], struct seen all_seen[], unsigned count)
{
        char text[GPIOSIM_NAME_MAX];

        for (unsigned i = 0; i < count; i++) {
                (void)snprintf(text, sizeof(text), "test-many:%u", i);
                lines[i] = fixture_line(text);
                if (line_open_input(gpio, lines[i], record_edge, &all_seen[i], &fault) < 0)
                        fail_msg("%s", fault.text);
        }
}

static void assert_one_too_many(struct gpio *gpio, const struct gpiosim *many)
{
        char words[160];
        struct sconce_line *more = fixture_line("test-many:64");

        (void)snprintf(words, sizeof(words), "test-many:64: %s has no interrupt (left) for this line", many->chip);
        assert_int_equal(line_open_input(gpio, more, record_edge, &seen, &fault), -ENOTSUP);
        assert_non_null(strstr(fault.text, words));
        line_free(more);
}

static void record_all(const struct gpiosim *many)
{
        struct sconce_line *lines[EDGE_LINES] = { NULL };
        struct seen all_seen[EDGE_LINES];
        struct gpio *gpio = NULL;

        memset(all_seen, 0, sizeof(all_seen));
        open_gpio(&gpio, "sconced");
        open_many(gpio, lines, all_seen, EDGE_LINES);
        if (on_uml())
                assert_one_too_many(gpio, many);
        for (unsigned i = 0; i < EDGE_LINES; i++) {
                pull_on(many, i, true);
                run_until(&all_seen[i].edges, 1);
        }
        for (unsigned i = 0; i < EDGE_LINES; i++) {
                assert_int_equal(all_seen[i].edges, 1);
                assert_true(all_seen[i].last.active);
                line_free(lines[i]);
        }
        gpio_free(gpio);
}

static void line_open_input__all_interrupts_at_once__each_reports_its_own_edges(void **state)
{
        const struct gpiosim_layout layout = { .label = "test-many", .line_count = EDGE_LINES + 1 };
        struct gpiosim many, others;
        char place[GPIOSIM_PATH_MAX];

        (void)state;
        /* A line that was an input once keeps its interrupt for as long as its chip is there. */
        bool has_others = gpiosim_find("pi", &others) == 0;
        (void)snprintf(place, sizeof(place), "%s", has_others ? others.lines_dir : "");
        assert_true(!has_others || gpiosim_unplug(&others) == 0);
        assert_int_equal(gpiosim_create("test-many", &layout, &many), 0);
        record_all(&many);
        assert_int_equal(gpiosim_remove("test-many"), 0);
        assert_true(!has_others || gpiosim_plug(&others) == 0);
        if (has_others) /* those who come after look for it there */
                assert_string_equal(others.lines_dir, place);
}

/* ---- Unplugging ------------------------------------------------------------------------------------- */

static void unplug__open_lines__are_reported_and_open_again_when_it_is_back(void **state)
{
        struct sconce_line *input = fixture_line("18");
        struct seen input_seen = { .edges = 0 };

        (void)state;
        open_output("PIN17", 1, NULL);
        assert_int_equal(line_open_input(f.gpio, input, record_edge, &input_seen, &fault), 0);
        assert_int_equal(gpiosim_unplug(&bank), 0);
        run_until(&seen.gone, 1);
        run_until(&input_seen.gone, 1);
        assert_int_equal(seen.fault.code, -ENODEV);
        assert_non_null(strstr(seen.fault.text, " is gone (unplugged?)"));
        assert_false(line_is_open(line));
        assert_false(line_is_open(input));
        assert_int_equal(line_open_output(f.gpio, line, 1, record_edge, &seen, &fault), -ENOENT);
        assert_non_null(strstr(fault.text, "this machine has no line named \"PIN17\""));

        assert_int_equal(gpiosim_plug(&bank), 0);
        assert_int_equal(line_open_output(f.gpio, line, 1, record_edge, &seen, &fault), 0);
        assert_int_equal(value(&bank, 17), 1);
        assert_int_equal(line_open_input(f.gpio, input, record_edge, &input_seen, &fault), 0);
        pull(18, true);
        run_until(&input_seen.edges, 1);
        line_free(input);
}

static void line_set__just_unplugged__reports_it(void **state)
{
        char words[200];

        (void)state;
        open_output("PIN17", 1, NULL);
        (void)snprintf(words, sizeof(words), "PIN17: the chip %s is gone (unplugged?)", bank.chip);
        assert_int_equal(gpiosim_unplug(&bank), 0);
        assert_int_equal(line_set(line, false, &fault), -ENODEV);
        assert_string_equal(fault.text, words);
        assert_false(line_is_open(line));
        assert_int_equal(gpiosim_plug(&bank), 0);
        assert_int_equal(line_open_output(f.gpio, line, 0, record_edge, &seen, &fault), 0);
}

/* ---- --lines ---------------------------------------------------------------------------------------- */

static void gpio_print_lines__hog_and_ours__shows_who_uses_what(void **state)
{
        char *text = NULL, expected[2][160];
        size_t size;

        (void)state;
        /* The first column is for pins of a header, which these chips do not have. */
        open_output("PIN17", 1, NULL);
        FILE *out = open_memstream(&text, &size);
        assert_int_equal(gpio_print_lines(f.gpio, out, &fault), 0);
        assert_int_equal(fclose(out), 0);
        (void)snprintf(expected[0], sizeof(expected[0]),
                       "\n-   %s:4   test-bank            PIN4                 output    high   hog\n", bank.chip);
        (void)snprintf(expected[1], sizeof(expected[1]),
                       "\n-   %s:17  test-bank            PIN17                output    high   sconced\n", bank.chip);
        assert_non_null(strstr(text, expected[0]));
        assert_non_null(strstr(text, expected[1]));
        assert_non_null(strstr(text, "test-expander        EXP7                 input     high   -\n"));
        free(text);
}

#define KERNEL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                KERNEL_TEST(line_open_output__each_way_to_write_it__is_that_line),
                KERNEL_TEST(line_set__on_and_off__value_follows_until_release),
                KERNEL_TEST(line_set__active_low__value_is_the_physical_level),
                KERNEL_TEST(line_open_output__keep__drives_what_the_line_showed),
                KERNEL_TEST(line_open_output__keep_with_settings__has_them),
                KERNEL_TEST(line_open_output__bias__sets_the_pull_and_it_stays),
                KERNEL_TEST(line_set__open_drain__high_only_lets_go),
                KERNEL_TEST(line_set__open_source__low_only_lets_go),
                KERNEL_TEST(line_open_output__busy__names_the_consumer),
                KERNEL_TEST(line_open_output__name_on_two_chips__lists_them),
                KERNEL_TEST(line_open_output__ordinary_user__is_shown_what_to_do),
                KERNEL_TEST(pull__of_an_input__is_reported_with_the_kernels_time),
                KERNEL_TEST(line_open_input__bias_and_active_low__both_count),
                KERNEL_TEST(debounce__burst__only_the_final_level_is_reported),
                KERNEL_TEST(debounce__level_that_comes_back__is_nothing),
                KERNEL_TEST(debounce__active_at_the_request__the_first_value_is_settled),
                KERNEL_TEST(edges__a_long_burst__ends_with_the_final_level),
                KERNEL_TEST(line_open_input__all_interrupts_at_once__each_reports_its_own_edges),
                KERNEL_TEST(unplug__open_lines__are_reported_and_open_again_when_it_is_back),
                KERNEL_TEST(line_set__just_unplugged__reports_it),
                KERNEL_TEST(gpio_print_lines__hog_and_ours__shows_who_uses_what),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
