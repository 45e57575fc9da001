/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-plugin-test: the agent's own plugins pass, and each broken rule is found and named. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/loader.h"
#include "fakes/config_text.h"
#include "fakes/output_of.h"
#include "fakes/plugin_file.h"

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

static void assert_says(const char *output, const char *text)
{
        if (!strstr(output, text))
                fail_msg("\"%s\" is not in:\n%s", text, output);
}

/* ---- Good ones ----------------------------------------------------------------------------------------- */

/* What the hardware of this machine may not have. */
static const struct {
        const char *plugin, *setting;
} settings[] = {
        { "thermal", "root=zones" },
        { "encoder", "max=10" },
        { "exec", "command=/usr/bin/nproc" },
};

static void make_zones(void)
{
        assert_int_equal(mkdir("zones", 0700), 0);
        assert_int_equal(mkdir("zones/thermal_zone0", 0700), 0);
        config_text_file("zones/thermal_zone0/type", "cpu-thermal\n", 12);
        config_text_file("zones/thermal_zone0/temp", "48312\n", 6);
}

/* "root=zones" -> "root=/tmp/…/zones" */
static const char *setting_of(const char *plugin)
{
        static char text[PATH_MAX + 64];
        char here[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                if (strcmp(settings[i].plugin, plugin) != 0)
                        continue;
                if (strncmp(settings[i].setting, "root=", 5) != 0)
                        return settings[i].setting;
                assert_non_null(getcwd(here, sizeof(here)));
                (void)snprintf(text, sizeof(text), "root=%s/%s", here, settings[i].setting + 5);
                return text;
        }
        return NULL;
}

static void runner__own_plugins__pass(void **state)
{
        char dir[4096], **names = NULL;
        size_t count = 0;

        (void)state;
        make_zones();
        (void)snprintf(dir, sizeof(dir), "%s/plugins", build_dir());
        assert_int_equal(plugin_names(dir, &names, &count), 0);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
                int status;
                char *output = run(&status, plugin_file(names[i]), setting_of(names[i]), NULL);
                if (status != 0)
                        fail_msg("%s:\n%s", names[i], output);
                assert_says(output, "ok    declares");
                assert_says(output, "ok    options");
                assert_says(output, " 0 failed,");
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
        assert_says(output, "9 passed, 0 failed, 0 skipped\n");
        free(output);
}

static void runner__thermal__started_and_read(void **state)
{
        int status;

        (void)state;
        make_zones();
        char *output = run(&status, plugin_file("thermal"), setting_of("thermal"), NULL);
        assert_int_equal(status, 0);
        assert_says(output,
                    "ok    starts\nok    reads\nskip  commands    it has no channel that is written\n");
        free(output);
}

static void runner__no_hardware__skipped_with_the_plugins_reason(void **state)
{
        int status;
        char *output = run(&status, plugin_file("thermal"), "root=/nowhere", NULL);

        (void)state;
        assert_int_equal(status, 0);
        assert_says(
                output,
                "skip  starts      it does not start, and is only seen failing: enoent: /nowhere: cannot be "
                "read: No such file or directory\n");
        free(output);
}

static void runner__older_plugin__passes(void **state)
{
        int status;
        char *output = run(&status, test_plugin("older"), NULL);

        (void)state;
        assert_int_equal(status, 0);
        assert_says(output, "ok    options\nok    starts\n");
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
        { "unknown channel", "starts", "\"colour\" was reported, which is no channel with a state" },
        { "wrong type", "starts", "\"state\" was reported with the wrong type" },
        { "positive start", "starts", "start returned 1, which is neither 0 nor a negative errno" },
        { "stale timer", "starts", "a timer was used that is none (any more)" },
        { "stay hurt", "failures",
          "after call 1 of the host failed with ebusy, start fails for good: enodev: " },
        { "crash", "commands", "command crashed with SIGSEGV (Segmentation fault)" },
        { "abort", "lives", "command crashed with SIGABRT (Aborted)" },
        { "sleep", "deadlines", "command takes longer than 100 ms" },
        { "positive command", "commands", "command returned 5, which is neither 0 nor a negative errno" },
        { "carry out nothing", "commands", "no command was carried out: eio: " },
        { "say nothing", "commands",
          "a command for channel state was carried out, and state never reported" },
};

