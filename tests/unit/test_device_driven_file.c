/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what is driven, by itself: which outputs of an earlier run it takes for which, what it asks of its file. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/driven.h"
#include "fakes/gpio_fixture.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"

struct rig {
        struct gpio_fixture gpio;
        char path[PATH_MAX];
        unsigned reports;
        char reported[200];
};

static void on_problem(void *userdata, const char *text)
{
        struct rig *rig = userdata;

        rig->reports++;
        (void)snprintf(rig->reported, sizeof(rig->reported), "%s", text ? text : "over");
}

static int setup(void **state)
{
        struct rig *rig = calloc(1, sizeof(*rig));

        gpio_fixture_init(&rig->gpio, true);
        gpio_fixture_open_sim(&rig->gpio);
        sim_path(&rig->gpio, rig->path, "driven.json");
        *state = rig;
        return 0;
}

static int teardown(void **state)
{
        struct rig *rig = *state;

        gpio_fixture_done(&rig->gpio);
        free(rig);
        return 0;
}

static struct driven *record_on(struct rig *rig, const char *sim_dir)
{
        const struct driven_options options = {
                .path = rig->path, .chip = "sim", .sim_dir = sim_dir, .problem = on_problem, .userdata = rig
        };
        struct driven *driven = NULL;

        assert_int_equal(driven_new(&options, &driven), 0);
        return driven;
}

static struct driven *record(struct rig *rig)
{
        return record_on(rig, "/sim");
}

/* What an earlier run of this boot has left: one output, as JSON. */
static void leave(struct rig *rig, const char *output)
{
        FILE *file = fopen(rig->path, "w");

        assert_non_null(file);
        (void)fprintf(file, "{\"boot\":\"%s\",\"chip\":\"sim\",\"sim_dir\":\"/sim\",\"outputs\":[%s]}", clock_boot_id(),
                      output);
        assert_int_equal(fclose(file), 0);
}

#define OUTPUT(device, kind, text, bias, drive, exit, limited, is_for, safe)                                           \
        "{\"device\":\"" device "\",\"kind\":\"" kind "\",\"output\":\"" text "\",\"active_low\":false,\"bias\":" bias \
        ",\"drive\":" drive ",\"exit\":\"" exit "\",\"limited\":" limited ",\"for\":" is_for ",\"safe\":" safe "}"
#define PUMP(limited, is_for, safe) OUTPUT("pump", "line", "GPIO17", "0", "0", "off", limited, is_for, safe)

static bool holds(const struct rig *rig, const char *text)
{
        struct file file;
        struct fault fault;

        assert_int_equal(file_read(rig->path, 65536, &file, &fault), 0);
        bool found = memmem(file.data, file.size, text, strlen(text));
        file_done(&file);
        return found;
}

static void note(struct driven *driven, const char *device, const char *kind, const char *text)
{
        const struct driven_output output = { .device = device, .kind = kind, .text = text };

        assert_int_equal(driven_note(driven, &output), 0);
}

/* ---- Which output is which ------------------------------------------------------------------------------- */

static void driven_note__left_by_an_earlier_run__replaced_where_it_is_the_same(void **state)
{
        static const struct {
                const char *left, *kind, *text; /* what is driven now, by another device */
                bool stays;
        } rows[] = {
                { OUTPUT("a", "line", "GPIO17", "0", "0", "off", "true", "false", "false"), "line", "sim:17", false },
                { OUTPUT("a", "line", "GPIO17", "0", "0", "off", "true", "false", "false"), "line", "sim:18", true },
                { OUTPUT("a", "line", "GPIO17", "0", "0", "off", "true", "false", "false"), "line", ":", true },
                { OUTPUT("a", "line", ":", "0", "0", "off", "true", "false", "false"), "line", "sim:17", true },
                { OUTPUT("a", "pwm", "pwmchip0:1", "0", "0", "off", "true", "false", "false"), "pwm", "pwmchip0:2",
                  true },
                { OUTPUT("a", "pwm", "pwmchip0:1", "0", "0", "off", "true", "false", "false"), "led", "pwmchip0:1",
                  true },
        };
        struct rig *rig = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                leave(rig, rows[i].left);
                struct driven *driven = record(rig);
                note(driven, "b", rows[i].kind, rows[i].text);
                driven_free(driven);
                if (holds(rig, "\"device\":\"a\"") != rows[i].stays)
                        fail_msg("row %zu: what was left %s", i, rows[i].stays ? "has gone" : "is still there");
                assert_true(holds(rig, "\"device\":\"b\""));
        }
}

