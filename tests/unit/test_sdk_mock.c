/* SPDX-License-Identifier: Apache-2.0 */
/* <sconce/mock.h>: it refuses what the agent refuses, fails when it is asked to, and takes plugins of other
 * headers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include <cmocka.h>
#include <sconce/mock.h>

#include "channel/channels.h"
#include "fakes/plugin_file.h"

/* ---- A plugin that does what the test wants ------------------------------------------------------------- */

struct thing {
        struct sconce_line *out, *in;
        struct sconce_dimmer *dimmer;
        uint64_t size;
};

static const char *const choices[] = { "single", "double", NULL };
static const struct sconce_option options[] = {
        SCONCE_OPTION_LINE(struct thing, out, "out", SCONCE_OUTPUT, "An output"),
        SCONCE_OPTION_LINE(struct thing, in, "in", 0, "An input"),
        SCONCE_OPTION_PWM(struct thing, dimmer, "dimmer", SCONCE_OUTPUT, "A dimmer"),
        SCONCE_OPTION_SIZE(struct thing, size, "size", 0, "A size", .def = "2K"),
        { .key = NULL },
};
static struct sconce_channel channels[] = {
        { .key = "value", .kind = SCONCE_SENSOR },
        { .key = "press", .kind = SCONCE_EVENT, .choices = choices },
        { .key = "text", .kind = SCONCE_TEXT },
        { .key = "hold", .kind = SCONCE_DURATION, .flags = SCONCE_COMMAND_ONLY },
        { .key = NULL },
};

static int (*to_do)(struct sconce_device *dev, struct thing *thing);

static int configure_nothing(struct sconce_device *dev, void *instance)
{
        (void)dev, (void)instance;
        return 0;
}

static int start(struct sconce_device *dev, void *instance)
{
        return to_do ? to_do(dev, instance) : 0;
}

static struct sconce_plugin plugin = {
        .name = "thing",
        .summary = "A thing",
        .instance_size = sizeof(struct thing),
        .options = options,
        .channels = channels,
        .configure = configure_nothing,
        .start = start,
};
static const struct sconce_module module = {
        .abi = SCONCE_ABI,
        .size = sizeof(struct sconce_module),
        .plugin_size = sizeof(struct sconce_plugin),
        .option_size = sizeof(struct sconce_option),
        .channel_size = sizeof(struct sconce_channel),
        .plugin = &plugin,
};

static int setup(void **state)
{
        plugin.flags = 0;
        plugin.configure = configure_nothing;
        plugin.stop = NULL;
        to_do = NULL;
        channels[0].kind = SCONCE_SENSOR;
        struct mock_host *host = mock_host_new(&module);
        mock_option(host, "out", "GPIO1");
        mock_option(host, "in", "GPIO2");
        mock_option(host, "dimmer", "pwmchip0:1");
        *state = host;
        return 0;
}

static int teardown(void **state)
{
        mock_host_free(*state);
        return 0;
}

static int start_doing(struct mock_host *host, int (*what)(struct sconce_device *dev, struct thing *thing))
{
        to_do = what;
        return mock_start(host);
}

/* ---- What the agent refuses ---------------------------------------------------------------------------- */

static struct sconce_value offered;

static int report_offered(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_report(dev, &offered, 1);
}

/* The mock knows nothing of the agent, so that two tables hold what each kind reports: they agree. */
static void report__every_kind_and_type__as_the_agent(void **state)
{
        static const struct sconce_value values[] = {
                { .channel = "value", .type = SCONCE_VALUE_BOOL },
                { .channel = "value", .type = SCONCE_VALUE_NUMBER },
                { .channel = "value", .type = SCONCE_VALUE_TEXT, .text = "x" },
        };
        enum sconce_kind kind;
        const struct kind *known;

        (void)state;
        for (kind = SCONCE_LIGHT; (known = kind_get(kind)); kind++) {
                channels[0].kind = kind;
                for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                        struct mock_host *host = mock_host_new(&module);
                        offered = values[i];
                        const bool is_right = known->has_state && known->type == values[i].type;
                        assert_int_equal(start_doing(host, report_offered), is_right ? 0 : -EINVAL);
                        assert_int_equal(mock_refusal(host)[0] == '\0', is_right);
                        mock_host_free(host);
                }
        }
        assert_int_equal(kind, SCONCE_DURATION + 1);
}

