/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hasty broker: its CONNACK comes with the end of the TLS handshake, before it has seen a CONNECT. A fast broker and
 * a client that was not scheduled for a moment look the same; here it happens every time.
 */
#pragma once

#include "system/pump.h"

struct hasty;

struct hasty *hasty_new(const char *ca, const char *cert); /* paths without suffix; on 127.0.0.1 */
void hasty_free(struct hasty *hasty);
unsigned hasty_port(const struct hasty *hasty);

void hasty_send(struct hasty *hasty, const char *topic, const char *payload); /* QoS 0 */
void hasty_wait(struct hasty *hasty,
                const char *text); /* that the client has sent these bytes; fails the test otherwise */
