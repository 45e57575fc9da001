/* SPDX-License-Identifier: Apache-2.0 */
/* PWM channels and LEDs, on trees that look like /sys. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/gpio_fixture.h"
#include "gpio/dimmer.h"
#include "util/cleanup.h"

static struct gpio_fixture f;
static struct sconce_dimmer *dimmer;
static struct fault fault;

/* ---- A tree like /sys ------------------------------------------------------------------------------- */

static void path_of(const char *file, char path[static PATH_MAX])
{
        (void)snprintf(path, PATH_MAX, "%s/%s", f.dir, file);
}

static void put(const char *file, const char *text)
{
        char path[PATH_MAX];

        path_of(file, path);
        for (char *slash = strchr(path + strlen(f.dir) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        CLEANUP_FILE FILE *out = fopen(path, "we");
        assert_non_null(out);
        assert_true(fputs(text, out) >= 0);
}

/* A file keeps the end of a longer text that was there before, as an attribute of /sys would not. */
static void assert_file(const char *file, const char *text)
{
        char path[PATH_MAX], found[64] = "";

        path_of(file, path);
        CLEANUP_FILE FILE *in = fopen(path, "re");
        assert_non_null(in);
        (void)!fgets(found, sizeof(found), in);
        found[strcspn(found, "\n")] = '\0';
        assert_string_equal(found, text);
}

static void take_away(const char *file)
{
        char path[PATH_MAX];

        path_of(file, path);
        assert_int_equal(unlink(path), 0);
}

static void put_pwm(const char *period, const char *duty, const char *enable)
{
        put("class/pwm/pwmchip0/pwm1/period", period);
        put("class/pwm/pwmchip0/pwm1/duty_cycle", duty);
        put("class/pwm/pwmchip0/pwm1/enable", enable);
}

static int setup(void **state)
{
        (void)state;
        dimmer = NULL;
        memset(&fault, 0, sizeof(fault));
        gpio_fixture_init(&f, false);
        const struct gpio_options options = { .sysfs = f.dir };
        assert_int_equal(gpio_new(&f.loop, &options, &f.gpio), 0);
        put("class/pwm/pwmchip0/npwm", "2\n");
        put("class/pwm/pwmchip0/export", "");
        put("class/pwm/pwmchip0/unexport", "");
        put("class/leds/ACT/max_brightness", "255\n");
        put("class/leds/ACT/brightness", "40\n");
        put("class/leds/ACT/trigger", "none timer [heartbeat]\n");
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        dimmer_free(dimmer);
        gpio_fixture_done(&f);
        return 0;
}

static int open_pwm(uint64_t period_ns, double level)
{
        char reason[160];

        if (!dimmer)
                assert_int_equal(dimmer_parse_pwm("pwmchip0:1", reason, &dimmer), 0);
        return dimmer_open(f.gpio, dimmer, period_ns, level, &fault);
}

static int open_led(double level)
{
        char reason[160];

        assert_int_equal(dimmer_parse_led("ACT", reason, &dimmer), 0);
        return dimmer_open(f.gpio, dimmer, 0, level, &fault);
}

static void set(double level)
{
        if (dimmer_set(dimmer, level, &fault) < 0)
                fail_msg("%s", fault.text);
}

/* ---- Texts ------------------------------------------------------------------------------------------ */

static void dimmer_parse__texts__are_taken_or_refused_with_the_form(void **state)
{
        static const char *const bad_pwm[] = { "",      "pwmchip0", "pwmchip0:",  ":1",
                                               "a/b:1", "..:1",     "pwmchip0:x", "pwmchip0:99999" };
        static const char *const bad_led[] = { "", "a/b", ".", ".." };
        char reason[160];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad_pwm); i++) {
                assert_int_equal(dimmer_parse_pwm(bad_pwm[i], reason, &dimmer), -EINVAL);
                assert_string_equal(reason, "a PWM channel is CHIP:CHANNEL, as in pwmchip0:1");
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad_led); i++) {
                assert_int_equal(dimmer_parse_led(bad_led[i], reason, &dimmer), -EINVAL);
                assert_string_equal(reason, "a LED is a name in /sys/class/leds, as in ACT");
        }
        assert_null(dimmer);
        assert_int_equal(dimmer_parse_led("input3::capslock", reason, &dimmer), 0);
        assert_string_equal(dimmer_text(dimmer), "input3::capslock");
        assert_false(dimmer_is_open(dimmer));
        assert_int_equal(dimmer_set(dimmer, 1, &fault), -ENODEV);
        assert_string_equal(fault.text, "input3::capslock is not open");
}

