/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/backlog.h"

#include <errno.h>
#include <stdlib.h>

int backlog_add(struct backlog *backlog, const struct session_message *message, const struct mosquitto_message *in,
                struct properties_owned *owned)
{
        CLEANUP_BACKLOG_MESSAGE struct backlog_message *added = calloc(1, sizeof(*added));

        if (!added || mosquitto_message_copy(&added->in, in) != MOSQ_ERR_SUCCESS)
                return -ENOMEM;
        added->message = *message;
        added->message.topic = added->in.topic;
        added->message.payload = added->in.payload ? added->in.payload : "";
        added->owned = *owned;
        *owned = (struct properties_owned){ 0 };
        if (backlog->last)
                backlog->last->next = added;
        else
                backlog->first = added;
        backlog->last = TAKE_PTR(added);
        return 0;
}

struct backlog_message *backlog_take(struct backlog *backlog)
{
        struct backlog_message *taken = backlog->first;

        if (!taken)
                return NULL;
        backlog->first = taken->next;
        if (!backlog->first)
                backlog->last = NULL;
        taken->next = NULL;
        return taken;
}

void backlog_message_free(struct backlog_message *message)
{
        if (!message)
                return;
        mosquitto_message_free_contents(&message->in);
        properties_done(&message->owned);
        free(message);
}

void backlog_done(struct backlog *backlog)
{
        struct backlog_message *message;

        while ((message = backlog_take(backlog)))
                backlog_message_free(message);
}
