/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/broker.h"

#include <string.h>

#include "sim/session.h"
#include "sim/world.h"

#define KEEPALIVE_US (30 * USEC_PER_SEC)

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

struct message *message_new(const char *topic, const void *payload, size_t size)
{
        struct message *message = world_alloc(sizeof(*message));

        (void)snprintf(message->topic, sizeof(message->topic), "%s", topic);
        message->room = size + 1;
        message->payload = world_alloc(message->room);
        message->size = size;
        if (size > 0)
                memcpy(message->payload, payload, size);
        return message;
}

void message_free(struct message *message)
{
        if (!message)
                return;
        world_release(message->payload, message->room);
        world_release(message, sizeof(*message));
}

/* ---- What is retained -------------------------------------------------------------------------------------------- */

static struct retained_message *find(const char *topic)
{
        for (size_t i = 0; i < world->broker.n_retained; i++)
                if (strcmp(world->broker.retained[i].topic, topic) == 0)
                        return &world->broker.retained[i];
        return NULL;
}

const struct retained_message *broker_retained(const char *topic)
{
        return find(topic);
}

static void retain(const struct message *message)
{
        struct broker *broker = &world->broker;
        struct retained_message *kept = find(message->topic);

        if (!kept && message->size == 0)
                return;
        if (!kept) {
                if (broker->n_retained == RETAINED_MAX)
                        violated("simulator", "the broker has no room for another retained topic");
                kept = &broker->retained[broker->n_retained++];
                memcpy(kept->topic, message->topic, sizeof(kept->topic));
        } else {
                world_release(kept->payload, kept->room);
        }
        if (message->size == 0) {
                *kept = broker->retained[--broker->n_retained];
                return;
        }
        kept->room = message->size + 1;
        kept->size = message->size;
        kept->payload = world_alloc(kept->room);
        memcpy(kept->payload, message->payload, kept->size);
}

void broker_retain(struct message *message)
{
        retain(message);
        message_free(message);
}

/* ---- The two ways ------------------------------------------------------------------------------------------------ */

/* When what is sent now arrives, on the way whose last arrival is *last_us. */
static uint64_t arrives_after_us(uint64_t *last_us)
{
        const struct broker *broker = &world->broker;
        uint64_t at_us = world->now_us + noise_between(100, broker->latency_us);

        if (broker->stalled_until_us > world->now_us)
                at_us += broker->stalled_until_us - world->now_us;
        *last_us = MAX(at_us, *last_us);
        return *last_us - world->now_us;
}

void broker_take(struct message *message, int id)
{
        struct event *event = world_later(EVENT_UP, arrives_after_us(&world->broker.up_us));

        event->message = message;
        event->number = id;
        event->connection = world->broker.connection;
        world->broker.n_up++;
}

static void send_down(enum event_kind kind, struct message *message, int number)
{
        struct event *event = world_later(kind, arrives_after_us(&world->broker.down_us));

        event->message = message;
        event->number = number;
        event->connection = world->broker.connection;
}

static struct message *copy_of(const struct message *message)
{
        struct message *copy = message_new(message->topic, message->payload, message->size);

        memcpy(copy->response_topic, message->response_topic, sizeof(copy->response_topic));
        memcpy(copy->correlation, message->correlation, sizeof(copy->correlation));
        memcpy(copy->expires, message->expires, sizeof(copy->expires));
        copy->number = message->number;
        return copy;
}

/* The node hears what is written to its own status. */
static void pass_on_status(const struct message *message)
{
        if (world->broker.is_connected && strcmp(message->topic, world->broker.will_topic) == 0)
                send_down(EVENT_DOWN, copy_of(message), 0);
}

static void arrive(const struct event *event)
{
        struct broker *broker = &world->broker;
        struct message *message = event->message;

        broker->n_up--;
        if (event->connection == broker->connection && broker->is_connected) {
                world->n_messages++;
                laws_published(message, event->number);
                if (world_hears)
                        world_hears(message);
                if (message->retain)
                        retain(message);
                pass_on_status(message);
                if (event->number > 0)
                        send_down(EVENT_ACK, NULL, event->number);
        }
        message_free(message);
}

