/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MQTT client of a test, on libmosquitto in the pump. What it receives is kept in order; waiting for a message looks
 * at those that no earlier wait has passed.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "system/pump.h"

struct client;

struct client_options {
        const char *id;
        unsigned port;
        const char *unix_socket; /* instead of the port */
        const char *ca, *cert;   /* paths without suffix; NULL: plain */
        const char *user, *password;
        const char *psk_identity, *psk; /* TLS with a key that both know, as hexadecimal digits; NULL: none */
        bool refused_is_fine;           /* client_new() returns although the broker refused it */
};

/* What was published, as it arrived. Payloads have a NUL after their last byte. */
struct message {
        const char *topic;
        const char *payload;
        size_t size;
        bool retain;
        int qos;
        const char *correlation; /* NULL: none */
        size_t correlation_size;
        const char *response_topic; /* NULL: none */
        const char *expires;        /* the user property; NULL: none */
        uint32_t expiry_s;
        bool seen;
};

struct request {
        const char *topic;
        const void *payload; /* NULL: empty */
        size_t size;         /* 0: a text's length */
        bool retain;
        const char *response_topic, *correlation; /* NULL: none */
        uint32_t expiry_s;
        const char *expires; /* the user property; NULL: none */
};

struct client *client_new(const struct client_options *options); /* connected; fails the test otherwise */
void client_free(struct client *client);
void client_free_all(void);
void client_free_all_but(const struct client *kept);
bool client_connected(const struct client *client);

void client_subscribe(struct client *client, const char *topic); /* and waits for the SUBACK */
void client_publish(struct client *client, const struct request *request);
void client_send(struct client *client, const char *topic, const char *payload); /* publishes a text */
/* Publishes and waits for the PUBACK: its reason code. */
int client_publish_acked(struct client *client, const struct request *request);

/* The rest of `topic` may end in '#'. `matches` NULL: any payload. Fails the test after the time. */
typedef bool (*match_fn)(const struct message *message, const void *userdata);
const struct message *client_wait(struct client *client, const char *topic, match_fn matches, const void *userdata);
const struct message *client_wait_text(struct client *client, const char *topic, const char *payload);
/* A JSON object whose member `key` prints as `value`: "ON", 21.5, null, true. */
const struct message *client_wait_json(struct client *client, const char *topic, const char *key, const char *value);
/* The same without waiting: the next one on this very topic that no wait has passed; NULL: none has come yet. */
const struct message *client_look(struct client *client, const char *topic);
/* The last one on this very topic since client_forget(), whether waited for or not; NULL: none. */
const struct message *client_newest(const struct client *client, const char *topic);
void client_forget(struct client *client); /* what has arrived so far is no longer waited for */
/* How many have arrived on the topic since client_forget(), whether waited for or not. */
size_t client_count(const struct client *client, const char *topic);

/* A member of a JSON payload as text ("ON", "21.5", "null", {…} compact); kept until the end of the program. Dots
 * lead into objects: "devices.kitchen.plugin". NULL: there is none. */
const char *json_member(const struct message *message, const char *key);
