/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-plugin-test: the agent's own plugins pass, and each broken rule is found and named. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/loader.h"
#include "fakes/config_text.h"
#include "fakes/output_of.h"
#include "fakes/plugin_file.h"
#include "fakes/tree.h"

#define ARGUMENTS_MAX 8

/* The runner's output with up to five arguments, NULL-terminated; free() it. */
static char *run(int *ret_status, ...)
{
        /* A runner that is built with sanitizers sees crashes as such too, and memory that is freed is free.
         */
        static const char *const env[] = { "ASAN_OPTIONS=handle_segv=0:handle_abort=0:detect_leaks=0:"
                                           "quarantine_size_mb=0:thread_local_quarantine_size_kb=0",
                                           NULL };
        const char *argv[ARGUMENTS_MAX] = { 0 };
        char program[4096];
        va_list arguments;
        size_t count = 0;

        (void)snprintf(program, sizeof(program), "%s/sconce-plugin-test", build_dir());
        argv[count++] = program;
        va_start(arguments, ret_status);
        for (const char *argument; (argument = va_arg(arguments, const char *));) {
                assert_true(count + 1 < ARGUMENTS_MAX);
                argv[count++] = argument;
        }
        va_end(arguments);
        return output_of(argv, env, ret_status);
}

static const char *test_plugin(const char *name)
{
        static char path[4096];

        (void)snprintf(path, sizeof(path), "%s/tests/plugins/%s.so", build_dir(), name);
        return path;
}

static void assert_prints(const char *output, const char *text)
{
        if (!strstr(output, text))
                fail_msg("\"%s\" is not in:\n%s", text, output);
}

/* ---- Good ones ----------------------------------------------------------------------------------------- */

/* What this machine may not have: a tree of the kernel's in the test's directory, and options that fit. */
static const struct tree_entry tree[] = {
        { "thermal/thermal_zone0/type", "cpu-thermal\n", TREE_FILE },
        { "thermal/thermal_zone0/temp", "48312\n", TREE_FILE },
        { "hwmon/hwmon0/name", "lm75\n", TREE_FILE },
        { "hwmon/hwmon0/temp1_input", "21500\n", TREE_FILE },
        { "iio/iio:device0/name", "bme280\n", TREE_FILE },
        { "iio/iio:device0/in_temp_input", "21500\n", TREE_FILE },
        { "w1/28-0316a2791bff/name", "28-0316a2791bff\n", TREE_FILE },
        { "w1/28-0316a2791bff/w1_slave",
          "50 01 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 01 4b 46 7f ff 0c 10 1c t=21000\n", TREE_FILE },
        { NULL, NULL, TREE_FILE },
};

static const struct {
        const char *plugin, *first, *second;
} settings[] = {
        { "thermal", "root=thermal", NULL },    { "hwmon", "root=hwmon", "chip=lm75" },
        { "iio", "root=iio", "device=bme280" }, { "w1", "root=w1", NULL },
        { "encoder", "max=10", NULL },          { "exec", "command=/usr/bin/nproc", NULL },
};

static void make_tree(void)
{
        char here[PATH_MAX];

        assert_non_null(getcwd(here, sizeof(here)));
        tree_make(here, tree);
}

/* Runs one of the agent's own, on the tree. */
static char *run_own(const char *plugin, int *ret_status)
{
        char here[PATH_MAX], first[PATH_MAX + 64];

        assert_non_null(getcwd(here, sizeof(here)));
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                if (strcmp(settings[i].plugin, plugin) != 0)
                        continue;
                const char *name = strncmp(settings[i].first, "root=", 5) == 0 ? settings[i].first + 5 : NULL;
                if (name)
                        (void)snprintf(first, sizeof(first), "root=%s/%s", here, name);
                return run(ret_status, plugin_file(plugin), name ? first : settings[i].first, settings[i].second, NULL);
        }
        return run(ret_status, plugin_file(plugin), NULL);
}

static void runner__own_plugins__pass(void **state)
{
        char dir[4096], **names = NULL;
        size_t count = 0;

        (void)state;
        make_tree();
        (void)snprintf(dir, sizeof(dir), "%s/plugins", build_dir());
        assert_int_equal(plugin_names(dir, &names, &count), 0);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
                int status;
                char *output = run_own(names[i], &status);
                if (status != 0)
                        fail_msg("%s:\n%s", names[i], output);
                assert_prints(output, "ok    declares");
                assert_prints(output, "ok    options");
                assert_prints(output, " 0 failed,");
                free(output);
                free(names[i]);
        }
        free(names);
}

