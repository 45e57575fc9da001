/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP proxy in front of a broker, which understands enough MQTT 5 to report each message that goes to the broker
 * and each that the broker has acknowledged, and which is as bad a link as it is asked to be. Part of the pump.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proxy_mode {
        PROXY_PASSES,
        PROXY_CUTS,    /* ends what there is, and each new connection */
        PROXY_STALLS,  /* passes nothing, closes nothing */
        PROXY_ONE_WAY, /* to the broker alone: what it answers waits */
        PROXY_SLOW,    /* 20 kB/s each way */
        PROXY_BYTES,   /* each byte by itself */
};

struct proxy_message {
        const char *topic;
        const char *payload; /* both NUL-terminated */
        uint64_t connection; /* 1, 2, …: on which */
        int reason;          /* of its PUBACK */
        int mark;            /* the handler's own, from `sent` to `acknowledged` */
};

struct proxy_handlers {
        void (*sent)(struct proxy_message *message, void *userdata);               /* to the broker */
        void (*acknowledged)(const struct proxy_message *message, void *userdata); /* by it */
        void (*ended)(uint64_t connection, void *userdata);
        void *userdata;
};

struct proxy;

/* In front of what listens on 127.0.0.1. `address` is where it listens itself. */
struct proxy *proxy_new(const char *address, unsigned target_port, const struct proxy_handlers *handlers);
void proxy_free(struct proxy *proxy);
unsigned proxy_port(const struct proxy *proxy);
uint64_t proxy_connections(const struct proxy *proxy); /* that there have been */
void proxy_set(struct proxy *proxy, enum proxy_mode mode);
void proxy_cut(struct proxy *proxy); /* ends what there is, once; what waits in it is lost */
