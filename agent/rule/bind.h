/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule's words mean for the channels of a device. */
#pragma once

#include "channel/channels.h"
#include "channel/command.h"
#include "rule/rule.h"

/* Gives the condition's value the type of its channel. -ENOENT: the device has no such channel; -EINVAL: it
 * has, and the condition does not fit it. */
int rule_bind(struct rule_condition *condition, const struct channels *channels, struct fault *fault) MUST_CHECK;
/* The sentence for -ENOENT. */
int rule_no_channel(const struct rule_words *words, const struct channels *channels, struct fault *fault);
/* What a bound comparison is for a value. */
enum rule_truth rule_truth_of(const struct rule_condition *condition, const struct sconce_value *value);
/* For what the channel now shows. */
enum rule_truth rule_truth_now(const struct rule_condition *condition, const struct channel *channel);

/* The action as a command: see command_parse(). */
int rule_action_command(const struct rule_action *action, const struct channels *channels, struct command *ret,
                        struct result *result) MUST_CHECK;
