/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT 5 properties to and from the fields of a struct session_message. */
#pragma once

#include "bus/mosquitto.h"
#include "bus/session_types.h"

/* The strings that reading properties allocates: most messages have none. */
struct properties_owned {
        char *response_topic, *content_type, *expires, *chain;
        void *correlation;
};

/* Fills the MQTT 5 fields of `message`; their memory is in `owned` until properties_done(), at a failure too. -ENOMEM: one
 * that is there cannot be read, and without it the message would mean something else. */
int properties_read(const mosquitto_property *properties, struct session_message *message,
                    struct properties_owned *owned) MUST_CHECK;
void properties_done(struct properties_owned *owned);

/* NULL where the message has none. -ENOMEM, -EINVAL for what MQTT cannot carry. */
int properties_write(const struct session_message *message, mosquitto_property **ret) MUST_CHECK;