static void report__bad_value__refused_with_reason(void **state)
{
        static const struct {
                struct sconce_value value;
                int r;
                const char *text;
        } cases[] = {
                { { .channel = "colour", .type = SCONCE_VALUE_NONE },
                  -EINVAL,
                  "\"colour\" was reported, which is not a channel with a state" },
                { { .channel = "hold", .type = SCONCE_VALUE_NUMBER },
                  -EINVAL,
                  "\"hold\" was reported, which is not a channel with a state" },
                { { .channel = NULL }, -EINVAL, "\"\" was reported, which is not a channel with a state" },
                { { .channel = "value", .type = SCONCE_VALUE_NUMBER, .number = NAN },
                  -EINVAL,
                  "\"value\" was reported as a number that is not finite" },
                { { .channel = "text", .type = SCONCE_VALUE_TEXT, .text = "\xff" },
                  -EILSEQ,
                  "\"text\" was reported as text that is not UTF-8" },
                { { .channel = "text", .type = SCONCE_VALUE_TEXT, .text = "\xc3" },
                  -EILSEQ,
                  "\"text\" was reported as text that is not UTF-8" },
                { { .channel = "text", .type = SCONCE_VALUE_TEXT, .text = "é ✓ 🏠" }, 0, "" },
                { { .channel = "value", .type = SCONCE_VALUE_NONE }, 0, "" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct mock_host *host = mock_host_new(&module);
                offered = cases[i].value;
                assert_int_equal(start_doing(host, report_offered), cases[i].r);
                assert_string_equal(mock_refusal(host), cases[i].text);
                mock_host_free(host);
        }
}

static int raise_unknown(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_event(dev, "press", "quintuple");
}

static void event__type_that_is_not_declared__refused(void **state)
{
        assert_int_equal(start_doing(*state, raise_unknown), -EINVAL);
        assert_string_equal(mock_refusal(*state), "an event was raised that is not declared: \"press quintuple\"");
        assert_int_equal(mock_events(*state), 0);
}

static int open_input_as_output(struct sconce_device *dev, struct thing *thing)
{
        return sconce_line_output(dev, thing->in, 1);
}

static void line__opened_as_the_other__refused(void **state)
{
        assert_int_equal(start_doing(*state, open_input_as_output), -EINVAL);
        assert_string_equal(mock_refusal(*state), "GPIO2 was opened as an output and is declared as the other");
        assert_false(mock_line(*state, "GPIO2")->is_open);
}

static int load_something(struct sconce_device *dev, struct thing *thing)
{
        char text[8];

        (void)thing;
        return sconce_load(dev, "key", text, sizeof(text));
}

static void service__blocking_plugin__exdev(void **state)
{
        mock_host_free(*state);
        plugin.flags = SCONCE_BLOCKING;
        *state = mock_host_new(&module);
        assert_int_equal(start_doing(*state, load_something), -EXDEV);
        assert_string_equal(mock_refusal(*state), "a blocking plugin used a line, a dimmer, a timer, a descriptor or "
                                                  "saved state (EXDEV)");
}

static int configure_and_report(struct sconce_device *dev, void *instance)
{
        (void)instance;
        return sconce_report_number(dev, "value", 1);
}

static void configure__reports__eperm(void **state)
{
        mock_host_free(*state);
        plugin.configure = configure_and_report;
        *state = mock_host_new(&module);
        assert_int_equal(mock_configure(*state), -EPERM);
        assert_string_equal(mock_refusal(*state), "configure opened or reported something (EPERM)");
        assert_null(mock_value(*state, "value"));
}

static struct sconce_timer *kept;

static void on_timer(struct sconce_device *dev, void *instance, void *userdata)
{
        (void)dev, (void)instance, (void)userdata;
}

static int make_timer_once(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return kept ? sconce_timer_arm(dev, kept, 1) : sconce_timer_new(dev, on_timer, NULL, &kept);
}

static void timer__from_before_the_stop__refused(void **state)
{
        kept = NULL;
        assert_int_equal(start_doing(*state, make_timer_once), 0);
        mock_stop(*state);
        assert_int_equal(mock_start(*state), -EINVAL);
        assert_string_equal(mock_refusal(*state), "an unknown or freed timer was used");
}

static void report_and_raise(struct sconce_device *dev, void *instance)
{
        (void)instance;
        assert_int_equal(sconce_report_number(dev, "value", 21), 0);
        assert_int_equal(sconce_event(dev, "press", "double"), 0);
}

static void stop__reports_and_events__are_taken(void **state)
{
        mock_host_free(*state);
        plugin.stop = report_and_raise;
        *state = mock_host_new(&module);
        assert_int_equal(mock_start(*state), 0);
        mock_stop(*state);
        assert_true(mock_value(*state, "value")->number == 21);
        assert_string_equal(mock_event(*state), "press double");
        assert_int_equal(mock_reports(*state), 1);
}

static int make_too_many_timers(struct sconce_device *dev, struct thing *thing)
{
        struct sconce_timer *timer;
        int r = 0;

        (void)thing;
        for (int i = 0; r == 0 && i < 1000; i++)
                r = sconce_timer_new(dev, on_timer, NULL, &timer);
        return r;
}

static void timer__too_many__enospc(void **state)
{
        assert_int_equal(start_doing(*state, make_too_many_timers), -ENOSPC);
}

static int nameless_line(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_line_output(dev, NULL, 0);
}

static int nameless_line_set(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_line_set(dev, NULL, true);
}

static int nameless_dimmer(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_dimmer_open(dev, NULL, 0, 0);
}

static int timer_without_function(struct sconce_device *dev, struct thing *thing)
{
        struct sconce_timer *timer;

        (void)thing;
        return sconce_timer_new(dev, NULL, NULL, &timer);
}

static int watch_without_function(struct sconce_device *dev, struct thing *thing)
{
        struct sconce_watch *watch;

        (void)thing;
        return sconce_fd_watch(dev, 0, EPOLLIN, NULL, NULL, &watch);
}

static int unwatch_unknown(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_fd_unwatch(dev, (struct sconce_watch *)thing);
}

static int positive_health(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_health(dev, EIO, NULL);
}

static int positive_problem(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_problem(dev, EIO, NULL);
}

static int channel_without_kind(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_channel_add(dev, &(const struct sconce_channel){ .key = "more" });
}

static int channel_of_another_kind(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_channel_add(dev, &(const struct sconce_channel){ .key = "value", .kind = SCONCE_TEXT });
}

static int save_without_key(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        return sconce_save(dev, "", "text");
}

static int save_too_much(struct sconce_device *dev, struct thing *thing)
{
        char text[4098];

        (void)thing;
        memset(text, 'x', sizeof(text));
        text[4097] = '\0';
        return sconce_save(dev, "key", text);
}

static int save_too_many(struct sconce_device *dev, struct thing *thing)
{
        char key[8];
        int r = 0;

        (void)thing;
        for (int i = 0; r == 0 && i < 1000; i++) {
                (void)snprintf(key, sizeof(key), "k%d", i);
                r = sconce_save(dev, key, "text");
        }
        return r;
}

static void service__misused__refused_with_reason(void **state)
{
        static const struct {
                int (*call)(struct sconce_device *dev, struct thing *thing);
                int r;
                const char *text;
        } cases[] = {
                { nameless_line, -EINVAL, "a line was opened that no option names" },
                { nameless_line_set, -EINVAL, "a line was used that no option names" },
                { nameless_dimmer, -EINVAL, "a dimmer was used that no option names" },
                { timer_without_function, -EINVAL, "a timer was made without a function" },
                { watch_without_function, -EINVAL, "an invalid descriptor was watched, or no function was given" },
                { unwatch_unknown, -EINVAL, "an unknown watch was ended" },
                { positive_health, -EINVAL, "health 5 is neither 0 nor a negative errno" },
                { positive_problem, -EINVAL, "problem 5 is neither 0 nor a negative errno" },
                { channel_without_kind, -EINVAL, "an invalid channel was added: more" },
                { channel_of_another_kind, -EEXIST, "channel \"value\" was added as another kind" },
                { save_without_key, -EINVAL, "an invalid key was saved" },
                { save_too_much, -E2BIG, "more than 4096 bytes were saved as key" },
                { save_too_many, -ENOSPC, "more than 64 keys were saved" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(start_doing(*state, cases[i].call), cases[i].r);
                assert_string_equal(mock_refusal(*state), cases[i].text);
        }
}

/* ---- Descriptors --------------------------------------------------------------------------------------- */

static struct sconce_watch *watch;
static uint32_t seen;

static void on_ready(struct sconce_device *dev, void *instance, uint32_t events, void *userdata)
{
        (void)instance;
        seen = events;
        if (userdata)
                assert_int_equal(sconce_fd_unwatch(dev, watch), 0);
}

static int watch_two(struct sconce_device *dev, struct thing *thing)
{
        struct sconce_watch *other;

        (void)thing;
        int r = sconce_fd_watch(dev, 3, EPOLLIN, on_ready, &seen, &watch);
        return r < 0 ? r : sconce_fd_watch(dev, 4, EPOLLIN, on_ready, NULL, &other);
}

static void ready__watched_descriptors__called_until_unwatched_or_stopped(void **state)
{
        assert_int_equal(start_doing(*state, watch_two), 0);
        assert_true(mock_ready(*state, 3, EPOLLIN));
        assert_int_equal(seen, EPOLLIN);
        assert_false(mock_ready(*state, 3, EPOLLIN)); /* it unwatched itself */
        assert_true(mock_ready(*state, 4, EPOLLHUP));
        assert_int_equal(seen, EPOLLHUP);
        mock_stop(*state);
        assert_false(mock_ready(*state, 4, EPOLLIN));
        assert_string_equal(mock_refusal(*state), "");
}

static int watch_too_many(struct sconce_device *dev, struct thing *thing)
{
        struct sconce_watch *one;
        int r = 0;

        (void)thing;
        for (int i = 0; r == 0 && i < 1000; i++)
                r = sconce_fd_watch(dev, i, EPOLLIN, on_ready, NULL, &one);
        return r;
}

static void watch__too_many__enospc(void **state)
{
        assert_int_equal(start_doing(*state, watch_too_many), -ENOSPC);
        assert_string_equal(mock_refusal(*state), "more than 64 descriptors were watched");
}

/* ---- Failures, options, memory ------------------------------------------------------------------------- */

static int report_thrice(struct sconce_device *dev, struct thing *thing)
{
        (void)thing;
        for (int i = 0; i < 3; i++) {
                int r = sconce_report_number(dev, "value", i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void fail_call__second__once(void **state)
{
        mock_fail_call(*state, 2, -EIO);
        assert_int_equal(start_doing(*state, report_thrice), -EIO);
        assert_int_equal(mock_calls(*state), 2);
        assert_true(mock_value(*state, "value")->number == 0);
        assert_int_equal(mock_start(*state), 0);
        assert_int_equal(mock_calls(*state), 5);
        assert_true(mock_value(*state, "value")->number == 2);
        assert_string_equal(mock_refusal(*state), "");
}

static int write_behind(struct sconce_device *dev, struct thing *thing)
{
        char *end = (char *)thing + sizeof(*thing);

        (void)dev;
        __asm__ volatile("" : "+r"(end)); /* the compiler sees that it is wrong */
        *end = 0;
        return 0;
}

static void is_intact__written_behind__false(void **state)
{
        assert_true(mock_is_intact(*state));
        assert_int_equal(start_doing(*state, write_behind), 0);
        assert_false(mock_is_intact(*state));
}

static void option__size_with_unit__bytes(void **state)
{
        const struct thing *thing = mock_instance(*state);

        assert_int_equal(thing->size, 2048);
        mock_option(*state, "size", "3M");
        assert_int_equal(thing->size, 3 << 20);
        mock_option(*state, "size", "7");
        assert_int_equal(thing->size, 7);
}

static int dim(struct sconce_device *dev, struct thing *thing)
{
        int r = sconce_dimmer_open(dev, thing->dimmer, 0, 0.5);
        return r < 0 ? r : sconce_dimmer_set(dev, thing->dimmer, 1.5);
}

static void dimmer__level_above_1__refused(void **state)
{
        assert_int_equal(start_doing(*state, dim), -ERANGE);
        assert_true(mock_dimmer(*state, "pwmchip0:1")->level == 0.5);
}

static void save_text__kept_over_stop_and_start(void **state)
{
        mock_save_text(*state, "key", "text");
        assert_int_equal(start_doing(*state, load_something), 4);
        mock_stop(*state);
        assert_string_equal(mock_saved(*state, "key"), "text");
        mock_save_text(*state, "key", NULL);
        assert_null(mock_saved(*state, "key"));
}

/* ---- Plugins of other headers -------------------------------------------------------------------------- */

static void host_load__older_and_newer_plugins__run(void **state)
{
        static const char *const names[] = { "older", "newer" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[4096];
                (void)snprintf(path, sizeof(path), "%s/tests/plugins/%s.so", build_dir(), names[i]);
                struct mock_host *host = mock_host_load(path);
                mock_option(host, "second", "33");
                assert_int_equal(mock_start(host), 0);
                assert_true(mock_value(host, "first")->number == 11);
                assert_true(mock_value(host, "second")->number == 33);
                assert_string_equal(mock_channel_at(host, 1)->unit, "s");
                assert_null(mock_channel_at(host, 2));
                assert_null(mock_plugin(host)->command); /* what follows an older struct is not of it */
                assert_string_equal(mock_refusal(host), "");
                mock_host_free(host);
        }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(report__every_kind_and_type__as_the_agent),
                TEST(report__bad_value__refused_with_reason),
                TEST(event__type_that_is_not_declared__refused),
                TEST(line__opened_as_the_other__refused),
                TEST(service__blocking_plugin__exdev),
                TEST(configure__reports__eperm),
                TEST(timer__from_before_the_stop__refused),
                TEST(stop__reports_and_events__are_taken),
                TEST(timer__too_many__enospc),
                TEST(service__misused__refused_with_reason),
                TEST(ready__watched_descriptors__called_until_unwatched_or_stopped),
                TEST(watch__too_many__enospc),
                TEST(fail_call__second__once),
                TEST(is_intact__written_behind__false),
                TEST(option__size_with_unit__bytes),
                TEST(dimmer__level_above_1__refused),
                TEST(save_text__kept_over_stop_and_start),
                TEST(host_load__older_and_newer_plugins__run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
