/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what is driven: what it holds, what it believes, what becomes of outputs when it cannot be written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "device/driven.h"
#include "fakes/house.h"
#include "fakes/sysfs_tree.h"
#include "util/cleanup.h"
#include "util/json.h"

#define DUTY  "class/pwm/pwmchip0/pwm1/duty_cycle"
#define RELAY "[relay pump]\nline = GPIO17\n"

static char path[PATH_MAX];

static struct driven *record(const char *chip)
{
        const struct driven_options options = { .path = path[0] ? path : NULL, .chip = chip, .sim_dir = "/sim" };
        struct driven *driven = NULL;

        assert_int_equal(driven_new(&options, &driven), 0);
        return driven;
}

static int setup(void **state)
{
        int r = house_setup_more(state);
        struct house *house = *state;

        house_path(house, "driven.json", path);
        house->options.driven = record("sim");
        house_restart(house);
        return r;
}

static int teardown(void **state)
{
        struct house *house = *state;
        struct driven *driven = house->options.driven;
        int r = house_teardown(state);

        driven_free(driven);
        return r;
}

/* As a crash leaves it for the next run. */
static void crash(struct house *house)
{
        struct driven *before = house->options.driven;

        house->options.driven = record("sim");
        house_crash(house);
        driven_free(before);
}

/* As the service's unit does it after a crash, before the next run. */
static void crash_and_make_safe(struct house *house)
{
        struct driven *driven = NULL;
        struct fault fault;

        crash(house);
        assert_int_equal(driven_read(path, &driven, &fault), 0);
        assert_int_equal(driven_make_safe(driven, house->gpio.gpio), 0);
        driven_free(driven);
        crash(house);
}

static int line(const struct house *house, unsigned offset)
{
        return sim_value(&house->gpio, offset);
}

static char *contents(struct house *house)
{
        return house_read(house, "driven.json");
}

static void assert_holds(struct house *house, const char *text, bool expected)
{
        char *all = contents(house);

        if ((strstr(all, text) != NULL) != expected)
                fail_msg("\"%s\" is %s in %s", text, expected ? "not" : "", all);
        free(all);
}

/* ---- What it holds ------------------------------------------------------------------------------------- */

static void driven__device_starts__is_there_and_goes_with_it(void **state)
{
        struct house *house = *state;

        house_apply(house, "[switch pump]\nline = GPIO17\nactive_low = yes\nmax_on = 2h\n");
        assert_holds(house, "\"output\":\"GPIO17\"", true);
        assert_holds(house, "\"active_low\":true", true);
        assert_holds(house, "\"exit\":\"off\"", true);
        house_apply(house, "[lamp other]\nline = GPIO5\n");
        assert_holds(house, "GPIO17", false);
        assert_holds(house, "GPIO5", true);
        house_end(house);
        assert_holds(house, "GPIO5", false);
}

static void driven__section_changes_in_place__holds_what_it_declares_now(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n");
        assert_holds(house, "\"exit\":\"keep\"", true);
        house_apply(house, "[lamp kitchen]\nline = GPIO17\nmax_on = 2h\n");
        assert_holds(house, "\"exit\":\"off\"", true);
}

/* An input, and an output that could not be opened, are nothing to be made safe. */
static void driven__section_changes_in_place__what_is_not_driven_is_not_held(void **state)
{
        static const char blind[] = "[cover blind]\nup = GPIO20\ndown = GPIO21\nup_time = 20s\nup_stop = GPIO23\n";
        struct house *house = *state;
        const struct gpio_options options = { .chip = "sim", .sim_dir = house->gpio.dir, .consumer = "another" };
        struct sconce_line *stop = fixture_line("GPIO23");
        struct gpio *other = NULL;
        struct fault fault;
        char config[300];

        (void)snprintf(config, sizeof(config), "%sname = Blind\n", blind);
        house_apply(house, blind);
        house_pass(house, USEC_PER_SEC); /* its stop settles */
        house_apply(house, config);
        assert_holds(house, "\"GPIO21\"", true);
        assert_holds(house, "\"GPIO23\"", false);
        house_apply(house, "");
        assert_int_equal(gpio_new(&house->gpio.loop, &options, &other), 0);
        assert_int_equal(line_open_output(other, stop, 0, NULL, NULL, &fault), 0);
        house_apply(house, blind);
        assert_string_equal(house_published(house, "blind", DEVICE_STATUS), "offline");
        house_apply(house, config);
        assert_holds(house, "\"GPIO21\"", false);
        line_free(stop);
        gpio_free(other);
}

