/* SPDX-License-Identifier: Apache-2.0 */
#include "stale_topics.h"

#include "util/log.h"

/* Home Assistant takes some time to remove a device. An empty state meanwhile would be one that it cannot read. */
#define STATES_AFTER_US (2 * USEC_PER_SEC)

/* False: it was not sent, and will be at the next connection. */
static bool clear(struct stale_topics *stale, const char *topic)
{
        const struct session_message message = { .topic = topic, .payload = "", .qos = 1, .retain = true };

        log_topic(LOG_INFO, topic, "%s: is not ours any more, and cleared", topic);
        return sender_send(stale->sender, &message) > 0;
}

void stale_topics_clear(struct stale_topics *stale)
{
        struct sender *sender = stale->sender;
        const char *topic;

        if (sender->is_awaited)
                return;
        while (!sender_is_full(sender) && (topic = retained_stale_announcement(&sender->retained))) {
                timer_arm(stale->states, STATES_AFTER_US);
                if (!clear(stale, topic))
                        return;
        }
        while (!timer_armed(stale->states) && !sender_is_full(sender) && (topic = retained_stale(&sender->retained)))
                if (!clear(stale, topic))
                        return;
}

void stale_topics_clear_later(struct stale_topics *stale, const char *topic)
{
        retained_release(&stale->sender->retained, topic);
        timer_arm(stale->states, STATES_AFTER_US);
}

void stale_topics_begin(struct stale_topics *stale)
{
        timer_disarm(stale->states);
}

static void on_states(void *userdata)
{
        struct stale_topics *stale = userdata;

        if (sender_is_up(stale->sender))
                stale_topics_clear(stale);
}

int stale_topics_init(struct stale_topics *stale, struct sender *sender)
{
        stale->sender = sender;
        return timer_new(sender->loop, TIMER_LAZY_US, on_states, stale, &stale->states);
}

void stale_topics_done(struct stale_topics *stale)
{
        timer_free(stale->states);
}
