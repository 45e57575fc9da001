/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/properties.h"

#include <errno.h>
#include <string.h>

#define EXPIRES "expires"

/* The first user property of that name. Those of other names are nobody's business here. */
static char *read_expires(const mosquitto_property *properties)
{
        const mosquitto_property *at = properties;
        char *name = NULL, *value = NULL;
        bool is_next = false;

        while ((at = mosquitto_property_read_string_pair(at, MQTT_PROP_USER_PROPERTY, &name, &value, is_next))) {
                bool is_it = strcmp(name, EXPIRES) == 0;
                free(name);
                if (is_it)
                        return value;
                free(value);
                name = value = NULL;
                is_next = true;
        }
        return NULL;
}

void properties_read(const mosquitto_property *properties, struct session_message *message,
                     struct properties_owned *owned)
{
        uint16_t size = 0;

        if (!properties)
                return;
        (void)mosquitto_property_read_string(properties, MQTT_PROP_RESPONSE_TOPIC, &owned->response_topic, false);
        (void)mosquitto_property_read_string(properties, MQTT_PROP_CONTENT_TYPE, &owned->content_type, false);
        if (mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &owned->correlation, &size, false))
                message->correlation_size = size;
        (void)mosquitto_property_read_int32(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &message->expiry_s, false);
        owned->expires = read_expires(properties);
        message->expires = owned->expires;
        message->response_topic = owned->response_topic;
        message->content_type = owned->content_type;
        message->correlation = owned->correlation;
}

void properties_done(struct properties_owned *owned)
{
        free(owned->response_topic);
        free(owned->content_type);
        free(owned->correlation);
        free(owned->expires);
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
        if (r != MOSQ_ERR_SUCCESS)
                return r == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL;
        *ret = TAKE_PTR(list);
        return 0;
}
