/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a node: `when` this happens, `then` command that. They need no broker. Devices tell what they
 * report (the functions in the middle); what follows from it is done later, from the loop and in order, so
 * that no plugin's callback is on the stack. A device that no rule looks at costs nothing.
 */
#pragma once

#include "config/config.h"
#include "channel/result.h"
#include "rule/rule.h"

struct device;
struct home;
struct rules;

/* How many rules may set each other off in a row. */
#define RULE_DEPTH_MAX 8

/* Which rule a command comes from. */
struct rule_cause {
        char *rule; /* its name; NULL: it comes from elsewhere */
        size_t action;
        unsigned depth;
};

int rules_new(struct home *set, struct rules **ret) MUST_CHECK;
void rules_free(struct rules *rules);

/* Checks every rule of a config against the devices of the set, which need not have been started. */
int rules_check(struct home *set, const struct config *config, struct problems *problems) MUST_CHECK;

/* Makes the rules as the config says, after the devices: what is unchanged goes on, its waiting included. */
int rules_apply(struct rules *rules, const struct config *config) MUST_CHECK;
/* From here on nothing follows from anything. */
void rules_stop(struct rules *rules);

/* Of a device that rules look at (device->watched). */
void rules_started(struct device *device); /* it starts: the next value of each channel is its first */
void rules_reported(struct device *device, uint64_t time_us, const struct sconce_value *values, size_t count);
void rules_event(struct device *device, uint64_t time_us, const char *channel, const char *event_type);
void rules_status(struct device *device, bool online);

/* Nothing is being done for any device: what comes next is of another moment. */
void rules_moment_over(struct rules *rules);

/* What became of a command of a rule's. */
void rules_result(struct rules *rules, const struct rule_cause *cause, const struct result *result);

DEFINE_CLEANUP(struct rules, rules_free);