/* ---- PWM -------------------------------------------------------------------------------------------- */

static void dimmer_open__pwm_at_rest__gets_period_duty_and_is_enabled(void **state)
{
        (void)state;
        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_pwm(500000, 0.25), 0);
        assert_file("class/pwm/pwmchip0/pwm1/period", "500000");
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "125000");
        assert_file("class/pwm/pwmchip0/pwm1/enable", "1");
        assert_file("class/pwm/pwmchip0/export", ""); /* it was exported already */
        set(1);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "500000");
        set(0);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "0");
        dimmer_close(dimmer);
        assert_file("class/pwm/pwmchip0/pwm1/enable", "0");
        assert_file("class/pwm/pwmchip0/unexport", ""); /* nor is it ours to take away */
}

static void dimmer_open__pwm_without_period__has_a_millisecond(void **state)
{
        (void)state;
        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_pwm(0, 1), 0);
        assert_file("class/pwm/pwmchip0/pwm1/period", "1000000");
}

static void dimmer_open__pwm_not_exported__exports_it_and_finds_it_later(void **state)
{
        (void)state;
        assert_int_equal(open_pwm(0, 0), -EAGAIN);
        assert_string_equal(fault.text, "pwmchip0:1 was exported but is not there yet");
        assert_file("class/pwm/pwmchip0/export", "1");
        assert_false(dimmer_is_open(dimmer));
        dimmer_close(dimmer); /* as after any failed start */
        assert_file("class/pwm/pwmchip0/unexport", "");

        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_pwm(0, 0), 0);
        dimmer_close(dimmer);
        assert_file("class/pwm/pwmchip0/unexport", "1");
}

/* A driver that is on at a low level: dark is the full duty. */
static void dimmer_set__inverted__the_duty_is_turned_round(void **state)
{
        char reason[160];
        double level;

        (void)state;
        put_pwm("0", "0", "0");
        assert_int_equal(dimmer_parse_pwm("pwmchip0:1", reason, &dimmer), 0);
        dimmer_set_inverted(dimmer, true);
        assert_int_equal(open_pwm(1000000, 0), 0);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "1000000");
        assert_file("class/pwm/pwmchip0/pwm1/enable", "1");
        assert_int_equal(dimmer_set(dimmer, 1, &fault), 0);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "0");
        assert_int_equal(dimmer_set(dimmer, 0.25, &fault), 0);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "750000");
        assert_int_equal(dimmer_get(dimmer, &level), 0);
        assert_true(level == 0.25);
        assert_int_equal(dimmer_set(dimmer, 1e-9, &fault), 0); /* not dark */
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "999999");
}

/* Given back to the kernel it would be low, and the lamp on. */
static void dimmer_close__inverted_and_dark__stays_as_it_is(void **state)
{
        char reason[160];

        (void)state;
        put_pwm("0", "0", "0");
        assert_int_equal(dimmer_parse_pwm("pwmchip0:1", reason, &dimmer), 0);
        dimmer_set_inverted(dimmer, true);
        assert_int_equal(open_pwm(1000000, 0), 0);
        dimmer_close(dimmer);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "1000000");
        assert_file("class/pwm/pwmchip0/pwm1/enable", "1");
        assert_file("class/pwm/pwmchip0/unexport", "");
}

