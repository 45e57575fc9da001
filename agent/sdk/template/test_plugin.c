/* @name@ on the mock host: the very @name@.so that the agent loads, with fake lines and a fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sconce/mock.h>

static int setup(void **state)
{
        struct mock_host *host = mock_host_load("./@name@.so");

        mock_option(host, "line", "GPIO17");
        *state = host;
        return 0;
}

static int teardown(void **state)
{
        mock_host_free(*state);
        return 0;
}

static void start__nothing_known__off(void **state)
{
        struct mock_host *host = *state;

        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_line(host, "GPIO17")->first_value, 0);
        assert_false(mock_value(host, "state")->on);
}

static void start__was_on__on_from_the_request_on(void **state)
{
        struct mock_host *host = *state;

        mock_first(host, SCONCE_BOOL("state", true));
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_line(host, "GPIO17")->first_value, 1);
        assert_int_equal(mock_line(host, "GPIO17")->sets, 0); /* no glitch */
        assert_true(mock_value(host, "state")->on);
}

static void start__line_is_taken__its_error(void **state)
{
        struct mock_host *host = *state;

        mock_line(host, "GPIO17")->error = -EBUSY;
        assert_int_equal(mock_start(host), -EBUSY);
}

static void command__on_and_off__line_and_report(void **state)
{
        struct mock_host *host = *state;

        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), 0);
        assert_true(mock_line(host, "GPIO17")->active);
        assert_true(mock_value(host, "state")->on);
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", false)), 0);
        assert_false(mock_line(host, "GPIO17")->active);
        assert_false(mock_value(host, "state")->on);
}

static void read__after_a_minute__sixty_seconds(void **state)
{
        struct mock_host *host = *state;

        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), 0);
        mock_advance_us(host, 60000000);
        assert_int_equal(mock_read(host), 0);
        assert_true(mock_value(host, "on_for")->number == 60);
        assert_string_equal(mock_refusal(host), "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(start__nothing_known__off),
                TEST(start__was_on__on_from_the_request_on),
                TEST(start__line_is_taken__its_error),
                TEST(command__on_and_off__line_and_report),
                TEST(read__after_a_minute__sixty_seconds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
