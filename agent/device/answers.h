/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose an answer is. Nobody knows who sends a command, and who may command a device may also hear what others command. With
 * the response topic and the correlation data of somebody's command, which a slow device is still at, one could have
 * another answer sent there first. So an answer that is due belongs to the command that came first, as long as that one
 * has not had it.
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

/* What became of a command for `device`; `id` as JSON, "": none. A command that asks for nothing and is carried out is
 * answered by the state. */
void answers_publish(struct device_context *context, const char *device, const struct result *result, const char *id,
                     const struct command_meta *meta);