static void dimmer_open__inverted_keep__as_it_is_lit(void **state)
{
        char reason[160];
        double level;

        (void)state;
        put_pwm("1000000", "250000", "1");
        assert_int_equal(dimmer_parse_pwm("pwmchip0:1", reason, &dimmer), 0);
        dimmer_set_inverted(dimmer, true);
        assert_int_equal(open_pwm(1000000, DIMMER_KEEP), 0);
        assert_int_equal(dimmer_get(dimmer, &level), 0);
        assert_true(level == 0.75);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "250000");
        dimmer_close(dimmer);
        put_pwm("1000000", "250000", "0"); /* at rest it is low: lit */
        assert_int_equal(open_pwm(1000000, DIMMER_KEEP), 0);
        assert_int_equal(dimmer_get(dimmer, &level), 0);
        assert_true(level == 1);
}

static void dimmer_close__pwm_still_lit__is_left_as_it_is(void **state)
{
        (void)state;
        assert_int_equal(open_pwm(0, 0), -EAGAIN);
        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_pwm(0, 0.5), 0);
        dimmer_close(dimmer);
        assert_file("class/pwm/pwmchip0/pwm1/enable", "1");
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "500000");
        assert_file("class/pwm/pwmchip0/unexport", "");
}

static void dimmer_open__keep__takes_over_the_level_at_the_new_period(void **state)
{
        double level = 0;

        (void)state;
        put_pwm("4000000\n", "3000000\n", "1\n");
        assert_int_equal(open_pwm(1000000, DIMMER_KEEP), 0);
        assert_file("class/pwm/pwmchip0/pwm1/period", "1000000");
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "750000");
        assert_int_equal(dimmer_get(dimmer, &level), 0);
        assert_true(fabs(level - 0.75) < 1e-9);
}

static void dimmer_open__keep_of_a_disabled_one__is_dark(void **state)
{
        (void)state;
        put_pwm("4000000\n", "3000000\n", "0\n");
        assert_int_equal(open_pwm(4000000, DIMMER_KEEP), 0);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "0");
}

/* A tiny level stays visible; only 0 is dark. */
static void dimmer_set__tiny_level__is_not_dark(void **state)
{
        (void)state;
        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_pwm(1000, 1), 0);
        set(0.0000001);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "1");
        set(0);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "0");
}

static void dimmer_set__out_of_range__changes_nothing(void **state)
{
        (void)state;
        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_pwm(1000, 0.5), 0);
        assert_int_equal(dimmer_set(dimmer, 1.1, &fault), -ERANGE);
        assert_string_equal(fault.text, "pwmchip0:1: a level is from 0 to 1, not 1.1");
        assert_int_equal(dimmer_set(dimmer, -0.1, &fault), -ERANGE);
        assert_int_equal(dimmer_set(dimmer, (double)NAN, &fault), -ERANGE);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "500");
}

static void dimmer_open__same_channel_twice__is_refused(void **state)
{
        struct sconce_dimmer *again = NULL;
        char reason[160];

        (void)state;
        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_pwm(0, 0), 0);
        assert_int_equal(dimmer_parse_pwm("pwmchip0:1", reason, &again), 0);
        assert_true(dimmer_same(dimmer, again));
        assert_int_equal(dimmer_open(f.gpio, again, 0, 1, &fault), -EEXIST);
        assert_string_equal(fault.text, "pwmchip0:1 is already in use here");
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "0");
        dimmer_free(again);
}

static void assert_pwm_refused(const char *text, int code, const char *words)
{
        char reason[160];

        dimmer_free(TAKE_PTR(dimmer));
        assert_int_equal(dimmer_parse_pwm(text, reason, &dimmer), 0);
        assert_int_equal(dimmer_open(f.gpio, dimmer, 0, 0, &fault), code);
        assert_string_equal(fault.text, words);
        assert_false(dimmer_is_open(dimmer));
}

