/* SPDX-License-Identifier: Apache-2.0 */
/* The command sconce as people run it. */
#pragma once

#include "system/process.h"
#include "system/stage.h"

/* What one run came to; freed with the other processes. */
struct run {
        int status;
        const char *out, *err;
};

/* A client.conf for the stage's broker with the certificate of that name; `broker_keys`: more lines of [broker]. */
const char *sconce_conf(const char *name, const char *broker_keys);
/* One for a plain port. */
const char *sconce_conf_plain(unsigned port, const char *broker_keys);

struct run sconce_run(const char *conf, const char *const words[]);
#define SCONCE_RUN(conf, ...) sconce_run(conf, (const char *const[]){ __VA_ARGS__, NULL })
#define RUN(name, ...)        SCONCE_RUN(sconce_conf(name, ""), __VA_ARGS__)

struct process *sconce_start(const char *conf, const char *const words[]);
#define SCONCE_START(conf, ...) sconce_start(conf, (const char *const[]){ __VA_ARGS__, NULL })
struct run sconce_wait(struct process *process);

void assert_run(struct run run, int status, const char *out, const char *err);
void assert_has(const char *text, const char *wanted);
void assert_has_not(const char *text, const char *unwanted);
