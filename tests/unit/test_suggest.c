/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/macro.h"
#include "util/suggest.h"

static const char *const known[] = { "power_on", "on_exit", "on_offline", "max_on", "line", "name", "on" };

static void suggestion_offer__slips__find_the_nearest(void **state)
{
        (void)state;
        static const struct {
                const char *wanted, *best; /* NULL: none is near */
        } samples[] = {
                { "pwoer_on", "power_on" },
                { "power-on", "power_on" },
                { "POWER_ON", "power_on" },
                { "onexit", "on_exit" },
                { "on_oflfine", "on_offline" },
                { "lines", "line" },
                { "nmae", "name" },
                { "On", "on" },
                { "colour", NULL },
                { "", NULL },
                { "x", NULL },
                { "maxon", "max_on" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct suggestion near = { .wanted = samples[i].wanted };
                for (size_t k = 0; k < ARRAY_SIZE(known); k++)
                        suggestion_offer(&near, known[k]);
                if (samples[i].best)
                        assert_string_equal(near.best, samples[i].best);
                else
                        assert_null(near.best);
        }
}

static void suggestion_offer__very_long_word__is_left_out(void **state)
{
        (void)state;
        char wanted[5000];
        memset(wanted, 'a', sizeof(wanted) - 1);
        wanted[sizeof(wanted) - 1] = '\0';
        struct suggestion near = { .wanted = wanted };
        suggestion_offer(&near, "a");
        suggestion_offer(&near, wanted);
        assert_null(near.best);
        char text[SUGGESTION_MAX];
        assert_string_equal(suggestion_text(&near, text), "");
}

static void suggestion_text__word__is_asked_for(void **state)
{
        (void)state;
        struct suggestion near = { .wanted = "nmae" };
        char text[SUGGESTION_MAX];
        suggestion_offer(&near, "name");
        assert_string_equal(suggestion_text(&near, text), "; did you mean name");
}

static void suggestion_offer__synonym__nearer_than_any_spelling(void **state)
{
        static const struct synonym synonyms[] = { { "switch", "plug relay" }, { "bias", "pull_up" }, { NULL, NULL } };
        struct suggestion near = { .wanted = "Relay", .synonyms = synonyms };
        char text[SUGGESTION_MAX];

        (void)state;
        suggestion_offer(&near, "relays");
        suggestion_offer(&near, "switch");
        suggestion_offer(&near, "delay");
        assert_string_equal(suggestion_text(&near, text), "; did you mean switch");
        near = (struct suggestion){ .wanted = "relay", .synonyms = synonyms };
        suggestion_offer(&near, "bias"); /* what is not there is not proposed */
        assert_string_equal(suggestion_text(&near, text), "");
        near = (struct suggestion){ .wanted = "pull-up", .synonyms = synonyms };
        suggestion_offer(&near, "bias");
        assert_string_equal(suggestion_text(&near, text), "; did you mean bias");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(suggestion_offer__slips__find_the_nearest),
                cmocka_unit_test(suggestion_offer__very_long_word__is_left_out),
                cmocka_unit_test(suggestion_text__word__is_asked_for),
                cmocka_unit_test(suggestion_offer__synonym__nearer_than_any_spelling),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
