/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated chip against the kernel's gpio-sim: 10,000 random operations on both must give the same
 * readings, the same files and the same edges. SCONCE_TEST_SEED repeats a run. Runs inside the kernel ring,
 * as root:
 *
 *   tests/kernel/run build/tests/kernel/test_gpio_differential
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/gpio_fixture.h"
#include "gpio/line.h"
#include "kernel/gpiosim.h"
#include "util/cleanup.h"

#define OPERATIONS 10000
#define LINES      6
#define SOON_US    (10 * USEC_PER_SEC)

/* One of the two chips with its lines. */
struct side {
        struct gpio *gpio;
        char lines_dir[PATH_MAX];
        struct sconce_line *lines[LINES];
        struct seen all_seen[LINES];
        int values[LINES], pulls[LINES];
};

static struct gpio_fixture f;
static struct gpiosim bank;
static struct side kernel, simulated;
static char last[8][160]; /* the operations that led to a difference */
static unsigned done;

static void note(const char *format, ...) PRINTF_LIKE(1, 2);
static void note(const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(last[done % ARRAY_SIZE(last)], sizeof(last[0]), format, arguments);
        va_end(arguments);
}

static void differ(const char *what, unsigned offset, int ours, int theirs)
{
        for (unsigned i = 1; i <= ARRAY_SIZE(last); i++)
                print_message("  %s\n", last[(done + i) % ARRAY_SIZE(last)]);
        fail_msg("operation %u, line %u: %s is %d on the simulated chip, %d on gpio-sim", done, offset, what, ours,
                 theirs);
}

static void compare(const char *what, unsigned offset, int ours, int theirs)
{
        if (ours != theirs)
                differ(what, offset, ours, theirs);
}