static unsigned texts_left;

void __real_json_put_string(struct json_text *text, const char *string);
void __wrap_json_put_string(struct json_text *text, const char *string);

/* There is no memory for one of them. */
void __wrap_json_put_string(struct json_text *text, const char *string)
{
        if (texts_left > 0 && --texts_left == 0)
                text->failed = true;
        else
                __real_json_put_string(text, string);
}

/* A record that lacks an output is worse than the one before: nobody would make that output safe. */
static void driven_limit__no_memory_for_any_text__all_outputs_stay_in_the_record(void **state)
{
        struct house *house = *state;
        unsigned failed = 0;
        bool is_over = false;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n[lamp other]\nline = GPIO5\n");
        for (unsigned n = 1; !is_over; n++) {
                texts_left = n;
                int r = driven_limit(house->options.driven, "kitchen", n % 2);
                is_over = texts_left > 0;
                texts_left = 0;
                failed += r < 0;
                assert_holds(house, "\"GPIO17\"", true);
                assert_holds(house, "\"GPIO5\"", true);
        }
        assert_true(failed > 10);
        assert_int_equal(driven_limit(house->options.driven, "kitchen", false), 0);
}

static unsigned allocations_left;

static void *fail_one(size_t size)
{
        return allocations_left > 0 && --allocations_left == 0 ? NULL : malloc(size);
}

/* It is for the next start, then. */
static void driven_new__no_memory_to_read_it__leaves_the_record(void **state)
{
        struct house *house = *state;
        const struct driven_options options = { .path = path, .chip = "sim", .sim_dir = "/sim" };
        struct driven *driven = NULL;

        house_apply(house, "[lamp kitchen]\nline = GPIO17\n");
        allocations_left = 1;
        json_set_alloc_funcs(fail_one, free);
        int r = driven_new(&options, &driven);
        json_set_alloc_funcs(malloc, free);
        assert_int_equal(r, -ENOMEM);
        assert_holds(house, "\"GPIO17\"", true);
}

/* What nobody has made safe is not forgotten because an agent with another config has run. */
static void driven__left_by_a_crash__stays_until_it_is_driven_again(void **state)
{
        struct house *house = *state;

        house_apply(house, "[switch pump]\nline = GPIO17\nmax_on = 2h\n[lamp other]\nline = GPIO5\n");
        crash(house);
        house_apply(house, "[lamp other]\nline = sim:5\n");
        assert_holds(house, "GPIO17", true);
        assert_holds(house, "\"GPIO5\"", false); /* the same line, otherwise spelt */
        assert_holds(house, "sim:5", true);
}

static void driven__for__is_marked_before_and_until_it_is_over(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        assert_holds(house, "\"for\":true", true);
        house_pass(house, 2 * USEC_PER_SEC);
        assert_int_equal(line(house, 17), 0);
        assert_holds(house, "\"for\":true", false);
}

static void driven__crash_while_for__off_and_not_for_good(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY);
        house_set(house, "pump", "ON");
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        crash(house);
        house_apply(house, RELAY);
        assert_int_equal(line(house, 17), 0);
        house_set(house, "pump", "ON");
        crash(house);
        house_apply(house, RELAY);
        assert_int_equal(line(house, 17), 1);
}

