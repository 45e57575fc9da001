/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Home Assistant's MQTT integration takes in a device's discovery message: which keys each platform has, of which type,
 * and which it cannot do without. Written down by hand from its documentation; tests/homeassistant asks the program itself.
 */
#pragma once

#include <jansson.h>

/* Fails the test with what is wrong, and where. */
void contract_check(const json_t *message);
