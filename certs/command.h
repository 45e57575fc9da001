/* SPDX-License-Identifier: Apache-2.0 */
/* One command of sconce-pki: what main.c hands it, and how it ends. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "transaction.h"
#include "util/fault.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2 };

struct command_line {
        const char *dir; /* absolute */
        const char *me;  /* "sconce-pki", with "-d DIR" where that was given */
        bool is_default_dir;
        const char *pid_file; /* of the broker, absolute; NULL: none was named */
        const char *command;
        int count; /* of words after the command */
        char **words;
};

/* Prints a sentence to stderr and returns EXIT_MISUSED, with a hint at --help. */
int misused(const char *format, ...) PRINTF_LIKE(1, 2);
/* Prints the fault and returns EXIT_FAILED. */
int failed(const struct fault *fault);

/* A NAME that may have been issued, in lower case; 0, or the status to end with. */
int take_old_name(const char *word, char ret[static NAME_MAX_BYTES]);
int find_issued(struct transaction *transaction, const char *name, struct name *ret, struct fault *fault) MUST_CHECK;

/* Where the broker of this machine is, unless --broker says otherwise. */
#define LOCAL_BROKER_URL "mqtts://localhost:8883"

struct transaction transaction_of(const struct command_line *line);

/* The words that `node`, `client` and `invite` share: each takes one into the name, and returns 0 or the status to end with. */
int check_word(const char *word);
int take_url(const char *word, struct name *name);
int check_broker_url(const char *word); /* of a broker; NULL: it is missing */
int take_rights(const char *word, struct name *name);
int take_node(const char *word, struct name *name);
int take_commanded(const char *word, struct name *name);
int check_commanded(const char *name, const struct name *wanted); /* a node is not to command itself */
/* The nodes of a client, or those that a node may command, must be nodes, where they exist; `what` takes them. */
int check_nodes(struct transaction *transaction, const struct name *name, const char *what, FILE *notes,
                struct fault *fault) MUST_CHECK;

int command_init(const struct command_line *line);
int command_broker(const struct command_line *line);
int command_node(const struct command_line *line);
int command_client(const struct command_line *line);
int command_renew(const struct command_line *line);
int command_revoke(const struct command_line *line);
int command_list(const struct command_line *line);
int command_check(const struct command_line *line);
int command_forget(const struct command_line *line);
int command_install(const struct command_line *line);
int command_join(const struct command_line *line);
int command_invite(const struct command_line *line);
int command_serve(const struct command_line *line);
int command_roll(const struct command_line *line);
int command_publish(const struct command_line *line);
int command_grant(const struct command_line *line);
int command_ungrant(const struct command_line *line);
int command_export(const struct command_line *line);
