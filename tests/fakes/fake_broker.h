/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted peer on a thread of its own: each connection gets the next step, the last step is used over and
 * over. It serves one connection at a time, which is all that a session makes.
 */
#pragma once

#include <openssl/types.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_act {
        FAKE_SILENT,           /* accepts and sends nothing, not even in TLS */
        FAKE_CLOSE,            /* reads CONNECT and closes */
        FAKE_ANSWER,           /* answers CONNECT with the bytes of `answer`, then closes */
        FAKE_SERVE,            /* a small broker: acknowledges everything, and sends publishes back to their sender */
        FAKE_DEAF,             /* a broker that acknowledges nothing after SUBACK */
        FAKE_CLOSE_ON_PUBLISH, /* a broker that does not permit it, and reports it by closing */
};

struct fake_step {
        enum fake_act act;
        const char *answer; /* FAKE_ANSWER; SERVE and DEAF: instead of their CONNACK. NULL: CONNACK 0 */
        size_t answer_size;
        const char *greeting; /* SERVE: sent after the answer to SUBSCRIBE, in one piece. NULL: none */
        size_t greeting_size;
        const char *farewell; /* SERVE: the same, then closes. NULL: none */
        size_t farewell_size;
        size_t max_publish;  /* SERVE: closes on a larger PUBLISH; 0: none */
        bool only_311;       /* SERVE: closes on any other version */
        const char *refusal; /* only_311: sent before it closes. NULL: without a word */
        size_t refusal_size;
        uint8_t granted;     /* SERVE: the code in SUBACK; 0: QoS 1 */
        uint8_t puback;      /* SERVE with MQTT 5: the reason in PUBACK; 0: success */
        const char *refused; /* puback: for topics with this in them; NULL: all */
};
#define FAKE_BYTES(literal)        literal, sizeof(literal) - 1
#define FAKE_FIELDS(name, literal) .name = literal, .name##_size = sizeof(literal) - 1

#define FAKE_CONNECTIONS_MAX 64
#define FAKE_PUBLISHES_MAX   1024

/* A PUBLISH as it came. */
struct fake_publish {
        char topic[128], payload[1024];
        char properties[128];
        size_t properties_size;
        uint16_t id;
        bool retain;
};

struct fake_broker {
        const struct fake_step *steps;
        size_t n_steps;
        SSL_CTX *tls; /* NULL: plain */
        int listener;
        uint16_t port;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t news; /* a connection or a packet came */
        /* under the lock */
        bool stop;
        int connection; /* -1: none */
        unsigned n_connections, n_publishes, n_disconnects, n_pings;
        uint8_t versions[FAKE_CONNECTIONS_MAX]; /* of each CONNECT; 0: none came */
        uint8_t connect[512];                   /* the last CONNECT, its variable header and payload */
        size_t connect_size;
        char sni[256];                  /* of the last ClientHello; "" for none */
        struct fake_publish *publishes; /* the first FAKE_PUBLISHES_MAX */
        size_t n_kept;
};

/* `tls` is borrowed. */
void fake_broker_start(struct fake_broker *broker, const struct fake_step *steps, size_t n_steps, SSL_CTX *tls);
#define FAKE_BROKER_START(broker, steps) fake_broker_start(broker, steps, sizeof(steps) / sizeof((steps)[0]), NULL)
void fake_broker_stop(struct fake_broker *broker); /* no harm if it was not started */

unsigned fake_broker_connections(struct fake_broker *broker);
unsigned fake_broker_publishes(struct fake_broker *broker);
unsigned fake_broker_disconnects(struct fake_broker *broker);
unsigned fake_broker_pings(struct fake_broker *broker);
uint8_t fake_broker_version(struct fake_broker *broker, unsigned connection); /* 4: MQTT 3.1.1 */
bool fake_broker_connect_holds(struct fake_broker *broker, const void *bytes, size_t size);
/* How many messages came on a topic with this in its payload (NULL: any), and the last one of the topic ("" for
 * none). */
unsigned fake_broker_got(struct fake_broker *broker, const char *topic, const char *part);
/* Waits for the nth of them, or the nth connection (`topic` NULL), some seconds at the most. For tests whose loop
 * runs on another thread. */
bool fake_broker_wait(struct fake_broker *broker, const char *topic, const char *part, unsigned n);
struct fake_publish fake_broker_last(struct fake_broker *broker, const char *topic);
/* Where the last of them came among all messages, from 0; SIZE_MAX: there is none. */
size_t fake_broker_place(struct fake_broker *broker, const char *topic, const char *part);
/* DEAF: acknowledges what it has kept quiet about. */
void fake_broker_acknowledge(struct fake_broker *broker);
/* The same for one topic (NULL: any) and what has this in its payload (NULL: any), as MQTT 5 with this reason; 0: success.
 * Returns how many there were. */
unsigned fake_broker_answer(struct fake_broker *broker, const char *topic, const char *part, uint8_t reason);
/* Sends a message as MQTT 5, QoS 0, with the bytes of its properties (NULL: none). */
void fake_broker_send(struct fake_broker *broker, const char *topic, const char *payload, bool retain,
                      const char *properties, size_t properties_size);
/* Sends bytes out of turn; plain connections only. */
void fake_broker_send_bytes(struct fake_broker *broker, const char *bytes, size_t size);
/* Closes the connection from the broker's side. */
void fake_broker_hang_up(struct fake_broker *broker);

/* A port on 127.0.0.1 that accepts no more connections, and never refuses them: SYNs vanish. */
struct black_hole {
        int fds[4];
        uint16_t port;
};
void black_hole_open(struct black_hole *hole);
void black_hole_close(struct black_hole *hole);
