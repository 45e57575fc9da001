/* SPDX-License-Identifier: Apache-2.0 */
#include "sender.h"

#include <errno.h>
#include <string.h>

#include "bus/envelope.h"
#include "util/log.h"

/* Retained and newest-only messages wait while this many are unacknowledged, and are published again when the broker
 * has caught up: a slow link costs no memory and carries no old state. Well below every broker's default window. */
enum { IN_FLIGHT_MAX = 256 };

/* What is published in bulk leaves half of that to what happens meanwhile, and goes on when most of it is through. */
enum { BULK_MAX = IN_FLIGHT_MAX / 2, BULK_AGAIN = BULK_MAX / 2 };

/* So many messages of the history are in flight at the most; one by one for a while after each message of what happens: the
 * next of these, often of the same hand, would wait for all of them at the broker. */
enum { HISTORY_MAX = BULK_AGAIN, MAKES_WAY_US = 500 * 1000 };

void sender_begin(struct sender *sender)
{
        sender->is_behind = sender->is_awaited = sender->has_reported_unpublished = false;
        retained_reset(&sender->retained);
}

void sender_done(struct sender *sender)
{
        retained_reset(&sender->retained);
}

bool sender_is_up(const struct sender *sender)
{
        return !sender->is_stopping && session_is_connected(sender->session);
}

bool sender_is_full(const struct sender *sender)
{
        return session_in_flight(sender->session) >= IN_FLIGHT_MAX;
}

bool sender_holds_back(struct sender *sender, bool newest_only)
{
        if (!sender_is_full(sender))
                return false;
        sender->is_behind = true;
        sender->dropped += !newest_only;
        return true;
}

static void report_unsent(struct sender *sender, const struct session_message *message, int r)
{
        if (r == -EMSGSIZE) {
                if (!sender->has_reported_oversize)
                        log_topic(LOG_WARNING, message->topic,
                                  "%s: its %zu bytes are more than the broker takes: left out, and so are others that "
                                  "are as large, which are only counted (dropped)",
                                  message->topic, message->size);
                sender->has_reported_oversize = true;
                return;
        }
        if (!sender->has_reported_unpublished)
                log_topic(LOG_WARNING, message->topic, "%s: not published: %s; what follows is only counted (dropped)",
                          message->topic, strerror(-r));
        sender->has_reported_unpublished = true;
}

int sender_send(struct sender *sender, const struct session_message *message)
{
        int id = 0;
        int r = session_publish(sender->session, message, &id);

        if (r == 0 && message->retain && message->size == 0)
                retained_clearing(&sender->retained, message->topic, id);
        if (r == 0)
                return id;
        if (r != -ENOTCONN) {
                sender->dropped++;
                report_unsent(sender, message, r);
        }
        return r;
}

int sender_send_json(struct sender *sender, const char *device, const struct session_message *message)
{
        CLEANUP_FREE char *wrapped = NULL;
        struct session_message json = *message;

        json.content_type = "application/json";
        if (sender->envelope && message->size > 0) {
                char time[CLOCK_TEXT_MAX];
                const struct envelope header = {
                        .node = sender->node,
                        .device = device,
                        .time = clock_format(sender->clock, loop_now_us(sender->loop), time) ? time : NULL,
                        .seq = ++sender->seq,
                };
                int r = envelope_wrap(&header, message->payload, message->size, &wrapped);
                if (r < 0) {
                        sender->dropped++;
                        return r;
                }
                json.payload = wrapped;
                json.size = strlen(wrapped);
        }
        return sender_send(sender, &json);
}

void sender_note_live(struct sender *sender)
{
        sender->quiet_at_us = loop_now_us(sender->loop) + MAKES_WAY_US;
}

void sender_note_quiet(struct sender *sender)
{
        sender->quiet_at_us = 0;
}

bool sender_history_makes_way(const struct sender *sender)
{
        return loop_now_us(sender->loop) < sender->quiet_at_us;
}

bool sender_has_history_room(const struct sender *sender, size_t n_sent)
{
        unsigned broker = session_receive_maximum(sender->session);
        unsigned window = MIN((unsigned)HISTORY_MAX, broker * 3 / 4);

        if (window == 0 || sender_history_makes_way(sender))
                window = 1;
        return sender_is_up(sender) && n_sent < window &&
               session_in_flight(sender->session) < MIN((unsigned)BULK_MAX, broker);
}

bool sender_has_room(struct sender *sender)
{
        sender->is_awaited |= session_in_flight(sender->session) >= BULK_MAX;
        return !sender->is_awaited;
}

bool sender_takes_bulk_again(struct sender *sender)
{
        if (!sender->is_awaited || session_in_flight(sender->session) >= BULK_AGAIN)
                return false;
        sender->is_awaited = false;
        return true;
}

bool sender_has_caught_up(struct sender *sender)
{
        if (!sender->is_behind || session_in_flight(sender->session) >= IN_FLIGHT_MAX / 2)
                return false;
        sender->is_behind = false;
        return true;
}