void broker_command(struct message *message)
{
        if (world->broker.is_connected)
                send_down(EVENT_DOWN, message, 0);
        else
                message_free(message); /* the session is clean: nobody keeps it */
}

/* ---- Connections ------------------------------------------------------------------------------------------------- */

static bool is_command_topic(const char *topic)
{
        return strstr(topic, "/set") || strstr(topic, "/get");
}

static void replay_retained(void)
{
        for (size_t i = 0; i < world->broker.n_retained; i++) {
                const struct retained_message *kept = &world->broker.retained[i];
                if (!is_command_topic(kept->topic) && strcmp(kept->topic, world->broker.will_topic) != 0)
                        continue;
                struct message *message = message_new(kept->topic, kept->payload, kept->size);
                message->retain = true;
                send_down(EVENT_DOWN, message, 0);
        }
}

unsigned broker_connect(const char *will_topic, const char *will_payload)
{
        struct broker *broker = &world->broker;

        broker->connection++;
        broker->is_connected = true;
        broker->up_us = broker->down_us = world->now_us;
        (void)snprintf(broker->will_topic, sizeof(broker->will_topic), "%s", will_topic);
        (void)snprintf(broker->will_payload, sizeof(broker->will_payload), "%s", will_payload);
        trace("connected");
        replay_retained();
        /* A link that has just come back is the likeliest to go: states and history are on their way. */
        if (noise_chance(8))
                world_later(EVENT_FLAP, noise_between(200, 300 * USEC_PER_MSEC))->connection = broker->connection;
        return broker->connection;
}

static void publish_will(void)
{
        struct broker *broker = &world->broker;
        struct message *will = message_new(broker->will_topic, broker->will_payload, strlen(broker->will_payload));

        will->retain = true;
        broker_retain(will);
}

/* By a DISCONNECT or without; what was on its way from the node has arrived. */
void broker_disconnect(unsigned connection, bool in_order)
{
        struct broker *broker = &world->broker;

        if (connection != broker->connection || !broker->is_connected)
                return;
        broker->is_connected = false;
        trace("disconnected%s", in_order ? " in order" : "");
        if (!in_order)
                publish_will();
}

/* The connection is gone for the broker; the node hears of it later. */
static void lose(uint64_t after_us)
{
        struct broker *broker = &world->broker;
        unsigned connection = broker->connection;

        if (!broker->is_connected)
                return;
        world_drop(connection);
        broker_disconnect(connection, false);
        world_later(EVENT_LOST, after_us)->connection = connection;
}

void broker_event(const struct event *event)
{
        switch (event->kind) {
        case EVENT_UP:
                arrive(event);
                break;
        case EVENT_CLOSE:
                broker_disconnect(event->connection, false);
                break;
        case EVENT_FLAP:
                if (event->connection == world->broker.connection && world->broker.is_reachable && world->broker.is_up)
                        broker_cut(noise_between(1, 20) * USEC_PER_SEC, true);
                break;
        case EVENT_MEND:
                world->broker.is_up = world->broker.is_reachable = true;
                world->broker.refuses = false;
                break;
        default:
                session_event(event);
        }
}

void broker_node_died(void)
{
        struct broker *broker = &world->broker;

        world_drop(broker->connection);
        if (broker->is_connected)
                world_later(EVENT_CLOSE, arrives_after_us(&broker->up_us))->connection = broker->connection;
}

/* ---- What goes wrong --------------------------------------------------------------------------------------------- */

void broker_die(uint64_t for_us)
{
        world->broker.is_up = false;
        lose(noise_between(50, 3000));
        (void)world_later(EVENT_MEND, for_us);
}

void broker_cut(uint64_t for_us, bool seen)
{
        world->broker.is_reachable = false;
        lose(seen ? noise_between(50, 3000) : noise_between(USEC_PER_SEC, KEEPALIVE_US));
        (void)world_later(EVENT_MEND, for_us);
}

void broker_stall(uint64_t for_us)
{
        world->broker.stalled_until_us = world->now_us + for_us;
}

void broker_refuse(uint64_t for_us)
{
        world->broker.refuses = true;
        lose(noise_between(50, 3000));
        (void)world_later(EVENT_MEND, for_us);
}

void broker_take_over(void)
{
        lose(noise_between(50, 3000));
}