/* Kept open: a system call inside User-mode Linux costs what a hundred cost elsewhere. */
static int open_file(const struct side *side, unsigned offset, const char *name, int flags)
{
        char path[PATH_MAX + 32];

        (void)snprintf(path, sizeof(path), "%s/sim_gpio%u/%s", side->lines_dir, offset, name);
        int fd = open(path, flags | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

/* "1" and "pull-up" are 1. The last letter before the newline decides. */
static int read_state(int fd)
{
        char text[16] = "";

        assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
        return strchr("1p", text[strcspn(text, "\n") - 1]) != NULL;
}

static void write_pull(const struct side *side, unsigned offset, bool up)
{
        const char *text = up ? "pull-up\n" : "pull-down\n";

        CLEANUP_CLOSE int fd = open_file(side, offset, "pull", O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* ---- Operations ------------------------------------------------------------------------------------- */

static int one_of(int n)
{
        return rand() % n;
}

static struct line_settings random_settings(void)
{
        return (struct line_settings){ .active_low = one_of(4) == 0,
                                       .bias = one_of(4),
                                       .drive = one_of(4) ? LINE_DRIVE_PUSH_PULL : 1 + one_of(2) };
}

static void do_pull(unsigned offset)
{
        bool up = one_of(2);

        note("pull %u %s", offset, up ? "up" : "down");
        write_pull(&simulated, offset, up);
        write_pull(&kernel, offset, up);
}

static void do_open(unsigned offset, bool output)
{
        const struct line_settings settings = random_settings();
        struct side *const sides[] = { &simulated, &kernel };
        int first = one_of(3) - 1, results[2];
        struct fault fault = { .code = 0 };

        note("open %u %s first %d bias %d drive %d%s", offset, output ? "output" : "input", first, settings.bias,
             settings.drive, settings.active_low ? " active low" : "");
        for (size_t i = 0; i < 2; i++) {
                struct sconce_line *line = sides[i]->lines[offset];
                line_set_settings(line, &settings);
                results[i] = output ? line_open_output(sides[i]->gpio, line, first, record_edge,
                                                       &sides[i]->all_seen[offset], &fault)
                                    : line_open_input(sides[i]->gpio, line, record_edge, &sides[i]->all_seen[offset],
                                                      &fault);
        }
        compare("the result of opening", offset, results[0], results[1]);
        if (results[0] < 0)
                fail_msg("%s: %s", last[done % ARRAY_SIZE(last)], fault.text);
}

static void do_set(unsigned offset)
{
        bool active = one_of(2);

        note("set %u %d", offset, active);
        assert_int_equal(line_set(simulated.lines[offset], active, NULL), 0);
        assert_int_equal(line_set(kernel.lines[offset], active, NULL), 0);
}

/* What keeps a line's level when it becomes an output, here with other settings and on lines that are outputs already.
 */
static void do_reconfigure(unsigned offset)
{
        const struct line_settings settings = random_settings();
        struct side *const sides[] = { &simulated, &kernel };
        const struct request_spec spec = { .mode = REQUEST_OUTPUT,
                                           .offset = offset,
                                           .consumer = "sconced",
                                           .high = one_of(2),
                                           .bias = settings.bias,
                                           .drive = settings.drive };

        note("reconfigure %u to %d bias %d drive %d", offset, spec.high, spec.bias, spec.drive);
        for (size_t i = 0; i < 2; i++) {
                struct line_request *request = sides[i]->lines[offset]->request;
                assert_int_equal(request->ops->reconfigure(request, &spec), 0);
        }
}

static void do_close(unsigned offset)
{
        note("close %u", offset);
        line_close(simulated.lines[offset]);
        line_close(kernel.lines[offset]);
}

static bool is_output[LINES];

/* Returns the line that it was done to. */
static unsigned do_something(void)
{
        unsigned offset = (unsigned)one_of(LINES);
        bool open = line_is_open(simulated.lines[offset]);
        int what = one_of(10);

        if (what < 5 || (open && what < 8 && !is_output[offset])) {
                do_pull(offset);
        } else if (!open) {
                is_output[offset] = one_of(2);
                do_open(offset, is_output[offset]);
        } else if (what < 7) {
                do_set(offset);
        } else if (what < 8) {
                do_reconfigure(offset);
        } else {
                do_close(offset);
        }
        return offset;
}

/* ---- Comparing -------------------------------------------------------------------------------------- */

/* The simulated chip has reported all when the loop is idle; the kernel has when it has reported as much. More shows
 * after the next operation. */
static void settle(unsigned offset)
{
        uint64_t deadline_us = loop_now_us(&f.loop) + SOON_US;
        const unsigned *ours = &simulated.all_seen[offset].edges, *theirs = &kernel.all_seen[offset].edges;

        while (*theirs < *ours && loop_now_us(&f.loop) < deadline_us)
                assert_true(sd_event_run(f.loop.event, SOON_US) >= 0);
        compare("the number of edges", offset, (int)*ours, (int)*theirs);
        if (*ours > 0)
                compare("the last edge", offset, simulated.all_seen[offset].last.active,
                        kernel.all_seen[offset].last.active);
}

static void compare_line(unsigned offset)
{
        bool ours = false, theirs = false;

        settle(offset);
        compare("value", offset, read_state(simulated.values[offset]), read_state(kernel.values[offset]));
        compare("pull", offset, read_state(simulated.pulls[offset]), read_state(kernel.pulls[offset]));
        if (!line_is_open(simulated.lines[offset]))
                return;
        assert_int_equal(line_get(simulated.lines[offset], &ours, NULL), 0);
        assert_int_equal(line_get(kernel.lines[offset], &theirs, NULL), 0);
        compare("the reading", offset, ours, theirs);
}

/* ---- The test --------------------------------------------------------------------------------------- */

static void open_side(struct side *side, const char *chip, const char *lines_dir)
{
        const struct gpio_options options = { .chip = chip, .sim_dir = f.dir, .consumer = "sconced" };

        assert_int_equal(gpio_new(&f.loop, &options, &side->gpio), 0);
        (void)snprintf(side->lines_dir, sizeof(side->lines_dir), "%s", lines_dir);
        for (unsigned i = 0; i < LINES; i++) {
                char text[8];
                (void)snprintf(text, sizeof(text), "%u", i);
                side->lines[i] = fixture_line(text);
                side->values[i] = open_file(side, i, "value", O_RDONLY);
                side->pulls[i] = open_file(side, i, "pull", O_RDONLY);
        }
}

static void close_side(struct side *side)
{
        for (unsigned i = 0; i < LINES; i++) {
                line_free(side->lines[i]);
                (void)close(side->values[i]);
                (void)close(side->pulls[i]);
        }
        gpio_free(side->gpio);
}

static int setup(void **state)
{
        const struct gpiosim_layout layout = { .label = "test-bank", .line_count = LINES, .name_prefix = "PIN" };
        char sim_lines[PATH_MAX];

        (void)state;
        assert_int_equal(gpiosim_create("test-bank", &layout, &bank), 0);
        gpio_fixture_init(&f, false);
        (void)snprintf(sim_lines, sizeof(sim_lines), "%s/gpiochip0", f.dir);
        open_side(&simulated, "sim", sim_lines);
        open_side(&kernel, bank.chip, bank.lines_dir);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        close_side(&simulated);
        close_side(&kernel);
        gpio_fixture_done(&f);
        assert_int_equal(gpiosim_remove("test-bank"), 0);
        return 0;
}

static void sim__random_operations__behaves_as_the_kernels_gpio_sim(void **state)
{
        const char *seed_text = getenv("SCONCE_TEST_SEED");
        unsigned seed = seed_text ? (unsigned)atoi(seed_text) : (unsigned)time(NULL), edges = 0;

        (void)state;
        print_message("SCONCE_TEST_SEED=%u\n", seed);
        srand(seed);
        for (done = 0; done < OPERATIONS; done++) {
                unsigned offset = do_something();
                fixture_settle(&f);
                compare_line(offset);
                for (unsigned i = 0; i < LINES && done % 100 == 0; i++) /* nothing else moved */
                        compare_line(i);
        }
        for (unsigned i = 0; i < LINES; i++)
                edges += simulated.all_seen[i].edges;
        print_message("%d operations, %u edges\n", OPERATIONS, edges);
        assert_true(edges > OPERATIONS / 50);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(sim__random_operations__behaves_as_the_kernels_gpio_sim, setup,
                                                teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
