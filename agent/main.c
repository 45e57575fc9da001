/* SPDX-License-Identifier: Apache-2.0 */
/* sconced: arguments -> set-up -> run -> exit code. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "modes.h"
#include "util/cleanup.h"
#include "util/log.h"

enum { EXIT_BAD_CONFIG = 78 }; /* EX_CONFIG: the unit does not restart on it */

enum option_code {
        OPTION_CONFIG = 'c',
        OPTION_HELP = 'h',
        OPTION_VERSION = 'V',
        OPTION_PLUGINS = 256,
        OPTION_LOG_LEVEL,
        OPTION_MODE,
};

struct arguments {
        struct mode_options options;
        int (*mode)(const struct mode_options *options); /* NULL: run the agent */
        const char *mode_name;
        int log_level;
};

/* A mode prints something or acts once, instead of running the agent. */
static const struct mode {
        const char *name;
        int argument;
        int (*run)(const struct mode_options *options);
} modes[] = {
        { "check", no_argument, mode_check },
        { "describe", optional_argument, mode_describe },
        { "dump-config", no_argument, mode_dump_config },
        { "lines", no_argument, mode_lines },
        { "outputs-safe", no_argument, mode_outputs_safe },
};

static const char usage[] =
        "sconced [OPTION…]\n"
        "The Sconce home-automation agent: publishes what GPIO lines and sensors read over MQTT, and switches what\n"
        "its plugins drive. Runs in the foreground until SIGTERM; SIGHUP reloads the config, SIGUSR1 toggles debug.\n"
        "\n"
        "  -c, --config FILE       the config (default " SCONCE_SYSCONFDIR "/sconce/sconce.conf, and conf.d/*.conf beside it)\n"
        "      --plugins DIR       where plugins are (default " SCONCE_PLUGIN_DIR ")\n"
        "      --log-level LEVEL   error, warning, notice, info (default) or debug\n"
        "      --check             check the config and exit; opens no hardware and no network\n"
        "      --describe [PLUGIN] print what a plugin (a name, or a path to a .so) declares; all without PLUGIN\n"
        "      --dump-config       print each effective value and where it came from, secrets masked\n"
        "      --lines             print the GPIO lines of this machine and who uses them\n"
        "      --outputs-safe      bring every output to its declared safe state and exit; after a crash\n"
        "  -V, --version           print the version\n"
        "  -h, --help              print this\n"
        "\n"
        "Exit status: 0 a clean stop, 78 a wrong config, 1 anything else.\n"
        "\n"
        "Examples:\n"
        "  sconced --check\n"
        "  sconced --describe lamp\n"
        "  sconced --config ./sconce.conf --plugins build/plugins --log-level debug\n";

static void long_options(struct option options[static ARRAY_SIZE(modes) + 6])
{
        size_t n = 0;

        options[n++] = (struct option){ "config", required_argument, NULL, OPTION_CONFIG };
        options[n++] = (struct option){ "plugins", required_argument, NULL, OPTION_PLUGINS };
        options[n++] = (struct option){ "log-level", required_argument, NULL, OPTION_LOG_LEVEL };
        options[n++] = (struct option){ "help", no_argument, NULL, OPTION_HELP };
        options[n++] = (struct option){ "version", no_argument, NULL, OPTION_VERSION };
        for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
                options[n++] = (struct option){ modes[i].name, modes[i].argument, NULL, OPTION_MODE + (int)i };
        options[n] = (struct option){ 0 };
}

static int set_mode(struct arguments *arguments, const struct mode *mode, const char *argument)
{
        if (arguments->mode) {
                fprintf(stderr, "sconced: --%s and --%s cannot go together\n", arguments->mode_name, mode->name);
                return -EINVAL;
        }
        arguments->mode = mode->run;
        arguments->mode_name = mode->name;
        arguments->options.argument = argument;
        return 0;
}

static int set_log_level(struct arguments *arguments, const char *name)
{
        if (log_level_from_name(name, &arguments->log_level) < 0) {
                fprintf(stderr, "sconced: --log-level %s: allowed are %s\n", name, log_level_names());
                return -EINVAL;
        }
        return 0;
}

/* 0 to go on, 1 when all is done already, -EINVAL. */
static int take_option(struct arguments *arguments, int code)
{
        switch (code) {
        case OPTION_CONFIG:
                arguments->options.config_path = optarg;
                return 0;
        case OPTION_PLUGINS:
                arguments->options.plugin_dir = optarg;
                return 0;
        case OPTION_LOG_LEVEL:
                return set_log_level(arguments, optarg);
        case OPTION_HELP:
                fputs(usage, stdout);
                return 1;
        case OPTION_VERSION:
                puts("sconced " SCONCE_VERSION);
                return 1;
        default:
                if (code >= OPTION_MODE && code < OPTION_MODE + (int)ARRAY_SIZE(modes))
                        return set_mode(arguments, &modes[code - OPTION_MODE], optarg);
                fprintf(stderr, "Try: sconced --help\n");
                return -EINVAL;
        }
}

static int parse_arguments(int argc, char *argv[], struct arguments *arguments)
{
        struct option options[ARRAY_SIZE(modes) + 6];
        int code;

        long_options(options);
        while ((code = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
                int r = take_option(arguments, code);
                if (r != 0)
                        return r;
        }
        /* --describe PLUGIN as well as --describe=PLUGIN. */
        if (optind < argc && arguments->mode == mode_describe && !arguments->options.argument)
                arguments->options.argument = argv[optind++];
        if (optind < argc) {
                fprintf(stderr, "sconced: \"%s\": sconced takes options only. Try: sconced --help\n", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

static int exit_status(int r)
{
        if (r >= 0)
                return EXIT_SUCCESS;
        return r == -EINVAL ? EXIT_BAD_CONFIG : EXIT_FAILURE;
}

static int run(const struct arguments *arguments, enum agent_end *ret_end)
{
        const struct agent_options options = {
                .config_path = arguments->options.config_path,
                .plugin_dir = arguments->options.plugin_dir,
                .log_level = arguments->log_level,
        };
        struct agent *agent = NULL;
        int r = agent_new(&options, &agent);

        if (r >= 0)
                r = agent_run(agent, ret_end);
        agent_free(agent);
        return r;
}

int main(int argc, char *argv[])
{
        struct arguments arguments = {
                .options = { .config_path = SCONCE_SYSCONFDIR "/sconce/sconce.conf", .plugin_dir = SCONCE_PLUGIN_DIR },
                .log_level = LOG_INFO,
        };
        enum agent_end end = AGENT_STOP;
        /* Before anything changes the directory or replaces the file: a restart runs what stands at this path then. */
        CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);
        int r = parse_arguments(argc, argv, &arguments);

        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (!arguments.mode)
                agent_hold_signals();
        log_open();
        log_set_level(arguments.log_level);
        if (arguments.mode)
                return exit_status(arguments.mode(&arguments.options));

        r = run(&arguments, &end);
        if (r < 0 || end != AGENT_RESTART)
                return exit_status(r);

        execv(self ? self : argv[0], argv);
        log_error("cannot execute %s again: %s", self ? self : argv[0], strerror(errno));
        return EXIT_FAILURE;
}