/* A reload during a `for` does not make it an output that is never on for long. */
static void driven__section_changes_while_for__on_again_after_a_later_crash(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY "on_exit = off\n");
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        house_apply(house, RELAY "on_exit = off\nname = Pump\n");
        assert_holds(house, "\"for\":true", true);
        house_pass(house, 2 * USEC_PER_SEC);
        assert_int_equal(line(house, 17), 0);
        house_set(house, "pump", "ON");
        crash_and_make_safe(house);
        assert_int_equal(line(house, 17), 0);
        house_apply(house, RELAY "on_exit = off\nname = Pump\n");
        assert_int_equal(line(house, 17), 1);
}

static void driven__ends_in_order_while_for_and_nothing_is_saved__stays_for_the_next_start(void **state)
{
        struct house *house = *state;

        house_fail_store(house);
        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        house_end(house);
        assert_int_equal(line(house, 17), 0);
        struct driven *next = record("sim");
        assert_true(driven_past(next, "pump").was_for);
        driven_free(next);
}

/* The store may have it that it is on by a `for`. */
static void driven__ends_in_order_after_a_for_and_nothing_is_saved__known_to_the_next_start(void **state)
{
        struct house *house = *state;

        house_fail_store(house);
        house_apply(house, RELAY "max_on = 1h\n");
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        house_set(house, "pump", "ON");
        house_end(house);
        struct driven *next = record("sim");
        struct driven_past past = driven_past(next, "pump");
        assert_true(past.is_known);
        assert_false(past.was_for || past.was_cut_off || driven_has_left(next));
        driven_free(next);
}

/* Its line may be another one's from now on. */
static void driven__gone_while_for_and_nothing_is_saved__is_let_go(void **state)
{
        struct house *house = *state;

        house_fail_store(house);
        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        assert_holds(house, "\"pump\"", true);
        house_apply(house, "");
        assert_holds(house, "\"pump\"", false);
}

/* What was in memory ends with the process. */
static void driven__ends_in_order_while_for_and_there_is_no_file__is_let_go(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        assert_holds(house, "\"pump\"", true);
        house_end(house);
        assert_holds(house, "\"pump\"", false);
}

/* Nothing is saved anywhere that could be older than this. */
static void driven__ends_in_order_while_for_and_there_is_no_store__is_let_go(void **state)
{
        struct house *house = *state;

        house->options.store = NULL;
        house_crash(house);
        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        assert_holds(house, "\"pump\"", true);
        house_end(house);
        assert_holds(house, "\"pump\"", false);
}

/* ---- Over a restart -------------------------------------------------------------------------------------- */

#define LAMP_FOR  "[lamp hall]\nline = GPIO5\nmax_on = "
#define IN_RECORD "\"hall\""

/* What is left of max_on is in a file. */
static void have_store(struct house *house)
{
        const struct store_options options = { .loop = &house->gpio.loop, .dir = house->gpio.dir };

        home_free(TAKE_PTR(house->devices));
        store_free(TAKE_PTR(house->store));
        assert_int_equal(store_new(&options, &house->store), 0);
        assert_true(store_is_usable(house->store));
        house->options.store = house->store;
        house_crash(house);
}

/* With the file and the record that the last one has left. */
static void next_process(struct house *house)
{
        store_close(house->store);
        home_free(TAKE_PTR(house->devices));
        driven_free(house->options.driven);
        house->options.driven = record("sim");
        have_store(house);
}

/* A plain ON ends a `for`; the agent is killed before the file has it that there is none any more. */
static void driven__killed_just_after_for__the_record_counts(void **state)
{
        struct house *house = *state;

        have_store(house);
        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        house_set(house, "pump", "ON");
        assert_int_equal(store_put(house->store, STORE_MARK, "pump", "timed", "yes"), 0);
        crash(house);
        house_apply(house, RELAY);
        assert_int_equal(line(house, 17), 1);
}

/* The process ends in order, and another one is to follow. */
static void end_on(struct house *house, const char *config, bool restarts)
{
        house_apply(house, config);
        house_set(house, "hall", "ON");
        house_forget(house);
        if (restarts)
                home_will_restart(house->devices);
        house_end(house);
}

