/* SPDX-License-Identifier: Apache-2.0 */
/* setup: from a config to the options of the parts, and where what outlives the process is kept. */
#include "setup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/config_text.h"

static struct config *load(const char *text)
{
        struct problems problems = { 0 };
        struct config *config = config_text_load(text, &problems);

        assert_true(problems_none(&problems));
        return config;
}

static void restart_reason__sections__named_in_one_line(void **state)
{
        static const struct {
                const char *text, *reason;
        } cases[] = {
                { "[node]\nname = hall\n[gpio]\nchip = sim\n", "" },
                { "[gpio]\nchip = sim\n[node]\nname = hall\n[broker]\nbase = home\n", "" },
                { "[node]\nname = cellar\n[gpio]\nchip = sim\n", "[node] changed: that needs a restart of sconced" },
                { "[node]\nname = hall\nmax_depth = 9\n[gpio]\nchip = sim\n",
                  "[node] changed: that needs a restart of sconced" },
                { "[broker]\nbase = home\n", "[node] and [gpio] changed: that needs a restart of sconced" },
        };
        struct config *running = load(cases[0].text);
        char text[SETUP_REASON_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct config *config = load(cases[i].text);
                setup_restart_reason(running, config, text);
                assert_string_equal(text, cases[i].reason);
                config_free(config);
        }
        config_free(running);
}

static void state_dir__as_systemd_gives_it__the_first(void **state)
{
        static const struct {
                const char *given, *is;
        } cases[] = { { "/a/b:/c", "/a/b" }, { "/a", "/a" }, { "", "/var/lib/sconce" }, { NULL, "/var/lib/sconce" } };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                (void)unsetenv("STATE_DIRECTORY");
                if (cases[i].given)
                        assert_int_equal(setenv("STATE_DIRECTORY", cases[i].given, 1), 0);
                char *dir = setup_state_dir();
                assert_string_equal(dir, cases[i].is);
                free(dir);
        }
        (void)unsetenv("STATE_DIRECTORY");
}

/* ---- The record of what is driven -------------------------------------------------------------------------------- */

/* By the file of a record whose JSON is wrong: it is named in the fault. */
static void put_broken(const char *dir, const char *name)
{
        char path[256];

        assert_true(mkdir(dir, 0755) == 0 || errno == EEXIST);
        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        config_text_file(path, "no JSON", 7);
}

static void assert_read(const char *config_path, const char *named)
{
        struct driven *driven = NULL;
        struct fault fault = { 0 };
        int r = setup_driven_read(config_path, &driven, &fault);

        assert_true(r < 0 && r != -ENOENT);
        assert_non_null(strstr(fault.text, named));
        assert_null(driven);
}

static int driven_setup(void **state)
{
        int r = config_text_setup(state);

        (void)setenv("RUNTIME_DIRECTORY", "run:other", 1);
        (void)setenv("STATE_DIRECTORY", "state", 1);
        return r;
}

static int driven_teardown(void **state)
{
        (void)unsetenv("RUNTIME_DIRECTORY");
        (void)unsetenv("STATE_DIRECTORY");
        return config_text_teardown(state);
}

static void driven_read__no_record__enoent(void **state)
{
        struct driven *driven = NULL;
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(setup_driven_read("/somewhere/a.conf", &driven, &fault), -ENOENT);
        assert_null(driven);
}

/* What one version has left behind is found by the next one: the names of these files stay. */
static void driven_read__each_config__has_its_file(void **state)
{
        (void)state;
        put_broken("run", "driven.json");
        assert_read(SCONCE_SYSCONFDIR "/sconce/sconce.conf", "run/driven.json");
        put_broken("run", "driven-8529ed28b223e05f.json");
        assert_read("/etc/other.conf", "run/driven-8529ed28b223e05f.json");
}

static void driven_read__only_the_state_directory_has_one__read(void **state)
{
        (void)state;
        put_broken("state", "driven.json");
        assert_read(SCONCE_SYSCONFDIR "/sconce/sconce.conf", "state/driven.json");
}

#define TEST(function)        cmocka_unit_test_setup_teardown(function, config_text_setup, config_text_teardown)
#define TEST_DRIVEN(function) cmocka_unit_test_setup_teardown(function, driven_setup, driven_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(restart_reason__sections__named_in_one_line),
                TEST(state_dir__as_systemd_gives_it__the_first),
                TEST_DRIVEN(driven_read__no_record__enoent),
                TEST_DRIVEN(driven_read__each_config__has_its_file),
                TEST_DRIVEN(driven_read__only_the_state_directory_has_one__read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
