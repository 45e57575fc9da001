/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

int route_init(struct route *route, const struct session_options *options)
{
        memset(route, 0, sizeof(*route));
        route->version = options->version;
        if (options->n_urls == 0)
                return -EINVAL;
        route->brokers = calloc(options->n_urls, sizeof(*route->brokers));
        if (!route->brokers)
                return -ENOMEM;
        route->n_brokers = options->n_urls;
        for (size_t i = 0; i < options->n_urls; i++) {
                struct fault fault = { 0 };
                if (url_parse(options->urls[i], &route->brokers[i].url, &fault) < 0) {
                        log_error("[broker] url: %s", fault.text); /* the text may hold a password */
                        return fault.code;
                }
        }
        return 0;
}

void route_done(struct route *route)
{
        free(route->brokers);
        memset(route, 0, sizeof(*route));
}

void route_restart(struct route *route)
{
        route->broker_at = 0;
        route->n_addresses = route->address_at = 0;
}

void route_next_broker(struct route *route)
{
        route->broker_at++;
        route->n_addresses = route->address_at = 0;
}

void route_next_address(struct route *route)
{
        if (++route->address_at >= route->n_addresses)
                route_next_broker(route);
}

static struct route_broker *current(const struct route *route)
{
        return &route->brokers[route->broker_at];
}

const struct url *route_url(const struct route *route)
{
        return &current(route)->url;
}

bool route_needs_lookup(const struct route *route)
{
        return !route_url(route)->numeric && route->n_addresses == 0;
}

void route_set_addresses(struct route *route, const struct resolve_answer *answer)
{
        memcpy(route->addresses, answer->addresses, answer->count * sizeof(route->addresses[0]));
        route->n_addresses = answer->count;
        route->address_at = 0;
}

const char *route_address(const struct route *route)
{
        const struct url *url = route_url(route);

        return url->numeric ? url->host : route->addresses[route->address_at];
}

void route_peer_text(const struct route *route, char text[static URL_TEXT_MAX])
{
        const struct url *url = route_url(route);
        char address[URL_TEXT_MAX];

        if (url->numeric || route->n_addresses == 0) {
                url_peer_text(url->host, url->port, text);
                return;
        }
        url_peer_text(route_address(route), url->port, address);
        (void)snprintf(text, URL_TEXT_MAX, "%.200s (%.100s)", url->host, address);
}

bool route_wants_mqtt5(struct route *route, uint64_t now_us)
{
        struct route_broker *broker = current(route);

        if (route->version != SESSION_VERSION_AUTO)
                return route->version == SESSION_VERSION_5;
        if (broker->use_311 && broker->use_311_until_us > 0 && now_us >= broker->use_311_until_us)
                broker->use_311 = false;
        return !broker->use_311;
}

bool route_falls_back(struct route *route, const struct transport_end *end, uint64_t now_us)
{
        struct route_broker *broker = current(route);
        bool certain;

        if (route->version != SESSION_VERSION_AUTO)
                return false;
        if (!end->mqtt5) {
                /* It was not the version after all, or the broker has changed. */
                if (end->connack < 0 || end->connack == 1)
                        broker->use_311 = false;
                return false;
        }
        if (!reason_wants_311(end, &certain)) {
                broker->took_311 = false;
                return false;
        }
        broker->use_311 = true;
        broker->is_guess = !certain && !broker->took_311;
        broker->took_311 = false;
        broker->use_311_until_us = certain ? now_us + ROUTE_REMEMBER_311_US : 0;
        log_debug("%s does not seem to speak MQTT 5: trying 3.1.1", broker->url.host);
        return true;
}

bool route_wants_proof(struct route *route)
{
        struct route_broker *broker = current(route);

        if (route->version != SESSION_VERSION_AUTO || !broker->use_311 || !broker->is_guess)
                return false;
        broker->took_311 = true;
        broker->use_311 = false;
        return true;
}

/* A broker that only closed the connection may have been restarting. */
void route_forget_guess(struct route *route)
{
        struct route_broker *broker = current(route);

        broker->took_311 = false;
        if (broker->use_311_until_us == 0)
                broker->use_311 = false;
}
