/* SPDX-License-Identifier: Apache-2.0 */
#include "announcements.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/reason.h"
#include "bus/session.h"
#include "util/log.h"

/* So often a connection may be closed while announcements are on their way, and none has ever been taken. */
enum { ENDED_MAX = 3 };

int announcements_init(struct announcements *announcements, const struct announcements_options *options,
                       const char *node)
{
        announcements->node = node;
        if (!options->prefix)
                return 0;
        announcements->prefix = strdup(options->prefix);
        announcements->birth_topic = strdup(options->birth_topic);
        announcements->birth_payload = strdup(options->birth_payload);
        return announcements->prefix && announcements->birth_topic && announcements->birth_payload ? 0 : -ENOMEM;
}

void announcements_done(struct announcements *announcements)
{
        free(announcements->prefix);
        free(announcements->birth_topic);
        free(announcements->birth_payload);
        *announcements = (struct announcements){ 0 };
}

const char *announcements_begin(struct announcements *announcements)
{
        announcements->sent = (struct in_flight){ 0 };
        announcements->is_refused = announcements->n_ended >= ENDED_MAX;
        return announcements_may_send(announcements) ? announcements->birth_topic : NULL;
}

static void report(struct announcements *announcements, const char *why)
{
        if (announcements->has_reported)
                return;
        announcements->has_reported = true;
        log_warning(
                "the broker refuses what is announced to Home Assistant (%s): let the node write %s/device/%s/# and "
                "read %s, or set [homeassistant] enabled = no",
                why, announcements->prefix, announcements->node, announcements->birth_topic);
}

void announcements_end(struct announcements *announcements)
{
        if (announcements->was_taken || announcements->sent.count == 0)
                return;
        if (++announcements->n_ended == ENDED_MAX)
                report(announcements, "it closes the connection each time");
}

bool announcements_may_send(const struct announcements *announcements)
{
        return announcements->prefix && !announcements->is_refused;
}

int announcements_topic(const struct announcements *announcements, const char *device, char topic[static TOPIC_MAX])
{
        if (!announcements->prefix)
                return -ENOTSUP;
        int n = snprintf(topic, TOPIC_MAX, "%s/device/%s/%s/config", announcements->prefix, announcements->node,
                         device);
        return n < TOPIC_MAX ? 0 : -ENAMETOOLONG;
}

void announcements_sent(struct announcements *announcements, int id)
{
        in_flight_add(&announcements->sent, id);
}

bool announcements_acknowledged(struct announcements *announcements, int id, int reason)
{
        if (!in_flight_remove(&announcements->sent, id))
                return false;
        if (reason < REASON_REFUSED) {
                announcements->was_taken = true;
                announcements->n_ended = 0;
                return true;
        }
        announcements->is_refused = true;
        report(announcements, reason_code_text(reason));
        return true;
}

bool announcements_is_birth(const struct announcements *announcements, const struct session_message *message)
{
        return announcements->prefix && !message->retain && strcmp(message->topic, announcements->birth_topic) == 0 &&
               message->size == strlen(announcements->birth_payload) &&
               memcmp(message->payload, announcements->birth_payload, message->size) == 0;
}
