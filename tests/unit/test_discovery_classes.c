/* SPDX-License-Identifier: Apache-2.0 */
/* discovery/classes, discovery/words: what Home Assistant would refuse is not said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "discovery/classes.h"
#include "discovery/words.h"
#include "util/macro.h"

static void class_for__name_unit_and_platform__only_what_fits(void **state)
{
        static const struct {
                enum platform platform;
                const char *name, *unit;
                bool is;
        } cases[] = {
                { PLATFORM_SENSOR, "temperature", "°C", true },
                { PLATFORM_NUMBER, "temperature", "K", true },
                { PLATFORM_SENSOR, "temperature", "C", false },
                { PLATFORM_SENSOR, "temperature", "°", false },
                { PLATFORM_SENSOR, "temperature", NULL, false },
                { PLATFORM_SENSOR, "temperature", "", false },
                { PLATFORM_SENSOR, "temperature", "°C|°F", false },
                { PLATFORM_SENSOR, "Temperature", "°C", false },
                { PLATFORM_BINARY_SENSOR, "temperature", "°C", false },
                { PLATFORM_SENSOR, "power_factor", NULL, true },
                { PLATFORM_SENSOR, "power_factor", "%", true },
                { PLATFORM_SENSOR, "ph", NULL, true },
                { PLATFORM_SENSOR, "ph", "pH", false },
                { PLATFORM_SENSOR, "data_size", "kB", true },
                { PLATFORM_SENSOR, "duration", "d", true },
                { PLATFORM_BINARY_SENSOR, "door", NULL, true },
                { PLATFORM_COVER, "door", NULL, true },
                { PLATFORM_VALVE, "door", NULL, false },
                { PLATFORM_BINARY_SENSOR, "moisture", NULL, true },
                { PLATFORM_SENSOR, "moisture", "%", true },
                { PLATFORM_BUTTON, "restart", NULL, true },
                { PLATFORM_EVENT, "button", NULL, true },
                { PLATFORM_SENSOR, "cosiness", NULL, false },
        };

        (void)state;
        assert_null(class_for(PLATFORM_SENSOR, NULL, NULL));
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *name = class_for(cases[i].platform, cases[i].name, cases[i].unit);
                if (!name != !cases[i].is)
                        fail_msg("%s in %s", cases[i].name, cases[i].unit ? cases[i].unit : "no unit");
        }
}

static void class_of_state__class__what_it_counts(void **state)
{
        (void)state;
        assert_string_equal(class_of_state(NULL, false), "measurement");
        assert_string_equal(class_of_state(NULL, true), "total_increasing");
        assert_string_equal(class_of_state("temperature", false), "measurement");
        assert_string_equal(class_of_state("temperature", true), "measurement");
        assert_string_equal(class_of_state("energy", false), "total");
        assert_string_equal(class_of_state("energy", true), "total_increasing");
        assert_string_equal(class_of_state("wind_direction", false), "measurement_angle");
        assert_null(class_of_state("timestamp", false));
}

static void slug_add__signs__one_underscore_between_words(void **state)
{
        static const char *const parts[][3] = {
                { "hall", "lamp", "light.hall_lamp" },
                { "Hall-1", "a__b", "light.hall_1_a_b" },
                { "-_x-", "_y_", "light.x_y" },
                { "é", "b", "light.b" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                char slug[64] = "light.";
                slug_add(slug, sizeof(slug), parts[i][0]);
                slug_add(slug, sizeof(slug), parts[i][1]);
                assert_string_equal(slug, parts[i][2]);
        }
}

static void slug_add__too_long__cut(void **state)
{
        char slug[12] = "light.";

        (void)state;
        slug_add(slug, sizeof(slug), "abcdefgh");
        slug_add(slug, sizeof(slug), "i");
        assert_true(strlen(slug) < sizeof(slug));
        assert_true(strncmp(slug, "light.abcd", 10) == 0);
}

static void word_for_people__id__begins_with_a_capital(void **state)
{
        char word[8];

        (void)state;
        word_for_people("hall-a_b", word, sizeof(word));
        assert_string_equal(word, "Hall a ");
        word_for_people("1st", word, sizeof(word));
        assert_string_equal(word, "1st");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(class_for__name_unit_and_platform__only_what_fits),
                cmocka_unit_test(class_of_state__class__what_it_counts),
                cmocka_unit_test(slug_add__signs__one_underscore_between_words),
                cmocka_unit_test(slug_add__too_long__cut),
                cmocka_unit_test(word_for_people__id__begins_with_a_capital),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