static void restart__max_on_and_time_left__stays_on_and_goes_on_counting(void **state)
{
        struct house *house = *state;

        have_store(house);
        house_apply(house, LAMP_FOR "1h\n");
        house_set(house, "hall", "ON");
        house_pass(house, 59 * 60 * USEC_PER_SEC);
        end_on(house, LAMP_FOR "1h\n", true);
        assert_null(house_published(house, "hall", DEVICE_STATE)); /* nothing has changed */
        assert_holds(house, "\"safe\":false", true);
        next_process(house);
        house_apply(house, LAMP_FOR "1h\n");
        assert_int_equal(line(house, 5), 1);
        house_pass(house, 60 * USEC_PER_SEC - 1);
        assert_int_equal(line(house, 5), 1);
        house_pass(house, 1);
        assert_int_equal(line(house, 5), 0);
}

/* Off for a moment is no rest: what is on again has what is left of its time. After a rest it has all of it. */
static void restart__goes_off_and_comes_on_again__time_goes_on_without_a_rest(void **state)
{
        static const struct {
                uint64_t away_us, left_us;
        } rows[] = { { 200 * USEC_PER_MSEC, 9800 * USEC_PER_MSEC }, { 2 * USEC_PER_SEC, 59 * USEC_PER_SEC } };
        struct house *house = *state;

        have_store(house);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                house_apply(house, LAMP_FOR "59s\n");
                house_set(house, "hall", "OFF");
                house_set(house, "hall", "ON");
                house_pass(house, 49 * USEC_PER_SEC);
                house_forget(house);
                home_will_restart(house->devices);
                house_end(house);
                assert_int_equal(line(house, 5), 0);
                house_pass(house, rows[i].away_us);
                next_process(house);
                house_apply(house, LAMP_FOR "59s\n");
                assert_int_equal(line(house, 5), 1);
                house_pass(house, rows[i].left_us - 1);
                assert_int_equal(line(house, 5), 1);
                house_pass(house, 1);
                assert_int_equal(line(house, 5), 0);
        }
}

/* The other side: whatever is missing, it goes off. */
static void restart__not_known_to_stay__goes_off(void **state)
{
        static const struct {
                const char *config;
                bool restarts;
        } rows[] = {
                { LAMP_FOR "1h\n", false },
                { LAMP_FOR "59s\n", true },
                { LAMP_FOR "1h\non_exit = off\n", true },
                { "[relay hall]\nline = GPIO5\nmax_on = 1h\npulse = 10m\n", true },
                { LAMP_FOR "1h\ninterlock = a\n[lamp b]\nline = GPIO6\ninterlock = a\n", true },
        };
        struct house *house = *state;

        have_store(house);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                house_apply(house, rows[i].config);
                house_pass(house, USEC_PER_SEC);
                end_on(house, rows[i].config, rows[i].restarts);
                house_assert_published(house, "hall", DEVICE_STATE, "{\"state\":\"OFF\"}");
                assert_holds(house, IN_RECORD, false);
                next_process(house);
        }
}

