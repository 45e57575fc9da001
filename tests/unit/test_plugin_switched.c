/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins/lamp on a line and plugins/switch have in common: on the mock host. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "fakes/plugin_file.h"

static const char *const names[] = { "lamp", "switch" };

struct both {
        struct mock_host *host[2];
};

static int setup(void **state)
{
        static struct both both;

        for (size_t i = 0; i < 2; i++) {
                both.host[i] = mock_host_load(plugin_file(names[i]));
                mock_option(both.host[i], "line", "GPIO17");
        }
        *state = &both;
        return 0;
}

static int teardown(void **state)
{
        struct both *both = *state;

        for (size_t i = 0; i < 2; i++)
                mock_host_free(both->host[i]);
        return 0;
}

static void switched__declares__a_written_channel_first(void **state)
{
        const struct both *both = *state;
        static const enum sconce_kind kinds[] = { SCONCE_LIGHT, SCONCE_SWITCH };

        for (size_t i = 0; i < 2; i++) {
                const struct sconce_plugin *plugin = mock_plugin(both->host[i]);
                assert_string_equal(plugin->name, names[i]);
                assert_string_equal(plugin->channels[0].key, "state");
                assert_int_equal(plugin->channels[0].kind, kinds[i]);
                assert_true(plugin->options[0].flags & SCONCE_OUTPUT);
        }
}

static void switched__start__first_value_in_the_request(void **state)
{
        const struct both *both = *state;
        static const struct {
                enum sconce_value_type type;
                bool on;
                int first_value;
        } cases[] = {
                { SCONCE_VALUE_BOOL, true, 1 },
                { SCONCE_VALUE_BOOL, false, 0 },
                { SCONCE_VALUE_NONE, false, SCONCE_LINE_KEEP },
        };

        for (size_t i = 0; i < 2; i++) {
                struct mock_host *host = both->host[i];
                struct sconce_line *line = mock_line(host, "GPIO17");
                for (size_t k = 0; k < 3; k++) {
                        mock_first(host, (struct sconce_value){
                                                 .channel = "state", .type = cases[k].type, .on = cases[k].on });
                        line->active = true; /* what keep finds */
                        assert_int_equal(mock_start(host), 0);
                        assert_int_equal(line->first_value, cases[k].first_value);
                        assert_int_equal(line->sets, 0);
                        assert_int_equal(mock_value(host, "state")->on, cases[k].first_value != 0);
                        mock_stop(host);
                }
        }
}

static void switched__start__nothing_known__off(void **state)
{
        const struct both *both = *state;

        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(mock_start(both->host[i]), 0);
                assert_int_equal(mock_line(both->host[i], "GPIO17")->first_value, 0);
        }
}

static void switched__start__line_fails__its_errno(void **state)
{
        const struct both *both = *state;

        for (size_t i = 0; i < 2; i++) {
                mock_line(both->host[i], "GPIO17")->error = -EBUSY;
                assert_int_equal(mock_start(both->host[i]), -EBUSY);
                assert_null(mock_value(both->host[i], "state"));
        }
}

static void switched__command__line_and_report(void **state)
{
        const struct both *both = *state;

        for (size_t i = 0; i < 2; i++) {
                struct mock_host *host = both->host[i];
                assert_int_equal(mock_start(host), 0);
                for (int on = 1; on >= 0; on--) {
                        assert_int_equal(mock_command(host, SCONCE_BOOL("state", on)), 0);
                        assert_int_equal(mock_line(host, "GPIO17")->active, on);
                        assert_int_equal(mock_value(host, "state")->on, on);
                }
                mock_line(host, "GPIO17")->error = -EIO;
                assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), -EIO);
                assert_false(mock_value(host, "state")->on); /* nothing that is not so */
        }
}

static void switched__read__what_the_line_shows(void **state)
{
        const struct both *both = *state;

        for (size_t i = 0; i < 2; i++) {
                struct mock_host *host = both->host[i];
                assert_int_equal(mock_start(host), 0);
                mock_line(host, "GPIO17")->active = true; /* somebody else's doing */
                assert_int_equal(mock_read(host), 0);
                assert_true(mock_value(host, "state")->on);
        }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(switched__declares__a_written_channel_first), TEST(switched__start__first_value_in_the_request),
                TEST(switched__start__nothing_known__off),         TEST(switched__start__line_fails__its_errno),
                TEST(switched__command__line_and_report),          TEST(switched__read__what_the_line_shows),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
