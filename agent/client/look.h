/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at what is retained, and knowing when all of it has come.
 *
 * A broker sends what is retained right after the SUBACK, so the next SUBACK means that it has all been sent:
 * with QoS 0, which waits for no acknowledgements in between. One filter at a time also keeps the broker's
 * queue short; mosquitto drops what is more than a thousand messages, the SUBACK among them. Brokers that
 * send retained messages later than that are given a moment where what has come cannot be all.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct client;

typedef void (*client_step)(struct client *client);

/* Zeroed: nothing is being looked at. */
struct look {
        char **filters;
        size_t count, next;
        int id; /* of the SUBSCRIBE that is not answered yet */
        bool answered;
        bool (*complete)(const struct client *client);
        client_step then;
};

/* Subscribes to BASE/SUFFIX for each of the suffixes, an array of strings that it takes over (NULL: out of memory), and
 * calls `then` when everything that is retained there has arrived. `complete` returns whether what has come can be all.
 * Ends the run when the broker does not answer. */
void client_look(struct client *client, json_t *suffixes, bool (*complete)(const struct client *client),
                 client_step then);

/* For the client: a SUBACK, a message that was taken in, the end of the moment. */
void look_subscribed(struct client *client, int id);
void look_check(struct client *client);
void look_finish(void *client);

const char *look_filter(const struct client *client, int id); /* of a SUBACK, for people */
void look_clear(struct look *look);
