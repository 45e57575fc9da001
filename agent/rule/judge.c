/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/judge.h"

#include "rule/bind.h"

/* ---- What it looks at ---------------------------------------------------------------------------------- */

bool rule_looks_at_status(const struct rule_condition *condition)
{
        return condition->words.op >= RULE_ONLINE && condition->words.op <= RULE_OK;
}

bool rule_looks_at_value(const struct rule_condition *condition)
{
        return condition->words.channel && condition->words.op != RULE_EVENT;
}

bool rule_misses_channel(const struct rule_condition *condition, const struct rule_device *device)
{
        return condition->words.channel && rule_op_is_state(condition->words.op) &&
               !channels_find(device->channels, condition->words.channel);
}

/* ---- What is so ---------------------------------------------------------------------------------------- */

static enum rule_truth truth(bool holds)
{
        return holds ? RULE_TRUE : RULE_FALSE;
}

/* What it shows is not to be relied on: it could not be read, or the whole device cannot. */
static bool is_faulty(const struct rule_device *device, const struct channel *channel)
{
        return device->has_fault || (device->has_reported && channel->now.type == SCONCE_VALUE_NONE);
}

static bool is_online(const struct rule_device *device)
{
        return device->is_running && !device->has_fault;
}

static enum rule_truth judge_device(enum rule_op op, const struct rule_device *device)
{
        switch (op) {
        case RULE_ONLINE:
                return truth(is_online(device));
        case RULE_OFFLINE:
                return truth(!is_online(device));
        case RULE_FAULT:
                return truth(device->has_fault);
        case RULE_OK:
                return truth(!device->has_fault);
        default:
                return RULE_UNKNOWN;
        }
}

static enum rule_truth judge_channel(const struct rule_condition *condition, const struct rule_device *device,
                                     const struct channel *channel)
{
        switch (condition->words.op) {
        case RULE_FAULT:
                return truth(is_faulty(device, channel));
        case RULE_OK:
                return truth(!is_faulty(device, channel));
        case RULE_NO_VALUE:
                return truth(channel->now.type == SCONCE_VALUE_NONE);
        case RULE_KNOWN:
                return truth(channel->now.type != SCONCE_VALUE_NONE);
        default:
                return rule_truth_now(condition, channel);
        }
}

/* As of a thermometer that its bus has not found. */
static enum rule_truth judge_missing(const struct rule_condition *condition, const struct rule_device *device)
{
        bool is_over = device->has_reported || device->has_fault; /* its start */

        if (!rule_misses_channel(condition, device) || !is_over)
                return RULE_UNKNOWN;
        return truth(condition->words.op == RULE_FAULT || condition->words.op == RULE_NO_VALUE);
}

enum rule_truth rule_judge(struct rule_condition *condition, const struct rule_device *device)
{
        struct fault fault;

        if (!condition->words.channel)
                return judge_device(condition->words.op, device);
        if (!condition->is_bound && rule_bind(condition, device->channels, &fault) < 0)
                return judge_missing(condition, device);
        const struct channel *channel = channels_find(device->channels, condition->words.channel);
        return channel ? judge_channel(condition, device, channel) : judge_missing(condition, device);
}

enum rule_truth rule_judge_change(struct rule_condition *condition, const struct rule_device *device)
{
        bool has_begun = condition->words.channel ? device->has_reported : device->has_status && device->is_running;

        bool shows_fault = rule_looks_at_status(condition) && device->has_fault;

        if (!has_begun && !shows_fault)
                return RULE_UNKNOWN;
        return rule_judge(condition, device);
}