/* What has no hardware behind it is checked to the end. */
static void runner__lamp__nothing_skipped(void **state)
{
        int status;
        char *output = run(&status, plugin_file("lamp"), "line=GPIO4", "active_low=yes", NULL);

        (void)state;
        assert_int_equal(status, 0);
        assert_prints(output, "9 passed, 0 failed, 0 skipped\n");
        free(output);
}

static void runner__sensors_on_a_tree__started_and_read(void **state)
{
        static const char *const sensors[] = { "thermal", "hwmon", "iio", "w1" };
        int status;

        (void)state;
        make_tree();
        for (size_t i = 0; i < ARRAY_SIZE(sensors); i++) {
                char *output = run_own(sensors[i], &status);
                assert_int_equal(status, 0);
                assert_prints(output, "ok    starts\nok    reads\n");
                assert_prints(output, "8 passed, 0 failed, 1 skipped\n"); /* nothing is written */
                free(output);
        }
}

static void runner__no_hardware__reports_that_it_is_not_tested(void **state)
{
        int status;
        char *output = run(&status, plugin_file("thermal"), "root=/nowhere", NULL);

        (void)state;
        assert_int_equal(status, 2);
        assert_prints(output, "of 9 checks could not be done: the plugin has not been tested.");
        assert_prints(output,
                      "skip  starts      it does not start, and is only seen failing: enoent: /nowhere: cannot be "
                      "read: No such file or directory\n");
        free(output);
        output = run(&status, "--allow-untested", plugin_file("thermal"), "root=/nowhere", NULL);
        assert_int_equal(status, 0);
        assert_null(strstr(output, "has not been tested"));
        free(output);
}

static void runner__older_plugin__passes(void **state)
{
        int status;
        char *output = run(&status, test_plugin("older"), NULL);

        (void)state;
        assert_int_equal(status, 0);
        assert_prints(output, "ok    options\nok    starts\n");
        free(output);
}

/* ---- Bad ones ------------------------------------------------------------------------------------------ */

static const struct {
        const char *how, *check, *text;
} broken[] = {
        { "hang", "starts", "start did not return within 1 s" },
        { "end process", "starts", "start ended the whole process (exit status 3)" },
        { "close standard", "starts", "it closed or replaced descriptor 1, which is the agent's" },
        { "close everything", "starts", "start closed descriptors that are not its own" },
        { "write everywhere", "starts", "it wrote to a descriptor that is not its own" },
        { "leak memory", "starts", "in 100 times start and stop" },
        { "leak descriptor", "starts", "100 descriptors are left open after 100 times start and stop" },
        { "leave thread", "starts", "after stop more threads are running than before, by " },
        { "leave process", "starts", "after stop there are child processes, running or not waited for" },
        { "take signal", "starts", "it changed what the process does at signal TERM" },
        { "change directory", "starts", "it changed the process's directory to /proc" },
        { "change umask", "starts", "it changed the process's umask" },
        { "report in configure", "configures", "configure opened or reported something (EPERM)" },
        { "refuse", "configures", "configure refuses the options: einval: how: is never right" },
        { "overrun", "starts", "start wrote behind the end of the instance" },
        { "unknown channel", "starts", "\"colour\" was reported, which is not a channel with a state" },
        { "wrong type", "starts", "\"state\" was reported with the wrong type" },
        { "positive start", "starts", "start returned 1, which is neither 0 nor a negative errno" },
        { "stale timer", "starts", "an unknown or freed timer was used" },
        { "stay hurt", "failures", "after call 1 of the host failed with ebusy, start fails for good: enodev: " },
        { "crash", "commands", "command crashed with SIGSEGV (Segmentation fault)" },
        { "abort", "lives", "command crashed with SIGABRT (Aborted)" },
        { "sleep", "deadlines", "command takes longer than 100 ms" },
        { "positive command", "commands", "command returned 5, which is neither 0 nor a negative errno" },
        { "carry out nothing", "commands", "no command was carried out: eio: " },
        { "report nothing", "commands", "a command for channel state was carried out, and state never reported" },
};

static void runner__broken_rule__found_and_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
                char how[64];
                int status;
                (void)snprintf(how, sizeof(how), "how=%s", broken[i].how);
                char *output = run(&status, "--timeout=1", "--check", broken[i].check, test_plugin("rascal"), how,
                                   NULL);
                assert_prints(output, broken[i].text);
                assert_prints(output, "0 passed, 1 failed, 0 skipped\n");
                assert_int_equal(status, 1);
                free(output);
        }
}

