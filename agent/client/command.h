/* SPDX-License-Identifier: Apache-2.0 */
/* One command of `sconce`: its words, its help, and what it does once connected. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arguments;
struct client;
struct fault;

/* Exit codes, for scripts too: docs/client.md lists them. */
enum {
        EXIT_REFUSED = 1,    /* refused by the device, the node or the broker, or there is no such device */
        EXIT_USAGE = 2,      /* the words on the command line */
        EXIT_NO_ANSWER = 3,  /* no broker, or nothing came in time */
        EXIT_BAD_CONFIG = 78 /* as the daemon's */
};

struct client_command {
        const char *name;
        const char *words; /* what follows it: "DEVICE VALUE…" */
        const char *summary;
        const char *text; /* the rest of its help, examples among it */
        size_t min, max;  /* how many words */
        bool unanswered;  /* wants no answer from a node */
        bool endless;     /* until Ctrl-C; a lost connection is made again */
        /* What is wrong with the words, before anything is connected. NULL: nothing can be. */
        int (*check)(const struct arguments *arguments, struct fault *fault);
        void (*connected)(struct client *client);
        /* Instead of that, for what needs no broker, or cannot count on one: its exit code. */
        int (*run)(const struct arguments *arguments);
};

extern const struct client_command *const client_commands[]; /* ends with NULL */
extern const struct client_command command_doctor, command_forget, command_get, command_history, command_import,
        command_join, command_list, command_nodes, command_set, command_trend, command_watch;