static void link_to(const char *target, const char *file)
{
        char path[PATH_MAX];

        path_of(file, path);
        assert_int_equal(symlink(target, path), 0);
}

/* As the kernel shows a chip at an address of I2C; its number is another one with the next kernel. */
static void put_expander(const char *address, const char *chip)
{
        char file[128], target[128];

        (void)snprintf(file, sizeof(file), "devices/i2c-1/%s/pwm/%s/npwm", address, chip);
        put(file, "16\n");
        for (unsigned i = 0; i < 3; i++) {
                static const char *const attributes[] = { "period", "duty_cycle", "enable" };
                (void)snprintf(file, sizeof(file), "devices/i2c-1/%s/pwm/%s/pwm3/%s", address, chip, attributes[i]);
                put(file, "0\n");
        }
        (void)snprintf(target, sizeof(target), "../../devices/i2c-1/%s/pwm/%s", address, chip);
        (void)snprintf(file, sizeof(file), "class/pwm/%s", chip);
        link_to(target, file);
}

static void dimmer_open__pwm_by_its_chips_address__with_any_number(void **state)
{
        char reason[160], path[PATH_MAX];

        (void)state;
        put_expander("1-0040", "pwmchip2");
        put_expander("1-0041", "pwmchip5");
        assert_int_equal(dimmer_parse_pwm("1-0041:3", reason, &dimmer), 0);
        assert_int_equal(dimmer_open(f.gpio, dimmer, 1000000, 0.5, &fault), 0);
        assert_file("class/pwm/pwmchip5/pwm3/duty_cycle", "500000");
        assert_file("class/pwm/pwmchip2/pwm3/duty_cycle", "0");
        dimmer_close(dimmer);
        path_of("class/pwm/pwmchip5", path);
        assert_int_equal(unlink(path), 0);
        put_expander("1-0041", "pwmchip9");
        assert_int_equal(dimmer_open(f.gpio, dimmer, 1000000, 0.25, &fault), 0);
        assert_file("class/pwm/pwmchip9/pwm3/duty_cycle", "250000");
}

static void dimmer_open__one_channel_by_two_names__in_use(void **state)
{
        struct sconce_dimmer *other = NULL;
        char reason[160];

        (void)state;
        put_expander("1-0040", "pwmchip2");
        assert_int_equal(dimmer_parse_pwm("1-0040:3", reason, &dimmer), 0);
        assert_int_equal(dimmer_open(f.gpio, dimmer, 1000000, 0.5, &fault), 0);
        assert_int_equal(dimmer_parse_pwm("pwmchip2:3", reason, &other), 0);
        int r = dimmer_open(f.gpio, other, 1000000, 0, &fault);
        dimmer_free(other);
        assert_int_equal(r, -EEXIST);
        assert_string_equal(fault.text, "pwmchip2:3 is already in use here");
        assert_file("class/pwm/pwmchip2/pwm3/duty_cycle", "500000");
}

static void dimmer_open__two_chips_there__reported(void **state)
{
        (void)state;
        put_expander("1-0040", "pwmchip2");
        put_expander("1-0041", "pwmchip5");
        assert_pwm_refused("i2c-1:3", -ENOTUNIQ, "2 PWM chips are at \"i2c-1\": pwmchip2, pwmchip5; name one of them");
}

static void dimmer_open__no_such_pwm__lists_what_there_is(void **state)
{
        (void)state;
        assert_pwm_refused("pwmchip7:0", -ENOENT, "there is no PWM chip \"pwmchip7\"; there are: pwmchip0");
        assert_pwm_refused("pwmchip0:2", -ENOENT, "pwmchip0 has the channels 0 to 1; 2 is not one of them");
        take_away("class/pwm/pwmchip0/npwm");
        take_away("class/pwm/pwmchip0/export");
        take_away("class/pwm/pwmchip0/unexport");
        char path[PATH_MAX];
        path_of("class/pwm/pwmchip0", path);
        assert_int_equal(rmdir(path), 0);
        assert_pwm_refused("pwmchip0:1", -ENOENT,
                           "there is no PWM chip \"pwmchip0\": the kernel has none (on a Raspberry Pi, dtoverlay=pwm "
                           "in config.txt switches it on)");
}

