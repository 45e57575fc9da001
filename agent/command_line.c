/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "util/suggest.h"

/* A row's number is its code for getopt, from here on: out of the letters' way. */
enum { CODE_FIRST = 256 };

struct row {
        const char *name;
        char letter;       /* 0: none */
        const char *value; /* what follows it: "FILE", "[PLUGIN]" where it may be left out; NULL: nothing */
        const char *help;
        const char *def; /* of this build; NULL: none worth a word */
        int (*take)(struct command_line *line, const struct row *row, const char *value);
        int (*mode)(
                const struct mode_options *options); /* prints something or acts once, instead of running the agent */
};

static const char before[] =
        "sconced [OPTION…]\n"
        "The Sconce home-automation agent: publishes what GPIO lines and sensors read over MQTT, and switches what\n"
        "its plugins drive. Runs in the foreground until SIGTERM; SIGHUP reloads the config, SIGUSR1 toggles debug.\n"
        "\n";
static const char after[] = "\n"
                            "Exit status: 0 a clean stop, 78 a wrong config, 1 anything else.\n"
                            "\n"
                            "Examples:\n"
                            "  sconced --check\n"
                            "  sconced --describe lamp\n"
                            "  sconced --config ./sconce.conf --plugins build/plugins --log-level debug\n";

static int take_config(struct command_line *line, const struct row *row, const char *value)
{
        (void)row;
        line->options.config_path = value;
        return 0;
}

static int take_plugins(struct command_line *line, const struct row *row, const char *value)
{
        (void)row;
        line->options.plugin_dir = value;
        return 0;
}

static int take_log_level(struct command_line *line, const struct row *row, const char *value)
{
        if (log_level_from_name(value, &line->log_level) < 0) {
                fprintf(stderr, "sconced: --%s %s: allowed are %s\n", row->name, value, log_level_names());
                return -EINVAL;
        }
        return 0;
}

static int take_mode(struct command_line *line, const struct row *row, const char *value)
{
        if (line->mode) {
                fprintf(stderr, "sconced: --%s and --%s cannot go together\n", line->mode_name, row->name);
                return -EINVAL;
        }
        line->mode = row->mode;
        line->mode_name = row->name;
        line->options.argument = value;
        return 0;
}

static int take_version(struct command_line *line, const struct row *row, const char *value)
{
        (void)line;
        (void)row;
        (void)value;
        puts("sconced " SCONCE_VERSION);
        return 1;
}

static int take_help(struct command_line *line, const struct row *row, const char *value)
{
        (void)line;
        (void)row;
        (void)value;
        fputs(before, stdout);
        command_line_describe(DESCRIBE_TEXT, stdout);
        fputs(after, stdout);
        return 1;
}

static const struct row rows[] = {
        { "config", 'c', "FILE", "the config; conf.d/*.conf beside it is read after it",
          SCONCE_SYSCONFDIR "/sconce/sconce.conf", take_config, NULL },
        { "plugins", 0, "DIR", "where plugins are", SCONCE_PLUGIN_DIR, take_plugins, NULL },
        { "log-level", 0, "LEVEL", "error, warning, notice, info (the default) or debug", NULL, take_log_level, NULL },
        { "check", 0, NULL, "check the config and exit; opens no hardware and no network", NULL, take_mode,
          mode_check },
        { "describe", 0, "[PLUGIN]",
          "print what a plugin (a name, or a path to a .so) or a section declares; all without PLUGIN", NULL, take_mode,
          mode_describe },
        { "dump-config", 0, NULL, "print each effective value and where it came from, secrets masked", NULL, take_mode,
          mode_dump_config },
        { "lines", 0, NULL, "print the GPIO lines of this machine and who uses them", NULL, take_mode, mode_lines },
        { "outputs-safe", 0, NULL, "bring every output to its declared safe state and exit; after a crash", NULL,
          take_mode, mode_outputs_safe },
        { "version", 'V', NULL, "print the version", NULL, take_version, NULL },
        { "help", 'h', NULL, "print this", NULL, take_help, NULL },
};

/* "-c, --config FILE" */
static void write_term(const struct row *row, char term[static 64])
{
        char letter[8] = "";

        if (row->letter)
                (void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
        (void)snprintf(term, 64, "%s--%s%s%s", letter, row->name, row->value ? " " : "", row->value ? row->value : "");
}

void command_line_describe(enum describe_form form, FILE *out)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char term[64];
                write_term(&rows[i], term);
                /* Where this build has its files is no business of a manual. */
                if (form != DESCRIBE_TEXT)
                        describe_item(out, term, "", rows[i].help, form);
                else
                        fprintf(out, "  %s%-*s %s%s%s%s\n", rows[i].letter ? "" : "    ", rows[i].letter ? 23 : 19,
                                term, rows[i].help, rows[i].def ? " (default " : "", rows[i].def ? rows[i].def : "",
                                rows[i].def ? ")" : "");
        }
}

static int wants_value(const struct row *row)
{
        if (!row->value)
                return no_argument;
        return row->value[0] == '[' ? optional_argument : required_argument;
}

static void make_getopt(struct option options[static ARRAY_SIZE(rows) + 1],
                        char letters[static 2 * ARRAY_SIZE(rows) + 1])
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                options[i] = (struct option){ rows[i].name, wants_value(&rows[i]), NULL, CODE_FIRST + (int)i };
                if (rows[i].letter)
                        *letters++ = rows[i].letter;
                if (rows[i].letter && rows[i].value)
                        *letters++ = ':';
        }
        options[ARRAY_SIZE(rows)] = (struct option){ 0 };
        *letters = '\0';
}

static const struct row *find_row(int code)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (code == CODE_FIRST + (int)i || (rows[i].letter && code == rows[i].letter))
                        return &rows[i];
        return NULL;
}

/* --describe PLUGIN as well as --describe=PLUGIN. */
static int read_rest(int argc, char *argv[], struct command_line *line)
{
        if (optind < argc && line->mode == mode_describe && !line->options.argument)
                line->options.argument = argv[optind++];
        if (optind < argc) {
                fprintf(stderr, "sconced: \"%s\": sconced takes options only. Try: sconced --help\n", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

/* getopt has printed what it does not know; this is what it may have been. */
static int suggest_option(const char *word)
{
        struct suggestion suggestion = { .wanted = word + strspn(word, "-") };
        char hint[SUGGESTION_MAX];

        for (size_t i = 0; strncmp(word, "--", 2) == 0 && i < ARRAY_SIZE(rows); i++)
                suggestion_offer(&suggestion, rows[i].name);
        if (*suggestion_text(&suggestion, hint))
                fprintf(stderr, "Did you mean --%s? ", suggestion.best);
        fprintf(stderr, "Try: sconced --help\n");
        return -EINVAL;
}

int command_line_read(int argc, char *argv[], struct command_line *ret)
{
        struct option options[ARRAY_SIZE(rows) + 1];
        char letters[2 * ARRAY_SIZE(rows) + 1];
        int code;

        *ret = (struct command_line){
                .options = { .config_path = SCONCE_SYSCONFDIR "/sconce/sconce.conf", .plugin_dir = SCONCE_PLUGIN_DIR },
                .log_level = LOG_INFO,
        };
        make_getopt(options, letters);
        while ((code = getopt_long(argc, argv, letters, options, NULL)) != -1) {
                const struct row *row = find_row(code);
                if (!row)
                        return suggest_option(argv[optind - 1]);
                int r = row->take(ret, row, optarg);
                if (r != 0)
                        return r;
        }
        return read_rest(argc, argv, ret);
}
