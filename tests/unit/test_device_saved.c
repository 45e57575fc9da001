/* SPDX-License-Identifier: Apache-2.0 */
/* device/saved: what a device knows at its next start, after a restart, a crash, a boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/house.h"

#define LAMP   "[lamp kitchen]\nline = GPIO17\n"
#define RELAY  "[relay pump]\nline = GPIO17\n"
#define KEEPER "[keeper notes]\n"
#define ON     "{\"state\":\"ON\"}"
#define OFF    "{\"state\":\"OFF\"}"
#define HOURS  (3600 * USEC_PER_SEC)

static int line(const struct house *house)
{
        return sim_value(&house->gpio, 17);
}

/* The house is as it was on the first day. */
static struct house *again(void **state)
{
        house_teardown(state);
        house_setup_more(state);
        return *state;
}

/* ---- The last value ------------------------------------------------------------------------------------ */

static void saved_values__restart_or_crash__come_back(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "power_on = off\n");
        house_set(house, "kitchen", "ON");
        house_restart(house);
        house_apply(house, LAMP "power_on = off\n");
        assert_int_equal(line(house), 1);
        house_assert_published(house, "kitchen", DEVICE_STATE, ON);
        house_crash(house);
        house_apply(house, LAMP "power_on = off\n");
        assert_int_equal(line(house), 1);
        house_set(house, "kitchen", "OFF");
        house_crash(house);
        house_apply(house, LAMP "power_on = on\n");
        assert_int_equal(line(house), 0);
}

/* What an exit does to an output is not what was commanded. */
static void saved_values__on_exit__not_among_them(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "on_exit = off\n");
        house_set(house, "kitchen", "ON");
        house_restart(house);
        house_assert_published(house, "kitchen", DEVICE_STATE, OFF);
        house_apply(house, LAMP "on_exit = off\n");
        assert_int_equal(line(house), 1);
}

static void saved_values__of_another_kind__not_taken(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_set(house, "kitchen", "ON");
        house_restart(house);
        house_apply(house, "[switch kitchen]\nline = GPIO17\n");
        assert_int_equal(line(house), 0);
}

/* ---- power_on ------------------------------------------------------------------------------------------ */

static void power_on__first_start_after_a_boot__as_written(void **state)
{
        static const struct {
                const char *config, *last, *pull;
                int level;
        } cases[] = {
                { LAMP, "ON", "pull-down\n", 1 },
                { LAMP, "OFF", "pull-up\n", 0 },
                { LAMP "power_on = off\n", "ON", "pull-up\n", 0 },
                { LAMP "power_on = on\n", "OFF", "pull-down\n", 1 },
                { LAMP "power_on = keep\n", "ON", "pull-down\n", 0 },
                { LAMP "power_on = keep\n", "OFF", "pull-up\n", 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct house *house = i > 0 ? again(state) : *state;
                house_apply(house, cases[i].config);
                house_set(house, "kitchen", cases[i].last);
                house_restart(house);
                house_reboot(house, "kitchen");
                sim_pull(&house->gpio, 17, cases[i].pull);
                fixture_settle(&house->gpio);
                house_apply(house, cases[i].config);
                assert_int_equal(line(house), cases[i].level);
        }
}

static void power_on__second_start_after_a_boot__last_comes_back(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "power_on = off\n");
        house_set(house, "kitchen", "ON");
        house_reboot(house, "kitchen");
        house_crash(house);
        house_apply(house, LAMP "power_on = off\n");
        assert_int_equal(line(house), 0);
        house_set(house, "kitchen", "ON");
        house_crash(house);
        house_apply(house, LAMP "power_on = off\n");
        assert_int_equal(line(house), 1);
}

static void power_on__two_outputs__counts_for_both(void **state)
{
        static const char config[] = "[twin pair]\none = GPIO17\ntwo = GPIO18\npower_on = off\n";
        struct house *house = *state;

        house_apply(house, config);
        house_set(house, "pair", "{\"one\":\"ON\",\"two\":\"ON\"}");
        house_restart(house);
        house_apply(house, config);
        house_assert_published(house, "pair", DEVICE_STATE, "{\"one\":\"ON\",\"two\":\"ON\"}");
        house_restart(house);
        house_reboot(house, "pair");
        house_apply(house, config);
        house_assert_published(house, "pair", DEVICE_STATE, "{\"one\":\"OFF\",\"two\":\"OFF\"}");
}

