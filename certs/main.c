/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki: the certificates of a Sconce home, and the broker's access list that goes with them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "say.h"
#include "util/suggest.h"

#define DEFAULT_DIR "/etc/sconce/pki"

static const char help[] =
        "sconce-pki: certificates and access rights for Sconce's broker, nodes and clients\n"
        "\n"
        "usage: sconce-pki [-d DIR] COMMAND …        DIR is /etc/sconce/pki unless given\n"
        "\n"
        "  init                       make the certificate authority (once)\n"
        "  broker HOST…               certificate for a broker, named after its first HOST; every name or\n"
        "                             address that nodes and clients reach it by is a HOST\n"
        "  node NAME [--broker URL] [--commands OTHER]…   certificate for a Pi, packed into DIR/issued/NAME.tar;\n"
        "                             URL is mqtts://HOST[:PORT], by default the first broker's; OTHER as for grant\n"
        "  client NAME [--read-only | --home-assistant] [--node NODE]…\n"
        "                             certificate for a phone, a program, a person; it may read and command\n"
        "                             every node unless limited; for Home Assistant discovery too, and for 2 years\n"
        "  invite NAME [--client [--read-only] [--node NODE]…] [--commands OTHER]… [--broker URL] [--expires TIME]\n"
        "                             print a code by which a machine gets this name's certificate: 'sconce-pki join "
        "CODE' on a Pi,\n"
        "                             'sconce join CODE' for a client; it works once, for an hour unless given (30m, "
        "2d).\n"
        "                             Instead of NAME, --list FILE has a NAME a line; --join-port PORT where it is not "
        "8885\n"
        "  serve [--broker URL]       answer those who join, and renew certificates; the service sconce-pki.service "
        "does it\n"
        "  roll                       make a successor to the certificate authority; later: say who is waited for\n"
        "  publish                    put in place what serve has issued and may not write itself; "
        "sconce-pki-publish.service does it\n"
        "  renew NAME [HOST…]         issue again with the same rights, a broker for more HOSTs if you name them; the\n"
        "                             old certificate lives until it expires\n"
        "  revoke NAME                shut every certificate of that name out\n"
        "  grant NODE [OTHER…]        let the node command the devices of these nodes, as its rules do; without\n"
        "                             OTHER, print which it may command\n"
        "  ungrant NODE OTHER…        take that back\n"
        "  forget NAME [--broker URL] clear what a revoked node has left at the broker: its retained messages\n"
        "  check [--broker URL]       write the access list again where it is an older one, and try whether the "
        "running broker\n"
        "                             keeps to it\n"
        "  list                       what has been issued, and until when it is valid\n"
        "  export rabbitmq            print the same rights as definitions for RabbitMQ 4\n"
        "  install NAME.tar           on the Pi, as root: put the certificates in place, write a first\n"
        "                             configuration where none names a broker, start the service\n"
        "  join CODE [--tpm]          on the Pi, as root: the same with an invitation's code, and a key that is made\n"
        "                             there, with --tpm in its TPM; CODE - is read from standard input\n"
        "\n";

/* A compiler need not take longer strings than 4,095 bytes. */
static const char more_help[] =
        "examples:\n"
        "  sudo sconce-pki init\n"
        "  sudo sconce-pki broker broker.lan 192.168.1.10\n"
        "  sudo sconce-pki invite hall                    # prints a code; on the Pi:\n"
        "  sudo sconce-pki join CODE\n"
        "  sudo sconce-pki node hall                      # or: copy issued/hall.tar to the Pi, and there:\n"
        "  sudo sconce-pki install hall.tar\n"
        "  sudo sconce-pki client phone --node hall\n"
        "  sudo sconce-pki client display --read-only\n"
        "  sudo sconce-pki client homeassistant --home-assistant\n"
        "  sudo sconce-pki grant hall shed                # hall's buttons may switch shed's lamps\n"
        "  sudo sconce-pki revoke phone\n"
        "\n"
        "A NAME is made of a-z, 0-9, _ and -, begins with a letter or digit and has at most 64 characters; `reply` "
        "and\n"
        "`all` are reserved. Every command that changes the broker's files also reloads a running broker: the one "
        "whose process\n"
        "id is in $SCONCE_BROKER_PIDFILE or DIR/broker.pid; for /etc/sconce/pki the system's mosquitto too, which is "
        "restarted\n"
        "where it serves browsers. So does `revoke`, and what issues a broker's certificate, with the nginx that "
        "serves the\n"
        "page (DIR/nginx.pid; see sconce-dashboard-setup).\n"
        "`forget` and `check` connect to it, at mqtts://localhost:8883 unless given. SCONCE_ROOT=PATH goes before "
        "everything\n"
        "that install and join write.\n"
        "\n"
        "exit status: 0 done, 1 it could not be done, 2 the command line is wrong\n";

