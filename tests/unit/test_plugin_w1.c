/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/w1 on the mock host, with buses as the kernel's w1_therm shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakes/sysfs_plugin.h"

#define CELLAR "28-0316a2791bff"
#define BOILER "28-00000a1b2c3d"
#define LOFT   "10-000802b5f1e2"

#define SLAVE(id) id "/w1_slave"
#define GOOD_23   "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
#define BELOW_0   "5e ff 4b 46 7f ff 02 10 d3 : crc=d3 YES\n5e ff 4b 46 7f ff 02 10 d3 t=-10125\n"
#define POWER_ON  "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n"
#define HOT       "40 05 4b 46 7f ff 10 10 2f : crc=2f YES\n40 05 4b 46 7f ff 10 10 2f t=84000\n"
#define BAD_CRC   "ff ff ff ff ff ff ff ff ff : crc=c9 NO\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
#define SHORTED   "00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n"
#define ZERO      "00 00 4b 46 7f ff 10 10 ee : crc=ee YES\n00 00 4b 46 7f ff 10 10 ee t=0\n"

static const struct tree_entry buses[] = {
        { SLAVE(CELLAR), GOOD_23, TREE_FILE },
        { CELLAR "/temperature", "23125\n", TREE_FILE },
        { CELLAR "/name", CELLAR "\n", TREE_FILE },
        { SLAVE(LOFT), BELOW_0, TREE_FILE },
        { "29-0000001a2b3c/state", "\n", TREE_FILE }, /* a switch */
        { "w1_bus_master1/w1_master_slaves", CELLAR "\n" LOFT "\n", TREE_FILE },
        { NULL, NULL, TREE_FILE },
};

static int setup(void **state)
{
        return sysfs_plugin_setup(state, "w1", buses);
}

static void start_cellar(void)
{
        mock_option(host, "id", CELLAR);
        assert_int_equal(mock_start(host), 0);
}

/* ---- One ----------------------------------------------------------------------------------------------- */

static void w1__by_id__temperature(void **state)
{
        (void)state;
        start_cellar();
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 23.125);
        assert_string_equal(mock_channel(host, "temperature")->unit, "°C");
}

static void w1__zero_degrees__is_one(void **state)
{
        (void)state;
        start_cellar();
        tree_put(root, SLAVE(CELLAR), ZERO);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 0);
}

#define GOOD_CRC(t) "f7 07 4b 46 7f ff 0e 10 57 : crc=57 YES\nf7 07 4b 46 7f ff 0e 10 57 t=" t "\n"

/* However right the checksum is. */
static void w1__out_of_its_range__error(void **state)
{
        static const char *const odd[] = { GOOD_CRC("127937"), GOOD_CRC("-109937"), GOOD_CRC("1200312"),
                                           GOOD_CRC("125001"), GOOD_CRC("-55001") };

        (void)state;
        start_cellar();
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                tree_put(root, SLAVE(CELLAR), odd[i]);
                assert_int_equal(mock_read(host), -ERANGE);
        }
        assert_null(mock_value(host, "temperature"));
        tree_put(root, SLAVE(CELLAR), GOOD_CRC("127937"));
        assert_read_fails(-ERANGE, CELLAR ": shows 127.937 °C, which its type cannot measure: check its wiring");
        tree_remove(root, SLAVE(CELLAR));
        tree_put(root, CELLAR "/temperature", "-109937\n");
        assert_int_equal(mock_read(host), -ERANGE);
        tree_put(root, CELLAR "/temperature", "125000\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 125);
}

/* A thermocouple's converter measures what no DS18B20 can. */
static void w1__thermocouple__has_a_range_of_its_own(void **state)
{
        (void)state;
        tree_put(root, "3b-000000112233/w1_slave", GOOD_CRC("1200312"));
        mock_option(host, "id", "3b-000000112233");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 1200.312);
}

static void w1__no_w1_slave__temperature_file(void **state)
{
        (void)state;
        start_cellar();
        tree_remove(root, SLAVE(CELLAR));
        tree_put(root, CELLAR "/temperature", "-562\n");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == -0.562);
        tree_put(root, CELLAR "/temperature", "");
        assert_read_fails(-EIO, CELLAR " does not answer");
        tree_put(root, CELLAR "/temperature", "warm\n");
        assert_read_fails(-EBADMSG, CELLAR ": the kernel's text is not a reading");
}

static void w1__missing__reported(void **state)
{
        (void)state;
        start_cellar();
        tree_remove(root, CELLAR);
        assert_read_fails(-ENOENT, CELLAR " is not on the bus");
        assert_null(mock_value(host, "temperature"));
}

static void w1__what_the_bus_gets_wrong__logged_and_nothing_reported(void **state)
{
        static const struct {
                const char *text;
                int error;
                const char *sentence;
        } cases[] = {
                { BAD_CRC, -EIO, CELLAR ": the checksum is wrong: check wiring, length and pull-up" },
                { SHORTED, -EIO, CELLAR ": reads only zeros: the bus seems to be shorted to ground" },
                { POWER_ON, -EIO, CELLAR ": 85 °C is what it shows when it has not measured: check its supply" },
                { "", -EIO, CELLAR " does not answer" }, /* of one whose wire is cut */
                { "\n", -EBADMSG, CELLAR ": the kernel's text is not a reading" },
                { "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n", -EBADMSG,
                  CELLAR ": the kernel's text is not a reading" },
                { "72 01 : crc=57 YES\n72 01 t=23125 C\n", -EBADMSG, CELLAR ": the kernel's text is not a reading" },
                { "72 01 : crc=57 YES\n72 01 t=99999999999999999999\n", -EBADMSG,
                  CELLAR ": the kernel's text is not a reading" },
        };

        (void)state;
        start_cellar();
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                tree_put(root, SLAVE(CELLAR), cases[i].text);
                assert_read_fails(cases[i].error, cases[i].sentence);
        }
        assert_null(mock_value(host, "temperature"));
}