/* Whether another run follows matters to one: all others are stopped before anybody waits for an answer. */
static void home_begin_stop__one_may_stay_on__the_others_are_stopped(void **state)
{
        struct house *house = *state;

        have_store(house);
        house_apply(house, LAMP_FOR "1h\n[relay pump]\nline = GPIO17\npulse = 10m\n");
        house_set(house, "hall", "ON");
        house_set(house, "pump", "ON");
        assert_int_equal(line(house, 17), 1);
        assert_true(home_begin_stop(house->devices));
        assert_int_equal(line(house, 17), 0);
        assert_int_equal(line(house, 5), 1);
        house_end(house);
        house_assert_published(house, "hall", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

static void home_begin_stop__none_would_stay_on__nobody_need_be_asked(void **state)
{
        static const struct {
                const char *config, *command;
        } rows[] = {
                { LAMP_FOR "1h\n", "OFF" },
                { LAMP_FOR "59s\n", "ON" },
                { LAMP_FOR "1h\non_exit = on\n", "ON" },
                { "[lamp hall]\nline = GPIO5\n", "ON" },
                { "[switch hall]\nline = GPIO5\nmax_on = 1h\n", "{\"for\":1800}" },
                { LAMP_FOR "1h\ninterlock = a\n[lamp b]\nline = GPIO6\ninterlock = a\n", "ON" },
                { "[contact hall]\nline = GPIO5\n", "ON" },
                { "[lamp hall]\nline = gpiochip7:5\nmax_on = 1h\n", "ON" }, /* which is not there */
        };
        struct house *house = *state;

        have_store(house);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                house_apply(house, rows[i].config);
                house_pass(house, USEC_PER_SEC);
                house_set(house, "hall", rows[i].command);
                if (home_begin_stop(house->devices))
                        fail_msg("%s: %s", rows[i].config, rows[i].command);
                house_end(house);
                next_process(house);
        }
}

static void restart__nothing_can_be_saved__goes_off(void **state)
{
        struct house *house = *state;

        house_fail_store(house);
        end_on(house, LAMP_FOR "1h\n", true);
        house_assert_published(house, "hall", DEVICE_STATE, "{\"state\":\"OFF\"}");
        assert_holds(house, "\"safe\":true", true);
}

/* There is a directory in its place from now on. */
static void break_record(struct house *house)
{
        char in_it[PATH_MAX];

        house_remove(house, "driven.json");
        (void)snprintf(in_it, sizeof(in_it), "%.4000s/in_it", path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(mkdir(in_it, 0700), 0);
}

static void mend_record(void)
{
        char in_it[PATH_MAX];

        (void)snprintf(in_it, sizeof(in_it), "%.4000s/in_it", path);
        assert_int_equal(rmdir(in_it), 0);
        assert_int_equal(rmdir(path), 0);
}

static void restart__record_is_not_written__goes_off(void **state)
{
        struct house *house = *state;

        have_store(house);
        house_apply(house, LAMP_FOR "1h\n");
        house_set(house, "hall", "ON");
        break_record(house);
        end_on(house, LAMP_FOR "1h\n[lamp b]\nline = GPIO6\n", true); /* it could not be added */
        house_assert_published(house, "hall", DEVICE_STATE, "{\"state\":\"OFF\"}");
        mend_record();
}

static void restart__no_record_or_no_store__goes_off(void **state)
{
        struct house *house = *state;
        struct driven *driven = house->options.driven;

        have_store(house);
        house->options.driven = NULL;
        house_crash(house);
        end_on(house, LAMP_FOR "1h\n", true);
        house_assert_published(house, "hall", DEVICE_STATE, "{\"state\":\"OFF\"}");
        house->options.driven = driven;
        house->options.store = NULL;
        house_crash(house);
        end_on(house, LAMP_FOR "1h\n", true);
        house_assert_published(house, "hall", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

/* The next run does not come: the unit's ExecStopPost takes the line. */
static void restart__next_run_fails__outputs_safe_switches_it_off(void **state)
{
        struct house *house = *state;
        struct driven *left;
        struct fault fault;

        have_store(house);
        end_on(house, LAMP_FOR "1h\n", true);
        assert_int_equal(driven_read(path, &left, &fault), 0);
        assert_int_equal(driven_make_safe(left, house->gpio.gpio), 0);
        driven_free(left);
        assert_holds(house, "\"safe\":true", true);
        next_process(house);
        house_apply(house, LAMP_FOR "1h\n");
        assert_int_equal(line(house, 5), 0);
}

/* Its section went in between. */
static void restart__device_gone__is_switched_off(void **state)
{
        struct house *house = *state;

        have_store(house);
        end_on(house, LAMP_FOR "1h\n", true);
        next_process(house);
        house_apply(house, RELAY);
        driven_settle_left(house->options.driven, house->gpio.gpio);
        assert_holds(house, "\"safe\":true", true);
        house_set(house, "pump", "ON");
        driven_settle_left(house->options.driven, house->gpio.gpio);
        assert_int_equal(line(house, 17), 1);
}

/* The time that it was on before is over with the crash: neither a TOGGLE nor an ON has only what is left of it. */
static void max_on__on_after_a_crash__counts_from_then(void **state)
{
        static const char pump[] = "[switch pump]\nline = GPIO17\nmax_on = 3s\n";
        static const char *const commands[] = { "ON", "TOGGLE" };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                house_apply(house, pump);
                house_set(house, "pump", "ON");
                house_pass(house, 2 * USEC_PER_SEC);
                crash_and_make_safe(house);
                house_apply(house, pump);
                house_pass(house, USEC_PER_SEC / 2);
                assert_int_equal(line(house, 17), 0);
                house_set(house, "pump", "{\"state\":\"ON\",\"no\":1}"); /* refused: changes nothing */
                house_set(house, "pump", commands[i]);
                house_pass(house, 3 * USEC_PER_SEC - 1);
                assert_int_equal(line(house, 17), 1);
                house_pass(house, 1);
                assert_int_equal(line(house, 17), 0);
        }
}

/* An end in order would have switched it on, and a crash leaves nobody who counts. */
static void max_on__crash_with_on_exit_on__is_off_and_stays_so(void **state)
{
        static const char pump[] = "[switch pump]\nline = GPIO17\nmax_on = 2h\non_exit = on\n";
        static const char *const before[] = { "ON", "OFF" };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
                house_apply(house, pump);
                house_set(house, "pump", before[i]);
                crash_and_make_safe(house);
                assert_int_equal(line(house, 17), 0);
                house_apply(house, pump);
                assert_int_equal(line(house, 17), 0);
        }
        house_end(house);
        house_assert_published(house, "pump", DEVICE_STATE, "{\"state\":\"ON\"}");
}

/* By its record alone, as after a crash: on, and inverted, so that dark is the full duty. */
static void driven_make_safe__inverted_dimmer__is_dark(void **state)
{
        struct house *house = *state;
        struct driven *driven = NULL;
        struct fault fault;

        sysfs_tree_pwm(house->gpio.dir);
        house_apply(house, "[lamp spot]\npwm = pwmchip0:1\nactive_low = yes\nmax_on = 1h\n");
        house_set(house, "spot", "ON");
        assert_int_equal(sysfs_tree_number(house->gpio.dir, DUTY), 0);
        crash(house);
        assert_int_equal(driven_read(path, &driven, &fault), 0);
        assert_int_equal(driven_make_safe(driven, house->gpio.gpio), 0);
        assert_int_equal(sysfs_tree_number(house->gpio.dir, DUTY), 1000000);
        driven_free(driven);
        assert_true(house_logged(house, "pwmchip0:1 is off"));
}

/* ---- What it believes ---------------------------------------------------------------------------------- */

/* Whole but for one number, which would be looked up in a table. */
static char unknown_bias[512];

static void write_unknown_bias(void)
{
        (void)snprintf(unknown_bias, sizeof(unknown_bias),
                       "{\"boot\":\"%s\",\"chip\":\"sim\",\"sim_dir\":\"/"
                       "sim\",\"outputs\":[{\"device\":\"pump\",\"kind\":\"line\","
                       "\"output\":\"GPIO17\",\"active_low\":false,\"bias\":99999,\"drive\":0,\"exit\":\"off\","
                       "\"limited\":true,"
                       "\"for\":false,\"safe\":false}]}",
                       clock_boot_id());
}

static void driven_read__not_of_this_boot_or_no_record__is_not_believed(void **state)
{
        static const struct {
                const char *text;
                int expected;
        } rows[] = {
                { "{\"boot\":\"another\",\"chip\":\"sim\",\"sim_dir\":\"/sim\",\"outputs\":[{}]}", -ENOENT },
                { "", -EBADMSG },
                { "{}", -EBADMSG },
                { "[1]", -EBADMSG },
                { unknown_bias, -EBADMSG },
                { "{\"boot\":1,\"chip\":\"sim\",\"sim_dir\":\"/sim\",\"outputs\":[]}", -EBADMSG },
        };
        struct house *house = *state;
        struct driven *driven = NULL;
        struct fault fault;

        write_unknown_bias();
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                house_write(house, "driven.json", rows[i].text);
                assert_int_equal(driven_read(path, &driven, &fault), rows[i].expected);
        }
        house_remove(house, "driven.json");
        assert_int_equal(driven_read(path, &driven, &fault), -ENOENT);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(driven_read(path, &driven, &fault), -EINVAL);
        assert_non_null(strstr(fault.text, "driven.json is not a regular file but a FIFO"));
        assert_null(driven);
}

static void driven_new__other_chip__what_was_driven_there_is_not_sought_here(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY);
        driven_free(record("gpiochip4"));
        assert_holds(house, "GPIO17", false);
}