static void dimmer_open__pwm_chip_reports_no_channels__names_the_file(void **state)
{
        char words[256];

        (void)state;
        take_away("class/pwm/pwmchip0/npwm");
        (void)snprintf(words, sizeof(words), "cannot read %.100s/class/pwm/pwmchip0/npwm: No such file or directory",
                       f.dir);
        assert_pwm_refused("pwmchip0:1", -ENOENT, words);
}

static void dimmer_open__attribute_missing__is_gone(void **state)
{
        (void)state;
        put_pwm("0\n", "0\n", "0\n");
        take_away("class/pwm/pwmchip0/pwm1/enable");
        assert_int_equal(open_pwm(0, 1), -ENODEV);
        assert_string_equal(fault.text, "pwmchip0:1 is gone (unplugged?)");
        assert_false(dimmer_is_open(dimmer));
}

/* Opens while `file` cannot be written: what comes before it is written then, what comes after is not. */
static int open_with_read_only(const char *file, uint64_t period_ns, double level)
{
        char path[PATH_MAX];
        uid_t before = geteuid();

        path_of(file, path);
        assert_int_equal(chmod(path, 0444), 0);
        assert_int_equal(chmod(f.dir, 0755), 0);
        if (before == 0) { /* root may write everything */
                path_of("class/pwm/pwmchip0/pwm1/period", path);
                assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
                path_of("class/pwm/pwmchip0/pwm1/duty_cycle", path);
                assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
                assert_int_equal(seteuid(65534), 0);
        }
        int r = open_pwm(period_ns, level);
        assert_int_equal(seteuid(before), 0);
        return r;
}

static void dimmer_open__not_permitted__shows_what_to_do(void **state)
{
        char words[PATH_MAX + 200];

        (void)state;
        put_pwm("0\n", "0\n", "0\n");
        assert_int_equal(open_with_read_only("class/pwm/pwmchip0/pwm1/period", 0, 1), -EACCES);
        (void)snprintf(words, sizeof(words),
                       "cannot write %s/class/pwm/pwmchip0/pwm1/period: permission denied; Sconce's udev rule "
                       "gives it to the group gpio, which the user of this program must be in",
                       f.dir);
        assert_string_equal(fault.text, words);
        assert_false(dimmer_is_open(dimmer));
}

/* The kernel refuses a duty above the period at any moment. */
static void dimmer_open__period_below_the_old_duty__lowers_the_duty_first(void **state)
{
        (void)state;
        put_pwm("4000000\n", "3000000\n", "1\n");
        assert_int_equal(open_with_read_only("class/pwm/pwmchip0/pwm1/period", 1000000, 0.5), -EACCES);
        assert_file("class/pwm/pwmchip0/pwm1/duty_cycle", "500000");
}

static void dimmer_open__duty_above_the_old_period__raises_the_period_first(void **state)
{
        (void)state;
        put_pwm("1000000\n", "500000\n", "1\n");
        assert_int_equal(open_with_read_only("class/pwm/pwmchip0/pwm1/duty_cycle", 4000000, 0.5), -EACCES);
        assert_file("class/pwm/pwmchip0/pwm1/period", "4000000");
}

/* ---- LEDs ------------------------------------------------------------------------------------------- */

static void dimmer_open__led__loses_its_trigger_and_shows_the_level(void **state)
{
        (void)state;
        assert_int_equal(open_led(0.5), 0);
        assert_file("class/leds/ACT/trigger", "none");
        assert_file("class/leds/ACT/brightness", "128");
        set(1);
        assert_file("class/leds/ACT/brightness", "255");
        set(0.0001);
        assert_file("class/leds/ACT/brightness", "1");
        set(0);
        assert_file("class/leds/ACT/brightness", "0");
}