/* The same plugin where it behaves: what is found above is the misdeed. */
static void runner__no_rule_broken__passes(void **state)
{
        int status;
        char *output = run(&status, test_plugin("rascal"), NULL);

        (void)state;
        assert_int_equal(status, 0);
        assert_prints(output, "8 passed, 0 failed, 1 skipped\n");
        free(output);
}

/* A crash in one check is not the end of the others. */
static void runner__crash__later_checks_run(void **state)
{
        int status;
        char *output = run(&status, test_plugin("rascal"), "how=crash", NULL);

        (void)state;
        assert_int_equal(status, 1);
        assert_prints(output, "ok    starts\n");
        assert_prints(output, "FAIL  commands    command crashed");
        assert_prints(output, "FAIL  deadlines   command crashed");
        free(output);
}

static void runner__blocking_plugin_on_the_loop__reported(void **state)
{
        int status;
        char *output = run(&status, test_plugin("meddler"), NULL);

        (void)state;
        assert_int_equal(status, 1);
        assert_prints(output, "FAIL  declares    option first: its help ends with a full stop\n");
        assert_prints(output, "FAIL  declares    option second is required and has a default\n");
        assert_prints(output, "FAIL  declares    options first and second fill the same field\n");
        assert_prints(output, "FAIL  declares    channel state has no help\n");
        assert_prints(output, "FAIL  starts      what the agent refuses: a blocking plugin used a line, a "
                              "dimmer, a timer, a "
                              "descriptor or saved state (EXDEV)\n");
        free(output);
}

static void runner__refused_by_the_loader__its_reason_once(void **state)
{
        static const struct {
                const char *plugin, *text;
        } cases[] = {
                { "foreign_abi", "refused: it is built for plugin ABI 2, and this agent has ABI 1\n" },
                { "no_module", "is no Sconce plugin: it has no symbol sconce_module\n" },
                { "no_start", "refused: it has no start function\n" },
                { "wrong_name", "refused: it calls itself \"other\"; rename the file to other.so\n" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int status;
                char *output = run(&status, test_plugin(cases[i].plugin), NULL);
                assert_int_equal(status, 1);
                assert_prints(output, cases[i].text);
                assert_prints(output, "skip  starts      it cannot be loaded\n");
                assert_prints(output, "0 passed, 1 failed, 8 skipped\n");
                free(output);
        }
}

/* ---- Arguments ----------------------------------------------------------------------------------------- */

static void runner__wrong_settings__reported(void **state)
{
        int status;
        char *output = run(&status, plugin_file("lamp"), "lin=GPIO4", NULL);

        (void)state;
        assert_int_equal(status, 1);
        assert_prints(output, "FAIL  configures  ");
        assert_prints(output, "lin");
        free(output);
        output = run(&status, plugin_file("counter"), "factor=many", NULL);
        assert_int_equal(status, 1);
        assert_prints(output, "factor: ");
        free(output);
}

static void runner__wrong_arguments__one_sentence(void **state)
{
        static const struct {
                const char *first, *second, *text;
        } cases[] = {
                { NULL, NULL, "name a plugin's file" },
                { "/nowhere.so", NULL, "/nowhere.so: No such file or directory" },
                { "/dev/null", "line", "\"line\" is not KEY=VALUE" },
                { "--seed=x", NULL, "\"x\" is not a number from 1 to 1000000" },
                { "--check=luck", NULL, "there is no check \"luck\"" },
                { "--luck", NULL, "Try: sconce-plugin-test --help" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int status;
                char *output = run(&status, cases[i].first, cases[i].second, NULL);
                assert_int_equal(status, 1);
                assert_prints(output, cases[i].text);
                free(output);
        }
}

static void runner__help__examples(void **state)
{
        int status;
        char *output = run(&status, "--help", NULL);

        (void)state;
        assert_int_equal(status, 0);
        assert_prints(output, "\nExamples:\n");
        free(output);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, config_text_setup, config_text_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(runner__own_plugins__pass),
                TEST(runner__lamp__nothing_skipped),
                TEST(runner__sensors_on_a_tree__started_and_read),
                TEST(runner__no_hardware__reports_that_it_is_not_tested),
                TEST(runner__older_plugin__passes),
                TEST(runner__broken_rule__found_and_named),
                TEST(runner__no_rule_broken__passes),
                TEST(runner__crash__later_checks_run),
                TEST(runner__blocking_plugin_on_the_loop__reported),
                TEST(runner__refused_by_the_loader__its_reason_once),
                TEST(runner__wrong_settings__reported),
                TEST(runner__wrong_arguments__one_sentence),
                TEST(runner__help__examples),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