/* ---- When it cannot be written ------------------------------------------------------------------------- */

static void unwritable(struct house *house)
{
        struct driven *before = house->options.driven;

        path[0] = '\0'; /* there is no place for it */
        house->options.driven = record("sim");
        house_crash(house);
        driven_free(before);
}

/* The plugin does not look at what sconce_timed() gives. */
static void for__cannot_be_written__refused_and_never_on(void **state)
{
        struct house *house = *state;

        unwritable(house);
        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\",\"id\":\"a\"}");
        assert_string_equal(house_published(house, "pump", DEVICE_RESULT),
                            "{\"ok\":false,\"id\":\"a\",\"code\":\"failed\",\"message\":\"it cannot be written down "
                            "that it is on for a "
                            "limited time, so it is not switched on\"}");
        assert_int_equal(line(house, 17), 0);
        house_set(house, "pump", "ON");
        assert_int_equal(line(house, 17), 1);
        house_set(house, "pump", "OFF");
        assert_int_equal(line(house, 17), 0);
}

/* Its plugin finds nothing to do, and does not look either. */
static void for__cannot_be_written_while_it_is_on__refused_and_off(void **state)
{
        struct house *house = *state;

        unwritable(house);
        house_apply(house, RELAY "lazy = yes\n");
        house_set(house, "pump", "ON");
        assert_int_equal(line(house, 17), 1);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"2s\"}");
        assert_non_null(
                strstr(house_published(house, "pump", DEVICE_RESULT), "it cannot be written down that it is on"));
        assert_int_equal(line(house, 17), 0);
        house_assert_published(house, "pump", DEVICE_STATE, "{\"state\":\"OFF\"}");
}

