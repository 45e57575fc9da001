/* SPDX-License-Identifier: Apache-2.0 */
/* Which way to the broker is tried next: the URLs in order, all addresses of each in turn, then from the start again;
 * and which version of MQTT each broker seems to speak. */
#pragma once

#include "bus/reason.h"
#include "bus/resolve.h"
#include "bus/session_types.h"
#include "util/url.h"

struct route_broker {
        struct url url;
        bool use_311;
        bool is_guess;             /* the broker has only closed the connection */
        bool took_311;             /* after it had closed on 5; 5 is tried once more before that is believed */
        uint64_t use_311_until_us; /* 0: for one attempt and what comes of it */
};

struct route {
        struct route_broker *brokers;
        size_t n_brokers, broker_at; /* broker_at == n_brokers: all have had their turn */
        char addresses[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_MAX];
        size_t n_addresses, address_at; /* n_addresses == 0: not looked up yet */
        int version;                    /* enum session_version, as configured */
};

/* -EINVAL for a URL that url_parse() does not take; logged. */
int route_init(struct route *route, const struct session_options *options) MUST_CHECK;
void route_done(struct route *route);

void route_restart(struct route *route);
void route_next_address(struct route *route); /* or the next broker, after its last one */
void route_next_broker(struct route *route);
static inline bool route_is_at_end(const struct route *route)
{
        return route->broker_at >= route->n_brokers;
}

/* While the route is not at its end: */
const struct url *route_url(const struct route *route);
bool route_needs_lookup(const struct route *route);
void route_set_addresses(struct route *route, const struct resolve_answer *answer);
const char *route_address(const struct route *route); /* numeric, or a socket's path */
/* "broker.lan (192.0.2.1:8883)", "192.0.2.1:8883", "/run/mosquitto.sock" */
void route_peer_text(const struct route *route, char text[static URL_TEXT_MAX]);

/* A broker that has refused MQTT 5 is asked again after this, at a reconnect. */
#define ROUTE_REMEMBER_311_US (3600 * USEC_PER_SEC)
bool route_wants_mqtt5(struct route *route, uint64_t now_us);
/* After a failed attempt: true when the same address is worth one more at once, with the other version. */
bool route_falls_back(struct route *route, const struct transport_end *end, uint64_t now_us);
/* Whether 3.1.1, which the broker has just accepted, is only a guess: the broker may have been away when 5 was tried.
 * Then true, and 5 is next; only when the broker closes on that again, 3.1.1 it is. */
bool route_wants_proof(struct route *route);
/* A connection has ended: a version that was only guessed is guessed again. */
void route_forget_guess(struct route *route);