/* ---- On for a limited time ----------------------------------------------------------------------------- */

static void timed__for_in_progress__off_at_the_next_start(void **state)
{
        static void (*const ends[])(struct house * house) = { house_restart, house_crash };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(ends); i++) {
                struct house *house = i > 0 ? again(state) : *state;
                house_apply(house, RELAY "on_exit = keep\n");
                house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"30s\"}");
                ends[i % 2](house);
                if (i >= 2)
                        house_reboot(house, "pump");
                house_apply(house, RELAY "on_exit = keep\n");
                assert_int_equal(line(house), 0);
                house_set(house, "pump", "ON");
                ends[i % 2](house);
                house_apply(house, RELAY "on_exit = keep\n");
                assert_int_equal(line(house), 1);
        }
}

static void timed__for_is_over__last_comes_back(void **state)
{
        struct house *house = *state;

        house_apply(house, RELAY);
        house_set(house, "pump", "{\"state\":\"ON\",\"for\":\"30s\"}");
        house_pass(house, 30 * USEC_PER_SEC);
        house_set(house, "pump", "ON");
        house_crash(house);
        house_apply(house, RELAY);
        assert_int_equal(line(house), 1);
}

static void max_on__crash_between__time_goes_on(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        house_pass(house, HOURS / 2);
        house_crash(house);
        house_apply(house, LAMP "max_on = 1h\n");
        assert_int_equal(line(house), 1);
        house_pass(house, HOURS / 2 - 1);
        assert_int_equal(line(house), 1);
        house_pass(house, 1);
        assert_int_equal(line(house), 0);
}

static void max_on__over_while_nobody_ran__off(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        house_crash(house);
        house_pass(house, HOURS);
        house_apply(house, LAMP "max_on = 1h\n");
        assert_int_equal(line(house), 0);
}

/* Another boot has another clock. */
static void max_on__boot_between__counts_again(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "max_on = 1h\n");
        house_set(house, "kitchen", "ON");
        house_crash(house);
        house_reboot(house, "kitchen");
        house_pass(house, 2 * HOURS);
        house_apply(house, LAMP "max_on = 1h\n");
        assert_int_equal(line(house), 1);
        house_pass(house, HOURS);
        assert_int_equal(line(house), 0);
}

/* ---- What plugins keep --------------------------------------------------------------------------------- */

/* As no run of this boot has left it: what is to come has not begun, and has not ended either. */
static void max_on__saved_moment_is_to_come__counts_again(void **state)
{
        static const char *const marks[] = { "18000000000000000000", "1 18000000000000000000" };
        struct house *house = *state;

        for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
                house_apply(house, LAMP "max_on = 1h\n");
                house_set(house, "kitchen", "ON");
                house_crash(house);
                assert_int_equal(store_put(house->store, STORE_MARK, "kitchen", "on_since", marks[i]), 0);
                house_apply(house, LAMP "max_on = 1h\n");
                assert_int_equal(line(house), 1);
                house_pass(house, HOURS - 1);
                assert_int_equal(line(house), 1);
                house_pass(house, 1);
                assert_int_equal(line(house), 0);
        }
}

static void sconce_save__crash_and_boot__found_again(void **state)
{
        struct house *house = *state;

        house_apply(house, KEEPER);
        house_assert_published(house, "notes", DEVICE_STATE, "{\"found\":\"nothing\"}");
        house_set(house, "notes", "{\"save\":\"k=12.5 = much\"}");
        house_crash(house);
        house_reboot(house, "notes");
        house_apply(house, KEEPER);
        house_assert_published(house, "notes", DEVICE_STATE, "{\"found\":\"12.5 = much\"}");
        house_set(house, "notes", "{\"save\":\"k\"}");
        house_crash(house);
        house_apply(house, KEEPER);
        house_assert_published(house, "notes", DEVICE_STATE, "{\"found\":\"nothing\"}");
}

