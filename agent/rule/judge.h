/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a condition of a rule holds just now. */
#pragma once

#include "rule/home.h"
#include "rule/rule.h"

/* Whether it changes with the device's status or its error. */
bool rule_looks_at_status(const struct rule_condition *condition);
/* Whether it changes with what its channel shows. */
bool rule_looks_at_value(const struct rule_condition *condition);

/* Whether it is one word about a channel that the device does not have, or not yet. */
bool rule_misses_channel(const struct rule_condition *condition, const struct rule_device *device);

/* Binds it where that has not been done yet. RULE_UNKNOWN: nobody knows, and so it does not hold. */
enum rule_truth rule_judge(struct rule_condition *condition, const struct rule_device *device);
/* The same for what waits for a change: RULE_UNKNOWN too until the device has reported it once since its start. */
enum rule_truth rule_judge_change(struct rule_condition *condition, const struct rule_device *device);