/* These look at it, and begin nothing. */
static void for_or_flash__cannot_be_written__refused_and_never_on(void **state)
{
        struct house *house = *state;
        size_t edges;

        unwritable(house);
        house_apply(house, "[switch pump]\nline = GPIO17\n[lamp hall]\nline = GPIO5\n");
        edges = sim_edge_count(&house->gpio, 17) + sim_edge_count(&house->gpio, 5);
        house_set(house, "pump", "{\"for\":2}");
        house_set(house, "hall", "{\"flash\":2}");
        assert_non_null(strstr(house_published(house, "pump", DEVICE_RESULT), "\"code\":\"failed\""));
        assert_non_null(strstr(house_published(house, "hall", DEVICE_RESULT), "\"code\":\"failed\""));
        house_pass(house, 3 * USEC_PER_SEC);
        assert_int_equal(sim_edge_count(&house->gpio, 17) + sim_edge_count(&house->gpio, 5), edges);
}

static void max_on__cannot_be_written__refused_and_never_on(void **state)
{
        struct house *house = *state;

        unwritable(house);
        house_apply(house, "[lamp kitchen]\nline = GPIO17\nmax_on = 1h\n");
        house_set(house, "kitchen", "{\"state\":\"ON\",\"id\":\"a\"}");
        const char *result = house_published(house, "kitchen", DEVICE_RESULT);
        assert_non_null(strstr(result, "\"code\":\"failed\""));
        assert_non_null(strstr(result, "there is no runtime directory"));
        assert_int_equal(line(house, 17), 0);
}