static const struct {
        const char *name;
        int (*run)(const struct command_line *line);
} commands[] = {
        { "init", command_init },       { "broker", command_broker }, { "node", command_node },
        { "client", command_client },   { "renew", command_renew },   { "revoke", command_revoke },
        { "forget", command_forget },   { "check", command_check },   { "list", command_list },
        { "install", command_install }, { "join", command_join },     { "invite", command_invite },
        { "serve", command_serve },     { "roll", command_roll },     { "publish", command_publish },
        { "export", command_export },   { "grant", command_grant },   { "ungrant", command_ungrant },
};

int misused(const char *format, ...)
{
        CLEANUP_FREE char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        complain("%s", text ? text : "out of memory");
        (void)fputs("sconce-pki --help lists the commands\n", stderr);
        return EXIT_MISUSED;
}

int failed(const struct fault *fault)
{
        complain("%s", fault->text[0] ? fault->text : strerror(-fault->code));
        return EXIT_FAILED;
}

static void list_commands(char *ret, size_t size)
{
        size_t at = 0;

        *ret = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(commands) && at < size; i++)
                at += (size_t)snprintf(ret + at, size - at, "%s%s", i > 0 ? ", " : "", commands[i].name);
}

static int no_command(const char *word)
{
        struct suggestion suggestion = { .wanted = word };
        char all[192], text[SUGGESTION_MAX];

        list_commands(all, sizeof(all));
        if (!word)
                return misused("a command is missing: %s", all);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                suggestion_offer(&suggestion, commands[i].name);
        return misused("there is no command '%s': %s%s", word, all, suggestion_text(&suggestion, text));
}

static void print_help(void)
{
        (void)fputs(help, stdout);
        (void)fputs(more_help, stdout);
}

static bool is_help(const char *word)
{
        return word && (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0);
}

static char *absolute(const char *path)
{
        CLEANUP_FREE char *here = *path == '/' ? NULL : getcwd(NULL, 0);
        char *all = NULL;

        return *path == '/' ? strdup(path) : here && asprintf(&all, "%s/%s", here, path) >= 0 ? all : NULL;
}

/* A relative path is one from where the command was typed. */
static int take_environment(struct command_line *line)
{
        const char *path = getenv("SCONCE_BROKER_PIDFILE");

        if (!path || !*path)
                return 0;
        line->pid_file = absolute(path);
        return line->pid_file ? 0 : failed(&(struct fault){ -ENOMEM, "out of memory" });
}

/* DIR without a slash at its end. */
static int take_dir(struct command_line *line, const char *word)
{
        char *dir = absolute(word), *me = NULL;

        if (!dir || asprintf(&me, "sconce-pki -d %s", word) < 0)
                return failed(&(struct fault){ -ENOMEM, "out of memory" });
        for (size_t length = strlen(dir); length > 1 && dir[length - 1] == '/';)
                dir[--length] = '\0';
        line->dir = dir;
        line->me = me;
        line->is_default_dir = strcmp(dir, DEFAULT_DIR) == 0;
        return 0;
}

/* -1: go on. */
static int read_options(int argc, char **argv, struct command_line *line)
{
        int at = 1;

        for (; at < argc && argv[at][0] == '-'; at++) {
                if (is_help(argv[at])) {
                        print_help();
                        return EXIT_DONE;
                }
                if (strcmp(argv[at], "-d") != 0)
                        return misused("there is no option '%s' before the command: there are -d DIR and --help",
                                       argv[at]);
                if (at + 1 >= argc || !*argv[at + 1])
                        return misused("-d needs a directory");
                int r = take_dir(line, argv[++at]);
                if (r != 0)
                        return r;
        }
        line->command = at < argc ? argv[at] : NULL;
        line->words = argv + at + 1;
        line->count = MAX(argc - at - 1, 0);
        return -1;
}

/* Closed, their numbers would be given to files of ours. */
static void open_outputs(void)
{
        for (int fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        (void)open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

/* What was printed last may not have reached a full disk, or a closed pipe: that is no failure of the command. */
int main(int argc, char **argv)
{
        static struct command_line line = { .dir = DEFAULT_DIR, .me = "sconce-pki", .is_default_dir = true };

        open_outputs();
        (void)umask(077);
        (void)signal(SIGXFSZ,
                     SIG_IGN); /* writing past a limit is then an error like a full disk, and not a silent end */
        (void)signal(SIGPIPE, SIG_IGN);
        int status = take_environment(&line);
        if (status == 0)
                status = read_options(argc, argv, &line);
        if (status >= 0)
                return status;
        if (line.command && is_help(line.count > 0 ? line.words[0] : NULL)) {
                print_help();
                return EXIT_DONE;
        }
        for (size_t i = 0; line.command && i < ARRAY_SIZE(commands); i++)
                if (strcmp(line.command, commands[i].name) == 0)
                        return commands[i].run(&line);
        return no_command(line.command);
}