/* Its device has another line now. What is safe there need not be kept; what is not is still to be made safe. */
static void driven_note__device_drives_another_output__left_one_goes_if_it_is_safe(void **state)
{
        struct rig *rig = *state;

        leave(rig, PUMP("true", "false", "true"));
        struct driven *driven = record(rig);
        note(driven, "pump", "line", "GPIO5");
        driven_free(driven);
        assert_false(holds(rig, "GPIO17"));
        leave(rig, PUMP("true", "false", "false"));
        driven = record(rig);
        note(driven, "pump", "line", "GPIO5");
        assert_false(driven_past(driven, "pump").was_for);
        driven_free(driven);
        assert_true(holds(rig, "GPIO17"));
}

static void driven_limit__of_one_device__leaves_the_other_as_it_was(void **state)
{
        struct rig *rig = *state;
        struct driven *driven = record(rig);

        note(driven, "pump", "line", "GPIO17");
        note(driven, "lamp", "line", "GPIO5");
        assert_int_equal(driven_limit(driven, "pump", true), 0);
        driven_free(driven);
        driven = record(rig);
        assert_true(driven_past(driven, "pump").was_for);
        assert_false(driven_past(driven, "lamp").was_for);
        driven_free(driven);
}

/* Once its device has been started, it is no news any more. */
static void driven_past__device_started_since__is_not(void **state)
{
        struct rig *rig = *state;

        leave(rig, PUMP("false", "true", "false"));
        struct driven *driven = record(rig);
        assert_true(driven_past(driven, "pump").was_for);
        note(driven, "pump", "line", "GPIO5");
        assert_false(driven_past(driven, "pump").was_for);
        driven_free(driven);
}

static void driven_past__only_what_was_made_safe_and_is_limited(void **state)
{
        static const struct {
                const char *left;
                bool expected;
        } rows[] = {
                { PUMP("true", "false", "true"), true },
                { PUMP("true", "false", "false"), false },
                { PUMP("false", "false", "true"), false },
                { OUTPUT("pump", "line", "GPIO17", "0", "0", "on", "true", "false", "true"), true },
                { OUTPUT("lamp", "line", "GPIO17", "0", "0", "off", "true", "false", "true"), false },
        };
        struct rig *rig = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                leave(rig, rows[i].left);
                struct driven *driven = record(rig);
                if (driven_past(driven, "pump").was_cut_off != rows[i].expected)
                        fail_msg("row %zu", i);
                driven_free(driven);
        }
}

/* ---- After a crash ---------------------------------------------------------------------------------------- */

/* What is on for good stays; so does what a device has taken over, which counts its time itself. One that has another line now
 * has not. */
static void driven_settle_left__only_what_is_limited_and_nobody_has_taken_over__is_off(void **state)
{
        static const struct {
                const char *left;
                const char *line; /* that the device drives now */
                bool goes_off;
        } rows[] = {
                { PUMP("true", "false", "false"), NULL, true },      { PUMP("false", "true", "false"), NULL, true },
                { PUMP("false", "false", "false"), NULL, false },    { PUMP("true", "false", "true"), NULL, false },
                { PUMP("true", "false", "false"), "GPIO17", false }, { PUMP("true", "false", "false"), "GPIO5", true },
        };
        struct rig *rig = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                sim_pull(&rig->gpio, 17, "pull-up\n");
                fixture_settle(&rig->gpio);
                size_t edges = sim_edge_count(&rig->gpio, 17);
                leave(rig, rows[i].left);
                struct driven *driven = record(rig);
                if (rows[i].line)
                        note(driven, "pump", "line", rows[i].line);
                driven_settle_left(driven, rig->gpio.gpio);
                driven_free(driven);
                if ((sim_edge_count(&rig->gpio, 17) > edges) != rows[i].goes_off)
                        fail_msg("row %zu: it was %s", i, rows[i].goes_off ? "left on" : "switched");
        }
}

