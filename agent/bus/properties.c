/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/properties.h"

#include <errno.h>
#include <mqtt_protocol.h>

void properties_read(const mosquitto_property *properties, struct session_message *message,
                     struct properties_owned *owned)
{
        uint16_t size = 0;

        if (!properties)
                return;
        (void)mosquitto_property_read_string(properties, MQTT_PROP_RESPONSE_TOPIC, &owned->response_topic,
                                             false);
        (void)mosquitto_property_read_string(properties, MQTT_PROP_CONTENT_TYPE, &owned->content_type, false);
        if (mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &owned->correlation, &size,
                                           false))
                message->correlation_size = size;
        (void)mosquitto_property_read_int32(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &message->expiry_s,
                                            false);
        message->response_topic = owned->response_topic;
        message->content_type = owned->content_type;
        message->correlation = owned->correlation;
}

void properties_done(struct properties_owned *owned)
{
        free(owned->response_topic);
        free(owned->content_type);
        free(owned->correlation);
}

static void free_properties(mosquitto_property **properties)
{
        mosquitto_property_free_all(properties);
}

int properties_write(const struct session_message *message, mosquitto_property **ret)
{
        CLEANUP(free_properties) mosquitto_property *list = NULL;
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
        if (r != MOSQ_ERR_SUCCESS)
                return r == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL;
        *ret = TAKE_PTR(list);
        return 0;
}
