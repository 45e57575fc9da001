/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a broker sends in an MQTT 5 session, packet by packet, and its mutations. A mutation changes a field and leaves the
 * framing whole, so that the packets behind it are read as such, or changes bytes wherever they are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/dice.h"

enum { FIELD_MAX = 1536, PACKET_MAX = 5 * FIELD_MAX };

enum {
        PACKET_CONNACK = 2,
        PACKET_PUBLISH = 3,
        PACKET_PUBACK = 4,
        PACKET_SUBSCRIBE = 8,
        PACKET_SUBACK = 9,
        PACKET_PINGREQ = 12,
};

struct field {
        uint8_t bytes[FIELD_MAX];
        size_t size;
};

/* A packet before it has its lengths. */
struct draft {
        uint8_t first;           /* type and flags */
        struct field topic;      /* of a PUBLISH alone, as what follows */
        struct field properties; /* without their length */
        struct field rest;       /* the payload; of all others everything behind the length */
        uint16_t id;             /* of a PUBLISH that has one */
};

struct packet_bytes {
        uint8_t bytes[PACKET_MAX];
        size_t size;
};

/* One of the packets of a session after its CONNACK, mostly a PUBLISH: most others end it. */
struct draft draft_any(struct dice *dice);
struct draft draft_connack(struct dice *dice); /* accepted, with properties that a broker may send */
struct draft draft_acknowledgement(uint8_t type, uint16_t id);
struct draft draft_publish(const char *topic, const char *payload);

void draft_encode(const struct draft *draft, struct packet_bytes *ret);
/* A mutation of it: one to three changes. */
void draft_mutate(const struct draft *draft, struct dice *dice, struct packet_bytes *ret);
