/* SPDX-License-Identifier: Apache-2.0 */
#include "device/answers.h"

#include <string.h>

#include "device/device.h"

void answers_add(struct answers *answers, struct request *request)
{
        request->next_due = answers->due;
        answers->due = request;
}

void answers_remove(struct answers *answers, struct request *request)
{
        for (struct request **at = &answers->due; *at; at = &(*at)->next_due) {
                if (*at != request)
                        continue;
                *at = request->next_due;
                return;
        }
}

static bool is_same_reply(const struct command_meta *a, const struct command_meta *b)
{
        return a->reply_to && b->reply_to && a->correlation_size > 0 && a->correlation_size == b->correlation_size &&
               memcmp(a->correlation, b->correlation, a->correlation_size) == 0 &&
               strcmp(a->reply_to, b->reply_to) == 0;
}

static bool is_reply_taken(const struct answers *answers, const struct command_meta *meta)
{
        for (const struct request *due = answers->due; due; due = due->next_due)
                if (&due->meta != meta && is_same_reply(&due->meta, meta))
                        return true;
        return false;
}

bool answers_is_taken(const struct answers *answers, const struct command_meta *meta)
{
        return meta->reply_to && is_reply_taken(answers, meta);
}

/* On the topic that all who have no response topic share, where one who has it listens, too: the node does not know. */
static bool is_id_taken(const struct answers *answers, const char *device, const char *id,
                        const struct command_meta *meta)
{
        for (const struct request *due = answers->due; due; due = due->next_due)
                if (&due->meta != meta && strcmp(due->command.id, id) == 0 && strcmp(due->device, device) == 0)
                        return true;
        return false;
}

void answers_publish(struct device_context *context, const char *device, const struct result *result, const char *id,
                     const struct command_meta *meta)
{
        const struct home_sink *sink = &context->sink;

        /* `duplicate` speaks of the command that is still to be answered, no matter who has repeated it. */
        bool is_other = result->code != RESULT_DUPLICATE;
        if (is_other && meta && meta->reply_to && is_reply_taken(&context->answers, meta))
                meta = NULL;
        if (is_other && *id && !(meta && meta->reply_to) && is_id_taken(&context->answers, device, id, meta))
                id = "";

        if (result->code == RESULT_OK && !*id && !(meta && meta->reply_to))
                return;
        if (sink->result)
                sink->result(sink->userdata, device, result, id, meta);
}