/* What the run before has left, and nobody has driven since, is not of this run's store. */
static void driven_saved__left_by_an_earlier_run__stays(void **state)
{
        struct rig *rig = *state;

        leave(rig, PUMP("true", "false", "true"));
        struct driven *driven = record(rig);
        note(driven, "lamp", "line", "GPIO5");
        driven_release(driven, "lamp", true);
        assert_true(driven_past(driven, "pump").is_known);
        driven_saved(driven);
        assert_true(driven_past(driven, "pump").is_known);
        driven_free(driven);
        assert_true(holds(rig, "\"pump\""));
        assert_false(holds(rig, "\"lamp\""));
}

/* On, as another process. */
static void take_line(struct rig *rig, struct sconce_line *line, struct gpio **ret_other)
{
        const struct gpio_options options = { .chip = "sim", .sim_dir = rig->gpio.dir, .consumer = "another" };
        struct fault fault;

        assert_int_equal(gpio_new(&rig->gpio.loop, &options, ret_other), 0);
        assert_int_equal(line_open_output(*ret_other, line, 1, NULL, NULL, &fault), 0);
}

static void driven_make_safe__safe_already_and_somebody_has_it__is_left_to_him(void **state)
{
        struct rig *rig = *state;
        struct sconce_line *line = fixture_line("GPIO17");
        struct gpio *other = NULL;
        struct driven *driven = NULL;
        struct fault fault;

        take_line(rig, line, &other);
        leave(rig, PUMP("true", "false", "true"));
        assert_int_equal(driven_read(rig->path, &driven, &fault), 0);
        assert_int_equal(driven_make_safe(driven, rig->gpio.gpio), 0);
        assert_int_equal(sim_value(&rig->gpio, 17), 1);
        line_free(line);
        gpio_free(other);
        driven_free(driven);
}

/* Another process holds it for longer than it is waited for. */
static void driven_make_safe__line_stays_busy__failed_and_tried_again_next_time(void **state)
{
        struct rig *rig = *state;
        struct gpio *other = NULL;
        struct sconce_line *line = fixture_line("GPIO17");
        struct driven *driven = NULL;
        struct fault fault;

        take_line(rig, line, &other);
        leave(rig, PUMP("true", "false", "false"));
        assert_int_equal(driven_read(rig->path, &driven, &fault), 0);
        assert_int_equal(driven_make_safe(driven, rig->gpio.gpio), 1);
        assert_true(holds(rig, "\"safe\":false"));
        assert_int_equal(sim_value(&rig->gpio, 17), 1);
        line_free(line);
        gpio_free(other);
        assert_int_equal(driven_make_safe(driven, rig->gpio.gpio), 0);
        assert_true(holds(rig, "\"safe\":true"));
        assert_int_equal(sim_value(&rig->gpio, 17), 0);
        driven_free(driven);
}

/* ---- The file -------------------------------------------------------------------------------------------- */

/* Each number and word of it leads into a table. */
static void driven_read__a_value_that_no_table_has__is_not_believed(void **state)
{
        static const struct {
                const char *left;
                int expected;
        } rows[] = {
                { OUTPUT("a", "line", "GPIO17", "0", "0", "off", "true", "false", "false"), 0 },
                { OUTPUT("a", "line", "GPIO17", "3", "2", "keep", "true", "false", "false"), 0 },
                { OUTPUT("a", "line", "GPIO17", "-1", "0", "off", "true", "false", "false"), -EBADMSG },
                { OUTPUT("a", "line", "GPIO17", "4", "0", "off", "true", "false", "false"), -EBADMSG },
                { OUTPUT("a", "line", "GPIO17", "0", "-1", "off", "true", "false", "false"), -EBADMSG },
                { OUTPUT("a", "line", "GPIO17", "0", "3", "off", "true", "false", "false"), -EBADMSG },
                { OUTPUT("a", "valve", "GPIO17", "0", "0", "off", "true", "false", "false"), -EBADMSG },
                { OUTPUT("a", "line", "GPIO17", "0", "0", "open", "true", "false", "false"), -EBADMSG },
        };
        struct rig *rig = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct driven *driven = NULL;
                struct fault fault;
                leave(rig, rows[i].left);
                if (driven_read(rig->path, &driven, &fault) != rows[i].expected)
                        fail_msg("row %zu", i);
                driven_free(driven);
        }
}