static void runner__broken_rule__found_and_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
                char how[64];
                int status;
                (void)snprintf(how, sizeof(how), "how=%s", broken[i].how);
                char *output = run(&status, "--timeout=1", "--check", broken[i].check, test_plugin("rascal"),
                                   how, NULL);
                assert_says(output, broken[i].text);
                assert_says(output, "0 passed, 1 failed, 0 skipped\n");
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
        assert_says(output, "8 passed, 0 failed, 1 skipped\n");
        free(output);
}

/* A crash in one check is not the end of the others. */
static void runner__crash__later_checks_run(void **state)
{
        int status;
        char *output = run(&status, test_plugin("rascal"), "how=crash", NULL);

        (void)state;
        assert_int_equal(status, 1);
        assert_says(output, "ok    starts\n");
        assert_says(output, "FAIL  commands    command crashed");
        assert_says(output, "FAIL  deadlines   command crashed");
        free(output);
}

static void runner__blocking_plugin_on_the_loop__told(void **state)
{
        int status;
        char *output = run(&status, test_plugin("meddler"), NULL);

        (void)state;
        assert_int_equal(status, 1);
        assert_says(output, "FAIL  declares    option first: its help ends with a full stop\n");
        assert_says(output, "FAIL  declares    option second is required and has a default\n");
        assert_says(output, "FAIL  declares    options first and second fill the same field\n");
        assert_says(output, "FAIL  declares    channel state has no help\n");
        assert_says(output, "FAIL  starts      what the agent refuses: a blocking plugin used a line, a "
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
                assert_says(output, cases[i].text);
                assert_says(output, "skip  starts      it cannot be loaded\n");
                assert_says(output, "0 passed, 1 failed, 8 skipped\n");
                free(output);
        }
}

/* ---- Arguments ----------------------------------------------------------------------------------------- */

static void runner__wrong_settings__told(void **state)
{
        int status;
        char *output = run(&status, plugin_file("lamp"), "lin=GPIO4", NULL);

        (void)state;
        assert_int_equal(status, 1);
        assert_says(output, "FAIL  configures  ");
        assert_says(output, "lin");
        free(output);
        output = run(&status, plugin_file("counter"), "factor=many", NULL);
        assert_int_equal(status, 1);
        assert_says(output, "factor: ");
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
                { "--seed=x", NULL, "\"x\" is no number from 1 to 1000000" },
                { "--check=luck", NULL, "there is no check \"luck\"" },
                { "--luck", NULL, "Try: sconce-plugin-test --help" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int status;
                char *output = run(&status, cases[i].first, cases[i].second, NULL);
                assert_int_equal(status, 1);
                assert_says(output, cases[i].text);
                free(output);
        }
}

static void runner__help__examples(void **state)
{
        int status;
        char *output = run(&status, "--help", NULL);

        (void)state;
        assert_int_equal(status, 0);
        assert_says(output, "\nExamples:\n");
        free(output);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, config_text_setup, config_text_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(runner__own_plugins__pass),
                TEST(runner__lamp__nothing_skipped),
                TEST(runner__thermal__started_and_read),
                TEST(runner__no_hardware__skipped_with_the_plugins_reason),
                TEST(runner__older_plugin__passes),
                TEST(runner__broken_rule__found_and_named),
                TEST(runner__no_rule_broken__passes),
                TEST(runner__crash__later_checks_run),
                TEST(runner__blocking_plugin_on_the_loop__told),
                TEST(runner__refused_by_the_loader__its_reason_once),
                TEST(runner__wrong_settings__told),
                TEST(runner__wrong_arguments__one_sentence),
                TEST(runner__help__examples),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
