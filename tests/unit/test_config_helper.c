/* SPDX-License-Identifier: Apache-2.0 */
/* libconfig in a process of its own: what it reads, and what becomes of a config when that process ends. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <sconce/plugin.h>

#include "config/helper.h"
#include "config/options.h"
#include "config/value.h"
#include "fakes/config_text.h"
#include "util/macro.h"

/* The one child of this process; 0: there is none. */
static pid_t child(void)
{
        char path[64];
        int pid = 0;

        (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        if (fscanf(file, "%d", &pid) != 1)
                pid = 0;
        (void)fclose(file);
        return pid;
}

static void read_one(const char *text, const char *expected)
{
        struct value value;
        struct value_fault fault;

        assert_int_equal(value_read_text(text, &value, &fault), 0);
        assert_int_equal(value.count, 1);
        assert_string_equal(value.texts[0], expected);
        value_done(&value);
}

/* Not waited for: it stays the child, as one that libconfig has ended. */
static void end_child(void)
{
        siginfo_t info;

        assert_int_not_equal(child(), 0);
        assert_int_equal(kill(child(), SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t)child(), &info, WEXITED | WNOWAIT), 0);
}

static void helper_parse__any_value__as_without_it(void **state)
{
        struct value value;
        struct value_fault fault;

        (void)state;
        read_one("", "");
        read_one("one two", "one two");
        read_one("\"one, [two] #\"", "one, [two] #");
        assert_int_equal(child(), 0); /* nothing there for libconfig to read */
        read_one("C:\\one", "C:\\one");
        assert_int_not_equal(child(), 0);
        read_one("\"a \\\"b\\\" \\x41\"", "a \"b\" A");
        assert_int_not_equal(child(), 0);
        assert_int_equal(value_read_text("[one, \"\", three]", &value, &fault), 0);
        assert_true(value.is_list);
        assert_int_equal(value.count, 3);
        assert_string_equal(value.texts[0], "one");
        assert_string_equal(value.texts[1], "");
        assert_string_equal(value.texts[2], "three");
        value_done(&value);
        assert_int_equal(value_read_text("[]", &value, &fault), 0);
        assert_int_equal(value.count, 0);
        value_done(&value);
}

static void helper_parse__bad_value__has_its_line(void **state)
{
        struct problems problems = { 0 };
        struct config *config = config_text_load("[lamp a]\nname = x\nline = \"\\xff\"\n", &problems);

        (void)state;
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.items[0], "a.conf:3: [lamp a] line: the \\x escapes do not make valid UTF-8");
        assert_int_not_equal(child(), 0);
        config_free(config);
        problems_done(&problems);
}

/* More than fits into the socket at once, both ways. */
static void helper_parse__a_large_value__is_whole(void **state)
{
        const size_t size = 1000000;
        char *text = malloc(size + 1), *list;

        (void)state;
        assert_non_null(text);
        memset(text, 'x', size);
        text[size] = '\0';
        assert_true(asprintf(&list, "[%s]", text) > 0);
        read_one(list, text);
        free(list);
        free(text);
}

static void helper_parse__child_has_ended__no_memory_and_the_next_is_read(void **state)
{
        struct value value;
        struct value_fault fault;

        (void)state;
        read_one("[a]", "a");
        end_child();
        assert_int_equal(value_read_text("[b]", &value, &fault), -ENOMEM);
        assert_int_equal(child(), 0);
        read_one("[c]", "c");
}

static void config_load__child_has_ended__no_memory(void **state)
{
        struct problems problems = { 0 };
        struct config *config = NULL;
        const char text[] = "[node]\nname = \"\\x68all\"\n";

        (void)state;
        read_one("[a]", "a");
        end_child();
        config_text_file("a.conf", text, strlen(text));
        assert_int_equal(config_load("a.conf", &problems, &config), -ENOMEM);
        assert_null(config);
        assert_int_equal(problems.count, 0);
        problems_done(&problems);
}

static void option_rows_check__child_has_ended__gives_the_reason(void **state)
{
        static const struct sconce_option rows[] = {
                { .key = "levels", .type = SCONCE_TYPE_INT, .flags = SCONCE_LIST, .def = "[1, 2]" },
                { .key = NULL },
        };
        char reason[160] = "";

        (void)state;
        read_one("[a]", "a");
        end_child();
        assert_int_equal(option_rows_check(rows, reason), -ENOMEM);
        assert_string_equal(reason, "out of memory");
        assert_int_equal(option_rows_check(rows, reason), 0);
}

static void helper_end__leaves_no_child(void **state)
{
        (void)state;
        read_one("[a]", "a");
        assert_int_not_equal(child(), 0);
        helper_end();
        assert_int_equal(child(), 0);
        helper_end();
}

static int setup(void **state)
{
        helper_enable();
        return config_text_setup(state);
}

static int teardown(void **state)
{
        helper_end();
        return config_text_teardown(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(helper_parse__any_value__as_without_it),
                TEST(helper_parse__bad_value__has_its_line),
                TEST(helper_parse__a_large_value__is_whole),
                TEST(helper_parse__child_has_ended__no_memory_and_the_next_is_read),
                TEST(config_load__child_has_ended__no_memory),
                TEST(option_rows_check__child_has_ended__gives_the_reason),
                TEST(helper_end__leaves_no_child),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
