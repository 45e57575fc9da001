/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-plugin-new: what it writes, and names that it does not take. That its plugins work is test_guide's
 * business. */
#include <setjmp.h>
#include <stdarg.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/config_text.h"
#include "fakes/output_of.h"
#include "util/macro.h"
#include "util/reserved.h"

static char program[PATH_MAX];

/* Without an installed SDK, which may have plugins of any name. */
static char *run(const char *name, int *ret_status)
{
        static const char *const env[] = { "PKG_CONFIG=false", NULL };
        const char *const argv[] = { program, name, NULL };

        return output_of(argv, env, ret_status);
}

static void assert_file_holds(const char *path, const char *text)
{
        char content[8192];
        FILE *file = fopen(path, "re");

        assert_non_null(file);
        size_t size = fread(content, 1, sizeof(content) - 1, file);
        (void)fclose(file);
        content[size] = '\0';
        if (!strstr(content, text))
                fail_msg("%s: no \"%s\"", path, text);
        assert_null(strstr(content, "@name@"));
}

static void plugin_new__good_name__four_files(void **state)
{
        int status;
        char *output = run("my_fan2", &status);

        (void)state;
        assert_string_equal(output, "A new plugin:\n"
                                    "  my_fan2/my_fan2.c\n"
                                    "  my_fan2/test_my_fan2.c\n"
                                    "  my_fan2/Makefile\n"
                                    "  my_fan2/README.md\n"
                                    "Next: cd my_fan2 && make && make check\n");
        assert_int_equal(status, 0);
        assert_file_holds("my_fan2/my_fan2.c", ".name = \"my_fan2\"");
        assert_file_holds("my_fan2/test_my_fan2.c", "./my_fan2.so");
        assert_file_holds("my_fan2/Makefile", "name       := my_fan2\n");
        assert_file_holds("my_fan2/README.md", "[my_fan2 first]");
        free(output);
}

static void plugin_new__directory_is_there__untouched(void **state)
{
        int status;

        (void)state;
        assert_int_equal(mkdir("fan", 0700), 0);
        char *output = run("fan", &status);
        assert_string_equal(output, "sconce-plugin-new: \"fan\" is there already, and is not touched\n");
        assert_int_equal(status, 1);
        assert_int_equal(rmdir("fan"), 0); /* still empty */
        free(output);
}

static void plugin_new__dangling_link__untouched(void **state)
{
        int status;

        (void)state;
        assert_int_equal(symlink("elsewhere", "fan"), 0);
        char *output = run("fan", &status);
        assert_string_equal(output, "sconce-plugin-new: \"fan\" is there already, and is not touched\n");
        assert_int_equal(access("elsewhere", F_OK), -1);
        free(output);
}

static void plugin_new__bad_name__one_sentence(void **state)
{
        static const struct {
                const char *name, *text;
        } cases[] = {
                { NULL, "give one name. Try: sconce-plugin-new --help\n" },
                { "", "the name is empty. Try: sconce-plugin-new --help\n" },
                { "Fan", "\"Fan\": a name begins with a lower-case letter\n" },
                { "2fans", "\"2fans\": a name begins with a lower-case letter\n" },
                { "../fan", "\"../fan\": a name begins with a lower-case letter\n" },
                { "fan-2", "\"fan-2\": a name has lower-case letters, digits and underscores only\n" },
                { "fan/x", "\"fan/x\": a name has lower-case letters, digits and underscores only\n" },
                { "f\nan", "\"f\nan\": a name has lower-case letters, digits and underscores only\n" },
                { "node", "\"node\" is reserved: [node] is a section of the agent's own. Choose another name\n" },
                { "history", "\"history\" is reserved: [history] is a section of the agent's own. Choose "
                             "another name\n" },
                { "register", "\"register\" is a word of the C language, which a plugin cannot be called after\n" },
                { "--fan", "there is no option \"--fan\". Try: sconce-plugin-new --help\n" },
                { "a2345678901234567890123456789012345678901",
                  "\"a2345678901234567890123456789012345678901\": a name has at most 40 characters\n" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char expected[256];
                int status;
                char *output = run(cases[i].name, &status);
                (void)snprintf(expected, sizeof(expected), "sconce-plugin-new: %s", cases[i].text);
                assert_string_equal(output, expected);
                assert_int_equal(status, 1);
                free(output);
        }
}

/* The program's list is a shell's: it has each word that the agent's has. */
static void plugin_new__section_of_the_agents__refused(void **state)
{
        const char *word;

        (void)state;
        for (size_t at = 0; (word = reserved_next(&at, RESERVED_SECTION));) {
                char expected[256];
                int status;
                char *output = run(word, &status);
                (void)snprintf(expected, sizeof(expected),
                               "sconce-plugin-new: \"%s\" is reserved: [%s] is a section of the agent's own. Choose "
                               "another name\n",
                               word, word);
                assert_string_equal(output, expected);
                assert_int_equal(status, 1);
                free(output);
        }
}

static void plugin_new__installed_plugin__refused(void **state)
{
        static const char *const env[] = { "PKG_CONFIG=./pkg-config", NULL };
        const char *const argv[] = { program, "lamp", NULL };
        static const char script[] = "#!/bin/sh\necho plugins\n";
        int status;

        (void)state;
        config_text_file("pkg-config", script, sizeof(script) - 1);
        assert_int_equal(chmod("pkg-config", 0700), 0);
        assert_int_equal(mkdir("plugins", 0700), 0);
        config_text_file("plugins/lamp.so", "", 0);
        char *output = output_of(argv, env, &status);
        assert_string_equal(output, "sconce-plugin-new: there is a plugin \"lamp\" already: plugins/lamp.so. Choose "
                                    "another name\n");
        assert_int_equal(status, 1);
        free(output);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, config_text_setup, config_text_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(plugin_new__good_name__four_files),          TEST(plugin_new__directory_is_there__untouched),
                TEST(plugin_new__dangling_link__untouched),       TEST(plugin_new__bad_name__one_sentence),
                TEST(plugin_new__section_of_the_agents__refused), TEST(plugin_new__installed_plugin__refused),
        };

        if (!realpath("agent/sdk/sconce-plugin-new", program))
                return 1; /* run it from the top of the source tree */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