static void dimmer_open__led_without_trigger__is_not_blanked(void **state)
{
        (void)state;
        put("class/leds/ACT/trigger", "[none] timer heartbeat\n");
        assert_int_equal(open_led(DIMMER_KEEP), 0);
        assert_file("class/leds/ACT/trigger", "[none] timer heartbeat");
        assert_file("class/leds/ACT/brightness", "40");
        double level = 0;
        assert_int_equal(dimmer_get(dimmer, &level), 0);
        assert_true(fabs(level - 40.0 / 255) < 1e-9);
}

static void dimmer_open__led_with_one_step__is_on_or_off(void **state)
{
        (void)state;
        put("class/leds/ACT/max_brightness", "1\n");
        assert_int_equal(open_led(0.1), 0);
        assert_file("class/leds/ACT/brightness", "1");
        set(0);
        assert_file("class/leds/ACT/brightness", "0");
}

static void dimmer_open__no_such_led__lists_what_there_is(void **state)
{
        char reason[160];

        (void)state;
        put("class/leds/PWR/brightness", "1\n");
        assert_int_equal(dimmer_parse_led("STATUS", reason, &dimmer), 0);
        assert_int_equal(dimmer_open(f.gpio, dimmer, 0, 1, &fault), -ENOENT);
        assert_string_equal(fault.text, "there is no LED \"STATUS\"; there are: ACT, PWR");
}

#define DIMMER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                DIMMER_TEST(dimmer_parse__texts__are_taken_or_refused_with_the_form),
                DIMMER_TEST(dimmer_open__pwm_at_rest__gets_period_duty_and_is_enabled),
                DIMMER_TEST(dimmer_open__pwm_without_period__has_a_millisecond),
                DIMMER_TEST(dimmer_open__pwm_not_exported__exports_it_and_finds_it_later),
                DIMMER_TEST(dimmer_close__pwm_still_lit__is_left_as_it_is),
                DIMMER_TEST(dimmer_set__inverted__the_duty_is_turned_round),
                DIMMER_TEST(dimmer_close__inverted_and_dark__stays_as_it_is),
                DIMMER_TEST(dimmer_open__inverted_keep__as_it_is_lit),
                DIMMER_TEST(dimmer_open__keep__takes_over_the_level_at_the_new_period),
                DIMMER_TEST(dimmer_open__keep_of_a_disabled_one__is_dark),
                DIMMER_TEST(dimmer_set__tiny_level__is_not_dark),
                DIMMER_TEST(dimmer_set__out_of_range__changes_nothing),
                DIMMER_TEST(dimmer_open__same_channel_twice__is_refused),
                DIMMER_TEST(dimmer_open__pwm_by_its_chips_address__with_any_number),
                DIMMER_TEST(dimmer_open__one_channel_by_two_names__in_use),
                DIMMER_TEST(dimmer_open__two_chips_there__reported),
                DIMMER_TEST(dimmer_open__no_such_pwm__lists_what_there_is),
                DIMMER_TEST(dimmer_open__pwm_chip_reports_no_channels__names_the_file),
                DIMMER_TEST(dimmer_open__attribute_missing__is_gone),
                DIMMER_TEST(dimmer_open__not_permitted__shows_what_to_do),
                DIMMER_TEST(dimmer_open__period_below_the_old_duty__lowers_the_duty_first),
                DIMMER_TEST(dimmer_open__duty_above_the_old_period__raises_the_period_first),
                DIMMER_TEST(dimmer_open__led__loses_its_trigger_and_shows_the_level),
                DIMMER_TEST(dimmer_open__led_without_trigger__is_not_blanked),
                DIMMER_TEST(dimmer_open__led_with_one_step__is_on_or_off),
                DIMMER_TEST(dimmer_open__no_such_led__lists_what_there_is),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
