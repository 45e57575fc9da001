/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-plugin-test: arguments, the checks in turn, totals. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/runner/runner.h"

static const struct check checks[] = {
        { "declares", check_declares }, { "configures", check_configures }, { "options", check_options },
        { "starts", check_starts },     { "reads", check_reads },           { "commands", check_commands },
        { "lives", check_lives },       { "failures", check_failures },     { "deadlines", check_deadlines },
};

static const char usage[] =
        "Usage: sconce-plugin-test [OPTION]... FILE.so [KEY=VALUE]...\n"
        "\n"
        "Tests a Sconce plugin thoroughly, without the agent and without hardware: lines, dimmers, the\n"
        "clock and failing services are those of <sconce/mock.h>. Each KEY=VALUE is an option of the plugin's\n"
        "section. Required options that are not given get a value that fits.\n"
        "\n"
        "Checks:\n"
        "  declares    the file loads, its tables are in order, every row has its help\n"
        "  configures  the options are accepted; configure opens and reports nothing\n"
        "  options     wrong values are refused; every bound, default and choice is survived\n"
        "  starts      start and stop 100 times, without leaking memory, descriptors, threads or processes\n"
        "  reads       20 times\n"
        "  commands    every written channel: its bounds, random values, several at once, the agent's own\n"
        "  lives       commands, edges, reads and time in any order\n"
        "  failures    each service of the host fails once, with EBUSY and with EIO\n"
        "  deadlines   callbacks on the event loop take less than 100 ms, those of a blocking plugin less\n"
        "              than its deadline\n"
        "\n"
        "Each check runs in a process of its own: a plugin that crashes or hangs fails that check alone.\n"
        "\n"
        "      --check NAME one of the checks alone\n"
        "      --seed N     other random values (default 1; the same seed gives the same values)\n"
        "      --timeout S  how long one call may take before it counts as hanging (default 10 seconds)\n"
        "      --allow-untested  exit 0 also when checks could not run, because hardware is missing\n"
        "  -v, --verbose    show what the plugin prints and logs\n"
        "  -V, --version    print the version and exit\n"
        "  -h, --help       print this\n"
        "\n"
        "Exit status: 0 all checks passed, or had nothing to check; 2 none failed, but some could not be done\n"
        "(the plugin does not start, or cannot read, here); 1 anything else.\n"
        "\n"
        "Examples:\n"
        "  sconce-plugin-test ./fan.so\n"
        "  sconce-plugin-test ./fan.so line=GPIO17 pulse=2s\n"
        "  sconce-plugin-test --check commands --seed 7 --verbose ./fan.so\n"
        "  valgrind --leak-check=full sconce-plugin-test --verbose ./fan.so\n";

/* A number of at least 1; 0 for anything else. */
static unsigned number(const char *text)
{
        char *end;
        unsigned long value = strtoul(text, &end, 10);

        return *text >= '0' && *text <= '9' && *end == '\0' && value <= 1000000 ? (unsigned)value : 0;
}

static const struct check *find_check(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                if (strcmp(checks[i].name, name) == 0)
                        return &checks[i];
        return NULL;
}

/* 0 to go on, 1 when all is done already, -EINVAL. */
static int take_option(struct subject *subject, int code)
{
        unsigned *to = code == 's' ? &subject->seed : &subject->limit_s;

        switch (code) {
        case 'h':
                fputs(usage, stdout);
                return 1;
        case 'V':
                puts("sconce-plugin-test " SCONCE_VERSION);
                return 1;
        case 'a':
                subject->allow_untested = true;
                return 0;
        case 'v':
                subject->verbose = true;
                return 0;
        case 'c':
                subject->only = find_check(optarg);
                if (subject->only)
                        return 0;
                fprintf(stderr, "sconce-plugin-test: there is no check \"%s\". Try: sconce-plugin-test --help\n",
                        optarg);
                return -EINVAL;
        case 's':
        case 't':
                *to = number(optarg);
                if (*to > 0)
                        return 0;
                fprintf(stderr, "sconce-plugin-test: \"%s\" is not a number from 1 to 1000000\n", optarg);
                return -EINVAL;
        default:
                fprintf(stderr, "Try: sconce-plugin-test --help\n");
                return -EINVAL;
        }
}

static int take_settings(struct subject *subject, int argc, char *argv[])
{
        for (int i = 0; i < argc; i++) {
                char *equals = strchr(argv[i], '=');
                if (!equals || equals == argv[i]) {
                        fprintf(stderr, "sconce-plugin-test: \"%s\" is not KEY=VALUE\n", argv[i]);
                        return -EINVAL;
                }
                if (subject->n_settings == SETTINGS_MAX / 2) {
                        fprintf(stderr, "sconce-plugin-test: more than %d options\n", SETTINGS_MAX / 2);
                        return -EINVAL;
                }
                *equals = '\0';
                subject->settings[subject->n_settings++] = (struct setting){ .key = argv[i], .value = equals + 1 };
        }
        return 0;
}

static int parse_arguments(struct subject *subject, int argc, char *argv[])
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },          { "version", no_argument, NULL, 'V' },
                { "verbose", no_argument, NULL, 'v' },       { "allow-untested", no_argument, NULL, 'a' },
                { "check", required_argument, NULL, 'c' },   { "seed", required_argument, NULL, 's' },
                { "timeout", required_argument, NULL, 't' }, { 0 },
        };
        int code;

        while ((code = getopt_long(argc, argv, "hVv", options, NULL)) != -1) {
                int r = take_option(subject, code);
                if (r != 0)
                        return r;
        }
        if (optind == argc) {
                fprintf(stderr, "sconce-plugin-test: name a plugin's file. Try: sconce-plugin-test --help\n");
                return -EINVAL;
        }
        if (!realpath(argv[optind], subject->path)) {
                fprintf(stderr, "sconce-plugin-test: %s: %s\n", argv[optind], strerror(errno));
                return -EINVAL;
        }
        return take_settings(subject, argc - optind - 1, argv + optind + 1);
}

/* What is skipped because it cannot be done has shown nothing, and must not look as if it had. */
static int conclude(const struct subject *subject, const unsigned counts[static OUTCOME_UNTESTED + 1])
{
        unsigned untested = counts[OUTCOME_UNTESTED];

        printf("%u passed, %u failed, %u skipped\n", counts[OUTCOME_PASSED], counts[OUTCOME_FAILED],
               counts[OUTCOME_SKIPPED] + untested);
        if (counts[OUTCOME_FAILED] > 0)
                return EXIT_FAILURE;
        if (untested == 0 || subject->allow_untested)
                return EXIT_SUCCESS;
        printf("%u of %zu checks could not be done: the plugin has not been tested. Give it what it needs, as "
               "KEY=VALUE, or a tree that looks like its hardware; --allow-untested takes it as it is\n",
               untested, ARRAY_SIZE(checks));
        return 2;
}

int main(int argc, char *argv[])
{
        struct subject subject = { .limit_s = 10, .seed = 1 };
        unsigned counts[OUTCOME_UNTESTED + 1] = { 0 };
        int r = parse_arguments(&subject, argc, argv);

        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                if (!subject.only || subject.only == &checks[i])
                        counts[child_run(&subject, &checks[i])]++;
        return conclude(&subject, counts);
}
