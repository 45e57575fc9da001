/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of QoS 1 messages that are not acknowledged yet, in the order in which they went, without an allocation for each.
 * libmosquitto reports those of QoS 0 too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* So many unacknowledged messages that the broker must have stalled, and no more are sent: what libmosquitto would hold is bounded
 * by that. */
#define IN_FLIGHT_IDS 1024U

/* Zeroed is empty. */
struct in_flight {
        unsigned count, first;
        uint16_t ids[IN_FLIGHT_IDS]; /* from `first` on, as a ring */
};

static inline uint16_t *in_flight_at(struct in_flight *in_flight, unsigned i)
{
        return &in_flight->ids[(in_flight->first + i) % IN_FLIGHT_IDS];
}

static inline void in_flight_add(struct in_flight *in_flight, int id)
{
        *in_flight_at(in_flight, in_flight->count++) = (uint16_t)id;
}

/* False for an id that is not in flight. Brokers acknowledge in order, so that it is the first as a rule. */
static inline bool in_flight_remove(struct in_flight *in_flight, int id)
{
        unsigned i = 0;

        while (i < in_flight->count && *in_flight_at(in_flight, i) != id)
                i++;
        if (i == in_flight->count)
                return false;
        for (; i > 0; i--)
                *in_flight_at(in_flight, i) = *in_flight_at(in_flight, i - 1);
        in_flight->first = (in_flight->first + 1) % IN_FLIGHT_IDS;
        in_flight->count--;
        return true;
}
