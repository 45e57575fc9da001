/* SPDX-License-Identifier: Apache-2.0 */
/* Users and their rights for a RabbitMQ 4 with its MQTT plugin, as a file of definitions that it imports. */
#pragma once

#include "registry.h"

/* The rights that mosquitto's list gives, as far as RabbitMQ can have them; the caller frees the text. */
int rabbitmq_definitions(struct registry *registry, char **ret, struct fault *fault) MUST_CHECK;
/* The same of a list (acl.h). -EBADMSG: a line of it is none that sconce-pki writes. */
int rabbitmq_translate(const char *list, char **ret, struct fault *fault) MUST_CHECK;
