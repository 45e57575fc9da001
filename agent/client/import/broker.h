/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT IO's section `mqtt`: the broker's address, TLS and Home Assistant. */
#pragma once

#include "client/import/draft.h"

/* Writes [broker], [tls] and [homeassistant]; `mqtt` may be NULL. */
void broker_import(struct import *import, const struct tree_node *mqtt);
