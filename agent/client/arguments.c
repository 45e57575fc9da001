/* SPDX-License-Identifier: Apache-2.0 */
#include "client/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <sconce/plugin.h>

#include "client/command.h"
#include "config/types.h"
#include "util/suggest.h"

#define OPTION_HELP_MAX 96 /* bytes, with its end */

static const struct option {
        const char *name;
        const char *value;   /* what follows it: "FILE"; NULL: a flag */
        size_t offset;       /* of a const char *, or of a bool */
        const char *command; /* the one that takes it; NULL: all */
        const char *help;
} options[] = {
        { "--config", "FILE", offsetof(struct arguments, config), NULL, "this file, and no other" },
        { "--output", "FILE", offsetof(struct arguments, output), "import",
          "into this file, which must not be there yet" },
        { "--channel", "CHANNEL", offsetof(struct arguments, channel), "trend", "this channel alone" },
        { "--24h", NULL, offsetof(struct arguments, day), "trend", "the last day, by 5 minutes (the default)" },
        { "--7d", NULL, offsetof(struct arguments, week), "trend", "the last week, by the hour" },
        { "--ascii", NULL, offsetof(struct arguments, ascii), "trend", "without characters beyond ASCII" },
        { "--json", NULL, offsetof(struct arguments, json), NULL, "JSON instead of text" },
        { "--since", "TIME", offsetof(struct arguments, since), "history", "how far back (24h)" },
        { "--follow", NULL, offsetof(struct arguments, follow), "history", "then what comes, until Ctrl-C" },
        { "--csv", NULL, offsetof(struct arguments, csv), "history", "comma-separated values" },
        { "--timeout", "TIME", offsetof(struct arguments, timeout), NULL,
          "how long to wait for the broker, and then for an answer (5s)" },
        { "--verbose", NULL, offsetof(struct arguments, verbose), NULL, "show how the connection is made" },
        { "--help", NULL, offsetof(struct arguments, help), NULL, "this help; after a command, that command's" },
        { "--version", NULL, offsetof(struct arguments, version), NULL, "print the version" },
};

static const struct sconce_option timeout_row = SCONCE_OPTION_DURATION(
        struct arguments, timeout_us, "timeout", 0, "how long to wait", .def = "5s", .min = "100ms", .max = "1h");

static const struct sconce_option since_row = SCONCE_OPTION_DURATION(
        struct arguments, since_us, "since", 0, "how far back", .def = "24h", .min = "1m", .max = "7d");

static int unknown_option(const char *word, struct fault *fault)
{
        struct suggestion suggestion = { .wanted = word };
        char hint[SUGGESTION_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                suggestion_offer(&suggestion, options[i].name);
        return fault_set(fault, -EINVAL, "there is no option %.60s%s (sconce --help lists them)", word,
                         suggestion_text(&suggestion, hint));
}

static int unknown_command(const char *word, const struct client_command *const *commands, struct fault *fault)
{
        struct suggestion suggestion = { .wanted = word };
        char hint[SUGGESTION_MAX];

        for (; *commands; commands++)
                suggestion_offer(&suggestion, (*commands)->name);
        return fault_set(fault, -EINVAL, "there is no command %.60s%s (sconce --help lists them)", word,
                         suggestion_text(&suggestion, hint));
}

static const char *long_name(const char *word)
{
        return strcmp(word, "-h") == 0 ? "--help" : strcmp(word, "-o") == 0 ? "--output" : word;
}

/* Takes `argv[*at]`, and the value after it where it wants one. */
static int read_option(char **argv, int *at, struct arguments *arguments, struct fault *fault)
{
        const char *word = long_name(argv[*at]);
        size_t length = strcspn(word, "=");

        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                if (strlen(options[i].name) != length || strncmp(options[i].name, word, length) != 0)
                        continue;
                void *field = (char *)arguments + options[i].offset;
                if (!options[i].value) {
                        if (word[length])
                                return fault_set(fault, -EINVAL, "%s takes no value", options[i].name);
                        *(bool *)field = true;
                        return 0;
                }
                const char *value = word[length] ? word + length + 1 : argv[*at + 1];
                if (!value)
                        return fault_set(fault, -EINVAL, "%s wants a value: %s %s", options[i].name, options[i].name,
                                         options[i].value);
                *at += !word[length];
                *(const char **)field = value;
                return 0;
        }
        return unknown_option(word, fault);
}

/* -5 is a value, not an option. */
static bool is_option(const char *word)
{
        return word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]) && word[1] != '.';
}

static int read_timeout(struct arguments *arguments, struct fault *fault)
{
        char reason[160];
        const char *text = arguments->timeout ? arguments->timeout : timeout_row.def;

        if (option_parse(&timeout_row, text, reason, &arguments->timeout_us) < 0)
                return fault_set(fault, -EINVAL, "--timeout %.60s: %s", text, reason);
        return 0;
}

static int read_since(struct arguments *arguments, struct fault *fault)
{
        char reason[160];
        const char *text = arguments->since ? arguments->since : since_row.def;

        if (option_parse(&since_row, text, reason, &arguments->since_us) < 0)
                return fault_set(fault, -EINVAL, "--since %.60s: %s", text, reason);
        return 0;
}

