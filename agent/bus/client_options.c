/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/client_options.h"

#include <errno.h>
#include <string.h>

int client_keepalive_s(const struct session_options *options)
{
        if (options->keepalive_us == 0)
                return 0;
        return (int)MIN(MAX(options->keepalive_us / USEC_PER_SEC, 5U), (uint64_t)UINT16_MAX);
}

/* Properties of CONNECT can be given to the blocking call alone. It fails at once on this host, without touching the
 * network, and what it was given is kept for the call that follows. */
static int set_connect_properties(struct mosquitto *mosq, const struct session_options *o)
{
        CLEANUP(mosquitto_property_free_all) mosquitto_property *list = NULL;

        if (o->max_packet_bytes == 0)
                return MOSQ_ERR_SUCCESS;
        int r = mosquitto_property_add_int32(&list, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                             (uint32_t)MIN(o->max_packet_bytes, UINT32_MAX));
        if (r == MOSQ_ERR_SUCCESS)
                (void)mosquitto_connect_bind_v5(mosq, "", 0, client_keepalive_s(o), NULL, list);
        return r;
}

int client_options_apply(struct mosquitto *mosq, const struct session_options *o, bool mqtt5)
{
        int r = mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, mqtt5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
        if (r == MOSQ_ERR_SUCCESS)
                r = mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
        /* Nothing waits in libmosquitto for a window of its own: the broker's still holds. */
        if (r == MOSQ_ERR_SUCCESS)
                r = mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, UINT16_MAX);
        if (r == MOSQ_ERR_SUCCESS && o->user)
                r = mosquitto_username_pw_set(mosq, o->user, o->password);
        if (r == MOSQ_ERR_SUCCESS && o->will_topic)
                r = mosquitto_will_set(mosq, o->will_topic, (int)strlen(o->will_payload), o->will_payload, 1, true);
        if (r == MOSQ_ERR_SUCCESS && mqtt5)
                r = set_connect_properties(mosq, o);
        if (r == MOSQ_ERR_NOMEM)
                return -ENOMEM;
        return r == MOSQ_ERR_SUCCESS ? 0 : -EINVAL;
}
