/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel ring's own tests of sconced stand on: a broker without TLS, because OpenSSL is dear in here
 * and tested elsewhere; the client "tester" that hears everything; and chips of gpio-sim with names that are
 * theirs alone.
 */
#pragma once

#include "kernel/gpiosim.h"
#include "system/broker.h"
#include "system/client.h"
#include "system/daemon.h"
#include "system/workdir.h"

struct ring {
        struct broker *broker;
        struct client *tester;
        struct gpiosim bank, expander; /* PIN0 to PIN53, of which "hog" holds PIN4; EXP0 to EXP7 */
};

extern struct ring ring;

int ring_open(void **state); /* group set-up: broker and tester */
int ring_close(void **state);
int ring_plug(void **state); /* each test's set-up: fresh chips, and nothing heard so far counts */
int ring_unplug(void **state);

/* The node "hall"; not started. Its config ends in these sections. */
struct daemon *ring_daemon(const char *devices);
/* And with more of the options; its name and its url are the ring's. */
struct daemon *ring_daemon_with(struct daemon_options options);

/* Of the node "hall": sconce/hall/REST becomes `text`. */
void ring_wait(const char *rest, const char *text);
void ring_wait_json(const char *rest, const char *key, const char *value);
void ring_send(const char *rest, const char *payload);
/* DEVICE/error with this code, and words that its message contains. */
void ring_wait_error(const char *device, const char *code, const char *words);
