/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What most system tests play on: one PKI, one mosquitto as shipped, the node "hall" with a few devices, and the client
 * "tester" that hears everything. Made once a program by the group fixture; tests that change it put it back.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "system/broker.h"
#include "system/certs.h"
#include "system/client.h"
#include "system/daemon.h"
#include "system/wire.h"
#include "system/workdir.h"

struct stage {
        const char *pki;
        struct broker *broker;
        struct daemon *hall;
        struct client *tester;
};

extern struct stage stage;

/* GPIO lines of the standard devices. */
enum { KITCHEN = 17, PORCH = 27, PUMP = 22, DOOR = 4, SPARE = 5 };
extern const char stage_devices[];

int stage_open(void **state);      /* group set-up: all of it, hall online and reported */
int stage_open_bare(void **state); /* PKI, broker and tester alone; the PKI knows hall and attic */
int stage_close(void **state);     /* ends all that a program has made, also without a stage */
int stage_tidy(void **state);      /* after each test: ends what it made for itself and, when it failed, left behind */

int stage_run(const struct CMUnitTest *tests, size_t n, int (*open)(void **state));

/* A row of a test program's table, and its main(). SCONCE_TEST=NAME in the environment runs one test ('*' matches);
 * SCONCE_TEST_LEFT_OUT=FILE skips those that a line "PATTERN REASON" of it names. */
#define STAGE_TEST(function, setup) cmocka_unit_test_setup_teardown(function, setup, stage_tidy)
#define STAGE_MAIN(tests, open)                                                                                        \
        int main(void)                                                                                                 \
        {                                                                                                              \
                return stage_run(tests, ARRAY_SIZE(tests), open);                                                      \
        }

struct client *stage_client(const char *name,
                            const char *id); /* with the certificate of that name, hears nothing yet */
void stage_rejoin(void);                     /* the tester, where its broker was away */
struct daemon *stage_daemon(const char *name, const char *devices); /* through the stage's broker; not started */
int stage_forget(void **state); /* a test's set-up: what the tester has heard so far does not count */
/* A JSON result on the device's own topic with this `ok` and, where it is refused, this code. */
void stage_wait_result(const char *device, const char *id, const char *code);
/* Everything printed so far has been dealt with by hall: a get is answered after it. Makes "nothing came" a fact. */
void stage_settle(void);
/* The same of another node that has a pump. */
void stage_settle_node(const char *node);
