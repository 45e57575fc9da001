/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a node: `when` this happens, `then` command that. They need no broker. The home reports what happens to
 * devices (the functions in the middle); run.h carries out what follows. A device without rules costs nothing.
 */
#pragma once

#include "channel/result.h"
#include "config/config.h"
#include "rule/home.h"

struct rules;

int rules_new(const struct rule_home *home, struct rules **ret) MUST_CHECK;
void rules_free(struct rules *rules);

/* Makes the rules of the config, after the devices: what is unchanged goes on, its waiting included. */
int rules_apply(struct rules *rules, const struct config *config) MUST_CHECK;
/* Whether the rule of that name waits for the end of its delay. */
bool rules_wait(const struct rules *rules, const char *name);
/* From here on nothing follows from anything. What is being waited for stays kept (rule_home). */
void rules_stop(struct rules *rules);

/* Of a device that rules look at. `time_us` 0: now. */
void rules_started(const struct rule_device *device); /* it starts: the next value of each channel is its first */
void rules_reported(struct rules *rules, const struct rule_device *device, uint64_t time_us,
                    const struct sconce_value *values, size_t count);
void rules_event(struct rules *rules, const struct rule_device *device, uint64_t time_us, const char *channel,
                 const char *event_type);
void rules_status(struct rules *rules, const struct rule_device *device); /* or its fault has come or gone */

/* Nothing is being done for any device: what comes next is of another moment. */
void rules_moment_over(struct rules *rules);

/* What became of a command of a rule. */
void rules_result(struct rules *rules, const struct command_cause *cause, const struct result *result);

DEFINE_CLEANUP(struct rules, rules_free);
