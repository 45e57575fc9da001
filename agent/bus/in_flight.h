/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of QoS 1 messages that are not acknowledged yet, without an allocation for each. libmosquitto reports those
 * of QoS 0 too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is empty. */
struct in_flight {
        unsigned count;
        uint8_t ids[65536 / 8];
};

static inline void in_flight_add(struct in_flight *in_flight, int id)
{
        in_flight->ids[(uint16_t)id / 8] |= (uint8_t)(1U << (id % 8));
        in_flight->count++;
}

/* False for an id that is not in flight. */
static inline bool in_flight_remove(struct in_flight *in_flight, int id)
{
        uint8_t bit = (uint8_t)(1U << ((uint16_t)id % 8));

        if (id <= 0 || id > UINT16_MAX || !(in_flight->ids[id / 8] & bit))
                return false;
        in_flight->ids[id / 8] &= (uint8_t)~bit;
        in_flight->count--;
        return true;
}
