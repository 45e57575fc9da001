/* SPDX-License-Identifier: Apache-2.0 */
/* home, device and rule without memory for a timer or for what they save: told, and nothing is on that nobody could
 * switch off. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/config_text.h"
#include "fakes/house.h"
#include "fakes/rule_home.h"

#define UP   "[twin up]\none = GPIO5\ninterlock = motor\n"
#define DOWN "[twin down]\none = GPIO6\ninterlock = motor\n"
#define MSEC USEC_PER_MSEC
#define DEAD (500 * MSEC)

static bool no_timers, no_saving;

int __real_timer_new(struct loop *loop, uint64_t accuracy_us, timer_fn fn, void *userdata, struct timer **ret);
int __wrap_timer_new(struct loop *loop, uint64_t accuracy_us, timer_fn fn, void *userdata, struct timer **ret);
int __real_store_put(struct store *store, enum store_what what, const char *device, const char *key, const char *text);
int __wrap_store_put(struct store *store, enum store_what what, const char *device, const char *key, const char *text);

int __wrap_timer_new(struct loop *loop, uint64_t accuracy_us, timer_fn fn, void *userdata, struct timer **ret)
{
        return no_timers ? -ENOMEM : __real_timer_new(loop, accuracy_us, fn, userdata, ret);
}

int __wrap_store_put(struct store *store, enum store_what what, const char *device, const char *key, const char *text)
{
        return no_saving ? -ENOMEM : __real_store_put(store, what, device, key, text);
}

static int setup(void **state)
{
        no_timers = no_saving = false;
        return house_setup_more(state);
}

static int up(const struct house *house)
{
        return sim_value(&house->gpio, 5);
}

/* ---- Timers -------------------------------------------------------------------------------------------- */

static void max_on__no_timer__off_at_once(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO5\nmax_on = 1h\n");
        no_timers = true;
        house_set(house, "kitchen", "ON");
        assert_int_equal(up(house), 0);
        house_assert_published(house, "kitchen", DEVICE_STATE, "{\"state\":\"OFF\"}");
        assert_true(house_logged(house, "kitchen: out of memory: switching it off, since nobody could later"));
        no_timers = false;
        house_set(house, "kitchen", "ON");
        assert_int_equal(up(house), 1);
        house_pass(house, 3600 * USEC_PER_SEC);
        assert_int_equal(up(house), 0);
}

/* Without its group nobody knows when it may go on. */
static void interlock__no_timer__refused_until_there_is_one(void **state)
{
        struct house *house = *state;

        no_timers = true;
        house_apply(house, UP DOWN);
        assert_true(house_logged(house, "up: out of memory: it is not read by timer and not started again"));
        assert_true(house_logged(house, "up: out of memory: its interlock keeps it off"));
        house_pass(house, DEAD);
        house_set_channel(house, "up", "one", "ON");
        assert_non_null(strstr(house_published(house, "up", DEVICE_RESULT), "\"code\":\"failed\""));
        assert_int_equal(up(house), 0);
        house_apply(house, UP DOWN "two = GPIO7\n");
        house_pass(house, DEAD);
        assert_int_equal(up(house), 0);
        no_timers = false;
        house_set_channel(house, "up", "one", "ON");
        house_pass(house, DEAD);
        assert_int_equal(up(house), 1);
}

/* Its plugin does not ask before it opens its line on. */
static void interlock__no_timer_and_a_plugin_that_begins_on__does_not_start(void **state)
{
        struct house *house = *state;

        no_timers = true;
        house_apply(house, "[bomb up]\ndir = /nowhere\nline = GPIO5\ninterlock = motor\n" DOWN);
        assert_int_equal(up(house), 0);
        assert_string_equal(house_published(house, "up", DEVICE_STATUS), "offline");
}

static void device_take_section__no_timer__read_again_with_the_next_one(void **state)
{
        struct house *house = *state;
        char every[PATH_MAX + 100], named[PATH_MAX + 200];

        (void)snprintf(every, sizeof(every), "[probe a]\ndir = %s\nevery = 1s\n", house->gpio.dir);
        (void)snprintf(named, sizeof(named), "%sname = Probe\n", every);
        house_write(house, "start", "");
        house_write(house, "read", "5");
        house_apply(house, every);
        no_timers = true;
        house_apply(house, named);
        house_forget(house);
        house_pass(house, 3 * USEC_PER_SEC);
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 0);
        no_timers = false;
        house_apply(house, every);
        house_pass(house, USEC_PER_SEC);
        assert_int_equal(house_count(house, "a", DEVICE_STATE), 1);
}

static void rules_apply__no_timer_for_a_delay__told_and_the_next_apply_has_all(void **state)
{
        static const struct sconce_channel row = { .key = "state", .kind = SCONCE_LIGHT };
        static const char text[] = "[rule a]\nwhen = hall.state = ON\nthen = fan ON\n"
                                   "[rule b]\nwhen = hall.state = ON\nthen = fan OFF\ndelay = 1s\n"
                                   "[rule c]\nwhen = hall.state = ON\nthen = hall OFF\n";
        struct fake_rule_home *home = *state;
        CLEANUP(problems_done) struct problems problems = { 0 };
        CLEANUP_CONFIG struct config *config = config_text_load(text, &problems);

        no_saving = false;
        (void)fake_device_add(home, "hall", &row);
        (void)fake_device_add(home, "fan", &row);
        fake_report(home, "hall", SCONCE_BOOL("state", false));
        no_timers = true;
        int r = rules_apply(home->rules, config);
        no_timers = false;
        assert_int_equal(r, -ENOMEM);
        fake_report(home, "hall", SCONCE_BOOL("state", true));
        fake_pass(home, USEC_PER_SEC);
        assert_commands(home, "fan ON\n");
        assert_int_equal(rules_apply(home->rules, config), 0);
        fake_report(home, "hall", SCONCE_BOOL("state", false));
        fake_report(home, "hall", SCONCE_BOOL("state", true));
        fake_pass(home, 0);
        assert_commands(home, "fan ON\nhall OFF\n");
        fake_pass(home, USEC_PER_SEC);
        assert_commands(home, "fan OFF\n");
}

/* ---- What is saved ------------------------------------------------------------------------------------- */

static void saved__no_memory__told_and_works(void **state)
{
        struct house *house = *state;

        house_apply(house, "[lamp kitchen]\nline = GPIO5\n");
        no_saving = true;
        house_set(house, "kitchen", "ON");
        assert_int_equal(up(house), 1);
        assert_true(house_logged(house, "kitchen: out of memory: state is not saved"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(max_on__no_timer__off_at_once),
                TEST(interlock__no_timer__refused_until_there_is_one),
                TEST(interlock__no_timer_and_a_plugin_that_begins_on__does_not_start),
                TEST(device_take_section__no_timer__read_again_with_the_next_one),
                cmocka_unit_test_setup_teardown(rules_apply__no_timer_for_a_delay__told_and_the_next_apply_has_all,
                                                fake_rule_home_setup, fake_rule_home_teardown),
                TEST(saved__no_memory__told_and_works),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