static void driven_new__unreadable_or_of_another_directory__begins_empty(void **state)
{
        struct rig *rig = *state;

        leave(rig, OUTPUT("a", "valve", "GPIO17", "0", "0", "off", "true", "false", "false"));
        driven_free(record(rig));
        assert_false(holds(rig, "GPIO17"));
        leave(rig, PUMP("true", "false", "false"));
        driven_free(record(rig));
        assert_true(holds(rig, "GPIO17"));
        driven_free(record_on(rig, "/elsewhere"));
        assert_false(holds(rig, "GPIO17"));
}

/* No room on it: SIGXFSZ and EFBIG stand for ENOSPC. */
static struct rlimit have_no_room(void)
{
        struct rlimit before;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        const struct rlimit none = { .rlim_cur = 0, .rlim_max = before.rlim_max };
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        return before;
}

static void driven_write__no_room__is_a_problem_until_there_is(void **state)
{
        const struct driven_output output = { .device = "pump", .kind = "line", .text = "GPIO17" };
        struct rig *rig = *state;
        struct driven *driven = record(rig);

        const struct rlimit before = have_no_room();
        int r = driven_note(driven, &output);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -EFBIG);
        assert_false(driven_is_written(driven));
        assert_int_equal(rig->reports, 1);
        assert_non_null(strstr(rig->reported, "driven.json cannot be written: File too large"));
        assert_false(holds(rig, "GPIO17")); /* as it was before, whole */
        driven_report(driven);
        assert_int_equal(rig->reports, 2);
        assert_int_equal(driven_write(driven, NULL), 0);
        assert_string_equal(rig->reported, "over");
        assert_true(holds(rig, "GPIO17"));
        driven_report(driven);
        assert_int_equal(rig->reports, 3); /* nothing is wrong */
        driven_free(driven);
}

static void driven_write__file_cannot_be_replaced__is_a_problem(void **state)
{
        struct rig *rig = *state;
        const struct driven_output output = { .device = "pump", .kind = "line", .text = "GPIO17" };
        const struct driven_options silent = { .path = rig->path, .chip = "sim", .sim_dir = "/sim" };
        char beside[PATH_MAX + 4];
        struct driven *driven = NULL;

        assert_int_equal(mkdir(rig->path, 0700), 0);
        assert_int_equal(driven_new(&silent, &driven), 0);
        assert_int_equal(driven_note(driven, &output), -EISDIR);
        (void)snprintf(beside, sizeof(beside), "%s.new", rig->path);
        assert_int_equal(access(beside, F_OK), -1);
        driven_report(driven); /* to nobody */
        assert_int_equal(rig->reports, 0);
        driven_free(driven);
        assert_int_equal(rmdir(rig->path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(driven_note__left_by_an_earlier_run__replaced_where_it_is_the_same),
                TEST(driven_note__device_drives_another_output__left_one_goes_if_it_is_safe),
                TEST(driven_limit__of_one_device__leaves_the_other_as_it_was),
                TEST(driven_past__device_started_since__is_not),
                TEST(driven_past__only_what_was_made_safe_and_is_limited),
                TEST(driven_settle_left__only_what_is_limited_and_nobody_has_taken_over__is_off),
                TEST(driven_saved__left_by_an_earlier_run__stays),
                TEST(driven_make_safe__safe_already_and_somebody_has_it__is_left_to_him),
                TEST(driven_make_safe__line_stays_busy__failed_and_tried_again_next_time),
                TEST(driven_read__a_value_that_no_table_has__is_not_believed),
                TEST(driven_new__unreadable_or_of_another_directory__begins_empty),
                TEST(driven_write__no_room__is_a_problem_until_there_is),
                TEST(driven_write__file_cannot_be_replaced__is_a_problem),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
