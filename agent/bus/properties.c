/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/properties.h"

#include <errno.h>
#include <string.h>

#define EXPIRES "expires"
#define CHAIN   "sconce-chain"

/* The first user property of each name; those of other names are nobody's business here. False: it cannot be read. */
static bool read_user_property(const mosquitto_property *property, struct properties_owned *owned)
{
        char *name = NULL, *value = NULL;

        if (!mosquitto_property_read_string_pair(property, MQTT_PROP_USER_PROPERTY, &name, &value, false))
                return false;
        if (!owned->expires && strcmp(name, EXPIRES) == 0)
                owned->expires = TAKE_PTR(value);
        else if (!owned->chain && strcmp(name, CHAIN) == 0)
                owned->chain = TAKE_PTR(value);
        free(name);
        free(value);
        return true;
}

/* libmosquitto reads the first of a kind from `property` on: that one. False: it cannot be read. */
static bool read_one(const mosquitto_property *property, struct session_message *message,
                     struct properties_owned *owned)
{
        int id = mosquitto_property_identifier(property);
        uint16_t size = 0;

        switch (id) {
        case MQTT_PROP_RESPONSE_TOPIC:
                return mosquitto_property_read_string(property, id, &owned->response_topic, false);
        case MQTT_PROP_CONTENT_TYPE:
                return mosquitto_property_read_string(property, id, &owned->content_type, false);
        case MQTT_PROP_CORRELATION_DATA:
                if (!mosquitto_property_read_binary(property, id, &owned->correlation, &size, false))
                        return false;
                message->correlation_size = size;
                return true;
        case MQTT_PROP_MESSAGE_EXPIRY_INTERVAL:
                return mosquitto_property_read_int32(property, id, &message->expiry_s, false);
        case MQTT_PROP_USER_PROPERTY:
                return read_user_property(property, owned);
        default:
                return true;
        }
}

/* libmosquitto has refused a message with two of a kind, but for user properties. */
int properties_read(const mosquitto_property *properties, struct session_message *message,
                    struct properties_owned *owned)
{
        for (const mosquitto_property *at = properties; at; at = mosquitto_property_next(at))
                if (!read_one(at, message, owned))
                        return -ENOMEM;
        message->expires = owned->expires;
        message->chain = owned->chain;
        message->response_topic = owned->response_topic;
        message->content_type = owned->content_type;
        message->correlation = owned->correlation;
        return 0;
}

void properties_done(struct properties_owned *owned)
{
        free(owned->response_topic);
        free(owned->content_type);
        free(owned->correlation);
        free(owned->expires);
        free(owned->chain);
}

int properties_write(const struct session_message *message, mosquitto_property **ret)
{
        CLEANUP(mosquitto_property_free_all) mosquitto_property *list = NULL;
        int r = MOSQ_ERR_SUCCESS;

        if (message->correlation_size > UINT16_MAX)
                return -EINVAL;
        if (message->response_topic)
                r = mosquitto_property_add_string(&list, MQTT_PROP_RESPONSE_TOPIC, message->response_topic);
        if (r == MOSQ_ERR_SUCCESS && message->correlation)
                r = mosquitto_property_add_binary(&list, MQTT_PROP_CORRELATION_DATA, message->correlation,
                                                  (uint16_t)message->correlation_size);
        if (r == MOSQ_ERR_SUCCESS && message->expiry_s)
                r = mosquitto_property_add_int32(&list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, message->expiry_s);
        if (r == MOSQ_ERR_SUCCESS && message->content_type)
                r = mosquitto_property_add_string(&list, MQTT_PROP_CONTENT_TYPE, message->content_type);
        if (r == MOSQ_ERR_SUCCESS && message->expires)
                r = mosquitto_property_add_string_pair(&list, MQTT_PROP_USER_PROPERTY, EXPIRES, message->expires);
        if (r == MOSQ_ERR_SUCCESS && message->chain)
                r = mosquitto_property_add_string_pair(&list, MQTT_PROP_USER_PROPERTY, CHAIN, message->chain);
        if (r != MOSQ_ERR_SUCCESS)
                return r == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL;
        *ret = TAKE_PTR(list);
        return 0;
}
