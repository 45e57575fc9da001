/* SPDX-License-Identifier: Apache-2.0 */
/* What was typed after `sconce`. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/arguments.h"
#include "client/command.h"

#define ARGUMENTS_MAX 8

static const struct client_command list = { .name = "list", .words = "", .summary = "Lists", .text = "Text\n" };
static const struct client_command set = {
        .name = "set", .words = "DEVICE VALUE...", .summary = "Sets", .min = 2, .max = 9
};
static const struct client_command *const commands[] = { &list, &set, NULL };

/* argv is put in order while it is read, so each line has its own. */
struct line {
        char texts[ARGUMENTS_MAX][64];
        char *argv[ARGUMENTS_MAX + 1];
        int argc;
        struct arguments arguments;
        struct fault fault;
};

static int read_line(struct line *line, const char *const typed[])
{
        *line = (struct line){ 0 };
        for (line->argc = 0; typed[line->argc]; line->argc++) {
                (void)snprintf(line->texts[line->argc], sizeof(line->texts[0]), "%s", typed[line->argc]);
                line->argv[line->argc] = line->texts[line->argc];
        }
        return arguments_read(line->argc, line->argv, commands, &line->arguments, &line->fault);
}

#define READ(line, ...) read_line(line, (const char *const[]){ "sconce", __VA_ARGS__, NULL })

static void arguments_read__command_and_words__are_distinguished_from_options(void **state)
{
        (void)state;
        struct line line;

        assert_int_equal(READ(&line, "--json", "set", "kitchen", "--config", "a.conf", "on", "--timeout=1.5s"), 0);
        assert_ptr_equal(line.arguments.command, &set);
        assert_int_equal(line.arguments.count, 2);
        assert_string_equal(line.arguments.words[0], "kitchen");
        assert_string_equal(line.arguments.words[1], "on");
        assert_string_equal(line.arguments.config, "a.conf");
        assert_int_equal(line.arguments.timeout_us, 1500000);
        assert_true(line.arguments.json);
        assert_false(line.arguments.verbose);
}

static void arguments_read__nothing__is_no_command_with_defaults(void **state)
{
        (void)state;
        struct line line;

        assert_int_equal(read_line(&line, (const char *const[]){ "sconce", NULL }), 0);
        assert_null(line.arguments.command);
        assert_null(line.arguments.config);
        assert_int_equal(line.arguments.timeout_us, 5000000);
}

static void arguments_read__negative_number__is_a_word(void **state)
{
        (void)state;
        struct line line;

        assert_int_equal(READ(&line, "set", "heater", "-5"), 0);
        assert_string_equal(line.arguments.words[1], "-5");
        assert_int_equal(READ(&line, "set", "heater", "-.5"), 0);
        assert_int_equal(READ(&line, "set", "sign", "--", "--json"), 0);
        assert_string_equal(line.arguments.words[1], "--json");
        assert_false(line.arguments.json);
}

static void arguments_read__help_of_a_command__needs_no_words(void **state)
{
        (void)state;
        struct line line;

        assert_int_equal(READ(&line, "help", "set"), 0);
        assert_true(line.arguments.help);
        assert_string_equal(line.arguments.command->name, "set");
        assert_int_equal(READ(&line, "set", "-h"), 0);
        assert_true(line.arguments.help);
        assert_ptr_equal(line.arguments.command, &set);
}

static void arguments_read__wrong_words__are_reported_with_what_to_do(void **state)
{
        static const struct {
                const char *typed[5], *text;
        } samples[] = {
                { { "sconce", "sett" }, "there is no command sett; did you mean set (sconce --help lists them)" },
                { { "sconce", "frobnicate" }, "there is no command frobnicate (sconce --help lists them)" },
                { { "sconce", "list", "--jsno" },
                  "there is no option --jsno; did you mean --json (sconce --help lists them)" },
                { { "sconce", "list", "-x" }, "there is no option -x (sconce --help lists them)" },
                { { "sconce", "list", "--json=yes" }, "--json takes no value" },
                { { "sconce", "list", "--config" }, "--config wants a value: --config FILE" },
                { { "sconce", "set", "kitchen" }, "too few words: sconce set DEVICE VALUE..." },
                { { "sconce", "list", "--7d" }, "--7d is for `sconce trend`" },
                { { "sconce", "list", "all" }, "too many words: sconce list" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct line line;
                assert_int_equal(read_line(&line, samples[i].typed), -EINVAL);
                assert_string_equal(line.fault.text, samples[i].text);
        }
}

static void arguments_read__timeout__is_a_duration_with_a_unit(void **state)
{
        (void)state;
        struct line line;

        assert_int_equal(READ(&line, "list", "--timeout", "5"), -EINVAL);
        assert_non_null(strstr(line.fault.text, "--timeout 5: "));
        assert_int_equal(READ(&line, "list", "--timeout", "0s"), -EINVAL);
        assert_int_equal(READ(&line, "list", "--timeout", "250ms"), 0);
        assert_int_equal(line.arguments.timeout_us, 250000);
}

static void arguments_read__since_follow_and_csv__for_history_alone(void **state)
{
        (void)state;
        struct line line;

        assert_int_equal(READ(&line, "list", "--since", "2h"), -EINVAL);
        assert_string_equal(line.fault.text, "--since is for `sconce history`");
        assert_int_equal(READ(&line, "list", "--follow"), -EINVAL);
        assert_int_equal(READ(&line, "list"), 0);
        assert_int_equal(line.arguments.since_us, 24 * 3600 * 1000000ULL);
}

static void arguments_help__for_all__names_every_command_and_option(void **state)
{
        static const char *const words[] = { "list",   "set     DEVICE VALUE...", "--config FILE",
                                             "--json", "--timeout TIME",          "78" };
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)state;
        assert_non_null(out);
        arguments_help(out, commands, NULL);
        (void)fclose(out);
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                assert_non_null(strstr(text, words[i]));
        free(text);
}

static void arguments_help__for_one__names_the_options_that_it_takes(void **state)
{
        static const struct client_command trend = { .name = "trend", .words = "", .summary = "", .text = "" };
        char *text = NULL;
        size_t size = 0;

        (void)state;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        arguments_help(out, commands, &trend);
        assert_int_equal(fclose(out), 0);
        assert_non_null(strstr(text, "--channel CHANNEL   this channel alone\n"));
        assert_non_null(strstr(text, "--timeout TIME"));
        assert_null(strstr(text, "--csv"));
        assert_null(strstr(text, "--output"));
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(arguments_read__command_and_words__are_distinguished_from_options),
                cmocka_unit_test(arguments_read__nothing__is_no_command_with_defaults),
                cmocka_unit_test(arguments_read__negative_number__is_a_word),
                cmocka_unit_test(arguments_read__help_of_a_command__needs_no_words),
                cmocka_unit_test(arguments_read__wrong_words__are_reported_with_what_to_do),
                cmocka_unit_test(arguments_read__timeout__is_a_duration_with_a_unit),
                cmocka_unit_test(arguments_read__since_follow_and_csv__for_history_alone),
                cmocka_unit_test(arguments_help__for_all__names_every_command_and_option),
                cmocka_unit_test(arguments_help__for_one__names_the_options_that_it_takes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
