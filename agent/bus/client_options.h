/* SPDX-License-Identifier: Apache-2.0 */
/* What a session's options mean to a libmosquitto client. */
#pragma once

#include "bus/mosquitto.h"
#include "bus/session_types.h"

/* Everything but TLS, before the client connects. -ENOMEM, -EINVAL for what MQTT cannot carry. */
int client_options_apply(struct mosquitto *mosq, const struct session_options *options, bool mqtt5) MUST_CHECK;

/* As libmosquitto wants it: 0 for none, else 5 to 65535. */
int client_keepalive_s(const struct session_options *options);