static bool is_given(const struct option *option, const struct arguments *arguments)
{
        const void *field = (const char *)arguments + option->offset;

        return option->value ? *(const char *const *)field != NULL : *(const bool *)field;
}

static bool is_taken_by(const struct option *option, const struct client_command *command)
{
        return !command || !option->command || strcmp(option->command, command->name) == 0;
}

static int check_options(const struct arguments *arguments, struct fault *fault)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                if (is_given(&options[i], arguments) && !is_taken_by(&options[i], arguments->command))
                        return fault_set(fault, -EINVAL, "%s is for `sconce %s`", options[i].name, options[i].command);
        }
        return 0;
}

static int check_count(const struct arguments *arguments, struct fault *fault)
{
        const struct client_command *command = arguments->command;

        if (!command || arguments->help || (arguments->count >= command->min && arguments->count <= command->max))
                return 0;
        return fault_set(fault, -EINVAL, "too %s words: sconce %s%s%s",
                         arguments->count < command->min ? "few" : "many", command->name, *command->words ? " " : "",
                         command->words);
}

static int find_command(const char *word, const struct client_command *const *commands, struct arguments *ret,
                        struct fault *fault)
{
        for (size_t i = 0; commands[i]; i++) {
                if (strcmp(commands[i]->name, word) == 0) {
                        ret->command = commands[i];
                        return 0;
                }
        }
        return unknown_command(word, commands, fault);
}

int arguments_read(int argc, char **argv, const struct client_command *const *commands, struct arguments *ret,
                   struct fault *fault)
{
        struct arguments arguments = { .words = argv + 1 };
        bool options_end = false;
        int r = 0;

        for (int i = 1; i < argc && r == 0; i++) {
                if (!options_end && strcmp(argv[i], "--") == 0)
                        options_end = true;
                else if (!options_end && is_option(argv[i]))
                        r = read_option(argv, &i, &arguments, fault);
                else if (!arguments.command && strcmp(argv[i], "help") == 0)
                        arguments.help = true; /* what many programs call it */
                else if (!arguments.command)
                        r = find_command(argv[i], commands, &arguments, fault);
                else
                        arguments.words[arguments.count++] = argv[i];
        }
        if (r == 0)
                r = read_timeout(&arguments, fault);
        if (r == 0)
                r = read_since(&arguments, fault);
        if (r == 0)
                r = check_count(&arguments, fault);
        if (r == 0)
                r = check_options(&arguments, fault);
        if (r == 0)
                *ret = arguments;
        return r;
}

static void help_for_all(FILE *out, const struct client_command *const *commands)
{
        fputs("Usage: sconce COMMAND [WORD...] [OPTION...]\n\n"
              "Shows and switches what the nodes of a house have, over its MQTT broker.\n\n"
              "Commands:\n",
              out);
        for (; *commands; commands++)
                fprintf(out, "  %-8s%-17s%s\n", (*commands)->name, (*commands)->words, (*commands)->summary);
}

static void help_for_one(FILE *out, const struct client_command *command)
{
        fprintf(out, "Usage: sconce %s%s%s [OPTION...]\n\n%s.\n\n%s", command->name, *command->words ? " " : "",
                command->words, command->summary, command->text);
}

/* Names the command that takes it, where the help is not that command's own. */
static const char *help_of(const struct option *option, const struct client_command *command, char ret[OPTION_HELP_MAX])
{
        bool is_named = option->command && !command;

        (void)snprintf(ret, OPTION_HELP_MAX, "%s%s%s", is_named ? option->command : "", is_named ? ": " : "",
                       option->help);
        return ret;
}

void arguments_help(FILE *out, const struct client_command *const *commands, const struct client_command *command)
{
        if (command)
                help_for_one(out, command);
        else
                help_for_all(out, commands);
        fputs("\nOptions, anywhere on the line:\n", out);
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                char help[OPTION_HELP_MAX];
                if (is_taken_by(&options[i], command))
                        fprintf(out, "  %s %-*s %s\n", options[i].name, 18 - (int)strlen(options[i].name),
                                options[i].value ? options[i].value : "", help_of(&options[i], command, help));
        }
        if (!command)
                fputs("\nThe broker and the certificate are named in ~/.config/sconce/client.conf, or else "
                      "in\n" SCONCE_SYSCONFDIR "/sconce/client.conf. `sconce COMMAND --help` has examples.\n"
                      "Exit codes: 0 done, 1 refused or not there, 2 wrong words,\n"
                      "3 no broker or no answer in time, 78 bad config.\n",
                      out);
}

void arguments_describe_options(enum describe_form form, FILE *out)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                char help[OPTION_HELP_MAX];
                describe_item(out, options[i].name, options[i].value ? options[i].value : "",
                              help_of(&options[i], NULL, help), form);
        }
}

void arguments_describe_commands(const struct client_command *const *commands, enum describe_form form, FILE *out)
{
        for (; *commands; commands++)
                describe_item(out, (*commands)->name, (*commands)->words, (*commands)->summary, form);
}
