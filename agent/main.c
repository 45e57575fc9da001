/* SPDX-License-Identifier: Apache-2.0 */
/* sconced: arguments -> set-up -> run -> exit code. */
#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "bus/tls_error.h"
#include "command_line.h"
#include "config/helper.h"
#include "ending.h"
#include "init.h"
#include "signals.h"
#include "util/cleanup.h"
#include "util/log.h"

enum { EXIT_BAD_CONFIG = 78 }; /* EX_CONFIG: the unit does not restart on it */

static int exit_status(int r, bool bad_config)
{
        if (bad_config)
                return EXIT_BAD_CONFIG;
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct command_line *line, enum agent_end *ret_end)
{
        const struct agent_options options = {
                .config_path = line->options.config_path,
                .plugin_dir = line->options.plugin_dir,
                .log_level = line->log_level,
        };
        CLEANUP(agent_freep) struct agent *agent = NULL;
        int r = agent_new(&options, &agent);

        return r < 0 ? r : agent_run(agent, ret_end);
}

int main(int argc, char *argv[])
{
        struct command_line line;
        enum agent_end end = AGENT_STOP;
        /* Before anything changes the directory or replaces the file: a restart runs what stands at this path then. */
        CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);
        int r = command_line_read(argc, argv, &line);

        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (!line.mode) {
                init_if_first();
                signals_hold();
        }
        (void)mallopt(M_ARENA_MAX, 1); /* its threads allocate little: a heap for each would be mostly empty */
        log_open();
        log_set_level(line.log_level);
        ending_guard();
        /* No clean-up at the end: by a plugin's exit(), the loop would lose OpenSSL while it is in there, and crash. */
        (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
        if (!line.mode)
                tls_error_leave_texts();
        helper_enable();
        if (line.mode) {
                log_to_people();
                r = line.mode(&line.options);
                helper_end();
                ending_in_order();
                return exit_status(r, r == MODE_BAD_CONFIG);
        }

        r = run(&line, &end);
        helper_end();
        ending_in_order();
        if (r < 0)
                log_error("sconced cannot go on: %s", strerror(-r));
        if (r < 0 || end != AGENT_RESTART)
                return exit_status(r, end == AGENT_BAD_CONFIG);

        execv(self ? self : argv[0], argv);
        log_error("cannot execute %s again: %s", self ? self : argv[0], strerror(errno));
        return EXIT_FAILURE;
}
