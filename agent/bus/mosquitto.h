/* SPDX-License-Identifier: Apache-2.0 */
/* libmosquitto with MQTT's constants, which 2.1 has in its own header: there the other one only warns. */
#pragma once

#include <mosquitto.h>

#if LIBMOSQUITTO_VERSION_NUMBER < 2001000
#include <mqtt_protocol.h>
#endif
