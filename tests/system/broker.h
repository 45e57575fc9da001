/* SPDX-License-Identifier: Apache-2.0 */
/* A real mosquitto on loopback: from the config that Sconce ships, or from a few lines of the test's own. SCONCE_TEST_BROKER is
 * another program that takes such a config (-c FILE), and says on standard error that it is running. */
#pragma once

#include "system/process.h"

/* A TCP port that stays ours: bound but not listened on, so nobody else is given it while a broker comes and goes. */
struct port {
        int fd;
        unsigned number;
};

struct port port_reserve(void); /* on 127.0.0.1 and, where there is IPv6, ::1 */
void port_release(struct port *port);

struct broker {
        struct port port;
        const char *config; /* file */
        struct process *process;
        const char *dir; /* of its own */
        struct broker *next;
};

/* The shipped config with our files and port; `extra` lines are appended (NULL: none). `cert` is a path without
 * suffix, NULL for the PKI's localhost. */
struct broker_options {
        const char *pki;
        const char *cert;
        const char *extra;
        unsigned join_port; /* the shipped listener for codes, too; 0: not */
        unsigned web_port;  /* the shipped listener for browsers, too; 0: not */
        bool has_no_list;   /* who is let in may do anything */
        bool quiet;         /* logs next to nothing: for benchmarks */
};
struct broker *broker_new(const struct broker_options *options);
/* In `config` PORT stands for its port and DIR for a directory of its own. */
struct broker *broker_new_plain(const char *config);
#define BROKER_OPEN "listener PORT 127.0.0.1\nallow_anonymous true\n"
void broker_free(struct broker *broker);
void broker_free_all_but(const struct broker *kept); /* NULL: all */

void broker_start(struct broker *broker); /* and waits until it listens */
void broker_kill(struct broker *broker);
