/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose an answer is. Nobody knows who sends a command, and anyone who may command a device may hear what others
 * command. With the response topic and the correlation data of a command that a slow device is still at, one could have
 * another answer sent there first. So an answer that is due belongs to the command that came first, until that one has
 * had it.
 */
#pragma once

#include "channel/result.h"
#include "device/sink.h"

struct device_context;
struct request;

/* The commands that wait for a blocking device or run there. */
struct answers {
        struct request *due;
};

void answers_add(struct answers *answers, struct request *request);
void answers_remove(struct answers *answers, struct request *request); /* one that was not added stays out */

/* An answer that is due to another's command goes where this one wants its own, with the same mark. */
bool answers_is_taken(const struct answers *answers, const struct command_meta *meta);
/* The answer to a command for `device`; `id` as JSON, "": none. Where none was asked for and all is well, none goes
 * out. */
void answers_publish(struct device_context *context, const char *device, const struct result *result, const char *id,
                     const struct command_meta *meta);
