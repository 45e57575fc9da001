/* SPDX-License-Identifier: Apache-2.0 */
/* bus/session.h over the world's broker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event;

/* What comes over the network; dropped when this process has no such connection. */
void session_event(const struct event *event);
/* Whether the agent believes that its connection stands, and since when. */
bool session_stands(uint64_t *ret_since_us);