/* The file has it as one that may stay on: after a crash nobody would switch it off. */
static void reload__gives_max_on_and_it_cannot_be_written__switched_off(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp hall]\nline = GPIO5\n");
        house_set(house, "hall", "ON");
        break_record(house);
        house_apply(house, LAMP_FOR "1h\n");
        assert_int_equal(line(house, 5), 0);
        house_assert_published(house, "hall", DEVICE_STATE, "{\"state\":\"OFF\"}");
        house_set(house, "hall", "ON");
        assert_int_equal(line(house, 5), 0);
        mend_record();
        house_set(house, "hall", "ON");
        assert_int_equal(line(house, 5), 1);
        assert_holds(house, "\"limited\":true", true);
}

/* There is nothing that it would have to know. */
static void reload__record_cannot_be_written__what_need_not_be_in_it_goes_on(void **state)
{
        static const char *const rows[][2] = {
                { "[lamp hall]\nline = GPIO5\n", "[lamp hall]\nline = GPIO5\nname = Hall\n" },
                { LAMP_FOR "1h\n", LAMP_FOR "2h\n" }, /* it has been limited before */
                { LAMP_FOR "1h\n", "[lamp hall]\nline = GPIO5\n" },
        };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                house_apply(house, rows[i][0]);
                house_set(house, "hall", "ON");
                break_record(house);
                house_apply(house, rows[i][1]);
                assert_int_equal(line(house, 5), 1);
                mend_record();
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(driven__device_starts__is_there_and_goes_with_it),
                TEST(driven__section_changes_in_place__holds_what_it_declares_now),
                TEST(driven__section_changes_in_place__what_is_not_driven_is_not_held),
                TEST(driven_limit__no_memory_for_any_text__all_outputs_stay_in_the_record),
                TEST(driven_new__no_memory_to_read_it__leaves_the_record),
                TEST(driven__left_by_a_crash__stays_until_it_is_driven_again),
                TEST(driven__for__is_marked_before_and_until_it_is_over),
                TEST(driven__crash_while_for__off_and_not_for_good),
                TEST(driven__section_changes_while_for__on_again_after_a_later_crash),
                TEST(driven__killed_just_after_for__the_record_counts),
                TEST(driven__ends_in_order_while_for_and_nothing_is_saved__stays_for_the_next_start),
                TEST(driven__ends_in_order_after_a_for_and_nothing_is_saved__known_to_the_next_start),
                TEST(driven__gone_while_for_and_nothing_is_saved__is_let_go),
                TEST(driven__ends_in_order_while_for_and_there_is_no_file__is_let_go),
                TEST(driven__ends_in_order_while_for_and_there_is_no_store__is_let_go),
                TEST(restart__max_on_and_time_left__stays_on_and_goes_on_counting),
                TEST(restart__goes_off_and_comes_on_again__time_goes_on_without_a_rest),
                TEST(restart__not_known_to_stay__goes_off),
                TEST(home_begin_stop__one_may_stay_on__the_others_are_stopped),
                TEST(home_begin_stop__none_would_stay_on__nobody_need_be_asked),
                TEST(restart__nothing_can_be_saved__goes_off),
                TEST(restart__record_is_not_written__goes_off),
                TEST(restart__no_record_or_no_store__goes_off),
                TEST(restart__next_run_fails__outputs_safe_switches_it_off),
                TEST(restart__device_gone__is_switched_off),
                TEST(max_on__on_after_a_crash__counts_from_then),
                TEST(max_on__crash_with_on_exit_on__is_off_and_stays_so),
                TEST(driven_make_safe__inverted_dimmer__is_dark),
                TEST(driven_read__not_of_this_boot_or_no_record__is_not_believed),
                TEST(driven_new__other_chip__what_was_driven_there_is_not_sought_here),
                TEST(for__cannot_be_written__refused_and_never_on),
                TEST(for__cannot_be_written_while_it_is_on__refused_and_off),
                TEST(for_or_flash__cannot_be_written__refused_and_never_on),
                TEST(max_on__cannot_be_written__refused_and_never_on),
                TEST(reload__gives_max_on_and_it_cannot_be_written__switched_off),
                TEST(reload__record_cannot_be_written__what_need_not_be_in_it_goes_on),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
