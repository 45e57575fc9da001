/* SPDX-License-Identifier: Apache-2.0 */
/* sconce: the command that shows and switches what the nodes of a house have. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/arguments.h"
#include "client/client.h"
#include "client/command.h"
#include "client/shown.h"
#include "util/log.h"

/* The terminal's characters, for widths and for what can be printed; numbers stay as in JSON. The plain C locale means
 * that none was chosen: then UTF-8, which is what arrives. */
static void choose_locale(void)
{
        const char *codeset;

        if (!setlocale(LC_CTYPE, "") || !(codeset = nl_langinfo(CODESET)) || strcmp(codeset, "ANSI_X3.4-1968") == 0)
                (void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* The session logs as in a daemon; here it is for --verbose, as text for people. */
static void on_log(void *userdata, int level, const struct log_about *about, const char *text)
{
        const bool *verbose = userdata;

        (void)level;
        (void)about;
        if (*verbose)
                shown_say("%s", text);
}

static int run(struct arguments *arguments)
{
        struct fault fault = { 0 };
        const struct client_command *command = arguments->command;

        if (command->check && command->check(arguments, &fault) < 0) {
                shown_say("%s", fault.text);
                return EXIT_USAGE;
        }
        log_set_sink(on_log, &arguments->verbose);
        if (arguments->verbose)
                log_set_level(LOG_DEBUG);
        return command->run ? command->run(arguments) : client_run(arguments, stdout);
}

int main(int argc, char **argv)
{
        struct arguments arguments = { 0 };
        struct fault fault = { 0 };
        int exit_code = 0;

        choose_locale();
        (void)signal(SIGPIPE, SIG_IGN);
        if (arguments_read(argc, argv, client_commands, &arguments, &fault) < 0) {
                shown_say("%s", fault.text);
                return EXIT_USAGE;
        }
        if (arguments.version) {
                printf("sconce %s\n", SCONCE_VERSION);
        } else if (arguments.help) {
                arguments_help(stdout, client_commands, arguments.command);
        } else if (!arguments.command) {
                arguments_help(stderr, client_commands, NULL);
                return EXIT_USAGE;
        } else {
                exit_code = run(&arguments);
        }
        if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == 0 && !shown_is_unread(stdout)) {
                shown_say("cannot write");
                exit_code = EXIT_REFUSED;
        }
        return exit_code;
}
