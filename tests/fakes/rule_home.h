/* SPDX-License-Identifier: Apache-2.0 */
/* A home for rules alone: devices that are what the test wants, commands that are written down, the fake clock. */
#pragma once

#include "rule/rules.h"

#define FAKE_DEVICES 8

struct fake_device {
        const char *id;
        struct channels channels;
        struct rule_device now; /* but for its channels; the test may change it */
        bool is_hidden;         /* it is listed, and not found */
};

struct fake_rule_home {
        void *place; /* where the config's file is */
        struct loop loop;
        struct rule_home ops;
        struct rules *rules;
        struct fake_device devices[FAKE_DEVICES];
        size_t count;
        const char *refusal; /* what each command is refused with; NULL: it is carried out */
        /* "DEVICE PAYLOAD" or "DEVICE.CHANNEL PAYLOAD", a line each; for another node "DEPTH NODE/DEVICE PAYLOAD" */
        char commands[1024];
        bool is_alone;     /* other nodes are out of reach */
        char problem[256]; /* "" for none */
        char log[4096];    /* warnings and notices, a line each */
        unsigned inside;   /* while not 0, what happens is of one moment */
};

int fake_rule_home_setup(void **state); /* CMocka's: *state is the home, without devices */
int fake_rule_home_teardown(void **state);

/* A device that runs, has its status published and has reported nothing. `row` NULL: without a channel. */
struct fake_device *fake_device_add(struct fake_rule_home *home, const char *id, const struct sconce_channel *row);
/* Fails the test where there is none. */
struct fake_device *fake_device_find(struct fake_rule_home *home, const char *id);

/* The rules of a config text, without asking rules_check(). */
void fake_rules_apply(struct fake_rule_home *home, const char *text);
/* What rules_check() finds, a line each; free() it. */
char *fake_rules_check(struct fake_rule_home *home, const char *text);

/* What happens to a device: each is a moment of its own, but between the last two. */
void fake_report(struct fake_rule_home *home, const char *id, struct sconce_value value);
void fake_event(struct fake_rule_home *home, const char *id, const char *channel, const char *event_type,
                uint64_t time_us);
void fake_status(struct fake_rule_home *home, const char *id); /* as device->now has it */
void fake_moment_begin(struct fake_rule_home *home);
void fake_moment_end(struct fake_rule_home *home);

/* On the fake clock; 0: what has been set off is carried out, and what follows from it. */
void fake_pass(struct fake_rule_home *home, uint64_t time_us);
/* The commands since the last question. */
void assert_commands(struct fake_rule_home *home, const char *expected);