static void sconce_save__another_device__its_own(void **state)
{
        struct house *house = *state;

        house_apply(house, KEEPER);
        house_set(house, "notes", "{\"save\":\"k=mine\"}");
        house_restart(house);
        house_apply(house, KEEPER "[keeper other]\n");
        house_assert_published(house, "other", DEVICE_STATE, "{\"found\":\"nothing\"}");
        house_assert_published(house, "notes", DEVICE_STATE, "{\"found\":\"mine\"}");
}

static const char *save(struct house *house, const char *key, size_t size)
{
        static unsigned n;
        char payload[5000];
        int length = snprintf(payload, sizeof(payload), "{\"id\":\"%u\",\"save\":\"%s=", n++, key);

        memset(payload + length, 'x', size);
        (void)snprintf(payload + (size_t)length + size, sizeof(payload) - (size_t)length - size, "\"}");
        house_set(house, "notes", payload);
        return house_published(house, "notes", DEVICE_RESULT);
}

static void sconce_save__too_much__refused(void **state)
{
        struct house *house = *state;
        char key[300];

        house_apply(house, KEEPER);
        memset(key, 'k', sizeof(key));
        key[256] = '\0';
        assert_non_null(strstr(save(house, key, 1), "Invalid argument"));
        for (unsigned i = 0; i < 64; i++) {
                (void)snprintf(key, sizeof(key), "key%u", i);
                assert_non_null(strstr(save(house, key, 1), "\"ok\":true"));
        }
        assert_non_null(strstr(save(house, "one more", 1), "No space left on device"));
        assert_non_null(strstr(save(house, "key7", 2), "\"ok\":true"));
}

/* ---- Devices that come and go -------------------------------------------------------------------------- */

static void devices_apply__gone_and_back__power_on_again(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "power_on = off\n" KEEPER);
        house_set(house, "kitchen", "ON");
        house_set(house, "notes", "{\"save\":\"k=7\"}");
        house_apply(house, "");
        house_crash(house);
        house_apply(house, LAMP "power_on = off\n" KEEPER);
        assert_int_equal(line(house), 0);
        house_assert_published(house, "notes", DEVICE_STATE, "{\"found\":\"7\"}");
}

static void devices_apply__gone_while_nobody_ran__power_on_again(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP);
        house_set(house, "kitchen", "ON");
        house_restart(house);
        house_apply(house, "");
        house_restart(house);
        house_apply(house, LAMP);
        assert_int_equal(line(house), 0);
}

/* A mistake in the config takes a device out of service, not out of memory. */
static void devices_apply__broken_and_mended__last_comes_back(void **state)
{
        struct house *house = *state;

        house_apply(house, LAMP "power_on = off\n");
        house_set(house, "kitchen", "ON");
        house_restart(house);
        house_apply_anyway(house, LAMP "power_on = perhaps\n");
        assert_int_equal(line(house), 0);
        house_apply(house, LAMP "power_on = off\n");
        assert_int_equal(line(house), 1);
}

static void devices_check__nothing_saved__is_no_trouble(void **state)
{
        struct house *house = *state;

        house->options.store = NULL;
        char *wrong = house_check(house, LAMP KEEPER "[twin pair]\none = GPIO5\ntwo = GPIO6\n");
        assert_string_equal(wrong, "");
        free(wrong);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup_more, house_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(saved_values__restart_or_crash__come_back),
                TEST(saved_values__on_exit__not_among_them),
                TEST(saved_values__of_another_kind__not_taken),
                TEST(power_on__first_start_after_a_boot__as_written),
                TEST(power_on__second_start_after_a_boot__last_comes_back),
                TEST(power_on__two_outputs__counts_for_both),
                TEST(timed__for_in_progress__off_at_the_next_start),
                TEST(timed__for_is_over__last_comes_back),
                TEST(max_on__crash_between__time_goes_on),
                TEST(max_on__over_while_nobody_ran__off),
                TEST(max_on__boot_between__counts_again),
                TEST(max_on__saved_moment_is_to_come__counts_again),
                TEST(sconce_save__crash_and_boot__found_again),
                TEST(sconce_save__another_device__its_own),
                TEST(sconce_save__too_much__refused),
                TEST(devices_apply__gone_and_back__power_on_again),
                TEST(devices_apply__gone_while_nobody_ran__power_on_again),
                TEST(devices_apply__broken_and_mended__last_comes_back),
                TEST(devices_check__nothing_saved__is_no_trouble),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
