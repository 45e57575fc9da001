/* SPDX-License-Identifier: Apache-2.0 */
/* The broker, the way to it, and the other clients. A connection outlives the process that made it for as long as the
 * kernel has something to send. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;

struct message {
        char topic[160];
        char *payload;
        size_t size, room;
        bool retain;
        char response_topic[96], correlation[40], expires[40];
        unsigned number; /* of a command, from 1; 0: it is none */
        bool restarts;   /* it presses the node's restart button */
};

struct retained_message {
        char topic[160];
        char *payload;
        size_t size, room;
};

#define RETAINED_MAX 256

struct broker {
        bool is_up, is_reachable; /* runs; can be reached */
        bool refuses;             /* answers CONNECT with a refusal */
        uint64_t stalled_until_us;
        unsigned latency_us;     /* most of a way */
        unsigned connection;     /* the newest; 0: there was none */
        bool is_connected;       /* as the broker sees it */
        uint64_t up_us, down_us; /* when the last message on each way arrives: none overtakes another */
        unsigned n_up;           /* messages on their way to the broker */
        char will_topic[160], will_payload[16];
        struct retained_message retained[RETAINED_MAX];
        size_t n_retained;
};

struct message *message_new(const char *topic, const void *payload, size_t size);
void message_free(struct message *message);

void broker_event(const struct event *event); /* one of those over the network */
void broker_command(struct message *message); /* a client publishes; takes it over */
void broker_retain(struct message *message);  /* as it was published with the retain flag some day */
const struct retained_message *broker_retained(const char *topic);

/* For the session. */
unsigned broker_connect(const char *will_topic, const char *will_payload);
void broker_disconnect(unsigned connection, bool in_order);
void broker_take(struct message *message, int id); /* takes it over; it arrives later, or never */

/* What goes wrong; each mends after a while. */
void broker_die(uint64_t for_us);            /* the broker ends; it keeps what is retained */
void broker_cut(uint64_t for_us, bool seen); /* the way is cut; the node sees it at once, or by its keepalive */
void broker_stall(uint64_t for_us);          /* nothing is lost, all is late */
void broker_refuse(uint64_t for_us);
void broker_take_over(void); /* somebody connects with our client id */
void broker_node_died(void); /* the node's process is gone */