static void w1__85_after_a_reading_near_it__counts(void **state)
{
        (void)state;
        start_cellar();
        tree_put(root, SLAVE(CELLAR), HOT);
        assert_int_equal(mock_read(host), 0);
        tree_put(root, SLAVE(CELLAR), POWER_ON);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 85);
}

static void w1__85_after_a_reading_far_from_it_or_after_a_failure__error(void **state)
{
        (void)state;
        start_cellar();
        assert_int_equal(mock_read(host), 0);
        tree_put(root, SLAVE(CELLAR), POWER_ON);
        assert_int_equal(mock_read(host), -EIO);
        tree_put(root, SLAVE(CELLAR), HOT);
        assert_int_equal(mock_read(host), 0);
        tree_put(root, SLAVE(CELLAR), BAD_CRC);
        assert_int_equal(mock_read(host), -EIO);
        tree_put(root, SLAVE(CELLAR), POWER_ON);
        assert_int_equal(mock_read(host), -EIO);
        assert_true(number_of("temperature") == 84);
}

static void w1__id_that_is_none__refused(void **state)
{
        static const char *const ids[] = { "cellar", "28-0316A2791BFF", "29-0316a2791bff", "28-0316a2791bf",
                                           "../../../etc/pa" };

        (void)state;
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
                mock_option(host, "id", ids[i]);
                assert_int_equal(mock_start(host), -EINVAL);
        }
        assert_string_equal(
                mock_error(host),
                "id: \"../../../etc/pa\" is not a thermometer's id: one of 10-, 22-, 28-, 3b-, 42- and twelve "
                "small hexadecimal digits, as in 28-0316a2791bff");
}

/* ---- All ----------------------------------------------------------------------------------------------- */

static void w1__all__a_channel_each(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("t28_0316a2791bff") == 23.125);
        assert_true(number_of("t10_000802b5f1e2") == -10.125);
        assert_string_equal(mock_channel(host, "t28_0316a2791bff")->name, CELLAR);
        assert_null(mock_channel_at(host, 2));
        assert_null(mock_channel(host, "temperature"));
}

static void w1__all_and_one_appears__becomes_a_channel(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        tree_put(root, SLAVE(BOILER), HOT);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("t28_00000a1b2c3d") == 84);
        assert_non_null(mock_channel(host, "t28_00000a1b2c3d"));
}

static void w1__all_and_one_goes__null_until_it_is_back(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        tree_remove(root, CELLAR);
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("t28_0316a2791bff"));
        assert_true(number_of("t10_000802b5f1e2") == -10.125);
        tree_put(root, SLAVE(CELLAR), GOOD_23);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("t28_0316a2791bff") == 23.125);
}

static void w1__all_and_all_fail__error(void **state)
{
        (void)state;
        assert_int_equal(mock_start(host), 0);
        tree_remove(root, LOFT);
        tree_put(root, SLAVE(CELLAR), BAD_CRC);
        assert_read_fails(-EIO, CELLAR ": the checksum is wrong: check wiring, length and pull-up");
        tree_remove(root, CELLAR);
        assert_read_fails(-ENOENT, CELLAR " is not on the bus");
}

static void w1__all_and_none_there__error_until_one_comes(void **state)
{
        (void)state;
        tree_remove(root, LOFT);
        tree_remove(root, CELLAR);
        assert_int_equal(mock_start(host), 0);
        assert_read_fails(-ENOENT, "there is no thermometer on the bus");
        tree_put(root, SLAVE(LOFT), BELOW_0);
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("t10_000802b5f1e2") == -10.125);
}

static void w1__more_than_it_takes__the_rest_is_left_out(void **state)
{
        char path[64];

        (void)state;
        for (int i = 0; i < 40; i++) {
                (void)snprintf(path, sizeof(path), "28-0000000000%02x/w1_slave", i);
                tree_put(root, path, GOOD_23);
        }
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_read(host), 0);
        assert_non_null(mock_channel_at(host, 31));
        assert_null(mock_channel_at(host, 32));
}

static void w1__no_driver__reported(void **state)
{
        (void)state;
        mock_option(host, "root", "/nowhere/at/all");
        assert_start_fails(-ENOENT, "/nowhere/at/all: cannot be read: No such file or directory; is the kernel's w1 "
                                    "driver loaded?");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SYSFS_TEST(w1__by_id__temperature),
                SYSFS_TEST(w1__zero_degrees__is_one),
                SYSFS_TEST(w1__out_of_its_range__error),
                SYSFS_TEST(w1__thermocouple__has_a_range_of_its_own),
                SYSFS_TEST(w1__no_w1_slave__temperature_file),
                SYSFS_TEST(w1__missing__reported),
                SYSFS_TEST(w1__what_the_bus_gets_wrong__logged_and_nothing_reported),
                SYSFS_TEST(w1__85_after_a_reading_near_it__counts),
                SYSFS_TEST(w1__85_after_a_reading_far_from_it_or_after_a_failure__error),
                SYSFS_TEST(w1__id_that_is_none__refused),
                SYSFS_TEST(w1__all__a_channel_each),
                SYSFS_TEST(w1__all_and_one_appears__becomes_a_channel),
                SYSFS_TEST(w1__all_and_one_goes__null_until_it_is_back),
                SYSFS_TEST(w1__all_and_all_fail__error),
                SYSFS_TEST(w1__all_and_none_there__error_until_one_comes),
                SYSFS_TEST(w1__more_than_it_takes__the_rest_is_left_out),
                SYSFS_TEST(w1__no_driver__reported),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
