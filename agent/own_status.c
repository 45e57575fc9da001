/* SPDX-License-Identifier: Apache-2.0 */
#include "own_status.h"

#include <string.h>

#include "util/log.h"

/* Somebody who keeps writing our status is answered as often as this: a fight over it must not be one at full speed. */
#define AGAIN_US (1 * USEC_PER_SEC)

static int publish(struct own_status *status, const char *word)
{
        const struct session_message message = {
                .topic = status->topic,
                .payload = word,
                .size = strlen(word),
                .qos = 1,
                .retain = true,
        };
        retained_claim(&status->sender->retained, message.topic);
        return sender_send(status->sender, &message);
}

void own_status_publish(struct own_status *status, const char *word)
{
        (void)publish(status, word);
}

void own_status_begin(struct own_status *status)
{
        status->published_us = 0;
        status->again_id = 0;
        status->has_reported = false;
        timer_disarm(status->again);
        own_status_publish(status, "online");
}

static void on_again(void *userdata)
{
        struct own_status *status = userdata;

        if (!sender_is_up(status->sender))
                return;
        status->published_us = loop_now_us(status->sender->loop);
        status->again_id = publish(status, "online");
}

/* Only now is it somebody else's: a broker that stops publishes our own will before it closes the connection, and takes nothing any
 * more. */
void own_status_acknowledged(struct own_status *status, int id)
{
        if (status->has_reported || status->again_id <= 0 || id != status->again_id)
                return;
        status->has_reported = true;
        log_topic(LOG_WARNING, status->topic,
                  "%s: somebody else has written to it; \"online\" is published again, now and whenever it happens",
                  status->topic);
}

static bool is_online(const struct session_message *message)
{
        return message->size == strlen("online") && memcmp(message->payload, "online", message->size) == 0;
}

/* Someone's `offline` while we are here: an old will, or a mistake. A replay at the subscription is older than our
 * `online`, and our own last `offline` comes back to us too. */
void own_status_received(struct own_status *status, const struct session_message *message)
{
        uint64_t now_us = loop_now_us(status->sender->loop);

        if (message->retain || status->sender->is_stopping || is_online(message) || timer_armed(status->again))
                return;
        uint64_t due_us = status->published_us ? status->published_us + AGAIN_US : 0;
        if (due_us > now_us)
                timer_arm(status->again, due_us - now_us);
        else
                on_again(status);
}

int own_status_init(struct own_status *status, struct sender *sender, const char *topic)
{
        status->sender = sender;
        status->topic = topic;
        return timer_new(sender->loop, TIMER_LAZY_US, on_again, status, &status->again);
}

void own_status_done(struct own_status *status)
{
        timer_free(status->again);
}
