/* SPDX-License-Identifier: Apache-2.0 */
/* One sconced of a test: its config, its lines, its process. */
#pragma once

#include "system/broker.h"
#include "system/chip.h"
#include "system/client.h"
#include "system/process.h"

struct daemon_options {
        const char *name; /* of the node, and of its certificate: "hall" */
        const char *url;  /* NULL: mqtts://localhost of `broker` */
        const struct broker *broker;
        bool no_broker;                       /* no URL at all */
        const char *pki;                      /* NULL: no [tls] section but `tls` */
        const char *cert;                     /* path without suffix; NULL: the PKI's for `name` */
        const char *node, *broker_keys, *tls; /* more lines of these sections; NULL: none */
        const char *clock;                    /* NULL: trusted */
        const char *devices;                  /* sections as they are */
        const char *log_level;                /* NULL: debug */
        const char *plugins;                  /* directory; NULL: those that were built */
        const char *const *env;               /* as for a process; NULL: none */
        unsigned (*give_fds)(void *userdata); /* in the child, as for a process; `userdata` is the daemon */
        int (*prepare)(void *userdata);       /* in the child */
        const char *const *words;             /* to put before the command: strace and its options; NULL: none */
};

struct daemon {
        const char *name, *config, *sim_dir, *lines;
        const char *state_dir; /* given to it, and for a test to give elsewhere */
        struct daemon_options options;
        struct process *process;
};

struct daemon *daemon_new(const struct daemon_options *options); /* writes the config; does not start it */
void daemon_free(struct daemon *daemon);                         /* kills it */
void daemon_free_all_but(const struct daemon *kept);             /* NULL: all */

void daemon_write_config(struct daemon *daemon, const char *devices); /* again, with other devices */
void daemon_start(struct daemon *daemon);
void daemon_stop(struct daemon *daemon); /* SIGTERM; fails the test unless it exits with 0 soon */
void daemon_kill(struct daemon *daemon); /* SIGKILL */

/* "sconce/NAME/REST"; kept */
const char *daemon_topic(const struct daemon *daemon, const char *rest);
void daemon_wait_online(const struct daemon *daemon, struct client *client); /* and its devices are reported */

/* Runs sconced with these arguments to its end. */
struct process *sconced_run(int *ret_status, const char *const arguments[]);
#define SCONCED_RUN(ret_status, ...) sconced_run(ret_status, (const char *const[]){ __VA_ARGS__, NULL })
