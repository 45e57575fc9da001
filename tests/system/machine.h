/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine that is the directory `root`, for the commands that set up its /etc. systemctl is a stand-in that notes how
 * it was called, and where a test wants it starts a real mosquitto and a real nginx from the directory's files.
 */
#pragma once

#include <stdbool.h>

#include "system/process.h"

#define MACHINE_CONF_D "root/etc/mosquitto/conf.d/"
#define MACHINE_PKI    "root/etc/sconce/pki/"

void machine_tools(void); /* in a new temporary directory: the stand-ins' place */
void machine_make(void);
void machine_remove(void); /* ends what the real systemctl has started, too */

/* What `systemctl` does when it has noted its words. */
void machine_systemctl(const char *script);
/* `restart mosquitto`, and nginx's `start` and `reload`, with this machine's paths and on loopback; what it starts ends
 * by itself in case the test cannot end it. Returns when mosquitto runs, or fails when it does not. */
extern const char machine_real_systemctl[];
/* `nginx -t` and the like, over the directory's files. False: there is no nginx. */
bool machine_nginx(void);

/* Runs one of certs/ on it; fails the test when it ends with another status, unless any will do. */
enum { MACHINE_ANY_STATUS = -1 };
struct process *machine_run(const char *command, int expected, const char *const words[]);

bool machine_has(const char *name);
void assert_calls(const char *wanted); /* of systemctl, one a line */
